"""What the JSON reader accepts, refuses and returns, through each of its paths."""

import gzip
import json
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from caudal.core.errors import InputError, OptionError, PlanError
from caudal.core.types import Field, Schema, make_field
from caudal.formats.json import FORMAT
from caudal.formats.json.infer import infer
from caudal.formats.json.reader import PARSER, SCANNER, STRICT, JsonReader
from caudal.formats.json.values import MAX_DEPTH, SIDE_USED, STAMP
from caudal.ports.format import LineReader
from caudal.ports.records import MAX_PAYLOAD, PADDING, Block

DATA = Path(__file__).resolve().parents[4] / "../shared/data"
PATHS = {"scanner": SCANNER, "parser": PARSER, "strict": STRICT}

SCHEMA = Schema.of(
    {
        "s": "string",
        "i": "int64",
        "n": "int32",
        "f": "float64",
        "h": "float32",
        "b": "bool",
        "t": "timestamp",
        "ts": Field("ts", Schema.of({"x": "timestamp"}).dtype("x"), unit="s"),
        "tu": Field("tu", Schema.of({"x": "timestamp"}).dtype("x"), unit="us"),
        "tn": Field("tn", Schema.of({"x": "timestamp"}).dtype("x"), unit="ns"),
        "day": Field("day", Schema.of({"x": "timestamp"}).dtype("x"), time_format="%d/%b/%Y:%H:%M:%S %z"),
        "d": "duration",
        "raw": "binary",
        "l": ["int64"],
        "o": {"x": "int64", "y": {"z": "string"}},
        "deep": Field("deep", Schema.of({"x": "string"}).dtype("x"), path=("o", "y", "z")),
        "a.b": "int64",
        "other": Field("other", Schema.of({"x": "int64"}).dtype("x"), path=("a", "b")),
    }
)


def block(data: bytes, start: int = 0, position: int = 0, behind: bytes = b'"}\n0,]' * 40) -> Block:
    assert len(behind) >= PADDING
    raw = np.frombuffer(bytearray(b"x" * start + data + behind), np.uint8)
    return Block(raw, start, start + len(data), position, position + len(data))


def rows_of(decoded) -> list[dict]:
    lists = {name: column.to_list() for name, column in decoded.columns.items()}
    assert all(len(values) == decoded.rows for values in lists.values())
    return [
        {name: values[row] for name, values in lists.items() if values[row] is not None} for row in range(decoded.rows)
    ]


def decode(data: bytes, path: int = SCANNER, schema: Schema = SCHEMA, needed=None):
    """Decode a block twice, so that the second time finds the shapes learnt; both must agree. Return the second."""
    decoder, _ = JsonReader(schema, frozenset(schema.names if needed is None else needed), path).open(b"", "x")
    first, second = decoder.decode(block(data)), decoder.decode(block(data))
    assert rows_of(first) == rows_of(second)
    assert first.dead == second.dead
    return second


def test_a_block_may_have_any_number_of_lines_whatever_the_one_before_had() -> None:
    """Room is made by the lines of the block before; what does not fit is decoded anew, with its lines counted."""
    decoder, _ = JsonReader(SCHEMA, frozenset(SCHEMA.names)).open(b"", "x")
    long = b'{"i":1,"s":"' + b"x" * 2000 + b'"}\n'
    short = b'{"i":2}\n'
    for lines in (
        [long] * 50,
        [short] * 5000,
        [short] * 5000,
        [long, *[b"\n"] * 3000, b"{\n" * 2000],
        [long] * 50,
        [short] * 9000,
    ):
        data = b"".join(lines)
        made = decoder.decode(block(data))
        counted, _ = JsonReader(SCHEMA, frozenset(SCHEMA.names), STRICT).open(b"", "x")
        wanted = counted.decode(block(data))
        assert rows_of(made) == rows_of(wanted)
        assert made.position.tolist() == wanted.position.tolist()
        assert made.dead == wanted.dead


