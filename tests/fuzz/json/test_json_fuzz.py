"""All readers give the same rows and dead letters for any bytes, and so does an oracle.

They are the compiled ones, the strict one and that of scripts.

CAUDAL_FUZZ sets how many lines are tried (default 20,000).
"""

import json
import os
import random
import re

import numpy as np
import pyarrow as pa
import pytest

from caudal.columnar.column import Fixed, arrow_type
from caudal.core.types import Field, Schema, make_field
from caudal.formats.json.portable import JsonLines
from caudal.formats.json.reader import PARSER, SCANNER, STRICT, JsonReader
from caudal.ports.portable import plain_fields
from caudal.ports.records import Block

pytestmark = pytest.mark.slow
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
        "any": "json",
        "text": Field("text", kind("t", "string").dtype, path=("any",)),
        "inner": Field("inner", kind("i", "json").dtype, path=("a", "b"), any_json=True),
        "items": [{"x": "int64", "z": "json"}],
    }


SCHEMA = Schema.of(_fields())

TEXTS = [
    '"10.1.2.3"', '""', '"a"', '"ä€😀"', r'"\u00e4\n\t\"\\\/\b\f\r"', r'"\ud83d\ude00"', r'"\ud83d"', r'"\ude00\ud83d"',
    r'"\uD83Dx"', r'"\u12"', r'"\x"', '"' + "x" * 40 + '"', '"' + "y" * 70 + r'\n"', '"tab\there"', '"\x7f"',
    '"nul\x00"',
    r'"\u0000"', '"' + "ü" * 33 + '"', '"open', r'"\"', r'"\x22"', r'"\q\\"', r'"\u12\""', r'"\ud83d\ud83d\ude00"',
    '"' + "z" * 31 + r'\z"', r'"\ü"', '"a\tb\x01"', r'"\\ud83d\ude00"',
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
    '{"x":{"y":[{"z":1}]}}', '{"b":{"c":5,"c":5}}', '{"b":{"c":5,"d":1,"c":6}}', '{"b":1,"b":[1]}', '[{"x":1,"x":2}]',
    '[{"z":1.50,"x":2},{"z":[{}]}]',
    '[{"x":1,"x":1}]', '[{"x":null},{}]', '{"meta":{"x":1},"meta":{"x":1 }}', "[NaN]", '{"y":-Infinity}',
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
    "any": ["22", '"22"', "[22, 1]", '{"a" : "b"}', "null", "1.50", "true"], "items": ['[{"x":1}]', "[]"],
}  # fmt: skip
SHAPES = [
    ["ip", "timestamp", "code"],
    ["timestamp", "ip", "other", "code", "ok", "small", "narrow"],
    list(TYPICAL),
    ["when", "sec", "us", "day", "took", "raw"],
    ["alert", "a", "tags", "nums", "other", "items"],
    ["any", "ip", "small"],
]
ANY = TEXTS + NUMBERS + TIMES + OTHERS
JUNK = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\x80", b"\x00", b"\x0b", b"\\", b'"', b"{",
    b"}", b",",
        b":", b" ", b"\t", b"\r", b"0", b"-", b"[", b"]", b"\xe2\x80\xa8", b"e", b"\xef\xbb\xbf", b"\x01", b"\xc0\xa2",
        b"\\x22", b"\\q", b"\\ud800", b"\\udc00", b"\\u0022", b"NaN", b"\\\xff"]  # fmt: skip


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
            [
                b"",
                b" ",
                b"\t\r",
                b"[]",
                b"1",
                b"null",
                b'"x"',
                b"{}",
                b" {} ",
                line + b"\r",
                b"  " + line,
                line + b"x",
                b"\0\0" + line,
                b"\xef\xbb\xbf" + line,
                b"\0 \xef\xbb\xbf\0" + line,
                b"\0",
                line + b"\0",
            ]
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
    scripts = JsonLines(plain_fields(SCHEMA), SCHEMA.names)
    for _ in range(max(1, LINES // PER_BLOCK)):
        lines = [_line(r) for _ in range(PER_BLOCK)]
        block = _block(lines, r, r.choice([0, 10**12]))
        truth = decoders[STRICT].decode(block)
        _same_in_scripts(scripts, lines, truth)
        for path in (SCANNER, PARSER):
            _same(lines, block, decoders[path].decode(block), truth)
        few = some.decode(block)
        assert set(few.columns) == {"ip", "small"}
        truth.columns = {name: truth.columns[name] for name in few.columns}
        _same(lines, block, few, truth)
        accepted += truth.rows
        refused += len(truth.dead)
    assert accepted > refused > 0


def test_values_that_stay_the_same_are_checked_all_the_same() -> None:
    """Logs of one shape whose values are mostly constant: what is frozen of it changes from block to block."""
    r = random.Random(12)
    names = frozenset(SCHEMA.names)
    frozen = 0
    for _ in range(max(3, LINES // 4_000)):
        strict = JsonReader(SCHEMA, names, STRICT).open(b"", "x")[0]
        one = JsonReader(SCHEMA, frozenset(r.sample(sorted(names), 2))).open(b"", "x")[0]
        keys = [*r.choice(SHAPES), "other", "more", "last"]
        usual = {key: r.choice([*TYPICAL.get(key, ANY), "1", '"x"']) for key in keys}
        for _ in range(6):
            if r.random() < 0.4:
                usual[r.choice(keys)] = r.choice(ANY)
            lines = []
            for _ in range(100):
                values = dict(usual)
                if r.random() < 0.04:
                    key = r.choice(keys)
                    values[key] = r.choice([*TYPICAL.get(key, ANY), *ANY])
                lines.append(
                    ("{" + ",".join(f'"{k}":{v}' for k, v in values.items()) + "}").encode("utf-8", "surrogatepass")
                )
                if r.random() < 0.05:
                    at = r.randrange(len(lines[-1]))
                    lines[-1] = (lines[-1][:at] + r.choice(JUNK) + lines[-1][at + 1 :]).replace(b"\n", b"")
            block = _block(lines, r)
            truth, few = strict.decode(block), one.decode(block)
            truth.columns = {name: truth.columns[name] for name in few.columns}
            _same(lines, block, few, truth)
        frozen += sum(len(scratch.freezing._heads) for scratch in one._scratch)
    assert frozen > 3


def _same_in_scripts(reader, lines, truth) -> None:
    """Hold the reader of scripts against decoded columns."""
    kept, columns, dead = reader.decode(lines, list(range(len(lines))))
    told = [(reason, message, detail, line[:4096]) for _, reason, message, detail, line in dead]
    assert told == [(d.reason, d.message, d.detail, d.payload) for d in truth.dead]
    assert len(kept) == truth.rows
    for field in SCHEMA:
        kind = (
            arrow_type(field.dtype)
            if field.dtype.is_nested or field.dtype.name not in ("timestamp", "duration")
            else pa.int64()
        )
        made = pa.array(columns[field.name], kind)
        wanted = truth.columns[field.name].to_arrow()
        if not made.equals(wanted.cast(kind)):
            row = next(i for i, (a, b) in enumerate(zip(made, wanted.cast(kind))) if not a.equals(b))
            raise AssertionError(f"{field.name}: {made[row]!r} is not {wanted[row]!r} in {lines[kept[row]]!r}")


class _Wrong(Exception):
    pass


class _Parser:
    """An oracle of the lenient rules, a byte at a time; shares nothing with the readers.

    Values: None, bool, list, str, ("number", text), ("constant", text), ("object", [(name, odd, value)]).
    """

    def __init__(self, line: bytes) -> None:
        self.raw = line
        self.at = 0
        self.depth = 0

    def peek(self) -> bytes:
        return self.raw[self.at : self.at + 1]

    def blanks(self) -> None:
        while self.peek() in (b" ", b"\t", b"\r"):
            self.at += 1

    def take(self, what: bytes) -> bool:
        found = self.raw.startswith(what, self.at)
        self.at += len(what) if found else 0
        return found

    def need(self, what: bytes) -> None:
        if not self.take(what):
            raise _Wrong(what)

    def value(self) -> object:
        self.blanks()
        start = self.peek()
        if start == b'"':
            return self.text()[0]
        if start in (b"[", b"{"):
            self.depth += 1
            if self.depth > 128:
                raise _Wrong("depth")
            made = self.array() if start == b"[" else self.object()
            self.depth -= 1
            return made
        for word, meant in ((b"true", True), (b"false", False), (b"null", None)):
            if self.take(word):
                return meant
        for word in (b"NaN", b"Infinity", b"-Infinity"):
            if self.take(word):
                return ("constant", word.decode())
        found = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?").match(self.raw, self.at)
        if not found:
            raise _Wrong("value")
        self.at = found.end()
        return ("number", found[0].decode())

    def array(self) -> list[object]:
        self.need(b"[")
        self.blanks()
        items: list[object] = []
        if self.take(b"]"):
            return items
        while True:
            items.append(self.value())
            self.blanks()
            if self.take(b"]"):
                return items
            self.need(b",")

    def object(self) -> tuple[str, list[tuple[str, bool, object]]]:
        self.need(b"{")
        self.blanks()
        pairs: list[tuple[str, bool, object]] = []
        if self.take(b"}"):
            return ("object", pairs)
        while True:
            self.blanks()
            name, odd = self.text()
            self.blanks()
            self.need(b":")
            pairs.append((name, odd, self.value()))
            self.blanks()
            if self.take(b"}"):
                return ("object", pairs)
            self.need(b",")

    def text(self) -> tuple[str, bool]:
        """Return a text as it reads, and whether it is no valid JSON."""
        self.need(b'"')
        first = self.at
        while self.peek() != b'"':
            if not self.peek():
                raise _Wrong("open")
            self.at += 2 if self.peek() == b"\\" else 1
        if self.at >= len(self.raw):
            raise _Wrong("open")
        raw = self.raw[first : self.at]
        self.at += 1
        out, odd, i = "", False, 0
        while i < len(raw):
            c = raw[i : i + 1]
            if c == b"\\":
                code = raw[i + 2 : i + 6]
                if raw[i + 1 : i + 2] in b'"\\/bfnrt' and raw[i + 1 : i + 2]:
                    out += dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t'))[chr(raw[i + 1])]
                    i += 2
                    continue
                if raw[i + 1 : i + 2] == b"u" and re.fullmatch(rb"[0-9a-fA-F]{4}", code):
                    number = int(code, 16)
                    more = re.match(rb"\\u([dD][c-fC-F][0-9a-fA-F]{2})", raw[i + 6 : i + 12])
                    if 0xD800 <= number < 0xDC00 and more:
                        out += chr(0x10000 + (number - 0xD800) * 0x400 + int(more[1], 16) - 0xDC00)
                        i += 12
                        continue
                    if not 0xD800 <= number < 0xE000:
                        out += chr(number)
                        i += 6
                        continue
                out += "\\"
                odd = True
                i += 1
                continue
            odd |= c < b" "
            for size in (1, 2, 3, 4):
                try:
                    out += raw[i : i + size].decode()
                    i += size
                    break
                except UnicodeDecodeError:
                    continue
            else:
                out += f"\\x{raw[i]:02x}"
                odd = True
                i += 1
        return out, odd


def _typed(value: object, kind: str) -> object:
    if value is None:
        return None
    if isinstance(value, tuple) and value[0] == "number":
        text = value[1]
        if kind in ("int64", "int32") and re.fullmatch("-?[0-9]+", text) and len(text) < 30:
            bits = 63 if kind == "int64" else 31
            if -(2**bits) <= int(text) < 2**bits:
                return int(text)
        if kind in ("float64", "float32"):
            real = float(text) if re.search("[.eE]", text) else float(text) + 0.0
            with np.errstate(over="ignore"):
                if np.isfinite(real) and (kind == "float64" or np.isfinite(np.float32(real))):
                    return real if kind == "float64" else float(np.float32(real))
    if isinstance(value, tuple) and value[0] == "constant" and kind in ("float64", "float32"):
        return None
    if (kind == "string" and isinstance(value, str)) or (kind == "bool" and isinstance(value, bool)):
        return value
    raise _Wrong(kind)


def _looked(found: object, declared: dict[str, object]) -> dict[str, object]:
    """Return the declared fields of an object, refusing odd names and names that stand there twice."""
    assert isinstance(found, tuple)
    kept: dict[str, object] = {}
    for name, odd, value in found[1]:
        if odd or (name in kept and kept[name] != value):
            raise _Wrong(name)
        if name in declared:
            kept[name] = value
            if declared[name] and isinstance(value, tuple) and value[0] == "object":
                _looked(value, declared[name])  # type: ignore[arg-type]
    return kept


def _oracle(line: bytes) -> list[object] | None:
    """Return the values that a record must have by the written rules, None for a dead letter."""
    try:
        parser = _Parser(_headless(line))
        record = parser.value()
        parser.blanks()
        if parser.at < len(parser.raw) or not (isinstance(record, tuple) and record[0] == "object"):
            return None
        fields = _looked(record, {**dict.fromkeys(FLAT), "a": {"b": {"c": {}}}})
        row = [_typed(fields.get(name), kind) for name, kind in FLAT.items()]
        at = fields.get("a")
        for key in ("b", "c"):
            if at is not None and not (isinstance(at, tuple) and at[0] == "object"):
                return None
            at = None if at is None else _looked(at, {key: {"c": {}} if key == "b" else {}}).get(key)
        return [*row, _typed(at, "int64")]
    except _Wrong:
        return None


def _headless(line: bytes) -> bytes:
    """Return a line without blanks, NUL bytes and byte order marks before its record."""
    while True:
        rest = line.lstrip(b" \t\r\0").removeprefix(b"\xef\xbb\xbf")
        if rest == line:
            return line
        line = rest


FLAT = {"ip": "string", "timestamp": "int64", "code": "float64", "small": "int32", "narrow": "float32", "ok": "bool"}


def test_the_reader_agrees_with_python_and_the_written_rules() -> None:
    schema = Schema([*Schema.of(FLAT), SCHEMA["deep"]])
    decoder, _ = JsonReader(schema, frozenset(schema.names)).open(b"", "x")
    r = random.Random(12)
    refused = rows = 0
    for _ in range(max(1, LINES // 4 // PER_BLOCK)):
        lines = [_line(r) for _ in range(PER_BLOCK)]
        found = decoder.decode(_block(lines, r))
        records = [line for line in lines if _headless(line)]
        expected = [_oracle(line) for line in records]
        good = [(line, row) for line, row in zip(records, expected) if row is not None]
        assert [d.payload for d in found.dead] == [r[:4096] for r, row in zip(records, expected) if row is None]
        columns = [found.columns[name].to_list() for name in schema.names]
        for (line, row), *values in zip(good, *columns, strict=True):
            assert repr(values) == repr(row), line
        refused += len(found.dead)
        rows += found.rows
    assert rows > refused > 0
