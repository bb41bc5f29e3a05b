from __future__ import annotations

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "../shared/data"


@pytest.fixture
def shared() -> Path:
    """The directory of the shared sample data."""
    if not DATA.is_dir():
        pytest.skip("the shared sample data are not beside the checkout")
    return DATA
