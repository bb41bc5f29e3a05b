"""Files that another run goes on with: found again whatever became of them meanwhile, each line read once, or told to be lost."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.connectors.files import CONNECTOR
from caudal.connectors.files.follow import FollowedSource
from caudal.connectors.files.paths import Paths
from caudal.connectors.files.source import Opener
from caudal.core.errors import InputError
from caudal.core.types import Schema
from caudal.ports.registry import check_options
from caudal.ports.source import Assigned, End, Nothing, Remembering

SCHEMA = Schema.of({"n": "int64"})


class Runs:
    """Runs one after another over followed files: what was read, by partition, and a clock that all go by."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.now = 0.0
        self.found: dict[str, bytes] = {}
        self.dead: list[str] = []
        self.told: list[str] = []
        self.kept: tuple[str, dict[str, int]] | None = None
        self.begin()

    def begin(self) -> None:
        """Begin a run: anew, or where the last cut was."""
        opener = Opener("auto", 1 << 20, 1 << 40)
        self.source = FollowedSource(Paths(self.path), opener, poll=0, clock=lambda: self.now)
        assert isinstance(self.source, Remembering)
        positions: dict[str, int] = {}
        if self.kept is not None:
            positions = self.kept[1]
            self.source.recall(json.loads(self.kept[0]), positions)
        self.open = list(self.source.partitions())
        self.at = {p.name: p.start for p in self.open}
        for partition in self.open:
            if partition.name in positions:
                partition.head()
                partition.seek(positions[partition.name])

    def read(self, size: int = 1 << 16) -> None:
        for partition in list(self.open):
            while not isinstance(part := partition.read(size), Nothing):
                if isinstance(part, End):
                    self.open.remove(partition)
                    partition.close()
                    break
                self.dead += [dead.reason for dead in part.dead]
                self.found[partition.name] = self.found.get(partition.name, b"") + bytes(
                    part.data[part.start : part.stop]
                )
                self.at[partition.name] = part.end

    def look(self) -> None:
        for change in self.source.changes():
            assert isinstance(change, Assigned)
            assert change.partition.name not in self.at
            self.open.append(change.partition)
            self.at[change.partition.name] = change.partition.start

    def settle(self, seconds: float = 0.0) -> None:
        for _ in range(4):
            self.look()
            self.read()
            self.now += seconds / 4
        self.told += [notice.code for notice in self.source.told()]

    def cut(self) -> None:
        self.kept = json.dumps(self.source.memory()), {p.name: self.at[p.name] for p in self.open}

    def again(self, meanwhile: Callable[[], Any] = lambda: None) -> None:
        """Stop behind a cut, and go on."""
        self.cut()
        self.source.close()
        meanwhile()
        self.begin()
        self.settle()

    @property
    def lines(self) -> list[bytes]:
        return sorted(line for data in self.found.values() for line in data.splitlines())


def append(path: Path, *lines: bytes) -> None:
    with open(path, "ab") as file:
        file.write(b"".join(lines))


def shift(log: Path) -> None:
    """Rename as logrotate does: .1 becomes .2 and so on."""
    rotated = sorted(log.parent.glob(f"{log.name}.*"), key=lambda p: -int(p.name.split(".")[2]))
    for path in rotated:
        parts = path.name.split(".")
        path.rename(log.with_name(".".join([*parts[:2], str(int(parts[2]) + 1), *parts[3:]])))


def rotate(log: Path, *, packed: bool = False) -> None:
    shift(log)
    log.rename(f"{log}.1")
    if packed:
        compress(Path(f"{log}.1"))


