"""The standard deviation of exact sums, rounded once: whole-number arithmetic on limbs of 32 bits from end to end.

With n values, S1 their sum and S2 the sum of their squares, the sample's variance is (n S2 - S1 S1) / (n (n - 1)). The
difference is made exactly, divided with what is left over remembered, and the top 128 bits give 64 bits of the root:
those and whether anything is left decide every rounding.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import kernel, part
from caudal.engines.local.aggregates.exact import BIAS, LIMBS, NAN, nearest

POINT = BIAS // 32
"""Limbs behind the point in a sum; a product has twice as many."""

SIZE = 2 * LIMBS + 16
BELOW = 8
"""Limbs below the highest that a quotient is carried on to."""

_LOW = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)
_ONE = np.uint64(1)


@part()
def _load(out, start, length, numbers, limbs):
    """Write the magnitude of a sum as digits of 32 bits to out[lo..hi]; return (lo, hi), hi < lo for 0, -2 if special."""
    lo = LIMBS
    hi = -1
    for x in range(start, start + length):
        if numbers[x] >= NAN:
            return 0, -2
        lo = min(lo, numbers[x])
        hi = max(hi, numbers[x])
    if hi < 0:
        return lo, hi
    for limb in range(lo, hi + 3):
        out[limb] = 0
    negative = limbs[start + length - 1] < 0
    carry = np.int64(0)
    x = start
    for limb in range(lo, hi + 3):
        v = carry
        if x < start + length and numbers[x] == limb:
            v += -limbs[x] if negative else limbs[x]
            x += 1
        out[limb] = np.uint64(v & np.int64(0xFFFFFFFF))
        carry = v >> np.int64(32)
    hi += 2
    while hi > lo and out[hi] == 0:
        hi -= 1
    return lo, hi


@part()
def _divide(digits, top, low, divisor):
    """Divide digits[low..top] in place by a divisor below 2**32; return whether anything is left."""
    left = np.uint64(0)
    for limb in range(top, low - 1, -1):
        value = (left << _S32) | digits[limb]
        digits[limb] = value // divisor
        left = value % divisor
    return left != 0


@part()
def _root(high, low):
    """Return (the whole part of the square root of a 128-bit number, whether anything is left), bit by bit."""
    root = np.uint64(0)
    rest_high = np.uint64(0)
    rest = np.uint64(0)
    for _ in range(64):
        rest_high = (rest_high << np.uint64(2)) | (rest >> np.uint64(62))
        rest = (rest << np.uint64(2)) | (high >> np.uint64(62))
        high = (high << np.uint64(2)) | (low >> np.uint64(62))
        low <<= np.uint64(2)
        trial_high = root >> np.uint64(62)
        trial = (root << np.uint64(2)) | _ONE
        root <<= _ONE
        if rest_high > trial_high or (rest_high == trial_high and rest >= trial):
            rest_high -= trial_high + np.uint64(rest < trial)
            rest -= trial
            root |= _ONE
    return root, (rest | rest_high) != 0


@part()
def _difference(work, one, lo1, hi1, two, lo2, hi2, count):
    """Write count * two - one * one, two sums as digits, to work[low..top]; return (low, top), work[top] 0 where it is 0."""
    low = lo2 + POINT
    top = hi2 + POINT + 1
    if hi1 >= lo1:
        low = min(low, 2 * lo1)
        top = max(top, 2 * hi1 + 1)
    for limb in range(low, top + 1):
        work[limb] = 0
    # what is taken away first
    for i in range(lo1, hi1 + 1):
        carry = np.uint64(0)
        for j in range(lo1, hi1 + 1):
            value = work[i + j] + one[i] * one[j] + carry
            work[i + j] = value & _LOW
            carry = value >> _S32
        work[i + hi1 + 1] = carry
    carry = np.uint64(0)
    borrow = np.uint64(0)
    for limb in range(low, top + 1):
        i = limb - POINT
        if lo2 <= i <= hi2:
            carry += two[i] * count
        value = (carry & _LOW) - work[limb] - borrow
        carry >>= _S32
        work[limb] = value & _LOW
        borrow = np.uint64((value >> _S32) != 0)
    while top > low and work[top] == 0:
        top -= 1
    return low, top


@part()
def _rooted(work, low, top, count):
    """Return the root of work[low..top] over count * (count - 1), as the double nearest to it."""
    end = top - BELOW
    for limb in range(end, low):
        work[limb] = 0
    end = min(end, low)
    more = _divide(work, top, end, count)
    more |= _divide(work, top, end, count - _ONE)
    while work[top] == 0:
        top -= 1
    for limb in range(end, top - 4):
        more |= work[limb] != 0
    high = (work[top] << _S32) | work[top - 1]
    middle = (work[top - 2] << _S32) | work[top - 3]
    last = work[top - 4]
    shift = np.uint64(0)
    while (high >> (np.uint64(62) - shift)) == 0:
        shift += np.uint64(2)
    if shift > 0:
        high = (high << shift) | (middle >> (np.uint64(64) - shift))
        middle = (middle << shift) | (last >> (_S32 - shift))
    more |= (last & ((_ONE << (_S32 - shift)) - _ONE)) != 0
    bits, left = _root(high, middle)
    exponent = 32 * (top - 3) - 64 * POINT - np.int64(shift)
    return nearest(bits, exponent // 2, more or left)


@kernel()
def deviations(n, start1, length1, numbers1, limbs1, start2, length2, numbers2, limbs2):
    """Return the sample's standard deviation of each group, each the double nearest to its exact value.

    `n`: how many values (below 2**32); the others: sums of values and of their squares, as `exact.accumulate` makes
    them. 0 for fewer than two values, NaN where a value is NaN or infinite.
    """
    out = np.zeros(n.size, np.float64)
    one = np.zeros(SIZE, np.uint64)
    two = np.zeros(SIZE, np.uint64)
    work = np.zeros(SIZE, np.uint64)
    for g in range(n.size):
        if n[g] < 2:
            continue
        lo1, hi1 = _load(one, start1[g], length1[g], numbers1, limbs1)
        lo2, hi2 = _load(two, start2[g], length2[g], numbers2, limbs2)
        if hi1 == -2 or hi2 == -2:
            out[g] = np.nan
            continue
        if hi2 < lo2:
            continue
        count = np.uint64(n[g])
        low, top = _difference(work, one, lo1, hi1, two, lo2, hi2, count)
        if work[top] != 0:
            out[g] = _rooted(work, low, top, count)
    return out
