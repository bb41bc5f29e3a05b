"""Compiled folds of values by group code. `valid` is a bool array, or empty when nothing is null."""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import kernel


@kernel(arguments="L l")
def count(codes, groups):
    """Return the number of rows of each group."""
    out = np.zeros(groups, np.int64)
    for i in range(codes.size):
        out[codes[i]] += 1
    return out


@kernel()
def count_valid(codes, valid, groups):
    """Return the number of rows of each group that are not null."""
    out = np.zeros(groups, np.int64)
    for i in range(codes.size):
        out[codes[i]] += valid.size == 0 or valid[i]
    return out


@kernel(arguments="L ? ? l")
def count_true(codes, values, valid, groups):
    """Return the number of rows of each group that are true."""
    out = np.zeros(groups, np.int64)
    masked = valid.size > 0
    for i in range(codes.size):
        out[codes[i]] += values[i] and (not masked or valid[i])
    return out


@kernel(arguments="L L ? l")
def sum_int(codes, values, valid, groups):
    """Return (wrapping sums, whether any value was there)."""
    out = np.zeros(groups, np.int64)
    seen = np.zeros(groups, np.bool_)
    masked = valid.size > 0
    for i in range(codes.size):
        if not masked or valid[i]:
            out[codes[i]] += values[i]
            seen[codes[i]] = True
    return out, seen


@kernel()
def sum_halves(codes, values, valid, groups):
    """Return (sums of the high 32 bits, sums of the low 32 bits, counts): together an exact 128-bit sum."""
    high = np.zeros(groups, np.int64)
    low = np.zeros(groups, np.int64)
    n = np.zeros(groups, np.int64)
    masked = valid.size > 0
    for i in range(codes.size):
        if not masked or valid[i]:
            v = np.int64(values[i])
            high[codes[i]] += v >> np.int64(32)
            low[codes[i]] += v & np.int64(0xFFFFFFFF)
            n[codes[i]] += 1
    return high, low, n


@kernel()
def best_int(codes, values, valid, groups, largest):
    """Return the row of the smallest (or largest) value of each group, -1 where all are null; ties: the first row."""
    out = np.full(groups, -1, np.int64)
    masked = valid.size > 0
    for i in range(codes.size):
        if masked and not valid[i]:
            continue
        g = codes[i]
        b = out[g]
        if b < 0 or (values[i] > values[b] if largest else values[i] < values[b]):
            out[g] = i
    return out


@kernel()
def best_text(codes, data, start, length, valid, groups, largest):
    """Return the row of the smallest (or largest) text of each group by bytes, -1 where all are null."""
    out = np.full(groups, -1, np.int64)
    masked = valid.size > 0
    for i in range(codes.size):
        if masked and not valid[i]:
            continue
        g = codes[i]
        b = out[g]
        if b < 0:
            out[g] = i
            continue
        n = min(length[i], length[b])
        order = np.int64(length[i]) - np.int64(length[b])
        for k in range(n):
            d = np.int64(data[start[i] + k]) - np.int64(data[start[b] + k])
            if d != 0:
                order = d
                break
        if (order > 0) if largest else (order < 0):
            out[g] = i
    return out


@kernel()
def best_order(codes, keys, has, groups, largest):
    """Return the row that is first (or last) by the int64 rows of `keys`, compared in turn; -1 where none `has`.

    Rows that tie (several were made of one) stand in the order in which they are given.
    """
    out = np.full(groups, -1, np.int64)
    for i in range(codes.size):
        if not has[i]:
            continue
        g = codes[i]
        b = out[g]
        if b < 0:
            out[g] = i
            continue
        later = True
        for k in range(keys.shape[0]):
            if keys[k, i] != keys[k, b]:
                later = keys[k, i] > keys[k, b]
                break
        if later == largest:
            out[g] = i
    return out
