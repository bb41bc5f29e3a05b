"""gzip, zstd, xz and bzip2 against the whole files' own decoders, cut and damaged at every byte."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from caudal.connectors.files import CONNECTOR
from caudal.core.errors import InputError
from caudal.core.types import Schema
from caudal.core.unpacking import compression_of
from caudal.observe.notices import Notice
from caudal.ports.records import Block, Dead
from caudal.ports.source import End

SCHEMA = Schema.of({"x": "string"})
TEXT = b"".join(b'{"ip": "10.0.0.%d", "n": %d}\n' % (i * i % 251, i) for i in range(80))
ZSTD = zstandard.ZstdCompressor(write_checksum=True)
SKIPPABLE = b"\x53\x2a\x4d\x18\x05\0\0\0hello"
GZIPPED = gzip.compress(TEXT[:1000]) + gzip.compress(b"") + gzip.compress(TEXT[1000:])
ZSTDED = ZSTD.compress(TEXT[:1000]) + SKIPPABLE + ZSTD.compress(TEXT[1000:])
XZED = lzma.compress(TEXT[:1000]) + b"\0" * 4 + lzma.compress(TEXT[1000:])
BZ2ED = bz2.compress(TEXT[:1000]) + bz2.compress(TEXT[1000:])
LZMAED = lzma.compress(TEXT, lzma.FORMAT_ALONE)
BLOBS = {"gz": GZIPPED, "zst": ZSTDED, "xz": XZED, "bz2": BZ2ED}


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


@pytest.mark.parametrize("name", ["f.log", "f.gz", "f.zst", "f.xz", "f.bz2"])
def test_members_and_frames_are_one_stream_whatever_the_name(tmp_path: Path, name: str) -> None:
    for blob in [*BLOBS.values(), GZIPPED + b"\0" * 700, XZED + b"\0" * 8, LZMAED, TEXT]:
        (tmp_path / name).write_bytes(blob)
        assert read(tmp_path / name, 100) == (TEXT, [], End())


def test_large_streams_come_whole(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = b"".join(rng.randbytes(20).hex().encode() + b"z" * rng.randrange(3000) + b"\n" for _ in range(3000))
    packed = gzip.compress(lines, 1), zstandard.ZstdCompressor().compress(lines), lzma.compress(lines, preset=0)
    for name, blob in zip(("a.gz", "a.zst", "a.xz", "a.bz2"), (*packed, bz2.compress(lines, 1))):
        (tmp_path / name).write_bytes(blob)
        assert read(tmp_path / name, 300_000) == (lines, [], End())


@pytest.mark.parametrize(("suffix", "ends"), [("gz", 2), ("zst", 2), ("xz", 5), ("bz2", 1)])
def test_a_stream_cut_anywhere_gives_its_whole_lines_and_one_dead_letter(
    tmp_path: Path, suffix: str, ends: int
) -> None:
    path, blob = tmp_path / f"f.{suffix}", BLOBS[suffix]
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
    assert complete == ends, "only between members is an end an end"


@pytest.mark.parametrize("suffix", BLOBS)
def test_a_damaged_stream_never_raises_and_does_not_depend_on_reads(tmp_path: Path, suffix: str) -> None:
    path, blob = tmp_path / f"f.{suffix}", BLOBS[suffix]
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
    assert found - {"truncated"} == {"corrupt"}


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


def test_what_is_text_is_text_whatever_the_name_promises_and_it_is_told(tmp_path: Path) -> None:
    for name in ("f.gz", "g.zst", "h.xz", "i.bz2", "j.tar.gz", "k.zip", "l.br"):
        (tmp_path / name).write_bytes(TEXT)
        assert read(tmp_path / name) == (TEXT, [], End())
    partitions = CONNECTOR.source({**CONNECTOR.source_options, "path": str(tmp_path)}, None, SCHEMA).partitions()
    told = [
        n for p in partitions for block in [p.read(100), p.read(100)] if isinstance(block, Block) for n in block.notices
    ]
    expected = Notice(
        "not_compressed", str(tmp_path), "files named like compressed ones that are not: {count}, read as text"
    )
    assert told == [expected] * 5, "once for each file with such a name"


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (b"PK\x03\x04", "a zip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"\x04\x22\x4d\x18", "compressed by lz4"),
        (b"\xff\x06\0\0sNaPpY", "compressed by snappy"),
        (b"\x1f\x9d\x90", "compressed by compress"),
        (b"LZIP\1\x0c", "compressed by lzip"),
        (b"a.log" + bytes(252) + b"ustar\x0000", "a tar archive"),
        (b"\xff\xfe\0\0{\0\0\0", "UTF-32 text"),
        (b"PAR1\x15\x04", "Parquet"),
    ],
)
def test_what_cannot_be_read_is_refused_before_the_run_and_never_ends_a_live_one(
    tmp_path: Path, first: bytes, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "odd name.log").write_bytes(first + bytes(range(256)) + TEXT)
    for path in (tmp_path, tmp_path / "*.log", tmp_path / "odd name.log"):
        with pytest.raises(InputError, match=what) as caught:
            read(path)
        assert "standard input" in caught.value.hint or "parquet" in caught.value.hint
    if what != "UTF-32 text":
        assert read(tmp_path / "odd name.log", compression="none")[0] == first + bytes(range(256)) + TEXT
    (tmp_path / "good.log").write_bytes(TEXT)
    followed = CONNECTOR.source({**CONNECTOR.source_options, "path": str(tmp_path), "follow": True}, None, SCHEMA)
    assert [p.name for p in followed.partitions()] == ["good.log"]
    assert caplog.text.count(what) == 1
    followed.close()


def test_archives_and_brotli_are_known_by_their_names_too(tmp_path: Path) -> None:
    for name, blob in (("f.tgz", GZIPPED), ("f.tar.xz", XZED), ("f.br", bytes(range(7, 200)))):
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(InputError):
            read(tmp_path / name)


@pytest.mark.parametrize("kind", ["gzip", "zstd", "xz", "bz2"])
def test_a_bomb_stops_at_the_cap_and_in_little_memory(tmp_path: Path, kind: str) -> None:
    line = b"0" * 99 + b"\n"
    path = tmp_path / "bomb"
    pack = {"gzip": lambda d: gzip.compress(d, 9), "zstd": ZSTD.compress, "bz2": lambda d: bz2.compress(d, 1)}
    path.write_bytes(pack.get(kind, lambda d: lzma.compress(d, preset=0))(line * 200_000))
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
        (b"\xfd7zXZ\0\0\4", "xz"),
        (b"BZh91AY&SY", "bz2"),
        (b"BZh9 is text", "none"),
    ],
)
def test_magic_bytes(first: bytes, kind: str) -> None:
    assert compression_of(first) == kind


@pytest.mark.parametrize("blob", [*BLOBS.values(), TEXT, TEXT.decode().encode("utf-16")])
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


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_is_read_as_utf8_compressed_or_not(tmp_path: Path, codec: str) -> None:
    text = "".join(f'{{"ip": "10.0.0.{i}", "ü": "日本 \U0001f600 {i}"}}\r\n' for i in range(3000))
    blob = ("\ufeff" + text).encode(codec)
    for name, data in (("f.log", blob), ("f.gz", gzip.compress(blob)), ("f.xz", lzma.compress(blob))):
        (tmp_path / name).write_bytes(data)
        for size in (1, 100_000):
            assert read(tmp_path / name, size) == (text.encode(), [], End())
    partition = CONNECTOR.source(
        {**CONNECTOR.source_options, "path": str(tmp_path / "f.log")}, None, SCHEMA
    ).partitions()[0]
    assert text.encode().startswith(partition.head())
    first = partition.read(5000)
    assert isinstance(first, Block)
    assert first.notices == []
    while isinstance(partition.read(100_000), Block):
        pass
    partition.seek(first.end)
    rest = b""
    while isinstance(part := partition.read(100_000), Block):
        rest += bytes(part.data[part.start : part.stop])
    assert rest == text.encode()[first.end :]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_nothing_of_malformed_utf16_is_lost(tmp_path: Path, codec: str) -> None:
    def units(*codes: int) -> bytes:
        return b"".join(code.to_bytes(2, "little" if codec.endswith("le") else "big") for code in codes)

    pieces = {
        units(0xD800, 0x61): b"\xed\xa0\x80a",
        units(0xDC00, 0xD83D, 0xDE00): b"\xed\xb0\x80\xf0\x9f\x98\x80",
        units(0xD83D, 0xD83D, 0xDE00, 0x0A): b"\xed\xa0\xbd\xf0\x9f\x98\x80\n",
        units(0xFEFF, 0x00, 0xFFFF): b"\xef\xbb\xbf\0\xef\xbf\xbf",
        units(0x62, 0xD800): b"b\xed\xa0\x80",
        units(0x62, 0xD800) + b"\x41": b"b\xed\xa0\x80A",
        units(0x62) + b"\xe9": b"b\xe9",
    }
    for blob, expected in pieces.items():
        for before in (0, 16 * 1024 - 3):
            data = units(0xFEFF) + units(0x78) * before + blob
            (tmp_path / "f").write_bytes(data)
            assert read(tmp_path / "f") == (b"x" * before + expected, [], End())


def test_utf16_without_a_mark_is_told(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(TEXT.decode().encode("utf-16-le"))
    block = (
        CONNECTOR.source({**CONNECTOR.source_options, "path": str(tmp_path / "f")}, None, SCHEMA)
        .partitions()[0]
        .read(9)
    )
    assert isinstance(block, Block)
    (notice,) = block.notices
    assert (notice.code, notice.level) == ("utf16", "warning")
    assert "iconv" in notice.text


def test_a_followed_file_may_be_utf16(tmp_path: Path) -> None:
    path = tmp_path / "f.log"
    path.write_bytes(b"\xff\xfe" + "a\r\nb".encode("utf-16-le"))
    source = CONNECTOR.source({**CONNECTOR.source_options, "path": str(path), "follow": True}, None, SCHEMA)
    (partition,) = source.partitions()
    assert partition.head() == b"a\r\n"
    found = b""
    for more in ("", "é\n", "\U0001f600"[:1] + "\n"):
        with path.open("ab") as file:
            file.write(more.encode("utf-16-le"))
        while isinstance(part := partition.read(100), Block):
            found += bytes(part.data[part.start : part.stop])
    assert found == "a\r\nbé\n\U0001f600\n".encode()
    source.close()
