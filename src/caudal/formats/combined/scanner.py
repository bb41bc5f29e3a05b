"""The compiled scanner: lines to views of fields. What it does not take is marked odd and left to the strict reader.

A line is looked at for its end, for what decides whether it is a record, and for the fields that are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import (
    beyond_ascii,
    byte,
    count,
    long,
    lowest,
    matches,
    matches_either,
    set_byte,
    set_int,
    set_long,
)
from caudal.formats.combined.layout import CLIENT, IDENT, LISTED, SPANS, TIME_LENGTH, USER, VHOST, before, find_client
from caudal.formats.combined.portable import log_start
from caudal.formats.combined.stamps import MEMO, UNREAD, stamp

TEXTS = (
    *("ip", "ident", "user", "request", "method", "path", "protocol", "referer", "user_agent"),
    *("vhost", "forwarded"),
)
NUMBERS = ("status", "bytes")
VIEWS = (*TEXTS, *NUMBERS)

_IP, _IDENT, _USER, _REQUEST, _METHOD, _PATH, _PROTOCOL, _REFERER, _AGENT, _VHOST, _FORWARDED = range(len(TEXTS))
_STATUS = len(TEXTS)
_WORDS, _SIZES, _VALID, _STRIDE, _SPANS, _MEMO = range(len(VIEWS), len(VIEWS) + 6)
_ENV = len(VIEWS) + 6
"""Places of what a kernel is given: for each of `VIEWS` its row in the arrays or -1, then the arrays' addresses."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_NONE = np.uint64(0)
_ONE = np.uint64(1)


@dataclass(slots=True)
class Lines:
    """The records of a block, of which `odd` ones have no values.

    `start`, `length`: of each line without its end; `high`: whether it may have bytes beyond ASCII; `stamps`: its time. Of the
    wanted ones of `VIEWS`, a row each: `words`, where a text begins, or a number; `sizes`, how long a text is; `valid`. What
    stands under a null is not set.
    """

    start: Ints
    length: npt.NDArray[np.int32]
    odd: Bools
    high: Bools
    stamps: Ints
    words: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int32]
    valid: Bools

    def replace(self, rows: Ints, others: Lines) -> None:
        """Put the values of other lines in place of those of some rows, which stay where they stand."""
        for name in ("odd", "stamps"):
            getattr(self, name)[rows] = getattr(others, name)
        for name in ("words", "sizes", "valid"):
            getattr(self, name)[:, rows] = getattr(others, name)

    def first(self, n: int) -> Lines:
        """Return the first n records."""
        flat = (self.start[:n], self.length[:n], self.odd[:n], self.high[:n], self.stamps[:n])
        return Lines(*flat, self.words[:, :n], self.sizes[:, :n], self.valid[:, :n])


def scan(
    data: Bytes, start: int, stop: int, layout: int, trusted: npt.NDArray[np.int64], wanted: Sequence[str] = VIEWS
) -> Lines:
    """Return the records of data[start:stop]; empty lines are none. See `layout` for what it and `trusted` are."""
    most = _count(data, start, stop) + 1  # the last line may have no end
    lines = _lines(most, len(wanted))
    spans, memo = np.zeros(SPANS, np.int64), np.full(MEMO, -1, np.int64)
    env = np.empty(_ENV, np.int64)
    env[: len(VIEWS)] = [wanted.index(name) if name in wanted else -1 for name in VIEWS]
    arrays = (lines.words, lines.sizes, lines.valid)
    env[len(VIEWS) :] = [*(array.ctypes.data for array in arrays), most, spans.ctypes.data, memo.ctypes.data]
    flat = (lines.start, lines.length, lines.odd, lines.high, lines.stamps)
    return lines.first(_scan(data, start, stop, layout, trusted, env, *flat))


def ready() -> bool:
    """Return whether `scan` runs machine code at once."""
    return _scan.ready() & _count.ready()  # both are asked for


