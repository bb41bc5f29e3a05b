"""Grouping: equal keys get equal small codes, exactly (hashes only find candidates; keys are compared).

Several key columns are grouped one after another: the codes so far are the `salt` of the next column.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from caudal.columnar.column import Column, Fixed, Ints, Text
from caudal.columnar.compiled import kernel, part
from caudal.columnar.memory import load64, tail64

_M1 = np.uint64(0x9E3779B97F4A7C15)
_M2 = np.uint64(0xD6E8FEB86659FD93)
_S32 = np.uint64(32)
_S29 = np.uint64(29)
_LARGEST_START = 1 << 15
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
_CANONICAL_NAN = np.array([np.nan]).view(np.int64)[0]


class Groups(NamedTuple):
    """`codes`: int64 group number of each row, in order of first appearance; `first`: the first row of each group."""

    codes: Ints
    first: Ints

    def __len__(self) -> int:
        return len(self.first)


def group(keys: Sequence[Column], salts: Sequence[Ints], rows: int) -> Groups:
    """Return the groups of rows that agree in all `salts` (int64 arrays) and all `keys`; null equals null."""
    salt: Ints | None = None
    first = np.zeros(min(rows, 1), np.int64)
    *earlier, last = salts if salts else (None,)
    for values in earlier:
        salt, first = _fixed(values, None, salt)  # type: ignore[arg-type]
    if last is not None:
        if keys and salt is None:
            salt = last
        else:
            salt, first = _fixed(last, None, salt)
    for key in keys:
        if isinstance(key, Text):
            prior = np.zeros(rows, np.int64) if salt is None else salt
            texts = _text if _text.ready() else _texts
            salt, first = texts(key.data, key.start, key.length, key.valid_or_all(), prior)
        else:
            salt, first = _fixed(comparable(key), key.valid, salt)
    return Groups(np.zeros(rows, np.int64) if salt is None else salt, first)


def comparable(key: Column) -> Ints:
    """Return a fixed column's values as int64 that are equal just when the values are (NaN is NaN, -0 is 0)."""
    assert isinstance(key, Fixed)
    values = key.values
    if key.dtype.is_float:
        wide = values.astype(np.float64) + 0.0  # a sum with +0 turns -0 into 0
        out = wide.view(np.int64)
        nan = np.isnan(wide)
        if nan.any():
            out = np.where(nan, _CANONICAL_NAN, out)
        return out
    return values if values.dtype == np.int64 else values.astype(np.int64)


def _texts(data: Any, start: Ints, length: Any, valid: Any, salt: Ints) -> tuple[Ints, Ints]:
    """Do what `_text` does until it is compiled."""
    view = memoryview(data.data)
    parts = zip(start.tolist(), length.tolist(), valid.tolist() or itertools.repeat(True), salt.tolist())
    met: dict[Any, int] = {}
    codes = [met.setdefault((bytes(view[at : at + n]) if there else None, s), len(met)) for at, n, there, s in parts]
    found, first = np.unique(np.array(codes, np.int64), return_index=True)
    return np.array(codes, np.int64), first[: len(found)].astype(np.int64)


def _fixed(values: Any, valid: Any, salt: Ints | None) -> tuple[Ints, Ints]:
    values = np.ascontiguousarray(values)
    prior = np.zeros(len(values), np.int64) if salt is None else salt
    return _integers(values, np.empty(0, np.bool_) if valid is None else valid, prior)


@part(forceinline=True)
def mix(h):
    """Spread the bits of a 64-bit word."""
    h = (h ^ (h >> _S32)) * _M2
    h = (h ^ (h >> _S29)) * _M1
    return h ^ (h >> _S32)


@part(forceinline=True)
def hash_bytes(data, a, n, seed):
    """Hash data[a:a+n] with a 64-bit seed; not for anything that is stored."""
    h = (seed ^ np.uint64(n)) * _M1
    i = a
    end = a + n
    while i + 8 <= end:
        h = (h ^ load64(data, i)) * _M2
        h ^= h >> _S32
        i += 8
    if i < end:
        h = (h ^ tail64(data, i, end - i)) * _M2
        h ^= h >> _S32
    h = h * _M1
    return h ^ (h >> _S29)


@part(forceinline=True)
def same_bytes(data, a, b, n):
    """Whether data[a:a+n] equals data[b:b+n]."""
    i = 0
    while i + 8 <= n:
        if load64(data, a + i) != load64(data, b + i):
            return False
        i += 8
    if i < n:
        return tail64(data, a + i, n - i) == tail64(data, b + i, n - i)
    return True


