"""Each test of a format runs twice: with compiled kernels, and as a job does until they are compiled.

One that is marked `scanned` is about compiled kernels, or too long to run twice.
"""

from __future__ import annotations

import pytest

from caudal.columnar.compiled import Kernel


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scanned: runs with compiled kernels only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    ways = (
        {"compiled": True}
        if metafunc.definition.get_closest_marker("scanned")
        else {"compiled": True, "not yet": False}
    )
    metafunc.parametrize("kernels", ways.values(), ids=ways, indirect=True)


@pytest.fixture(autouse=True)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not request.param:
        monkeypatch.setattr(Kernel, "ready", lambda kernel: False)
