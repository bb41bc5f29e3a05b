"""What the tests of all engines share lies beside this file: cases, draw."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