@kernel(arguments="B L I ? L")
def _text(data, start, length, valid, salt):
    """Group texts. An entry keeps what a probe compares in one cache line: hash, first 16 bytes, length, salt, row."""
    n = start.size
    codes = np.empty(n, np.int64)
    masked = valid.size > 0
    capacity = 1024
    while capacity < n and capacity < _LARGEST_START:
        capacity *= 2
    slots = np.full(capacity, -1, np.int32)
    mask = np.uint64(capacity - 1)
    entries = np.empty((capacity // 2 + 1, 6), np.uint64)
    groups = 0
    safe = data.size - 16
    # First all hashes, then all probes: the loads of the texts do not wait for each other's branches.
    words = np.empty((n, 3), np.uint64)
    for r in range(n):
        a = start[r]
        size = np.int64(length[r])
        if masked and not valid[r]:
            size = np.int64(-1)
        w0 = np.uint64(0)
        w1 = np.uint64(0)
        if size > 16:
            w0 = load64(data, a)
            w1 = hash_bytes(data, a, size, np.uint64(0))
        elif size > 0:
            if a <= safe:
                w0 = load64(data, a)
                w1 = load64(data, a + 8)
                if size < 8:
                    w0 &= _FULL >> np.uint64(64 - 8 * size)
                    w1 = np.uint64(0)
                elif size < 16:
                    w1 &= (np.uint64(1) << np.uint64(8 * (size - 8))) - np.uint64(1)
            else:
                w0 = tail64(data, a, min(size, 8))
                if size > 8:
                    w1 = tail64(data, a + 8, size - 8)
        h = (w0 ^ (np.uint64(salt[r]) * _M1)) * _M2
        h = (h ^ (h >> _S32) ^ w1) * _M1
        h = (h ^ (h >> _S29) ^ np.uint64(size)) * _M2
        words[r, 0] = h ^ (h >> _S32)
        words[r, 1] = w0
        words[r, 2] = w1
    for r in range(n):
        h = words[r, 0]
        w0 = words[r, 1]
        w1 = words[r, 2]
        s = np.uint64(salt[r])
        size = np.int64(length[r])
        if masked and not valid[r]:
            size = np.int64(-1)
        k = h & mask
        while True:
            g = slots[k]
            if g < 0:
                slots[k] = groups
                entries[groups, 0] = h
                entries[groups, 1] = w0
                entries[groups, 2] = w1
                entries[groups, 3] = np.uint64(size)
                entries[groups, 4] = s
                entries[groups, 5] = np.uint64(r)
                codes[r] = groups
                groups += 1
                if groups * 2 > capacity:
                    capacity *= 4
                    mask = np.uint64(capacity - 1)
                    slots = np.full(capacity, -1, np.int32)
                    grown = np.empty((capacity // 2 + 1, 6), np.uint64)
                    for x in range(groups):  # a slice would compile texts for an error that cannot be, for seconds
                        for y in range(6):
                            grown[x, y] = entries[x, y]
                    entries = grown
                    for x in range(groups):
                        k = entries[x, 0] & mask
                        while slots[k] >= 0:
                            k = (k + np.uint64(1)) & mask
                        slots[k] = x
                break
            if (
                entries[g, 0] == h
                and entries[g, 1] == w0
                and entries[g, 2] == w1
                and entries[g, 3] == np.uint64(size)
                and entries[g, 4] == s
                and (size <= 16 or same_bytes(data, start[np.int64(entries[g, 5])], start[r], size))
            ):
                codes[r] = g
                break
            k = (k + np.uint64(1)) & mask
    first = np.empty(groups, np.int64)
    for x in range(groups):
        first[x] = np.int64(entries[x, 5])
    return codes, first


@kernel()
def _integers(values, valid, salt):
    n = values.size
    codes = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    hashes = np.empty(n, np.uint64)
    masked = valid.size > 0
    capacity = 1024
    while capacity < n and capacity < _LARGEST_START:
        capacity *= 2
    slots = np.full(capacity, -1, np.int32)
    mask = np.uint64(capacity - 1)
    groups = 0
    for r in range(n):
        null = masked and not valid[r]
        v = np.int64(0) if null else values[r]
        h = mix(np.uint64(v) * _M1 + np.uint64(salt[r]) * _M2 + np.uint64(null))
        k = h & mask
        while True:
            g = slots[k]
            if g < 0:
                slots[k] = groups
                hashes[groups] = h
                first[groups] = r
                codes[r] = groups
                groups += 1
                if groups * 2 > capacity:
                    capacity *= 4
                    mask = np.uint64(capacity - 1)
                    slots = np.full(capacity, -1, np.int32)
                    for x in range(groups):
                        k = hashes[x] & mask
                        while slots[k] >= 0:
                            k = (k + np.uint64(1)) & mask
                        slots[k] = x
                break
            if hashes[g] == h:
                f = first[g]
                fnull = masked and not valid[f]
                if salt[f] == salt[r] and fnull == null and (null or values[f] == v):
                    codes[r] = g
                    break
            k = (k + np.uint64(1)) & mask
    return codes, first[:groups].copy()
