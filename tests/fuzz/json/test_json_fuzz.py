"""The compiled readers and the strict one give the same rows and dead letters for any bytes, and so does an oracle.

CAUDAL_FUZZ sets how many lines are tried (default 20,000).
"""

import json
import os
import random

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Fixed
from caudal.core.types import Field, Schema, make_field
from caudal.formats.json.reader import PARSER, SCANNER, STRICT, JsonReader
from caudal.ports.records import Block

LINES = int(os.environ.get("CAUDAL_FUZZ", "20000"))
PER_BLOCK = 2_000


def _fields() -> dict[str, object]:
    kind = make_field
    return {
        "ip": "string",
        "timestamp": "int64",
        "code": "float64",
        "small": "int32",
        "narrow": "float32",
        "ok": "bool",
        "when": "timestamp",
        "sec": Field("sec", kind("sec", "timestamp").dtype, unit="s"),
        "us": Field("us", kind("us", "timestamp").dtype, unit="us"),
        "day": Field("day", kind("day", "timestamp").dtype, time_format="%d/%b/%Y"),
        "took": "duration",
        "raw": "binary",
        "tags": ["string"],
        "nums": ["float64"],
        "alert": {"signature": "string", "severity": "int64", "meta": {"x": "float64"}},
        "signature": Field("signature", kind("s", "string").dtype, path=("alert", "signature")),
        "deep": Field("deep", kind("d", "int64").dtype, path=("a", "b", "c")),
        "id.orig_h": "string",
        "ключ": "string",
    }


SCHEMA = Schema.of(_fields())

TEXTS = [
    '"10.1.2.3"', '""', '"a"', '"ä€😀"', r'"\u00e4\n\t\"\\\/\b\f\r"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\ude00\ud83d"',
    r'"\uD83Dx"', r'"\u12"', r'"\x"', '"' + "x" * 40 + '"', '"' + "y" * 70 + r'\n"', '"tab\there"', '"\x7f"',
    '"nul\x00"',
    r'"\u0000"', '"' + "ü" * 33 + '"', '"open', r'"\"',
]  # fmt: skip
NUMBERS = [
    "0", "-0", "1", "-1", "12345678", "123456789", "1234567890123456", "12345678901234567", "999999999999999999",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "2147483647",
    "2147483648", "-2147483649", "0.0", "-0.0", "401.0", "4e2", "4E+2", "4e-2", "1e400", "-1e400", "1e-400", "5e-324",
    "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308", "0.1", "0.30000000000000004",
    "1664462456.755299", "0.012166976928710938", "3.4028235e38", "3.4028236e38", "01", "-01", "1.", ".5", "-", "+1",
    "1e",
    "1e+", "0x10", "1..2", "1.2.3", "--1", "1-2", "NaN", "Infinity", "-Infinity", "00.5", "9" * 40, "0." + "1" * 40,
    "1" + "0" * 400, "9007199254740993", "9007199254740993.0", "123456789012345678901e-5", "1e22", "1e23", "8.5e-20",
    "1700000000.5", "1700000000.0005", "-1700000000.0015", "1e15", "9.3e18", "0e5", "0.0e-9", "1E5",
]  # fmt: skip
TIMES = [
    '"2024-02-29T12:00:00Z"', '"2023-02-29T12:00:00Z"', '"2024-01-01"', '"2024-01-01 10:00:00.123456+0200"', '"x"',
    '""',
    '"2018-03-24T14:37:19.037299-0600"', '"10/Oct/2000"', '"31/Feb/2000"', r'"2024\u002d01-01"', "1700000000123", "1.5",
]  # fmt: skip
OTHERS = [
    "true", "false", "null", "True", "nul", "truee", "[]", "{}", "[1,2]", '["a",null,"b"]', '["a",1]', "[1.5,null]",
    "[1,]",
    "[,1]", '{"signature":"s","severity":3,"meta":{"x":1}}', '{"signature":null}', '{"severity":1.5}', '{"b":{"c":5}}',
    '{"b":{"c":"5"}}', '{"b":7}', '{"b":null}', '{"meta":[]}', '{"signature":"a","signature":"b"}',
    '{"x":{"y":[{"z":1}]}}',
    '"YWJj"', '"YW Jj"', '"YQ=="', '"YQ"', '"1h30m"', '"5 s"', '"-5s"', '{"a":1,}', '{"a"}', "{,}", '[{"a":[]}]', "",
]  # fmt: skip
TYPICAL = {
    "ip": TEXTS[:6], "timestamp": ["1700000000123", "-5", "17"], "code": ["200.0", "401", "1e2", "0.25"],
    "small": ["7"],
    "narrow": ["1.5", "0.1"], "ok": ["true", "false"], "when": TIMES[:1] + TIMES[2:4] + TIMES[-2:], "sec": ["17",
    "1.5"],
    "us": ["1700000000123456", "-1"], "day": ['"10/Oct/2000"'], "took": ["5", '"1h30m"'], "raw": ['"YWJj"', '""'],
    "tags": ["[]", '["a","b"]', "null"], "nums": ["[1,2.5]", "[null]"], "id.orig_h": ['"h"'], "ключ": ['"v"'],
    "alert": ['{"signature":"s","severity":3,"meta":{"x":1}}', '{"severity":2,"other":{}}', "{}", "null"],
    "a": ['{"b":{"c":5}}', '{"b":{}}', '{"b":{"x":[1,{"y":2}]}}'], "other": ["1", '"x"', "{}", "[[]]", "null", "0.5"],
}  # fmt: skip
SHAPES = [
    ["ip", "timestamp", "code"],
    ["timestamp", "ip", "other", "code", "ok", "small", "narrow"],
    list(TYPICAL),
    ["when", "sec", "us", "day", "took", "raw"],
    ["alert", "a", "tags", "nums", "other"],
]
ANY = TEXTS + NUMBERS + TIMES + OTHERS
JUNK = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\x80", b"\x00", b"\x0b", b"\\", b'"', b"{",
    b"}", b",",
        b":", b" ", b"\t", b"\r", b"0", b"-", b"[", b"]", b"\xe2\x80\xa8", b"e", b"\xef\xbb\xbf"]  # fmt: skip


