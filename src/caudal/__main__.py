"""`python -m caudal` is the command `caudal`."""

import sys

from caudal.cli import main

sys.exit(main())
