"""What a function makes of windows of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.calling import window
from caudal.worker.coercion import arrow_of
from caudal.worker.failures import Failed
from caudal.worker.ranges import Ranges
from caudal.worker.steps.contract import Step, joined
from caudal.worker.steps.counting import Listed, counting


def count_apply(
    takes: dict[str, Any], gives: dict[str, Any], function: Any, kind: str, size: int, step: int, timed: bool
) -> Step:
    """Return the step that gives the rows which a function makes of each window; for windows see `counting`.

    It gets all arguments, in order; see `calling.window`. A window that it fails on gives no row.
    """
    names = [*takes]
    output = {name: spec for name, spec in gives.items() if name not in ("window_start", "window_end")}
    call = window(function, kind, names, takes, output)

    def run(windows: Ranges, bounds: list[Any], columns: list[Any]) -> Listed:
        rows = _struct(columns[1:], names, len(columns[0]))
        starts, ends = (bound.to_pylist() for bound in bounds)
        parts: list[list[Any]] = [[pa.nulls(0, t) for t in kinds]]
        counts: list[int] = []
        failed: list[Failed] = []
        for i, (first, stop) in enumerate(zip(windows.first.tolist(), windows.stop.tolist())):
            *made, reasons, messages, details = call(rows.slice(first, stop - first), starts[i], ends[i]).flatten()
            if len(reasons) and reasons[0].is_valid:
                failed.append((i, reasons[0].as_py(), messages[0].as_py(), details[0].as_py()))
                made = [column.slice(0, 0) for column in made]
            counts.append(len(made[0]))
            parts.append(made)
        return Listed(np.repeat(np.arange(len(counts)), counts), joined(parts), failed)

    kinds = [arrow_of(spec) for spec in output.values()]
    return counting(takes, size, step, timed, run, fails=True)


def _struct(columns: list[Any], names: list[str], rows: int) -> Any:
    return pa.StructArray.from_arrays(columns, names) if names else pa.array([{}] * rows, pa.struct([]))
