"""The compiled path against the strict reader on every line, and both against Python's csv module.

CAUDAL_FUZZ is the number of lines (20,000 by default).
"""

from __future__ import annotations

import csv
import os
import random

import numpy as np
import pytest

from caudal.core.types import Field, Schema, parse_type
from caudal.formats.csv import FORMAT
from caudal.formats.csv.scanner import Dialect
from caudal.formats.csv.strict import Bad, StrictReader
from caudal.ports.records import Block

pytestmark = pytest.mark.slow

LINES = int(os.environ.get("CAUDAL_FUZZ", "20000"))
FIELDS = (
    Field("s", parse_type("string")),
    Field("i", parse_type("int64")),
    Field("j", parse_type("int32")),
    Field("f", parse_type("float64")),
    Field("g", parse_type("float32")),
    Field("b", parse_type("bool")),
    Field("t", parse_type("timestamp")),
    Field("u", parse_type("timestamp"), unit="ns"),
    Field("k", parse_type("timestamp"), time_format="%d/%b/%Y:%H:%M:%S %z"),
    Field("d", parse_type("duration")),
)
NAMES = [field.name for field in FIELDS]


def number(rng: random.Random) -> str:
    digits = "".join(rng.choices("0123456789", k=rng.choice((1, 2, 3, 5, 9, 15, 17, 18, 19, 20, 25))))
    kind = rng.randrange(6)
    if kind == 0:
        digits = rng.choice("+-") + digits
    elif kind == 1:
        at = rng.randrange(len(digits) + 1)
        digits = digits[:at] + "." + digits[at:]
    elif kind == 2:
        digits += rng.choice("eE") + rng.choice(("", "+", "-")) + str(rng.randrange(400))
    elif kind == 3:
        digits = str(rng.choice((2**31, 2**63, 10**18, 2**53)) * rng.choice((1, -1)) + rng.randrange(-2, 3))
    return digits


GOOD = {
    "s": lambda rng: "".join(rng.choices("ab é€\x00\r;'", k=rng.randrange(6))),
    "i": lambda rng: str(rng.randrange(-(10**6), 10**6)),
    "j": lambda rng: str(rng.randrange(-(10**6), 10**6)),
    "f": lambda rng: repr(rng.choice((rng.random(), float(rng.randrange(1000)), rng.random() * 1e300))),
    "g": lambda rng: repr(rng.random()),
    "b": lambda rng: rng.choice(("true", "FALSE", "1", "0", "True")),
    "t": lambda rng: rng.choice(("2017-01-01", "2017-01-01T10:05:03.5Z", "1500000000123", "1500000000.25")),
    "u": lambda rng: str(rng.randrange(10**18)),
    "k": lambda rng: rng.choice(("17/May/2015:10:05:03 +0000", "7/may/2015:1:05:03 -0730")),
    "d": lambda rng: rng.choice(("15", "-7", "90000", "0", "2500", "1", "+3", "1h30m")),
}


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def make(rng: random.Random) -> bytes:
    texts = []
    for name in NAMES:
        chance = rng.random()
        if chance < 0.9:
            text = GOOD[name](rng)
        elif chance < 0.95:
            text = ""
        elif chance < 0.985:
            text = number(rng)
        else:
            text = rng.choice(("NA", "nan", "inf", "-", "truE", "1_0", "0x1", "١", 'a"b', "2017-02-29", "T", "1e5000"))
        if rng.random() < 0.08:
            text = quoted(text + rng.choice(("", "", ",", '"')))
        texts.append(text)
    line = bytearray(",".join(texts).encode())
    while rng.random() < 0.2:
        at = rng.randrange(len(line) + 1)
        what = rng.choice((b'"', b'""', b",", b"\xff", b"\xc3", b"\xed\xa0\x80", b" ", b"e", b".", b"9" * 20, b"\r"))
        if rng.random() < 0.7:
            line[at:at] = what
        else:
            del line[at : at + rng.randrange(5)]
    return bytes(line)


