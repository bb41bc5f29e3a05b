"""Event time: from a column of any accepted type to int64 milliseconds, and which rows have one."""

from __future__ import annotations

import numpy as np

from caudal.columnar import times
from caudal.columnar.column import Bools, Column, Fixed, Ints, Text

LIMIT = 2**53
"""Milliseconds from the epoch beyond which an instant is not accepted (about the year 287,000)."""


def event_times(column: Column, unit: str, time_format: str) -> tuple[Ints, Bools | None]:
    """Return (milliseconds, which rows are valid; None when all are).

    Integers are milliseconds unless `unit` says otherwise, floored; floats are seconds by default, rounded; text is
    ISO 8601 or `time_format`.
    """
    if isinstance(column, Text):
        values, ok = times.parse(column.data, column.start, column.length, column.valid_or_all(), time_format)
    else:
        assert isinstance(column, Fixed)
        if column.dtype.is_float:
            values, ok = times.from_floats(column.values, unit)
        elif column.dtype.name == "timestamp" or (column.dtype.name == "int64" and unit in ("", "ms")):
            values, ok = column.values, None
        else:
            values, ok = times.from_ints(column.values.astype(np.int64, copy=False), unit)
        if column.valid is not None:
            ok = column.valid if ok is None else ok & column.valid
    if len(values) and (values.min() < -LIMIT or values.max() > LIMIT):
        near = (values >= -LIMIT) & (values <= LIMIT)
        ok = near if ok is None else ok & near
    return values, None if ok is None or ok.all() else ok
