"""The compiled path against the strict reader on every line, and both against lines whose parts are known.

CAUDAL_FUZZ is the number of lines (20,000 by default).
"""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_network

import numpy as np
import pytest

from caudal.formats.combined import FORMAT, strict
from caudal.formats.combined.layout import decide
from caudal.formats.combined.portable import LOG_LAYOUTS, log_layout, log_line
from caudal.formats.combined.reader import FIELDS
from caudal.ports.records import Block

pytestmark = pytest.mark.slow

LINES = int(os.environ.get("CAUDAL_FUZZ", "20000"))
NAMES = FIELDS.names
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def dash(rng: random.Random, text: str) -> str | None:
    return None if rng.random() < 0.2 else text


def words(rng: random.Random, letters: str) -> str:
    return "".join(rng.choices(letters, k=rng.randrange(12)))


def quoted(rng: random.Random) -> str:
    """Return a text as a server writes it: quotes and backslashes escaped."""
    text = words(rng, 'ab /é"\\\x00[]').replace("\\", "\\\\").replace('"', '\\"')
    return "x" if text == "-" else text


def request_line(rng: random.Random) -> tuple[str, str | None, str | None, str | None]:
    """Return a request and its parts, made of words with anything that parts them around."""

    def gap(least: int) -> str:
        return "".join(rng.choices((" ", " ", "\t", "\\t", "\\x09"), k=rng.randrange(least, least + 3)))

    def word() -> str:
        text = "".join(rng.choices('ab/é"-:', k=rng.randrange(1, 9))).replace('"', '\\"')
        return "x" if text in ("-", '\\"') else text

    path = word()
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        path += gap(1) + word()
    method, protocol = rng.choice((("GET", "HTTP/1.1"), (word(), rng.choice(("HTTP/2.0", "http/1.0", "HTTP/", None)))))
    if rng.random() < 0.1:
        return gap(0) + method + gap(0), None, None, None
    shown = f"{gap(0)}{method}{gap(1)}{path}" + (f"{gap(1)}{protocol}" if protocol else "") + gap(0)
    return shown, method, path, protocol


def addresses(rng: random.Random, row: dict, layout: str) -> str:
    """Put a virtual host, a list and a client into the row; return how they stand in the line."""
    shown = []
    if layout.startswith("vhost"):
        row["vhost"] = rng.choice(("shop.example:443", "127.0.1.1:80", "localhost"))
        shown.append(row["vhost"])
    if "forwarded" in layout:
        parts = rng.choices(
            ("10.0.0.1", "203.0.113.7:81", "[::ffff:10.9.9.9]:1", "unknown", "::1", "-"), k=rng.randrange(1, 5)
        )
        row["forwarded"] = parts[0] + "".join(rng.choice((",", ", ", " , ", ",, ")) + part for part in parts[1:])
        shown.append(row["forwarded"])
        chain = [part for part in parts if part != "-"] + ([row["ip"]] if layout.endswith("client") else [])
        theirs = [part for part in chain if part not in ("10.0.0.1", "[::ffff:10.9.9.9]:1")]
        client, row["ip"] = row["ip"], (theirs or chain[:1] or [None])[-1]
        row["forwarded"] = None if row["forwarded"] == "-" else row["forwarded"]
    else:
        client = row["ip"]
    return " ".join([*shown, client] if layout.endswith("client") else shown)


def make(rng: random.Random, layout: str = "client") -> tuple[bytes, dict]:
    """Return a well-formed line and its values; 10/8 is trusted."""
    offset = rng.randrange(-12 * 60, 14 * 60)
    moment = EPOCH + timedelta(seconds=rng.randrange(4 * 10**9))
    local = moment.astimezone(timezone(timedelta(minutes=offset)))
    zone = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    stamp = f"{local.day:02}/{MONTHS[local.month - 1]}/{local.year}:{local:%H:%M:%S} {zone}"
    row: dict = {
        "vhost": None,
        "forwarded": None,
        "ip": rng.choice(("10.0.0.1", "::1", "host.example")),
        "ident": dash(rng, "id"),
        "user": dash(rng, rng.choice(("me", "John Smith", '""', "a [b] c"))),
        "timestamp": (moment - EPOCH) // timedelta(milliseconds=1),
        "status": dash(rng, rng.choice(("200", "401", "403"))),
        "bytes": dash(rng, str(rng.randrange(10 ** rng.randrange(1, 19)))),
        "method": None,
        "path": None,
        "protocol": None,
        "referer": None,
        "user_agent": None,
    }
    if row["ident"] is not None and row["user"] is not None:
        row["user"] = "me"  # behind an ident a blank in the user would put the client in doubt
    request = request_line(rng)
    row["request"] = None if rng.random() < 0.2 else request[0]
    if row["request"] is not None:
        row["method"], row["path"], row["protocol"] = (None if p == "-" else p for p in request[1:])
    before = addresses(rng, row, layout)
    shown = {name: "-" if value is None else value for name, value in row.items()}
    line = f'{before} {shown["ident"]} {shown["user"]} [{stamp}] "{shown["request"]}"'
    line += f" {shown['status']} {shown['bytes']}"
    if rng.random() < 0.8:
        row["referer"], row["user_agent"] = dash(rng, quoted(rng)), dash(rng, quoted(rng))
        line += "".join(f' "{"-" if row[n] is None else row[n]}"' for n in ("referer", "user_agent"))
        line += rng.choice(("", "", ' "-"', " 0.005"))
    for name in ("status", "bytes"):
        row[name] = None if row[name] is None else int(row[name])
    return line.encode(), row


