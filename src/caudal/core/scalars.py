"""One value at a time, in plain Python: text and numbers to times, durations and narrow floats.

The strict readers of all formats go by this, and so do scripts that read files without caudal: its text is pasted
into them. Hence the standard library only. `columnar.times` says what a time looks like, and reads whole columns.
"""

from __future__ import annotations

import re
import struct
from calendar import monthrange
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

LOCAL_TIME = 2**60
"""What is added to a time that was read without an offset, until it is known where it is local: no time lies that far."""

FIRST_ZONED, LAST_ZONED = -2_840_140_800_000, 7_258_118_400_000
"""Between 1880 and 2200 zones are followed; outside, their offsets at these borders hold."""

MAX_DURATION = 2**53
"""Milliseconds of the longest duration."""

DURATION_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(?:\d+(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(r"(\d+)(ms|s|m|h|d)")

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
_UNIX_WALL = datetime(1970, 1, 1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PER_MS = {"us": 1_000, "ns": 1_000_000}
_FLOAT_SCALE = {"": 1e3, "s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_MONTH_NAMES = [
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
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?:[Zz]|([+-])([0-9]{2})(?::?([0-9]{2}))?)?)?"
)
_DIRECTIVES = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2}+)",
    "b": f"(?P<b>(?ai:{'|'.join(name[:3] for name in _MONTH_NAMES)}))",
    "B": f"(?P<B>(?ai:{'|'.join(_MONTH_NAMES)}))",
    "d": "(?P<d> [0-9]|[0-9]{1,2}+)",
    "j": "(?P<j>[0-9]{1,3}+)",
    "H": "(?P<H>[0-9]{1,2}+)",
    "M": "(?P<M>[0-9]{1,2}+)",
    "S": "(?P<S>[0-9]{1,2}+)",
    "f": "(?P<f>[0-9]++)",
    # One digit behind the hours, and nothing behind it, belongs to what follows.
    "z": "(?>[Zz]|(?P<sign>[+-])(?P<zh>[0-9]{2})(?::(?P<zc>[0-9]{2})|(?P<zm>[0-9]{2})|(?!:|[0-9].)))",
    "a": "(?ai:mon|tue|wed|thu|fri|sat|sun)",
    "s": "(?P<minus>-?)(?P<s>[0-9]{1,13}+)",
    "%": "%",
}