def outcome(reader: StrictReader, line: bytes) -> tuple:
    try:
        return tuple(reader.read(line))
    except Bad as bad:
        return bad.reason, bad.message, bad.detail


@pytest.mark.parametrize("seed", range(4))
def test_both_paths_agree(seed):
    rng = random.Random(seed)
    options = {**FORMAT.reader_options, "null_values": ["", "NA"]}
    decoder, _ = FORMAT.reader(Schema(FIELDS), frozenset(NAMES), options).open((",".join(NAMES) + "\n").encode(), "x")
    dialect = Dialect(ord(","), ord('"'), -1, (b"", b"NA"))
    strict = StrictReader(dialect, FIELDS, list(range(len(NAMES))), len(NAMES))
    handed_down: list[bytes] = []
    decoder._strict.read = lambda line: (handed_down.append(line), strict.read(line))[1]
    good = 0
    for _ in range(0, LINES // 4, 500):
        lines = [make(rng) for _ in range(500)]
        raw = b"".join(line + rng.choice((b"\n", b"\r\n")) for line in lines)
        data = np.frombuffer(bytearray(raw + b'"' * 128), np.uint8)
        part = decoder.decode(Block(data, 0, len(raw), 0, len(raw)))
        columns = [part.columns[name].to_list() for name in NAMES]
        got = {p: values for p, *values in zip(part.position.tolist(), *columns)}
        got |= {d.position: [d.reason, d.message, d.detail] for d in part.dead}
        position = 0
        for line in raw.removesuffix(b"\n").split(b"\n"):
            record = line.removesuffix(b"\r")
            if record:
                expected = list(outcome(strict, record))
                if isinstance(expected[0], bytes):
                    expected[0] = expected[0].decode()
                assert got.pop(position) == expected, record
                good += len(expected) != 3
            position += len(line) + 1
        assert got == {}
    assert good > LINES // 4 * 0.3
    assert len(handed_down) < LINES // 4 * 0.7


@pytest.mark.parametrize("seed", range(2))
def test_fields_are_those_of_pythons_csv(seed):
    rng = random.Random(100 + seed)
    reader = StrictReader(Dialect(ord(","), ord('"'), -1, (b"",)), (), [], 0)
    both = 0
    for _ in range(LINES // 4):
        line = make(rng)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            continue
        if "\r" in text or not text:
            continue
        try:
            expected = next(csv.reader([text], strict=True))
        except csv.Error:
            with pytest.raises(Bad, match="quote"):
                reader.split(text)
            continue
        assert [value for value, _ in reader.split(text)] == expected
        both += 1
    assert both > LINES // 4 * 0.4


@pytest.mark.parametrize("seed", range(2))
def test_numbers_are_those_of_python(seed):
    rng = random.Random(200 + seed)
    texts = [number(rng) for _ in range(LINES // 4)]
    raw = "".join(f"{text},{text}\n" for text in texts).encode()
    data = np.frombuffer(bytearray(raw + b"9" * 128), np.uint8)
    for name, dtype, low, high in (
        ("i", "int64", -(2**63), 2**63),
        ("f", "float64", 0, 0),
        ("j", "int32", -(2**31), 2**31),
    ):
        options = {**FORMAT.reader_options, "header": False, "columns": ["x", name]}
        decoder, _ = FORMAT.reader(Schema.of({name: dtype}), frozenset([name]), options).open(b"", "x")
        part = decoder.decode(Block(data, 0, len(raw), 0, len(raw)))
        got = dict(zip(part.position.tolist(), part.columns[name].to_list()))
        position = 0
        for text in texts:
            if name == "f":
                value = float(text)
                expected = value if abs(value) != float("inf") else None
            else:
                value = int(text) if text.lstrip("+-").isdigit() else None
                expected = value if value is not None and low <= value < high else None
            assert got.get(position) == expected, text
            position += 2 * len(text) + 2