ACCEPTED = [
    (b"{}", {}),
    (b' \t{ "i" : 5 , "s":\t"x" } \r', {"i": 5, "s": "x"}),
    (b'{"s":null,"i":null,"l":null,"o":null,"raw":null,"t":null}', {}),
    (b'{"i":1,"i":1}', {"i": 1}),
    (b'{"i":1,"i": 1 ,"\\u0069":1}', {"i": 1}),
    (b'{"s":"a","s":"\\u0061"}', {"s": "a"}),
    (b'{"s":"\xff","s":"\\\\xff"}', {"s": "\\xff"}),
    (b'{"l":[1,2],"l":[1 , 2]}', {"l": [1, 2]}),
    (b'{"i":null,"i":null}', {}),
    (b'{"o":{"x":1,"u":2},"o": {"x": 1, "\\u0075":2}}', {"o": {"x": 1, "y": None}}),
    (b'{"u":1,"u":2,"v":{"i":1,"i":2},"i":3}', {"i": 3}),
    (b'{"o":{"x":1,"u":{"x":1,"x":2}}}', {"o": {"x": 1, "y": None}}),
    (b'{"\\u0069":7}', {"i": 7}),
    (b'{"i":9223372036854775807}', {"i": 2**63 - 1}),
    (b'{"i":-9223372036854775808}', {"i": -(2**63)}),
    (b'{"i":-0}', {"i": 0}),
    (b'{"i":12345678901234567}', {"i": 12345678901234567}),
    (b'{"n":2147483647}', {"n": 2**31 - 1}),
    (b'{"f":401}', {"f": 401.0}),
    (b'{"f":4e2}', {"f": 400.0}),
    (b'{"f":-0.0}', {"f": -0.0}),
    (b'{"f":-0}', {"f": 0.0}),
    (b'{"h":-0}', {"h": 0.0}),
    (b'{"f":1664462456.755299}', {"f": 1664462456.755299}),
    (b'{"f":0.012166976928710938}', {"f": 0.012166976928710938}),
    (b'{"f":123456789012345678901234567890}', {"f": 1.2345678901234568e29}),
    (b'{"f":1.7976931348623157e308}', {"f": 1.7976931348623157e308}),
    (b'{"f":1e-400}', {"f": 0.0}),
    (b'{"h":1.5}', {"h": 1.5}),
    (b'{"b":true}', {"b": True}),
    (b'{"b":false}', {"b": False}),
    (b'{"s":""}', {"s": ""}),
    (b'{"s":"\\ud83d\\ude00 \\u00e4 \\"\\\\\\/\\b\\f\\n\\r\\t"}', {"s": '😀 ä "\\/\b\f\n\r\t'}),
    ('{"s":"' + "ä" * 50 + '€😀"}', {"s": "ä" * 50 + "€😀"}),
    (b'{"s":"' + b"x" * 200 + b'"}', {"s": "x" * 200}),
    (b'{"s":"\\u0000"}', {"s": "\0"}),
    (b'{"t":1700000000123}', {"t": 1700000000123}),
    (b'{"t":1.0005}', {"t": 1001}),
    (b'{"t":-1.0005}', {"t": -1001}),
    (b'{"t":"1970-01-01T00:00:01.9999Z"}', {"t": 1999}),
    (b'{"t":"1970-01-01T01:00:00+01:00"}', {"t": 0}),
    (b'{"t":"1970-01-01T00:00:00\\u005a"}', {"t": 0}),
    (b'{"ts":17}', {"ts": 17000}),
    (b'{"ts":-1.5}', {"ts": -1500}),
    (b'{"tu":-1}', {"tu": -1}),
    (b'{"tu":1999}', {"tu": 1}),
    (b'{"tn":1999999}', {"tn": 1}),
    (b'{"day":"01/Jan/1970:00:00:02 +0000"}', {"day": 2000}),
    (b'{"d":90}', {"d": 90}),
    (b'{"d":"1h30m"}', {"d": 5_400_000}),
    (b'{"raw":"YWI="}', {"raw": b"ab"}),
    (b'{"raw":"YW\\u0049="}', {"raw": b"ab"}),
    (b'{"l":[1,null,3]}', {"l": [1, None, 3]}),
    (b'{"l":[]}', {"l": []}),
    (b'{"o":{}}', {"o": {"x": None, "y": None}}),
    (b'{"o":{"x":5,"y":null}}', {"o": {"x": 5, "y": None}}),
    (b'{"a.b":1,"a":{"b":2}}', {"a.b": 1, "other": 2}),
    (b'{"a":null}', {}),
    (b'{"u":' + b"9" * 5000 + b',"i":1}', {"i": 1}),
    (b'{"u":1e400,"v":-1E-9999,"i":1}', {"i": 1}),
    (b'{"u":[{"a":[true,false,null,{}]},"x",-1.5e-3],"i":1}', {"i": 1}),
    (b'{"u":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b',"i":1}', {"i": 1}),
    (b'{"u":' + b'{"a":' * (MAX_DEPTH - 1) + b"1" + b"}" * (MAX_DEPTH - 1) + b',"i":1}', {"i": 1}),
    (b'{"u":"[[[[[[' + b"[" * 300 + b'"}', {}),
    (b'{"":1,"i":2}', {"i": 2}),
    # text of attackers
    (b'{"u":"\xff","s":"a\xffb"}', {"s": "a\\xffb"}),
    (
        b'{"s":"\xc0\xa2,\xed\xa0\x80,\xf4\x90\x80\x80,\xe2\x82"}',
        {"s": r"\xc0\xa2,\xed\xa0\x80,\xf4\x90\x80\x80,\xe2\x82"},
    ),
    (b'{"s":"\xe2\x82\xe2\x82\xac"}', {"s": "\\xe2\\x82\u20ac"}),
    (b'{"s":"\xe4","i":1}', {"s": "\\xe4", "i": 1}),
    (b'{"s":"\\x22","i":1}', {"s": "\\x22", "i": 1}),
    (b'{"s":"\\x22,\\"i\\":2","i":1}', {"s": '\\x22,"i":2', "i": 1}),
    (b'{"s":"\\\xff\\q\\"\\\xc3\xbc\\\t|"}', {"s": '\\\\xff\\q"\\\u00fc\\\t|'}),
    (b'{"s":"\\u12","i":1}', {"s": "\\u12", "i": 1}),
    (b'{"s":"\\u12g4\\uD800\\ud800\\u0041\\udc00\\ud83d\\ude00"}', {"s": "\\u12g4\\uD800\\ud800A\\udc00\U0001f600"}),
    (b'{"s":"\\ud83d\\ud83d\\ude00\\ude00"}', {"s": "\\ud83d\U0001f600\\ude00"}),
    (b'{"s":"a\tb\x00\x1f\rc"}', {"s": "a\tb\0\x1f\rc"}),
    (b'{"s":"' + b"x" * 31 + b"\xff" + b"y" * 70 + b'\\n"}', {"s": "x" * 31 + "\\xff" + "y" * 70 + "\n"}),
    (b'{"l":[],"v":["\xff",{"\xff":"\\q"}],"i":1}', {"l": [], "i": 1}),
    (b'{"v":{"\xff":1,"\\q":2,"\t":3},"i":1}', {"i": 1}),
    (b'{"u":NaN,"v":[Infinity,{"w":-Infinity}],"i":1}', {"i": 1}),
    (b'{"f":NaN,"h":-Infinity,"i":1}', {"i": 1}),
    (b'{"f":Infinity}', {}),
    (b'\x00\x00\x00{"i":1}', {"i": 1}),
    (b'\xef\xbb\xbf{"i":1}', {"i": 1}),
    (b'\x00 \xef\xbb\xbf\xef\xbb\xbf\x00\t{"i":1}', {"i": 1}),
]

