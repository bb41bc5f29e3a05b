"""The strict reader: one line at a time, by regular expressions. It is the authority on what a record holds."""

from __future__ import annotations

import re
from typing import Any

from caudal.columnar import times

TIME_FORMAT = "%d/%b/%Y:%H:%M:%S %z"

_HEAD = re.compile(rb'([^ ]+) ([^ ]+) (.+?) \[(.{26})\] "', re.DOTALL)
_QUOTED = re.compile(rb'((?:[^"\\]|\\.|"(?! |\Z))*+)"', re.DOTALL)
_NUMBERS = re.compile(rb" ([^ ]*) ([^ ]*)")
_REQUEST = re.compile(rb"([^ ]+) ([^ ]+) ([^ ]+)")


class Bad(Exception):
    """Why a line is no row: a code, a line for people, what stands where."""

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail


def read(line: bytes, *, escape: bool) -> dict[str, Any]:
    """Return the fields that are not null by name: bytes for texts, int for numbers, milliseconds for the time.

    `escape`: bytes that are not UTF-8 become `\\xNN`. Raises `Bad` "utf8", "syntax", "type" or "range".
    """
    try:
        line = line.decode(errors="backslashreplace" if escape else "strict").encode()
    except UnicodeDecodeError as error:
        raise Bad("utf8", "the line is not UTF-8", f"byte {error.start} of the line") from None
    head = _HEAD.match(line)
    if head is None:
        raise Bad("syntax", 'the line does not begin as: address ident user [day/month/year:h:m:s offset] "')
    ip, ident, user, time = head.groups()
    stamp = times.parse_text(time, TIME_FORMAT)
    if stamp is None:
        raise Bad("type", f"column 'timestamp' is not a time: {time.decode(errors='replace')!r}")
    row: dict[str, Any] = {"ip": ip, "ident": ident, "user": user, "timestamp": stamp}
    request = _QUOTED.match(line, head.end())
    if request is not None:
        row["request"] = request[1]
        parts = _REQUEST.fullmatch(request[1])
        if parts is not None:
            row["method"], row["path"], row["protocol"] = parts.groups()
        at = _read_numbers(line, request.end(), row)
        for name in ("referer", "user_agent"):
            quoted = _QUOTED.match(line, at + 2) if line.startswith(b' "', at) else None
            if quoted is None:
                break
            row[name] = quoted[1]
            at = quoted.end()
    return {name: value for name, value in row.items() if value != b"-" and value is not None}


def _read_numbers(line: bytes, at: int, row: dict[str, Any]) -> int:
    found = _NUMBERS.match(line, at)
    if found is None:
        raise Bad("syntax", "status and bytes do not follow the request", f"byte {at} of the line")
    for name, text in zip(("status", "bytes"), found.groups()):
        if text == b"-":
            continue
        if not (text.isascii() and text.isdigit()):
            raise Bad("type", f"column '{name}' is not a number: {text[:40].decode(errors='replace')!r}")
        digits = text.lstrip(b"0") or b"0"
        if len(digits) > 19 or int(digits) >= 2**63:
            raise Bad("range", f"column '{name}' is out of range for int64: {text[:40].decode()!r}")
        row[name] = int(digits)
    return found.end()
