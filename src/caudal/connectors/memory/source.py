"""Partitions over objects in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.connectors.memory import rows as python_rows
from caudal.connectors.memory import tables
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.records import Decoded, holds
from caudal.ports.source import End, Partition

_ROW_BYTES = 256
"""What a dict is taken to weigh when a part of so and so many bytes is asked for."""

Batches = Callable[[], Iterable[pa.RecordBatch]]


def open_source(given: Any, schema: Schema) -> MemorySource:
    """Return a source over the value of the option `rows`; see the connector."""
    several = isinstance(given, list | tuple) and bool(given) and not isinstance(given[0], Mapping)
    partitions = [_partition(f"p{i}", part, schema) for i, part in enumerate(given if several else [given])]
    return MemorySource(partitions)


def _partition(name: str, given: Any, schema: Schema) -> Partition:
    if isinstance(given, list | tuple) and all(isinstance(row, Mapping) for row in given):
        return RowsPartition(name, given, schema)
    if callable(given):
        make: Callable[[], Any] = given
        return TablePartition(name, lambda: _batches(make(), schema), schema)
    table = _table(given)
    if table is None:
        raise OptionError(
            f"option 'rows' of memory cannot read {type(given).__name__}",
            hint="pass a list of dicts, an Arrow table, a polars or pandas frame, or a list of these",
        )
    tables.check(table.schema, schema)
    return TablePartition(name, table.to_batches, schema)


def _table(given: Any) -> pa.Table | None:
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    module = type(given).__module__.partition(".")[0]
    if module == "polars" and hasattr(given, "to_arrow"):
        return given.to_arrow()
    if module == "pandas" and hasattr(given, "columns"):
        return pa.Table.from_pandas(given, preserve_index=False)
    return None


def _batches(parts: Iterable[Any], schema: Schema) -> Iterator[pa.RecordBatch]:
    for part in parts:
        table = _table(part)
        if table is None:
            raise OptionError(f"the callable given to memory returned {type(part).__name__}, not Arrow tables")
        tables.check(table.schema, schema)
        yield from table.to_batches()


class MemorySource:
    """Partitions p0, p1 and so on; bounded."""

    live = False

    def __init__(self, partitions: Sequence[Partition]) -> None:
        self._partitions = partitions

    def partitions(self) -> Sequence[Partition]:
        return self._partitions

    def discover(self) -> Sequence[Partition]:
        return []

    def close(self) -> None:
        """There is nothing to release."""


class TablePartition:
    """Arrow batches, handed out in slices; positions are row numbers."""

    live = False

    def __init__(self, name: str, batches: Batches, schema: Schema) -> None:
        self.name = name
        self._batches = batches
        self._schema = schema
        self.seek(0)

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self._open: Iterator[pa.RecordBatch] | None = None
        self._batch: pa.RecordBatch | None = None
        self._inside = 0
        self._row = 0
        self._weight = 1
        self._skip = position

    def read(self, size: int) -> Decoded | End:
        if self._open is None:
            self._open = iter(self._batches())
        while self._batch is None or self._inside >= self._batch.num_rows:
            self._batch = next(self._open, None)
            self._inside = 0
            if self._batch is None:
                self._open = iter(())
                return End()
            self._weight = max(1, self._batch.nbytes // max(1, self._batch.num_rows))
            passed = min(self._skip - self._row, self._batch.num_rows)
            if passed > 0:
                self._inside = passed
                self._row += passed
        batch = self._batch
        count = min(max(1, size // self._weight), batch.num_rows - self._inside)
        decoded = tables.decode(batch.slice(self._inside, count), self._schema, self._row)
        self._inside += count
        self._row += count
        return decoded

    def close(self) -> None:
        self._open = iter(())
        self._batch = None


class RowsPartition:
    """Dicts; positions are their numbers."""

    live = False

    def __init__(self, name: str, rows: Sequence[Mapping[str, Any]], schema: Schema) -> None:
        self.name = name
        self._rows = rows
        self._schema = schema
        self._unnamed = schema.places()
        self._at = 0

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self._at = position

    def read(self, size: int) -> Decoded | End:
        start = self._at
        part = self._rows[start : start + max(1, size // _ROW_BYTES)]
        if not part:
            return End()
        self._at += len(part)
        columns, good, dead = python_rows.convert(part, self._schema, start)
        unnamed = {p: keys for p, keys in self._unnamed.items() if not any(holds(row, keys) for row in part)}
        self._unnamed = unnamed
        named = frozenset(self._schema.places()) - unnamed.keys()
        return Decoded(columns, len(good), np.array(good, np.int64) + start, dead, named=named)

    def close(self) -> None:
        """There is nothing to release."""
