"""gzip and zstd against the whole files' own decoders, cut and damaged at every byte."""

from __future__ import annotations

import gzip
import random
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from caudal.connectors.files import CONNECTOR
from caudal.connectors.files.compression import by_magic
from caudal.core.types import Schema
from caudal.ports.records import Block, Dead
from caudal.ports.source import End

SCHEMA = Schema.of({"x": "string"})
TEXT = b"".join(b'{"ip": "10.0.0.%d", "n": %d}\n' % (i * i % 251, i) for i in range(80))
ZSTD = zstandard.ZstdCompressor(write_checksum=True)
SKIPPABLE = b"\x53\x2a\x4d\x18\x05\0\0\0hello"
GZIPPED = gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:])
ZSTDED = ZSTD.compress(TEXT[:1000]) + SKIPPABLE + ZSTD.compress(TEXT[1000:])


def read(path: Path, size: int = 1 << 20, **options: Any) -> tuple[bytes, list[Dead], End]:
    given = {**CONNECTOR.source_options, "path": str(path), **options}
    source = CONNECTOR.source(given, None, SCHEMA)
    partition = source.partitions()[0]
    data, dead = b"", []
    while isinstance(part := partition.read(size), Block):
        assert part.position == len(data)
        data += bytes(part.data[part.start : part.stop])
        dead += part.dead
    assert partition.read(size) == part
    source.close()
    assert isinstance(part, End)
    return data, dead, part


