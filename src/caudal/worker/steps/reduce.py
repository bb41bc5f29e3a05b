"""Folds: a function makes the state of a key and a row into the state behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.calling import reduced
from caudal.worker.steps.contract import Made, Rows, Step, each_key


def reduce(takes: dict[str, Any], gives: dict[str, Any], function: Any, timeout: int) -> Step:
    """Return the step that gives the state behind each row; a row that the function fails on leaves it as it was.

    Kept is the state behind the last row. `timeout`: see `calling.scalar`.
    """
    fold = reduced(function, takes, gives, timeout)
    names = list(takes)

    @each_key
    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        first = [column[0].as_py() for column in state.columns] if len(state) else None
        made = fold(pa.StructArray.from_arrays(rows.columns, names), first)
        *states, reasons, messages, details = made.flatten()
        good = np.flatnonzero(reasons.is_null().to_numpy(zero_copy_only=False))
        said = zip(reasons.to_pylist(), messages.to_pylist(), details.to_pylist())
        failed = [(row, *why) for row, why in enumerate(said) if why[0] is not None]
        if not len(good):
            return Made(good, [column.slice(0, 0) for column in states], state, failed)
        left = [column.slice(int(good[-1]), 1) for column in states]
        return Made(good, [c.take(pa.array(good)) for c in states], Rows(np.array([0, 1]), left), failed)

    return Step([*gives.values()], run, fails=True)
