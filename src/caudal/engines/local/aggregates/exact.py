"""Exact sums of doubles and integers: a sparse fixed-point accumulator, so that no grouping of the additions changes a result.

A sum is an integer multiple of 2**-BIAS, written in limbs of 32 bits. A group keeps its non-zero limbs only: a list of
(limb number, value), all limbs non-negative but the last, which carries the sign. Merging adds limbs. NaN and the
infinities are counted in limbs of their own. The idea is that of R. Neal, "Fast exact summation using small and large
superaccumulators" (2015); squares need twice the exponent range.
"""

from __future__ import annotations

import math

import numpy as np

from caudal.columnar.compiled import kernel, part

BIAS = 2208
"""Binary digits behind the point: 2 * 1074 for the square of the smallest double, rounded up to whole limbs."""
LIMBS = 144
NAN, POSITIVE, NEGATIVE = 1000, 1001, 1002
_LOW = np.int64(0xFFFFFFFF)
_MANTISSA = np.int64((1 << 52) - 1)
_S32 = np.int64(32)


@part(forceinline=True)
def _add_bits(dense, word, position, negative):
    """Add or subtract a 64-bit non-negative word at a bit position."""
    limb = position >> 5
    shift = np.uint64(position & 31)
    low = (word << shift) & np.uint64(0xFFFFFFFF)
    rest = word >> (np.uint64(32) - shift)
    a = np.int64(low)
    b = np.int64(rest & np.uint64(0xFFFFFFFF))
    c = np.int64(rest >> np.uint64(32))
    if negative:
        dense[limb] -= a
        dense[limb + 1] -= b
        dense[limb + 2] -= c
    else:
        dense[limb] += a
        dense[limb + 1] += b
        dense[limb + 2] += c
    return limb


@part(forceinline=True)
def _add(dense, magnitude, position, negative, square):
    """Add a number of up to 64 bits at a bit position, or the square of it; return (first limb, last limb) that changed."""
    if not square:
        first = _add_bits(dense, magnitude, position, negative)
        return first, first + 2
    low = magnitude & np.uint64(0xFFFFFFFF)
    high = magnitude >> np.uint64(32)
    at = 2 * position - BIAS
    cross = low * high
    first = _add_bits(dense, low * low, at, False)
    _add_bits(dense, cross, at + 33, False)
    return first, _add_bits(dense, high * high, at + 64, False) + 2


@part()
def _empty(groups):
    """Return the scratch of one group (dense limbs, special counts), and the sums of all, of which there are none yet."""
    room = groups * 4 + LIMBS
    dense, special = np.zeros(LIMBS, np.int64), np.zeros(3, np.int64)
    start, length = np.empty(groups, np.int64), np.empty(groups, np.int64)
    return dense, special, start, length, np.empty(room, np.int64), np.empty(room, np.int64)


@part()
def _grow(array, need):
    if need <= array.size:
        return array
    out = np.empty(max(need, array.size * 2), array.dtype)
    for i in range(array.size):  # a slice would compile texts for an error that cannot be, for seconds
        out[i] = array[i]
    return out


@part()
def _flush(g, dense, lo, hi, special, start, length, numbers, limbs, k):
    """Append the limbs of group g in canonical form and clear the scratch; return (numbers, limbs, the new end)."""
    numbers = _grow(numbers, k + LIMBS + 8)
    limbs = _grow(limbs, k + LIMBS + 8)
    start[g] = k
    carry = np.int64(0)
    for limb in range(lo, hi + 1):
        v = dense[limb] + carry
        dense[limb] = 0
        carry = v >> _S32
        v &= _LOW
        if v != 0:
            numbers[k] = limb
            limbs[k] = v
            k += 1
    if carry != 0:
        numbers[k] = hi + 1
        limbs[k] = carry
        k += 1
    for s in range(3):
        if special[s] != 0:
            numbers[k] = NAN + s
            limbs[k] = special[s]
            special[s] = 0
            k += 1
    length[g] = k - start[g]
    return numbers, limbs, k


@kernel()
def accumulate(order, offsets, values, valid, square):
    """Return (starts, lengths, limb numbers, limb values) of the sums of doubles (or of their squares) by group."""
    groups = offsets.size - 1
    masked = valid.size > 0
    bits = values.view(np.int64)
    dense, special, start, length, numbers, limbs = _empty(groups)
    k = 0
    for g in range(groups):
        lo = LIMBS
        hi = -1
        for j in range(offsets[g], offsets[g + 1]):
            i = order[j]
            if masked and not valid[i]:
                continue
            b = bits[i]
            exponent = (b >> np.int64(52)) & np.int64(0x7FF)
            mantissa = b & _MANTISSA
            if exponent == 0x7FF:
                if mantissa != 0:
                    special[0] += 1
                elif b > 0 or square:
                    special[1] += 1
                else:
                    special[2] += 1
                continue
            if exponent == 0:
                exponent = 1
            else:
                mantissa |= np.int64(1) << np.int64(52)
            if mantissa == 0:
                continue
            at = BIAS + exponent - 1075
            first, last = _add(dense, np.uint64(mantissa), at, b < 0, square)
            lo = min(lo, first)
            hi = max(hi, last)
        numbers, limbs, k = _flush(g, dense, lo, hi, special, start, length, numbers, limbs, k)
    return start, length, numbers[:k].copy(), limbs[:k].copy()