REFUSED = [
    (b"[]", "not_object"),
    (b"1", "not_object"),
    (b"null", "not_object"),
    (b'"x"', "not_object"),
    (b"{", "syntax"),
    (b'{"i":1', "syntax"),
    (b'{"i":1}}', "syntax"),
    (b'{"i":1} x', "syntax"),
    (b'{"i":1}{"i":2}', "syntax"),
    (b'{"i":1,}', "syntax"),
    (b'{,"i":1}', "syntax"),
    (b'{"i" 1}', "syntax"),
    (b"{i:1}", "syntax"),
    (b"{'i':1}", "syntax"),
    (b'{"i":01}', "syntax"),
    (b'{"i":-01}', "syntax"),
    (b'{"f":1.}', "syntax"),
    (b'{"f":.5}', "syntax"),
    (b'{"f":1e}', "syntax"),
    (b'{"f":1.2.3}', "syntax"),
    (b'{"f":+1}', "syntax"),
    (b'{"i":NaN}', "type"),
    (b'{"s":Infinity}', "type"),
    (b'{"t":NaN}', "type"),
    (b'{"l":[1,NaN]}', "type"),
    (b'{"u":nan}', "syntax"),
    (b'{"u":-NaN}', "syntax"),
    (b'{"u":+Infinity}', "syntax"),
    (b'{"u":Infinit}', "syntax"),
    (b'{"u":NaN1}', "syntax"),
    (b'{"i":1,"i":2}', "duplicate_key"),
    (b'{"i":"x","i":2}', "duplicate_key"),
    (b'{"i":2,"i":null}', "duplicate_key"),
    (b'{"i":2,"\\u0069":3}', "duplicate_key"),
    (b'{"i":1,"i":1,"i":2,"i":1}', "duplicate_key"),
    (b'{"f":1,"f":1.0}', "duplicate_key"),
    (b'{"s":"1","i":1,"s":1}', "duplicate_key"),
    (b'{"o":{"x":1},"o":{"y":{"z":"q"}}}', "duplicate_key"),
    (b'{"o":{"x":1,"u":1},"o":{"x":1,"u":2}}', "duplicate_key"),
    (b'{"o":{"x":1,"x":2}}', "duplicate_key"),
    (b'{"o":{"y":{"z":"a","u":0,"\\u007a":"b"}}}', "duplicate_key"),
    (b'{"a":{"b":1},"a":{}}', "duplicate_key"),
    (b'{"l":[1],"l":[1,2]}', "duplicate_key"),
    (b'{"i":1,"i":2', "syntax"),
    (b'{"\\q":1}', "syntax"),
    (b'{"a\tb":1}', "syntax"),
    (b'{"o":{"\xff":1}}', "utf8"),
    (b'{"i":1}\x00', "syntax"),
    (b'{\x00"i":1}', "syntax"),
    (b'{"i":\xef\xbb\xbf1}', "syntax"),
    (b'{"s":"a\\', "syntax"),
    (b'{"u":0x10}', "syntax"),
    (b'{"u":tru}', "syntax"),
    (b'{"u":"a', "syntax"),
    (b'{"u":[1,]}', "syntax"),
    (b'{"u":[1 2]}', "syntax"),
    (b'{"u":[}', "syntax"),
    (b'{"u":{"a"}}', "syntax"),
    (b'{"u":[1}}', "syntax"),
    (b'\x0b{"i":1}', "syntax"),
    (b'{"\xff":1}', "utf8"),
    (b'{"\\udfff":1}', "utf8"),
    (b'{"u":1,\xff}', "utf8"),
    (b'{"i":"1"}', "type"),
    (b'{"i":401.0}', "type"),
    (b'{"i":4e2}', "type"),
    (b'{"i":true}', "type"),
    (b'{"i":[1]}', "type"),
    (b'{"i":{}}', "type"),
    (b'{"i":9223372036854775808}', "range"),
    (b'{"i":-9223372036854775809}', "range"),
    (b'{"i":' + b"9" * 5000 + b"}", "range"),
    (b'{"n":2147483648}', "range"),
    (b'{"n":1.0}', "type"),
    (b'{"f":"1"}', "type"),
    (b'{"f":false}', "type"),
    (b'{"f":1e400}', "range"),
    (b'{"f":-1e400}', "range"),
    (b'{"f":1' + b"0" * 400 + b"}", "range"),
    (b'{"h":3.5e38}', "range"),
    (b'{"s":1}', "type"),
    (b'{"s":true}', "type"),
    (b'{"s":{}}', "type"),
    (b'{"s":[]}', "type"),
    (b'{"b":1}', "type"),
    (b'{"b":"true"}', "type"),
    (b'{"t":"yesterday"}', "type"),
    (b'{"t":""}', "type"),
    (b'{"t":true}', "type"),
    (b'{"t":1e300}', "range"),
    (b'{"ts":9223372036854775807}', "range"),
    (b'{"day":"1970-01-01T00:00:00Z"}', "type"),
    (b'{"d":1.5}', "type"),
    (b'{"d":"soon"}', "type"),
    (b'{"raw":"Y"}', "type"),
    (b'{"raw":"Y W I="}', "type"),
    (b'{"raw":5}', "type"),
    (b'{"l":1}', "type"),
    (b'{"l":{}}', "type"),
    (b'{"l":[1,"x"]}', "type"),
    (b'{"l":[1.0]}', "type"),
    (b'{"l":[9223372036854775808]}', "range"),
    (b'{"o":5}', "type"),
    (b'{"o":[]}', "type"),
    (b'{"o":{"x":"1"}}', "type"),
    (b'{"o":{"y":"z"}}', "type"),
    (b'{"a":1}', "type"),
    (b'{"a":{"b":1.5}}', "type"),
    (b'{"i":1,"i":"x"}', "duplicate_key"),
    (b'{"u":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "depth"),
    (b'{"u":' + b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH + b"}", "depth"),
    (b'{"l":' + b"[" * 100_000, "depth"),
]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("line", "expected"), ACCEPTED, ids=[str(line[:40]) for line, _ in ACCEPTED])
def test_accepted(line, expected, path) -> None:
    line = line.encode() if isinstance(line, str) else line
    for end in (b"\n", b"\r\n", b""):
        found = decode(line + end, path)
        assert found.dead == []
        assert rows_of(found) == [expected]
        assert repr(sorted(rows_of(found)[0].items())) == repr(sorted(expected.items()))  # tells -0.0 from 0.0


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=[str(line[:40]) for line, _ in REFUSED])
def test_refused(line, reason, path) -> None:
    for end in (b"\n", b""):
        found = decode(b'{"i":1}\n' + line + end, path)
        assert rows_of(found) == [{"i": 1}]
        (dead,) = found.dead
        assert (dead.reason, dead.position) == (reason, 8)
        assert dead.payload == line[:MAX_PAYLOAD]
        assert dead.truncated == (len(line) > MAX_PAYLOAD)
        # what is needed changes nothing
        assert decode(b'{"i":1}\n' + line + end, path, needed=()).dead == found.dead


