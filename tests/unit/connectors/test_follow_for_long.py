"""A log that is followed for so long that more files have come of it than are there, or more than anybody expects to be."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.connectors.test_follow import Follower, aged, append

from caudal.connectors.files import remembering
from caudal.connectors.files.growing import RETIRE

pytestmark = pytest.mark.slow

KEPT = 5
ROTATIONS = 40


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remember few files beyond those that are there, as after many more rotations."""
    monkeypatch.setattr(remembering, "_KEPT", KEPT)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def renamed(log: Path, number: int) -> Path:
    target = log.with_name(f"access.log-20260101-{number}")
    os.rename(log, target)
    return target


def copied(log: Path, number: int) -> Path:
    target = log.with_name(f"access.log-20260101-{number}")
    shutil.copyfile(log, target)
    os.truncate(log, 0)
    return target


def lines(follower: Follower) -> list[bytes]:
    return sorted(line for text in follower.found.values() for line in text.splitlines())


def turned(
    follower: Follower, log: Path, rotate: Callable[[Path, int], Path], expected: list[bytes], pause: float = RETIRE + 1
) -> list[Path]:
    """Write and rotate many times, until each incarnation has ended; return the files that rotations left."""
    left = []
    for number in range(ROTATIONS):
        expected.append(b"line %d of the log" % number)
        append(log, expected[-1] + b"\n")
        follower.settle()
        left.append(rotate(log, number))
        follower.settle()
        follower.clock.now += pause
        follower.settle()
    return left


@pytest.mark.parametrize("rotate", [renamed, copied])
@pytest.mark.parametrize("given", ["access.log", "*.log", ""])
def test_files_that_stay_are_never_read_again(log: Path, given: str, rotate: Callable[[Path, int], Path]) -> None:
    expected: list[bytes] = []
    append(log, b"")
    follower = Follower(str(log.with_name(given) if given else log.parent))
    left = turned(follower, log, rotate, expected)
    assert lines(follower) == sorted(expected)
    # in the look in which a path begins anew, a file beside is for a moment at no path: it is just being renamed
    away = log.parent / ".away"
    for path in left:
        append(log, b"more\n")
        os.rename(path, away)
        follower.look()
        os.rename(away, path)
        rotate(log, ROTATIONS + left.index(path))
        follower.settle()
    expected += [b"more"] * len(left)
    assert lines(follower) == sorted(expected)
    follower.close()


@pytest.mark.parametrize("rotate", [renamed, copied])
@pytest.mark.parametrize("old", [0, ROTATIONS // 2, ROTATIONS - 1])
def test_a_file_that_is_compressed_late_is_not_read(log: Path, old: int, rotate: Callable[[Path, int], Path]) -> None:
    expected: list[bytes] = []
    append(log, b"")
    follower = Follower(str(log.parent))
    left = turned(follower, log, rotate, expected)
    data = left[old].read_bytes()
    os.unlink(left[old])
    follower.settle()
    aged(left[old].with_name(f"{left[old].name}.gz"), gzip.compress(data))
    follower.settle()
    assert lines(follower) == sorted(expected)
    follower.close()


@pytest.mark.parametrize("rotate", [renamed, copied])
@pytest.mark.parametrize("given", ["access.log", "*.log", ""])
def test_files_that_have_long_gone_are_forgotten(log: Path, given: str, rotate: Callable[[Path, int], Path]) -> None:
    def removing(log: Path, number: int) -> Path:
        old = log.with_name(f"access.log-20260101-{number - 2}")
        old.unlink(missing_ok=True)
        return rotate(log, number)

    expected: list[bytes] = []
    append(log, b"")
    follower = Follower(str(log.with_name(given) if given else log.parent))
    turned(follower, log, removing, expected)
    assert lines(follower) == sorted(expected)
    assert len(follower.source._remembered.known) <= 2 * 4 + KEPT
    assert sum(map(len, follower.source._remembered.incarnations._by_name.values())) <= 4 * (2 * 4 + KEPT)
    follower.close()