def _number(r: random.Random) -> str:
    digits = "".join(r.choice("0123456789") for _ in range(r.randint(1, 21)))
    text = (digits.lstrip("0") or "0") if r.random() < 0.95 else digits
    if r.random() < 0.6:
        text += "." + "".join(r.choice("0123456789") for _ in range(r.randint(1, 20)))
    if r.random() < 0.4:
        text += r.choice("eE") + r.choice(["", "-", "+"]) + str(r.randint(0, 330))
    return ("-" if r.random() < 0.3 else "") + text


def _line(r: random.Random) -> bytes:
    keys = list(r.choice(SHAPES))
    style = r.random()
    if style < 0.15:
        r.shuffle(keys)
    if style < 0.3 and len(keys) > 1:
        keys.pop(r.randrange(len(keys)))
    if 0.3 < style < 0.4:
        keys.append(r.choice(keys))
    pairs = []
    odd = r.random() < 0.5
    for key in keys:
        value = r.choice(TYPICAL[key])
        if odd and r.random() < 1.5 / len(keys):
            value = r.choice([_number(r), r.choice(NUMBERS), r.choice(ANY)])
        name = json.dumps(key, ensure_ascii=r.random() < 0.02)
        if r.random() < 0.005:
            name = f'"\\u{ord(key[0]):04x}{key[1:]}"'
        pairs.append((name, value))
    if r.random() < 0.02:
        pairs.append(('"other"', "[" * r.choice([126, 127, 128, 200]) + "]" * r.choice([126, 127, 128, 200])))
    if r.random() < 0.005:
        depth = r.choice([125, 126, 127, 128])
        pairs.append(('"other"', '{"a":' * depth + "1" + "}" * depth))
    colon, comma = r.choice([(":", ","), (":", ","), (": ", ", "), (" :\t", " , ")])
    line = ("{" + comma.join(name + colon + value for name, value in pairs) + "}").encode("utf-8", "surrogatepass")
    if r.random() < 0.15:
        for _ in range(r.randint(1, 2)):
            at = r.randrange(len(line) + 1)
            cut = r.choice([0, 0, 1, 3])
            line = line[:at] + r.choice([b"", *JUNK]) + line[at + cut :]
    if r.random() < 0.02:
        line = line[: r.randrange(len(line) + 1)]
    if r.random() < 0.05:
        line = r.choice(
            [b"", b" ", b"\t\r", b"[]", b"1", b"null", b'"x"', b"{}", b" {} ", line + b"\r", b"  " + line, line + b"x"]
        )
    return line.replace(b"\n", b"")


def _block(lines: list[bytes], r: random.Random, position: int = 0) -> Block:
    data = b"\n".join(lines) + (b"\n" if r.random() < 0.7 else b"")
    lead = r.choice([0, 0, 13])
    # what stands behind a block may look like more of it
    raw = bytes(lead) + data + (b'"}]0.9e\\' * 16 + b'\n{"ip":"beyond"}\n' * 4)
    return Block(np.frombuffer(bytearray(raw), np.uint8), lead, lead + len(data), position, position + len(data))


def _plain(column) -> pa.Array:
    """Return values as an Arrow array, in which floats are told apart by their bits."""
    if isinstance(column, Fixed) and column.dtype.is_float:
        values = column.values.astype(np.float64).view(np.int64)
        return pa.array(values, mask=None if column.valid is None else ~column.valid)
    return column.to_arrow()