def test_messages_name_the_field_and_the_place() -> None:
    found = decode(b'{"o":{"x":1.5}}\n{"f":1e400}\n{"i" 5}\n{"\xff":"\xff"}\n{"l":[1,"a"]}\n{"i":1,"i":2}\n{"i":1e3}\n')
    assert [d.message for d in found.dead] == [
        "field 'o.x' takes an int64, not a number (1.5)",
        "field 'f' is out of the range of float64",
        "not valid JSON: Expecting ':' delimiter at character 6",
        "the name of a field is not valid UTF-8: '\\\\xff'",
        "field 'l[1]' takes an int64, not a string ('a')",
        "field 'i' is named twice, with different values",
        "field 'i' takes an int64, not a number (1000.0)",
    ]
    (huge,) = decode(b'{"i":18446744073709551615}\n').dead
    assert huge.detail == "field i; the type json keeps all digits"


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_blank_lines_are_no_records_and_positions_are_the_lines(path) -> None:
    data = b'\n{"i":1}\n  \t\r\n\r\n{"i":"x"}\n {"i":2}\r\n\n{"i":3}'
    decoder, _ = JsonReader(SCHEMA, frozenset(["i"]), path).open(b"", "x")
    for start, position in ((0, 0), (17, 5_000_000_000)):
        found = decoder.decode(block(data, start, position))
        assert found.columns["i"].to_list() == [1, 2, 3]
        lines = [data.index(text) + position for text in (b'{"i":1}', b' {"i":2}', b'{"i":3}')]
        assert found.position.tolist() == lines
        assert [d.position - position for d in found.dead] == [data.index(b'{"i":"x"}')]
        assert found.rows == 3


