"""Text views to numbers.

Integers: an optional sign and decimal digits. Floats: an optional sign, decimal digits with at most one point (a
digit on one side is enough), an optional exponent; the nearest double. No blanks, underscores, NaN or infinities.
Booleans: true, false (any case), 1, 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel

_POWERS = np.array([10.0**k for k in range(23)])
_HARD = 2


def parse_ints(data: Bytes, start: Ints, length: Any, valid: Bools) -> tuple[Ints, Bools]:
    """Return (int64 values, whether there is one); up to 19 digits, so that leading zeros do not hide a long number.

    `length` is int32, `valid` a bool array or `ALL_VALID`; a null gives False.
    """
    values = np.empty(len(start), np.int64)
    ok = np.empty(len(start), np.bool_)
    _ints(data, start, length, valid, values, ok)
    return values, ok


def parse_floats(data: Bytes, start: Ints, length: Any, valid: Bools) -> tuple[npt.NDArray[np.float64], Bools]:
    """Return (float64 values, whether there is a finite one), correctly rounded; a null gives False."""
    values = np.empty(len(start), np.float64)
    status = np.empty(len(start), np.uint8)
    _floats(data, start, length, valid, _POWERS, values, status)
    ok = status != 0
    # What two exact doubles cannot give by one rounding is left to the C library's conversion.
    for row in np.flatnonzero(status == _HARD).tolist():
        values[row] = float(data[start[row] : start[row] + length[row]].tobytes())
        ok[row] = bool(np.isfinite(values[row]))
    return values, ok


def ready(kind: str) -> bool:
    """Return whether numbers of a type are parsed by machine code at once."""
    return (_floats if kind.startswith("float") else _ints).ready()


def parse_bools(data: Bytes, start: Ints, length: Any, valid: Bools) -> tuple[Bools, Bools]:
    """Return (bool values, whether there is one); a null gives False."""
    values = np.empty(len(start), np.bool_)
    ok = np.empty(len(start), np.bool_)
    _bools(data, start, length, valid, values, ok)
    return values, ok


@kernel(arguments="B L I ? L ?")
def _ints(data, start, length, valid, values, ok):
    masked = valid.size > 0
    for i in range(start.size):
        p = start[i]
        stop = p + length[i]
        values[i] = 0
        ok[i] = False
        if (masked and not valid[i]) or p == stop:
            continue
        negative = data[p] == 45
        if negative or data[p] == 43:
            p += 1
        digits = stop - p
        if digits < 1 or digits > 19:
            continue
        value = 0
        good = True
        for q in range(p, stop if digits < 19 else stop - 1):
            d = np.int64(data[q]) - 48
            good = good and 0 <= d <= 9
            value = value * 10 + d
        if digits == 19:
            d = np.int64(data[stop - 1]) - 48
            good = good and 0 <= d <= 9
            limit = 922337203685477580
            if value > limit or (value == limit and d > (8 if negative else 7)):
                good = False
            value = -value * 10 - d if negative else value * 10 + d
        elif negative:
            value = -value
        if good:
            values[i] = value
            ok[i] = True


@kernel(arguments="B L I ? F F B")
def _floats(data, start, length, valid, powers, values, status):
    masked = valid.size > 0
    for i in range(start.size):
        p = start[i]
        stop = p + length[i]
        values[i] = 0.0
        status[i] = 0
        if (masked and not valid[i]) or p == stop:
            continue
        negative = data[p] == 45
        if negative or data[p] == 43:
            p += 1
        first = p
        mantissa = 0
        significant = 0
        while p < stop:
            d = np.int64(data[p]) - 48
            if d < 0 or d > 9:
                break
            if significant > 0 or d > 0:
                significant += 1
            if significant <= 18:
                mantissa = mantissa * 10 + d
            p += 1
        digits = p - first
        exponent = 0
        if p < stop and data[p] == 46:
            p += 1
            first = p
            while p < stop:
                d = np.int64(data[p]) - 48
                if d < 0 or d > 9:
                    break
                if significant > 0 or d > 0:
                    significant += 1
                if significant <= 18:
                    mantissa = mantissa * 10 + d
                p += 1
            digits += p - first
            exponent = first - p
        if digits == 0:
            continue
        if p < stop and (data[p] | 32) == 101:
            p += 1
            minus = p < stop and data[p] == 45
            if minus or (p < stop and data[p] == 43):
                p += 1
            if p == stop:
                continue
            written = 0
            while p < stop:
                d = np.int64(data[p]) - 48
                if d < 0 or d > 9:
                    break
                if written < 100_000:
                    written = written * 10 + d
                p += 1
            exponent += -written if minus else written
        if p != stop:
            continue
        if significant > 18 or mantissa > 9007199254740992 or exponent > 22 or exponent < -22:
            status[i] = 2
            continue
        value = np.float64(mantissa)
        value = value * powers[exponent] if exponent >= 0 else value / powers[-exponent]
        values[i] = -value if negative else value
        status[i] = 1


@kernel()
def _bools(data, start, length, valid, values, ok):
    masked = valid.size > 0
    for i in range(start.size):
        p = start[i]
        n = length[i]
        value = False
        good = False
        if masked and not valid[i]:
            pass
        elif n == 1:
            value = data[p] == 49
            good = value or data[p] == 48
        elif n == 4:
            value = (
                (data[p] | 32) == 116
                and (data[p + 1] | 32) == 114
                and (data[p + 2] | 32) == 117
                and (data[p + 3] | 32) == 101
            )
            good = value
        elif n == 5:
            good = (
                (data[p] | 32) == 102
                and (data[p + 1] | 32) == 97
                and (data[p + 2] | 32) == 108
                and (data[p + 3] | 32) == 115
                and (data[p + 4] | 32) == 101
            )
        values[i] = value
        ok[i] = good
