"""Text to instants and back, and the parts of an instant.

Instants are int64 milliseconds since 1970-01-01T00:00:00Z on the proleptic Gregorian calendar.

Without a format, text is ISO 8601 in the profile of RFC 3339 and a little more: `2015-05-17`, then optionally `T` or
one blank and `10:05`, `10:05:03`, `10:05:03.25` (or a comma; any number of digits), then optionally `Z`, `+hh`,
`+hhmm` or `+hh:mm`. No offset means UTC. A second of 60, a leap second, is the last millisecond of its minute whatever its
fraction, in whatever minute it stands; an hour of 24, a date that does not exist and anything before or behind the text
are refused. Instants lie in the years 0001 to 9999 UTC. Fractions are floored to milliseconds, before 1970 too.

With a format, text is read as by POSIX `strptime`: see `core.time_formats`. Day and month names are English.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from caudal.columnar.civil import date, day_number, is_leap, month_length
from caudal.columnar.column import Bools, Bytes, Ints, Text
from caudal.columnar.compiled import kernel, part
from caudal.core import scalars, time_formats
from caudal.core.types import STRING

MIN_MS = -62_135_596_800_000
"""0001-01-01T00:00:00.000Z."""
MAX_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""

LOCAL_TIME = scalars.LOCAL_TIME

_kernel = kernel(error_model="numpy")
_part = part(error_model="numpy")

YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MILLISECOND, WEEKDAY, ORDINAL_DAY = range(9)
"""What `civil` returns: WEEKDAY is 1 for Monday to 7 for Sunday, ORDINAL_DAY 1 to 366."""

_PER_UNIT = {"s": 1_000, "": 1, "ms": 1}
_UNITS_PER_MS = {"us": 1_000, "ns": 1_000_000}
_FLOAT_SCALE = {"": 1e3, "s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_OFFSET_OR_EPOCH = {ord("z"), ord("s")}
_NAMES = np.frombuffer(bytearray(b"janfebmaraprmayjunjulaugsepoctnovdecmontuewedthufrisatsun"), np.uint8)
_LONG = np.frombuffer(
    bytearray(
        b"january  february march    april    may      june     july     august   septemberoctober  november december "
    ),
    np.uint8,
)


def parse(
    data: Bytes, start: Ints, length: Any, valid: Bools, time_format: str = "", *, local: bool = False
) -> tuple[Ints, Bools]:
    """Return (int64 milliseconds, whether there is one) for each view data[start : start + length].

    `length` is int32; `valid` a bool array or `ALL_VALID`. A null and a text that is no time give False, and 0.
    `local`: a time without an offset is local time somewhere, and stands `LOCAL_TIME` above its milliseconds.
    Raises `PlanError` for a format that cannot be (see `check_format`).
    """
    values = np.empty(len(start), np.int64)
    ok = np.empty(len(start), np.bool_)
    program = check_format(time_format)
    bare = LOCAL_TIME if local else 0
    if len(program) == 0:
        _parse_iso(data, start, length, valid, bare, values, ok)
    else:
        _parse_formatted(data, start, length, valid, program, _NAMES, _LONG, values, ok)
        if bare and not _OFFSET_OR_EPOCH & set(program.tolist()):
            values[ok] += bare
    return values, ok


def ready(time_format: str = "") -> bool:
    """Return whether `parse` with this format runs machine code at once."""
    return (_parse_formatted if time_format else _parse_iso).ready()


def parse_text(value: str | bytes, time_format: str = "") -> int | None:
    """Return the milliseconds of one text, None when it is no time.

    >>> parse_text("1969-12-31T23:59:59.9999Z")
    -1
    """
    raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    data = np.frombuffer(bytearray(raw), np.uint8)
    every = np.empty(0, np.bool_)
    values, ok = parse(data, np.zeros(1, np.int64), np.full(1, len(raw), np.int32), every, time_format)
    return int(values[0]) if ok[0] else None


def from_ints(values: Ints, unit: str = "") -> tuple[Ints, Bools]:
    """Return (milliseconds, whether they fit int64) for counts of `unit` ("s", "ms", "us", "ns", "": ms); floored."""
    if unit in _UNITS_PER_MS:
        return values // _UNITS_PER_MS[unit], np.ones(len(values), np.bool_)
    scale = _PER_UNIT[unit]
    limit = (2**63 - 1) // scale
    return values * scale, (values <= limit) & (values >= -(2**63 // scale))


def from_floats(values: Any, unit: str = "") -> tuple[Ints, Bools]:
    """Return (milliseconds, whether they fit int64) for counts of `unit` ("": seconds), rounded half away from zero."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = values * _FLOAT_SCALE[unit]
        ok = np.abs(scaled) < 2.0**63
    scaled = np.where(ok, scaled, 0.0)
    whole = np.trunc(scaled)
    whole += np.where(np.abs(scaled - whole) >= 0.5, np.sign(scaled), 0.0)
    return whole.astype(np.int64), ok