@kernel()
def accumulate_integers(order, offsets, values, valid, square):
    """Return (starts, lengths, limb numbers, limb values) of the sums of int64s (or of their squares) by group."""
    groups = offsets.size - 1
    masked = valid.size > 0
    dense, special, start, length, numbers, limbs = _empty(groups)
    k = 0
    for g in range(groups):
        lo = LIMBS
        hi = -1
        for j in range(offsets[g], offsets[g + 1]):
            i = order[j]
            value = values[i]
            if value == 0 or (masked and not valid[i]):
                continue
            # -2**63 has a magnitude too, as a number without a sign
            magnitude = np.uint64(value) if value > 0 else np.uint64(0) - np.uint64(value)
            first, last = _add(dense, magnitude, BIAS, value < 0, square)
            lo = min(lo, first)
            hi = max(hi, last)
        numbers, limbs, k = _flush(g, dense, lo, hi, special, start, length, numbers, limbs, k)
    return start, length, numbers[:k].copy(), limbs[:k].copy()


@kernel()
def merge(order, offsets, start_in, length_in, numbers_in, limbs_in):
    """Return the sums by group of sums that `accumulate` or `accumulate_integers` made."""
    groups = offsets.size - 1
    dense, special, start, length, numbers, limbs = _empty(groups)
    k = 0
    for g in range(groups):
        lo = LIMBS
        hi = -1
        for j in range(offsets[g], offsets[g + 1]):
            i = order[j]
            for x in range(start_in[i], start_in[i] + length_in[i]):
                n = numbers_in[x]
                if n >= NAN:
                    special[n - NAN] += limbs_in[x]
                else:
                    dense[n] += limbs_in[x]
                    lo = min(lo, n)
                    hi = max(hi, n)
        numbers, limbs, k = _flush(g, dense, lo, hi, special, start, length, numbers, limbs, k)
    return start, length, numbers[:k].copy(), limbs[:k].copy()


@part()
def nearest(bits, exponent, more):
    """Return the double nearest to (bits + something below 1 if `more`) * 2**exponent; the top bit is set."""
    drop = max(11, -1074 - exponent)
    if drop > 64:
        return 0.0
    if drop == 64:
        return math.ldexp(1.0, -1074) if bits > np.uint64(1) << np.uint64(63) or more else 0.0
    d = np.uint64(drop)
    mantissa = bits >> d
    rest = bits & ((np.uint64(1) << d) - np.uint64(1))
    half = np.uint64(1) << (d - np.uint64(1))
    if rest > half or (rest == half and (more or (mantissa & np.uint64(1)) == 1)):
        mantissa += np.uint64(1)
    return math.ldexp(float(mantissa), exponent + drop)


@part()
def _rounded(dense, lo, hi, divisor):
    """Return the magnitude in dense[lo..hi] divided by `divisor`, correctly rounded; clears the scratch."""
    remainder = np.uint64(0)
    d = np.uint64(divisor)
    top = -1
    a = np.uint64(0)
    taken = 0
    sticky = False
    # Long division from the top; three further limbs below the first non-zero one give 64 bits and a sticky bit.
    b = np.uint64(0)
    for limb in range(hi, lo - 4, -1):
        digit = np.uint64(dense[limb]) if limb >= lo else np.uint64(0)
        value = (remainder << np.uint64(32)) | digit
        q = value // d
        remainder = value - q * d
        if top < 0:
            if q == 0:
                continue
            top = limb
        if taken < 2:
            a = (a << np.uint64(32)) | q
        elif taken == 2:
            b = q
        elif q != 0:
            sticky = True
        taken += 1
    if remainder != 0:
        sticky = True
    for limb in range(lo, hi + 1):
        dense[limb] = 0
    if top < 0:
        return 0.0
    shift = np.uint64(0)
    while (a >> (np.uint64(63) - shift)) == 0:
        shift += np.uint64(1)
    if shift > 0:
        low_bits = b >> (np.uint64(32) - shift)
        if (b & ((np.uint64(1) << (np.uint64(32) - shift)) - np.uint64(1))) != 0:
            sticky = True
        a = (a << shift) | low_bits
    elif b != 0:
        sticky = True
    exponent = (top - 1) * 32 - np.int64(shift) - BIAS
    return nearest(a, exponent, sticky)


@kernel()
def rounded(start, length, numbers, limbs, divisors):
    """Return each sum divided by its divisor (an int64 from 1 below 2**31), rounded once to the nearest double."""
    out = np.empty(start.size, np.float64)
    dense = np.zeros(LIMBS + 4, np.int64)
    for g in range(start.size):
        lo = LIMBS
        hi = -1
        nan = False
        plus = False
        minus = False
        for x in range(start[g], start[g] + length[g]):
            n = numbers[x]
            if n == NAN:
                nan = True
            elif n == POSITIVE:
                plus = True
            elif n == NEGATIVE:
                minus = True
            else:
                dense[n] += limbs[x]
                lo = min(lo, n)
                hi = max(hi, n)
        negative = False
        if hi >= 0:
            # The sign of the highest limb is the sign of the number; make all limbs non-negative digits.
            negative = dense[hi] < 0
            carry = np.int64(0)
            for limb in range(lo, hi + 1):
                v = (-dense[limb] if negative else dense[limb]) + carry
                carry = v >> _S32
                dense[limb] = v & _LOW
            if carry != 0:
                hi += 1
                dense[hi] = carry
        value = _rounded(dense, lo, hi, divisors[g]) if hi >= 0 else 0.0
        if nan or (plus and minus):
            out[g] = np.nan
        elif plus:
            out[g] = np.inf
        elif minus:
            out[g] = -np.inf
        else:
            out[g] = -value if negative else value
    return out