def test_nothing_needed_still_counts_rows() -> None:
    found = decode(b'{"i":1}\n{"i":2}\n{"i":2.5}\n', needed=())
    assert (found.rows, found.columns, len(found.dead)) == (2, {}, 1)
    assert decode(b"").rows == 0


def test_byte_order_mark_is_skipped_at_the_start_of_a_partition() -> None:
    reader = FORMAT.reader(SCHEMA, frozenset(["i"]), FORMAT.reader_options)
    assert isinstance(reader, LineReader)
    assert reader.open(b'\xef\xbb\xbf{"i":1}\n', "x")[1] == 3
    assert reader.open(b'{"i":1}\n', "x")[1] == 0


@pytest.mark.scanned
def test_a_known_shape_is_not_parsed_again() -> None:
    decoder, _ = JsonReader(SCHEMA, frozenset(["i", "s"])).open(b"", "x")
    lines = [b'{"i":%d,"o":{"x":%d},"u":[%d],"s":"%s"}\n' % (i, -i, i, b"ab" * i) for i in range(1, 300)]
    lines += [b'{"i":null,"o":{"x":1e3},"u":[],"s":"\\u0041"}\n', b'{"i":7,"o":{"x":1},"u":null,"s":null}\n'] * 10
    lines = [line.replace(b"1e3", b"1000") for line in lines]
    found = decoder.decode(block(b"".join(lines)))
    assert found.rows == len(lines)
    assert found.columns["i"].to_list() == [json.loads(line)["i"] for line in lines]
    assert found.columns["s"].to_list() == [json.loads(line)["s"] for line in lines]
    assert decoder._scratch[0].env[STAMP] == 1


@pytest.mark.scanned
def test_unescaped_text_never_takes_more_room_than_the_block() -> None:
    decoder, _ = JsonReader(SCHEMA, frozenset(["s", "i"])).open(b"", "x")
    text = b"a" * 300 + b"\\n"
    good, bad, other = (b'{"s":"%s","i":%s}\n' % (text, tail) for tail in (b"1", b"1.5", b'1 ,"i":1'))
    data = good + bad * 50 + other * 50 + good
    found = decoder.decode(block(data))
    assert (found.rows, len(found.dead)) == (52, 50)
    assert set(found.columns["s"].to_list()) == {"a" * 300 + "\n"}
    assert decoder._scratch[0].env[SIDE_USED] == 52 * 301


def test_what_is_written_anew_has_room_whatever_it_becomes() -> None:
    inside = Field("c", Schema.of({"c": "json"}).dtype("c"), ("a", "b", "c"), any_json=True)
    schema = Schema([make_field("a", "json"), make_field("s", "json"), inside])
    raw = b"\x01\xff\\q" * 10_000
    data = b'{"a":{"b":{"c":["%s"]}},"s":"%s","a":{"b":{"c":["%s "]}}}\n' % (raw, raw, raw)
    data += b'{"a":{"b":{"c":["%s"]}},"s":"%s","a" : {"b":{"c":["%s"]}}}\n' % (raw, raw, raw)
    found = decode(data, schema=schema)
    assert [d.reason for d in found.dead] == ["duplicate_key"]
    text = r"\u0001\\xff\\q" * 10_000
    plain = "\x01\\xff\\q" * 10_000
    assert rows_of(found) == [{"a": f'{{"b":{{"c":["{text}"]}}}}', "s": plain, "c": f'["{text}"]'}]


