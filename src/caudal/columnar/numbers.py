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
from caudal.columnar.compiled import kernel, part
from caudal.columnar.memory import tail64
from caudal.columnar.simd import byte, word64

_POWERS = np.array([10.0**k for k in range(23)])
_BAD, _GOOD, _HARD = range(3)

_U = np.uint64
_FULL = _U(0xFFFFFFFFFFFFFFFF)
_ZEROS, _SIXES, _HIGHS, _THREES = (_U(0x0101010101010101 * byte) for byte in (0x30, 0x06, 0xF0, 0x33))


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
    ok = status != _BAD
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


@part(forceinline=True)
def _eight(word):
    """Return the number of eight digits, and whether they are digits."""
    good = ((word & _HIGHS) | (((word + _SIXES) & _HIGHS) >> _U(4))) == _THREES
    word -= _ZEROS
    word = word * _U(10) + (word >> _U(8))
    low = (word & _U(0x000000FF000000FF)) * _U(0x000F424000000064)
    high = ((word >> _U(16)) & _U(0x000000FF000000FF)) * _U(0x0000271000000001)
    return (low + high) >> _U(32), good


@part(forceinline=True)
def _digits(data, buf, p, count):
    """Return the number of 1 to 19 digits, and whether they are digits. `buf`: the address of `data`."""
    first = ((count - 1) & 7) + 1
    shift = _U(64 - 8 * first)
    word = word64(buf, p) if p <= data.size - 8 else tail64(data, p, first)
    value, good = _eight(word << shift | (_ZEROS & ~(_FULL << shift)))
    count -= first
    while count > 0:
        count -= 8
        more, also = _eight(word64(buf, p + first))
        value = value * _U(100_000_000) + more
        good = good and also
        first += 8
    return value, good


@kernel(arguments="B L I ? L ?")
def _ints(data, start, length, valid, values, ok):
    masked = valid.size > 0
    buf = np.int64(data.ctypes.data)
    for i in range(start.size):
        count = np.int64(length[i])
        value, good, negative = _U(0), False, False
        if count > 0 and (not masked or valid[i]):
            sign = byte(buf, start[i])
            negative = sign == 45
            signed = negative or sign == 43
            count -= signed
            if 1 <= count <= 19:
                value, good = _digits(data, buf, start[i] + signed, count)
                good = good and value <= _U(0x7FFFFFFFFFFFFFFF) + _U(negative)
        values[i] = np.int64(_U(0) - value if negative else value) if good else 0
        ok[i] = good


@part(forceinline=True)
def _run(data, p, stop, mantissa, significant):
    """Read digits behind others: (the number of the first 18 significant ones, how many are significant, behind them)."""
    while p < stop:
        d = np.int64(data[p]) - 48
        if d < 0 or d > 9:
            break
        if significant > 0 or d > 0:
            significant += 1
        if significant <= 18:
            mantissa = mantissa * 10 + d
        p += 1
    return mantissa, significant, p


@part(forceinline=True)
def _exponent(data, p, stop):
    """Read an exponent behind its e: (its value, behind it)."""
    minus = p < stop and data[p] == 45
    if minus or (p < stop and data[p] == 43):
        p += 1
    if p == stop:
        return np.int64(0), np.int64(-1)
    written = np.int64(0)
    while p < stop:
        d = np.int64(data[p]) - 48
        if d < 0 or d > 9:
            break
        if written < 100_000:
            written = written * 10 + d
        p += 1
    return (-written if minus else written), p


@part(forceinline=True)
def _float(data, p, stop, powers):
    """Read a number without a sign: (value, `_BAD`, `_GOOD`, or `_HARD` where the value is not known)."""
    first = p
    mantissa, significant, p = _run(data, p, stop, np.int64(0), np.int64(0))
    digits = p - first
    exponent = np.int64(0)
    if p < stop and data[p] == 46:
        first = p + 1
        mantissa, significant, p = _run(data, first, stop, mantissa, significant)
        digits += p - first
        exponent = first - p
    if digits == 0:
        return 0.0, _BAD
    if p < stop and (data[p] | 32) == 101:
        more, p = _exponent(data, p + 1, stop)
        exponent += more
    if p != stop:
        return 0.0, _BAD
    if significant > 18 or mantissa > 9007199254740992 or exponent > 22 or exponent < -22:
        return 0.0, _HARD
    value = np.float64(mantissa)
    return (value * powers[exponent] if exponent >= 0 else value / powers[-exponent]), _GOOD


@kernel(arguments="B L I ? F F B")
def _floats(data, start, length, valid, powers, values, status):
    masked = valid.size > 0
    for i in range(start.size):
        p = start[i]
        stop = p + length[i]
        values[i] = 0.0
        status[i] = _BAD
        if (masked and not valid[i]) or p == stop:
            continue
        negative = data[p] == 45
        if negative or data[p] == 43:
            p += 1
        value, status[i] = _float(data, p, stop, powers)
        values[i] = -value if negative else value


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
