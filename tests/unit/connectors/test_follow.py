"""Followed files against what was written: nothing lost or twice, whatever the rotation. Polls are driven by hand."""

from __future__ import annotations

import gzip
import logging
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from caudal.connectors.files import CONNECTOR
from caudal.connectors.files.follow import FollowedSource
from caudal.connectors.files.growing import RETIRE, Growing
from caudal.connectors.files.paths import Paths
from caudal.connectors.files.rotation import COPY_WAIT
from caudal.connectors.files.source import Opener
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.source import Assigned, End, Nothing


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Follower:
    """What the engine does: reads what there is, and asks for new partitions."""

    def __init__(self, path: Any, *, at_end: bool = False, poll: int = 0) -> None:
        self.clock = Clock()
        opener = Opener("auto", 1 << 20, 1 << 40)
        self.source = FollowedSource(Paths(path), opener, at_end=at_end, poll=poll, clock=self.clock)
        self.open = list(self.source.partitions())
        self.found: dict[str, bytes] = {p.name: b"" for p in self.open}
        self.ended: list[str] = []
        self.dead: list[tuple[str, str, bytes]] = []

    def read(self) -> None:
        for partition in list(self.open):
            while True:
                part = partition.read(1 << 16)
                if isinstance(part, Nothing):
                    break
                if isinstance(part, End):
                    assert not part.failed
                    self.open.remove(partition)
                    self.ended.append(partition.name)
                    partition.close()
                    break
                self.dead += [(partition.name, dead.reason, dead.payload) for dead in part.dead]
                self.found[partition.name] += bytes(part.data[part.start : part.stop])

    def look(self) -> None:
        for change in self.source.changes():
            assert isinstance(change, Assigned)
            partition = change.partition
            assert partition.name not in self.found, "a name is used once"
            self.found[partition.name] = b""
            self.open.append(partition)

    def settle(self) -> dict[str, bytes]:
        for _ in range(4):
            self.look()
            self.read()
        return self.found

    def close(self) -> None:
        self.source.close()


def append(path: Path, data: bytes) -> None:
    with open(path, "ab") as file:
        file.write(data)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_new_lines_come_and_half_lines_wait(log: Path) -> None:
    append(log, b"one\n")
    follower = Follower(str(log))
    follower.read()
    append(log, b"tw")
    follower.read()
    assert follower.found == {"access.log": b"one\n"}
    append(log, b"o\nthree\n")
    follower.read()
    assert follower.found == {"access.log": b"one\ntwo\nthree\n"}
    follower.close()


def test_a_path_or_glob_or_folder_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    for given in ("late.log", "l*.log", "folder"):
        base = tmp_path / given.replace("*", "")
        base.mkdir()
        path = base / given
        follower = Follower(str(path))
        assert follower.open == []
        follower.look()
        target = path / "x.log" if given == "folder" else base / "late.log"
        target.parent.mkdir(exist_ok=True)
        append(target, b"hello\n")
        assert list(follower.settle().values()) == [b"hello\n"]
        follower.close()


def test_new_files_appear_in_folders(tmp_path: Path) -> None:
    append(tmp_path / "a.log", b"a\n")
    follower = Follower(str(tmp_path))
    (tmp_path / "sub").mkdir()
    append(tmp_path / "sub" / "b.log", b"b\n")
    append(tmp_path / ".hidden", b"h\n")
    append(tmp_path / "c.log", b"")
    assert follower.settle() == {"a.log": b"a\n", "sub/b.log": b"b\n"}
    append(tmp_path / "c.log", b"c\n")
    assert follower.settle() == {"a.log": b"a\n", "sub/b.log": b"b\n", "c.log": b"c\n"}
    follower.close()


def test_the_poll_limits_how_often_is_looked(log: Path) -> None:
    follower = Follower(str(log), poll=100)
    append(log, b"x\n")
    follower.clock.now = 0.099
    assert list(follower.source.changes()) == []
    follower.clock.now = 0.1
    assert [c.partition.name for c in follower.source.changes()] == ["access.log"]
    follower.close()


