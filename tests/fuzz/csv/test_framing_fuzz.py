"""Records over several lines: compiled, cut in blocks, and in a script, against the rule as a regular expression.

A tenth of CAUDAL_FUZZ is the number of files (2,000 by default).
"""

from __future__ import annotations

import os
import random
import re
import types

import pytest

from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.lines import LinePartition
from caudal.core.errors import InputError
from caudal.core.types import Schema
from caudal.engines.jvm.job.lines import LineStream
from caudal.formats.csv import FORMAT
from caudal.ports import framing
from caudal.ports.records import Block
from caudal.ports.source import End

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("CAUDAL_FUZZ", "20000")) // 10
WIDTH = 3
SPAN = 64 * 1024
HEADS = (b"\0", b"\xef\xbb\xbf")
QUOTED = re.compile(rb'"((?:[^"]|"")*+)"(?=,|\r?\n|\r?\Z)')
PLAIN = re.compile(rb"[^,\n]*+")

Row = tuple[int, list[str | None]]


def quoted_record(data: bytes, at: int) -> tuple[list[bytes | None], int] | None:
    """Return the fields of a record, and where it ends, by RFC 4180; None where it does not fit."""
    fields: list[bytes | None] = []
    while True:
        if data[at : at + 1] == b'"':
            found = QUOTED.match(data, at)
            if found is None or (b"\n" in found[0] and len(found[0]) - 1 > SPAN):
                return None
            fields.append(found[1].replace(b'""', b'"'))
        else:
            found = PLAIN.match(data, at)
            assert found is not None
            text = found[0]
            if data[found.end() : found.end() + 1] != b",":
                text = text.removesuffix(b"\r")
            fields.append(text or None)
        at = found.end()
        if data[at : at + 1] == b",":
            at += 1
            continue
        end = data.find(b"\n", at)
        return fields, len(data) if end < 0 else end + 1


def oracle(data: bytes, comment: bytes, newlines: bool = True) -> tuple[list[Row], list[int]]:
    """Return the rows with their positions, and the positions of the dead letters."""
    rows: list[Row] = []
    dead: list[int] = []
    at = 0
    while at < len(data):
        position = at
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        while at < end and (head := next((h for h in HEADS if data[at:end].startswith(h)), b"")):
            at += len(head)
        line = data[at:end]
        behind = min(end + 1, len(data))
        if (comment and line.startswith(comment)) or not line.removesuffix(b"\r"):
            at = behind
            continue
        found = quoted_record(data, at)
        if found and (len(found[0]) != WIDTH or (found[1] > behind and not newlines)):
            found = None
        if found is None:
            texts: list[bytes | None] = [text or None for text in line.removesuffix(b"\r").split(b",")]
            found = texts, behind
        if len(found[0]) == WIDTH:
            texts = found[0]
            rows.append(
                (position, [text if text is None else text.decode(errors="backslashreplace") for text in texts])
            )
        else:
            dead.append(position)
        at = found[1]
    return rows, dead


class Chunks:
    def __init__(self, data: bytes, rng: random.Random) -> None:
        self.data, self.at, self.rng = data, 0, rng

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        if self.rng.random() < 0.2:
            return None
        part = self.data[self.at : self.at + self.rng.choice((1, 3, 10, 100_000))][: len(view)]
        view[: len(part)] = part
        self.at += len(part)
        return len(part)

    def seek(self, position: int) -> None:
        raise InputError("gone")

    def close(self) -> None:
        pass


def compiled(data: bytes, options: dict, rng: random.Random, limit: int = 1 << 20) -> tuple[list[Row], list[int]]:
    names = ["a", "b", "c"]
    given = {**FORMAT.reader_options, "header": False, "columns": names, **options}
    schema = Schema.of(dict.fromkeys(names, "string"))
    decoder, _ = FORMAT.reader(schema, frozenset(names), given).open(b"", "x")
    partition = LinePartition("p", Chunks(data, rng), Buffers(), max_record=limit, where="here")
    framing.frame(partition, decoder)
    rows: list[Row] = []
    dead: list[int] = []
    at = 0
    while not isinstance(got := partition.read(rng.choice((1, 5, 50, 100_000))), End):
        if isinstance(got, Block):
            assert got.position == at
            at = got.end
            part = decoder.decode(got)
            columns = [part.columns[name].to_list() for name in names]
            rows += [(p, list(values)) for p, *values in zip(part.position.tolist(), *columns)]
            dead += sorted(d.position for d in [*part.dead, *got.dead])
    assert at == len(data)
    return rows, dead


