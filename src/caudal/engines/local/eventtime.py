"""Event time: from a column of any accepted type to int64 milliseconds, and which rows have one."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Column, Fixed, Ints, Text
from caudal.core.types import DataType

LIMIT = 2**53
"""Milliseconds from the epoch beyond which an instant is not accepted (about the year 287,000)."""

_PER_UNIT = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}


def event_times(column: Column, unit: str, time_format: str) -> tuple[Ints, Bools | None]:
    """Return (milliseconds, which rows are valid; None when all are).

    Integers are milliseconds unless `unit` says otherwise, floored; floats are seconds by default, rounded; text is
    ISO 8601 or `time_format`.
    """
    valid = column.valid
    if isinstance(column, Text):
        from caudal.columnar import times

        values, ok = times.parse(column.data, column.start, column.length, column.valid_or_all(), time_format)
        return values, _both(ok, values)
    assert isinstance(column, Fixed)
    values = _milliseconds(column.values, column.dtype, unit)
    if values is None:
        scaled = column.values.astype(np.float64) * _PER_UNIT[unit or "s"]
        ok = np.abs(scaled) <= LIMIT  # false for NaN
        rounded = np.floor(np.where(ok, scaled, 0.0) + 0.5).astype(np.int64)
        return rounded, _all(ok if valid is None else ok & valid)
    ok = (values >= -LIMIT) & (values <= LIMIT)
    return values, _all(ok if valid is None else ok & valid)


def _milliseconds(values: Any, dtype: DataType, unit: str) -> Ints | None:
    if dtype.is_float:
        return None
    whole = values if values.dtype == np.int64 else values.astype(np.int64)
    if dtype.name == "timestamp" or unit in ("", "ms"):
        return whole
    if unit == "s":
        bound = LIMIT // 1000 + 1
        return np.clip(whole, -bound, bound) * 1000
    return whole // (1_000 if unit == "us" else 1_000_000)


def _both(ok: Bools, values: Ints) -> Bools | None:
    return _all(ok & (values >= -LIMIT) & (values <= LIMIT))


def _all(ok: Bools) -> Bools | None:
    return None if ok.all() else ok