def compress(path: Path) -> None:
    packed = Path(f"{path}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    os.utime(packed, (1, 1))
    path.unlink()


def copytruncate(log: Path) -> None:
    shift(log)
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def test_a_log_is_read_on_where_it_was(log: Path) -> None:
    append(log, b"1\n2\nhal")
    runs = Runs(str(log))
    runs.settle()
    runs.again(lambda: append(log, b"f\n3\n"))
    runs.again()
    runs.again(lambda: append(log, b"4\n"))
    assert runs.found == {"access.log": b"1\n2\nhalf\n3\n4\n"}
    assert runs.told == []
    runs.source.close()


@pytest.mark.parametrize("glob", [False, True])
def test_rotation_while_nobody_reads_is_survived(log: Path, glob: bool) -> None:
    append(log, b"1\n")
    runs = Runs(f"{log}*" if glob else str(log))
    runs.settle()

    def meanwhile() -> None:
        append(log, b"2\n")
        rotate(log)
        append(log, b"3\n")

    runs.again(meanwhile)
    runs.settle(120)
    assert runs.found == {"access.log": b"1\n2\n", "access.log#2": b"3\n"}
    runs.again(meanwhile)
    runs.settle(120)
    assert runs.lines == [b"1", b"2", b"2", b"3", b"3"]
    assert runs.told == []
    runs.source.close()


@pytest.mark.parametrize("glob", [False, True])
def test_what_was_compressed_while_nobody_read_is_read_to_its_end(log: Path, glob: bool) -> None:
    append(log, b"".join(b"%d\n" % n for n in range(1000)))
    runs = Runs(f"{log}*" if glob else str(log))
    runs.read()

    def meanwhile() -> None:
        append(log, b"last\n")
        rotate(log, packed=True)
        append(log, b"next\n")

    runs.again(meanwhile)
    runs.settle(120)
    assert runs.found["access.log"].endswith(b"999\nlast\n")
    assert len(runs.lines) == 1002
    assert runs.told == []
    runs.again()
    runs.settle(120)
    assert len(runs.lines) == 1002
    runs.source.close()


@pytest.mark.parametrize("glob", [False, True])
def test_a_copy_that_was_made_while_nobody_read_is_read_to_its_end(log: Path, glob: bool) -> None:
    append(log, b"1\n")
    runs = Runs(f"{log}*" if glob else str(log))
    runs.settle()

    def meanwhile() -> None:
        append(log, b"2\n")
        copytruncate(log)
        append(log, b"3\n")

    runs.again(meanwhile)
    runs.settle(120)
    assert sorted(runs.found.values()) == [b"1\n2\n", b"3\n"]
    assert runs.told == []
    runs.source.close()


def test_what_has_come_and_gone_while_nobody_read_is_read(log: Path) -> None:
    append(log, b"1\n")
    runs = Runs(str(log))
    runs.settle()

    def meanwhile() -> None:
        for n in (2, 3, 4, 5):
            append(log, b"%d\n" % n)
            rotate(log, packed=n in (2, 4))
        append(log, b"6\n")

    runs.again(meanwhile)
    runs.settle(100)
    assert runs.lines == [b"1", b"2", b"3", b"4", b"5", b"6"]
    assert runs.found["access.log"] == b"1\n2\n"
    runs.again()
    runs.settle(100)
    assert len(runs.lines) == 6
    assert runs.told == []
    runs.source.close()


def test_what_is_lost_is_told(log: Path) -> None:
    append(log, b"1\nhal")
    runs = Runs(str(log))
    runs.settle()

    def replaced() -> None:
        log.unlink()
        append(log, b"another\n")

    runs.again(replaced)
    runs.settle(10)
    assert runs.found == {"access.log": b"1\n", "access.log#2": b"another\n"}
    assert runs.told == ["truncated"]
    runs.again(lambda: log.unlink())
    runs.settle(10)
    assert runs.told == ["truncated", "gone"]
    runs.source.close()


def test_a_truncated_log_without_a_copy_is_told(log: Path) -> None:
    append(log, b"111111\n")
    runs = Runs(str(log))
    runs.settle()

    def truncated() -> None:
        os.truncate(log, 0)
        append(log, b"2\n")

    runs.again(truncated)
    runs.settle(10)
    assert runs.found == {"access.log": b"111111\n", "access.log#2": b"2\n"}
    assert runs.told == ["gone"]
    runs.source.close()


def test_old_files_beside_stay_unread_and_new_files_come(tmp_path: Path, log: Path) -> None:
    append(tmp_path / "access.log.1", b"old\n")
    append(log, b"1\n")
    runs = Runs(str(log))
    runs.settle(10)
    runs.again()
    runs.settle(10)
    assert runs.found == {"access.log": b"1\n"}
    runs.source.close()


def test_a_compressed_file_that_was_half_read_is_read_on(tmp_path: Path) -> None:
    lines = [b"%d\n" % n for n in range(3000)]
    packed = tmp_path / "a.log.bz2"
    packed.write_bytes(bz2.compress(b"".join(lines)))
    os.utime(packed, (1, 1))
    runs = Runs(str(tmp_path / "*"))
    (partition,) = runs.open
    part: Any = partition.read(5000)
    runs.found[partition.name] = bytes(part.data[part.start : part.stop])
    runs.at[partition.name] = part.end
    runs.again(lambda: packed.rename(tmp_path / "b.log.bz2"))
    assert runs.found == {"a.log.bz2": b"".join(lines)}
    runs.again()
    runs.settle(100)
    assert runs.found == {"a.log.bz2": b"".join(lines)}
    runs.source.close()


STEPS = ("append", "append", "half", "rotate", "pack", "copytruncate", "read", "look", "cut", "crash")


@given(st.lists(st.sampled_from(STEPS), max_size=24), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_happens_between_cuts_each_line_is_read_once(steps: list[str], glob: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "access.log"
        log.touch()
        runs = Runs(f"{log}*" if glob else str(log))
        runs.cut()
        kept = dict(runs.found)
        written: list[bytes] = []
        half = b""
        rotated = False
        for step in [*steps, "crash"]:
            if step in ("append", "half"):
                line = b"%d %s" % (len(written), b"x" * (50 * len(written) % 2000))
                if half:
                    append(log, half[len(half) // 2 :] + b"\n")
                    half = b""
                elif step == "half":
                    half = line
                    append(log, line[: len(line) // 2])
                    written.append(line)
                else:
                    append(log, line + b"\n")
                    written.append(line)
            elif step in ("rotate", "pack", "copytruncate"):
                if half or rotated or not log.exists() or not log.stat().st_size:
                    continue  # one between two looks, as with any that runs all the time; writers end their lines
                rotated = True
                if step == "copytruncate":
                    runs.settle()  # of a log that was empty at the last look nothing is known by which its copy could be told
                    copytruncate(log)
                else:
                    rotate(log, packed=step == "pack" and not glob)
            elif step == "read":
                runs.read(300)
            elif step == "look":
                runs.settle(4)
                rotated = False
            elif step == "cut":
                runs.cut()
                kept = dict(runs.found)
            else:
                runs.source.close()
                runs.found = dict(kept)
                runs.begin()
                runs.settle(4)
                rotated = False
                runs.cut()
                kept = dict(runs.found)
        if half:
            append(log, half[len(half) // 2 :] + b"\n")
        runs.settle(200)
        runs.settle(200)
        assert runs.lines == sorted(written)
        runs.source.close()


# -- files that are not followed -------------------------------------------------------------------------------------


def bounded(path: Path, memory: Any = None, positions: dict[str, int] | None = None) -> Any:
    options = check_options({"path": str(path)}, CONNECTOR.source_options, "files")
    source = CONNECTOR.source(options, None, SCHEMA)
    if memory is not None:
        assert isinstance(source, Remembering)
        source.recall(json.loads(json.dumps(memory)), positions or {})
    return source


def rest(source: Any, name: str, position: int) -> bytes:
    (partition,) = [p for p in source.partitions() if p.name == name]
    partition.seek(position)
    data = b""
    while not isinstance(part := partition.read(1 << 16), End):
        data += bytes(part.data[part.start : part.stop])
    return data


def test_bounded_files_are_what_they_were_when_the_run_began(tmp_path: Path) -> None:
    append(tmp_path / "a", b"1\n2\n")
    append(tmp_path / "b", b"1\n2\n")
    memory = bounded(tmp_path).memory()
    append(tmp_path / "a", b"3\n")
    append(tmp_path / "c", b"1\n")
    again = bounded(tmp_path, memory, {"a": 2, "b": 0})
    assert [p.name for p in again.partitions()] == ["a", "b"]
    assert rest(again, "a", 2) == b"2\n"
    assert rest(again, "b", 0) == b"1\n2\n"
    third = bounded(tmp_path, again.memory(), {"a": 0})
    assert rest(third, "a", 0) == b"1\n2\n"
    (tmp_path / "b").unlink()
    assert [p.name for p in bounded(tmp_path, memory, {"a": 2}).partitions()] == ["a"], "what was read is not needed"


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda path: path.unlink(), "it is not there any more"),
        (lambda path: os.truncate(path, 1), "it has 1 bytes, it had 4"),
        (lambda path: path.write_bytes(b"3\n4\n"), "it was written anew"),
        (lambda path: path.write_bytes(b"3\n4\n5\n"), "it was written anew"),
    ],
)
def test_a_bounded_file_that_has_changed_is_an_error_that_names_it(tmp_path: Path, harm: Any, says: str) -> None:
    append(tmp_path / "a", b"1\n2\n")
    append(tmp_path / "b", b"1\n")
    memory = bounded(tmp_path).memory()
    os.utime(tmp_path / "a", (1, 1))
    harm(tmp_path / "a")
    with pytest.raises(InputError, match=r"cannot go on reading .*a: it is not as it was") as caught:
        bounded(tmp_path, memory, {"a": 2, "b": 0})
    assert caught.value.detail == says
