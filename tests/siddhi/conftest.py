"""Siddhi for tests: one process for a worker of the run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from caudal.core.errors import CaudalError
from caudal.environments import jdk

sys.path.insert(0, str(Path(__file__).parent))  # for what the tests here share: reference

from reference import Siddhi, installed


@pytest.fixture(scope="session")
def siddhi() -> Iterator[Siddhi]:
    """The reference; where no JDK is, or jars cannot be had, tests are skipped."""
    found = jdk.find()
    problem = jdk.problem(found, "Siddhi", 17)
    if problem is not None or found is None:
        pytest.skip("there is no JDK" if problem is None else problem.message)
    try:
        jars = installed()
    except CaudalError as error:
        pytest.skip(f"Siddhi's jars cannot be had: {error}")
    with Siddhi(found.path, jars) as made:
        yield made
