"""Blocks in the narrowest types that hold them: what is hashed and stored of a checkpoint every second.

Whole numbers and times are stored as the difference from the least of their column, in 8, 16 or 32 bits where these do; offsets of
texts in 32. That takes a few nanoseconds a row, and leaves of short rows about what a compressor leaves, which takes a hundred (frame of
reference: Goldstein, Ramakrishnan, Shaft: Compressing Relations and Indexes, ICDE 1998). A column says in its metadata what it was.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_WAS = b"caudal.was"
_OFFSETS = 1 << 31
"""Bytes of text that offsets of 32 bits reach."""

_BITS = (8, 16, 32)


def narrowed(table: pa.Table) -> pa.Table:
    """Return the table with each column in the narrowest type that holds it."""
    import pyarrow as pa

    texts, whole = _texts(), _whole()
    fields: list[Any] = []
    columns: list[Any] = []
    for field, column in zip(table.schema, table.columns, strict=True):
        low, kind = 0, field.type
        if kind in texts and column.nbytes < _OFFSETS:
            column = column.cast(texts[kind])
        elif kind in whole and len(column):
            column, low = _from_least(column)
        if column.type != kind:
            was = b'{"type": "%s", "low": %d}' % (str(kind).encode(), low)
            field = pa.field(field.name, column.type, field.nullable, {_WAS: was})
        fields.append(field)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))


def widened(table: pa.Table) -> pa.Table:
    """Return the table that `narrowed` was given."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    known = {str(each): each for each in (*_whole(), *_texts())}
    fields: list[Any] = []
    columns: list[Any] = []
    for field, column in zip(table.schema, table.columns, strict=True):
        if field.metadata is not None and _WAS in field.metadata:
            was = json.loads(field.metadata[_WAS])
            if pa.types.is_integer(column.type):
                column = column.cast(pa.int64())
                column = pc.add(column, was["low"]) if was["low"] else column
            field = pa.field(field.name, known[was["type"]], field.nullable)
            column = column.cast(field.type)
        fields.append(field)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields, table.schema.metadata))


@cache
def _texts() -> dict[Any, Any]:
    """Texts with offsets of 64 bits, and the same with 32."""
    import pyarrow as pa

    return {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}


@cache
def _whole() -> frozenset[Any]:
    """The types of 64 bits that are narrowed: whole numbers and times."""
    import pyarrow as pa

    return frozenset((pa.int64(), pa.timestamp("ms", tz="UTC"), pa.duration("ms")))


def _from_least(column: Any) -> tuple[Any, int]:
    """Return a column of at least a row as differences from its least value, and that; as it is, and 0, where they take 64 bits too."""
    import numpy as np
    import pyarrow as pa

    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    valid, data = array.buffers()
    first = array.offset
    values = np.frombuffer(data, np.int64, len(array), 8 * first)
    if array.null_count:
        # what stands under a null may be anything
        mask = array.is_valid().to_numpy(zero_copy_only=False)
        values = np.where(mask, values, values[mask][0] if mask.any() else 0)
        valid = None if valid is None else pa.py_buffer(np.packbits(mask, bitorder="little"))
    else:
        valid = None
    low, high = int(values.min()), int(values.max())
    for bits in _BITS:
        if high - low < 1 << bits:
            out = np.empty(len(values), f"u{bits // 8}")
            np.subtract(values, low, out=out, casting="unsafe")
            kind = pa.from_numpy_dtype(out.dtype)
            return pa.Array.from_buffers(kind, len(out), [valid, pa.py_buffer(out)]), low
    return column, 0