def format_iso(values: Ints) -> Text:
    """Return ISO 8601 text in UTC with three decimals: `2015-05-17T10:05:03.000Z`.

    A year outside 0 to 9999 is written with a sign and at least four digits, as in ISO 8601's expanded form. Nulls
    are the caller's: what stands under them is formatted too.
    """
    stride = 24 if len(values) == 0 or (values.min() >= MIN_MS and values.max() <= MAX_MS) else 30
    out = np.empty(len(values) * stride, np.uint8)
    length = np.empty(len(values), np.int32)
    _format(np.ascontiguousarray(values), stride, out, length)
    return Text(STRING, out, np.arange(len(values), dtype=np.int64) * stride, length)


def civil(values: Ints, part: int) -> Ints:
    """Return one part (YEAR, MONTH ... above) of each instant in UTC, as int64. Defined for every int64."""
    out = np.empty(len(values), np.int64)
    _civil(np.ascontiguousarray(values), part, out)
    return out


@lru_cache(256)
def check_format(time_format: str) -> Ints:
    """Return the compiled table of a format (empty for "", ISO 8601): each entry a directive's code, or -1 - byte.

    Raises `PlanError` for an unknown directive, one that stands twice, or a format that fixes no instant.
    """
    return np.array(time_formats.compiled(time_format), np.int64)


@_part
def _number(data, p, stop, most):
    """Read one to `most` digits at p: (value, behind them), or (-1, p) when there is none."""
    value = 0
    q = p
    while q < stop and q - p < most:
        d = np.int64(data[q]) - 48
        if d < 0 or d > 9:
            break
        value = value * 10 + d
        q += 1
    if q == p:
        return -1, p
    return value, q


@_part
def _pair(data, p):
    """Read two digits at p: the value, or -1."""
    a = np.int64(data[p]) - 48
    b = np.int64(data[p + 1]) - 48
    if a < 0 or a > 9 or b < 0 or b > 9:
        return -1
    return a * 10 + b


@_part
def _fraction(data, p, stop):
    """Read digits at p as a fraction: (milliseconds floored, whether something was cut, behind them); -1 for none."""
    ms = 0
    scale = 100
    cut = False
    q = p
    while q < stop:
        d = np.int64(data[q]) - 48
        if d < 0 or d > 9:
            break
        if scale > 0:
            ms += d * scale
            scale //= 10
        elif d != 0:
            cut = True
        q += 1
    if q == p:
        return -1, False, p
    return ms, cut, q


@_part
def _offset(data, p, stop):
    """Read Z, +hh, +hhmm or +hh:mm at p: (minutes, behind it), or (0, -1) when it is none of these."""
    if p >= stop:
        return 0, -1
    c = data[p]
    if c == 90 or c == 122:  # Z z
        return 0, p + 1
    if (c != 43 and c != 45) or p + 3 > stop:  # + -
        return 0, -1
    hours = _pair(data, p + 1)
    q = p + 3
    minutes = 0
    if q < stop and data[q] == 58:  # :
        if q + 3 > stop:
            return 0, -1
        minutes = _pair(data, q + 1)
        q += 3
    elif q + 2 <= stop and 48 <= data[q] <= 57:
        minutes = _pair(data, q)
        q += 2
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return 0, -1
    total = hours * 60 + minutes
    return (total if c == 43 else -total), q


