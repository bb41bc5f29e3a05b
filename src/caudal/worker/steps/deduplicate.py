"""Deduplication: a row passes when no row of its key did, or came, ever or within some time before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.steps.contract import END, Made, Rows, Step


def deduplicate(takes: dict[str, Any], gives: dict[str, Any], within: int, seen: bool = False) -> Step:
    """Return the step that passes the first row, and each whose last one that passed is more than `within` ms ago.

    With `within` 0 only the first passes; with `seen` it counts from the last row, whether that passed or not. Kept is that time, until
    the watermark has left it `within` behind.
    """

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        known = state.columns[0].to_pylist()
        passed: list[int] = []
        kept: list[int] = []
        counts: list[int] = []
        for k in range(rows.keys):
            at = state.starts[k]
            last = known[at] if state.starts[k + 1] > at else None
            for row in range(rows.starts[k], rows.starts[k + 1]):
                time = 0 if rows.time is None else int(rows.time[row])
                if last is None or (within and time - last > within):
                    passed.append(row)
                    last = time
                elif seen:
                    last = time
            if last is not None and within and last + within < watermark:
                last = None
            counts.append(last is not None)
            kept += [] if last is None else [last]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        left = Rows(starts, [pa.array(kept, pa.int64())])
        return Made(np.array(passed, np.int64), [], left, wake=_expiry(left, within))

    return Step(["int64"], run)


def _expiry(state: Rows, within: int) -> Any:
    wake = np.full(state.keys, END, np.int64)
    if within:
        # compared as Python's integers: a sum of int64 can wrap
        wake[np.diff(state.starts) > 0] = [min(t + within + 1, END) for t in state.columns[0].to_pylist()]
    return wake
