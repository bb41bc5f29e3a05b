"""Rows to a file."""

from __future__ import annotations

from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from caudal.columnar.column import arrow_type
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.records import Options

compute: Any = pyarrow.compute  # its functions are made at import, which no type checker sees


class ParquetEncoder:
    """Writes rows, compressed by zstd, in row groups; keeps `ports.format.Encoder`. NaN is written as null, -0 as 0."""

    whole = True
    suffix = ".parquet"

    def __init__(self, schema: Schema, options: Options) -> None:
        if options["row_group"] < 1:
            raise OptionError(f"option 'row_group' of parquet takes a number of rows, not {options['row_group']}")
        self._rows: int = options["row_group"]
        self._schema = pa.schema([pa.field(field.name, arrow_type(field.dtype)) for field in schema])
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None
        self._out: BinaryIO | None = None

    def begin(self, out: BinaryIO, *, append: bool) -> None:
        """Start a file; raises `OptionError` with `append`: a Parquet file ends with its footer."""
        if append:
            raise OptionError("a Parquet file cannot be appended to", hint='write parts: roll="1h"; or json or csv')
        self._out = out
        self._waiting = []
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")

    def encode(self, table: pa.Table) -> pa.Table:
        """Return the rows with the types and the order of the schema, NaN as null, -0 as 0."""
        columns = [_plain_floats(table.column(field.name).cast(field.type)) for field in self._schema]
        return pa.table(columns, schema=self._schema)

    def write(self, payload: Any) -> None:
        """Keep encoded rows until they are a row group, then write it."""
        self._waiting.append(payload)
        if sum(table.num_rows for table in self._waiting) >= self._rows:
            self._flush()

    def _flush(self) -> None:
        assert self._writer is not None
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting), row_group_size=self._rows)
            self._waiting = []

    def end(self) -> None:
        """Write what is kept, and the footer."""
        assert self._writer is not None
        assert self._out is not None
        self._flush()
        self._writer.close()
        self._out.flush()


def _plain_floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not _has_floats(column.type):
        return column
    return pa.chunked_array([_cleared(chunk) for chunk in column.chunks], column.type)


def _has_floats(kind: pa.DataType) -> bool:
    if pa.types.is_large_list(kind):
        return _has_floats(kind.value_type)
    if pa.types.is_struct(kind):
        return any(_has_floats(kind.field(i).type) for i in range(kind.num_fields))
    return pa.types.is_floating(kind)


def _cleared(array: pa.Array) -> pa.Array:
    """Return an array, also a nested one, with null for NaN and 0 for -0."""
    kind = array.type
    if pa.types.is_floating(kind):
        return compute.if_else(compute.is_nan(array), pa.scalar(None, kind), compute.add(array, pa.scalar(0.0, kind)))
    if pa.types.is_large_list(kind) and _has_floats(kind):
        values = _cleared(array.flatten())
        lengths = compute.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
        offsets = pa.array([0, *lengths.cumsum().tolist()], pa.int64())
        return pa.LargeListArray.from_arrays(offsets, values, type=kind, mask=array.is_null())
    if pa.types.is_struct(kind) and _has_floats(kind):
        parts = [_cleared(compute.struct_field(array, i)) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    return array
