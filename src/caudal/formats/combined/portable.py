"""The authority on what a line of an access log holds, by regular expressions; it stands alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from caudal.core.addresses import address_of, is_within, network_of
from caudal.core.dialects import other_format
from caudal.core.scalars import Refused, Unreadable, time_of_text

_LOG_STAMP = '[day/month/year:h:m:s offset] "'
LOG_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"

_LOG_BOM = b"\xef\xbb\xbf"
LOG_LAYOUTS = {
    "client": (False, False, True),
    "vhost client": (True, False, True),
    "forwarded": (False, True, False),
    "vhost forwarded": (True, True, False),
    "forwarded client": (False, True, True),
    "vhost forwarded client": (True, True, True),
}
"""What stands before ident and user: a virtual host, a list of addresses, the address of who was connected."""

LOG_HEAD_LINES, LOG_HEAD_BYTES = 1000, 64 * 1024
"""How much of a file decides its layout."""

LOG_DECIDED = 'lines begin as: {0} ident user (by most of the first ones; layout="{0}" declares it)'

_LOG_WORD = re.compile(rb"[^ ]+")
_LOG_LIST = re.compile(rb"[^ ,]*+(?: *+, *+[^ ,]*+)*+")
_LOG_FORWARDED = re.compile(rb"(?:-|[0-9]+(?:[.][0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)[ ,]")
_LOG_TIME = re.compile(rb' \[(.{26})\] "', re.DOTALL)
_LOG_QUOTED = re.compile(rb'((?:[^"\\]|\\.|"(?! |\Z))*+)"', re.DOTALL)
_LOG_NUMBERS = re.compile(rb" ([^ ]*) ([^ ]*)")
_LOG_WORDS = re.compile(rb"(?:[ \t]|\\t|\\x09)++|((?:[^ \t\\]|\\(?!t|x09)[^ \t]?)++)")
_LOG_BLANK = re.compile(rb"(?:\x00|\xef\xbb\xbf)*+")


def log_record(line: bytes, *, escape: bool, layout: str = "client", trusted: Sequence[Any] = ()) -> dict[str, Any]:
    """Return the fields that are not null by name: bytes for texts, int for numbers, milliseconds for the time.

    `line` begins with a byte that counts (see `log_line`). `escape`: bytes that are not UTF-8 become `\\xNN`. `trusted`:
    networks whose addresses are passed over in a list. Raises `Refused` "utf8", "syntax", "layout", "type" or "range".
    """
    if not line.isascii():
        try:
            line = line.decode(errors="backslashreplace" if escape else "strict").encode()
        except UnicodeDecodeError as error:
            raise Refused("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
    found = _log_before(line, layout)
    if found is None and (layout == "client" or _LOG_TIME.search(line) is None):
        raise Refused("syntax", f"the line does not begin as: {layout} ident user {_LOG_STAMP}")
    if found is None or _log_in_doubt(found[0]):
        raise Refused("layout", f"the client is in doubt: the log's lines begin as: {layout} ident user {_LOG_STAMP}")
    row, time = found
    stamp = time_of_text(time[1].decode("latin-1"), LOG_TIME_FORMAT)
    if stamp is None:
        raise Refused("type", f"column 'timestamp' is not a time: {time[1].decode(errors='replace')!r}")
    row["timestamp"] = stamp
    if "forwarded" in row:
        row["ip"] = _log_client(row, trusted)
    request = _LOG_QUOTED.match(line, time.end())
    if request is not None:
        row["request"] = request[1]
        row |= _log_parts(request[1])
        at = _log_numbers(line, request.end(), row)
        for name in ("referer", "user_agent"):
            quoted = _LOG_QUOTED.match(line, at + 2) if line.startswith(b' "', at) else None
            if quoted is None:
                break
            row[name] = quoted[1]
            at = quoted.end()
    return {name: value for name, value in row.items() if value != b"-" and value is not None}


def _log_before(line: bytes, layout: str) -> tuple[dict[str, Any], re.Match[bytes]] | None:
    """Return the fields before the time, and where the time stands; None where they are not all there."""
    row: dict[str, Any] = {}
    at = 0
    for name, there in zip(("vhost", "forwarded", "ip", "ident"), (*LOG_LAYOUTS[layout], True)):
        if there:
            found = (_LOG_LIST if name == "forwarded" else _LOG_WORD).match(line, at)
            if found is None or not found[0]:
                return None
            row[name] = found[0]
            at = found.end() + 1
    time = _LOG_TIME.search(line, at + 1)
    if time is None:
        return None
    row["user"] = line[at : time.start()]
    return row, time


def _log_in_doubt(row: dict[str, Any]) -> bool:
    """Return whether the fields before the time may be others than the layout says, so that the client is in doubt.

    No server writes a comma into an address or ident. A dash where a client should be, and an ident with more behind it
    than a user, show another layout, or what syslog or a container wrote before the line. Behind a list a comma in the
    user may be one of the list.
    """
    if b"," in row["ident"] or b"," in row.get("ip", b"") or row.get("vhost", b"").endswith(b","):
        return True
    if row.get("ip") == b"-" and ("vhost" in row or "forwarded" in row):
        return True
    if "forwarded" in row and b"," in row["user"]:
        return True
    return b" " in row["user"] and row["ident"] != b"-"


def _log_client(row: dict[str, Any], trusted: Sequence[Any]) -> bytes | None:
    """Return, of all addresses that a line gives, the rightmost that is not trusted; else the leftmost."""
    given = [part.strip(b" ") for part in row["forwarded"].split(b",")]
    given = [part for part in given if part not in (b"", b"-")] + ([row["ip"]] if "ip" in row else [])
    for text in reversed(given):
        address = address_of(text.decode(errors="replace")) if trusted else None
        if address is None or not is_within(address, trusted):
            return text
    return given[0] if given else None


def log_layout(head: bytes) -> str:
    """Return the layout that most of a file's first lines fit."""
    lines = log_head_lines(head)
    fits = {name: sum(_log_speaks_for(name, line) for line in lines) for name in LOG_LAYOUTS}
    return most_fitting(fits, lines)


