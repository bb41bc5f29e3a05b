"""Blocks of whole lines against the plainest reader there is: bytes.split."""

from __future__ import annotations

import os
import random
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.lines import HEAD, LinePartition
from caudal.connectors.files.streams import Pipe, Plain
from caudal.core.errors import InputError
from caudal.ports.records import MAX_PAYLOAD, Block, Dead
from caudal.ports.source import End, Nothing


class Chunks:
    """A stream that gives its bytes in chunks of any size, and nothing in between where a chunk is None."""

    def __init__(self, chunks: list[bytes | None]) -> None:
        self.chunks = list(chunks)

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        if not self.chunks:
            return 0
        chunk = self.chunks.pop(0)
        if chunk is None:
            return None
        part = chunk[: len(view)]
        view[: len(part)] = part
        if chunk[len(part) :]:
            self.chunks.insert(0, chunk[len(part) :])
        return len(part)

    def seek(self, position: int) -> None:
        raise InputError("gone")

    def close(self) -> None:
        pass


def expected(data: bytes, limit: int) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes, bool]]]:
    """Return the (position, line) of the records, and of the dead ones with their cut payload."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    good, dead, at = [], [], 0
    for line in lines:
        record = line.lstrip(b"\0")
        if len(record) <= limit:
            good.append((at, record))
        else:
            dead.append((at, record[:MAX_PAYLOAD], len(record) > MAX_PAYLOAD))
        at += len(line) + 1
    return good, dead


def split(block: Block) -> list[tuple[int, bytes]]:
    lines = bytes(block.data[block.start : block.stop]).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    found, at = [], block.position
    for line in lines:
        found.append((at, line.lstrip(b"\0")))
        at += len(line) + 1
    return found


def read(partition: Any, sizes: Any) -> tuple[list[tuple[int, bytes]], list[Dead], End]:
    """Read to the end with sizes drawn by `sizes()`; what is held is compared only at the end."""
    blocks: list[Block] = []
    while not isinstance(part := partition.read(sizes()), End):
        if isinstance(part, Block):
            blocks.append(part)
    ends = [0, *(block.end for block in blocks)]
    assert [block.position for block in blocks] == ends[:-1], "blocks follow one another"
    return [line for block in blocks for line in split(block)], [dead for block in blocks for dead in block.dead], part


def plain(path: Path, budget: threading.Semaphore | None = None) -> Plain:
    status = os.stat(path)
    return Plain(str(path), budget or threading.Semaphore(4), (status.st_dev, status.st_ino), status.st_size)


def over(stream: Any, limit: int = 1 << 20, **more: Any) -> LinePartition:
    return LinePartition("p", stream, Buffers(), max_record=limit, where="here", **more)


NULS = [b"\0" * 5, b"\0" * 30 + b"n", b"\0" * 9000 + b"m" * 20, b"\0" * 40 + b"o" * 21]
LONG = [b"\r", b"x" * 20, b"y" * 21, b"z" * 300, b"w" * 9000]
TEXT = st.lists(st.one_of(st.binary(max_size=12), st.sampled_from(NULS + LONG)), max_size=30).map(b"\n".join)


@settings(max_examples=300, deadline=None)
@given(TEXT, st.randoms(use_true_random=False), st.sampled_from([1, 5, 20, 1000]))
def test_any_data_in_any_chunks_gives_the_lines(data: bytes, rng: random.Random, limit: int) -> None:
    chunks: list[bytes | None] = []
    rest = data
    while rest:
        cut = rng.choice([1, 2, 7, 50, 5000])
        chunks += [rest[:cut]] + [None] * rng.randrange(2)
        rest = rest[cut:]
    lines, dead, end = read(over(Chunks(chunks), limit), lambda: rng.choice([1, 3, 40, 100_000]))
    good, bad = expected(data, limit)
    assert [line for line in lines if line[1]] == [line for line in good if line[1]]  # a blank line is no record
    assert [(d.position, d.payload, d.truncated) for d in dead] == bad
    assert {d.reason for d in dead} <= {"too_long"}
    assert end == End()


@pytest.mark.parametrize("size", [1, 64 * 1024, 100_000, 1 << 20])
def test_a_file_of_many_blocks(tmp_path: Path, size: int) -> None:
    rng = random.Random(size)
    data = b"\n".join(rng.randbytes(rng.choice([0, 3, 280, 5000])).replace(b"\n", b"") for _ in range(1500))
    (tmp_path / "f").write_bytes(data)
    lines, dead, _ = read(over(plain(tmp_path / "f")), lambda: size)
    assert (lines, dead) == (expected(data, 1 << 20)[0], [])


def test_an_empty_file_has_no_block(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    partition = over(plain(tmp_path / "f"))
    assert partition.read(100) == End()


def test_carriage_returns_and_nulls_are_bytes_of_the_record() -> None:
    lines, _, _ = read(over(Chunks([b"a\r\nb\0\xff\r\n\nlast"])), lambda: 100)
    assert lines == [(0, b"a\r"), (3, b"b\0\xff\r"), (8, b""), (9, b"last")]


def test_the_message_says_how_long_and_how_long_it_may_be() -> None:
    _, dead, _ = read(over(Chunks([b"ok\n" + b"x" * 5000 + b"\nok\n"]), 4500), lambda: 1 << 20)
    assert [d.message for d in dead] == ["a record of 5000 bytes is longer than max_record (4500)"]
    assert (dead[0].position, len(dead[0].payload), dead[0].truncated) == (3, MAX_PAYLOAD, True)


def test_a_line_of_100_mb_is_one_dead_letter_and_is_not_held(tmp_path: Path) -> None:
    size = 100_000_000
    with open(tmp_path / "f", "wb") as file:
        file.write(b"before\n")
        file.write(b"{" * 5000)
        file.truncate(7 + size)
        file.seek(7 + size)
        file.write(b"\nafter\n")
    partition = over(plain(tmp_path / "f"))
    tracemalloc.start()
    try:
        lines, dead, _ = read(partition, lambda: 1 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert lines == [(0, b"before"), (7 + size + 1, b"after")]
    assert [(d.position, d.reason, d.payload, d.truncated) for d in dead] == [(7, "too_long", b"{" * 4096, True)]
    assert f"a record of {size} bytes" in dead[0].message
    assert peak < 6_000_000


def test_nuls_at_the_head_of_a_line_are_no_part_of_it_and_are_not_held() -> None:
    data = b"a\n" + b"\0" * 1_000_000 + b"b\nc\n" + b"\0" * 1_000_000
    got = over(Chunks([data[at : at + 1000] for at in range(0, len(data), 1000)]), limit=10)
    lines, dead, end = read(got, lambda: 100)
    assert ([line for line in lines if line[1]], dead, end.failed) == (
        [(0, b"a"), (2, b"b"), (1_000_004, b"c")],
        [],
        "",
    )


def test_a_line_without_an_end_waits_while_the_stream_is_open() -> None:
    stream = Chunks([b"whole\nha", None, None])
    partition = over(stream, live=True)
    assert split(partition.read(100)) == [(0, b"whole")]
    assert partition.read(100) == Nothing()
    stream.chunks = [b"lf", None, None]
    assert partition.read(100) == Nothing()
    stream.chunks = [b"\nlast", None]
    assert split(partition.read(100)) == [(6, b"half")]
    stream.chunks = [None]
    assert partition.read(100) == Nothing()
    stream.chunks = []
    assert split(partition.read(100)) == [(11, b"last")]
    assert partition.read(100) == End()


def test_reading_on_from_every_block_gives_the_rest(tmp_path: Path) -> None:
    data = b"".join(b"%d %s\n" % (i, b"y" * (i % 90)) for i in range(200)) + b"last"
    (tmp_path / "f").write_bytes(data)

    def fresh() -> LinePartition:
        return over(plain(tmp_path / "f"), 80)

    good, bad = expected(data, 80)
    partition, ends = fresh(), [0]
    while isinstance(part := partition.read(300), Block):
        ends.append(part.end)
    assert len(ends) > 20
    for end in ends:
        again = fresh()
        again.seek(end)
        lines, dead = [], []
        while isinstance(part := again.read(1000), Block):
            lines += split(part)
            dead += [d.position for d in part.dead]
        assert lines == [line for line in good if line[0] >= end]
        assert dead == [d[0] for d in bad if d[0] >= end]


def test_reading_on_behind_the_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a\n")
    with pytest.raises(InputError, match="shorter than the position"):
        over(plain(tmp_path / "f")).seek(3)


class TestHead:
    def file(self, tmp_path: Path, data: bytes, limit: int = 1 << 20) -> LinePartition:
        path = tmp_path / "f"
        path.write_bytes(data)
        budget = threading.Semaphore()
        return over(plain(path, budget), limit, reopened=lambda: plain(path, budget))

    def test_of_a_short_file_is_all_of_it(self, tmp_path: Path) -> None:
        assert self.file(tmp_path, b"a,b\n1,2").head() == b"a,b\n1,2"

    def test_of_an_empty_file_is_empty(self, tmp_path: Path) -> None:
        assert self.file(tmp_path, b"").head() == b""

    def test_of_a_long_file_is_whole_lines(self, tmp_path: Path) -> None:
        data = b"x" * 999 + b"\n"
        assert self.file(tmp_path, data * 100).head() == data * (HEAD // 1000)

    def test_has_a_first_line_however_long(self, tmp_path: Path) -> None:
        line = b"x" * 200_000 + b"\n"
        assert self.file(tmp_path, line + b"y\n").head() == line

    def test_is_nothing_when_the_first_line_is_no_record(self, tmp_path: Path) -> None:
        assert self.file(tmp_path, b"x" * 200_000 + b"\ny\n", limit=100_000).head() == b""

    def test_may_be_had_at_any_time(self, tmp_path: Path) -> None:
        partition = self.file(tmp_path, b"h\n1\n2\n")
        partition.seek(2)
        assert partition.head() == b"h\n1\n2\n"
        assert split(partition.read(1)) == [(2, b"1")]
        assert partition.head() == b"h\n1\n2\n"
        assert split(partition.read(1)) == [(4, b"2")]


class TestPipe:
    def test_is_read_as_it_comes(self) -> None:
        reader, writer = os.pipe()
        try:
            partition = over(Pipe(reader, "stdin"), live=True)
            assert partition.read(100) == Nothing()
            os.write(writer, b"one\ntw")
            assert split(partition.read(100)) == [(0, b"one")]
            assert partition.read(100) == Nothing()
            os.write(writer, b"o\nthree")
            assert split(partition.read(100)) == [(4, b"two")]
            os.close(writer)
            writer = -1
            assert split(partition.read(100)) == [(8, b"three")]
            assert partition.read(100) == End()
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)

    def test_head_looks_ahead_and_can_be_passed_over(self) -> None:
        reader, writer = os.pipe()
        try:
            partition = over(Pipe(reader, "stdin"), live=True)
            assert partition.head() == b""
            os.write(writer, b"head\nrow\nhalf")
            assert partition.head() == b"head\nrow\n"
            partition.seek(5)
            assert split(partition.read(100)) == [(5, b"row")]
            assert partition.head() == b"head\nrow\n"
            with pytest.raises(InputError, match="cannot be read again"):
                partition.seek(0)
        finally:
            os.close(reader)
            os.close(writer)


def test_a_head_is_of_whole_lines_however_many_there_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 10_000)
    stream = plain(path)
    made = LinePartition("a", stream, Buffers(), max_record=8, where=str(path), reopened=lambda: plain(path))
    head = made.head()
    assert head.startswith(b"a,b\n")
    assert len(head) <= HEAD
    made.close()


class Quotes:
    """A framer of records that end at a newline behind an even number of quotes."""

    mark = b'"'

    def cut(self, data: Any, start: int, stop: int, size: int, limit: int, *, final: bool) -> tuple[int, int]:
        raw = bytes(data[start:stop])
        ends = [i + 1 for i in range(len(raw)) if raw[i : i + 1] == b"\n" and raw[: i + 1].count(b'"') % 2 == 0]
        end = next((e for e in ends if e >= size), ends[-1] if ends else 0)
        return (stop, stop) if final and not end else (start + end, start + end)


def test_blocks_end_where_records_end_and_settle_ends_the_wait() -> None:
    partition = over(Chunks([b'a\n"b\n', None, b'c"\nd\n"e\n', None, None, b"f\n"]), live=True)
    partition.frame(Quotes())
    found: list[bytes] = []
    polls = 0
    while not isinstance(got := partition.read(100), End):
        if isinstance(got, Nothing):
            polls += 1
            assert partition.settle() == (polls == 1)
            continue
        found.append(bytes(got.data[got.start : got.stop]))
        assert [n.code for n in got.notices] == (["settled"] if polls == 1 and b"e" in found[-1] else [])
    assert b"".join(found) == b'a\n"b\nc"\nd\n"e\nf\n'
    assert b'"e\n' in found
