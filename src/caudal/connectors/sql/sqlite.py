"""SQLite: a file, opened read only."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any
from urllib.parse import quote

from caudal.connectors.sql.reading import check_names
from caudal.core.errors import InputError, RunError
from caudal.core.types import Schema


class SqliteQuery:
    """A query of an SQLite database; keeps `reading.Query`. `timeout`: milliseconds that a lock is waited for."""

    def __init__(self, database: str, text: str, schema: Schema, timeout: int) -> None:
        self.database, self.schema, self._text = database, schema, text
        self._timeout = timeout / 1000
        self._bools = {field.keys[0] for field in schema if field.dtype.name == "bool"}

    def check(self) -> None:
        if not os.path.isfile(self.database):
            raise InputError(f"there is no database {self.database}")
        try:
            with closing(self._connect()) as opened:
                names = _names(opened.execute(self._text))
        except sqlite3.Error as error:
            raise InputError(f"cannot read {self.database}", detail=str(error)) from error
        check_names(self.schema, names, self.database)

    def rows(self, skip: int) -> Generator[Sequence[Any]]:
        try:
            with closing(self._connect()) as opened:
                cursor = opened.execute(self._text)
                yield (names := _names(cursor))
                bools = [at for at, name in enumerate(names) if name in self._bools]
                for row in islice(cursor, skip, None):
                    yield row if not bools else [_bool(v) if at in bools else v for at, v in enumerate(row)]
        except sqlite3.Error as error:
            raise RunError(f"cannot read {self.database}", detail=str(error)) from error

    def _connect(self) -> sqlite3.Connection:
        where = f"file:{quote(os.path.abspath(self.database))}?mode=ro"
        opened = sqlite3.connect(where, uri=True, check_same_thread=False, isolation_level=None, timeout=self._timeout)
        opened.text_factory = _text
        return opened


def _names(cursor: sqlite3.Cursor) -> list[str]:
    if cursor.description is None:
        raise sqlite3.ProgrammingError("the query gives no rows")
    return [each[0] for each in cursor.description]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")  # what is no UTF-8 makes its row a dead letter


def _bool(value: Any) -> Any:
    return {0: False, 1: True}.get(value, value) if isinstance(value, int) else value
