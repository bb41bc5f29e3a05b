"""The authority on what a line of an access log holds, by regular expressions; it stands alone."""

from __future__ import annotations

import re
from typing import Any

from caudal.core.dialects import other_format
from caudal.core.scalars import Refused, Unreadable, time_of_text

LOG_TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"

_LOG_BOM = b"\xef\xbb\xbf"
_LOG_HEAD = re.compile(rb'([^ ]+) ([^ ]+) (.+?) \[(.{26})\] "', re.DOTALL)
_LOG_QUOTED = re.compile(rb'((?:[^"\\]|\\.|"(?! |\Z))*+)"', re.DOTALL)
_LOG_NUMBERS = re.compile(rb" ([^ ]*) ([^ ]*)")
_LOG_WORDS = re.compile(rb"(?:[ \t]|\\t|\\x09)++|((?:[^ \t\\]|\\(?!t|x09)[^ \t]?)++)")
_LOG_BLANK = re.compile(rb"(?:\x00|\xef\xbb\xbf)*+")


def log_record(line: bytes, *, escape: bool) -> dict[str, Any]:
    """Return the fields that are not null by name: bytes for texts, int for numbers, milliseconds for the time.

    `line` begins with a byte that counts (see `log_line`). `escape`: bytes that are not UTF-8 become `\\xNN`. Raises
    `Refused` "utf8", "syntax", "type" or "range".
    """
    if not line.isascii():
        try:
            line = line.decode(errors="backslashreplace" if escape else "strict").encode()
        except UnicodeDecodeError as error:
            raise Refused("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
    head = _LOG_HEAD.match(line)
    if head is None:
        raise Refused("syntax", 'the line does not begin as: address ident user [day/month/year:h:m:s offset] "')
    ip, ident, user, time = head.groups()
    stamp = time_of_text(time.decode("latin-1"), LOG_TIME_FORMAT)
    if stamp is None:
        raise Refused("type", f"column 'timestamp' is not a time: {time.decode(errors='replace')!r}")
    row: dict[str, Any] = {"ip": ip, "ident": ident, "user": user, "timestamp": stamp}
    request = _LOG_QUOTED.match(line, head.end())
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


def log_line(raw: bytes) -> bytes:
    """Return a line without the NULs and byte order marks before it and the carriage return behind; b"" is no record."""
    found = _LOG_BLANK.match(raw)
    return raw[found.end() if found else 0 :].removesuffix(b"\r")


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

    def __init__(self, fields: tuple[Any, ...], needed: tuple[str, ...], *, encoding: str = "escape") -> None:
        self._keys = [(field[0], field[2][0] if len(field) > 2 else field[0]) for field in fields if field[0] in needed]
        self._escape = encoding == "escape"
        self.narrow: set[str] = set()

    def open(self, head: bytes, name: str) -> tuple[Any, int]:
        """Return `decode`, and the length of a BOM."""
        what, hint = other_format(head)
        if what:
            raise Unreadable(f"{name}:1: {what}: {hint}")
        return self.decode, len(_LOG_BOM) if head.startswith(_LOG_BOM) else 0

    def decode(self, lines: list[bytes], at: list[int]) -> tuple[list[int], dict[str, list[Any]], list[Any]]:
        """Return the rows, their columns and the records that are none; see `ports.portable.Portable`."""
        kept: list[int] = []
        rows: list[dict[str, Any]] = []
        dead: list[Any] = []
        for i, line in enumerate(lines):
            record = log_line(line)
            if not record:
                continue
            try:
                rows.append(log_record(record, escape=self._escape))
            except Refused as refused:
                dead.append((at[i], refused.reason, refused.message, refused.detail, line.removesuffix(b"\r")))
                continue
            kept.append(i)
        columns: dict[str, list[Any]] = {}
        for name, key in self._keys:
            values = [row.get(key) for row in rows]
            columns[name] = values if key in ("timestamp", "status", "bytes") else list(map(_log_text, values))
        return kept, columns, dead


def _log_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
