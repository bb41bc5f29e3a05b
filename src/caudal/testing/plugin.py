"""The pytest plugin: scenario files as test items, and fixtures. Importing it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from caudal.testing import Result, VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """A `VirtualClock` at 0: milliseconds that pass when told to."""
    from caudal.testing import VirtualClock

    return VirtualClock()


@pytest.fixture
def run_pipeline() -> Callable[..., Result]:
    """`caudal.testing.run`: run a pipeline over given rows in virtual time; the ledger is asserted."""
    from caudal.testing import run

    return run


@pytest.fixture
def check_pipeline() -> Callable[..., Result]:
    """`caudal.testing.check_everywhere`: run a pipeline in every way; all must give the same rows."""
    from caudal.testing import check_everywhere

    return check_everywhere


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenario files; other files that happen to end in .flow are left alone."""
    if file_path.suffix != ".flow" or len(file_path.suffixes) > 1:
        return None
    asked = parent.session.isinitpath(file_path)
    return FlowFile.from_parent(parent, path=file_path) if asked or _is_scenario(file_path) else None


def _is_scenario(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(1 << 16)
    return head.startswith((b"title:", b"--- ")) or b"\ntitle:" in head or b"\n--- " in head


class FlowFile(pytest.File):
    """A scenario file."""

    def collect(self) -> Iterable[pytest.Item]:
        """Yield its only scenario."""
        yield FlowItem.from_parent(self, name="scenario")


class FlowItem(pytest.Item):
    """A scenario: it runs in every way."""

    def runtest(self) -> None:
        """Run it; raises `FlowFailure`, or `UserError` for a mistake in the file."""
        from caudal.testing import check_flow

        wrong = check_flow(_near(self.path))
        if wrong:
            raise FlowFailure("\n".join(wrong))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the message alone for a failure or a mistake."""
        from caudal.core.errors import CaudalError

        if isinstance(excinfo.value, FlowFailure | CaudalError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where it stands."""
        return self.path, 0, f"scenario {self.path.name}"


class FlowFailure(AssertionError):
    """A scenario whose rows, late rows, dead letters, ledger or error are others than it says."""


def _near(path: Path) -> Path:
    """Return a path relative to the working directory where it lies in it."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
