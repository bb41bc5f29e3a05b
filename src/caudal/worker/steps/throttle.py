"""Throttling: a row of a key comes out at once, those that follow are held back and counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import END, Made, Rows, Step

Span = tuple[int, int, int]
"""The last row that was held back (-1: none), how many were, and the end."""

Out = tuple[int, int, int, int]
"""What comes out: of which row (`Made.of`), when, which row it is, and how many others were held back."""


def throttle(takes: dict[str, Any], gives: dict[str, Any], every: int) -> Step:
    """Return the step that gives at most a row of each key in `every` ms: the first at once, then the last that was held back.

    A row that comes out begins a span of `every` ms, its end included, in which rows are held back. At the end the last of them
    comes out, and begins the next; without any the span is over. Beside its columns each result has how many rows were held back
    and will not come out. Kept of a span are its last row that was held back, how many were, and its end.
    """
    kinds = [*takes.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        held, ends = (column.to_numpy(zero_copy_only=False).tolist() for column in state.columns[-2:])
        given = [as_array(column, kind) for column, kind in zip(rows.columns, kinds, strict=True)]
        whole = [pa.concat_arrays(both) for both in zip(state.columns, given)]
        out: list[Out] = []
        spans: list[Span | None] = []
        for k, (kept, after) in enumerate(zip(state.starts[:-1].tolist(), state.starts[1:].tolist())):
            span = (kept, held[kept], ends[kept]) if after > kept else None
            bounds = int(rows.starts[k]), int(rows.starts[k + 1])
            spans.append(_walked(-1 - k, span, rows.time, bounds, len(state), every, watermark, out))
        of, at, which, beside = _columns(out, 4)
        last, count, end = _columns([span for span in spans if span is not None], 3)
        index = pa.array(np.maximum(last, 0), mask=last < 0)
        opened = np.array([span is not None for span in spans], np.bool_)
        wake = np.full(rows.keys, END, np.int64)
        wake[opened] = end + 1
        left = [*(column.take(index) for column in whole), pa.array(count), pa.array(end)]
        return Made(
            of,
            [*(column.take(pa.array(which)) for column in whole), pa.array(beside)],
            Rows(np.concatenate([np.zeros(1, np.int64), np.cumsum(opened)]), left),
            wake=wake,
            at=at,
        )

    return Step([*kinds, "int64", "int64"], run)


def _walked(
    alone: int,
    span: Span | None,
    times: Any,
    bounds: tuple[int, int],
    before: int,
    every: int,
    watermark: int,
    out: list[Out],
) -> Span | None:
    """Add what comes out of a key, and return its span behind that. `alone`: `Made.of` of what is of no row."""
    row, stop = bounds
    while span is not None or row < stop:
        if span is None:
            time = int(times[row])
            out.append((row, time, before + row, 0))
            span, row = (-1, 0, time + every), row + 1
        last, count, end = span
        reach = row + int(np.searchsorted(times[row:stop], end, side="right"))
        if reach > row:
            last, count, row = before + reach - 1, count + reach - row, reach
        if row == stop and watermark <= end:
            return last, count, end
        if count:
            out.append((alone, end, last, count - 1))
        span = (-1, 0, end + every) if count else None
    return None


def _columns(rows: list[Any], count: int) -> Any:
    return np.array(rows, np.int64).reshape(len(rows), count).T
