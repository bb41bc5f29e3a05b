"""CSV against Python's csv module, numbers known by hand, and the real EDGAR log."""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from caudal.core.errors import InputError, OptionError, PlanError
from caudal.core.types import Field, Schema, parse_type
from caudal.formats.csv import FORMAT, infer
from caudal.ports.records import Block

EDGAR = Path(__file__).resolve().parents[4] / "../shared/data/edgar/edgar_2017-01-01_am.csv.gz"
needs_edgar = pytest.mark.skipif(not EDGAR.exists(), reason="the shared sample data is not here")

SCHEMA = {
    "s": "string",
    "i": "int64",
    "j": "int32",
    "f": "float64",
    "g": "float32",
    "b": "bool",
    "t": "timestamp",
    "d": "duration",
}
HEADER = b"s,i,j,f,g,b,t,d\n"


def decode(raw, schema, needed=None, cuts=(), **options):
    """Return (rows as tuples with their positions, dead letters) of a file, cut into blocks behind given lines."""
    schema = Schema.of(schema)
    names = schema.names if needed is None else tuple(n for n in schema.names if n in needed)
    reader = FORMAT.reader(schema, frozenset(names), {**FORMAT.reader_options, **options})
    decoder, at = reader.open(raw[: raw.find(b"\n", 60_000) + 1 or len(raw)], "x.csv")
    data = np.frombuffer(bytearray(b"?" * 7 + raw + b'"' * 128), np.uint8)
    rows, dead = [], []
    for end in [*sorted(cuts), len(raw)]:
        end = raw.find(b"\n", end) + 1 or len(raw)
        if end <= at:
            continue
        part = decoder.decode(Block(data, 7 + at, 7 + end, 1_000_000 + at, end))
        assert set(part.columns) == set(names)
        assert part.rows == len(part.position)
        assert all(len(column) == part.rows for column in part.columns.values())
        values = zip(*(part.columns[name].to_list() for name in names)) if names else [()] * part.rows
        rows += zip((part.position - 1_000_000).tolist(), values)
        dead += [(d.position - 1_000_000, d.reason, d.payload) for d in part.dead]
        at = end
    return rows, dead


def one(text, kind, **options):
    """Return the value of a field of a two-column line, or the reason why there is none."""
    raw = b"x,c\n0," + (text if isinstance(text, bytes) else text.encode()) + b"\n"
    spec = {"c": kind if isinstance(kind, Field) else parse_type(kind)}
    rows, dead = decode(raw, spec, **options)
    assert len(rows) + len(dead) == 1
    if dead:
        assert dead[0][0] == 4
        assert dead[0][2] == raw[4:-1][:4096]
        return dead[0][1]
    assert rows[0][0] == 4
    return rows[0][1][0]