@_part
def _iso(data, p, stop, bare):
    """Return (milliseconds, `bare` more where there is no offset, and whether data[p:stop] is an ISO 8601 time)."""
    if stop - p < 10 or data[p + 4] != 45 or data[p + 7] != 45:
        return 0, False
    century = _pair(data, p)
    year = _pair(data, p + 2)
    month = _pair(data, p + 5)
    day = _pair(data, p + 8)
    if century < 0 or year < 0:
        return 0, False
    year += century * 100
    if year < 1 or month < 1 or month > 12 or day < 1 or day > month_length(year, month):
        return 0, False
    ms = day_number(year, month, day) * 86_400_000
    p += 10
    if p == stop:
        return ms + bare, True
    c = data[p]
    if (c != 84 and c != 116 and c != 32) or stop - p < 6 or data[p + 3] != 58:  # T t blank, :
        return 0, False
    hour = _pair(data, p + 1)
    minute = _pair(data, p + 4)
    second = 0
    fraction = 0
    p += 6
    if p + 3 <= stop and data[p] == 58:
        second = _pair(data, p + 1)
        p += 3
        if p < stop and (data[p] == 46 or data[p] == 44):  # . ,
            fraction, _, p = _fraction(data, p + 1, stop)
            if fraction < 0:
                return 0, False
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 60:
        return 0, False
    ms += hour * 3_600_000 + minute * 60_000 + (second * 1_000 + fraction if second < 60 else 59_999)
    if p < stop:
        minutes, p = _offset(data, p, stop)
        if p != stop:
            return 0, False
        ms -= minutes * 60_000
        return ms, MIN_MS <= ms <= MAX_MS
    return ms + bare, ms <= MAX_MS


@_part
def _named(data, p, stop, names, first, last, width):
    """Return which of names[first:last] (each `width` letters, blank-padded) stands at p, or -1, and where it ends."""
    for k in range(first, last):
        q = p
        i = 0
        while i < width:
            letter = names[k * width + i]
            if letter == 32:
                break
            if q >= stop or (data[q] | 32) != letter:
                i = -1
                break
            q += 1
            i += 1
        if i > 0:
            return k - first, q
    return -1, p


@_part
def _figure(data, p, stop, step):
    """Read the number of a directive: (value, whether a minus stands before it, behind it), or -1 for none that it takes."""
    most = 4 if step == 89 else 3 if step == 106 else 13 if step == 115 else 2
    negative = step == 115 and p < stop and data[p] == 45  # s
    if negative:
        p += 1
    elif step == 100 and p + 1 < stop and data[p] == 32:  # d
        most = 1
        p += 1
    value, q = _number(data, p, stop, most)
    width = q - p
    if step == 89 and (width != 4 or value < 1):  # Y
        value = -1
    elif step == 121:  # y
        value = -1 if width != 2 else value + (1900 if value >= 69 else 2000)
    elif (
        (step == 106 and value < 1)
        or (step == 72 and value > 23)
        or (step == 77 and value > 59)
        or (step == 83 and value > 60)
    ):  # j
        value = -1
    return value, negative, q


