"""Columns as record batches in messages, and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from caudal.columnar.column import NUMPY_TYPES, Bools, Column, Fixed, Ints, Nested, Text, arrow_type, constant
from caudal.core.types import INT64, DataType


def batch(schema: pa.Schema, columns: Iterable[Column], start: int, stop: int) -> pa.Buffer:
    """Return rows [start, stop) of the columns as the message of an Arrow record batch."""
    arrays = [(c if stop - start == len(c) else c.slice(start, stop)).to_arrow() for c in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema).serialize()


def column(array: pa.Array, dtype: DataType) -> Column:
    """Return a column over an array that came in a message. (`from_arrow` would import pandas where it is installed.)"""
    rows = len(array)
    if dtype.is_nested:
        return Nested(dtype, array)
    if rows == 0:
        return nothing(dtype, 0)
    buffers = array.buffers()
    valid = _bits(buffers[0], rows) if array.null_count else None
    # copied: the blocks are small, and a copy is aligned and writable, as kernels take it
    if dtype.is_text:
        ends = np.frombuffer(buffers[1], np.int64, rows + 1)
        data = np.empty(0, np.uint8) if buffers[2] is None else np.frombuffer(buffers[2], np.uint8).copy()
        return Text(dtype, data, ends[:-1].copy(), (ends[1:] - ends[:-1]).astype(np.int32), valid)
    if dtype.name == "bool":
        return Fixed(dtype, _bits(buffers[1], rows), valid)
    return Fixed(dtype, np.frombuffer(buffers[1], NUMPY_TYPES[dtype.name], rows).copy(), valid)


def _bits(buffer: pa.Buffer, rows: int) -> Bools:
    return np.unpackbits(np.frombuffer(buffer, np.uint8), count=rows, bitorder="little").view(np.bool_)


def nothing(dtype: DataType, rows: int) -> Column:
    """Return `rows` nulls."""
    return Nested(dtype, pa.nulls(rows, arrow_type(dtype))) if dtype.is_nested else constant(None, dtype, rows)


def spread(column: Column, owner: Ints, rows: int) -> Column:
    """Return a column of `rows` values with those of `column` at the rows `owner`, and null elsewhere."""
    if len(owner) == rows:
        return column
    if len(owner) == 0:
        return nothing(column.dtype, rows)
    known = np.zeros(rows, np.bool_)
    known[owner] = True
    source = np.zeros(rows, np.int64)
    source[owner] = np.arange(len(owner))
    if isinstance(column, Nested):
        return Nested(column.dtype, column.array.take(Fixed(INT64, source, known).to_arrow()))
    taken = column.take(source)
    taken.valid = known if taken.valid is None else known & taken.valid
    return taken
