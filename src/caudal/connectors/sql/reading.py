"""A query's rows as a source of one partition, whatever database answers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import islice
from typing import Any, Protocol

from caudal.core.errors import InputError, nearest
from caudal.core.types import Schema
from caudal.ingest import dicts
from caudal.ports.records import Decoded
from caudal.ports.source import End


class Query(Protocol):
    """A query of a database, for the columns of a schema."""

    schema: Schema

    def check(self) -> None:
        """Raise `InputError` where the query cannot be read, lacks a declared column or has it of another type."""
        ...

    def rows(self, skip: int) -> Generator[Sequence[Any]]:
        """Yield the names of the query's columns, and its rows from row `skip` on; raises `RunError`.

        It is one look at the database, which is closed with it.
        """
        ...


def check_names(schema: Schema, names: Sequence[str], where: str) -> None:
    """Raise `InputError` where a declared column is not just one of the query's."""
    for field in schema:
        if names.count(field.keys[0]) != 1:
            problem = "more than one column" if field.keys[0] in names else "no column"
            raise InputError(
                f"the query of {where} has {problem} '{field.keys[0]}'", hint=nearest(field.keys[0], names)
            )


class SqlPartition:
    """Rows of a query; positions are their numbers. Two runs give the same rows if the query has an order and nobody writes."""

    name = "query"
    live = False
    start = 0

    def __init__(self, query: Query) -> None:
        self._query = query
        self._rows: Generator[Sequence[Any]] | None = None
        self._names: Sequence[str] = ()
        self._converter = dicts.Converter(query.schema)
        self._at = 0
        self._ended = False

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self.close()
        self._ended = False
        self._at = position

    def read(self, size: int) -> Decoded | End:
        if self._rows is None and not self._ended:
            self._rows = self._query.rows(self._at)
            self._names = next(self._rows)
        part = [*islice(self._rows or (), max(1, size // dicts.ROW_BYTES))]
        if not part:
            self.close()
            self._ended = True
            return End()
        decoded = self._converter.decode_tuples(self._names, part, self._at)
        self._at += len(part)
        return decoded

    def close(self) -> None:
        if self._rows is not None:
            self._rows.close()
            self._rows = None
