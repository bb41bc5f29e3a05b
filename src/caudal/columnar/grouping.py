"""Grouping: equal keys get equal small codes, exactly (hashes only find candidates; keys are compared).

Keys are hashed once, with a secret of this process, so that nobody can choose keys that collide; whoever carries the
hashes along need not hash again. Rows are then grouped by hash and salt, two integers, and each key is compared with the
first of its group: where two keys had one hash after all, they are told apart one by one.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from caudal.columnar.column import Column, Fixed, Ints, Text, Words, constant
from caudal.columnar.compiled import kernel, part
from caudal.columnar.memory import high_product, load64, tail64

_M1 = np.uint64(0x9E3779B97F4A7C15)
_M2 = np.uint64(0xD6E8FEB86659FD93)
_S32 = np.uint64(32)
_S29 = np.uint64(29)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)
_LARGEST_START = 1 << 15
_CELLS_A_ROW = 4
"""Cells of a table of words and salts for each row at most: beyond that rows are entered into one by hashes."""

_CANONICAL_NAN = np.array([np.nan]).view(np.int64)[0]
_SECRET: Ints = np.frombuffer(bytearray(os.urandom(16)), np.int64) | 1
"""What keys are hashed with: of this process alone, and never stored."""


class Groups(NamedTuple):
    """`codes`: int64 group number of each row, in order of first appearance; `first`: the first row of each group."""

    codes: Ints
    first: Ints

    def __len__(self) -> int:
        return len(self.first)


def group(keys: Sequence[Column], salts: Sequence[Ints], rows: int, hashes: Ints | None = None) -> Groups:
    """Return the groups of rows that agree in all `salts` (int64 arrays) and all `keys`; null equals null.

    `hashes`: those of the keys, where they are known: any numbers that are equal where all keys are.
    """
    salt, *others = salts or (np.zeros(rows, np.int64),)
    for values in others:
        salt = _pairs(values, salt, _SECRET)[0]
    if not keys:
        return Groups(*_pairs(np.zeros(rows, np.int64), salt, _SECRET))
    if len(keys) == 1 and isinstance(keys[0], Words):
        return _by_word(keys[0], salt)
    codes, first = _pairs(key_hashes(keys, rows) if hashes is None else hashes, salt, _SECRET)
    for key in keys:
        if not _agree(key, codes, first):
            return _one_by_one(keys, salt)
    return Groups(codes, first)


def key_hashes(keys: Sequence[Column], rows: int) -> Ints:
    """Return a hash of each row's keys, by the secret of this process: equal where all keys are."""
    if keys and isinstance(keys[0], Words):
        hashes, keys = _hashes_by_word(keys[0]), keys[1:]
    else:
        hashes = np.zeros(rows, np.int64)
    for key in keys:
        if isinstance(key, Text):
            _hash_texts(key.data, key.start, key.length, key.valid_or_all(), _SECRET, hashes)
        else:
            _hash_integers(np.ascontiguousarray(comparable(key)), key.valid_or_all(), _SECRET, hashes)
    return hashes


def _hashes_by_word(key: Words) -> Ints:
    """Return what `key_hashes` does of one key."""
    hashes = key.dictionary.hashes[key.codes]
    if key.valid is not None:
        hashes[~key.valid] = key_hashes([constant(None, key.dtype, 1)], 1)[0]
    return hashes


def _by_word(key: Words, salt: Ints) -> Groups:
    """Return the groups of rows that agree in key and salt, told by the numbers of words."""
    width = len(key.dictionary) + 1
    low, high = (int(salt.min()), int(salt.max())) if len(salt) else (0, 0)
    if width * (high - low + 1) <= _CELLS_A_ROW * len(salt):
        return Groups(*_cells(key.codes, key.valid_or_all(), salt, low, high, width))
    numbers = key.codes.astype(np.int64)
    if key.valid is not None:
        numbers[~key.valid] = -1
    return Groups(*_pairs(numbers, salt, _SECRET))


def comparable(key: Column) -> Ints:
    """Return a fixed column's values as int64 that are equal just when the values are (NaN is NaN, -0 is 0)."""
    assert isinstance(key, Fixed)
    values = key.values
    if key.dtype.is_float:
        with np.errstate(invalid="ignore"):  # what stands under a null may be any bits
            wide = values.astype(np.float64) + 0.0  # a sum with +0 turns -0 into 0
        out = wide.view(np.int64)
        nan = np.isnan(wide)
        if nan.any():
            out = np.where(nan, _CANONICAL_NAN, out)
        return out
    return values if values.dtype == np.int64 else values.astype(np.int64)