def unread(data: Bytes, start: int, stop: int, wanted: Sequence[str] = VIEWS) -> Lines:
    """Return the records of data[start:stop], all of them odd: what there is until `scan` is ready."""
    ends = np.flatnonzero(data[start:stop] == 10) + start
    ends = np.append(ends, stop) if start < stop and data[stop - 1] != 10 else ends
    first = np.append(start, ends[:-1] + 1)[: len(ends)]
    ends -= (ends > first) & (data[ends - 1] == 13)
    # a line that begins like others has something in it
    doubtful = np.flatnonzero((ends > first) & ((data[first] == 0) | (data[first] == 239)))
    there = ends > first
    there[doubtful] = [bool(log_start(data[first[i] : ends[i]].tobytes())) for i in doubtful.tolist()]
    lines = _lines(int(np.count_nonzero(there)), len(wanted))
    lines.start[:] = first[there]
    lines.length[:] = ends[there] - first[there]
    lines.odd[:] = True
    lines.stamps[:] = 0
    return lines


def _lines(n: int, wanted: int) -> Lines:
    return Lines(
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.bool_),
        np.empty(n, np.bool_),
        np.empty(n, np.int64),
        np.empty((wanted, n), np.int64),
        np.empty((wanted, n), np.int32),
        np.zeros((wanted, n), np.bool_),
    )


@kernel(arguments="B l l")
def _count(data, start, stop):
    return count(np.int64(data.ctypes.data), start, stop, 10)


@part(forceinline=True)
def _line_end(buf, p, stop):
    """Return where a line ends, and a mask that is not 0 where it has bytes beyond ASCII."""
    high = _NONE
    while p < stop:
        mask = matches(buf, p, 10)
        beyond = beyond_ascii(buf, p)
        if mask != _NONE:
            return min(p + lowest(mask), stop), high | (beyond & (mask ^ (mask - _ONE)))
        high |= beyond
        p += 64
    return stop, high


@part(forceinline=True)
def _closing(buf, p, end):
    """Return where the quote stands that closes a text: one without a backslash, with a blank or the end behind it."""
    while p < end:
        mask = matches_either(buf, p, 34, 92)
        if mask == _NONE:
            p += 64
            continue
        p += lowest(mask)
        if p >= end:
            break
        if byte(buf, p) == 92:
            p += 2
        elif p + 1 == end or byte(buf, p + 1) == 32:
            return p
        else:
            p += 1
    return np.int64(-1)


@part(forceinline=True)
def _number(buf, p, end):
    """Read up to 18 digits, or a dash: (value or -1 for the dash or -2 for neither, behind it)."""
    if p < end and byte(buf, p) == 45:
        return np.int64(-1), p + 1
    first = p
    value = np.int64(0)
    while p < end and p - first < 18:
        digit = byte(buf, p) - 48
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        p += 1
    return (value if p > first else np.int64(-2)), p


@part(forceinline=True)
def _wants(env, field):
    return long(env, field) >= 0


@part(forceinline=True)
def _set(buf, field, first, last, row, env):
    """Set the view of a text where it is wanted; a dash is null."""
    place = long(env, field)
    if place >= 0:
        at = place * long(env, _STRIDE) + row
        set_long(long(env, _WORDS), at, first)
        set_int(long(env, _SIZES), at, last - first)
        set_byte(long(env, _VALID), at, last - first != 1 or byte(buf, first) != 45)


@part(forceinline=True)
def _gap(buf, p, end):
    """Return the bytes of what parts words here: 1 for a blank or TAB, 2 or 4 for a TAB as servers write it, or 0."""
    c = byte(buf, p)
    if c == 32 or c == 9:
        return 1
    if c == 92 and p + 1 < end:
        if byte(buf, p + 1) == 116:
            return 2
        if byte(buf, p + 1) == 120 and p + 3 < end and byte(buf, p + 2) == 48 and byte(buf, p + 3) == 57:
            return 4
    return 0


@part(forceinline=True)
def _is_protocol(buf, p, end):
    return (
        end - p >= 5
        and byte(buf, p) | 32 == 104
        and byte(buf, p + 1) | 32 == 116
        and byte(buf, p + 2) | 32 == 116
        and byte(buf, p + 3) | 32 == 112
        and byte(buf, p + 4) == 47
    )


@part()
def _parts(buf, p, end, row, env):
    """Part a request line: its first word, its last one if it begins with HTTP/, and all between, which is no blank."""
    words = 0
    first = first_end = path = 0  # the first word, and where the second begins
    last = last_end = before_end = p  # the last word, and the end of the one before it
    within = False
    while p < end:
        gap = _gap(buf, p, end)
        if gap > 0:
            if within:
                last_end = p
                within = False
            p += gap
            continue
        if not within:
            within = True
            words += 1
            before_end = last_end
            last = p
            if words == 1:
                first = p
            elif words == 2:
                first_end = last_end
                path = p
        p += 2 if byte(buf, p) == 92 and p + 1 < end and byte(buf, p + 1) != 32 and byte(buf, p + 1) != 9 else 1
    if within:
        last_end = end
    protocol = words > 0 and _is_protocol(buf, last, last_end)
    if words < 2 or (protocol and words < 3):
        return
    _set(buf, _METHOD, first, first_end, row, env)
    if protocol:
        _set(buf, _PROTOCOL, last, last_end, row, env)
    _set(buf, _PATH, path, before_end if protocol else last_end, row, env)