def ms(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("a", "string", "a"),
        ("", "string", None),
        ('""', "string", ""),
        ('"a,b"', "string", "a,b"),
        ('"a""b"', "string", 'a"b'),
        ('""""', "string", '"'),
        ('"""a"""', "string", '"a"'),
        ('a"b', "string", 'a"b'),
        (' "a"', "string", ' "a"'),
        ("é€😀", "string", "é€😀"),
        ('"é""€"', "string", 'é"€'),
        ("a\rb", "string", "a\rb"),
        ("\x00", "string", "\x00"),
        ('"a', "string", '"a'),
        ('"a"b', "string", '"a"b'),
        ('"a""', "string", '"a""'),
        ('"', "string", '"'),
        ('"a" ', "string", '"a" '),
        ('"a,b', "string", "syntax"),
        ('"1', "int64", "type"),
        ('"a\nb"', "string", "a\nb"),
        ('"a\r\n""b"""', "string", 'a\r\n"b"'),
        ('"\n"', "string", "\n"),
        ("a,b", "string", "fields"),
        (",", "string", "fields"),
        ('"a","b"', "string", "fields"),
        (b"\xff", "string", "\\xff"),
        (b"\\xff\xff", "string", "\\xff\\xff"),
        (b"\xc3", "string", "\\xc3"),
        (b"\xed\xa0\x80", "string", "\\xed\\xa0\\x80"),
        (b"\xc0\x80", "string", "\\xc0\\x80"),
        (b'"\xff', "string", '"\\xff'),
        (b'"\xff,"', "string", "\\xff,"),
        (b"\xff", "int64", "type"),
        ("0", "int64", 0),
        ("+7", "int64", 7),
        ("-7", "int64", -7),
        ("007", "int64", 7),
        ('"200"', "int64", 200),
        ("", "int64", None),
        ('""', "int64", "type"),
        ("9223372036854775807", "int64", 2**63 - 1),
        ("-9223372036854775808", "int64", -(2**63)),
        ("+9223372036854775808", "int64", "range"),
        ("-9223372036854775809", "int64", "range"),
        ("0" * 40 + "12", "int64", 12),
        ("9" * 5000, "int64", "range"),
        ("1.0", "int64", "type"),
        ("1e3", "int64", "type"),
        (" 1", "int64", "type"),
        ("1 ", "int64", "type"),
        ("-", "int64", "type"),
        ("1_0", "int64", "type"),
        ("0x10", "int64", "type"),
        ("١", "int64", "type"),
        ("2147483647", "int32", 2**31 - 1),
        ("2147483648", "int32", "range"),
        ("-2147483648", "int32", -(2**31)),
        ("200.0", "float64", 200.0),
        ("200", "float64", 200.0),
        (".5", "float64", 0.5),
        ("5.", "float64", 5.0),
        ("-1.5E-3", "float64", -0.0015),
        ("0.1", "float64", 0.1),
        ("0.30000000000000004", "float64", 0.30000000000000004),
        ("123456789012345678901234567890", "float64", 123456789012345678901234567890.0),
        ("4.9e-324", "float64", 5e-324),
        ("1e-400", "float64", 0.0),
        ("1e22", "float64", 1e22),
        ("1e23", "float64", 1e23),
        ("9007199254740993", "float64", 9007199254740992.0),
        ("0e999999", "float64", 0.0),
        ("1e400", "float64", "range"),
        ("-1e99999999999", "float64", "range"),
        ("nan", "float64", "type"),
        ("inf", "float64", "type"),
        ("-Infinity", "float64", "type"),
        (".", "float64", "type"),
        ("1e", "float64", "type"),
        ("1e+", "float64", "type"),
        ("e5", "float64", "type"),
        ("1.2.3", "float64", "type"),
        ("1,5", "float64", "fields"),
        ("0.1", "float32", float(np.float32(0.1))),
        ("1e39", "float32", "range"),
        ("3.4028235e38", "float32", float(np.float32(3.4028235e38))),
        ("true", "bool", True),
        ("FALSE", "bool", False),
        ("1", "bool", True),
        ("0", "bool", False),
        ("yes", "bool", "type"),
        ("TRUEST", "bool", "type"),
        ("2", "bool", "type"),
        ("trıe", "bool", "type"),
        ("2017-01-01", "timestamp", ms(2017, 1, 1)),
        ("2017-01-01T00:00:01.9999+01:00", "timestamp", ms(2016, 12, 31, 23, 0, 1) + 999),
        ("1500000000123", "timestamp", 1500000000123),
        ("-1", "timestamp", -1),
        ("1500000000.1235", "timestamp", 1500000000124),
        ("1.5e9", "timestamp", 1500000000000),
        ("9223372036854775808", "timestamp", "range"),
        ("0" * 30 + "5", "timestamp", 5),
        ("99999999999999999.5", "timestamp", "range"),
        ("2017-02-30", "timestamp", "type"),
        ("now", "timestamp", "type"),
        ("1500", "duration", 1500),
        ("1h30m", "duration", 5_400_000),
        ("1.5", "duration", "type"),
        ("3 weeks", "duration", "type"),
        ("9223372036854775808", "duration", "range"),
    ],
)
def test_values(text, kind, expected):
    value = one(text, kind)
    if isinstance(expected, float):
        assert math.copysign(1, value) == math.copysign(1, expected)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("5", "s", 5000),
        ("9223372036854775", "s", 9223372036854775000),
        ("9223372036854776", "s", "range"),
        ("1999", "us", 1),
        ("-1", "us", -1),
        ("1999999", "ns", 1),
        ("2.5", "ms", 3),
        ("-2.5", "ms", -3),
        ("2500.0", "us", 3),
        ("9999999999999999999", "ns", "range"),
        ("2017-01-01", "s", ms(2017, 1, 1)),
    ],
)
def test_units_of_times(text, unit, expected):
    assert one(text, Field("c", parse_type("timestamp"), unit=unit)) == expected