def _agree(key: Column, codes: Ints, first: Ints) -> bool:
    """Whether each row has the same key as the first row of its group."""
    if isinstance(key, Text):
        return _same_texts(codes, first, key.data, key.start, key.length, key.valid_or_all())
    return _same_integers(codes, first, np.ascontiguousarray(comparable(key)), key.valid_or_all())


def _one_by_one(keys: Sequence[Column], salt: Ints) -> Groups:
    """Return the groups where different keys have one hash, which chance does not bring about."""
    met: dict[Any, int] = {}
    rows = zip(salt.tolist(), *(_values(key) for key in keys), strict=True)
    codes = np.array([met.setdefault(row, len(met)) for row in rows], np.int64)
    return Groups(codes, np.unique(codes, return_index=True)[1].astype(np.int64))


def _values(key: Column) -> Iterable[Any]:
    if isinstance(key, Text):
        view = memoryview(key.data.data)
        found: Iterable[Any] = (
            bytes(view[at : at + size]) for at, size in zip(key.start.tolist(), key.length.tolist(), strict=True)
        )
    else:
        found = comparable(key).tolist()
    valid = itertools.repeat(True) if key.valid is None else key.valid.tolist()
    return (value if there else None for value, there in zip(found, valid))


@part(forceinline=True)
def mix(h):
    """Spread the bits of a 64-bit word."""
    h = (h ^ (h >> _S32)) * _M2
    h = (h ^ (h >> _S29)) * _M1
    return h ^ (h >> _S32)


@part(forceinline=True)
def hash_bytes(data, a, n, seed):
    """Hash data[a:a+n] with a 64-bit seed; anybody can find two that collide."""
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
def _fold(a, b):
    """Return both halves of the 128-bit product in one."""
    return (a * b) ^ high_product(a, b)


@part(forceinline=True)
def _words(data, a, n):
    """Return the first and last 8 of n (0 to 16) bytes as two words, without reading behind the end of `data`."""
    if n >= 8:
        return load64(data, a), load64(data, a + n - 8)
    return (tail64(data, a, n) if n > 0 else np.uint64(0)), np.uint64(0)


@part(forceinline=True)
def same_bytes(data, a, other, b, n):
    """Whether data[a:a+n] and other[b:b+n] are the same."""
    while n > 16:
        if load64(data, a) != load64(other, b) or load64(data, a + 8) != load64(other, b + 8):
            return False
        a += 16
        b += 16
        n -= 16
    one = _words(data, a, n)
    two = _words(other, b, n)
    return one[0] == two[0] and one[1] == two[1]


@kernel(arguments="B L I ? L L")
def _hash_texts(data, start, length, valid, secret, hashes):
    """Fold the hash of each text into `hashes`: products with secret factors, in the manner of wyhash."""
    one = np.uint64(secret[0])
    two = np.uint64(secret[1])
    masked = valid.size > 0
    for r in range(start.size):
        h = np.uint64(hashes[r]) ^ one
        if masked and not valid[r]:
            hashes[r] = np.int64(_fold(h, two))
            continue
        a = start[r]
        n = np.int64(length[r])
        left = n
        while left > 16:
            h = _fold(load64(data, a) ^ two, load64(data, a + 8) ^ h)
            a += 16
            left -= 16
        w0, w1 = _words(data, a, left)
        h = _fold(w0 ^ two, w1 ^ h)
        hashes[r] = np.int64(_fold(h ^ one, np.uint64(n) ^ two))


@kernel(arguments="L ? L L")
def _hash_integers(values, valid, secret, hashes):
    """Fold the hash of each number into `hashes`."""
    one = np.uint64(secret[0])
    two = np.uint64(secret[1])
    masked = valid.size > 0
    for r in range(values.size):
        h = np.uint64(hashes[r]) ^ one
        if masked and not valid[r]:
            hashes[r] = np.int64(_fold(h, two))
        else:
            h = _fold(np.uint64(values[r]) ^ two, h)
            hashes[r] = np.int64(_fold(h ^ one, two))