def test_folders_that_do_not_change_are_seldom_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    append(logs / "a.log", b"a\n")

    def long_ago() -> None:
        for folder in (logs, tmp_path):
            os.utime(folder, (1, 1))

    long_ago()
    follower = Follower(str(logs), poll=100)
    listed: list[str] = []
    real = Paths.find
    monkeypatch.setattr(Paths, "find", lambda self: listed.append("once") or real(self))
    for _ in range(11):
        long_ago()
        follower.clock.now += 0.1
        follower.look()
        follower.read()
    assert len(listed) == 1
    append(logs / "b.log", b"b\n")
    follower.clock.now += 0.1
    follower.look()
    follower.read()
    assert len(listed) == 2
    append(logs / "b.log", b"more\n")
    os.truncate(logs / "a.log", 0)
    append(logs / "a.log", b"again\n")
    follower.read()
    follower.clock.now += 0.1
    follower.look()
    follower.read()
    assert follower.found == {"a.log": b"a\n", "b.log": b"b\nmore\n", "a.log#2": b"again\n"}
    follower.close()


@pytest.mark.parametrize("data", [b"", b"old\n", b"old\nhal", b"x" * 200_000 + b"\nhal", b"hal"])
def test_from_the_end_means_behind_the_last_whole_line(log: Path, data: bytes) -> None:
    append(log, data)
    follower = Follower(str(log), at_end=True)
    append(log, b"f\nnew\n")
    append(log.with_name("other.log"), b"not watched\n")
    assert follower.settle() == {"access.log": data[data.rfind(b"\n") + 1 :] + b"f\nnew\n"}
    follower.close()


def test_from_the_end_is_for_files_that_were_there(tmp_path: Path) -> None:
    append(tmp_path / "old.log", b"old\n")
    follower = Follower(str(tmp_path), at_end=True)
    append(tmp_path / "new.log", b"new\n")
    assert follower.settle() == {"old.log": b"", "new.log": b"new\n"}
    assert [p.head() for p in follower.open] == [b"old\n", b"new\n"]
    follower.close()


@pytest.mark.parametrize("given", ["access.log", "access.log*", "*.log"])
def test_renamed_and_created_anew(log: Path, given: str) -> None:
    append(log, b"one\n")
    follower = Follower(str(log.with_name(given)))
    append(log, b"two\n")
    os.rename(log, log.with_name("access.log.1"))
    append(log.with_name("access.log.1"), b"late\n")
    append(log, b"three\n")
    assert follower.settle() == {"access.log": b"one\ntwo\nlate\n", "access.log#2": b"three\n"}
    os.rename(log.with_name("access.log.1"), log.with_name("access.log.2"))
    os.rename(log, log.with_name("access.log.1"))
    append(log, b"four\n")
    assert follower.settle() == {
        "access.log": b"one\ntwo\nlate\n",
        "access.log#2": b"three\n",
        "access.log#3": b"four\n",
    }
    follower.close()


@pytest.mark.parametrize("given", ["access.log", "*.log"])
@pytest.mark.parametrize("looks", [1, 2, 5])
@pytest.mark.parametrize("missed", [1, 3])
@pytest.mark.parametrize("pause", [0.1, 60.0])
def test_renamed_again_before_anybody_looked_and_not_there_yet(
    log: Path, given: str, looks: int, missed: int, pause: float
) -> None:
    """A log that comes and goes between two looks, in each of which its path leads to nothing."""
    append(log, b"one\n")
    follower = Follower(str(log.with_name(given)))
    follower.settle()
    os.rename(log, log.with_name("access.log-1"))
    expected = [b"one"]
    for number in range(missed):
        for _ in range(looks):
            follower.clock.now += pause
            follower.look()
            follower.read()
        expected.append(b"missed %d" % number)
        append(log, expected[-1] + b"\n")
        os.rename(log, log.with_name(f"access.log-{2 + number}"))
    follower.settle()
    append(log, b"three\n")
    follower.settle()
    assert sorted(line for text in follower.found.values() for line in text.splitlines()) == sorted(
        [*expected, b"three"]
    )
    follower.close()


def test_the_old_incarnation_ends_when_it_has_been_silent(log: Path) -> None:
    append(log, b"one\n")
    follower = Follower(str(log))
    old = log.with_name("access.log.1")
    os.rename(log, old)
    follower.settle()
    follower.clock.now = 10 * RETIRE
    follower.settle()
    assert follower.ended == [], "it has no successor"
    append(log, b"two\n")
    follower.settle()
    follower.clock.now += RETIRE - 1
    append(old, b"late\n")
    follower.settle()
    follower.clock.now += RETIRE - 1
    follower.settle()
    assert follower.ended == []
    follower.clock.now += 2
    follower.settle()
    assert follower.ended == ["access.log"]
    assert follower.found == {"access.log": b"one\nlate\n", "access.log#2": b"two\n"}
    follower.close()


