"""Kernels that copy text values together."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


def text(data: Any, start: Any, length: Any, valid: Any) -> tuple[Any, Any]:
    """Return (bytes of all values behind one another, int64 offsets of n + 1); nulls take no bytes."""
    offsets = np.empty(len(start) + 1, np.int64)
    total = _offsets(length, valid, offsets)
    out = np.empty(total, np.uint8)
    _copy(data, start, offsets, out)
    return out, offsets


@nb.njit(nogil=True, cache=True)
def _offsets(length, valid, offsets):
    position = 0
    masked = valid.size > 0
    for i in range(length.size):
        offsets[i] = position
        if not masked or valid[i]:
            position += length[i]
    offsets[length.size] = position
    return position


@nb.njit(nogil=True, cache=True)
def _copy(data, start, offsets, out):
    for i in range(start.size):
        a = start[i]
        o = offsets[i]
        for k in range(offsets[i + 1] - o):
            out[o + k] = data[a + k]