def _log_speaks_for(layout: str, line: bytes) -> bool:
    """Return whether a line fits a layout, and not only by the blanks of a user.

    Where there are two fields before the ident, the second must look like an address or a name with dots.
    """
    found = _log_before(line, layout)
    if found is None or _log_in_doubt(found[0]):
        return False
    row = found[0]
    second = row.get("ip", row.get("forwarded", b""))
    return sum(LOG_LAYOUTS[layout]) == 1 or (second[:1] != b"," and (b"." in second or b":" in second))


def log_head_lines(head: bytes) -> list[bytes]:
    """Return the lines that decide the layout."""
    lines = [log_line(raw) for raw in head[:LOG_HEAD_BYTES].split(b"\n")[:LOG_HEAD_LINES]]
    return [line for line in lines if line]


def most_fitting(fits: dict[str, int], lines: list[bytes]) -> str:
    """Return the layout that most lines fit, of equals the first in `LOG_LAYOUTS`.

    One more field before the client is a virtual host, but for a log most of whose lines begin with an address.
    """
    layout = max(LOG_LAYOUTS, key=lambda name: fits[name])
    if layout not in ("vhost client", "forwarded client"):
        return layout
    addresses = sum(_LOG_FORWARDED.match(line) is not None for line in lines)
    return "forwarded client" if 2 * addresses > len(lines) else "vhost client"


def log_line(raw: bytes) -> bytes:
    """Return a line without the NULs and byte order marks before it and the carriage return behind; b"" is no record."""
    return log_start(raw.removesuffix(b"\r"))


