"""Windows of so many rows of a key: where they begin and end, and what is kept of those that are open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.failures import Failed
from caudal.worker.ranges import Ranges
from caudal.worker.steps.contract import END, Made, Rows, Step, behind, last


@dataclass(slots=True)
class Listed:
    """Rows made of windows. `owner`: int64, ascending: the window of each; `failed`: windows that nothing can be made of."""

    owner: Any
    columns: list[Any]
    failed: Sequence[Failed] = ()


def counting(
    takes: dict[str, Any],
    size: int,
    step: int,
    timed: bool,
    make: Callable[[Ranges, list[Any], list[Any]], list[Any] | Listed],
    *,
    fails: bool = False,
) -> Step:
    """Return the step over windows of `size` rows of a key, one from every `step`-th row on.

    A window's results are made of the row that closes it; those of windows that the end of data cuts short, of no row.
    `make(windows, bounds, columns)`: what is made of them, a row each or `Listed`; `columns`: times and arguments of the
    rows. The bounds, times of the first and the last row, stand before that. `timed`: whether there are such times.
    Kept are the rows of open windows: their times, and the arguments.
    """
    kinds = [*takes.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        time = np.zeros(len(rows), np.int64) if rows.time is None else rows.time
        columns = [pa.array(time, pa.int64()), *(as_array(c, kind) for c, kind in zip(rows.columns, kinds))]
        whole, _ = behind(state, Rows(rows.starts, columns))
        begins, ends, counts = whole.starts[:-1], whole.starts[1:], np.diff(whole.starts)
        # what is kept begins with the first row of an open window, so windows are numbered from there
        full = np.maximum((counts - size) // step + 1, 0)
        many = -(-counts // step) if watermark >= END else full
        key = np.repeat(np.arange(whole.keys), many)
        nth = np.arange(len(key)) - np.repeat(np.cumsum(many) - many, many)
        first = begins[key] + nth * step
        windows = Ranges(first, np.minimum(first + size, ends[key]))
        closing = windows.stop - 1 - (begins + np.diff(state.starts) - rows.starts[:-1])[key]
        of = np.where(nth < full[key], closing, -1 - key)
        at = whole.columns[0].to_numpy()[windows.stop - 1]
        bounds = [_bound(whole.columns[0], rows_, timed) for rows_ in (first, windows.stop - 1)]
        made = make(windows, bounds, whole.columns)
        left = last(whole, np.zeros(whole.keys, np.int64) if watermark >= END else counts - full * step)
        if not isinstance(made, Listed):
            return Made(of, [*bounds, *made], left, at=at)
        owner = made.owner
        index = pa.array(owner)
        numbers = np.arange(len(owner)) - np.searchsorted(owner, owner)
        failed = [(int(of[window]), reason, message, detail) for window, reason, message, detail in made.failed]
        listed = [*(bound.take(index) for bound in bounds), *made.columns]
        return Made(of[owner], listed, left, failed, at=at[owner], nth=numbers)

    return Step(["int64", *kinds], run, fails)


def _bound(times: Any, rows: Any, timed: bool) -> Any:
    return times.take(pa.array(rows)) if timed else pa.nulls(len(rows), pa.int64())
