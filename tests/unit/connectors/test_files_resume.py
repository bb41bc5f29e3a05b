"""Files that another run goes on with: found again whatever became of them meanwhile, each line read once, or told to be lost."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caudal.connectors.files import CONNECTOR
from caudal.connectors.files.follow import FollowedSource
from caudal.connectors.files.growing import RETIRE
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


def rotate_delayed(log: Path, number: int) -> None:
    """Rename, and compress only what is at a number then, as logrotate's delaycompress does."""
    rotate(log)
    if (late := Path(f"{log}.{number}")).exists():
        compress(late)


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


@pytest.mark.parametrize("glob", [False, True])
def test_what_was_taken_up_at_a_restart_and_compressed_at_a_later_one_is_read_once(log: Path, glob: bool) -> None:
    lines = [b"%d" % n for n in range(19)]
    written = iter(lines)
    append(log, next(written) + b"\n")
    runs = Runs(f"{log}*" if glob else str(log))
    runs.settle()

    def meanwhile() -> None:
        for _ in range(5):
            append(log, next(written) + b"\n")
            rotate_delayed(log, 3)
        append(log, next(written) + b"\n")

    for _ in range(3):
        runs.again(meanwhile)
        runs.settle(10)
    assert runs.lines == sorted(lines)
    assert runs.told == []
    runs.source.close()


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("glob", [False, True])
def test_rotations_between_a_restart_and_its_first_read_lose_nothing(log: Path, number: int, glob: bool) -> None:
    append(log, b"0\n")
    runs = Runs(f"{log}*" if glob else str(log))
    runs.settle()
    runs.cut()
    runs.source.close()
    for n in range(1, 6):
        append(log, b"%d\n" % n)
        rotate_delayed(log, number)
    append(log, b"6\n")
    runs.begin()
    rotate_delayed(log, number)  # what was plain is compressed, and what was compressed is called otherwise
    append(log, b"7\n")
    runs.now += 10
    runs.settle(10)
    runs.settle(100)
    assert runs.lines == [b"%d" % n for n in range(8)]
    assert runs.told == runs.dead == []
    runs.source.close()


@pytest.mark.parametrize("packed", [False, True])
def test_a_new_file_with_the_inode_of_one_that_was_read_long_ago_is_read(log: Path, packed: bool) -> None:
    append(log, b"1\n")
    runs = Runs(str(log))
    runs.settle()
    rotate(log)
    append(log, b"2\n")
    runs.settle()
    runs.settle(2 * RETIRE)
    assert [p.name for p in runs.open] == ["access.log#2"]

    def meanwhile() -> None:
        old = Path(f"{log}.1").rename(log.with_name("aside"))
        rotate(log)
        new = old.rename(f"{log}.2.gz" if packed else f"{log}.2")
        new.write_bytes(gzip.compress(b"3\n") if packed else b"3\n")  # in place: the same inode
        os.utime(new, (1, 1))
        append(log, b"4\n")

    runs.again(meanwhile)
    runs.settle(100)
    assert runs.lines == [b"1", b"2", b"3", b"4"]
    assert runs.told == []
    runs.source.close()


def test_a_compressed_file_in_which_one_goes_on_is_read_once_whenever_the_run_stops(log: Path) -> None:
    append(log, b"1\n")
    runs = Runs(str(log))
    runs.settle()

    def meanwhile() -> None:
        append(log, b"2\n3\n")
        rotate(log, packed=True)
        append(log, b"4\n")

    runs.cut()
    runs.source.close()
    meanwhile()
    runs.begin()
    runs.again()  # nothing was read in between
    runs.settle(100)
    assert runs.lines == [b"1", b"2", b"3", b"4"]
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