@pytest.mark.scanned
def test_time_is_that_of_the_lines_length() -> None:
    schema = Schema.of({"i": "int64", "l": ["int64"], "s": "string"})
    long = b" " * 400_000
    lines = [
        b'{"l":[%s1],"l":[1]%s}' % (long, b',"l":[1]' * 50_000),
        b'{"s":"%s' % (b'\\"' * 500_000),
        b'{"u":' + b"[" * 500_000,
        b'{"u":' + b'{"u":' * 100_000,
    ]
    for path in PATHS.values():
        decoder, _ = JsonReader(schema, frozenset(["i"]), path).open(b"", "x")
        started = time.process_time()
        found = decoder.decode(block(b"\n".join(lines)))
        assert [d.reason for d in found.dead] == ["syntax", "depth", "depth"]
        assert found.rows == 1
        assert time.process_time() - started < 5


@pytest.mark.scanned
def test_more_shapes_than_the_tree_holds() -> None:
    decoder, _ = JsonReader(SCHEMA, frozenset(["i"])).open(b"", "x")
    lines = [b'{"k%d":%d,"i":%d,"q%d":"x"}\n' % (i % 5000, i, i, i % 7000) for i in range(30_000)]
    for _ in range(2):
        found = decoder.decode(block(b"".join(lines)))
        assert found.columns["i"].to_list() == list(range(30_000))


def test_blocks_cut_at_any_line_give_the_same_rows() -> None:
    lines = [line if isinstance(line, bytes) else line.encode() for line, _ in ACCEPTED + REFUSED]
    data = b"\n".join(lines) + b"\n"
    whole = decode(data)
    decoder, _ = JsonReader(SCHEMA, frozenset(SCHEMA.names)).open(b"", "x")
    for cut in range(1, len(lines), 7):
        at = len(b"\n".join(lines[:cut])) + 1
        parts = [decoder.decode(block(data[:at])), decoder.decode(block(data[at:], 5, at))]
        assert [row for part in parts for row in rows_of(part)] == rows_of(whole)
        assert [dead for part in parts for dead in part.dead] == whole.dead
        assert [at for part in parts for at in part.position] == whole.position.tolist()


def test_two_fields_of_one_path() -> None:
    kinds = Schema.of({"i": "int64", "s": "string", "f": "float64"})
    twice = Schema([Field("one", kinds.dtype("i"), ("x", "y")), Field("two", kinds.dtype("i"), ("x", "y"))])
    assert rows_of(decode(b'{"x":{"y":5}}\n', schema=twice)) == [{"one": 5, "two": 5}]
    both = Schema([Field("one", kinds.dtype("i"), ("x",)), Field("two", kinds.dtype("f"), ("x",))])
    found = decode(b'{"x":5}\n{"x":5.5}\n{"x":null}\n{"x":"5"}\n', schema=both)
    assert rows_of(found) == [{"one": 5, "two": 5.0}, {"two": 5.5}, {}]
    assert [d.reason for d in found.dead] == ["type"]
    clash = Schema([Field("one", kinds.dtype("s"), ("x",)), Field("two", kinds.dtype("i"), ("x", "y"))])
    found = decode(b'{"x":"a"}\n{"x":{"y":1}}\n{}\n{"x":1}\n{"x":{"y":"z"}}\n', schema=clash)
    assert ([d.reason for d in found.dead], rows_of(found)) == (["type", "type"], [{"one": "a"}, {"two": 1}, {}])


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_value_counts_where_it_fits_one_of_the_types_of_its_place(path) -> None:
    kinds = {"s": "string", "i": "int64", "t": "timestamp", "l": ["int64"], "raw": "binary", "o": {"y": "int64"}}
    schema = Schema(Field(name, Schema.of(kinds).dtype(name), ("x",)) for name in kinds)
    lines = [b'"ab"', b'"YWI="', b"7", b"[1]", b"1.5", b'{"y":2}', b'{"y":[]}', b'["a"]', b"true", b"null"]
    data = b"".join(b'{"x":%s}\n' % line for line in lines)
    found = decode(data, path, schema)
    assert rows_of(found) == [
        {"s": "ab"},
        {"s": "YWI=", "raw": b"ab"},
        {"i": 7, "t": 7},
        {"l": [1]},
        {"t": 1500},
        {"o": {"y": 2}},
        {},
    ]
    assert [(d.reason, data[d.position :].split(b"\n")[0]) for d in found.dead] == [
        ("type", b'{"x":%s}' % line) for line in lines[6:9]
    ]
    few = decode(data, path, schema, needed=["l"])
    assert (few.dead, few.columns["l"].to_list()) == (found.dead, [None, None, None, [1], None, None, None])


