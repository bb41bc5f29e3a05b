"""Partitions over objects in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from caudal.connectors.memory import flow, tables
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ingest import dicts
from caudal.ports.records import Decoded
from caudal.ports.source import End, Listed, Partition


def open_source(given: Any, schema: Schema) -> Listed:
    """Return a source over the value of the option `rows`, with partitions p0, p1 and so on; see the connector."""
    several = isinstance(given, list | tuple) and bool(given) and not isinstance(given[0], Mapping)
    partitions = [_partition(f"p{i}", part, schema) for i, part in enumerate(given if several else [given])]
    return Listed(partitions)


def _partition(name: str, given: Any, schema: Schema) -> Partition:
    if isinstance(given, list | tuple) and all(isinstance(row, Mapping) for row in given):
        return RowsPartition(name, given, schema)
    table = tables.table_of(given)
    if table is not None:
        tables.check(table.schema, schema)
        return TablePartition(name, table, schema)
    if callable(given):
        make: Callable[[], Any] = given
        return flow.FlowPartition(name, make, schema)
    if isinstance(given, Iterator):
        return flow.FlowPartition(name, flow.once(given), schema)
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping | list | tuple):
        return flow.FlowPartition(name, lambda: given, schema)
    hint = "pass a list of dicts, an Arrow table, a polars or pandas frame, a generator of these, or a list of these"
    if hasattr(given, "__anext__"):
        hint = "an asynchronous generator is not read: pass a plain one"
    raise OptionError(f"option 'rows' of memory cannot read {type(given).__name__}", hint=hint)


class TablePartition:
    """Arrow batches, handed out in slices; positions are row numbers."""

    live = False
    start = 0

    def __init__(self, name: str, table: pa.Table, schema: Schema) -> None:
        self.name = name
        self._batches = table.to_batches()
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
            self._open = iter(self._batches)
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
    start = 0

    def __init__(self, name: str, rows: Sequence[Mapping[str, Any]], schema: Schema) -> None:
        self.name = name
        self._rows = rows
        self._converter = dicts.Converter(schema)
        self._at = 0

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self._at = position

    def read(self, size: int) -> Decoded | End:
        start = self._at
        part = self._rows[start : start + max(1, size // dicts.ROW_BYTES)]
        if not part:
            return End()
        self._at += len(part)
        return self._converter.decode(part, start)

    def close(self) -> None:
        """There is nothing to release."""
