"""Tables: read whole by the connectors and formats that sources are read by, and found by key.

A version is all of a table's rows at one time, or none of them: a record that is no row, a column that no record names, no row at all
and a key that is null are errors, so that nobody goes on with half of a list.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed, Nested, Text, concat
from caudal.columnar.lookup import Crossing, Indexed, nbytes
from caudal.columnar.spans import NoSpan
from caudal.columnar.zones import NEVER
from caudal.core.errors import CaudalError, InputError, NotThere, OptionError
from caudal.ingest.connecting import options_of, reader_of
from caudal.ingest.reading import PartitionReader, SourceReading
from caudal.plan import wire
from caudal.plan.nodes import Lookup, Table
from caudal.ports import registry
from caudal.ports.engine import BoundSource
from caudal.ports.format import FileReader
from caudal.ports.source import End, Nothing

_READ = 4 << 20
"""Bytes that are read at a time."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a table: its rows by key, and a name that follows from what they hold alone."""

    indexed: Indexed
    name: str

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.indexed.rows

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        return nbytes(self.indexed.columns) + self.indexed.index.nbytes

    def told(self) -> str:
        """Return it in words."""
        repeated = self.indexed.repeated
        more = f", and {repeated:,} more whose keys came again: the last one counts" if repeated else ""
        return f"version {self.name}, {self.rows:,} rows{more}"


_THERE = "is it right, seen from the working directory? what a table is read from has to be there when the run begins"


def read(table: Table, as_of: Sequence[str] = ()) -> Version:
    """Read the newest version; raises `InputError`, at the table, for one that cannot be read as a whole."""
    try:
        columns, rows = _columns(table)
        _no_null(table, columns)
        name = _digest(columns)
        try:
            indexed = Indexed(columns, rows, table.key, table.match, as_of)
        except NoSpan as error:
            what = "network" if table.match == "cidr" else "range of addresses"
            keys = " and ".join(f"'{key}'" for key in table.key)
            raise InputError(f"row {error.row + 1:,} has no {what} in {keys}", detail=str(error)) from None
        except Crossing as error:
            raise InputError(
                f"the range of row {error.row + 1:,} overlaps another in part",
                hint="as_of= takes ranges that lie inside one another or apart",
            ) from None
        if indexed.repeated and table.duplicates == "refuse":
            raise InputError(
                f"{indexed.repeated:,} rows have keys that came before", hint='duplicates="last" takes the last of each'
            )
    except CaudalError as error:
        where = table.label if not error.location else f"{table.label}, {error.location}"
        hint = _THERE if isinstance(error, NotThere) else error.hint
        raise InputError(error.message, location=where, detail=error.detail, hint=hint) from error
    return Version(indexed, name)


def key_of(node: Lookup) -> str:
    """Return what two lookups have in common that share the rows of a table."""
    try:
        made = wire.describe(node)
        return json.dumps([made["table"], node.as_of])
    except CaudalError:  # rows in memory are no part of a stored plan
        options = [(name, id(value)) for name, value in node.table.rows.options]
        return repr((options, node.table.rows.declared, node.table.key, node.table.match, node.as_of))


class Pins:
    """Versions that several runs are to meet alike."""

    def __init__(self) -> None:
        self._kept: dict[Any, Version] | None = None

    @contextmanager
    def held(self) -> Generator[None]:
        """While this lasts a table is read once, whoever asks for it."""
        before, self._kept = self._kept, {} if self._kept is None else self._kept
        try:
            yield
        finally:
            self._kept = before

    def read(self, key: Any, table: Table, as_of: Sequence[str]) -> Version:
        """Return the pinned version, or the newest one."""
        if self._kept is None:
            return read(table, as_of)
        if key not in self._kept:
            self._kept[key] = read(table, as_of)
        return self._kept[key]


pins = Pins()
"""What runs in this process are to meet alike: `verify` and `backtest` hold it."""


def opened(table: Table) -> BoundSource:
    """Open what a table is read from; raises `InputError` or `OptionError`."""
    node = table.rows
    plugin = registry.find("connector", node.connector)
    options = options_of(node, plugin)
    reader = reader_of(node, plugin, options)
    file_reader = reader if isinstance(reader, FileReader) else None
    source = plugin.source(options, file_reader, node.readable)
    if source.live:
        source.close()
        raise OptionError("a table is read as a whole, not followed", hint='reload="60s" reads it anew')
    return BoundSource(source, None if file_reader is not None else reader)


def _columns(table: Table) -> tuple[dict[str, Column], int]:
    """Return all rows as columns of their own memory."""
    bound = opened(table)
    names = table.schema.names
    parts: list[dict[str, Column]] = []
    named: set[Any] | None = set()
    rows = 0
    try:
        source = SourceReading(table.rows, bound, time.time_ns() // 1_000_000, quiet=True)
        for partition in bound.source.partitions():
            reader = PartitionReader(source.opening, partition)
            reader.open()
            while not isinstance(got := reader.take(_READ), End | Nothing):
                made = source.decoded(reader.decoder, got, partition.name)
                if made.open:
                    source.acceptor.settle(made, int(NEVER))
                if made.dead:
                    first = made.dead[0]
                    raise InputError(
                        f"the record at {first.position:,} cannot be read: {first.message}",
                        location=partition.name,
                        detail=first.detail,
                    )
                named = None if made.named is None or named is None else named | made.named
                rows += made.morsel.rows
                parts.append({name: _own(made.morsel.columns[name]) for name in names})
            if isinstance(got, End) and got.failed:
                raise InputError(got.failed, location=partition.name)
    finally:
        bound.source.close()
    if not rows:
        raise InputError("there is no row")
    missing = [name for name in names if named is not None and (name,) not in named]
    if missing:
        raise InputError(f"no record names {', '.join(missing)}")
    columns: dict[str, Column] = {}
    for name in names:
        columns[name] = concat([part.pop(name) for part in parts])
    return columns, rows


def _own(column: Column) -> Column:
    """Return the column without what else stands in the block that it was read from."""
    return Text.compact(column) if isinstance(column, Text) else column


def _no_null(table: Table, columns: dict[str, Column]) -> None:
    for name in table.key:
        valid = columns[name].valid
        if valid is not None and not valid.all():
            row = int(np.argmin(valid)) + 1
            raise InputError(f"row {row:,} has no '{name}', which is of the key")


def _digest(columns: dict[str, Column]) -> str:
    """Return a name that is the same for the same rows, read by whatever process."""
    digest = hashlib.blake2b(digest_size=6)
    for name, column in columns.items():
        digest.update(f"{name} {column.dtype} {len(column)};".encode())
        if isinstance(column, Nested):
            digest.update(repr(column.to_list()).encode())
            continue
        valid = column.valid if column.valid is not None else np.ones(len(column), np.bool_)
        digest.update(np.packbits(valid).tobytes())
        if isinstance(column, Text):
            digest.update(np.where(valid, column.length, 0).astype(np.int32).tobytes())
            digest.update(np.ascontiguousarray(column.data).data)  # just the values, behind one another
        elif isinstance(column, Fixed):
            digest.update(np.where(valid, column.values, np.zeros(1, column.values.dtype)).tobytes())
    return digest.hexdigest()
