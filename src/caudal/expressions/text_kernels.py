"""Compiled kernels over text views: data, start, length and, where they may be constant, a step of 0 or 1."""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import kernel, part

_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


@part()
def _same(a, i, b, j, size):
    k = 0
    while k < size and a[i + k] == b[j + k]:
        k += 1
    return k >= size


@kernel()
def equal(a, a_start, a_length, a_step, b, b_start, b_length, b_step, valid, out):
    """Whether the bytes are the same."""
    masked = valid.size > 0
    for i in range(out.size):
        x = i * a_step
        y = i * b_step
        out[i] = (
            (not masked or valid[i])
            and a_length[x] == b_length[y]
            and _same(a, a_start[x], b, b_start[y], np.int64(a_length[x]))
        )


@kernel()
def order(a, a_start, a_length, a_step, b, b_start, b_length, b_step, valid, out):
    """-1, 0 or 1, by bytes."""
    masked = valid.size > 0
    for i in range(out.size):
        sign = 0
        if not masked or valid[i]:
            x = i * a_step
            y = i * b_step
            size = np.int64(min(a_length[x], b_length[y]))
            p = a_start[x]
            q = b_start[y]
            k = 0
            while k < size and a[p + k] == b[q + k]:
                k += 1
            if k < size:
                sign = 1 if a[p + k] > b[q + k] else -1
            elif a_length[x] != b_length[y]:
                sign = 1 if a_length[x] > b_length[y] else -1
        out[i] = sign


@part()
def _fnv(data, p, size):
    """FNV-1a, 64 bits."""
    value = _FNV_OFFSET
    for k in range(size):
        value = (value ^ np.uint64(data[p + k])) * _FNV_PRIME
    return np.int64(value & np.uint64(0x7FFFFFFFFFFFFFFF))


@kernel()
def fill_table(data, start, length, slots):
    """Enter the values into an open-addressed table of row number + 1; its size is a power of two."""
    last = slots.size - 1
    for i in range(start.size):
        at = _fnv(data, start[i], np.int64(length[i])) & last
        while slots[at] != 0:
            at = (at + 1) & last
        slots[at] = i + 1


@kernel()
def in_table(a, a_start, a_length, b, b_start, b_length, slots, valid, out):
    """Whether the value stands in the table."""
    masked = valid.size > 0
    last = slots.size - 1
    for i in range(out.size):
        out[i] = False
        if masked and not valid[i]:
            continue
        size = np.int64(a_length[i])
        at = _fnv(a, a_start[i], size) & last
        while slots[at] != 0:
            j = slots[at] - 1
            if b_length[j] == size and _same(a, a_start[i], b, b_start[j], size):
                out[i] = True
                break
            at = (at + 1) & last


@kernel()
def affix(a, a_start, a_length, a_step, b, b_start, b_length, b_step, at_end, valid, out):
    """Whether a begins (or ends) with b."""
    masked = valid.size > 0
    for i in range(out.size):
        out[i] = False
        if masked and not valid[i]:
            continue
        x = i * a_step
        y = i * b_step
        spare = np.int64(a_length[x]) - np.int64(b_length[y])
        if spare >= 0:
            out[i] = _same(a, a_start[x] + (spare if at_end else 0), b, b_start[y], np.int64(b_length[y]))


@kernel()
def locate(a, a_start, a_length, a_step, b, b_start, b_length, b_step, valid, out):
    """Where b first stands in a, in characters; -1 when it does not."""
    masked = valid.size > 0
    for i in range(out.size):
        out[i] = -1
        if masked and not valid[i]:
            continue
        x = i * a_step
        y = i * b_step
        size = np.int64(b_length[y])
        p = a_start[x]
        q = b_start[y]
        characters = 0
        for k in range(np.int64(a_length[x]) - size + 1):
            if (k == a_length[x] or a[p + k] & 0xC0 != 0x80) and _same(a, p + k, b, q, size):
                out[i] = characters
                break
            characters += a[p + k] & 0xC0 != 0x80


@kernel()
def characters(data, start, length, valid, out):
    """The number of code points."""
    masked = valid.size > 0
    for i in range(out.size):
        count = 0
        if not masked or valid[i]:
            for k in range(start[i], start[i] + length[i]):
                count += data[k] & 0xC0 != 0x80
        out[i] = count


@kernel()
def cut(data, start, length, step, offset, offset_step, most, most_step, valid, out_start, out_length):
    """Views of at most `most` characters from `offset` (negative: from the end)."""
    masked = valid.size > 0
    for i in range(out_start.size):
        out_start[i] = 0
        out_length[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i * step]
        stop = p + length[i * step]
        skip = offset[i * offset_step]
        left = most[i * most_step]
        if skip < 0:
            total = 0
            for k in range(p, stop):
                total += data[k] & 0xC0 != 0x80
            skip = max(total + skip, 0)
        while p < stop and skip > 0:
            p += 1
            while p < stop and data[p] & 0xC0 == 0x80:
                p += 1
            skip -= 1
        q = p
        while q < stop and left > 0:
            q += 1
            while q < stop and data[q] & 0xC0 == 0x80:
                q += 1
            left -= 1
        out_start[i] = p
        out_length[i] = q - p


@kernel()
def strip(data, start, length, left, right, valid, out_start, out_length):
    """Views without ASCII white space (9 to 13, 32) at the ends."""
    masked = valid.size > 0
    for i in range(out_start.size):
        out_start[i] = 0
        out_length[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i]
        stop = p + length[i]
        while left and p < stop and (data[p] == 32 or 9 <= data[p] <= 13):
            p += 1
        while right and p < stop and (data[stop - 1] == 32 or 9 <= data[stop - 1] <= 13):
            stop -= 1
        out_start[i] = p
        out_length[i] = stop - p
