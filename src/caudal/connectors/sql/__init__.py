"""The connector `sql`: the rows of a query of an SQLite database, read only.

Enters: the path of a database and a query. Leaves: decoded rows of the declared schema, in the order of the query. May touch: the
file system, core, columnar, ports, and what makes rows of dicts. Must never: write, keep a database open that nobody reads.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any
from urllib.parse import quote

from caudal.core.errors import InputError, OptionError, RunError, nearest
from caudal.core.types import Schema
from caudal.ingest import dicts
from caudal.ports.format import FileReader
from caudal.ports.records import Decoded, Options
from caudal.ports.source import End, Partition, Source, Unchanging


class SqlConnector:
    """Reads queries."""

    def __init__(self) -> None:
        self.source_options: Options = {"database": "", "query": ""}

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open a query for reading.

        `database`: the path of an SQLite database, which is opened read only. `query`: one SELECT; a declared column is the query's
        of this name, or of its `path`. A query is one consistent look at the database. SQLite has no bools: 0 and 1 are these.

        Raises `OptionError` where one is missing, `InputError` for a database or a query that cannot be read, or that lacks a column.
        """
        for name in ("database", "query"):
            if not options[name]:
                raise OptionError(
                    f"sql needs {name}=",
                    hint='cd.table("sql", database="assets.db", query="SELECT ip, owner FROM assets", ...)',
                )
        if file_reader is not None:
            raise OptionError("sql takes no format: a database has its rows decoded")
        for field in schema:
            if len(field.keys) > 1 or field.dtype.is_nested:
                raise OptionError(f"sql has no {field.dtype} inside a column: '{field.name}'")
        query = Query(options["database"], options["query"], schema)
        query.check()
        return SqlSource(query)


class Query:
    """A query of a database."""

    def __init__(self, database: str, text: str, schema: Schema) -> None:
        self.database, self.schema, self._text = database, schema, text
        self._bools = {field.keys[0] for field in schema if field.dtype.name == "bool"}

    def connect(self) -> sqlite3.Connection:
        """Open the database; raises `sqlite3.Error`."""
        where = f"file:{quote(os.path.abspath(self.database))}?mode=ro"
        opened = sqlite3.connect(where, uri=True, check_same_thread=False, isolation_level=None)
        opened.text_factory = _text
        return opened

    def check(self) -> None:
        """Raise `InputError` where the query cannot be read, or lacks a declared column."""
        if not os.path.isfile(self.database):
            raise InputError(f"there is no database {self.database}")
        try:
            with closing(self.connect()) as opened:
                names = self.names(opened.execute(self._text))
        except sqlite3.Error as error:
            raise InputError(f"cannot read {self.database}", detail=str(error)) from error
        for field in self.schema:
            if names.count(field.keys[0]) != 1:
                problem = "more than one column" if field.keys[0] in names else "no column"
                raise InputError(
                    f"the query of {self.database} has {problem} '{field.keys[0]}'", hint=nearest(field.keys[0], names)
                )

    def names(self, cursor: sqlite3.Cursor) -> list[str]:
        """Return the names of a cursor's columns."""
        if cursor.description is None:
            raise sqlite3.ProgrammingError("the query gives no rows")
        return [each[0] for each in cursor.description]

    def rows(self, opened: sqlite3.Connection, skip: int) -> Iterator[dict[str, Any]]:
        """Yield the rows from row `skip` on."""
        cursor = opened.execute(self._text)
        names = self.names(cursor)
        for number, values in enumerate(cursor):
            if number >= skip:
                row = dict(zip(names, values, strict=True))
                for name in self._bools:
                    row[name] = (
                        {0: False, 1: True}.get(row[name], row[name]) if isinstance(row[name], int) else row[name]
                    )
                yield row


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")  # what is no UTF-8 makes its row a dead letter


class SqlSource(Unchanging):
    """One partition, `query`."""

    def __init__(self, query: Query) -> None:
        self._partitions = [SqlPartition(query)]

    def partitions(self) -> Sequence[Partition]:
        return self._partitions

    def close(self) -> None:
        for partition in self._partitions:
            partition.close()


class SqlPartition:
    """Rows of a query; positions are their numbers. Two runs give the same rows if the query has an order and nobody writes."""

    name = "query"
    live = False
    start = 0

    def __init__(self, query: Query) -> None:
        self._query = query
        self._opened: sqlite3.Connection | None = None
        self._rows: Iterator[dict[str, Any]] | None = None
        self._converter = dicts.Converter(query.schema)
        self._at = 0

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self.close()
        self._rows = None
        self._at = position

    def read(self, size: int) -> Decoded | End:
        part: list[dict[str, Any]] = []
        try:
            if self._rows is None:
                self._opened = self._query.connect()
                self._rows = self._query.rows(self._opened, self._at)
            for row in self._rows:
                part.append(row)
                if len(part) >= max(1, size // dicts.ROW_BYTES):
                    break
        except sqlite3.Error as error:
            raise RunError(f"cannot read {self._query.database}", detail=str(error)) from error
        if not part:
            self.close()
            self._rows = iter(())
            return End()
        decoded = self._converter.decode(part, self._at)
        self._at += len(part)
        return decoded

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None


CONNECTOR = SqlConnector()
