from __future__ import annotations

from collections.abc import Iterator

import pytest

from caudal.engines.local.functions.pool import Pool


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """One worker process, kept over a module: what one test does to it, the next must survive."""
    made = Pool(1)
    yield made
    made.close()
