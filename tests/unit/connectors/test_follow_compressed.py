"""Followed logs that were compressed before anybody had seen them: each line read once, or told to be lost."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.connectors.test_files_resume import Runs, append, compress, copytruncate, rotate, rotate_delayed

from caudal.connectors.files import follow
from caudal.connectors.files.growing import RETIRE, Growing
from caudal.connectors.files.source import Opener
from caudal.core.errors import InputError

GLOB = pytest.mark.parametrize("glob", [False, True])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def following(log: Path, *, glob: bool = False) -> Runs:
    return Runs(f"{log}*" if glob else str(log))


def read_once(runs: Runs, *lines: bytes) -> None:
    """Let everything be found, twice, and a restart come between: each of these lines is read once, in silence."""
    runs.settle(10)
    runs.settle(2 * RETIRE)
    assert runs.lines == sorted(lines)
    runs.again()
    runs.settle(10)
    assert runs.lines == sorted(lines)
    assert runs.told == runs.dead == []
    runs.source.close()


@GLOB
def test_created_rotated_and_compressed_between_two_looks(log: Path, glob: bool) -> None:
    append(log, b"1\n")
    runs = following(log, glob=glob)
    rotate(log)
    runs.settle(4)
    append(log, b"2\n")
    rotate(log, packed=True)
    runs.settle(4)
    runs.cut()
    append(log, b"3\n")
    read_once(runs, b"1", b"2", b"3")


@GLOB
def test_created_for_the_first_time_and_compressed_before_the_next_look(log: Path, glob: bool) -> None:
    runs = following(log, glob=glob)
    runs.settle(10)
    append(log, b"1\n")
    rotate(log, packed=True)
    runs.settle(4)
    runs.settle(10)
    append(log, b"2\n")
    read_once(runs, b"1", b"2")


@GLOB
@pytest.mark.parametrize("packed", [(True, True), (True, False), (False, True)])
def test_rotated_twice_between_two_looks(log: Path, glob: bool, packed: tuple[bool, bool]) -> None:
    append(log, b"1\n")
    runs = following(log, glob=glob)
    runs.settle(4)
    for n, each in enumerate(packed, 2):
        append(log, b"%d\n" % n)
        rotate(log, packed=each)
    append(log, b"4\n")
    read_once(runs, b"1", b"2", b"3", b"4")


@GLOB
def test_compressed_with_delay_between_two_looks(log: Path, glob: bool) -> None:
    append(log, b"0\n")
    runs = following(log, glob=glob)
    runs.settle(4)
    for n in range(1, 10):
        append(log, b"%d\n" % n)
        rotate_delayed(log, 2)
        if n % 3 == 0:
            runs.settle(4)
    append(log, b"last\n")
    read_once(runs, *(b"%d" % n for n in range(10)), b"last")


@GLOB
def test_a_restart_while_it_waits(log: Path, glob: bool) -> None:
    append(log, b"1\n")
    runs = following(log, glob=glob)
    rotate(log)
    runs.settle()
    append(log, b"2\n")
    rotate(log, packed=True)
    fresh = Path(f"{log}.1.gz")
    os.utime(fresh, (time.time() + 100,) * 2)
    runs.settle(10)
    runs.again()
    runs.settle(10)
    assert runs.lines == [b"1"], "it may be in the making"
    os.utime(fresh, (1, 1))
    read_once(runs, b"1", b"2")


def test_what_is_renamed_while_it_waits_is_read(log: Path) -> None:
    append(log, b"1\n")
    runs = following(log)
    runs.settle()
    for n in (2, 3, 4):
        append(log, b"%d\n" % n)
        rotate(log, packed=True)
        runs.look()
    read_once(runs, b"1", b"2", b"3", b"4")


def test_what_was_left_unread_at_the_start_is_not_read_when_it_is_compressed(log: Path) -> None:
    for n in range(follow._LEFT + 5):
        append(log, b"old %d\n" % n)
        rotate(log)
    append(log, b"1\n")
    runs = following(log)
    runs.settle(10)
    append(log, b"2\n")
    rotate_delayed(log, 2)
    append(log, b"3\n")
    runs.settle(10)
    runs.again(lambda: rotate_delayed(log, 3))
    append(log, b"4\n")
    compress(Path(f"{log}.4"))  # none of its names is that of the start
    rotate(log)
    append(log, b"5\n")
    read_once(runs, b"1", b"2", b"3", b"4", b"5")


def test_what_is_written_on_beside_a_log_is_not_read_when_that_is_rotated(log: Path) -> None:
    other = Path(f"{log}.debug")
    append(other, b"another log\n")
    append(log, b"1\n")
    runs = following(log)
    runs.settle(10)
    for n in range(2, 5):
        append(other, b"goes on\n")
        log.rename(f"{log}.{n}")
        append(log, b"%d\n" % n)
        append(other, b"goes on\n")
        runs.settle(1)
    other.write_bytes(gzip.compress(other.read_bytes()))
    other.rename(f"{other}.gz")
    read_once(runs, b"1", b"2", b"3", b"4")


@GLOB
def test_copied_truncated_and_compressed_between_two_looks(log: Path, glob: bool) -> None:
    append(log, b"one\n")
    runs = following(log, glob=glob)
    runs.settle(4)
    append(log, b"two\n")
    copytruncate(log)
    compress(Path(f"{log}.1"))
    append(log, b"3\n")
    read_once(runs, b"one", b"two", b"3")


def test_compressed_and_then_truncated(log: Path) -> None:
    append(log, b"one\n")
    runs = following(log)
    runs.settle(4)
    append(log, b"two\n")
    Path(f"{log}.1.gz").write_bytes(gzip.compress(log.read_bytes()))
    os.utime(f"{log}.1.gz", (1, 1))
    runs.look()
    runs.now += 1
    os.truncate(log, 0)
    append(log, b"3\n")
    read_once(runs, b"one", b"two", b"3")


def test_a_backup_that_is_compressed_is_not_read(log: Path) -> None:
    append(log, b"1\n")
    runs = following(log)
    runs.settle(10)
    for n in (2, 3):
        backup = Path(f"{log}.backup{n}.gz")
        backup.write_bytes(gzip.compress(log.read_bytes()))
        os.utime(backup, (1, 1))
        runs.settle(10)
        append(log, b"%d\n" % n)
        log.rename(f"{log}.{n}")
        append(log, b"%d more\n" % n)
    read_once(runs, b"1", b"2", b"2 more", b"3", b"3 more")


def test_a_file_that_is_put_beside_a_log_at_another_time_is_not_read(log: Path) -> None:
    append(log, b"1\n")
    runs = following(log)
    runs.settle(10)
    for name, data in (("access.log.8.gz", gzip.compress(b"restored\n")), ("access.log.9", b"restored\n")):
        old = log.with_name(name)
        old.write_bytes(data)
        os.utime(old, (1, 1))
    runs.settle(10)
    compress(log.with_name("access.log.9"))
    rotate(log)
    append(log, b"2\n")
    read_once(runs, b"1", b"2")


def test_what_lies_beside_a_folder_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    append(folder / "access.log", b"1\n")
    runs = Runs(str(folder))
    runs.settle(10)
    append(tmp_path / "logs.1", b"another\n")
    append(tmp_path / "logs-2", b"another\n")
    compress(tmp_path / "logs-2")
    runs.settle(10)
    rotate(folder / "access.log")
    append(folder / "access.log", b"2\n")
    read_once(runs, b"1", b"2")


@pytest.mark.parametrize(("read", "told"), [(True, []), (False, ["copy_gone"])])
def test_what_is_gone_before_it_was_read_is_told(log: Path, read: bool, told: list[str]) -> None:
    append(log, b"1\n")
    runs = following(log)
    rotate(log)
    runs.settle()
    append(log, b"2\n")
    if read:
        runs.settle()
    rotate(log, packed=True)
    os.utime(f"{log}.1.gz", (time.time() + 100,) * 2)
    runs.settle(1)
    os.unlink(f"{log}.1.gz")
    runs.settle(10)
    assert runs.lines == ([b"1", b"2"] if read else [b"1"])
    assert runs.told == told
    runs.source.close()


def test_a_kind_of_compression_that_is_not_read_is_told(log: Path) -> None:
    append(log, b"1\n")
    runs = following(log)
    runs.settle()
    rotate(log)
    Path(f"{log}.1").unlink()
    Path(f"{log}.1.zip").write_bytes(b"PK\x03\x04" + bytes(60))
    append(log, b"2\n")
    runs.settle(10)
    assert runs.lines == [b"1", b"2"]
    assert runs.told == ["foreign"]
    runs.source.close()


@GLOB
def test_a_new_log_with_the_inode_of_one_that_was_compressed(log: Path, glob: bool) -> None:
    append(log, b"1\n")
    runs = following(log, glob=glob)
    runs.settle(4)
    rotate(log)
    append(log, b"2\n")
    runs.settle(4)
    runs.settle(2 * RETIRE)
    old = Path(f"{log}.1")
    data, aside = old.read_bytes(), old.rename(log.with_name("aside"))
    Path(f"{log}.1.gz").write_bytes(gzip.compress(data))
    os.utime(f"{log}.1.gz", (1, 1))
    rotate(log)
    aside.write_bytes(b"3\n")
    aside.rename(log)
    read_once(runs, b"1", b"2", b"3")


def _retired(runs: Runs) -> None:
    runs.settle(2 * RETIRE)


def _restarted(runs: Runs) -> None:
    runs.settle(2 * RETIRE)
    runs.again()


@GLOB
@pytest.mark.parametrize("then", [_retired, _restarted])
def test_a_writer_that_is_late_after_a_rotation(log: Path, glob: bool, then: Callable[[Runs], None]) -> None:
    append(log, b"1\n")
    runs = following(log, glob=glob)
    runs.settle()
    rotate(log)
    append(log, b"2\n")
    runs.settle()
    then(runs)
    append(Path(f"{log}.1"), b"late\n")
    runs.settle(10)
    rotate_delayed(log, 2)
    append(log, b"3\n")
    read_once(runs, b"1", b"late", b"2", b"3")


def test_a_file_that_could_not_be_held_open_is_read_on_from_what_compression_made_of_it(log: Path) -> None:
    append(log, b"1\n")
    runs = following(log)
    runs.settle()
    (growing,) = runs.source._remembered.incarnations.live
    assert isinstance(growing, Growing)
    assert growing.release()
    append(log, b"2\n")
    rotate(log, packed=True)
    append(log, b"3\n")
    read_once(runs, b"1", b"2", b"3")


def test_a_file_that_may_not_be_read_is_waited_for_and_told(log: Path, monkeypatch: Any, caplog: Any) -> None:
    append(log, b"1\n")
    runs = following(log)
    rotate(log)
    runs.settle()
    append(log, b"2\n")
    rotate(log, packed=True)

    def forbidden(opener: Opener, path: str) -> str:
        raise InputError(f"cannot read {path}: permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Opener, "kind", forbidden)
        runs.settle(10)
    assert f"waiting: cannot read {log}.1.gz: permission denied" in caplog.text
    read_once(runs, b"1", b"2")
