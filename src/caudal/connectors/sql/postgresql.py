"""PostgreSQL, by the library psycopg, an extra: read-only transactions, types that fit, time-outs on both sides.

The query is sent as the pipeline's author wrote it, in a cursor, which takes one SELECT alone; nothing is ever put into it. The
password comes from a variable or a file when a connection is made, or from where libpq looks (PGPASSWORD, ~/.pgpass), and is kept nowhere.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

from caudal.connectors.sql.reading import check_names
from caudal.core import extras, secrets
from caudal.core.errors import CaudalError, InputError, OptionError, RunError
from caudal.core.shown import holds_password, shown
from caudal.core.types import Field, Schema
from caudal.ports.records import Options

_FETCHED = 10_000
"""Rows that are asked for at once."""

_GRACE = 2.0
"""Seconds that the server has to say by itself that a statement took too long."""

_SETTINGS = "SELECT set_config('statement_timeout', %s, false), set_config('TimeZone', 'UTC', false)"

_TEXTS = {
    18: "char",
    19: "name",
    25: "text",
    1042: "bpchar",
    1043: "varchar",
    2950: "uuid",
    114: "json",
    3802: "jsonb",
    869: "inet",
    650: "cidr",
    829: "macaddr",
    774: "macaddr8",
}
"""Types that are read as text, as the server writes it."""
_WHOLE = {21: "int2", 23: "int4"}
_LONG = {**_WHOLE, 20: "int8", 26: "oid"}
_TIMES = {1114: "timestamp", 1184: "timestamptz", 1082: "date"}
_FITS: dict[str, dict[int, str]] = {
    "string": _TEXTS,
    "bool": {16: "bool"},
    "int32": _WHOLE,
    "int64": _LONG,
    "float32": {700: "float4"},
    "float64": {700: "float4", 701: "float8", **_WHOLE},
    "timestamp": {**_TIMES, **_LONG, 701: "float8", 25: "text", 1043: "varchar"},
    "duration": _LONG,
    "binary": {17: "bytea"},
}
"""By what is declared: the types that it is read from, by their numbers in every server."""
_INSTEAD = {
    "string": "{}::text",
    "bool": "{}::boolean",
    "int32": "{}::int4",
    "int64": "{}::int8",
    "float32": "{}::float4",
    "float64": "{}::float8",
    "timestamp": "{}::timestamptz",
    "duration": "(extract(epoch FROM {}) * 1000)::int8",
    "binary": "{}::bytea",
}
"""By what is declared: what to write in the query instead of a column of another type."""


def library() -> Any:
    """Return the module `psycopg`; raises `OptionError` where it is not installed."""
    return extras.library("PostgreSQL", "psycopg", "postgresql", "psycopg")


class PostgresQuery:
    """A query of a PostgreSQL database; keeps `reading.Query`.

    `timeout`: milliseconds that connecting may take, and each answer of the server.
    """

    def __init__(self, options: Options, schema: Schema, timeout: int) -> None:
        """Raises `OptionError`, also where the library is not installed."""
        self.schema = schema
        self._library = library()
        self._address, self._text = options["database"], options["query"]
        if holds_password(self._address):
            raise OptionError("database= of sql must not hold a password", hint="password_env=, password_file=")
        self._file, self._env = options["password_file"], options["password_env"]
        if self._file and self._env:
            raise OptionError("password_file= and password_env= of sql exclude each other")
        self._timeout = timeout / 1000

    def check(self) -> None:
        with self._reading(InputError), self._connected() as opened, self._cursor(opened) as cursor:
            columns = [(column.name, column.type_code, column.type_display) for column in cursor.description or ()]
        check_names(self.schema, [name for name, _, _ in columns], self._address)
        for field in self.schema:
            (code, told), *_ = [(code, told) for name, code, told in columns if name == field.keys[0]]
            self._check_type(field, code, told)

    def rows(self, skip: int) -> Generator[Sequence[Any]]:
        with self._reading(RunError), self._connected() as opened, self._cursor(opened) as cursor:
            yield [column.name for column in cursor.description or ()]
            while fetched := self._answered(opened, lambda: cursor.fetchmany(_FETCHED)):
                yield from fetched[skip:]
                skip = max(0, skip - len(fetched))

    def _check_type(self, field: Field, code: int, told: str) -> None:
        fits = _FITS[field.dtype.name]
        own = self._library.adapters.types.get(code) is None  # an enum or a type of an extension: as text
        if code in fits or (field.dtype.name == "string" and own):
            return
        name = field.keys[0]
        raise InputError(
            f"column '{name}' of the query is a {told}, of which no {field.dtype} is read",
            detail=f"it is read from {', '.join(dict.fromkeys(fits.values()))}",
            hint=f"in the query: {_INSTEAD[field.dtype.name].format(name)} AS {name}",
        )

    @contextmanager
    def _reading(self, kind: type[CaudalError]) -> Generator[None]:
        """Tell what goes wrong as an error of this kind; what the library says holds no password, and stays one line."""
        try:
            yield
        except self._library.DataError as error:
            hint = "a timestamp is finite and before the year 10000: NULLIF(valid_to, 'infinity')"
            raise kind(self._cannot, detail=_told(error), hint=hint if "timestamp" in str(error) else "") from None
        except self._library.Error as error:
            raise kind(self._cannot, detail=_told(error)) from None
        except UnicodeDecodeError as error:
            raise kind(self._cannot, detail=f"a text is no UTF-8: {error.reason}") from None

    @property
    def _cannot(self) -> str:
        return f"cannot read {shown(self._address)}"

    @contextmanager
    def _connected(self) -> Generator[Any]:
        password = self._password()
        settings = {
            "connect_timeout": max(2, round(self._timeout)),  # libpq knows no less
            "tcp_user_timeout": int(self._timeout * 1000),
            "keepalives_idle": max(1, int(self._timeout / 2)),
            "client_encoding": "UTF8",
            "application_name": "caudal",
            **({"password": password} if password is not None else {}),
        }
        opened = self._library.connect(self._address, **settings)
        try:
            opened.read_only = True
            text = self._library.types.string.TextLoader
            for code in _TEXTS:
                opened.adapters.register_loader(code, _Bare if code == 1042 else text)
            self._answered(opened, lambda: opened.execute(_SETTINGS, [str(int(self._timeout * 1000))]))
            yield opened
        finally:
            opened.close()

    @contextmanager
    def _cursor(self, opened: Any) -> Generator[Any]:
        cursor = opened.cursor(name="caudal")
        try:
            self._answered(opened, lambda: cursor.execute(self._text))
            yield cursor
        finally:
            self._answered(opened, cursor.close)  # which asks the server too

    def _answered(self, opened: Any, ask: Callable[[], Any]) -> Any:
        """Return what is answered; a server that says nothing for too long is cut off."""
        cut = threading.Event()

        def give_up() -> None:
            cut.set()
            with socket.socket(fileno=os.dup(opened.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self._timeout + _GRACE, give_up)
        timer.daemon = True
        timer.start()
        try:
            return ask()
        except self._library.OperationalError:
            if cut.is_set():
                raise self._library.OperationalError(f"no answer within {self._timeout:g} s") from None
            raise
        finally:
            timer.cancel()

    def _password(self) -> str | None:
        what = "the password of the database"
        if self._env:
            return secrets.of_variable(self._env, what)
        return secrets.of_file(self._file, what) if self._file else None


class _Bare:
    """Reads char(n) without the blanks that fill it up, as a cast to text does."""

    format = 0

    def __init__(self, oid: int, context: Any = None) -> None:
        pass

    def load(self, data: Any) -> str:
        return bytes(data).decode().rstrip(" ")


def _told(error: Any) -> str:
    """Return what the server said, or the library, in one line."""
    said = getattr(error.diag, "message_primary", None) or str(error)
    return "; ".join(shown(line.strip()) for line in said.splitlines() if line.strip())