def test_a_time_format_takes_nothing_else():
    kind = Field("c", parse_type("timestamp"), time_format="%Y/%m/%d %H:%M:%S.%f")
    assert one("2019/04/04 16:23:00.325010", kind) == ms(2019, 4, 4, 16, 23) + 325
    assert one("1500000000123", kind) == "type"
    assert one("2019-04-04", kind) == "type"
    assert one("20190404", Field("c", parse_type("timestamp"), time_format="%Y%m%d")) == ms(2019, 4, 4)


def test_options():
    assert one("NA", "int64", null_values=["NA", "-"]) is None
    assert one("-", "string", null_values=["NA", "-"]) is None
    assert one('"NA"', "string", null_values=["NA"]) == "NA"
    assert one("", "string", null_values=["NA"]) == ""
    assert one("", "int64", null_values=[]) == "type"
    assert one('"a', "string", quote="") == '"a'
    assert decode(b"a;b\n1;'x;y'\n", {"a": "int64", "b": "string"}, delimiter=";", quote="'")[0] == [(4, (1, "x;y"))]
    assert decode(b"#\xff\na\tb\n#x\n1\t2\n# y", {"b": "int64"}, delimiter="\t", comment="#") == ([(10, (2,))], [])


def test_without_a_header():
    schema = {"b": "int64"}
    assert decode(b"x,1\ny,2\n", schema, header=False, columns=["a", "b"])[0] == [(0, (1,)), (4, (2,))]
    assert decode(b"1\n\n2\n", schema, header=False)[0] == [(0, (1,)), (2, (None,)), (3, (2,))]
    assert decode(b"\xef\xbb\xbf5\n", schema, header=False)[0] == [(3, (5,))]


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        (b"", []),
        (b"a,b\n", []),
        (b"a,b", []),
        (b"\xef\xbb\xbfa,b\n1,2\n", [(1, 2)]),
        (b"a,b\r\n1,2\r\n", [(1, 2)]),
        (b'a,b\r\n"1","2"\r\n', [(1, 2)]),
        (b"a,b\n1,2", [(1, 2)]),
        (b"a,b\n1,2\r", [(1, 2)]),
        (b'a,b\n1,"2"\r', [(1, 2)]),
        (b"a,b\n\n\r\n1,2\n\n", [(1, 2)]),
        (b"\n\na,b\n1,2\n", [(1, 2)]),
        (b'"a","b"\n1,2\n', [(1, 2)]),
        (b"b,x,a\n2,0,1\n", [(1, 2)]),
        (b"a,x,b,x\n1,0,2,0\n", [(1, 2)]),
        (b"a,b\n1,\n,\n", [(1, None), (None, None)]),
        (b"\0\0a,b\n\0\0\0\n\0\x001,2\n", [(1, 2)]),
        (b'\xef\xbb\xbfa,b\n\xef\xbb\xbf1,2\n\xef\xbb\xbf\xef\xbb\xbf"3",4\n', [(1, 2), (3, 4)]),
        (b'"a","\n",b\n1,x,2\n', [(1, 2)]),
        (b'b,"of\r\ntwo ""lines""",a\r\n2,x,1\r\n', [(1, 2)]),
    ],
)
def test_framing(raw, rows):
    found, dead = decode(raw, {"a": "int64", "b": "int64"})
    assert [values for _, values in found] == rows
    assert dead == []


