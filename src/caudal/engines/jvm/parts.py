"""Rows as parts: numbered files of one directory, Parquet or JSON, each of which an engine reads by itself."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import arrow_type
from caudal.core.types import DataType, Schema
from caudal.ingest.accepting import letter_values
from caudal.plan.nodes import DEAD_FIELDS
from caudal.ports import registry
from caudal.ports.records import Dead

PART_ROWS = 50_000
"""Rows of one part."""

LETTERS = Schema(DEAD_FIELDS)
"""The columns of dead letters."""


class Parts:
    """Writes rows to numbered files of one directory. A part appears whole: a stream may be reading the directory."""

    def __init__(self, directory: Path, form: str, schema: Schema, pool: Executor) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._form = form
        self._schema = schema
        self._stored = pa.schema([pa.field(f.name, storage(f.dtype)) for f in schema])
        self._pool = pool
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._parts = 0
        self._written: list[Path] = []
        self._writing: deque[Future[None]] = deque()

    def add(self, columns: dict[str, pa.Array], rows: int) -> None:
        """Take rows; write parts when there are enough."""
        arrays = [columns[name] for name in self._schema.names]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._stored)
        while rows:
            count = min(rows, PART_ROWS - self._rows)
            self._held.append(batch.slice(batch.num_rows - rows, count))
            self._rows += count
            rows -= count
            if self._rows == PART_ROWS:
                self._write()

    def flush(self) -> list[Path]:
        """Write what is left, and wait until all is written; return the parts since the last time."""
        if self._rows:
            self._write()
        while self._writing:
            self._writing.popleft().result()
        written, self._written = self._written, []
        return written

    def close(self) -> None:
        """Write what is left, an empty part where there is none, and wait until all is written."""
        if not self._parts and not self._rows:
            self._write()
        self.flush()

    def _write(self) -> None:
        table = pa.Table.from_batches(self._held, self._stored)
        path = self._directory / f"part-{self._parts:05}.{self._form}"
        self._parts += 1
        self._written.append(path)
        self._rows = 0
        self._held = []
        while len(self._writing) > 2:
            self._writing.popleft().result()
        self._writing.append(self._pool.submit(self._write_table, table, path))

    def _write_table(self, table: pa.Table, path: Path) -> None:
        hidden = path.with_name(f".{path.name}")
        self._encode(table, hidden)
        hidden.rename(path)

    def _encode(self, table: pa.Table, path: Path) -> None:
        if self._form == "parquet":
            from pyarrow import parquet

            parquet.write_table(table, path, use_dictionary=False, store_schema=False)
            return
        columns = {
            f.name: _quoted(_widened(column, f.dtype)) if _has_floats(f.dtype) else column
            for f, column in zip(self._schema, table.combine_chunks().columns)
        }
        with open(path, "wb") as file:
            encoder = registry.find("format", "json").encoder(self._schema, {})
            encoder.begin(file, append=False)
            encoder.write(encoder.encode(pa.table(columns)))
            encoder.end()


def _has_floats(dtype: DataType) -> bool:
    if dtype.item is not None:
        return _has_floats(dtype.item)
    return dtype.is_float or any(_has_floats(f.dtype) for f in dtype.fields)


def _widened(column: pa.ChunkedArray, dtype: DataType) -> pa.Array:
    """Return the column as one array; a float32 as float64, so that its text is read back as the same float32."""
    wanted = storage(dtype, wide=True)
    array = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return array if array.type == wanted else array.cast(wanted)


def _quoted(array: pa.Array) -> pa.Array:
    """Return floats as text where there is one that JSON has no number for: an engine reads such text as a float."""
    if _finite(array):
        return array
    return pa.array([_plain(value) for value in array.to_pylist()], _with_text(array.type))


def _finite(array: pa.Array) -> bool:
    kind = array.type
    if pa.types.is_floating(kind):
        values = array.drop_null().to_numpy(zero_copy_only=False)
        return bool(np.isfinite(values).all())
    if pa.types.is_large_list(kind):
        return _finite(array.flatten())
    if pa.types.is_struct(kind):
        return all(_finite(part) for part in array.flatten())
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), "NaN")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _with_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_floating(kind):
        return pa.large_string()
    if pa.types.is_large_list(kind):
        return pa.large_list(_with_text(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(kind.field(i).name, _with_text(kind.field(i).type)) for i in range(kind.num_fields)])
    return kind


def dead_letters(dead: Sequence[Dead], source: str, partition: str) -> dict[str, pa.Array]:
    """Return dead letters as the columns of `DEAD_FIELDS`."""
    values = letter_values(dead, [source] * len(dead), [partition] * len(dead), source)
    return {f.name: pa.array(values[f.name], storage(f.dtype)) for f in DEAD_FIELDS}


def array(values: Any) -> pa.Array:
    """Return integers as an Arrow array, without a copy where they stand one behind the other."""
    kind = pa.int32() if values.dtype == np.int32 else pa.int64()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def storage(dtype: DataType, *, wide: bool = False) -> pa.DataType:
    """Return the Arrow type that is written: times and durations are int64. `wide`: and float32 is float64."""
    if dtype.item is not None:
        return pa.large_list(storage(dtype.item, wide=wide))
    if dtype.name == "struct":
        return pa.struct([pa.field(f.name, storage(f.dtype, wide=wide)) for f in dtype.fields])
    if dtype.name in ("timestamp", "duration"):
        return pa.int64()
    return pa.float64() if wide and dtype.name == "float32" else arrow_type(dtype)


def stored(column: pa.Array, dtype: DataType) -> pa.Array:
    """Return a column as it is written."""
    wanted = storage(dtype)
    return column if column.type == wanted else column.cast(wanted)
