"""Access logs: awkward lines with the outcome expected, and the real logs against their tables."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import caudal as cd
from caudal.core.errors import OptionError, PlanError
from caudal.core.scalars import time_of_text
from caudal.core.types import Field, Schema, parse_type
from caudal.formats.combined import FORMAT, reader
from caudal.formats.combined.portable import LOG_TIME_FORMAT
from caudal.formats.combined.reader import FIELDS
from caudal.ports.records import Block
from caudal.runner.infer import look

LOGS = Path(__file__).resolve().parents[4] / "../shared/data/weblogs"
needs_logs = pytest.mark.skipif(not LOGS.exists(), reason="the shared sample data is not here")

NAMES = FIELDS.names
STAMP = "17/May/2015:10:05:03 +0000"
TIME = 1431857103000
HEAD = f"1.2.3.4 - - [{STAMP}]"


def decode(raw, needed=NAMES, cuts=(), **options):
    """Return (rows as dicts by position, dead letters) of a file, cut into blocks behind given lines."""
    schema = FIELDS
    made = FORMAT.reader(schema, frozenset(needed), {**FORMAT.reader_options, **options})
    decoder, at = made.open(raw[:65536], "access.log")
    data = np.frombuffer(bytearray(b"?" * 7 + raw + b'" 200' * 32), np.uint8)
    rows, dead = {}, []
    for end in [*sorted(cuts), len(raw)]:
        end = raw.find(b"\n", end) + 1 or len(raw)
        if end <= at:
            continue
        part = decoder.decode(Block(data, 7 + at, 7 + end, 1_000_000 + at, end))
        assert set(part.columns) == set(needed)
        assert part.rows == len(part.position)
        lists = {name: column.to_list() for name, column in part.columns.items()}
        assert all(len(values) == part.rows for values in lists.values())
        for i, position in enumerate((part.position - 1_000_000).tolist()):
            rows[position] = {name: values[i] for name, values in lists.items()}
        dead += [(d.position - 1_000_000, d.reason, d.payload) for d in part.dead]
        at = end
    return rows, dead


def one(line, **options):
    """Return the values of a line that are not null, or the reason why it is no row."""
    raw = line if isinstance(line, bytes) else line.encode()
    rows, dead = decode(b"\n" + raw + b"\n", **options)
    assert len(rows) + len(dead) == 1
    if dead:
        assert dead[0][0] == 1
        assert dead[0][2] == raw[:4096]
        return dead[0][1]
    return {name: value for name, value in rows[1].items() if value is not None}


BASE = {"ip": "1.2.3.4", "timestamp": TIME}
GET = {**BASE, "request": "GET /a HTTP/1.1", "method": "GET", "path": "/a", "protocol": "HTTP/1.1"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" "u"',
            {**GET, "status": 200, "bytes": 5, "referer": "r", "user_agent": "u"},
        ),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5', {**GET, "status": 200, "bytes": 5}),
        (f'{HEAD} "GET /a HTTP/1.1" 304 - "-" "-"', {**GET, "status": 304}),
        (f'{HEAD} "GET /a HTTP/1.1" - - "" ""', {**GET, "referer": "", "user_agent": ""}),
        (
            f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" "u" "10.0.0.1" 0.005',
            {**GET, "status": 200, "bytes": 5, "referer": "r", "user_agent": "u"},
        ),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 0.005', {**GET, "status": 200, "bytes": 5}),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 ', {**GET, "status": 200, "bytes": 5}),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 "r"', {**GET, "status": 200, "bytes": 5, "referer": "r"}),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" u', {**GET, "status": 200, "bytes": 5, "referer": "r"}),
        # the last quote is not closed
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" "Mozilla', {**GET, "status": 200, "bytes": 5, "referer": "r"}),
        (f'{HEAD} "GET /a HTTP/1.1" 200 5 "http', {**GET, "status": 200, "bytes": 5}),
        (f'{HEAD} "GET /a HTTP/1.1', BASE),
        (f'{HEAD} "GET /a HTTP/1.1\\" 200 5', BASE),
        (f'{HEAD} "', BASE),
        (f'{HEAD} "-" 408 -', {**BASE, "status": 408}),
        (f'{HEAD} "" 400 0', {**BASE, "request": "", "status": 400, "bytes": 0}),
        # escapes and quotes inside
        (
            f'{HEAD} "a" 200 1 "x\\" y" "\\\\"',
            {**BASE, "request": "a", "status": 200, "bytes": 1, "referer": 'x\\" y', "user_agent": "\\\\"},
        ),
        (f'{HEAD} "a"b" 200 1', {**BASE, "request": 'a"b', "status": 200, "bytes": 1}),
        (
            f'{HEAD} "a" 200 1 "r"x" "u"',
            {**BASE, "request": "a", "status": 200, "bytes": 1, "referer": 'r"x', "user_agent": "u"},
        ),
        # users
        (
            f'::1 me john [{STAMP}] "a" 1 2',
            {
                "ip": "::1",
                "ident": "me",
                "user": "john",
                "timestamp": TIME,
                "request": "a",
                "status": 1,
                "bytes": 2,
            },
        ),
        (
            f'1.2.3.4 - John Smith [{STAMP}] "a" 1 2',
            {**BASE, "user": "John Smith", "request": "a", "status": 1, "bytes": 2},
        ),
        (f'1.2.3.4 - "" [{STAMP}] "a" 1 2', {**BASE, "user": '""', "request": "a", "status": 1, "bytes": 2}),
        (
            f'1.2.3.4 - x [01/Jan/2000:00:00:00 +0000] \\" [{STAMP}] "a" 1 2',
            {**BASE, "user": 'x [01/Jan/2000:00:00:00 +0000] \\"', "request": "a", "status": 1, "bytes": 2},
        ),
        # numbers
        (f'{HEAD} "a" 007 9223372036854775807', {**BASE, "request": "a", "status": 7, "bytes": 2**63 - 1}),
        (f'{HEAD} "a" 200 9223372036854775808', "range"),
        (f'{HEAD} "a" {"9" * 6000} 1', "range"),
        (f'{HEAD} "a" 2OO 1', "type"),
        (f'{HEAD} "a" 200 1k', "type"),
        (f'{HEAD} "a" 200 -1', "type"),
        (f'{HEAD} "a" 200 ٣', "type"),
        (f'{HEAD} "a"  200 1', "type"),
        (f'{HEAD} "a" 200', "syntax"),
        (f'{HEAD} "a"', "syntax"),
        # times
        (
            f'1.2.3.4 - - [{STAMP.replace("+0000", "-0230")}] "-" 1 -',
            {**BASE, "timestamp": TIME + 9_000_000, "status": 1},
        ),
        (f'1.2.3.4 - - [{STAMP.replace("17/", "31/Apr/2015")}] "-" 1 -', "syntax"),
        (f'1.2.3.4 - - [{STAMP.replace("17/May", "31/Apr")}] "-" 1 -', "type"),
        (f'1.2.3.4 - - [{STAMP.replace("May", "Mai")}] "-" 1 -', "type"),
        (f'1.2.3.4 - - [{STAMP.replace("10:", "25:")}] "-" 1 -', "type"),
        (f'1.2.3.4 - - {STAMP} "-" 1 -', "syntax"),
        (f"1.2.3.4 - - [{STAMP}] -", "syntax"),
        (f'1.2.3.4 - [{STAMP}] "-" 1 -', "syntax"),
        (f'1.2.3.4 -  [{STAMP}] "-" 1 -', "syntax"),
        (f' 1.2.3.4 - - [{STAMP}] "-" 1 -', "syntax"),
        ("{}", "syntax"),
        (" ", "syntax"),
        # text that is not ASCII
        (
            f'{HEAD} "GET /é HTTP/1.1" 200 1',
            {
                **BASE,
                "request": "GET /é HTTP/1.1",
                "method": "GET",
                "path": "/é",
                "protocol": "HTTP/1.1",
                "status": 200,
                "bytes": 1,
            },
        ),
        (
            HEAD.encode() + b' "SEARCH /\x90\xff\xc3\xa9 HTTP/1.1" 414 1',
            {
                **BASE,
                "request": "SEARCH /\\x90\\xffé HTTP/1.1",
                "method": "SEARCH",
                "path": "/\\x90\\xffé",
                "protocol": "HTTP/1.1",
                "status": 414,
                "bytes": 1,
            },
        ),
        (
            HEAD.encode() + b' "a" 401 1 "-" "\\\xff" x',
            {**BASE, "request": "a", "status": 401, "bytes": 1, "user_agent": "\\\\xff"},
        ),
    ],
)
def test_lines(line, expected):
    assert one(line) == expected


@pytest.mark.parametrize(
    ("request_line", "parts"),
    [
        ("GET /a b c HTTP/1.1", ("GET", "/a b c", "HTTP/1.1")),
        ("GET /a  HTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        ("GET   /a HTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        ("  GET /a HTTP/1.1  ", ("GET", "/a", "HTTP/1.1")),
        ("GET /a   b HTTP/2.0", ("GET", "/a   b", "HTTP/2.0")),
        ("GET /a HTTP/1.1 HTTP/1.0", ("GET", "/a HTTP/1.1", "HTTP/1.0")),
        ("GET /a http/1.1", ("GET", "/a", "http/1.1")),
        ("GET /a HTTP/", ("GET", "/a", "HTTP/")),
        ("GET /a HTTP1.1", ("GET", "/a HTTP1.1", None)),
        ("GET /a/HTTP/1.1", ("GET", "/a/HTTP/1.1", None)),
        ("GET /a", ("GET", "/a", None)),
        ("GET /a b ", ("GET", "/a b", None)),
        ("GET\t/a\tb\tHTTP/1.1", ("GET", "/a\tb", "HTTP/1.1")),
        ("GET\\t/a\\x09HTTP/1.1", ("GET", "/a", "HTTP/1.1")),
        ("\\tGET /a\\tb HTTP/1.1\\t", ("GET", "/a\\tb", "HTTP/1.1")),
        ("GET\\\\t/a /b HTTP/1.1", ("GET\\\\t/a", "/b", "HTTP/1.1")),
        ("GET /a\\\\\\tHTTP/1.1", ("GET", "/a\\\\", "HTTP/1.1")),
        ("GET\\x0/a HTTP/1.1", (None, None, None)),
        ('GET /a\\" b HTTP/1.1', ("GET", '/a\\" b', "HTTP/1.1")),
        ("GET - HTTP/1.1", ("GET", None, "HTTP/1.1")),
        ("GET", (None, None, None)),
        ("GET HTTP/1.1", (None, None, None)),
        ("HTTP/1.1", (None, None, None)),
        ("   ", (None, None, None)),
        ("\\x16\\x03\\x01", (None, None, None)),
        ("x \\", ("x", "\\", None)),
        ("GET /a\\ HTTP/1.1", ("GET", "/a\\", "HTTP/1.1")),
    ],
)
def test_a_request_is_its_first_word_its_last_and_all_between(request_line, parts):
    line = f'{HEAD} "{request_line} " 401 1'  # a blank behind, so that a backslash escapes no quote
    got = one(line)
    assert got["request"] == request_line + " "
    assert (got.get("method"), got.get("path"), got.get("protocol")) == parts
    # the same by the strict reader: a stray byte hands it the line
    stray = one(line.encode() + b' "\xff" "-"')
    assert (stray.get("method"), stray.get("path"), stray.get("protocol")) == parts


@pytest.mark.scanned
def test_times_are_those_of_the_strict_reader():
    rng = random.Random(3)
    pieces = [
        ["17", "31", "30", "29", "28", "00", "32", " 7", "0\0"], "/", ["May", "FEB", "feb", "Apr", "Mai", "DEC", "jan"], "/",
        ["2015", "2016", "1900", "2000", "0001", "0099", "0100", "9999", "9899", "0000", "20 5"], ":",
        ["10", "23", "24", "00", " 1"], ":", ["05", "59", "60", "6:"], ":", ["00", "59", "60", "61", "5a"], " ",
        ["+0000", "-0230", "+2359", "+2400", "-0060", "Z    ", "+00:0", " 0000"],
    ]  # fmt: skip
    stamps = [
        "".join(rng.choice(p[:2]) if rng.random() < 0.8 else rng.choice(p) for p in pieces) for _ in range(20_000)
    ]
    stamps = ["\0" * 16 + "5:03" + "\0" * 6, *(s for s in stamps for _ in range(rng.choice((1, 1, 3))))]
    stamps = [s for s in stamps if len(s) == 26]
    rows, dead = decode("".join(f'1.2.3.4 - - [{s}] "-" 1 -\n' for s in stamps).encode(), ["timestamp"])
    line = len(f'1.2.3.4 - - [{STAMP}] "-" 1 -\n')
    got = {at // line: row["timestamp"] for at, row in rows.items()} | {at // line: None for at, _, _ in dead}
    expected = [time_of_text(s, LOG_TIME_FORMAT) for s in stamps]
    assert [got[i] for i in range(len(stamps))] == expected
    assert 1000 < sum(value is None for value in expected) < len(stamps) - 1000


@pytest.mark.parametrize("encoding", ["escape", "utf-8"])
def test_a_stray_byte_is_found_wherever_it_stands(encoding):
    lines = [
        HEAD.encode() + b' "GET /' + b"a" * size + b"%s" + b"b" * (size % 7) + b' HTTP/1.1" 401 5'
        for size in range(140)
    ]
    rows, dead = decode(
        b"".join(b"%b\n%b\n" % (line % b"", line % b"\xff") for line in lines), ["path"], encoding=encoding
    )
    clean = ["/" + "a" * size + "b" * (size % 7) for size in range(140)]
    stray = ["/" + "a" * size + "\\xff" + "b" * (size % 7) for size in range(140)]
    paths = [row["path"] for row in rows.values()]
    if encoding == "escape":
        assert paths == [path for pair in zip(clean, stray, strict=True) for path in pair]
    else:
        assert paths == clean
        assert [reason for _, reason, _ in dead] == ["utf8"] * 140


def test_nuls_and_byte_order_marks_before_a_line_are_passed_over():
    line = f'{HEAD} "GET /a HTTP/1.1" 401 5'.encode()
    bom = b"\xef\xbb\xbf"
    heads = (b"\x00", b"\x00" * 1000, bom, bom + bom, b"\x00" + bom + b"\x00", bom + b"\x00")
    for head in heads:
        assert one(head + line) == {**GET, "status": 401, "bytes": 5}
        assert one(head + line + b' "\xff"')["ip"] == "1.2.3.4"
        assert decode(line + b"\n" + head + b"\n" + head + b"\r\n" + line)[1] == []
        assert one(head + b"x") == "syntax"
    assert one(line.replace(b"/a", b"/a\x00b"))["path"] == "/a\x00b"
    assert one(line.replace(b"1.2", b"1\x00.2"))["ip"] == "1\x00.2.3.4"
    assert one(b"\xef\xbb" + line, encoding="utf-8") == "utf8"


def test_one_carriage_return_ends_a_line_and_no_more():
    line = f'{HEAD} "GET /a HTTP/1.1" 401 5'.encode()
    for ending, wanted in ((b"", {**GET, "status": 401, "bytes": 5}), (b"\r", "type"), (b"\r\r", "type")):
        rows, dead = decode(line + ending + b"\r\n")
        assert [*({n: v for n, v in row.items() if v is not None} for row in rows.values()), *(d[1] for d in dead)] == [
            wanted
        ]
    assert [reason for _, reason, _ in decode(b"\r\r\n\0\r\r\n\r\n\0\r\n")[1]] == ["syntax", "syntax"]


def test_a_strict_encoding_can_be_chosen():
    line = HEAD.encode() + b' "GET /\xff HTTP/1.1" 401 1'
    assert one(line, encoding="utf-8") == "utf8"
    assert one(line, encoding="escape")["path"] == "/\\xff"
    with pytest.raises(OptionError, match="encoding"):
        FORMAT.reader(FORMAT.default_schema({}), frozenset(), {"encoding": "utf-9"})


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (Field("code", parse_type("int64")), "no field 'code'"),
        (Field("status", parse_type("string")), "is int64, not string"),
        (Field("timestamp", parse_type("timestamp"), unit="s"), "fixed form"),
        (Field("ip", parse_type("string"), ("ip", "x")), "no field 'ip.x'"),
    ],
)
def test_schemas_that_cannot_be(field, message):
    with pytest.raises(PlanError, match=message):
        FORMAT.reader(Schema([field]), frozenset(), FORMAT.reader_options)


def test_fields_may_have_other_names():
    schema = Schema(
        [
            Field("client", parse_type("string"), ("ip",)),
            Field("code", parse_type("int64"), ("status",)),
            Field("again", parse_type("int64"), ("status",)),
        ]
    )
    raw = f'{HEAD} "a" 401 1\n'.encode() + HEAD.encode() + b' "\xff" 403 1\n'
    decoder, _ = FORMAT.reader(schema, frozenset(schema.names), FORMAT.reader_options).open(raw, "x")
    data = np.frombuffer(bytearray(raw + b" " * 128), np.uint8)
    part = decoder.decode(Block(data, 0, len(raw), 0, len(raw)))
    assert {name: column.to_list() for name, column in part.columns.items()} == {
        "client": ["1.2.3.4", "1.2.3.4"],
        "code": [401, 403],
        "again": [401, 403],
    }


def test_framing():
    line = f'{HEAD} "a" 200 1 "r" "u"'.encode()
    for raw, count in ((b"", 0), (b"\n\r\n", 0), (line, 1), (line + b"\r", 1), (line + b"\r\n\n" + line + b"\n", 2)):
        rows, dead = decode(raw)
        assert (len(rows), dead) == (count, [])
        assert all(row["user_agent"] == "u" for row in rows.values())
    assert list(decode(b"\xef\xbb\xbf" + line)[0]) == [3]
    assert decode(b"\xef\xbb\xbf" + line)[0][3]["ip"] == "1.2.3.4"


def test_it_is_only_read():
    with pytest.raises(PlanError, match="only read"):
        FORMAT.encoder(FORMAT.default_schema({}), {})
    assert FORMAT.infer(b"", "x.log", {}) == FORMAT.default_schema({})
    twelve = FORMAT.default_schema({}).names
    assert FORMAT.infer(f"a.b 10.0.0.1, ::1 - - {REST}".encode(), "x.log", {}).names == (*twelve, "vhost", "forwarded")


MIXED = b"".join(
    [
        f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" "u"\n'.encode(),
        HEAD.encode() + b' "GET /\xff HTTP/1.1" 401 5 "r" "u"\r\n',
        f'{HEAD} "GET /a HTTP/1.1" x 5 "r" "u"\n'.encode(),
        f'{HEAD} "GET /a HTTP/1.1" 200 99999999999999999999\n\n'.encode(),
        b"rubbish \x00\n",
        f'1.2.3.4 - - [{STAMP.replace("May", "Mai")}] "-" 1 -\n'.encode(),
        f'{HEAD} "GET /a HTTP/1.1" 200 5 "r" "unclosed\n'.encode(),
        f'{HEAD} "-" 408 - "-" "-"'.encode(),
    ]
)


@pytest.mark.parametrize("encoding", ["escape", "utf-8"])
def test_what_is_needed_never_changes_what_is_valid(encoding):
    rows, dead = decode(MIXED, encoding=encoding)
    assert [r for _, r, _ in dead if r != "utf8"] == ["type", "range", "syntax", "type"]
    assert len(rows) + len(dead) == 8
    for needed in ([], *([name] for name in NAMES), ["ip", "status"]):
        some, same = decode(MIXED, needed, encoding=encoding)
        assert same == dead
        assert some == {at: {name: row[name] for name in needed} for at, row in rows.items()}


def test_blocks_may_be_cut_behind_any_line():
    whole = decode(MIXED)
    for seed in range(30):
        assert decode(MIXED, cuts=random.Random(seed).sample(range(len(MIXED)), 3)) == whole


def test_rubbish_never_raises():
    rng = random.Random(7)
    for _ in range(200):
        raw = b"\n" + rng.randbytes(rng.randrange(400)).replace(b"\xef", b"")
        rows, dead = decode(raw)
        assert rows == {}
        assert len(dead) == sum(1 for line in raw.split(b"\n") if line.removesuffix(b"\r"))


@needs_logs
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "ips", "codes"),
    [
        ("elastic_apache_logs.log", 1753, {200: 9126, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 403: 2, 416: 2}),
        ("honeynet_access_log.13", 90, {404: 183, 414: 66, 400: 43, 200: 42, 408: 18}),
        ("honeynet_access_log.21", 1265, {200: 1213, 404: 189, 414: 74, 400: 23, 408: 22, 304: 2}),
        ("honeynet_access_log.23", 870, {200: 945, 404: 322, 414: 112, 400: 27, 408: 8, 501: 1}),
        (
            "honeynet_access_log.24",
            2167,
            {404: 6674, 200: 2280, 414: 229, 400: 85, 405: 54, 408: 10, 301: 7, 304: 4, 206: 1},
        ),
        ("nginx_loopback_access.log", 32, {200: 4033, 401: 403, 429: 388, 404: 233, 403: 160}),
    ],
)
def test_real_logs(name, ips, codes):
    raw = gzip.decompress((LOGS / f"{name}.gz").read_bytes())
    rows, dead = decode(raw, cuts=range(1 << 16, len(raw), 1 << 16))
    assert dead == []
    assert Counter(row["status"] for row in rows.values()) == codes
    assert len({row["ip"] for row in rows.values()}) == ips
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    lines = raw.splitlines() if raw.isascii() else raw.removesuffix(b"\n").split(b"\n")
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows.values()):
        stamp = re.search(rb"\[(.{26})\]", line)
        assert stamp is not None
        moment = datetime.strptime(stamp[1].decode(), "%d/%b/%Y:%H:%M:%S %z")
        assert row["timestamp"] == (moment - epoch) // timedelta(milliseconds=1)


@needs_logs
@pytest.mark.data
def test_lines_of_old_servers_are_dead_letters_only_where_asked():
    raw = gzip.decompress((LOGS / "honeynet_access_log.24.gz").read_bytes())
    rows, dead = decode(raw, encoding="utf-8")
    high = [line for line in raw.split(b"\n") if not line.isascii()]
    assert Counter(reason for _, reason, _ in dead) == {"utf8": len(high)}
    assert len(rows) == 9344 - len(high)


REST = f'[{STAMP}] "GET / HTTP/1.1" 401 5'


def layout_of(*starts):
    """Return the layout of a file whose lines begin so."""
    reader = FORMAT.reader(FORMAT.default_schema({}), frozenset(), FORMAT.reader_options)
    return reader.open("".join(f"{start} {REST}\n" for start in starts).encode(), "x")[0].layout


def named(start, **options):
    """Return the client, virtual host and list of a line that begins so; or the reason why it is no row."""
    got = one(f"{start} {REST}", **options)
    return got if isinstance(got, str) else tuple(got.get(name) for name in ("ip", "vhost", "forwarded"))


@pytest.mark.parametrize(
    ("layout", "starts"),
    [
        ("client", ["198.51.100.9 - -"]),
        ("client", ["2001:db8::9 - frank", "host.example - -", "- - -"]),
        ("client", ["198.51.100.9 - John Smith", "198.51.100.9 - x, 203.0.113.7 - -", "198.51.100.9 - -"]),
        ("client", []),
        ("vhost client", ["shop.example:443 198.51.100.9 - -"]),
        ("vhost client", ["shop.example 2001:db8::9 - -", "localhost host.example - -", "127.0.1.1:80 ::1 - -"]),
        ("vhost client", ["203.0.113.80 198.51.100.9 - -", "shop.example 198.51.100.9 - -"]),
        ("forwarded", ["203.0.113.7, 10.0.0.1 - -", "198.51.100.9 - -", "- - -"]),
        ("forwarded", ["203.0.113.7,10.0.0.1 - -"]),
        ("vhost forwarded", ["shop.example 203.0.113.7, 10.0.0.1 - -", "shop.example 198.51.100.9 - -"]),
        ("forwarded client", ["203.0.113.7, 10.0.0.1 10.0.0.2 - -", "203.0.113.7 10.0.0.2 - -"]),
        ("forwarded client", ["203.0.113.7 10.0.0.2 - -", "- 10.0.0.2 - -"]),
        ("vhost forwarded client", ["shop.example 203.0.113.7, 10.0.0.1 10.0.0.2 - -"]),
        # most lines decide
        ("client", ["198.51.100.9 - -"] * 3 + ["shop.example 198.51.100.9 - -"] * 2),
        ("vhost client", ["198.51.100.9 - -"] * 2 + ["shop.example 198.51.100.9 - -"] * 3),
        # and of these the first 1,000
        ("client", ["198.51.100.9 - -"] * 501 + ["a.b 198.51.100.9 - -"] * 499 + ["a.b ::1 - -"] * 9),
    ],
)
def test_the_layout_is_decided_once_a_file(layout, starts):
    assert layout_of(*starts) == layout


@pytest.mark.parametrize(
    ("layout", "start", "expected"),
    [
        ("client", "shop.example:443 198.51.100.9 - -", "layout"),
        ("client", "shop.example host.example - -", "layout"),
        ("client", "203.0.113.7, 10.0.0.1 - -", "layout"),
        ("client", "203.0.113.7,10.0.0.1 - -", "layout"),
        ("client", "198.51.100.9 - x, 203.0.113.7 - -", ("198.51.100.9", None, None)),
        ("client", "198.51.100.9 10.0.0.1 -", ("198.51.100.9", None, None)),
        ("vhost client", "shop.example:443 198.51.100.9 - -", ("198.51.100.9", "shop.example:443", None)),
        ("vhost client", "shop.example host.example - John Smith", ("host.example", "shop.example", None)),
        ("vhost client", "203.0.113.80 [2001:db8::9]:443 - -", ("[2001:db8::9]:443", "203.0.113.80", None)),
        ("vhost client", "198.51.100.9 - -", "layout"),
        ("vhost client", "198.51.100.9 - John Smith", "layout"),
        ("vhost client", "198.51.100.9 me frank", "layout"),
        ("vhost client", "a 203.0.113.7 198.51.100.9 - -", "layout"),
        ("vhost client", "a, 203.0.113.7 - -", "layout"),
        ("vhost client", "a 203.0.113.7 y, 198.51.100.9 - -", "layout"),
        ("forwarded", "203.0.113.7 - -", ("203.0.113.7", None, "203.0.113.7")),
        ("forwarded", "203.0.113.7, 198.51.100.9 - -", ("198.51.100.9", None, "203.0.113.7, 198.51.100.9")),
        (
            "forwarded",
            "203.0.113.7,198.51.100.9,10.0.0.1 - -",
            ("198.51.100.9", None, "203.0.113.7,198.51.100.9,10.0.0.1"),
        ),
        ("forwarded", "203.0.113.7 , 198.51.100.9:7 - -", ("198.51.100.9:7", None, "203.0.113.7 , 198.51.100.9:7")),
        ("forwarded", "unknown, 10.0.0.1 - -", ("unknown", None, "unknown, 10.0.0.1")),
        ("forwarded", "10.0.0.2, ::ffff:10.0.0.1 - -", ("10.0.0.2", None, "10.0.0.2, ::ffff:10.0.0.1")),
        ("forwarded", ",, 198.51.100.9,- - -", ("198.51.100.9", None, ",, 198.51.100.9,-")),
        ("forwarded", "- - -", (None, None, None)),
        ("forwarded", ",- - -", (None, None, ",-")),
        # a client writes blanks into the list, or a comma into his user: nobody can tell which
        ("forwarded", "203.0.113.7 - -, 198.51.100.9 - -", "layout"),
        ("forwarded", "203.0.113.7 x, 198.51.100.9 - -", "layout"),
        ("forwarded", "203.0.113.7, 10.0.0.1 10.0.0.2 - -", "layout"),
        (
            "forwarded client",
            "203.0.113.7, 198.51.100.9 10.0.0.2 - -",
            ("198.51.100.9", None, "203.0.113.7, 198.51.100.9"),
        ),
        ("forwarded client", "203.0.113.7 198.51.100.9 - -", ("198.51.100.9", None, "203.0.113.7")),
        ("forwarded client", "- 10.0.0.2 - -", ("10.0.0.2", None, None)),
        ("forwarded client", "203.0.113.7, 198.51.100.9 - -", "layout"),
        ("forwarded client", "198.51.100.9 - John Smith", "layout"),
        ("vhost forwarded", "a.b 203.0.113.7, 198.51.100.9 - -", ("198.51.100.9", "a.b", "203.0.113.7, 198.51.100.9")),
        ("vhost forwarded", "a.b - - -", (None, "a.b", None)),
        (
            "vhost forwarded client",
            "a.b 198.51.100.9, 10.0.0.1 10.0.0.2 - -",
            ("198.51.100.9", "a.b", "198.51.100.9, 10.0.0.1"),
        ),
    ],
)
def test_who_the_client_is(layout, start, expected):
    given = {"layout": layout, "trusted": ["10.0.0.0/8"]}
    assert named(start, **given) == expected
    # the same by the strict reader
    stray = one(f'{start} {REST} "'.encode() + b'\xff" "-"', **given)
    assert (stray if isinstance(stray, str) else tuple(stray.get(n) for n in ("ip", "vhost", "forwarded"))) == expected


@pytest.mark.parametrize(
    "layout", ["auto", "client", "vhost client", "forwarded", "vhost forwarded", "forwarded client"]
)
@pytest.mark.parametrize(
    "header",
    [
        "May 17 10:05:03 web1 nginx: ",
        "<134>May 17 10:05:03 web1 nginx: ",
        "<134>1 2015-05-17T10:05:03Z web1 nginx - - - ",
        "2015-05-17T10:05:03.123456+00:00 web1 nginx: ",
        "2015-05-17T10:05:03.123456789Z stdout F ",
    ],
)
def test_what_others_write_before_a_line_is_no_client(header, layout):
    record = f"198.51.100.9 - - {REST}"
    assert one((header + record).encode(), layout=layout) in ("layout", "syntax")


def test_nobody_is_trusted_by_default():
    assert named("203.0.113.7, 10.0.0.1 - -", layout="forwarded")[0] == "10.0.0.1"
    assert named("203.0.113.7, 10.0.0.1 10.0.0.2 - -", layout="forwarded client")[0] == "10.0.0.2"


def test_lines_whose_client_is_in_doubt_are_told():
    raw = "".join(f"{start} {REST}\n" for start in ["a.b ::1 - -", "::1 - -", "a.b ::1 - -", "::1 - -"]).encode()
    decoder, _ = FORMAT.reader(
        FORMAT.default_schema({}), frozenset(), {**FORMAT.reader_options, "layout": "client"}
    ).open(raw, "")
    data = np.frombuffer(bytearray(raw + b" " * 128), np.uint8)
    (notice,) = decoder.decode(Block(data, 0, len(raw), 0, len(raw))).notices
    assert (notice.code, notice.count, notice.level) == ("layout", 2, "warning")
    assert notice.to_text().startswith("2 lines do not fit the log's layout (client ident user)")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "vhosts"}, "layout"),
        ({"trusted": "10.0.0.0/8"}, "trusted"),
        ({"trusted": ["10.0.0.1/8"]}, "trusted"),
        ({"trusted": [10]}, "trusted"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(OptionError, match=message):
        FORMAT.reader(FORMAT.default_schema({}), frozenset(), {**FORMAT.reader_options, **options})


@pytest.mark.scanned
def test_stray_bytes_are_not_slow(monkeypatch):
    """Only what the scanner cannot take is read line by line in Python."""
    raw = b"".join(b'203.0.113.%d - - %b "\xe9t\xe9 \xff" "\xc3\xa9"\r\n' % (n, REST.encode()) for n in range(9))
    called = []
    strictly = reader.strict.read
    monkeypatch.setattr(
        reader.strict, "read", lambda *args, **options: called.append(args) or strictly(*args, **options)
    )
    rows, dead = decode(raw)
    assert [row["ip"] for row in rows.values()] == [f"203.0.113.{n}" for n in range(9)]
    assert {row["referer"] for row in rows.values()} == {"\\xe9t\\xe9 \\xff"}
    assert {row["user_agent"] for row in rows.values()} == {"é"}
    assert (dead, called) == ([], [])


def test_a_pipeline_has_the_fields_of_the_layout_that_it_declares(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(f"shop.example 198.51.100.9 - - {REST}\n".encode())
    declared = cd.source("files", path=str(log), format="combined", layout="vhost client")
    assert declared.select("vhost", "ip").collect().rows() == [("shop.example", "198.51.100.9")]
    named = cd.source("files", path=str(log), format="combined", schema={"host": cd.field("string", path=["vhost"])})
    assert named.collect().rows() == [("shop.example",)]
    for unknown, hint in (
        ("vhost", 'layout="vhost client"'),
        ("forwarded", 'layout="forwarded client"'),
        ("ipp", "'ip'"),
    ):
        with pytest.raises(cd.PlanError) as caught:
            cd.source("files", path=str(log), format="combined").select(unknown)
        assert hint in caught.value.hint
    assert look(log, "combined", {}).options == look(log, "", {}).options == {"layout": "vhost client"}