class Refused(Exception):
    """Why a record is none: a stable `reason`, a `message` for people, and what stands where (`detail`)."""

    def __init__(self, reason: str, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.detail = detail


class Unreadable(Exception):
    """A file that does not fit as a whole: its header, or the columns that it has."""


def time_of_text(text: str, time_format: str = "", local: bool = False) -> int | None:
    """Return milliseconds since 1970 in UTC; None when the text is no time (of that format; "": ISO 8601).

    `local`: a time without an offset is local time somewhere, and stands `LOCAL_TIME` above its milliseconds.

    >>> time_of_text("1969-12-31T23:59:59.9999Z")
    -1
    """
    if time_format:
        ms = _formatted_time(text, time_format)
        return ms + LOCAL_TIME if local and ms is not None and _is_bare(time_format) else ms
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    ms = _day_ms(day)
    if ms is None:
        return None
    if hour is not None:
        h, m, s = int(hour), int(minute), int(second or 0)
        if h > 23 or m > 59 or s > 60:
            return None
        ms += h * 3_600_000 + m * 60_000 + _within_minute(s, fraction or "")
        if sign is not None:
            h, m = int(hours), int(minutes or 0)
            if h > 23 or m > 59:
                return None
            ms += (h * 60 + m) * (60_000 if sign == "-" else -60_000)
    if not _FIRST_MS <= ms <= _LAST_MS:
        return None
    return ms + LOCAL_TIME if local and sign is None and text[-1] not in "Zz" else ms


def readings_of_local(ms: int, zone: tzinfo) -> tuple[int, int, bool]:
    """Return the instants that a local time (as if it were UTC) can mean, and whether no clock showed it.

    They are the same twice but in a doubled hour; a missing hour is moved on by the gap.

    >>> from zoneinfo import ZoneInfo
    >>> early, late, _ = readings_of_local(1_729_994_400_000, ZoneInfo("Europe/Berlin"))  # 2024-10-27 02:00
    >>> late - early
    3600000
    """
    wall = _UNIX_WALL + timedelta(milliseconds=min(max(ms, FIRST_ZONED), LAST_ZONED))
    first, second = (ms - _offset_at(wall.replace(fold=fold), zone) for fold in (0, 1))
    return first, max(first, second), second < first


def _offset_at(wall: datetime, zone: tzinfo) -> int:
    offset = wall.replace(tzinfo=zone).utcoffset() or timedelta(0)
    return offset // timedelta(milliseconds=1)


def time_of_int(value: int, unit: str = "") -> int | None:
    """Return the milliseconds of a count of `unit` ("": milliseconds), floored; None beyond 64 bits."""
    if unit in _PER_MS:
        return value // _PER_MS[unit]
    value = value * 1_000 if unit == "s" else value
    return value if -(2**63) <= value < 2**63 else None


def time_of_float(value: float, unit: str = "", *, narrow: bool = False) -> int | None:
    """Return the milliseconds of a count of `unit` ("": seconds), rounded half away from zero; None beyond 64 bits.

    `narrow`: the value is a float32, and so is its product with what a unit is worth.
    """
    scale = _FLOAT_SCALE[unit]
    if narrow:
        product = float32_of(value * (float32_of(scale) or 0.0))
        scaled = float("inf") if product is None else product
    else:
        scaled = value * scale
    if not abs(scaled) < 2.0**63:
        return None
    whole = int(scaled)
    if abs(scaled - whole) >= 0.5:
        whole += 1 if scaled > 0 else -1
    return whole


def duration_of_text(text: str) -> int | None:
    """Return the milliseconds of `1h30m`, whatever their number; None when the text is no duration."""
    compact = text.replace(" ", "")
    if not _DURATION.fullmatch(compact):
        return None
    return sum(int(number) * DURATION_UNITS[unit] for number, unit in _DURATION_PART.findall(compact))


def text_of_duration(milliseconds: int) -> str:
    """Return the shortest text for a duration.

    >>> text_of_duration(5_400_000)
    '1h30m'
    """
    if milliseconds == 0:
        return "0ms"
    rest = milliseconds
    parts: list[str] = []
    for unit in ("d", "h", "m", "s", "ms"):
        number, rest = divmod(rest, DURATION_UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)


def float32_of(value: float) -> float | None:
    """Return the nearest float32; None beyond its range."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return None


@lru_cache(1024)
def _day_ms(day: str) -> int | None:
    """Return when a day begins; None for one that does not exist."""
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * 86_400_000
    except ValueError:
        return None


@lru_cache(64)
def _is_bare(time_format: str) -> bool:
    """Whether times of the format have no offset, nor need one."""
    return not {"%z", "%s"} & {*re.findall(r"%.", time_format)}


def _within_minute(second: int, fraction: str) -> int:
    """Return milliseconds since the minute began; all of a leap second is the last of them."""
    return second * 1_000 + int(fraction[:3].ljust(3, "0")) if second < 60 else 59_999


@lru_cache(64)
def _time_pattern(time_format: str) -> re.Pattern[str]:
    pieces: list[str] = re.findall(r"%.|[^%]", time_format, re.DOTALL)
    return re.compile("".join(_DIRECTIVES[p[1]] if len(p) > 1 else re.escape(p) for p in pieces), re.DOTALL)


@lru_cache(4096)
def _formatted_time(text: str, time_format: str) -> int | None:
    """Read text as POSIX strptime does. Cached: many lines of a log have the same second."""
    found = _time_pattern(time_format).fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    fraction = part.get("f") or ""
    if part.get("s"):
        ms = int(part["s"]) * 1_000 + int(fraction[:3].ljust(3, "0"))
        if part["minus"]:  # -1.5 is the whole number's sign: floored, where something was cut
            ms = -ms - any(digit != "0" for digit in fraction[3:])
        return ms if _FIRST_MS <= ms <= _LAST_MS else None
    if part.get("Y"):
        year = int(part["Y"])
    else:
        year = int(part["y"])
        year += 1900 if year >= 69 else 2000
    hour, minute, second = (int(part.get(name) or 0) for name in "HMS")
    if year < 1 or hour > 23 or minute > 59 or second > 60:
        return None
    if part.get("j"):
        ordinal = int(part["j"])
        if not 1 <= ordinal <= 337 + monthrange(year, 2)[1]:
            return None
        days = date(year, 1, 1).toordinal() + ordinal - 1
    else:
        name = part.get("b") or part.get("B")
        month = _month(name) if name else int(part.get("m") or 1)
        day = int(part.get("d") or 1)
        if not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
            return None
        days = date(year, month, day).toordinal()
    ms = (days - _EPOCH_DAY) * 86_400_000 + hour * 3_600_000 + minute * 60_000 + _within_minute(second, fraction)
    if part.get("sign"):
        hours, minutes = int(part["zh"]), int(part["zc"] or part["zm"] or 0)
        if hours > 23 or minutes > 59:
            return None
        ms += (hours * 60 + minutes) * (60_000 if part["sign"] == "-" else -60_000)
    return ms if _FIRST_MS <= ms <= _LAST_MS else None


def _month(name: str) -> int:
    return next(i for i, known in enumerate(_MONTH_NAMES, 1) if known.startswith(name.lower()))
