"""Which files a path names, what they are called, and what is refused before anything is read."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import from_list
from caudal.connectors.files import CONNECTOR
from caudal.core.errors import InputError, OptionError
from caudal.core.types import INT64, Schema
from caudal.ports.records import Block, Decoded
from caudal.ports.registry import check_options
from caudal.ports.source import End

SCHEMA = Schema.of({"x": "string"})


def open_source(path: Any, **options: Any) -> Any:
    return CONNECTOR.source(
        check_options({"path": path, **options}, CONNECTOR.source_options, "files"), options.pop("reader", None), SCHEMA
    )


def names(path: Any, **options: Any) -> list[str]:
    source = open_source(path, **options)
    found = [p.name for p in source.partitions()]
    source.close()
    return found


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.10.log",
        "b.9.log",
        "a.txt",
        "sub/c.log",
        "sub/deep/d.log",
        ".hidden.log",
        ".git/e.log",
        "sub/.f.log",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode() + b"\n")
    return tmp_path


def test_a_directory_is_all_its_files_in_natural_order(tree: Path) -> None:
    assert names(str(tree)) == ["a.txt", "b.9.log", "b.10.log", "sub/c.log", "sub/deep/d.log"]


def test_a_file_is_named_alone(tree: Path) -> None:
    assert names(str(tree / "sub" / "c.log")) == ["c.log"]
    assert names(tree / "sub" / "c.log") == ["c.log"]
    assert names(str(tree / ".hidden.log")) == [".hidden.log"]


@pytest.mark.parametrize(
    "pattern",
    [
        "*.log",
        "**/*.log",
        "sub/**/*.log",
        "s*/c.log",
        "*/*",
        "**/d.log",
        "b.?.log",
        "b.[0-9]*.log",
        ".*.log",
        "sub/.*.log",
    ],
)
def test_globs_find_what_the_standard_library_finds(tree: Path, pattern: str) -> None:
    expected = {p for p in glob.glob(str(tree / pattern), recursive=True) if os.path.isfile(p)}
    assert expected
    source = open_source(str(tree / pattern))
    assert {p.where for p in source.partitions()} == expected
    source.close()


def test_a_glob_names_from_its_fixed_prefix(tree: Path) -> None:
    assert names(str(tree / "sub" / "**" / "*.log")) == ["c.log", "deep/d.log"]


def test_several_paths_are_named_from_what_they_share_and_each_file_is_one(tree: Path) -> None:
    given = [str(tree / "sub"), str(tree / "b.9.log"), str(tree / "*.log"), str(tree / "sub" / "c.log")]
    assert names(given) == ["b.9.log", "b.10.log", "sub/c.log", "sub/deep/d.log"]


def test_links_to_files_are_followed_and_loops_are_not(tree: Path) -> None:
    os.symlink(tree / "sub", tree / "sub" / "deep" / "loop")
    os.symlink("loop2", tree / "loop2")
    outside = tree.parent / "outside.log"
    outside.write_bytes(b"x\n")
    os.symlink(outside, tree / "link.log")
    os.symlink(tree / "a.txt", tree / "again.txt")
    assert names(str(tree)) == ["a.txt", "b.9.log", "b.10.log", "link.log", "sub/c.log", "sub/deep/d.log"]
    assert len(names(str(tree / "**" / "d.log"))) == 1


def test_a_name_with_the_signs_of_a_glob_is_itself(tmp_path: Path) -> None:
    (tmp_path / "a[1].log").write_bytes(b"x\n")
    assert names(str(tmp_path / "a[1].log")) == ["a[1].log"]


def test_a_name_that_is_no_text_can_still_be_written(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/a\xff.log", "wb") as file:
        file.write(b"x\n")
    (name,) = names(str(tmp_path))
    assert name.encode()


@pytest.mark.parametrize("path", ["missing.log", "none*.log", "empty", "nowhere/**/x", "dangling"])
def test_a_path_without_a_file_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    os.symlink("nothing", tmp_path / "dangling")
    with pytest.raises(InputError, match=f"no file at .*{path.partition('*')[0]}") as caught:
        open_source([str(tmp_path / path)])
    assert caught.value.hint


@pytest.mark.parametrize("path", [None, 5, [], [5], "", b"x", ["a", ""], "a\0b"])
def test_what_is_no_path_is_an_error(path: Any) -> None:
    with pytest.raises(OptionError, match="option 'path' of files takes"):
        open_source(path)


@pytest.mark.parametrize(
    "options",
    [{"compression": "gzp"}, {"start": "ende", "follow": True}, {"max_record": 0}, {"max_decoded": -1}, {"poll": -1}],
)
def test_values_out_of_range_are_errors(tree: Path, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"option '{next(iter(options))}' of files"):
        open_source(str(tree), **options)


def test_from_the_end_goes_with_following(tree: Path) -> None:
    with pytest.raises(OptionError, match="follow"):
        open_source(str(tree), start="end")


def test_a_file_that_may_not_be_read_is_an_error_at_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        import builtins

        real = builtins.open

        def refuse(path: Any, *args: Any, **more: Any) -> Any:
            if str(path).endswith("b.9.log"):
                raise PermissionError(13, "Permission denied", path)
            return real(path, *args, **more)

        monkeypatch.setattr(builtins, "open", refuse)
    else:
        os.chmod(tree / "b.9.log", 0)
    with pytest.raises(InputError, match=r"cannot read .*b\.9\.log: Permission denied"):
        open_source(str(tree))


def test_files_beyond_the_budget_are_opened_for_each_read(tmp_path: Path) -> None:
    from caudal.connectors.files.source import Opener

    for i in range(600):
        (tmp_path / f"{i}.log").write_bytes(b"%d\n" % i + (b"x" * 70_000 + b"\n") * (1 + 4 * (i == 598)))
    source = open_source(str(tmp_path), max_record=100_000)
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    found = []
    for _ in range(2):
        for partition in source.partitions():
            block = partition.read(1000)
            assert isinstance(block, Block)
            found.append(bytes(block.data[block.start : block.start + 3]))
    if before:
        assert len(os.listdir("/proc/self/fd")) - before <= 512
    assert found[:600] == [(b"%d\nx" % i)[:3] for i in range(600)]
    assert set(found[600:]) == {b"xxx"}
    assert isinstance(source.partitions()[599].read(1), End)
    os.replace(tmp_path / "597.log", tmp_path / "598.log")
    block, end = source.partitions()[598].read(1), source.partitions()[598].read(1)
    assert [d.reason for d in block.dead] == ["replaced"]
    assert "replaced while it was being read: 218941 of 350009 bytes are missing" in end.failed
    source.close()
    assert Opener("auto", 1, 1).budget.acquire(blocking=False)


def test_a_quarter_of_the_descriptors_is_for_files_that_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    from caudal.connectors.files.streams import budget

    for soft, most in ((64, 16), (1, 1), (1024, 256), (1 << 20, 512), (resource.RLIM_INFINITY, 512)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, soft=soft: (soft, soft))
        room = budget()
        assert sum(room.acquire(blocking=False) for _ in range(600)) == most


def test_thousands_of_small_files_take_little_memory_and_are_opened_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import builtins
    import tracemalloc

    rows = b"".join(b'{"ip": "10.0.0.%d", "n": 1}\n' % i for i in range(5))
    for i in range(2_000):
        (tmp_path / f"{i}.log").write_bytes(rows)
    opened = 0
    real_open, real_os_open = builtins.open, os.open

    def counted(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal opened
            opened += 1
            return real(*args, **kwargs)

        return call

    source_of = open_source(str(tmp_path / "0.log"))  # what is imported and allocated once
    source_of.close()
    monkeypatch.setattr(builtins, "open", counted(real_open))
    monkeypatch.setattr(os, "open", counted(real_os_open))
    tracemalloc.start()
    try:
        source = open_source(str(tmp_path))
        heads = [partition.head() for partition in source.partitions()]
        blocks = [partition.read(1 << 20) for partition in source.partitions()]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert set(heads) == {rows}
    assert {bytes(b.data[b.start : b.stop]) for b in blocks} == {rows}
    assert all(partition.exhausted for partition in source.partitions())
    assert opened == 2_000, "once each"
    assert peak < 2_000 * 6_000, "though all rows are held"
    source.close()


def read_to_end(partition: Any, size: int = 100) -> tuple[bytes, list[str], str]:
    data, reasons = b"", []
    while isinstance(part := partition.read(size), Block):
        data += bytes(part.data[part.start : part.stop])
        reasons += [dead.reason for dead in part.dead]
    return data, reasons, part.failed


LINES = b"".join(b"line %06d\n" % i for i in range(50_000))


@pytest.mark.parametrize(
    ("left", "reason"), [(100_003, "cut_short"), (0, "cut_short"), (-1, "removed"), (-2, "replaced")]
)
def test_a_file_that_is_not_whole_any_more_says_what_is_missing(tmp_path: Path, left: int, reason: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINES)
    source = open_source(str(path))
    (partition,) = source.partitions()
    assert LINES.startswith(partition.head())
    (tmp_path / "b.log").write_bytes(LINES)
    if left >= 0:
        os.truncate(path, left)
    elif left == -1:
        path.unlink()
    elif left == -2:
        os.rename(tmp_path / "b.log", path)
    else:
        path.write_bytes(LINES[::-1])
    data, reasons, failed = read_to_end(partition)
    assert data == LINES[: max(0, left) // 12 * 12]
    assert reasons == [reason]
    assert f"{len(LINES) - max(0, left)} of {len(LINES)} bytes are missing" in failed
    source.close()


def test_a_file_that_grows_is_what_it_was_at_the_start_and_the_line_it_ended_in(tmp_path: Path) -> None:
    for before, later, expected in (
        (b"a\nb\n", b"c\nd\n", b"a\nb\n"),
        (b"a\nb", b"b\nc\n", b"a\nbb\n"),
        (b"a\nb", b"", b"a\nb"),
        (b"a\nb", b"bb", b"a\nbbb"),
        (b"", b"a\nb\n", b"a\nb\n"),
    ):
        (tmp_path / "a.log").write_bytes(before)
        source = open_source(str(tmp_path / "a.log"))
        with open(tmp_path / "a.log", "ab") as file:
            file.write(later)
        for size in (1, 1000):
            assert read_to_end(source.partitions()[0], size) == (expected, [], "")
            source.partitions()[0].seek(0)
        source.close()


def test_a_named_pipe_is_read_like_standard_input(tmp_path: Path) -> None:
    import threading

    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"a\nb\n",))
    thread.start()
    partition = open_source(str(tmp_path / "pipe")).partitions()[0]
    assert (partition.name, partition.live) == ("pipe", True)
    data = b""
    while not isinstance(part := partition.read(100), End):
        data += bytes(part.data[part.start : part.stop]) if isinstance(part, Block) else b""
    thread.join()
    assert data == b"a\nb\n"


def test_without_a_standard_input_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="no standard input"):
        open_source("-")


def test_targets_among_the_inputs_are_known(tree: Path) -> None:
    source = open_source(str(tree / "*.log"))
    os.link(tree / "b.9.log", tree / "same")
    assert source.reads(str(tree / "b.9.log"))
    assert source.reads(str(tree / "same"))
    assert not source.reads(str(tree / "a.txt"))
    assert source.reads(str(tree / "new.log")), "in the next run"
    source.close()


class TenRows:
    """A reader of whole files: row i of a file holds i."""

    def read(self, path: str, skip: int) -> Iterator[Decoded]:
        for start in range(skip, 10, 4):
            rows = list(range(start, min(start + 4, 10)))
            yield Decoded({"x": from_list(rows, INT64)}, len(rows), np.array(rows))


def test_formats_of_whole_files_give_rows(tree: Path) -> None:
    source = CONNECTOR.source({**CONNECTOR.source_options, "path": str(tree / "*.log")}, TenRows(), SCHEMA)
    assert [p.name for p in source.partitions()] == ["b.9.log", "b.10.log"]
    partition = source.partitions()[0]
    assert partition.head() == b""
    for position in (0, 4, 7, 10):
        partition.seek(position)
        found: list[int] = []
        while isinstance(part := partition.read(1), Decoded):
            found += part.columns["x"].to_list()
        assert part == End()
        assert found == list(range(position, 10))
    source.close()
    with pytest.raises(OptionError, match="standard input"):
        CONNECTOR.source({**CONNECTOR.source_options, "path": "-"}, TenRows(), SCHEMA)