def log_start(raw: bytes) -> bytes:
    """Return a line without the NULs and byte order marks before it."""
    found = _LOG_BLANK.match(raw)
    return raw[found.end() if found else 0 :]


def _log_parts(request: bytes) -> dict[str, bytes]:
    """Return method, path and protocol: the first word, all between, and the last if it begins with HTTP/.

    Words stand between blanks and TABs, raw or as servers write them. Without a method and a path there is nothing.
    """
    words = [found for found in _LOG_WORDS.finditer(request) if found[1] is not None]
    parts = {}
    if words and words[-1][1][:5].upper() == b"HTTP/":
        parts["protocol"] = words.pop()[1]
    if len(words) < 2:
        return {}
    return {"method": words[0][1], "path": request[words[1].start() : words[-1].end()], **parts}


def _log_numbers(line: bytes, at: int, row: dict[str, Any]) -> int:
    found = _LOG_NUMBERS.match(line, at)
    if found is None:
        raise Refused("syntax", "status and bytes do not follow the request", f"byte {at} of the line")
    for name, text in zip(("status", "bytes"), found.groups()):
        if text == b"-":
            continue
        if not (text.isascii() and text.isdigit()):
            raise Refused("type", f"column '{name}' is not a number: {text[:40].decode(errors='replace')!r}")
        digits = text.lstrip(b"0") or b"0"
        if len(digits) > 19 or int(digits) >= 2**63:
            raise Refused("range", f"column '{name}' is out of range for int64: {text[:40].decode()!r}")
        row[name] = int(digits)
    return found.end()


class CombinedLines:
    """Reads access logs. `fields` as plain values: (name, type, path), of which the path is optional."""

    def __init__(
        self,
        fields: tuple[Any, ...],
        needed: tuple[str, ...],
        *,
        encoding: str = "escape",
        layout: str = "auto",
        trusted: tuple[str, ...] = (),
    ) -> None:
        self._keys = [(field[0], field[2][0] if len(field) > 2 else field[0]) for field in fields if field[0] in needed]
        self._escape = encoding == "escape"
        self._layout = layout
        self._trusted = [network_of(text) for text in trusted]
        self.narrow: set[str] = set()

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return what decodes a file that begins so, and the length of a BOM."""
        what, hint = other_format(head)
        if what:
            raise Unreadable(f"{name}:1: {what}: {hint}")
        layout = log_layout(head) if self._layout == "auto" else self._layout
        told = LOG_DECIDED.format(layout) if self._layout == "auto" and head else ""
        return _LogDecode(partial(self._decode, layout), told), len(_LOG_BOM) if head.startswith(_LOG_BOM) else 0

    def _decode(
        self, layout: str, lines: list[bytes], at: list[int]
    ) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        """Return the rows, their columns and the records that are none; see `ports.portable.Portable`."""
        kept: list[int] = []
        rows: list[dict[str, Any]] = []
        dead: list[Any] = []
        for i, line in enumerate(lines):
            record = log_line(line)
            if not record:
                continue
            try:
                rows.append(log_record(record, escape=self._escape, layout=layout, trusted=self._trusted))
            except Refused as refused:
                dead.append((at[i], refused.reason, refused.message, refused.detail, line.removesuffix(b"\r")))
                continue
            kept.append(i)
        columns: dict[str, list[Any]] = {}
        for name, key in self._keys:
            values = [row.get(key) for row in rows]
            columns[name] = values if key in ("timestamp", "status", "bytes") else list(map(_log_text, values))
        return kept, columns, dead


class _LogDecode:
    """Decodes the lines of one file, and tells how it is read."""

    def __init__(self, decode: Any, text: str) -> None:
        self._decode = decode
        self._text = text

    def __call__(self, lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        return self._decode(lines, at)

    def told(self) -> list[tuple[str, int]]:
        """Return what is to be told of the file, with how often."""
        return [(self._text, 1)] if self._text else []


def _log_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