@_part
def _formatted(data, p, stop, program, names, long_names):
    """Return (milliseconds, whether data[p:stop] is a time written as the program says)."""
    year, month, day, ordinal = 1970, 1, 1, 0
    ms = fraction = minutes = epoch = 0
    cut = leaps = negative = has_epoch = False
    for step in program:
        value = 0
        if step < 0:
            value = 0 if p < stop and data[p] == -1 - step else -1
            p += 1
        elif step == 122:  # z
            minutes, p = _offset(data, p, stop)
            value = p
        elif step == 102:  # f
            fraction, cut, p = _fraction(data, p, stop)
            value = fraction
        elif step == 97 or step == 98 or step == 66:  # a b B
            first = 12 if step == 97 else 0
            table = long_names if step == 66 else names
            value, p = _named(data, p, stop, table, first, 19 if step == 97 else 12, 9 if step == 66 else 3)
            if step != 97:
                month = value + 1
        else:
            value, minus, p = _figure(data, p, stop, step)
            if step == 89 or step == 121:  # Y y
                year = value
            elif step == 109:  # m
                month = value
            elif step == 100:  # d
                day = value
            elif step == 106:  # j
                ordinal = value
            elif step == 115:  # s
                negative, has_epoch, epoch = minus, True, value
            else:  # H M S
                leaps = leaps or (step == 83 and value == 60)
                ms += value * (3_600_000 if step == 72 else 60_000 if step == 77 else 1_000)
        if value < 0:
            return 0, False
    if p != stop:
        return 0, False
    ms += fraction if not leaps else -1
    if has_epoch:
        # The sign of "-1.5" is the whole number's: -1.5 s, floored to milliseconds.
        ms = -(epoch * 1_000 + ms) - (1 if cut else 0) if negative else epoch * 1_000 + ms
        return ms, MIN_MS <= ms <= MAX_MS
    longest = month_length(year, month) if 1 <= month <= 12 else 0
    if ordinal > 0:
        day, longest = ordinal, 366 if is_leap(year) else 365
    if day < 1 or day > longest:
        return 0, False
    ms += day_number(year, month, 1) * 86_400_000 + (day - 1) * 86_400_000 - minutes * 60_000
    return ms, MIN_MS <= ms <= MAX_MS


@kernel(arguments="B L I ? l L ?", error_model="numpy")
def _parse_iso(data, start, length, valid, bare, values, ok):
    masked = valid.size > 0
    for i in range(start.size):
        values[i] = 0
        ok[i] = False
        if not masked or valid[i]:
            ms, good = _iso(data, start[i], start[i] + length[i], bare)
            if good:
                values[i] = ms
                ok[i] = True


@kernel(arguments="B L I ? L B B L ?", error_model="numpy")
def _parse_formatted(data, start, length, valid, program, names, long_names, values, ok):
    masked = valid.size > 0
    for i in range(start.size):
        values[i] = 0
        ok[i] = False
        if not masked or valid[i]:
            ms, good = _formatted(data, start[i], start[i] + length[i], program, names, long_names)
            if good:
                values[i] = ms
                ok[i] = True


@_kernel
def _civil(values, part, out):
    for i in range(values.size):
        days = values[i] // 86_400_000
        rest = values[i] - days * 86_400_000
        if part == HOUR:
            out[i] = rest // 3_600_000
        elif part == MINUTE:
            out[i] = rest // 60_000 % 60
        elif part == SECOND:
            out[i] = rest // 1_000 % 60
        elif part == MILLISECOND:
            out[i] = rest % 1_000
        elif part == WEEKDAY:
            out[i] = (days + 3) % 7 + 1
        else:
            year, month, day, ordinal = date(days)
            if part == YEAR:
                out[i] = year
            elif part == MONTH:
                out[i] = month
            elif part == DAY:
                out[i] = day
            else:
                out[i] = ordinal


@_part
def _put(out, p, value, digits):
    for k in range(digits - 1, -1, -1):
        out[p + k] = 48 + value % 10
        value //= 10
    return p + digits


@_kernel
def _format(values, stride, out, length):
    for i in range(values.size):
        days = values[i] // 86_400_000
        rest = values[i] - days * 86_400_000
        year, month, day, _ = date(days)
        first = i * stride
        p = first
        digits = 4
        if year < 0 or year > 9999:
            out[p] = 45 if year < 0 else 43
            p += 1
            year = abs(year)
            bound = 10_000
            while year >= bound:
                digits += 1
                bound *= 10
        p = _put(out, p, year, digits)
        out[p] = 45
        p = _put(out, p + 1, month, 2)
        out[p] = 45
        p = _put(out, p + 1, day, 2)
        out[p] = 84
        p = _put(out, p + 1, rest // 3_600_000, 2)
        out[p] = 58
        p = _put(out, p + 1, rest // 60_000 % 60, 2)
        out[p] = 58
        p = _put(out, p + 1, rest // 1_000 % 60, 2)
        out[p] = 46
        p = _put(out, p + 1, rest % 1_000, 3)
        out[p] = 90
        length[i] = p + 1 - first