ANY = [
    (b"22", "22"),
    (b'"22"', "22"),
    (b'[22 ,\t"a"]', '[22,"a"]'),
    (b'{"b" : 1, "a":{ }, "b":2}', '{"b":1,"a":{},"b":2}'),
    (b"null", None),
    (b"true", "true"),
    (b"18446744073709551615", "18446744073709551615"),
    (b"-0", "-0"),
    (b"1.50e+07", "1.50e+07"),
    (b"[-0,1.50e+07," + b"9" * 5000 + b"]", "[-0,1.50e+07," + "9" * 5000 + "]"),
    (b"9" * 5000, "9" * 5000),
    (b"1e999", "1e999"),
    (b"NaN", None),
    (b"[NaN,-Infinity]", "[null,null]"),
    (b'"a\\u0062\xff\\q"', "ab\\xff\\q"),
    (b'["a\\u0062\xff\\q\\u000a\x01\\/","\\ud800","\\u00e4"]', '["ab\\\\xff\\\\q\\n\\u0001/","\\\\ud800","\u00e4"]'),
    (b'{"\xff":{"\\u0022":"\\\\"}}', '{"\\\\xff":{"\\"":"\\\\"}}'),
]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_the_type_json_takes_any_value(path) -> None:
    schema = Schema.of({"any": "json", "i": "int64", "o": {"in": "json"}})
    data = b"".join(b'{"any":%s,"i":1,"o":{"in":%s}}\n' % (value, value) for value, _ in ANY)
    found = decode(data, path, schema)
    assert found.dead == []
    assert found.columns["any"].to_list() == [text for _, text in ANY]
    assert found.columns["o"].to_list() == [{"in": text} for _, text in ANY]
    inside = decode(b'{"l":[{"x":1.50},{"x":{"y":[ ]}},{"x":"a"},{}]}\n', path, Schema.of({"l": [{"x": "json"}]}))
    assert rows_of(inside) == [{"l": [{"x": "1.50"}, {"x": '{"y":[]}'}, {"x": "a"}, {"x": None}]}]
    both = Schema([make_field("any", "json"), Field("y", schema.dtype("i"), ("any", "y"))])
    found = decode(b'{"any":{"y": 1}}\n{"any":{"z":[1, 2]}}\n{"any":"a"}\n{"any":{"y":"1"}}\n', path, both)
    assert rows_of(found) == [{"any": '{"y":1}', "y": 1}, {"any": '{"z":[1,2]}'}, {"any": "a"}]
    assert [d.reason for d in found.dead] == ["type"]


STRICTLY = [
    (b'{"s":"\xff"}', "utf8"),
    (b'{"s":"\xc0\x80"}', "utf8"),
    (b'{"u":["\xed\xa0\x80"]}', "utf8"),
    (b'{"u":"\\ud800"}', "utf8"),
    (b'{"u":"\\ud800\\u0041"}', "utf8"),
    (b'{"u":"\\ud800\\ud800\\udc00"}', "utf8"),
    (b'{"u":"\\udc00\\ud800"}', "utf8"),
    (b'{"u":[{"v":"\\ud800"}],"u":1}', "utf8"),
    (b'{"u":{"\xff":1}}', "utf8"),
    (b'{"s":"a\tb"}', "syntax"),
    (b'{"s":"\\x22"}', "syntax"),
    (b'{"u":"\\u12g4"}', "syntax"),
    (b'{"u":NaN}', "syntax"),
    (b'{"f":-Infinity}', "syntax"),
    (b'{"i":1,"i":2}', "duplicate_key"),
]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_the_strict_way(path) -> None:
    lines = [line for line, _ in STRICTLY]
    decoder, _ = JsonReader(SCHEMA, frozenset(["s"]), path, encoding="utf-8").open(b"", "x")
    found = decoder.decode(block(b"\n".join([*lines, b'\xef\xbb\xbf\0{"s":"\\u00e4","i":1,"i":1}\n'])))
    assert [(d.payload, d.reason) for d in found.dead] == STRICTLY
    assert rows_of(found) == [{"s": "\u00e4"}]
    with pytest.raises(OptionError):
        JsonReader(SCHEMA, frozenset(), encoding="latin-1")


def test_who_writes_into_the_log_is_told() -> None:
    schema = Schema.of({"i": "int64", "l": [{"x": "int64"}]})
    lines = [b'{"i":1,"i":2}', b'{"i":3,"i":4}', b'{"l":[{"x":1,"x":2}]}', b'{"l":[{},{"x":1,"x":2}]}', b'{"i":1}']
    found = decode(b"\n".join(lines), schema=schema)
    assert [d.reason for d in found.dead] == ["duplicate_key"] * 4
    assert [(n.code, n.level, n.count, n.text) for n in found.notices] == [
        ("duplicate_key", "warning", 2, f"field '{name}' is named twice, with different values ({{count}} times):"
         " somebody writes into this log") for name in ("i", "l[].x")
    ]  # fmt: skip


