"""Text to times by a format, as POSIX strptime reads it."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST = {"Y": 4, "y": 2, "m": 2, "d": 2, "j": 3, "H": 2, "M": 2, "S": 2, "s": 13}
_OFFSET = re.compile(r"[Zz]|([+-])([0-9]{2})(?::([0-9]{2})|([0-9]{2})|(?!:|[0-9].))", re.DOTALL)
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999


def strptime(time_format: str) -> Callable[[Any], Any]:
    """Return the function from text to milliseconds since 1970 in UTC; null where the text is no such time."""
    pieces: list[str] = re.findall(r"%.|[^%]", time_format, re.DOTALL)

    def read(text: str | None) -> int | None:
        return None if text is None else _read(text, pieces)

    return lambda text: pa.array([read(v) for v in text.to_pylist()], pa.int64())


def _read(text: str, pieces: list[str]) -> int | None:
    parts: dict[str, int] = {}
    at = 0
    for piece in pieces:
        name = piece[1:]
        if not name or name == "%":
            if text[at : at + 1] != piece[0]:
                return None
            at += 1
            continue
        found = _piece(text, at, name)
        if found is None:
            return None
        parts[name], at = found
    return _instant(parts) if at == len(text) else None


def _piece(text: str, at: int, name: str) -> tuple[int, int] | None:
    """Return the value of a directive at a place of the text, and where it ends."""
    if name in "aBb":
        names = _DAYS if name == "a" else _MONTHS if name == "B" else [month[:3] for month in _MONTHS]
        for number, known in enumerate(names, 1):
            part = text[at : at + len(known)]
            if part.isascii() and part.lower() == known:
                return number, at + len(known)
        return None
    if name == "z":
        offset = _OFFSET.match(text, at)
        if offset is None:
            return None
        sign, hours, *minutes = offset.groups(default="")
        hour, minute = int(hours or 0), int("".join(minutes) or 0)
        value = hour * 60 + minute
        return None if hour > 23 or minute > 59 else (-value if sign == "-" else value, offset.end())
    if name == "f":
        digits = _digits(text, at, len(text))
        # The low bit says whether something was cut: what lies before 1970 is floored.
        cut = any(c != "0" for c in digits[3:])
        return (int(digits[:3].ljust(3, "0")) * 2 + cut, at + len(digits)) if digits else None
    if name == "s" and text[at : at + 1] == "-":
        digits = _digits(text, at + 1, 13)
        # Doubled, and odd for a minus: -0 has a sign too.
        return (int(digits) * 2 + 1, at + 1 + len(digits)) if digits else None
    blank = name == "d" and text[at : at + 1] == " "
    digits = _digits(text, at + blank, 1 if blank else _MOST[name])
    if not digits or (name in "Yy" and len(digits) != _MOST[name]):
        return None
    return int(digits) * (2 if name == "s" else 1), at + blank + len(digits)


def _digits(text: str, at: int, most: int) -> str:
    end = at
    while end < min(at + most, len(text)) and "0" <= text[end] <= "9":
        end += 1
    return text[at:end]


def _instant(parts: dict[str, int]) -> int | None:
    fraction = parts.get("f", 0)
    ms, cut = fraction >> 1, fraction & 1
    if "s" in parts:
        total = (parts["s"] >> 1) * 1000 + ms
        value = -total - cut if parts["s"] & 1 else total
        return value if _FIRST <= value <= _LAST else None
    year = parts["Y"] if "Y" in parts else parts["y"] + (1900 if parts["y"] >= 69 else 2000)
    hour, minute, second = (parts.get(name, 0) for name in "HMS")
    if year < 1 or hour > 23 or minute > 59 or second > 60:
        return None
    if "j" in parts:
        if not 1 <= parts["j"] <= 365 + (monthrange(year, 2)[1] - 28):
            return None
        days = date(year, 1, 1).toordinal() + parts["j"] - 1
    else:
        month, day = parts.get("m", parts.get("b", parts.get("B", 1))), parts.get("d", 1)
        if not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
            return None
        days = date(year, month, day).toordinal()
    # All of a leap second is the last millisecond of its minute.
    ms = second * 1_000 + ms if second < 60 else 59_999
    ms += (days - _EPOCH) * 86_400_000 + hour * 3_600_000 + minute * 60_000
    ms -= parts.get("z", 0) * 60_000
    return ms if _FIRST <= ms <= _LAST else None