@pytest.mark.parametrize("blob", [GZIPPED, ZSTDED, GZIPPED + b"\0" * 700], ids=["gzip", "zstd", "padded"])
@pytest.mark.parametrize("name", ["f.log", "f.gz", "f.zst"])
def test_members_and_frames_are_one_stream_whatever_the_name(tmp_path: Path, blob: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(blob)
    assert read(tmp_path / name, 100) == (TEXT, [], End())


def test_large_streams_come_whole(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = b"".join(rng.randbytes(20).hex().encode() + b"z" * rng.randrange(3000) + b"\n" for _ in range(3000))
    for name, blob in (("a.gz", gzip.compress(lines, 1)), ("a.zst", zstandard.ZstdCompressor().compress(lines))):
        (tmp_path / name).write_bytes(blob)
        assert read(tmp_path / name, 300_000) == (lines, [], End())


@pytest.mark.parametrize(("blob", "whole"), [(GZIPPED, 3), (ZSTDED, 3)], ids=["gzip", "zstd"])
def test_a_stream_cut_anywhere_gives_its_whole_lines_and_one_dead_letter(
    tmp_path: Path, blob: bytes, whole: int
) -> None:
    path = tmp_path / ("f.gz" if blob is GZIPPED else "f.zst")
    complete = 0
    for length in range(len(blob)):
        path.write_bytes(blob[:length])
        data, dead, end = read(path)
        assert read(path, 1) == (data, dead, end), "whatever the size of reads"
        assert TEXT.startswith(data)
        if not end.failed:
            complete += 1
            assert dead == []
            continue
        assert data == TEXT[: data.rfind(b"\n") + 1]
        (letter,) = dead
        assert (letter.reason, letter.position) == ("truncated", len(data))
        assert TEXT[len(data) :].startswith(letter.payload)
        assert b"\n" not in letter.payload
        assert str(path) in end.failed
    assert complete == whole - 1, "only between members is an end an end"


@pytest.mark.parametrize("blob", [GZIPPED, ZSTDED], ids=["gzip", "zstd"])
def test_a_damaged_stream_never_raises_and_does_not_depend_on_reads(tmp_path: Path, blob: bytes) -> None:
    path = tmp_path / ("f.gz" if blob is GZIPPED else "f.zst")
    found = set()
    for place in range(len(blob)):
        damaged = bytearray(blob)
        damaged[place] ^= 0x5A
        path.write_bytes(damaged)
        data, dead, end = read(path)
        assert read(path, 1) == (data, dead, end)
        if end.failed:
            assert len(dead) == 1
            found.add(dead[0].reason)
        else:
            assert (data, dead) == (TEXT, []), "a header field that does not matter"
    assert found == {"corrupt", "truncated"}


def test_what_is_good_in_a_damaged_chunk_is_given(tmp_path: Path) -> None:
    rng = random.Random(5)
    lines = b"".join(rng.randbytes(30).hex().encode() + b"\n" for _ in range(500))
    blob = bytearray(gzip.compress(lines))
    blob[-6] ^= 1  # the checksum, behind all data
    (tmp_path / "f.gz").write_bytes(blob)
    data, dead, end = read(tmp_path / "f.gz")
    assert data == lines
    assert [d.reason for d in dead] == ["corrupt"]
    assert "CRC" in end.failed or "check" in end.failed


def test_rubbish_behind_the_last_member_is_damage(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(GZIPPED + b"rubbish")
    data, dead, end = read(tmp_path / "f.gz")
    assert (data, [d.reason for d in dead], bool(end.failed)) == (TEXT, ["corrupt"], True)


def test_a_name_that_promises_too_much_is_damage_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(TEXT)
    assert read(tmp_path / "f.gz")[1][0].reason == "corrupt"
    assert read(tmp_path / "f.gz", compression="none") == (TEXT, [], End())


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_stops_at_the_cap_and_in_little_memory(tmp_path: Path, kind: str) -> None:
    line = b"0" * 99 + b"\n"
    path = tmp_path / "bomb"
    packed = gzip.compress(line * 1_000_000, 9) if kind == "gzip" else ZSTD.compress(line * 1_000_000)
    path.write_bytes(packed)
    cap = 5_000_050
    tracemalloc.start()
    try:
        given = {**CONNECTOR.source_options, "path": str(path), "max_decoded": cap}
        partition = CONNECTOR.source(given, None, SCHEMA).partitions()[0]
        size, dead = 0, []
        while isinstance(part := partition.read(1 << 20), Block):
            size += part.stop - part.start
            dead += part.dead
        peak = tracemalloc.get_traced_memory()[1]
        partition.close()
    finally:
        tracemalloc.stop()
    assert size == 5_000_000
    assert [(d.reason, d.position, d.payload) for d in dead] == [("too_large", 5_000_000, b"0" * 50)]
    assert isinstance(part, End)
    assert "max_decoded" in part.failed
    assert peak < 8_000_000


def test_the_cap_is_not_for_files_that_are_not_compressed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(TEXT)
    assert read(tmp_path / "f", max_decoded=10) == (TEXT, [], End())


def test_reading_on_decodes_and_skips(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(GZIPPED)
    partition = CONNECTOR.source(
        {**CONNECTOR.source_options, "path": str(tmp_path / "f.gz")}, None, SCHEMA
    ).partitions()[0]
    ends = []
    while isinstance(part := partition.read(200), Block):
        ends.append(part.end)
    for end in [0, *reversed(ends)]:
        partition.seek(end)
        rest = b""
        while isinstance(part := partition.read(1000), Block):
            rest += bytes(part.data[part.start : part.stop])
        assert rest == TEXT[end:]
    assert partition.head() == TEXT
    partition.close()


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (b"", "none"),
        (b"\x1f", "none"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x50\x2a\x4d\x18", "zstd"),
        (b"\x60\x2a\x4d\x18", "none"),
        (b"P*M\x18"[:3], "none"),
    ],
)
def test_magic_bytes(first: bytes, kind: str) -> None:
    assert by_magic(first) == kind


@pytest.mark.parametrize("blob", [GZIPPED, ZSTDED, TEXT], ids=["gzip", "zstd", "none"])
def test_standard_input_is_decoded_by_its_first_bytes(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import sys

    reader, writer = os.pipe()

    def feed() -> None:
        for i in range(0, len(blob), 3):
            os.write(writer, blob[i : i + 3])
        os.close(writer)

    with os.fdopen(reader, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        thread = threading.Thread(target=feed)
        thread.start()
        partition = CONNECTOR.source({**CONNECTOR.source_options, "path": "-"}, None, SCHEMA).partitions()[0]
        assert (partition.name, partition.live) == ("stdin", True)
        data = b""
        while not isinstance(part := partition.read(500), End):
            data += bytes(part.data[part.start : part.stop]) if isinstance(part, Block) else b""
        thread.join()
    assert (data, part) == (TEXT, End())