WHOLE = [
    (b"[", True),
    (b"[]", True),
    (b'[{"i":1},\n{"i":2}]\n', True),
    (b'\xef\xbb\xbf\r\n [\n{"i":1}]', True),
    (b'[{"i":1},{"i":2}]', True),
    (b'{\n  "i": 1\n}\n{\n', True),
    (b'{\n  "i": ' + b"1" * 70_000, True),
    (b'{"i":1,\n"s":"x"}\n', True),
    (b"", False),
    (b'{"i":1}\n{"i":2}\n', False),
    (b'{"i":1', False),
    (b'{"s":"cut\n{"i":2}\n', False),
    (b'[error] no such file\n{"i":1}\n', False),
    (b'[{"i":1}]\n{"i":2}\n', False),
    (b'{\n{"i":2}\n', False),
    (b'{"i":NaN,"s":"\xff\t"}\n{"i":2}\n', False),
]


@pytest.mark.parametrize(("head", "refused"), WHOLE)
def test_json_that_is_not_one_object_a_line_is_told_before_anything_is_read(head, refused) -> None:
    reader = JsonReader(SCHEMA, frozenset(["i"]))
    if refused:
        with pytest.raises(InputError, match=r"one JSON array|over several lines"):
            reader.open(head, "x")
    else:
        reader.open(head, "x")


def test_threads_share_a_decoder() -> None:
    decoder, _ = JsonReader(SCHEMA, frozenset(["i", "s"])).open(b"", "x")
    parts = [b"".join(b'{"i":%d,"s":"a\\n%d"}\n' % (i * k, i) for i in range(2000)) for k in range(8)]
    results: dict[int, list] = {}

    def work(k: int) -> None:
        results[k] = rows_of(decoder.decode(block(parts[k])))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {k: [{"i": i * k, "s": f"a\n{i}"} for i in range(2000)] for k in range(8)}


def test_bad_declarations_are_refused_before_anything_is_read() -> None:
    when = Schema.of({"t": "timestamp"}).dtype("t")
    with pytest.raises(PlanError):
        FORMAT.reader(Schema([Field("t", when, unit="weeks")]), frozenset(), FORMAT.reader_options)
    with pytest.raises(PlanError):
        FORMAT.reader(Schema([Field("t", when, time_format="%Q")]), frozenset(), FORMAT.reader_options)


FILES = {
    "suricata/eve_alerts_wrccdc-2018.jsonl.gz": {
        "timestamp": "timestamp", "src_port": "int32", "alert": {"signature": "string", "severity": "int64"},
        "proto": "string",
    },
    "suricata/slips6_eve_a.jsonl.gz": {"timestamp": "timestamp", "event_type": "string", "src_ip": "string",
    "flow_id": "int64"},
    "zeek/002_nmap_portscan_conn.json.gz": {"ts": "timestamp", "id.orig_h": "string", "duration": "float64",
    "local_orig": "bool"},
    "zeek/007_honeypot_ssh_part1.json.gz": {"ts": "timestamp", "auth_attempts": "int64", "client": "string"},
    "zeek/apt29_day1_combined_zeek.json.gz": {"@stream": "string", "ts": "timestamp", "duration": "float64"},
    "weblogs/nginx_loopback_access.jsonl.gz": {"time": "timestamp", "msec": "float64", "status": "int32",
    "rt": "float32"},
}  # fmt: skip


@pytest.mark.scanned
@pytest.mark.data
@pytest.mark.parametrize("name", FILES)
def test_real_files(name) -> None:
    if not (DATA / name).exists():
        pytest.skip("the shared sample data is not here")
    data = gzip.decompress((DATA / name).read_bytes())
    schema = Schema.of(FILES[name])
    found = decode(data, schema=schema)
    records = [json.loads(line) for line in data.splitlines() if line.strip()]
    assert (found.dead, found.rows) == ([], len(records))
    strict = decode(data, STRICT, schema)
    for field in schema:
        values = found.columns[field.name].to_list()
        assert values == strict.columns[field.name].to_list()
        if field.dtype.name in ("string", "int32", "int64", "float64", "bool"):
            assert values == [record.get(field.name) for record in records]
        if field.dtype.name == "struct":
            wanted = [{key: record[field.name].get(key) for key in FILES[name][field.name]} for record in records]
            assert values == wanted
    guessed = infer(data)
    everything = decode(data, schema=guessed)
    assert (everything.dead, everything.rows) == ([], len(records))
    assert set(guessed.names) >= set(schema.names)


def test_struct_columns_are_arrow_structs() -> None:
    found = decode(b'{"o":{"x":1,"y":{"z":"a"}}}\n{"o":null}\n')
    column = found.columns["o"].to_arrow()
    assert pa.types.is_struct(column.type)
    assert column.to_pylist() == [{"x": 1, "y": {"z": "a"}}, None]