FORGED = b'ip,n,ua\n1.1.1.1,2,"x\n9.9.9.9,99,forged\ny"\n2.2.2.2,3,c\n'


def test_newlines_in_quotes_forge_no_row_and_hide_none():
    schema = {"ip": "string", "n": "int64", "ua": "string"}
    rows, dead = decode(FORGED, schema)
    assert rows == [(8, ("1.1.1.1", 2, "x\n9.9.9.9,99,forged\ny")), (42, ("2.2.2.2", 3, "c"))]
    assert dead == []
    for opened in (b'"x', b'"x"y', b'"x""'):  # never closed, text behind, doubled: the line stands alone
        rows, dead = decode(b"ip,n,ua\n1.1.1.1,2," + opened + b"\n2.2.2.2,3,c\n", schema)
        assert [values for _, values in rows] == [("1.1.1.1", 2, opened.decode()), ("2.2.2.2", 3, "c")]
        assert dead == []
    # closed by somebody else's quote, with another number of fields: each line stands alone
    rows, dead = decode(b'ip,n,ua\n1.1.1.1,2,"x\n2.2.2.2,3,c\n3.3.3.3,4,y",z\n', schema)
    assert [values[0] for _, values in rows] == ["1.1.1.1", "2.2.2.2"]
    assert [reason for _, reason, _ in dead] == ["fields"]
    rows, dead = decode(FORGED, schema, quoted_newlines=False)
    assert [values[0] for _, values in rows] == ["1.1.1.1", "9.9.9.9", "2.2.2.2"]
    assert [reason for _, reason, _ in dead] == ["fields"]


def test_quotes_that_take_delimiters_away_are_text():
    """Who controls two fields must not be able to make one of them and what stands between."""
    rows, dead = decode(b'path,n,ua\n"/x,7,y"\n', {"path": "string", "n": "int64", "ua": "string"})
    assert rows == [(10, ('"/x', 7, 'y"'))]
    assert dead == []


def notices(raw, schema, **options):
    reader = FORMAT.reader(Schema.of(schema), frozenset(schema), {**FORMAT.reader_options, **options})
    decoder, at = reader.open(raw, "x.csv")
    data = np.frombuffer(bytearray(raw + b'"' * 128), np.uint8)
    return {n.code: (n.count, n.level) for n in decoder.decode(Block(data, at, len(raw), at, len(raw))).notices}


def test_what_quotes_did_is_told():
    schema = {"ip": "string", "n": "int64", "ua": "string"}
    assert notices(FORGED * 2, schema) == {"quoted_newlines": (2, "note")}
    assert notices(b'ip,n,ua\na,1,"x\nb,1,"y\nc,1,z\n', schema) == {"quotes_as_text": (2, "note")}
    # two lines of one client, with lines of others between: each has the right number of fields by itself
    hiding = {"quoted_newlines": (2, "note"), "hidden": (2, "warning")}
    assert notices(b'ip,n,ua\na,1,"x\nb,1,z\na,1,y"\na,1,"x\na,1,y"', schema) == hiding
    assert notices(b'ip,n,ua\na,1,"x\ny"\na,1,"x\ny,z\n"\n', schema) == {"quoted_newlines": (2, "note")}
    assert notices(b'ua\n"x\ny"\n', {"ua": "string"}) == {"quoted_newlines": (1, "note")}
    assert notices(b'ip,n,ua\n"a",1,"x"\nb,1,"y""z"\n', schema) == {}
    zeek = b"1\t2\n#fields\tb\ta\n3\t4\n#close\t5\n"
    options = {"header": False, "columns": ["a", "b"], "delimiter": "\t", "comment": "#", "quote": ""}
    assert notices(zeek, {"a": "int64"}, **options) == {"columns_renamed": (1, "warning")}
    assert decode(zeek, {"a": "int64"}, **options) == ([(0, (1,)), (16, (3,))], [(4, "columns", b"#fields\tb\ta")])