PIECES = (
    *(b'"', b'\\"', b"\\", b" ", b'" ', b"[", b"] ", b"\xff", b"\xc3", b"-", b"9" * 20, b"\r", b":"),
    *(b"\x00", b"\xef\xbb\xbf", b"\t", b"\\t", b"\\x09", b" HTTP/"),
)


def mutate(rng: random.Random, line: bytes) -> bytes:
    changed = bytearray(line)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(changed) + 1)
        what = rng.choice(PIECES)
        if rng.random() < 0.6:
            changed[at:at] = what
        else:
            del changed[at : at + rng.choice((1, 2, 40))]
    return bytes(changed)


def decode(raw: bytes, **options) -> dict:
    reader = FORMAT.reader(FIELDS, frozenset(NAMES), {**FORMAT.reader_options, **options})
    decoder, _ = reader.open(b"", "x")
    data = np.frombuffer(bytearray(raw + b'" ' * 64), np.uint8)
    part = decoder.decode(Block(data, 0, len(raw), 0, len(raw)))
    lists = [part.columns[name].to_list() for name in NAMES]
    got: dict = {p: dict(zip(NAMES, values)) for p, *values in zip(part.position.tolist(), *lists)}
    return got | {d.position: (d.reason, d.message, d.detail) for d in part.dead}


def outcome(line: bytes, escape: bool, layout: str):
    try:
        values = strict.read(line, escape=escape, layout=layout, trusted=[ip_network("10.0.0.0/8")])
    except strict.Bad as bad:
        return bad.reason, bad.message, bad.detail
    return {n: v.decode() if isinstance(v := values.get(n), bytes) else v for n in NAMES}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("layout", LOG_LAYOUTS)
def test_values_are_those_the_line_was_made_of(seed, layout):
    rng = random.Random(seed)
    for _ in range(0, LINES // 12, 500):
        made = [make(rng, layout) for _ in range(500)]
        got = decode(b"".join(line + b"\n" for line, _ in made), layout=layout, trusted=["10.0.0.0/8"])
        position = 0
        for line, row in made:
            assert got.pop(position) == row, line
            position += len(line) + 1
        assert got == {}


@pytest.mark.parametrize("layout", LOG_LAYOUTS)
@pytest.mark.parametrize("encoding", ["escape", "utf-8"])
def test_both_paths_agree(layout, encoding, monkeypatch):
    handed_down = []
    read = strict.read
    monkeypatch.setattr(strict, "read", lambda line, **given: (handed_down.append(line), read(line, **given))[1])
    rng = random.Random(10)
    rows = records = 0
    for _ in range(0, LINES // 12, 500):
        of = [layout, layout, layout, rng.choice(list(LOG_LAYOUTS))]
        raw = b"".join(mutate(rng, make(rng, rng.choice(of))[0]) + rng.choice((b"\n", b"\r\n")) for _ in range(500))
        assert decide(raw) == log_layout(raw)
        before = len(handed_down)
        got = decode(raw, encoding=encoding, layout=layout, trusted=["10.0.0.0/8"])
        taken = len(handed_down) - before
        position = 0
        for line in raw.removesuffix(b"\n").split(b"\n"):
            if log_line(line):
                expected = outcome(line.removesuffix(b"\r"), encoding == "escape", layout)
                assert got.pop(position) == expected, line
                rows += isinstance(expected, dict)
                records += 1
            position += len(line) + 1
        assert got == {}
        assert taken < 450
    assert records * 0.1 < rows < records


def test_the_layout_is_that_of_most_lines():
    rng = random.Random(4)
    for _ in range(40):
        for layout in LOG_LAYOUTS:
            lines = [make(rng, layout)[0] for _ in range(100)]
            # one line that begins with a list shows that lists are written: no client is one
            other = "vhost client" if layout in ("client", "forwarded") else "client"
            others = [make(rng, other)[0] for _ in range(30)]
            head = b"\n".join(rng.sample(lines + others, len(lines) + len(others)))
            assert log_layout(head) == decide(head)
            if layout != "forwarded client":  # that begins with an address, not with any text
                assert decide(head) == layout, head
