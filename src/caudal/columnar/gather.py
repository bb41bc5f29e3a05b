"""Kernels that copy text values together."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.compiled import kernel
from caudal.columnar.memory import load64, store64


def text(data: Any, start: Any, length: Any, valid: Any) -> tuple[Any, Any]:
    """Return (bytes of all values behind one another, int64 offsets of n + 1); nulls take no bytes."""
    offsets = np.empty(len(start) + 1, np.int64)
    total = _offsets(length, valid, offsets)
    out = np.empty(total, np.uint8)
    _copy(data, start, offsets, out)
    return out, offsets


def texts(parts: Any) -> tuple[Any, Any]:
    """Return (bytes, offsets) as `text` does, of several (data, start, length, valid) behind one another."""
    rows = sum(len(start) for _, start, _, _ in parts)
    offsets = np.empty(rows + 1, np.int64)
    offsets[0] = 0
    ends = []
    row = 0
    for _, start, length, valid in parts:
        stop = row + len(start)
        view = offsets[row : stop + 1]
        base = int(view[0])
        _offsets(length, valid, view)
        if base:
            view += base
        ends.append((row, stop))
        row = stop
    out = np.empty(int(offsets[rows]), np.uint8)
    for (data, start, _, _), (a, b) in zip(parts, ends):
        _copy(data, start, offsets[a : b + 1], out)
    return out, offsets


@kernel()
def _offsets(length, valid, offsets):
    position = 0
    masked = valid.size > 0
    for i in range(length.size):
        offsets[i] = position
        if not masked or valid[i]:
            position += length[i]
    offsets[length.size] = position
    return position


@kernel()
def _copy(data, start, offsets, out):
    for i in range(start.size):
        a = start[i]
        o = offsets[i]
        n = offsets[i + 1] - o
        k = 0
        while k + 8 <= n:
            store64(out, o + k, load64(data, a + k))
            k += 8
        while k < n:
            out[o + k] = data[a + k]
            k += 1