def _same(lines, block, one, other) -> None:
    told = [(d.position, d.reason, d.message, d.payload) for d in one.dead]
    assert told == [(d.position, d.reason, d.message, d.payload) for d in other.dead]
    assert one.position.tolist() == other.position.tolist()
    assert one.rows == other.rows == len(one.position)
    for name in other.columns:
        left, right = _plain(one.columns[name]), _plain(other.columns[name])
        if not left.equals(right):
            row = next(i for i, (a, b) in enumerate(zip(left, right)) if not a.equals(b))
            at = int(one.position[row]) - block.position + block.start
            text = block.data[at : block.stop].tobytes().split(b"\n")[0]
            raise AssertionError(f"{name}: {left[row]!r} is not {right[row]!r} in {text!r}")


def test_compiled_readers_agree_with_the_strict_one() -> None:
    r = random.Random(11)
    names = frozenset(SCHEMA.names)
    decoders = {path: JsonReader(SCHEMA, names, path).open(b"", "x")[0] for path in (SCANNER, PARSER, STRICT)}
    some = JsonReader(SCHEMA, frozenset(["ip", "small"])).open(b"", "x")[0]
    accepted = refused = 0
    for _ in range(max(1, LINES // PER_BLOCK)):
        lines = [_line(r) for _ in range(PER_BLOCK)]
        block = _block(lines, r, r.choice([0, 10**12]))
        truth = decoders[STRICT].decode(block)
        for path in (SCANNER, PARSER):
            _same(lines, block, decoders[path].decode(block), truth)
        few = some.decode(block)
        assert set(few.columns) == {"ip", "small"}
        truth.columns = {name: truth.columns[name] for name in few.columns}
        _same(lines, block, few, truth)
        accepted += truth.rows
        refused += len(truth.dead)
    assert accepted > refused > 0


class _Wrong(Exception):
    pass


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    for key, value in pairs:
        _strings(key)
        _strings(value)
    return dict(pairs)


def _strings(value: object) -> None:
    """Refuse lone surrogates, which have no UTF-8."""
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list):
        for item in value:
            _strings(item)


def _constant(name: str) -> None:
    raise _Wrong(name)


def _deepest(text: str) -> int:
    depth = deepest = 0
    quoted = skipping = False
    for c in text:
        if skipping:
            skipping = False
        elif quoted:
            skipping = c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif c in "]}":
            depth -= 1
    return deepest


def _typed(value: object, kind: str) -> object:
    if value is None:
        return None
    if kind == "string" and type(value) is str:
        return value
    if kind == "bool" and type(value) is bool:
        return value
    if kind == "int64" and type(value) is int and -(2**63) <= value < 2**63:
        return value
    if kind == "int32" and type(value) is int and -(2**31) <= value < 2**31:
        return value
    if kind in ("float64", "float32") and type(value) in (int, float):
        real = float(value)  # type: ignore[arg-type]
        with np.errstate(over="ignore"):
            if np.isfinite(real) and (kind == "float64" or np.isfinite(np.float32(real))):
                return real if kind == "float64" else float(np.float32(real))
    raise _Wrong(kind)


def _oracle(line: bytes) -> list[object] | None:
    """Return the values that a record must have by the rules, None for a dead letter: from Python's own parser."""
    try:
        text = line.decode()
        record = json.loads(text, parse_constant=_constant, object_pairs_hook=_pairs)
        if not isinstance(record, dict) or _deepest(text) > 128:
            return None
        row = [_typed(record.get(name), kind) for name, kind in FLAT.items()]
        at = record.get("a")
        for key in ("b", "c"):
            if at is not None and not isinstance(at, dict):
                return None
            at = None if at is None else at.get(key)
        return [*row, _typed(at, "int64")]
    except (ValueError, OverflowError, _Wrong, RecursionError):
        return None


FLAT = {"ip": "string", "timestamp": "int64", "code": "float64", "small": "int32", "narrow": "float32", "ok": "bool"}


def test_the_reader_agrees_with_python_and_the_written_rules() -> None:
    schema = Schema([*Schema.of(FLAT), SCHEMA["deep"]])
    decoder, _ = JsonReader(schema, frozenset(schema.names)).open(b"", "x")
    r = random.Random(12)
    refused = rows = 0
    for _ in range(max(1, LINES // 4 // PER_BLOCK)):
        lines = [_line(r) for _ in range(PER_BLOCK)]
        found = decoder.decode(_block(lines, r))
        records = [line for line in lines if line.strip(b" \t\r")]
        expected = [_oracle(line) for line in records]
        good = [(line, row) for line, row in zip(records, expected) if row is not None]
        assert [d.payload for d in found.dead] == [r[:4096] for r, row in zip(records, expected) if row is None]
        columns = [found.columns[name].to_list() for name in schema.names]
        for (line, row), *values in zip(good, *columns, strict=True):
            assert repr(values) == repr(row), line
        refused += len(found.dead)
        rows += found.rows
    assert rows > refused > 0
