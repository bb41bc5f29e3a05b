"""The first rows of windows of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.ranges import Ranges, order_key
from caudal.worker.steps.contract import Step
from caudal.worker.steps.counting import Listed, counting


def count_top(
    takes: dict[str, Any], gives: dict[str, Any], descending: list[bool], limit: int, size: int, step: int, timed: bool
) -> Step:
    """Return the step that gives the first `limit` rows of each window (0: all), in order; for windows see `counting`.

    They are ranked by the last arguments, as many as `descending` has, and come out with the others, behind the bounds. Nulls
    are smallest, NaN is the largest number; ties stand as the rows do.
    """
    ranks = len(descending)

    def run(windows: Ranges, _: Any, columns: list[Any]) -> Listed:
        counts = windows.stop - windows.first
        owner = np.repeat(np.arange(len(counts)), counts)
        behind = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = windows.first[owner] + behind
        by = [
            _ranked(column) * (-1 if down else 1) for column, down in zip(columns[len(columns) - ranks :], descending)
        ]
        # rows of one window stay behind one another, so what they are numbered by is theirs in the new order too
        rows = rows[np.lexsort([behind, *(rank[rows] for rank in reversed(by)), owner])]
        if limit:
            rows, owner = rows[behind < limit], owner[behind < limit]
        index = pa.array(rows)
        return Listed(owner, [column.take(index) for column in columns[1 : len(columns) - ranks]])

    return counting(takes, size, step, timed, run)


def _ranked(column: Any) -> Any:
    """Return numbers in the order of values, alike where these are."""
    keys = [(False,) if value is None else (True, order_key(value)) for value in column.to_pylist()]
    numbers = {key: n for n, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys], np.int64)
