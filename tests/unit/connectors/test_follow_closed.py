"""Followed files whose descriptors were given back, as where there are more than may be held open: nothing lost, nothing twice."""

from __future__ import annotations

import errno
import itertools
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.connectors.test_follow import Follower, append

OLD = "".join(f"old {i:04}\n" for i in range(3)).encode()
SAME = OLD.replace(b"old", b"new")


def closing(follower: Follower) -> None:
    """Take the descriptors of all files."""
    for growing in follower.source._remembered.incarnations.live:
        growing.release()


def lines(follower: Follower) -> list[bytes]:
    return sorted(line for text in follower.found.values() for line in text.splitlines())


def aged(path: Path, seconds: float) -> None:
    """Let a file have changed so long ago that each further change shows."""
    at = os.stat(path).st_mtime_ns - int(seconds * 1e9)
    os.utime(path, ns=(at, at))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


STEPS: dict[str, Callable[[Follower], Any]] = {"close": closing, "look": Follower.look, "read": Follower.read}


@pytest.mark.parametrize("header", [b"", b"x" * 2000 + b"\n"])
@pytest.mark.parametrize("given", ["access.log", ""])
@pytest.mark.parametrize("before", ["", "close"])
@pytest.mark.parametrize("behind", [*itertools.permutations(["close", "look", "read"])])
def test_rewritten_with_as_many_bytes(
    log: Path, given: str, before: str, behind: tuple[str, ...], header: bytes
) -> None:
    append(log, header + OLD)
    follower = Follower(str(log.with_name(given) if given else log.parent))
    follower.settle()
    aged(log, 10)
    follower.settle()
    if before:
        closing(follower)
    log.write_bytes(header + SAME)
    for step in behind:
        STEPS[step](follower)
    follower.settle()
    assert lines(follower) == sorted((header + OLD + header + SAME).splitlines())
    follower.close()


@pytest.mark.parametrize("given", ["access.log", "*.log", ""])
@pytest.mark.parametrize("after", [0, 1, 3, 30])
@pytest.mark.parametrize("unread", [0, 2])
@pytest.mark.parametrize("behind", [*itertools.permutations(["close", "look", "read"])])
def test_copied_and_truncated(log: Path, given: str, unread: int, after: int, behind: tuple[str, ...]) -> None:
    append(log, OLD)
    follower = Follower(str(log.with_name(given) if given else log.parent))
    follower.settle()
    closing(follower)
    append(log, b"unread\n" * unread)
    shutil.copyfile(log, log.with_name("access.log.1"))
    os.truncate(log, 0)
    append(log, b"after\n" * after)
    for step in behind:
        STEPS[step](follower)
    follower.settle()
    follower.clock.now += 10
    follower.settle()
    follower.settle()
    assert lines(follower) == sorted((OLD + b"unread\n" * unread + b"after\n" * after).splitlines())
    assert follower.source.told() == []
    follower.close()


@pytest.mark.parametrize("seed", range(40))
def test_where_no_descriptor_is_left_for_a_while(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening, duplicating and listing fail now and then, as under `ulimit -n`; then all is read once."""
    dice = random.Random(seed)
    scarce = 0.0
    opens = {name: getattr(os, name) for name in ("open", "dup", "scandir")}

    def rarely(name: str) -> Callable[..., Any]:
        def opened(*args: Any, **options: Any) -> Any:
            if dice.random() < scarce:
                raise OSError(errno.EMFILE, "Too many open files")
            return opens[name](*args, **options)

        return opened

    for name in opens:
        monkeypatch.setattr(os, name, rarely(name))
    logs = [tmp_path / f"{i}.log" for i in range(6)]
    expected = []
    for path in logs:
        append(path, b"%s first\n" % path.name.encode())
        expected.append(b"%s first" % path.name.encode())
    follower = Follower(str(tmp_path))
    follower.settle()
    for turn in range(12):
        path = dice.choice(logs)
        text = b"%s %d\n" % (path.name.encode(), turn)
        append(path, text)
        expected.append(text.strip())
        if dice.random() < 0.4:
            shutil.copyfile(path, path.with_name(f"{path.name}.{turn}"))
            os.truncate(path, 0)
        scarce = 0.5
        for step in dice.choices([closing, Follower.look, Follower.read], k=3):
            step(follower)
        scarce = 0.0
        follower.settle()
        follower.clock.now += 0.3
    follower.clock.now += 10
    follower.settle()
    follower.settle()
    assert lines(follower) == sorted(expected)
    assert [notice for notice in follower.source.told() if notice.code != "copy_gone"] == []
    follower.close()