def test_a_file_that_grows_after_all_is_read_on(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    append(log, b"one\n")
    follower = Follower(str(tmp_path / "access.log*"))
    old = tmp_path / "access.log.1"
    os.rename(log, old)
    append(log, b"two\n")
    follower.settle()
    follower.clock.now += RETIRE
    follower.settle()
    assert follower.ended == ["access.log"]
    append(old, b"very late\n")
    assert follower.settle() == {"access.log": b"one\n", "access.log#2": b"two\n", "access.log.1": b"very late\n"}
    follower.close()


def test_a_removed_file_is_read_to_its_end(log: Path) -> None:
    append(log, b"one\n")
    follower = Follower(str(log))
    append(log, b"two\n")
    os.unlink(log)
    follower.settle()
    follower.clock.now = RETIRE
    follower.settle()
    assert follower.ended == ["access.log"]
    append(log, b"three\n")
    assert follower.settle() == {"access.log": b"one\ntwo\n", "access.log#2": b"three\n"}
    follower.close()


def test_an_inode_that_is_used_again_is_another_file(tmp_path: Path) -> None:
    """A file system may give a new file the number of a removed one, which cannot be made to happen: it is told so."""
    log = tmp_path / "access.log"
    append(log, b"one\n")
    follower = Follower(str(log))
    follower.settle()
    os.unlink(log)
    follower.settle()
    follower.clock.now = RETIRE
    follower.settle()
    assert follower.ended == ["access.log"]
    growing = next(g for g in follower.source._remembered.known.values() if isinstance(g, Growing))
    append(log, b"another beginning\n")
    status = os.stat(log)
    follower.source._remembered.known[(status.st_dev, status.st_ino)] = growing
    assert follower.settle() == {"access.log": b"one\n", "access.log#2": b"another beginning\n"}
    follower.close()


@pytest.mark.parametrize("given", ["access.log", "access.log*"])
@pytest.mark.parametrize("unread", [b"", b"unread\n"])
@pytest.mark.parametrize("after", [b"", b"x\n", b"a long beginning, longer than all there was before\n"])
def test_copied_and_truncated(log: Path, given: str, unread: bytes, after: bytes, caplog: Any) -> None:
    append(log, b"one\ntw")
    follower = Follower(str(log.with_name(given)))
    follower.read()
    append(log, b"o\n" + unread)
    shutil.copyfile(log, log.with_name("access.log.1"))
    os.truncate(log, 0)
    append(log, after)
    with caplog.at_level(logging.INFO):
        found = follower.settle()
    assert found == {"access.log": b"one\ntwo\n" + unread, **({"access.log#2": after} if after else {})}
    assert "truncated: the rest of it is read" in caplog.text
    assert follower.ended == ["access.log"]
    assert not follower.source.told(), "nothing was lost"
    follower.close()


def test_truncated_without_a_copy_ends_with_what_was_read(log: Path) -> None:
    append(log, b"one\nhalf")
    follower = Follower(str(log))
    follower.read()
    append(log, b" and more\n")
    follower.look()
    os.truncate(log, 0)
    append(log, b"two\n")
    assert follower.settle() == {"access.log": b"one\n", "access.log#2": b"two\n"}
    assert follower.ended == [], "a copy of it may still appear"
    follower.clock.now += COPY_WAIT
    assert follower.settle() == {"access.log": b"one\n", "access.log#2": b"two\n"}
    assert follower.ended == ["access.log"]
    assert follower.dead == [("access.log", "cut", b"half")], "a line that was cut is no record"
    assert [(n.code, n.count, n.level) for n in follower.source.told()] == [("truncated", 10, "warning")]
    follower.close()


@pytest.mark.parametrize("given", ["access.log", "access.log*"])
def test_a_copy_that_is_written_over_before_it_was_found_is_told(log: Path, given: str) -> None:
    append(log, b"one\n")
    follower = Follower(str(log.with_name(given)))

    def rotate() -> None:
        shutil.copyfile(log, log.with_name("access.log.1"))
        os.truncate(log, 0)

    rotate()
    follower.settle()
    append(log, b"two\n")
    follower.settle()
    append(log, b"nobody can read this\n")
    rotate()
    append(log, b"four\n")
    rotate()
    follower.settle()
    assert not follower.source.told(), "its copy may still appear"
    follower.clock.now += COPY_WAIT
    found = follower.settle()
    assert sorted(b"".join(found.values()).split()) == [b"four", b"one", b"two"]
    told = [(notice.code, notice.where, notice.count, notice.level) for notice in follower.source.told()]
    assert told == [("copy_gone", str(log), 1, "warning")]
    follower.close()


def test_a_copy_in_the_making_is_not_read(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    append(log, b"".join(b"line %d\n" % i for i in range(5000)))
    follower = Follower(str(tmp_path))
    follower.settle()
    data = log.read_bytes()
    copy = tmp_path / "access.log.1"
    for size in (0, 10, 30_000, len(data)):
        copy.write_bytes(data[:size])
        follower.settle()
    os.truncate(log, 0)
    assert follower.settle() == {"access.log": data}
    follower.close()


def test_what_only_begins_like_a_followed_file_is_read_once_it_differs(tmp_path: Path) -> None:
    append(tmp_path / "a.csv", b"x,y\n1,2\n")
    follower = Follower(str(tmp_path))
    append(tmp_path / "b.csv", b"x,y\n")
    assert follower.settle() == {"a.csv": b"x,y\n1,2\n"}
    append(tmp_path / "b.csv", b"3,4\n")
    assert follower.settle() == {"a.csv": b"x,y\n1,2\n", "b.csv": b"x,y\n3,4\n"}
    follower.close()


def aged(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.utime(path, (time.time() - 3600,) * 2)


def test_compressed_files_are_read_once_and_never_their_own_originals(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    append(log, b"one\n" * 1000)
    aged(tmp_path / "access.log.2.gz", gzip.compress(b"older\n"))
    follower = Follower(str(tmp_path))
    follower.settle()
    os.rename(log, tmp_path / "access.log.1")
    append(log, b"two\n")
    follower.settle()
    aged(tmp_path / "access.log.1.gz", gzip.compress((tmp_path / "access.log.1").read_bytes()))
    os.unlink(tmp_path / "access.log.1")
    aged(tmp_path / "elsewhere.gz", gzip.compress(b"three\n"))
    expected = {
        "access.log": b"one\n" * 1000,
        "access.log.2.gz": b"older\n",
        "access.log#2": b"two\n",
        "elsewhere.gz": b"three\n",
    }
    assert follower.settle() == expected
    assert set(follower.ended) == {"access.log.2.gz", "elsewhere.gz"}
    os.rename(tmp_path / "access.log.2.gz", tmp_path / "access.log.3.gz")
    assert follower.settle() == expected
    follower.close()


def test_a_compressed_file_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    follower = Follower(str(tmp_path))
    data = gzip.compress(b"whole\n")
    (tmp_path / "x.gz").write_bytes(data[:10])
    assert follower.settle() == {}
    aged(tmp_path / "x.gz", data)
    assert follower.settle() == {"x.gz": b"whole\n"}
    follower.close()


@pytest.mark.parametrize("seed", range(120))
def test_any_rotation_at_any_time(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    log = tmp_path / "access.log"
    follower = Follower(str(rng.choice([log, tmp_path / "access.log*", tmp_path])))
    copying = rng.random() < 0.4
    written: list[bytes] = []
    file = open(log, "ab", buffering=0)  # noqa: SIM115 - a writer that keeps its file open over a rename

    def shift() -> None:
        for number in range(40, 0, -1):
            if (tmp_path / f"access.log.{number}").exists():
                os.rename(tmp_path / f"access.log.{number}", tmp_path / f"access.log.{number + 1}")

    for step in range(30):
        action = rng.choice(["write", "write", "half", "look", "read", "read", "rotate"])
        if action in ("write", "half"):
            line = b"%s %d %s\n" % (action.encode(), step, b"x" * rng.choice([0, 5, 2000]))
            written.append(line)
            file.write(line[:5])
            if action == "half":
                follower.read()
            file.write(line[5:])
        elif action == "look":
            follower.look()
        elif action == "read":
            follower.read()
        elif copying:
            follower.look()  # what is truncated twice between two looks is gone
            shift()
            shutil.copyfile(log, tmp_path / "access.log.1")
            if rng.random() < 0.3:
                follower.look()
            os.truncate(log, 0)
        else:
            shift()
            os.rename(log, tmp_path / "access.log.1")
            file.close()
            file = open(log, "ab", buffering=0)  # noqa: SIM115
    file.close()
    found = b"".join(follower.settle().values())
    assert sorted(found.splitlines()) == sorted(b"".join(written).splitlines())
    follower.close()


@pytest.mark.nightly
@pytest.mark.parametrize("given", ["", "*.log"])
@pytest.mark.parametrize("numbered", [False, True])
def test_copies_under_load(tmp_path: Path, given: str, numbered: bool) -> None:
    """Four logs rotated every few looks, while two threads look around and one reads, as in a job."""
    follower = Follower(str(tmp_path / given), poll=20)
    readable: list[set[bytes]] = [set() for _ in range(4)]
    stop = threading.Event()
    looks: list[int] = []
    reads: list[int] = []

    def write(number: int) -> None:
        log, copy = tmp_path / f"{number}.log", tmp_path / f"{number}.log.1"
        for round in range(8):
            for line in range(60):
                append(log, b"%d %d %d %s\n" % (number, round, line, b"x" * (line % 7)))
            if numbered:
                for older in range(round, 0, -1):
                    os.rename(tmp_path / f"{number}.log.{older}", tmp_path / f"{number}.log.{older + 1}")
            shutil.copyfile(log, copy)
            readable[number] |= set(copy.read_bytes().splitlines())
            os.truncate(log, 0)
            seen = len(looks), len(reads)
            while len(looks) < seen[0] + 4 or len(reads) < seen[1] + 3:
                stop.wait(0.001)

    def look() -> None:
        while not stop.is_set():
            follower.look()
            stop.wait(0.001)

    def counted(real: Any = follower.source._look) -> Any:
        found = real()
        looks.append(len(found))
        return found

    follower.source._look = counted
    follower.source._clock = follower.source._remembered.incarnations._clock = time.monotonic
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    lookers = [threading.Thread(target=look) for _ in range(2)]
    for thread in [*threads, *lookers]:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        follower.read()
        reads.append(len(looks))
    stop.set()
    for thread in [*threads, *lookers]:
        thread.join()
    follower.source._poll = 0.0
    for _ in range(10):
        follower.source._next_look = 0.0
        follower.settle()
    found = [line for data in follower.found.values() for line in data.splitlines()]
    assert len(found) == len(set(found)), "nothing is doubled"
    assert set(found) == set().union(*readable), "nothing is lost"
    follower.close()


@pytest.mark.nightly
def test_rotation_campaign() -> None:
    script = Path(__file__).parents[3] / "lab" / "rotation.py"
    done = subprocess.run([sys.executable, str(script), "--seconds", "60"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_idle_poll_is_cheap(log: Path) -> None:
    append(log, b"one\n")
    follower = Follower(str(log))
    follower.read()
    partition = follower.open[0]
    best = min(_time(partition.read) for _ in range(2000))
    assert best < 50e-6  # about 5 us where nothing else runs
    follower.close()


def _time(read: Any) -> float:
    begin = time.perf_counter()
    assert isinstance(read(1 << 20), Nothing)
    return time.perf_counter() - begin


def test_a_target_in_a_followed_folder_is_known(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    follower = Follower([str(tmp_path / "in"), str(tmp_path / "*.log")])
    assert follower.source.reads(str(tmp_path / "in" / "deep" / "x"))
    assert follower.source.reads(str(tmp_path / "x.log"))
    assert not follower.source.reads(str(tmp_path / "x.txt"))
    assert not follower.source.reads(str(tmp_path / "in" / ".x.tmp"))
    follower.close()


def test_formats_that_are_whole_files_cannot_be_followed(tmp_path: Path) -> None:
    class Reader:
        def read(self, path: str, skip: int) -> Any:
            raise AssertionError

    options = {**CONNECTOR.source_options, "path": str(tmp_path), "follow": True}
    with pytest.raises(OptionError, match="cannot be followed"):
        CONNECTOR.source(options, Reader(), Schema.of({"x": "int64"}))
