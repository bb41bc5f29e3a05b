"""The pinned order of values: nulls first, numbers ascending with NaN last and -0 equal to 0, text by bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow.compute

from caudal.columnar import grouping
from caudal.columnar.column import Column, Fixed, Ints, Text

pc: Any = pyarrow.compute

_LOWEST = np.int64(-(2**63))


def ordered(column: Column) -> Ints:
    """Return a fixed column's values as int64 in the pinned order; what stands under a null is unspecified."""
    assert isinstance(column, Fixed)
    if not column.dtype.is_float:
        return np.ascontiguousarray(column.values.astype(np.int64, copy=False))
    bits = grouping.comparable(column)
    return np.where(bits < 0, _LOWEST - bits - 1, bits) if len(bits) else bits


def one_zero(column: Column) -> Column:
    """Return the column with -0 as 0, so that equal values look alike whichever of them came first."""
    if not column.dtype.is_float:
        return column
    assert isinstance(column, Fixed)
    return Fixed(column.dtype, column.values + column.values.dtype.type(0), column.valid)


def rank(column: Column) -> Ints:
    """Return int64 numbers that compare as the column's values do, nulls lowest."""
    if isinstance(column, Text):
        ranked = pc.rank(column.to_arrow(), sort_keys="ascending", tiebreaker="dense")
        # by its buffer: to_numpy() would import pandas where it is installed
        numbers = np.frombuffer(ranked.buffers()[1], np.uint64, len(column)).astype(np.int64)
        return numbers if column.valid is None else np.where(column.valid, numbers, -1)
    values = ordered(column)
    if column.valid is None:
        return values
    dense = np.unique(values, return_inverse=True)[1].astype(np.int64)
    return np.where(column.valid, dense, -1)


def order(columns: Sequence[Column]) -> Ints:
    """Return the row numbers in the order of the first column, ties by the next, stable."""
    return np.lexsort([rank(c) for c in reversed(columns)]).astype(np.int64, copy=False)
