"""Compiled steps over rows in order: frames, sums and best values over ranges, what is seen for the first time.

A range [start[q], stop[q]) is one of row numbers; both bounds only rise from one range to the next.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import kernel, part
from caudal.columnar.grouping import hash_bytes
from caudal.columnar.memory import store64
from caudal.engines.local.aggregates.exact import LIMBS, NAN
from caudal.worker.aggregates import approx_count_distinct

NEVER = np.int64(-(2**62))
"""Below every event time."""

AHEAD = 64
"""Keys that an index looks for at a time."""

_LOW = np.int64(0xFFFFFFFF)
_S32 = np.int64(32)


@kernel()
def ascending(keys):
    """Whether the columns of the 2-D array stand in order, compared from the first row of it on."""
    for i in range(1, keys.shape[1]):
        for k in range(keys.shape[0]):
            a = keys[k, i - 1]
            b = keys[k, i]
            if a < b:
                break
            if a > b:
                return False
    return True


@kernel()
def frames(offsets, time, size):
    """Return the first row of each row's frame (t - size, t]: rows stand by key (`offsets`), then in order of time."""
    start = np.empty(time.size, np.int64)
    for k in range(offsets.size - 1):
        a = offsets[k]
        for i in range(offsets[k], offsets[k + 1]):
            while time[a] <= time[i] - size:
                a += 1
            start[i] = a
    return start


@kernel()
def beginnings(lowest, wanted, number):
    """Return for each q the first row from `lowest[q]` on whose `number` is not below `wanted[q]`; both only rise."""
    out = np.empty(wanted.size, np.int64)
    row = np.int64(0)
    for q in range(wanted.size):
        row = max(row, lowest[q])
        while number[row] < wanted[q]:
            row += 1
        out[q] = row
    return out


@kernel()
def best(start, stop, values, has, largest):
    """Return the row of the smallest (or largest) value of each range, -1 where no row `has` one; ties: the first.

    The rows that can still be best stand in a queue, from best to worst.
    """
    out = np.empty(start.size, np.int64)
    queue = np.empty(values.size, np.int64)
    head = 0
    tail = 0
    b = np.int64(0)
    masked = has.size > 0
    for q in range(start.size):
        b = max(b, start[q])
        while b < stop[q]:
            if not masked or has[b]:
                v = values[b]
                while tail > head and (values[queue[tail - 1]] < v if largest else values[queue[tail - 1]] > v):
                    tail -= 1
                queue[tail] = b
                tail += 1
            b += 1
        while head < tail and queue[head] < start[q]:
            head += 1
        out[q] = queue[head] if head < tail else -1
    return out


@part()
def _doubled(values, used):
    """Return twice the room, with the first `used` values in it."""
    more = np.empty(values.size * 2, np.int64)
    for x in range(used):  # a slice would compile texts for an error that cannot be, for seconds
        more[x] = values[x]
    return more


@part()
def _put_sum(numbers, limbs, k, dense, lo, hi, special):
    """Write the limbs dense[lo..hi] that are not 0, and how many values were special, from k on; return where they end."""
    carry = np.int64(0)
    for x in range(lo, hi + 1):
        v = dense[x] + carry
        carry = v >> _S32
        v &= _LOW
        if v != 0:
            numbers[k] = x
            limbs[k] = v
            k += 1
    if carry != 0:
        numbers[k] = hi + 1
        limbs[k] = carry
        k += 1
    for s in range(special.size):
        if special[s] != 0:
            numbers[k] = NAN + s
            limbs[k] = special[s]
            k += 1
    return k


@kernel()
def exact_sums(start, stop, begin, length, numbers, limbs):
    """Return (starts, lengths, limb numbers, limb values) of the sum of each range, of sums by `exact.accumulate`."""
    dense = np.zeros(LIMBS + 1, np.int64)
    special = np.zeros(3, np.int64)
    out_start = np.empty(start.size, np.int64)
    out_length = np.empty(start.size, np.int64)
    out_numbers = np.empty(start.size * 4 + LIMBS + 8, np.int64)
    out_limbs = np.empty(start.size * 4 + LIMBS + 8, np.int64)
    k = 0
    a = np.int64(0)
    b = np.int64(0)
    lo = LIMBS
    hi = -1
    for q in range(start.size):
        if b <= start[q] and a < b:
            for x in range(lo, hi + 1):
                dense[x] = 0
            for x in range(special.size):
                special[x] = 0
            a = b
        if a == b:
            a = start[q]
            b = start[q]
            lo = LIMBS
            hi = -1
        while b < stop[q]:
            for x in range(begin[b], begin[b] + length[b]):
                n = numbers[x]
                if n >= NAN:
                    special[n - NAN] += limbs[x]
                else:
                    dense[n] += limbs[x]
                    lo = min(lo, n)
                    hi = max(hi, n)
            b += 1
        while a < start[q]:
            for x in range(begin[a], begin[a] + length[a]):
                n = numbers[x]
                if n >= NAN:
                    special[n - NAN] -= limbs[x]
                else:
                    dense[n] -= limbs[x]
            a += 1
        if k + LIMBS + 8 > out_numbers.size:
            out_numbers = _doubled(out_numbers, k)
            out_limbs = _doubled(out_limbs, k)
        out_start[q] = k
        k = _put_sum(out_numbers, out_limbs, k, dense, lo, hi, special)
        out_length[q] = k - out_start[q]
    return out_start, out_length, out_numbers[:k].copy(), out_limbs[:k].copy()


