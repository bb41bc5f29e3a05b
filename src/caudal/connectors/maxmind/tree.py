"""The search tree of a MaxMind DB: its networks, and which record each has, all at once.

A node is two records of 24, 28 or 32 bits: the number of a node, that of nodes (nothing is there), or 16 and a place in the data more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from caudal.columnar.column import Bytes, Ints
from caudal.columnar.compiled import kernel, part

SIZES = (24, 28, 32)
"""Bits that a record of the tree may have."""


class Networks(NamedTuple):
    """Networks in their order: family (4, 6), first address (IPv4 in the low word), bits of the prefix, which record (a number)."""

    family: Any
    high: Ints
    low: Ints
    bits: Ints
    record: Ints


def networks(data: Bytes, nodes: int, size: int, version: int) -> Networks:
    """Return the networks of a tree; what of an IPv6 tree lies in ::/96 is IPv4, and other ways there are left out.

    Raises `ValueError` for what is no tree.
    """
    if nodes * size // 4 > len(data):
        raise ValueError("the search tree is longer than the file")
    room = nodes + 1  # a tree has a leaf more than it has nodes
    out = [np.empty(room, np.int64) for _ in range(4)]
    four = _four(data, nodes, size) if version == 6 else 0
    count = _walk(data, nodes, size, 32 if version == 4 else 128, four, *out)
    if count < 0:
        raise ValueError("the search tree is damaged")
    high, low, bits, record = (each[:count].copy() for each in out)
    if version == 4:
        return Networks(np.full(count, 4, np.int8), high, low, bits, record)
    within = (bits >= 96) & (high == 0) & (low >> 32 == 0)
    whole = (bits < 96) & (high == 0) & (low == 0)  # one network around all of IPv4 is one of IPv4 too
    family, left = np.where(within, 4, 6).astype(np.int8), np.where(within, bits - 96, bits)
    more = [np.concatenate([word[whole], word]) for word in (high, low, left, record)]
    more[2][: np.count_nonzero(whole)] = 0
    return Networks(np.concatenate([np.full(np.count_nonzero(whole), 4, np.int8), family]), *more)


@part()
def _child(data, node, side, size):
    if size == 24:
        p = node * 6 + side * 3
        return np.int64(data[p]) << 16 | np.int64(data[p + 1]) << 8 | np.int64(data[p + 2])
    if size == 28:
        p = node * 7 + side * 4
        middle = np.int64(data[node * 7 + 3])
        top = middle & 15 if side else middle >> 4
        return top << 24 | np.int64(data[p]) << 16 | np.int64(data[p + 1]) << 8 | np.int64(data[p + 2])
    p = node * 8 + side * 4
    return np.int64(data[p]) << 24 | np.int64(data[p + 1]) << 16 | np.int64(data[p + 2]) << 8 | np.int64(data[p + 3])


@kernel()
def _four(data, nodes, size):
    """Return the node of ::/96, or what stands above it where there is none."""
    node = np.int64(0)
    for _ in range(96):
        if node >= nodes:
            break
        node = _child(data, node, 0, size)
    return node


@kernel()
def _walk(data, nodes, size, width, four, high, low, bits, record):
    """Walk the tree, lower addresses first; return how many leaves have a record, -1 for what is no tree."""
    stack = np.empty((width + 1, 4), np.int64)  # node, depth, high, low
    stack[0] = 0
    top = 1
    count = 0
    while top > 0:
        top -= 1
        node, depth, h, w = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
        if node == nodes or (width == 128 and node == four and node < nodes and (h != 0 or w != 0)):
            continue  # nothing, or another way to the addresses of IPv4
        if node > nodes:
            if count == record.size or node - nodes < 16:
                return -1
            high[count], low[count], bits[count], record[count] = h, w, depth, node - nodes - 16
            count += 1
            continue
        if depth == width or top + 2 > stack.shape[0]:
            return -1
        bit = width - 1 - depth
        for side in (1, 0):
            stack[top, 0] = _child(data, node, side, size)
            stack[top, 1] = depth + 1
            stack[top, 2] = h | (np.int64(side) << (bit - 64) if bit >= 64 else np.int64(0))
            stack[top, 3] = w | (np.int64(side) << bit if bit < 64 else np.int64(0))
            top += 1
    return count
