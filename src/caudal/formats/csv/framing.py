"""Where records end that go over several lines.

A quoted field may hold newlines only if it closes within `SPAN` bytes, a delimiter or the line's end follows, and the
record then has the right number of fields. Where that is not so its first line is a record of its own, and reading
goes on at the next line. A writer that does not quote, or an attacker who opens a quote in every line, must not make
that slow: a line is looked at three times at most, whatever it holds.

Why that is enough: all attempts that stand within quotes at the same newline were opened by the same quote (a later
opening one would have closed, or spoilt, the earlier), so what follows is the same for all of them but for the number
of fields that came before. It is followed once, remembered (`memo`), and shared.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.column import Bytes
from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import byte, find, find_either
from caudal.formats.csv.portable import CSV_LINE, CSV_SPAN

SPAN = CSV_SPAN
LINE = CSV_LINE

CLOSED, OPENED, BAD, CUT = range(4)
"""How a line ends: outside of quotes; within; with quotes that are none; not at all, for there is no more data."""

_NONE, _GOING, _ENDED, _FAILED = range(4)
_STATUS, _FROM, _FROM_QUOTE, _AT, _AT_QUOTE, _DELIMITERS, _END = range(7)
MEMO = 7
"""Places of a memo, which is made of zeros for each piece of data."""


class Framer:
    """Cuts data at the ends of records; keeps `ports.framing.Framer`. `width`: the number of fields of a record."""

    def __init__(self, delimiter: int, quote: int, comment: int, width: int) -> None:
        self.mark = bytes([quote])
        self._marks = np.array([delimiter, quote, comment], np.int64)
        self._width = width

    def cut(self, data: Bytes, start: int, stop: int, size: int, limit: int, *, final: bool) -> tuple[int, int]:
        """Return where whole records end, and where one longer than `limit` ends behind them; see `ports.framing`."""
        return _cut(data, start, stop, size, limit, self._marks, self._width, final)


@part()
def head_of(buf, p, stop):
    """Return where a record begins: behind the NULs and byte order marks that stand at the head of its line."""
    while p < stop:
        if byte(buf, p) == 0:
            p += 1
        elif byte(buf, p) == 0xEF and p + 2 < stop and byte(buf, p + 1) == 0xBB and byte(buf, p + 2) == 0xBF:
            p += 3
        else:
            break
    return p


@part()
def walk(buf, p, stop, opening, delimiter, quote):
    """Follow a line from p on, at the head of a field or (opening >= 0) within one that was opened there.

    Return how it ends, where (its newline), its delimiters, and the quote that is open there. A line that is CUT is
    CLOSED at the end of all data if no quote is open.
    """
    begin = p
    count = 0
    inside = opening >= 0
    later = inside
    while True:
        if not inside:
            if p < stop and byte(buf, p) == quote:
                opening = p
                inside = True
                p += 1
            else:
                p = find_either(buf, p, stop, delimiter, 10)
                if later and p - begin > LINE:
                    return BAD, p, count, -1
                if p >= stop:
                    return CUT, stop, count, -1
                if byte(buf, p) == 10:
                    return CLOSED, p, count, -1
                p += 1
                count += 1
                continue
        p = find_either(buf, p, stop, quote, 10)
        if (opening < begin and p - opening > SPAN) or (later and p - begin > LINE):
            return BAD, p, count, -1
        if p >= stop:
            return CUT, stop, count, opening
        if byte(buf, p) == 10:
            if p - opening > SPAN or p - begin > LINE:
                return BAD, p, count, -1
            return OPENED, p, count, opening
        if p + 1 >= stop:
            return CUT, stop, count, -1
        if byte(buf, p + 1) == quote:
            p += 2
            continue
        inside = False
        p += 1
        if byte(buf, p) == delimiter:
            p += 1
            count += 1
            continue
        if byte(buf, p) == 13:
            p += 1
            if p >= stop:
                return CUT, stop, count, -1
        if byte(buf, p) == 10:
            return CLOSED, p, count, -1
        return BAD, p, count, -1


@part()
def span(buf, line, stop, count, opening, delimiter, quote, width, final, memo):
    """Return where a record ends whose first line, before `line`, had `count` delimiters and left a quote open.

    -1: it does not go over several lines; -2: the data do not tell yet.
    """
    if memo[_STATUS] != _NONE and memo[_FROM] <= line <= memo[_AT]:
        while memo[_FROM] < line:
            _, where, passed, opened = walk(buf, memo[_FROM], stop, memo[_FROM_QUOTE], delimiter, quote)
            memo[_DELIMITERS] -= passed
            memo[_FROM] = where + 1
            memo[_FROM_QUOTE] = opened
    else:
        memo[_STATUS] = _GOING
        memo[_FROM] = memo[_AT] = line
        memo[_FROM_QUOTE] = memo[_AT_QUOTE] = opening
        memo[_DELIMITERS] = 0
    while memo[_STATUS] == _GOING and count + memo[_DELIMITERS] < width:
        state, where, passed, opened = walk(buf, memo[_AT], stop, memo[_AT_QUOTE], delimiter, quote)
        if state == CUT and not final:
            return -2
        if state == OPENED:
            memo[_AT] = where + 1
            memo[_AT_QUOTE] = opened
            memo[_DELIMITERS] += passed
        elif state == CLOSED or (state == CUT and opened < 0):
            memo[_STATUS] = _ENDED
            memo[_END] = where + 1 if state == CLOSED else stop
            memo[_DELIMITERS] += passed
        else:
            memo[_STATUS] = _FAILED
    if memo[_STATUS] == _ENDED and count + memo[_DELIMITERS] + 1 == width:
        return memo[_END]
    return -1


@kernel()
def _cut(data, start, stop, size, limit, marks, width, final):
    buf = np.int64(data.ctypes.data)
    delimiter, quote, comment = marks
    memo = np.zeros(MEMO, np.int64)
    p = start
    while p < stop and p - start < size:
        first = p
        p = head_of(buf, p, stop)
        if p < stop and byte(buf, p) == comment:
            state, count, opening = BAD, 0, -1
        else:
            state, p, count, opening = walk(buf, p, stop, -1, delimiter, quote)
        if state == BAD:
            p = find(buf, p, stop, 10)
        if p >= stop:
            return (stop, stop) if final else (first, first)
        p += 1
        if state == OPENED:
            end = span(buf, p, stop, count, opening, delimiter, quote, width, final, memo)
            if end == -2:
                return first, first
            if end > 0:
                p = end
                length = p - first - (1 if byte(buf, p - 1) == 10 else 0)
                if length > limit:
                    return first, p
    return p, p