@pytest.mark.parametrize(
    "head", [b"#separator \\x09\n#fields\ta\n", b"\xef\xbb\xbf#separator \\x09", b"\0\0\n#separator \\x2c\n"]
)
@pytest.mark.parametrize("options", [{}, {"header": False, "columns": ["a"], "comment": "#", "delimiter": "\t"}])
def test_zeeks_own_format_is_refused_by_name(head, options):
    reader = FORMAT.reader(Schema.of({"a": "int64"}), frozenset(), {**FORMAT.reader_options, **options})
    with pytest.raises(InputError, match="Zeek's own tab-separated format") as caught:
        reader.open(head, "conn.log")
    assert "use_json" in caught.value.hint
    assert "zeek-cut" in caught.value.hint


def test_two_fields_may_show_one_column():
    schema = Schema([Field("text", parse_type("string"), ("c",)), Field("number", parse_type("int64"), ("c",))])
    rows, dead = decode(b'c,x\n7,0\n"""",0\n"0""",0\n"8",""""\n', schema)
    assert [values for _, values in rows] == [("7", 7), ("8", 8)]
    assert [reason for _, reason, _ in dead] == ["type", "type"]


@pytest.mark.parametrize(
    ("head", "message", "hint"),
    [
        (b"ip,kode\n", "has no column 'code'", "'kode'"),
        (b"ip,code,code\n", "more than one column 'code'", "header=False"),
        (b"#c\nip;code\n", "has no column", "the header is delimited by ';': say delimiter=';'"),
        (b"ip\tcode\n", "has no column", "say delimiter='\\t'"),
        (b'ip,"code\n', "cannot read the header", ""),
        (b"ip,\xff\n", "cannot read the header", ""),
        (b"\x00\x01\x02\xfe\xff" * 50, "cannot read the header", ""),
    ],
)
def test_a_header_that_does_not_fit(head, message, hint):
    reader = FORMAT.reader(Schema.of({"code": "int64"}), frozenset(), {**FORMAT.reader_options, "comment": "#"})
    with pytest.raises(InputError, match=message) as caught:
        reader.open(head, "logs/x.csv")
    assert caught.value.location == ("logs/x.csv:2" if head.startswith(b"#") else "logs/x.csv:1")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": ""}, "one ASCII character"),
        ({"delimiter": "||"}, "one ASCII character"),
        ({"delimiter": "é"}, "one ASCII character"),
        ({"delimiter": '"'}, "the same"),
        ({"quote": "\n"}, "one ASCII character"),
        ({"comment": '"'}, "the same"),
        ({"null_values": [None]}, "null_values"),
        ({"columns": ["c"]}, "header=False"),
        ({"columns": ["kode"], "header": False}, "names no 'code'"),
        ({"columns": ["code", "code"], "header": False}, "more than one"),
        ({"columns": "code", "header": False}, "list of names"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(OptionError, match=message):
        FORMAT.reader(Schema.of({"code": "int64"}), frozenset(), {**FORMAT.reader_options, **options})


@pytest.mark.parametrize("spec", ["binary", "list<int64>", {"a": "int64"}])
def test_types_that_csv_has_not(spec):
    schema = Schema.of({"c": spec})
    with pytest.raises(PlanError, match="column 'c'"):
        FORMAT.reader(schema, frozenset(), FORMAT.reader_options)
    with pytest.raises(PlanError, match="column 'c'"):
        FORMAT.encoder(schema, FORMAT.writer_options)


def test_a_path_into_a_line_and_a_bad_time_format_are_refused():
    for field in (Field("c", parse_type("int64"), ("a", "b")), Field("c", parse_type("timestamp"), time_format="%Q")):
        with pytest.raises(PlanError):
            FORMAT.reader(Schema([field]), frozenset(), FORMAT.reader_options)


LINES = HEADER + b"".join(
    [
        b"a,1,2,3.5,4.5,true,2017-01-01,5\n",
        b'"x""y",1,2,3.5,4.5,true,2017-01-01,1h\n',
        b"a,1.0,2,3.5,4.5,true,2017-01-01,5\n",
        b"\xff,1,2,3.5,4.5,true,2017-01-01,5\n",
        b",,,,,,,\r\n",
        b'"a,1,2,3.5,4.5,true,2017-01-01,5\n',
        b"a,1,2\n",
        "é,1,2,0.30000000000000004,4.5,1,7.5,5\n".encode(),
        b"a,1,99999999999,3.5,4.5,true,2017-01-01,5\n",
        b"\n",
        b'"z",1,2,3.5,4.5,true,"2017-01-01",5',
    ]
)


def test_what_is_needed_never_changes_what_is_valid():
    rows, dead = decode(LINES, SCHEMA, encoding="utf-8")
    assert [reason for _, reason, _ in dead] == ["type", "utf8", "fields", "range"]
    assert len(rows) == 6
    rows, dead = decode(LINES, SCHEMA)
    assert [reason for _, reason, _ in dead] == ["type", "fields", "range"]
    assert len(rows) == 7
    for needed in ([], *([name] for name in SCHEMA), ["s", "f"], ["t", "d", "i"]):
        some, same = decode(LINES, SCHEMA, needed)
        assert same == dead
        places = [i for i, name in enumerate(SCHEMA) if name in needed]
        assert some == [(position, tuple(values[i] for i in places)) for position, values in rows]


def test_blocks_may_be_cut_behind_any_line():
    whole = decode(LINES, SCHEMA)
    for seed in range(30):
        cuts = random.Random(seed).sample(range(len(LINES)), 4)
        assert decode(LINES, SCHEMA, cuts=cuts) == whole


def test_rubbish_never_raises():
    rng = random.Random(5)
    for _ in range(200):
        raw = HEADER + rng.randbytes(rng.randrange(400))
        rows, dead = decode(raw, SCHEMA)
        records = [r for r in raw[len(HEADER) :].split(b"\n") if r.removesuffix(b"\r")]
        assert len(rows) + len(dead) == len(records)


@pytest.mark.scanned
@needs_edgar
@pytest.mark.data
def test_edgar():
    raw = gzip.decompress(EDGAR.read_bytes())
    schema = {"ip": "string", "date": "timestamp", "time": "string", "code": "float64", "browser": "string"}
    rows, dead = decode(raw, schema, cuts=range(1 << 18, len(raw), 1 << 18))
    expected = list(csv.DictReader(io.StringIO(raw.decode())))
    assert dead == []
    assert len(rows) == len(expected) == 100_184
    assert [v for _, v in rows] == [
        (r["ip"], 1483228800000, r["time"], float(r["code"]), r["browser"] or None) for r in expected
    ]
    codes = Counter(int(values[3]) for _, values in rows)
    assert codes[200] == 62_810
    assert codes[301] == 31_743
    assert (codes[403], codes[429], codes[404], codes[0]) == (2_198, 2_183, 519, 213)
    assert len({values[0] for _, values in rows}) == 1_604


@needs_edgar
@pytest.mark.data
def test_edgar_is_inferred():
    raw = gzip.decompress(EDGAR.read_bytes())
    schema = infer(raw[: raw.find(b"\n", 100_000) + 1])
    assert str(schema).startswith("ip: string, date: timestamp, time: string, zone: float64, cik: float64")
    assert decode(raw[: raw.find(b"\n", 50_000) + 1], schema)[1] == []


def test_infer():
    raw = (
        b'i,f,b,t,s,z,e,big\n1,1,true,2017-01-01,a,007,,1\n-2,1.5,FALSE,2017-01-01T10:00Z,1,1,,99999999999999999999\n"x'
    )
    assert (
        str(infer(raw)) == "i: int64, f: float64, b: bool, t: timestamp, s: string, z: string, e: string, big: float64"
    )
    assert str(infer(b"1;x\n", {"delimiter": ";", "header": False})) == "column_1: int64, column_2: string"
    for bad in (b"", b"a,a\n", b"a,\n1,2\n", b"\xff\n"):
        with pytest.raises(InputError):
            infer(bad)


def write(schema, table, **options):
    encoder = FORMAT.encoder(Schema.of(schema), {**FORMAT.writer_options, **options})
    out = io.BytesIO()
    encoder.begin(out, append=False)
    encoder.write(encoder.encode(table))
    encoder.end()
    return out


TABLE = pa.table(
    {
        "d": pa.array([0, None, 90_000], pa.duration("ms")),
        "t": pa.array([-1, None, 1483228800000], pa.timestamp("ms", "UTC")),
        "b": [True, None, False],
        "g": pa.array([0.1, None, math.inf], pa.float32()),
        "f": [1e300, math.nan, 0.30000000000000004],
        "j": pa.array([1, None, -3], pa.int32()),
        "i": [2**63 - 1, None, -3],
        "s": ['q"u,o', "", None],
    }
)


def test_writer():
    out = write(SCHEMA, TABLE)
    assert out.getvalue().decode().splitlines() == [
        "s,i,j,f,g,b,t,d",
        '"q""u,o",9223372036854775807,1,1e+300,0.1,true,1969-12-31T23:59:59.999Z,0',
        '"",,,,,,,',
        ",-3,-3,0.30000000000000004,,false,2017-01-01T00:00:00.000Z,90000",
    ]


def test_what_is_written_can_be_read():
    rows, dead = decode(write(SCHEMA, TABLE).getvalue(), SCHEMA)
    assert dead == []
    assert [values for _, values in rows] == [
        ('q"u,o', 2**63 - 1, 1, 1e300, float(np.float32(0.1)), True, -1, 0),
        ("", None, None, None, None, None, None, None),
        (None, -3, -3, 0.30000000000000004, None, False, 1483228800000, 90_000),
    ]


@pytest.mark.scanned
def test_blocks_stay_as_they_are_while_others_are_decoded():
    schema = Schema.of({"s": "string", "i": "int64", "f": "float64"})
    reader = FORMAT.reader(schema, frozenset(schema.names), {**FORMAT.reader_options, "header": False})
    decoder, _ = reader.open(b"", "x.csv")
    rng = random.Random(2)
    given = [
        [(f"t{rng.random()}", rng.randrange(10**9), rng.random()) for _ in range(rng.randrange(2000))]
        for _ in range(60)
    ]

    def decoded(rows):
        raw = "".join(f"{s},{i},{f!r}\n" for s, i, f in rows).encode()
        return decoder.decode(Block(np.frombuffer(bytearray(raw + b" " * 128), np.uint8), 0, len(raw), 0, len(raw)))

    with ThreadPoolExecutor(4) as pool:
        parts = [*pool.map(decoded, given)]
    for rows, part in zip(given, parts, strict=True):
        assert [*zip(*(part.columns[name].to_list() for name in schema.names), strict=True)] == rows


def test_the_header_is_written_once():
    schema, table = {'a"b': "int64", "c": "string"}, pa.table({'a"b': [1], "c": ["x"]})
    encoder = FORMAT.encoder(Schema.of(schema), {**FORMAT.writer_options, "delimiter": ";"})
    out = io.BytesIO()
    for append in (False, True):
        encoder.begin(out, append=append)
        encoder.write(encoder.encode(table))
        encoder.end()
    assert out.getvalue() == b'"a""b";c\n1;x\n1;x\n'
    assert write(schema, table, header=False).getvalue() == b"1,x\n"
    with pytest.raises(OptionError, match="delimiter"):
        FORMAT.encoder(Schema.of(schema), {"delimiter": "--", "header": True})
