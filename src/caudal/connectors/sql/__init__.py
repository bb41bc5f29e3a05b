"""The connector `sql`: the rows of a query of an SQLite or PostgreSQL database, read only.

Enters: the path or address of a database and a query. Leaves: decoded rows of the declared schema, in the order of the query. May
touch: the file system, the network, files and variables that hold passwords, core, columnar, ports, and what makes rows of dicts.
Must never: write, put anything into a query, show a password, wait for a server without end, keep a database open that nobody reads.
"""

from __future__ import annotations

import re

from caudal.connectors.sql.reading import Query, SqlPartition
from caudal.core import duration
from caudal.core.errors import OptionError
from caudal.core.types import Schema
from caudal.ports.format import FileReader
from caudal.ports.records import Options
from caudal.ports.source import Listed, Source

_EXAMPLE = 'cd.table("sql", database="assets.db", query="SELECT ip, owner FROM assets", ...)'
_ADDRESS = "postgresql://reader@db.example/assets?sslmode=verify-full"


class SqlConnector:
    """Reads queries."""

    def __init__(self) -> None:
        self.source_options: Options = {
            "database": "",
            "query": "",
            "password_env": "",
            "password_file": "",
            "timeout": "30s",
        }

    def source(self, options: Options, file_reader: FileReader | None, schema: Schema) -> Source:
        """Open a query for reading.

        `database`: the path of an SQLite database, or the address of a PostgreSQL one, `postgresql://reader@db.example/assets`,
        without a password. `query`: one SELECT; a declared column is the query's of this name, or of its `path`. A query is one
        consistent look at the database. `password_env`, `password_file`: what holds the password of PostgreSQL. `timeout`: how
        long connecting may take, and an answer (SQLite: how long a lock is waited for).

        Raises `OptionError` where one is missing, `InputError` for a database or a query that cannot be read, that lacks a
        column, or (PostgreSQL) has it of a type that does not fit.
        """
        for name in ("database", "query"):
            if not options[name]:
                raise OptionError(f"sql needs {name}=", hint=_EXAMPLE)
        if file_reader is not None:
            raise OptionError("sql takes no format: a database has its rows decoded")
        for field in schema:
            if len(field.keys) > 1 or field.dtype.is_nested:
                raise OptionError(f"sql has no {field.dtype} inside a column: '{field.name}'")
        query = _query(options, schema)
        query.check()
        return Listed([SqlPartition(query)])


def _query(options: Options, schema: Schema) -> Query:
    timeout = duration.parse(options["timeout"], what="timeout")
    if not timeout:
        raise OptionError("timeout= of sql must be positive", hint='timeout="30s"')
    database = options["database"]
    if re.match(r"postgres(ql)?://", database):
        from caudal.connectors.sql.postgresql import PostgresQuery

        return PostgresQuery(options, schema, timeout)
    if re.match(r"[a-z][a-z0-9+.-]*://", database, re.IGNORECASE) or re.search(r"\b(host|dbname)\s*=", database):
        raise OptionError(
            "database= of sql is the path of an SQLite database or the address of a PostgreSQL one",
            hint=f'database="{_ADDRESS}"',
        )
    if options["password_env"] or options["password_file"]:
        raise OptionError("SQLite has no password", hint=f'password_env= goes with database="{_ADDRESS}"')
    from caudal.connectors.sql.sqlite import SqliteQuery

    return SqliteQuery(database, options["query"], schema, timeout)


CONNECTOR = SqlConnector()
