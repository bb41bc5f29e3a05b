"""How many different values there are, about: HyperLogLog over their hashes.

The 12 highest bits of a hash choose one of 4,096 registers, which keeps how far the first one bit of the rest stood at most. A
register that was never chosen is not kept, so a group takes what it has seen, and 32 kB at most. The estimate is Ertl's
("New cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no table of corrections: its standard error
is 1.04 / sqrt(4096) = 1.6 %, and nearly none where values are few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

BITS = 12
REST = 64 - BITS
FARS = REST + 2
"""How far the first bit may stand, and 0: nowhere yet."""
ESTIMATED = 1 << 13
"""Sketches of which the estimates are made at once."""

SPAN = 1 << (BITS + 6)
"""More than any entry: the number of a register times 64, and how far."""


def approx_count_distinct(takes: Any, gives: Any) -> Callable[[Any, Any], Any]:
    """Return the fold that estimates the number of different hashes (int64); 0 of none."""

    def fold(values: Any, starts: Any) -> Any:
        counts = np.diff(starts)
        groups = np.repeat(np.arange(len(counts)), counts)
        found, entries = registers(groups, entries_of(values.to_numpy(zero_copy_only=False)))
        return pa.array(estimates(found, entries, len(counts)))

    return fold


def sliding(takes: Any, gives: Any) -> Callable[[Any, Any, Any], Any]:
    """Return the fold over ranges that slide (`worker.ranges.Ranges`), of which each has so many values."""

    def fold(values: Any, ranges: Any, counts: Any) -> Any:
        present = values.is_valid().to_numpy(zero_copy_only=False)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(present)])
        entries = entries_of(values.drop_null().to_numpy(zero_copy_only=False))
        seen = sketched(before[ranges.first], before[ranges.stop], entries, 1 << BITS, FARS)
        return pa.array(estimated(seen))

    return fold


def entries_of(hashes: Any) -> Any:
    """Return the entry of each hash: the number of its register times 64, and how far its first one bit stands."""
    given = hashes.astype(np.int64, copy=False).view(np.uint64)
    rest = (given & np.uint64((1 << REST) - 1)).astype(np.float64)
    far = REST + 1 - np.where(rest > 0, np.frexp(rest)[1], 0)  # exact: the rest has no more bits than a double
    return (given >> np.uint64(REST)).astype(np.int64) * 64 + far


def registers(groups: Any, entries: Any) -> tuple[Any, Any]:
    """Return the largest entry of each group and register, by group and register."""
    keys = np.sort(groups * SPAN + entries)
    last = np.ones(len(keys), np.bool_)
    last[:-1] = keys[:-1] >> 6 != keys[1:] >> 6
    keys = keys[last]
    return keys // SPAN, keys % SPAN


def estimates(groups: Any, entries: Any, count: int) -> Any:
    """Return the estimate of each group, from its registers."""
    return estimated(np.bincount(groups * FARS + entries % 64, minlength=count * FARS).reshape(count, FARS))


def sketched(start: Any, stop: Any, entries: Any, registers: int, fars: int) -> Any:
    """Return for each range that slides how many registers keep how far: a row is taken in once and let go once.

    What may yet be the largest of a register stands in a list, the larger before the smaller that came later.
    """
    out = np.zeros((start.size, fars), np.int16)
    seen = np.zeros(fars, np.int16)
    first = np.full(registers, -1, np.int64)
    last = np.full(registers, -1, np.int64)
    following = np.full(entries.size, -1, np.int64)
    before = np.full(entries.size, -1, np.int64)
    a = 0
    b = 0
    for q in range(start.size):
        while b < stop[q]:
            r = entries[b] // 64
            if first[r] >= 0:
                seen[entries[first[r]] % 64] -= 1
            while last[r] >= 0 and entries[last[r]] <= entries[b]:
                last[r] = before[last[r]]
            if last[r] >= 0:
                following[last[r]] = b
                before[b] = last[r]
            else:
                first[r] = b
            last[r] = b
            seen[entries[first[r]] % 64] += 1
            b += 1
        while a < start[q]:
            r = entries[a] // 64
            if first[r] == a:
                seen[entries[a] % 64] -= 1
                first[r] = following[a]
                if first[r] < 0:
                    last[r] = -1
                else:
                    before[first[r]] = -1
                    seen[entries[first[r]] % 64] += 1
            a += 1
        out[q] = seen
    return out


def estimated(seen: Any) -> Any:
    """Return the estimate of each group, from how many of its registers keep how far."""
    made = [_estimated(seen[i : i + ESTIMATED]) for i in range(0, len(seen), ESTIMATED)]
    return np.concatenate([np.empty(0, np.int64), *made])


def _estimated(seen: Any) -> Any:
    size = 1 << BITS
    seen = seen.astype(np.float64)
    seen[:, 0] = size - seen[:, 1:].sum(axis=1)
    total = size * _tau(1 - seen[:, -1] / size)
    for far in range(REST, 0, -1):
        total = (total + seen[:, far]) / 2
    total = total + size * _sigma(seen[:, 0] / size)
    return np.rint(size * size / (2 * np.log(2)) / total).astype(np.int64)


def _sigma(x: Any) -> Any:
    """Return x + x^2 + 2 x^4 + 4 x^8 ...: infinite for 1, where no register was chosen."""
    total, power, factor = x.copy(), x.copy(), 1.0
    for _ in range(64):
        power = power * power
        total = total + power * factor
        factor *= 2
    return np.where(x == 1, np.inf, total)


def _tau(x: Any) -> Any:
    """Return (1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 ...) / 3: none for 0 and 1."""
    total, root, factor = 1 - x, x.copy(), 1.0
    for _ in range(64):
        root = np.sqrt(root)
        factor /= 2
        total = total - (1 - root) ** 2 * factor
    return np.where((x == 0) | (x == 1), 0.0, total / 3)
