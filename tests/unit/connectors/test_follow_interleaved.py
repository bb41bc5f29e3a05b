"""Rotations that happen between any two system calls of a followed source, one thread playing all parts."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caudal.connectors.files.follow import FollowedSource
from caudal.connectors.files.paths import Paths
from caudal.connectors.files.source import Opener
from caudal.ports.source import End, Nothing

CALLS = ("open", "stat", "fstat", "scandir", "pread", "preadv")


class Stage:
    """A followed source whose every system call is a moment at which something else may happen first, or just after."""

    def __init__(self, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.between: Callable[[], None] = lambda: None
        self.acting = False
        self.calls = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._interrupted(getattr(os, name)))
        self.source = FollowedSource(Paths(path), Opener("auto", 1 << 20, 1 << 40), poll=0, clock=lambda: self.now)
        self.open = list(self.source.partitions())
        self.found = Counter[bytes]()
        self.told: list[Any] = []
        self.looking = False
        self.reading = False

    def _interrupted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def interrupted(*args: Any, **options: Any) -> Any:
            self._moment()
            try:
                return call(*args, **options)
            finally:
                self._moment()

        return interrupted

    def _moment(self) -> None:
        if not self.acting:
            self.acting = True
            self.calls += 1
            self.now += 0.0005
            self.between()
            self.acting = False

    def look(self) -> None:
        self.looking = True
        self.open += [change.partition for change in self.source.changes()]
        self.looking = False
        self.told += self.source.told()

    def read(self) -> None:
        self.reading = True
        for partition in list(self.open):
            self._read(partition)
        self.reading = False

    def _read(self, partition: Any) -> None:
        while not isinstance(part := partition.read(1 << 16), Nothing):
            if isinstance(part, End):
                self.open.remove(partition)
                partition.close()
                break
            self.found.update(bytes(part.data[part.start : part.stop]).splitlines())

    def within(self, act: Callable[[], None]) -> None:
        """Read, or look, within what goes on, as another thread would: where that holds no lock."""
        if (
            not any(growing._lock.locked() for growing in self.source._remembered.incarnations.live)
            and self.looking != self.reading
        ):
            self.acting = False
            act()
            self.acting = True

    def settle(self) -> None:
        self.between = lambda: None
        for _ in range(16):
            self.now += 0.5
            self.look()
            self.read()
        self.source.close()


STEPS = 2
"""Steps of one log between two reads at most: its copies are written over some looks later, as of rotations by minutes."""


class Log:
    """A log that is written and rotated step by step; `readable`: what stands in it, or in a copy."""

    def __init__(self, folder: Path, name: str, way: str) -> None:
        self.path = folder / name
        self.way = way
        self.readable = set[bytes]()

    def steps(self, rounds: int, rng: random.Random) -> Iterator[None]:
        for round in range(rounds):
            for part in range(4):
                lines = [b"%s %d %d %d" % (self.path.name.encode(), round, part, line) for line in range(15)]
                with open(self.path, "ab") as file:
                    file.write(b"\n".join(lines) + b"\n")
                yield
            suffix = ".gz" if self.way == "compressed" else ""
            if self.way != "overwritten":
                for number in range(round, 0, -1):
                    os.rename(f"{self.path}.{number}{suffix}", f"{self.path}.{number + 1}{suffix}")
                    yield
            if self.way == "rename" or self.way == "compressed":
                self.readable |= set(self.path.read_bytes().splitlines())
                os.rename(self.path, f"{self.path}.1")
                yield
                if self.way == "compressed":
                    yield from compressed(Path(f"{self.path}.1"))
                continue
            data = self.path.read_bytes()
            cut = rng.choice([0, len(data) // 3, len(data)])
            with open(f"{self.path}.1", "wb", buffering=0) as copy:
                if self.way == "overwritten":
                    yield
                copy.write(data[:cut])
                yield
                copy.write(data[cut:])
            self.readable |= set(data.splitlines())
            yield
            os.truncate(self.path, 0)
            yield
        self.readable |= set(self.path.read_bytes().splitlines()) if self.path.exists() else set()


def compressed(path: Path) -> Iterator[None]:
    data, stamp = gzip.compress(path.read_bytes()), path.stat().st_mtime - 60
    with open(f"{path}.gz", "wb", buffering=0) as packed:
        yield
        packed.write(data[:20])
        yield
        packed.write(data[20:])
        yield
    os.utime(f"{path}.gz", (stamp, stamp))
    yield
    path.unlink()
    yield


def play(folder: Path, given: str, way: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, set[bytes]]:
    """Write and rotate two logs, each step at a moment that the seed decides; rotations are some reads apart: of lines that
    come and go between two of them nobody knows."""
    rng = random.Random(seed)
    with monkeypatch.context() as patched:
        logs = [Log(folder, f"{number}.log", way) for number in range(2)]
        if way == "compressed":
            for log in logs:
                log.path.touch()  # of which file others were made is known of logs that were seen
        stage = Stage(str(folder / given), patched)
        pending = [log.steps(4, rng) for log in logs]
        eager = rng.choice([0.003, 0.02, 0.2])
        left = dict[Iterator[None], int]()

        def between() -> None:
            while pending and rng.random() < eager:
                steps = rng.choice(pending)
                left[steps] = left.get(steps, STEPS) - 1
                if left[steps] >= 0 and next(steps, True):
                    pending.remove(steps)
            if rng.random() < 0.02:
                stage.within(stage.read if stage.looking else stage.look)

        stage.between = between
        while pending:
            stage.look()
            if rng.random() < 0.7:
                stage.read()
                left.clear()
        stage.settle()
    return stage, set[bytes]().union(*(log.readable for log in logs))


def check(folder: Path, given: str, way: str, seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in seeds:
        here = folder / str(seed)
        here.mkdir()
        stage, readable = play(here, given, way, seed, monkeypatch)
        doubled = {line: count for line, count in stage.found.items() if count > 1}
        lost = readable - stage.found.keys()
        told = [(notice.code, notice.count) for notice in stage.told]
        assert not doubled, f"seed {seed}: {len(doubled)} lines twice"
        assert not lost or (told and way not in ("rename", "compressed")), (
            f"seed {seed}: {len(lost)} lines lost in silence"
        )


GIVEN = pytest.mark.parametrize("given", ["", "*.log"])
WAYS = pytest.mark.parametrize("way", ["numbered", "overwritten", "rename", "compressed"])


@GIVEN
@WAYS
def test_nothing_is_doubled_or_lost_in_silence(
    tmp_path: Path, given: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(tmp_path, given, way, range(10), monkeypatch)


@pytest.mark.nightly
@GIVEN
@WAYS
def test_nothing_is_doubled_or_lost_in_silence_for_long(
    tmp_path: Path, given: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(tmp_path, given, way, range(10, 400), monkeypatch)


def test_truncated_between_a_read_and_the_look_at_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of which no head is known yet is copied and truncated just after its first lines have been read."""
    log = tmp_path / "0.log"
    lines = [b"%d\n" % number for number in range(60)]

    def then(name: str, act: Callable[[], None], real: Callable[..., Any]) -> None:
        def once(*given: Any) -> Any:
            monkeypatch.setattr(*name_of, real)
            result = real(*given)
            act()
            return result

        name_of = (Paths, name) if name == "find" else (os, name)
        monkeypatch.setattr(*name_of, once)

    def rotate() -> None:
        with open(log, "ab") as file:
            file.writelines(lines[45:])
        shutil.copyfile(log, f"{log}.1")
        os.truncate(log, 0)

    stage = Stage(str(tmp_path), monkeypatch)
    log.write_bytes(b"before\n")
    then("find", lambda: os.truncate(log, 0), Paths.find)
    stage.look()
    log.write_bytes(b"".join(lines[:45]))
    then("preadv", rotate, os.preadv)
    stage.read()
    stage.settle()
    assert stage.found == Counter(line.strip() for line in lines)
