"""Running aggregates: each row comes out with the aggregates over the rows of its key in the frame up to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.ranges import Ranges
from caudal.worker.steps.contract import Made, Rows, Step, behind, last
from caudal.worker.steps.folding import Fold, folds


def running(takes: dict[str, Any], gives: dict[str, Any], functions: list[Fold], size: int, rows: int) -> Step:
    """Return the step that gives aggregates over the frame up to each row.

    The frame of a row: the rows up to it that are less than `size` ms older, or the last `rows`, or (both 0) all.
    `functions`: see `folds`. Kept are the rows of the last frame: their times, and the arguments.
    """
    fold = folds(takes, gives, functions)
    kinds = [*takes.values()]

    def run(state: Rows, given: Rows, watermark: int) -> Made:
        time = np.zeros(len(given), np.int64) if given.time is None else given.time
        columns = [pa.array(time, pa.int64()), *(as_array(c, kind) for c, kind in zip(given.columns, kinds))]
        whole, at = behind(state, Rows(given.starts, columns))
        first = _frame_starts(whole, size, rows)
        made = fold(Ranges(first[at], at + 1), whole.columns)
        ends = whole.starts[1:]
        left = np.diff(whole.starts)
        if rows:
            left = np.minimum(left, rows - 1)
        elif size:
            some = left > 0
            left[some] -= first[ends[some] - 1] - whole.starts[:-1][some]
        return Made(np.arange(len(given)), made, last(whole, left))

    return Step(["int64", *kinds], run)


def _frame_starts(whole: Rows, size_ms: int, rows: int) -> Any:
    """Return the first row of each row's frame."""
    begins = np.repeat(whole.starts[:-1], np.diff(whole.starts))
    if rows:
        return np.maximum(np.arange(len(whole)) - rows + 1, begins)
    if size_ms:
        # compared as Python's integers: a difference of int64 can wrap
        times, at = whole.columns[0].to_pylist(), 0
        for i, (moment, begin) in enumerate(zip(times, begins.tolist())):
            at = max(at, begin)
            while times[at] <= moment - size_ms:
                at += 1
            begins[i] = at
    return begins
