"""Compiled steps of windowing: which pane, what is late, which session."""

from __future__ import annotations

import numpy as np

from caudal.columnar.column import Ints
from caudal.columnar.compiled import kernel
from caudal.engines.local.aggregates.kernels import count


@kernel(arguments="L L l l l L L")
def assign(time, watermark, size, step, offset, pane, first):
    """Fill the pane of each row and the first window it counts in; return (late rows, partly late rows).

    Window i is [i * step + offset, i * step + offset + size); pane p is the step-wide piece that window p starts with.
    A row is late for window i when its watermark has reached the window's end; first > pane marks a row late for all.
    """
    panes = size // step
    masked = watermark.size > 0
    late = 0
    partly = 0
    p = np.int64(0)
    begin = np.int64(1)
    end = np.int64(0)
    for i in range(time.size):
        # rows come nearly in order: divide only where the pane changes, or where the earliest window has closed
        t = time[i]
        if t < begin or t >= end:
            p = (t - offset) // step
            begin = p * step + offset
            end = begin + step
        f = p - panes + 1
        if masked and watermark[i] >= end:
            c = (watermark[i] - offset - size) // step + 1
            if c > f:
                f = c
                if f > p:
                    late += 1
                else:
                    partly += 1
        pane[i] = p
        first[i] = f
    return late, partly


@kernel()
def sessions(order, offsets, start, last, gap):
    """Cut rows into sessions: return (session of each row, first row, start and last of each session).

    Rows order[offsets[k]:offsets[k + 1]] are those of key k, by start. A row (an interval [start, last]) joins the
    session before it when it starts at most `gap` behind the session's last.
    """
    n = order.size
    code = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    starts = np.empty(n, np.int64)
    lasts = np.empty(n, np.int64)
    s = -1
    for k in range(offsets.size - 1):
        opened = False
        for j in range(offsets[k], offsets[k + 1]):
            i = order[j]
            if not opened or start[i] - lasts[s] > gap:
                s += 1
                opened = True
                first[s] = i
                starts[s] = start[i]
                lasts[s] = last[i]
            elif last[i] > lasts[s]:
                lasts[s] = last[i]
            code[i] = s
    s += 1
    return code, first[:s].copy(), starts[:s].copy(), lasts[:s].copy()


@kernel()
def sorted_order(values):
    """Return the row numbers sorted by value, stable; by counting where the range is small."""
    n = values.size
    low = values[0]
    high = values[0]
    rising = True
    for i in range(1, n):
        v = values[i]
        if v < values[i - 1]:
            rising = False
        low = min(low, v)
        high = max(high, v)
    if rising:
        return np.arange(n)
    if high - low > 4 * n:
        return np.argsort(values, kind="mergesort")
    place = np.zeros(high - low + 2, np.int64)
    for i in range(n):
        place[values[i] - low + 1] += 1
    for b in range(place.size - 1):
        place[b + 1] += place[b]
    order = np.empty(n, np.int64)
    for i in range(n):
        b = values[i] - low
        order[place[b]] = i
        place[b] += 1
    return order


@kernel()
def assign_growing(time, watermark, size, step, offset, pane, first):
    """As `assign`, for windows that grow: window w begins where a size begins, and ends with pane w.

    A row of pane p counts in the windows p ... of its size, as far as its watermark has not reached their ends; first
    behind the last of them marks a row late for all.
    """
    panes = size // step
    masked = watermark.size > 0
    late = 0
    partly = 0
    for i in range(time.size):
        p = (time[i] - offset) // step
        f = p
        if masked:
            # window w has ended when the watermark has reached (w + 1) * step
            c = (watermark[i] - offset) // step
            if c > f:
                f = c
                if f > p // panes * panes + panes - 1:
                    late += 1
                else:
                    partly += 1
        pane[i] = p
        first[i] = f
    return late, partly


@kernel()
def expand(first, last, lowest, highest):
    """Return (row numbers, windows): row i once for every window in [first[i], last[i]] that is in [lowest, highest]."""
    total = 0
    for i in range(first.size):
        a = max(first[i], lowest)
        b = min(last[i], highest)
        if b >= a:
            total += b - a + 1
    rows = np.empty(total, np.int64)
    windows = np.empty(total, np.int64)
    k = 0
    for i in range(first.size):
        a = max(first[i], lowest)
        b = min(last[i], highest)
        for w in range(a, b + 1):
            rows[k] = i
            windows[k] = w
            k += 1
    return rows, windows


def count_by(values: Ints) -> tuple[Ints, Ints]:
    """Return (the different values in ascending order, how often each occurs)."""
    low = int(values.min())
    high = int(values.max())
    if high - low > 4 * values.size:
        return np.unique(values, return_counts=True)
    place = count(values - low, high - low + 1)
    present = np.flatnonzero(place)
    return present + low, place[present]
