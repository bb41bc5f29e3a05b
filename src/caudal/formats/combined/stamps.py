"""The times of an access log, compiled: `17/May/2015:10:05:03 +0000` and no other form; others are the strict reader's."""

from __future__ import annotations

import numpy as np

from caudal.columnar.civil import day_number, month_length
from caudal.columnar.compiled import part
from caudal.columnar.simd import byte, long, set_long, word64

UNREAD = np.int64(np.iinfo(np.int64).min)
"""In place of a time that is not written in this form."""

_DATE, _HOUR, _ZONE, _BASE = range(4)
MEMO = 4
"""Places of a memo, which is made of -1: ten minutes as they were written last, and when they began."""

_MONTHS = tuple(
    int.from_bytes(name, "little")
    for name in (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
)
_LOWER, _THREE = 0x202020, 0xFFFFFF
_U = np.uint64


@part(forceinline=True)
def stamp(buf, p, memo):
    """Return the milliseconds of the time at p, or `UNREAD`."""
    date, hour, zone = word64(buf, p), word64(buf, p + 8), word64(buf, p + 18) >> _U(16)
    if date != _U(long(memo, _DATE)) or hour != _U(long(memo, _HOUR)) or zone != _U(long(memo, _ZONE)):
        base = _begin(buf, p)
        if base == UNREAD:
            return UNREAD
        set_long(memo, _DATE, np.int64(date))
        set_long(memo, _HOUR, np.int64(hour))
        set_long(memo, _ZONE, np.int64(zone))
        set_long(memo, _BASE, base)
    minute, second = byte(buf, p + 16) - 48, _pair(buf, p + 18)
    if minute < 0 or minute > 9 or second < 0 or second > 59 or byte(buf, p + 17) != 58:
        return UNREAD
    return long(memo, _BASE) + minute * 60_000 + second * 1_000


@part(forceinline=True)
def _pair(buf, p):
    """Return the number of two digits, or -1."""
    a, b = byte(buf, p) - 48, byte(buf, p + 1) - 48
    return a * 10 + b if 0 <= a <= 9 and 0 <= b <= 9 else np.int64(-1)


@part()
def _begin(buf, p):
    """Return when the ten minutes begin in which the time at p lies, or `UNREAD`."""
    if byte(buf, p + 2) != 47 or byte(buf, p + 6) != 47 or byte(buf, p + 11) != 58 or byte(buf, p + 14) != 58:
        return UNREAD
    named = np.int64(word64(buf, p + 3)) & _THREE | _LOWER
    month = 0
    for k in range(12):
        if named == _MONTHS[k]:
            month = k + 1
    day, century, of_century, hour, tens = (
        _pair(buf, p), _pair(buf, p + 7), _pair(buf, p + 9), _pair(buf, p + 12), byte(buf, p + 15) - 48
    )  # fmt: skip
    # the first and last years, where a zone may lead out of what times there are, are the strict reader's too
    if day < 1 or month < 1 or century < 1 or century > 98 or of_century < 0 or hour < 0 or hour > 23:
        return UNREAD
    year = century * 100 + of_century
    sign, ahead, minutes = byte(buf, p + 21), _pair(buf, p + 22), _pair(buf, p + 24)
    if tens < 0 or tens > 5 or day > month_length(year, month):
        return UNREAD
    if byte(buf, p + 20) != 32 or (sign != 43 and sign != 45) or ahead < 0 or ahead > 23 or minutes < 0 or minutes > 59:
        return UNREAD
    offset = ahead * 60 + minutes
    if sign == 45:
        offset = -offset
    return day_number(year, month, day) * 86_400_000 + hour * 3_600_000 + (tens * 10 - offset) * 60_000