@kernel()
def different(start, stop, codes, groups):
    """Return how many different codes (below `groups`) stand in each range."""
    out = np.empty(start.size, np.int64)
    seen = np.zeros(groups, np.int64)
    a = np.int64(0)
    b = np.int64(0)
    many = 0
    for q in range(start.size):
        while b < stop[q]:
            many += seen[codes[b]] == 0
            seen[codes[b]] += 1
            b += 1
        while a < start[q]:
            seen[codes[a]] -= 1
            many -= seen[codes[a]] == 0
            a += 1
        out[q] = many
    return out


sketched = kernel()(approx_count_distinct.sketched)
"""That of the worker package, compiled."""


@kernel()
def placed(start, stop, order, wanted):
    """Return for each range the element that stands at the place `wanted[q]` of its elements in order, -1 of an empty one.

    `order`: all elements in order. How many of a range stand before each place is kept as a tree of sums (Fenwick's).
    """
    size = order.size
    place = np.empty(size, np.int64)
    for i in range(size):
        place[order[i]] = i + 1
    high = np.int64(1)
    while high * 2 <= size:
        high *= 2
    tree = np.zeros(size + 1, np.int64)
    out = np.empty(start.size, np.int64)
    a = np.int64(0)
    b = np.int64(0)
    for q in range(start.size):
        while b < stop[q]:
            k = place[b]
            while k <= size:
                tree[k] += 1
                k += k & -k
            b += 1
        while a < start[q]:
            k = place[a]
            while k <= size:
                tree[k] -= 1
                k += k & -k
            a += 1
        if a >= b:
            out[q] = -1
            continue
        left = wanted[q]
        k = np.int64(0)
        step = high
        while step > 0:
            if k + step <= size and tree[k + step] <= left:
                k += step
                left -= tree[k]
            step //= 2
        out[q] = order[k]
    return out


@kernel()
def fresh(codes, time, last, within, seen):
    """Return which rows have a key that no row had that was passed on (or, with `seen`, came) up to `within` before (0: ever).

    `last[code]`: when such a row of the key was last (NEVER: not yet); brought up to date.
    """
    out = np.zeros(codes.size, np.bool_)
    for i in range(codes.size):
        before = last[codes[i]]
        if before == NEVER or (within > 0 and time[i] - before > within):
            out[i] = True
        if out[i] or seen:
            last[codes[i]] = time[i]
    return out


# -- the index of keys ----------------------------------------------------------------------------------------------


@kernel()
def put_fixed(out, at, values, valid):
    """Write each value at out[at[i]] with a byte before it that says whether it is there; move `at` on."""
    masked = valid.size > 0
    for i in range(at.size):
        null = masked and not valid[i]
        out[at[i]] = 0 if null else 1
        store64(out, at[i] + 1, np.uint64(0) if null else np.uint64(values[i]))
        at[i] += 9


@kernel()
def put_text(out, at, data, start, length, valid):
    """Write each text at out[at[i]] behind its length (-1: null); move `at` on."""
    masked = valid.size > 0
    for i in range(at.size):
        n = np.int64(-1) if masked and not valid[i] else np.int64(length[i])
        store64(out, at[i], np.uint64(n))
        p = at[i] + 8
        for j in range(n):
            out[p + j] = data[start[i] + j]
        at[i] = p + max(n, 0)


@kernel()
def find(slots, keys, known, count, used, data, offsets, insert, out):
    """Fill `out` with the number of each key data[offsets[i]:offsets[i + 1]], -1 for one that is not there.

    `slots`: a table of numbers, a power of two in size, -1 where empty. `keys[n]`: (hash, start in `known`, length) of key n.
    `insert`: new keys get the next numbers; there must be room. Returns (keys, bytes used).

    What many keys need of memory is asked for ahead, a piece of keys at a time, so that the waits for it overlap.
    """
    mask = np.uint64(slots.size - 1)
    hashes = np.empty(AHEAD, np.uint64)
    first = np.empty(AHEAD, np.int64)
    ahead = np.uint64(0)
    for begin in range(0, out.size, AHEAD):
        many = min(AHEAD, out.size - begin)
        for i in range(many):
            a = offsets[begin + i]
            hashes[i] = hash_bytes(data, a, offsets[begin + i + 1] - a, np.uint64(0))
        for i in range(many):
            first[i] = slots[hashes[i] & mask]
        for i in range(many):
            first[i] = keys[first[i], 1] if first[i] >= 0 else -1
        for i in range(many):
            if first[i] >= 0:
                ahead += known[first[i]]
        for i in range(many):
            a = offsets[begin + i]
            size = offsets[begin + i + 1] - a
            h = hashes[i]
            k = h & mask
            while True:
                n = slots[k]
                if n < 0:
                    if insert:
                        n = count
                        slots[k] = n
                        keys[n, 0] = np.int64(h)
                        keys[n, 1] = used
                        keys[n, 2] = size
                        for j in range(size):
                            known[used + j] = data[a + j]
                        used += size
                        count += 1
                    break
                if keys[n, 0] == np.int64(h) and keys[n, 2] == size and equal(known, keys[n, 1], data, a, size):
                    break
                k = (k + np.uint64(1)) & mask
            out[begin + i] = n
    # the sum says nothing, but what sums nothing may be left out by the compiler
    return count, used, ahead


@part(forceinline=True)
def equal(one, a, other, b, size):
    """Whether one[a:a + size] equals other[b:b + size]."""
    j = 0
    while j < size and one[a + j] == other[b + j]:
        j += 1
    return j == size


@kernel()
def fill(slots, keys, count):
    """Enter the numbers below `count` into an empty table."""
    mask = np.uint64(slots.size - 1)
    for n in range(count):
        k = np.uint64(keys[n, 0]) & mask
        while slots[k] >= 0:
            k = (k + np.uint64(1)) & mask
        slots[k] = n