def by_script(
    data: bytes,
    options: dict,
    rng: random.Random,
    limit: int = 1 << 20,
    chunks: tuple[int, ...] = (1, 3, 10, 1000),
) -> tuple[list[Row], list[int]]:
    names = ["a", "b", "c"]
    given = {**FORMAT.reader_options, "header": False, "columns": names, **options}
    made = FORMAT.portable(Schema.of(dict.fromkeys(names, "string")), frozenset(names), given)
    module: types.ModuleType = __import__(made.module, fromlist=["CsvLines"])
    pieces: list[bytes] = []
    while data:
        cut = rng.choice(chunks)
        pieces.append(data[:cut])
        data = data[cut:]
    stream = LineStream(iter(pieces), limit, "here")
    decode, skip = eval(made.call, vars(module)).open(b"", "x")
    blocks = stream.blocks(skip) if decode.frames is None else stream.records(skip, decode.frames)
    rows: list[Row] = []
    dead: list[int] = []
    for position, lines, more in blocks:
        at = [position]
        for line in lines:
            at.append(at[-1] + len(line) + 1)
        kept, columns, bad = decode(lines, at)
        rows += [(at[i], list(values)) for i, *values in zip(kept, *(columns[name] for name in names))]
        dead += sorted(letter[0] for letter in [*bad, *more])
    return rows, dead


PIECES = (
    b'"',
    b'"',
    b'"',
    b'""',
    b",",
    b",",
    b"\n",
    b"\n",
    b"\r\n",
    b"a",
    b"\0",
    b"\xef\xbb\xbf",
    b"#",
    b"\xff",
    b"\r",
)
LINES = (b'1,2,"x', b'y",2,3', b'a",x,"y', b'","', b"1,2,3", b'"1","2","3"', b'1,"a""b",3', b'"', b'","a",', b'x"', b"")


def make(rng: random.Random) -> bytes:
    if rng.random() < 0.5:
        return b"".join(rng.choices(PIECES, k=rng.randrange(60)))
    lines = rng.choices(rng.sample(LINES, rng.randrange(1, 6)), k=rng.randrange(20))
    return rng.choice((b"\n", b"\r\n")).join(lines) + rng.choice((b"", b"\n"))


@pytest.mark.parametrize("seed", range(3))
def test_all_ways_give_the_records_of_the_rule(seed: int) -> None:
    rng = random.Random(seed)
    several = 0
    for _ in range(FILES // 3):
        data = make(rng)
        options = {"comment": rng.choice(("", "#")), "quoted_newlines": rng.random() < 0.8}
        expected = oracle(data, options["comment"].encode(), options["quoted_newlines"])
        assert compiled(data, options, rng) == expected, data
        assert by_script(data, options, rng) == expected, data
        several += any("\n" in (text or "") for _, row in expected[0] for text in row)
    assert several > FILES // 3 * 0.05


@pytest.mark.parametrize("length", [SPAN - 1, SPAN, SPAN + 1])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_quoted_field_that_spans_lines_closes_within_64_KiB(length: int, where: int) -> None:
    text = b'"' + (b"x\n" * length)[: length - 1] + b'"'  # the quotes are `length` apart
    fields = [b"1", b"2", b"3"]
    fields[where] = text
    data = b"0,0,0\n" + b",".join(fields) + b"\n9,9,9\n"
    rng = random.Random(length)
    expected = oracle(data, b"")
    assert any("\n" in (text or "") for _, row in expected[0] for text in row) == (length <= SPAN)
    assert compiled(data, {}, rng) == expected
    assert by_script(data, {}, rng, chunks=(1000, 30_000)) == expected
