"""Kernels that check and convert JSON numbers (RFC 8259, section 6).

Floats are exact: by one multiplication or division where the digits and the power of ten are exact in a float64
(Clinger 1990), else by a 128-bit product (Lemire, "Number Parsing at a Gigabyte per Second", 2021). The few that need
more (over 19 digits, subnormal) are handed down.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import part
from caudal.columnar.memory import high_product
from caudal.columnar.simd import byte, lowest, word64
from caudal.formats.json.simd import as_float, leading_zeros, table

_U = np.uint64
_LEAST, _MOST = -342, 308
_ONE, _TOP, _FULL = _U(1), _U(1 << 63), _U(2**64 - 1)


def _fives() -> list[int]:
    """Return 5**q for q from -342 to 308 as the upper 128 bits of the normalised value, two words each."""
    words = []
    for q in range(_LEAST, _MOST + 1):
        power = 5 ** abs(q)
        size = power.bit_length()
        if q >= 0:
            bits = power << (128 - size) if size <= 128 else power >> (size - 128)
        else:
            # rounded up, so that the product's error has one sign
            bits = (1 << (127 + (power - 1).bit_length())) // power + 1
            if bits.bit_length() > 128:
                bits >>= bits.bit_length() - 128
        words += [bits >> 64, bits & (2**64 - 1)]
    return words


_power = table([10**n for n in range(20)])
_real_power = table([int(np.float64(10.0**n).view(np.uint64)) for n in range(23)])
_five = table(_fives())


@part(forceinline=True)
def _eight(word, count):
    """Return the number in the first `count` (1 to 8) digits of a word."""
    word = (word ^ _U(0x3030303030303030)) << (_U(64) - (_U(count) << _U(3)))
    word = (word * _U(2561)) >> _U(8)
    word = ((word & _U(0x00FF00FF00FF00FF)) * _U(6553601)) >> _U(16)
    return ((word & _U(0x0000FFFF0000FFFF)) * _U(42949672960001)) >> _U(32)


@part(forceinline=True)
def digits(buf, start, count):
    """Return the number in `count` (1 to 16) digits as a uint64."""
    if count <= 8:
        return _eight(word64(buf, start), count)
    return _eight(word64(buf, start), 8) * _power(count - 8) + _eight(word64(buf, start + 8), count - 8)


@part()
def number_end(buf, p):
    """Return the end of the JSON number that starts at p, -1 when there is none. Stops at the line's newline."""
    if byte(buf, p) == 45:
        p += 1
    if byte(buf, p) == 48:
        p += 1
    elif 49 <= byte(buf, p) <= 57:
        while 48 <= byte(buf, p) <= 57:
            p += 1
    else:
        return -1
    if byte(buf, p) == 46:
        p += 1
        if not 48 <= byte(buf, p) <= 57:
            return -1
        while 48 <= byte(buf, p) <= 57:
            p += 1
    if byte(buf, p) == 101 or byte(buf, p) == 69:
        p += 1
        if byte(buf, p) == 43 or byte(buf, p) == 45:
            p += 1
        if not 48 <= byte(buf, p) <= 57:
            return -1
        while 48 <= byte(buf, p) <= 57:
            p += 1
    return p


@part()
def integer(buf, start, end):
    """Return (True, value) of a JSON number that is a plain int64, else (False, 0)."""
    negative = byte(buf, start) == 45
    if negative:
        start += 1
    count = end - start
    if count > 19:
        return False, np.int64(0)
    value = _U(0)
    for i in range(start, end):
        digit = byte(buf, i) - 48
        if not 0 <= digit <= 9:
            return False, np.int64(0)
        value = value * _U(10) + _U(digit)
    if negative:
        if value > _TOP:
            return False, np.int64(0)
        return True, np.int64(_U(0) - value)
    if value >= _TOP:
        return False, np.int64(0)
    return True, np.int64(value)


@part()
def scaled(mantissa, exponent):
    """Return (True, mantissa * 10**exponent) rounded once; (False, 0) for what this method leaves open."""
    if mantissa == _U(0):
        return True, 0.0
    if mantissa <= _U(1 << 53) and -22 <= exponent <= 22:
        if exponent < 0:
            return True, np.float64(np.int64(mantissa)) / as_float(_real_power(-exponent))
        return True, np.float64(np.int64(mantissa)) * as_float(_real_power(exponent))
    if exponent < _LEAST or exponent > _MOST:
        return False, 0.0
    shift = leading_zeros(mantissa)
    word = mantissa << shift
    at = (exponent - _LEAST) * 2
    five = _five(at)
    high = high_product(word, five)
    low = word * five
    if (high & _U(0x1FF)) == _U(0x1FF):
        rest = high_product(word, _five(at + 1))
        low = low + rest
        if low < rest:
            high = high + _ONE
    if low == _FULL and not -27 <= exponent <= 55:
        return False, 0.0
    upper = high >> _U(63)
    drop = upper + _U(9)
    bits = high >> drop
    binary = ((217706 * exponent) >> 16) + 63 + np.int64(upper) - np.int64(shift) + 1023
    if binary <= 0:
        return False, 0.0
    if low <= _ONE and -4 <= exponent <= 23 and (bits & _U(3)) == _ONE and (bits << drop) == high:
        bits &= ~_ONE  # exactly half way: to even
    bits = (bits + (bits & _ONE)) >> _ONE
    if bits >= _U(1 << 53):
        bits = _U(1 << 52)
        binary += 1
    if binary >= 0x7FF:
        return False, 0.0
    return True, as_float((bits & ~_U(1 << 52)) | (_U(binary) << _U(52)))


@part()
def decimal(buf, start, end):
    """Return (True, float64) of a JSON number, (False, 0) when it is out of range or left open."""
    negative = byte(buf, start) == 45
    p = start + 1 if negative else start
    mantissa = _U(0)
    count = 0
    exponent = 0
    fraction = False
    while p < end:
        c = byte(buf, p)
        if c == 46:
            fraction = True
        elif 48 <= c <= 57:
            if count > 0 or c != 48:
                count += 1
                if count > 19:
                    return False, 0.0
            mantissa = mantissa * _U(10) + _U(c - 48)
            if fraction:
                exponent -= 1
        else:
            break
        p += 1
    if p < end:
        p += 1
        minus = byte(buf, p) == 45
        if minus or byte(buf, p) == 43:
            p += 1
        value = 0
        while p < end:
            if value < 100000:
                value = value * 10 + byte(buf, p) - 48
            p += 1
        exponent += -value if minus else value
    good, result = scaled(mantissa, exponent)
    return good, -result if negative else result


@part(forceinline=True)
def plain_float(buf, start, count, dots):
    """Return (True, float64) of `count` plain digits with at most one inner dot, whose mask is `dots`."""
    if dots == _U(0):
        if count > 16:
            return False, 0.0
        return True, np.float64(np.int64(digits(buf, start, count)))
    whole = lowest(dots)
    rest = count - whole - 1
    if whole > 16 or rest > 16 or whole + rest > 19:
        return False, 0.0
    mantissa = digits(buf, start, whole) * _power(rest) + digits(buf, start + whole + 1, rest)
    if mantissa <= _U(1 << 53):
        return True, np.float64(np.int64(mantissa)) / as_float(_real_power(rest))
    return scaled(mantissa, -rest)
