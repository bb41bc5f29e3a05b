"""Whether bytes are UTF-8: the Unicode Standard, table 3-7 (no overlong form, no surrogate, at most U+10FFFF)."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import word64

_U = np.uint64
_BEYOND = _U(0x8080808080808080)


def valid(data: Bytes, start: Ints, length: Any) -> Bools:
    """Return for each view data[start : start + length] (`length` int32) whether it is well-formed UTF-8."""
    ok = np.empty(len(start), np.bool_)
    _valid(data, start, length, ok)
    return ok


@part()
def _sequence(data, p, stop):
    """Return where the character at p ends, or -1 when it is ill-formed or cut."""
    c = data[p]
    if c < 0x80:
        return p + 1
    if c < 0xC2 or c > 0xF4:
        return -1
    low, high, more = 0x80, 0xBF, 1
    if c >= 0xF0:
        more = 3
        if c == 0xF0:
            low = 0x90
        elif c == 0xF4:
            high = 0x8F
    elif c >= 0xE0:
        more = 2
        if c == 0xE0:
            low = 0xA0
        elif c == 0xED:
            high = 0x9F
    if p + more >= stop or data[p + 1] < low or data[p + 1] > high:
        return -1
    for k in range(2, more + 1):
        if data[p + k] < 0x80 or data[p + k] > 0xBF:
            return -1
    return p + more + 1


@kernel()
def _valid(data, start, length, ok):
    buf = np.int64(data.ctypes.data)
    for i in range(start.size):
        p = start[i]
        stop = p + length[i]
        while 0 <= p < stop:
            if p + 8 <= stop and (word64(buf, p) & _BEYOND) == _U(0):
                p += 8
            else:
                p = _sequence(data, p, stop)
        ok[i] = p >= 0