@kernel(arguments="L L L")
def _pairs(values, salt, secret):
    """Return (group of each row, first row of each group) of rows that agree in both numbers."""
    n = values.size
    codes = np.empty(n, np.int64)
    capacity = 1024
    while capacity < n and capacity < _LARGEST_START:
        capacity *= 2
    slots = np.full(capacity, -1, np.int32)
    entries = np.empty((capacity // 2 + 1, 2), np.int64)
    first = np.empty(capacity // 2 + 1, np.int64)
    factor = np.uint64(secret[0])
    done, groups = _enter_rows(values, salt, 0, codes, slots, entries, first, 0, factor)
    while done < n:
        capacity *= 4
        entries, first = _grown(entries, first, groups, capacity // 2 + 1)
        slots = _entered(entries, groups, capacity, factor)
        done, groups = _enter_rows(values, salt, done, codes, slots, entries, first, groups, factor)
    return codes, first[:groups].copy()


@kernel()
def _cells(numbers, valid, salt, low, high, width):
    """Return what `_pairs` does of rows that agree in number (of a null: width - 1) and salt, each pair with a cell."""
    n = numbers.size
    masked = valid.size > 0
    cells = np.full((high - low + 1) * width, -1, np.int32)
    codes = np.empty(n, np.int64)
    first = np.empty(min(n, cells.size), np.int64)
    groups = 0
    for r in range(n):
        number = numbers[r] if not masked or valid[r] else width - 1
        cell = (salt[r] - low) * width + number
        g = cells[cell]
        if g < 0:
            g = np.int32(groups)
            cells[cell] = g
            first[groups] = r
            groups += 1
        codes[r] = g
    return codes, first[:groups].copy()


@part()
def _enter_rows(values, salt, row, codes, slots, entries, first, groups, factor):
    """Number the rows from `row` on until the table is half full; return (the next row, groups).

    Its arrays stay the same ones throughout: each that a loop replaces would be counted, atomically, at every row.
    """
    mask = np.uint64(slots.size - 1)
    room = slots.size // 2
    while row < values.size and groups <= room:
        v = values[row]
        s = salt[row]
        k = _fold(np.uint64(v) ^ np.uint64(s), factor) & mask
        g = slots[k]
        while g >= 0 and not (entries[g, 0] == v and entries[g, 1] == s):
            k = (k + np.uint64(1)) & mask
            g = slots[k]
        if g < 0:
            g = np.int32(groups)
            slots[k] = g
            entries[g, 0] = v
            entries[g, 1] = s
            first[g] = row
            groups += 1
        codes[row] = g
        row += 1
    return row, groups


@part()
def _grown(entries, first, groups, room):
    """Return both with more room."""
    wide = np.empty((room, 2), np.int64)
    long = np.empty(room, np.int64)
    for g in range(groups):  # a slice would compile texts for an error that cannot be, for seconds
        wide[g, 0] = entries[g, 0]
        wide[g, 1] = entries[g, 1]
        long[g] = first[g]
    return wide, long


@part()
def _entered(entries, groups, capacity, factor):
    """Return a table of so many slots with all groups in it."""
    slots = np.full(capacity, -1, np.int32)
    mask = np.uint64(capacity - 1)
    for g in range(groups):
        k = _fold(np.uint64(entries[g, 0]) ^ np.uint64(entries[g, 1]), factor) & mask
        while slots[k] >= 0:
            k = (k + np.uint64(1)) & mask
        slots[k] = g
    return slots


@kernel(arguments="L L B L I ?")
def _same_texts(codes, first, data, start, length, valid):
    """Whether each text is that of the first row of its group."""
    masked = valid.size > 0
    for r in range(codes.size):
        f = first[codes[r]]
        if f == r:
            continue
        if masked and not (valid[r] and valid[f]):
            if valid[r] or valid[f]:
                return False
            continue
        n = np.int64(length[r])
        if n != length[f]:
            return False
        if not same_bytes(data, start[r], data, start[f], n):
            return False
    return True


@kernel(arguments="L L L ?")
def _same_integers(codes, first, values, valid):
    """Whether each number is that of the first row of its group."""
    masked = valid.size > 0
    for r in range(codes.size):
        f = first[codes[r]]
        if masked and not (valid[r] and valid[f]):
            if valid[r] or valid[f]:
                return False
        elif values[r] != values[f]:
            return False
    return True