@part(forceinline=True)
def _blanks(buf, p, end):
    """Return where a line begins behind NULs and byte order marks."""
    while p < end:
        if byte(buf, p) == 0:
            p += 1
        elif byte(buf, p) == 239 and p + 2 < end and byte(buf, p + 1) == 187 and byte(buf, p + 2) == 191:
            p += 3
        else:
            break
    return p


@part(forceinline=True)
def _head(data, buf, layout, trusted, groups, row, env):
    """Set what stands before the time."""
    spans = long(env, _SPANS)
    if _wants(env, _IP):
        find_client(data, buf, layout, trusted, groups, spans)
        if long(spans, CLIENT) >= 0:
            _set(buf, _IP, long(spans, CLIENT), long(spans, CLIENT + 1), row, env)
    _set(buf, _IDENT, long(spans, IDENT), long(spans, IDENT + 1), row, env)
    _set(buf, _USER, long(spans, USER), long(spans, USER + 1), row, env)
    if long(spans, VHOST) >= 0:
        _set(buf, _VHOST, long(spans, VHOST), long(spans, VHOST + 1), row, env)
    if long(spans, LISTED) >= 0:
        _set(buf, _FORWARDED, long(spans, LISTED), long(spans, LISTED + 1), row, env)


@part(forceinline=True)
def _rest(buf, p, end, row, env):
    """Read what begins with the request; return whether it could be."""
    q = _closing(buf, p, end)
    if q < 0:
        return True
    if q + 1 == end:
        return False
    _set(buf, _REQUEST, p, q, row, env)
    if _wants(env, _METHOD) or _wants(env, _PATH) or _wants(env, _PROTOCOL):
        _parts(buf, p, q, row, env)
    p = q + 1
    for field in range(_STATUS, _STATUS + 2):
        if p >= end or byte(buf, p) != 32:
            return False
        value, p = _number(buf, p + 1, end)
        if value < -1:
            return False
        place = long(env, field)
        if place >= 0 and value >= 0:
            at = place * long(env, _STRIDE) + row
            set_long(long(env, _WORDS), at, value)
            set_byte(long(env, _VALID), at, 1)
    if p < end and byte(buf, p) != 32:
        return False
    if not (_wants(env, _REFERER) or _wants(env, _AGENT)):
        return True
    for field in range(_REFERER, _AGENT + 1):
        if p + 1 >= end or byte(buf, p) != 32 or byte(buf, p + 1) != 34:
            break
        q = _closing(buf, p + 2, end)
        if q < 0:
            break
        _set(buf, field, p + 2, q, row, env)
        p = q + 1
    return True


@kernel(arguments="B l l l LL L L I ? ? L")
def _scan(data, start, stop, layout, trusted, given, starts, lengths, odd, high, stamps):
    buf, env = np.int64(data.ctypes.data), np.int64(given.ctypes.data)
    spans, memo = long(env, _SPANS), long(env, _MEMO)
    groups = np.zeros(8, np.int64)
    set_long(spans, VHOST, -1)
    set_long(spans, LISTED, -1)
    n = 0
    behind = start
    while behind < stop:
        begin = behind
        end, beyond = _line_end(buf, begin, stop)
        behind = end + 1
        if end > begin and byte(buf, end - 1) == 13:
            end -= 1
        p = _blanks(buf, begin, end)
        if end == p:
            continue
        starts[n] = begin
        lengths[n] = end - begin
        high[n] = beyond != _NONE
        p = before(buf, p, end, layout, spans)
        time = stamp(buf, p + 1, memo) if p >= 0 else UNREAD
        stamps[n] = time
        fits = time != UNREAD
        if fits:
            _head(data, buf, layout, trusted, groups, n, env)
            fits = _rest(buf, p + TIME_LENGTH + 4, end, n, env)
        odd[n] = not fits
        n += 1
    return n
