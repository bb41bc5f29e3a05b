"""SQLite: what is read, as a source and as a table, and what is refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import CaudalError, InputError
from caudal.ingest.tables import read
from caudal.testing.running import check_everywhere

SCHEMA = {"ip": "string", "n": "int64", "ok": "bool", "share": "float64", "since": "timestamp", "raw": "binary"}
QUERY = "SELECT * FROM assets ORDER BY rowid"


def database(path: Path, *rows: tuple[Any, ...]) -> str:
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE IF NOT EXISTS assets (ip, n, ok, share, since, raw)")
        opened.execute("DELETE FROM assets")
        opened.executemany("INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?)", rows)
    return str(path)


GOOD = ("192.0.2.1", 1, 1, 2, "2026-01-01T00:00:00Z", b"\0")
NULL = ("192.0.2.2", None, 0, None, None, None)


def test_a_query_is_a_source(tmp_path: Path) -> None:
    where = database(tmp_path / "a b#c.db", GOOD, NULL)
    out = cd.source("sql", database=where, query=QUERY, schema=SCHEMA).collect("arrow").to_pylist()
    assert [row["ip"] for row in out] == ["192.0.2.1", "192.0.2.2"]
    assert [row["ok"] for row in out] == [True, False]
    assert [row["share"] for row in out] == [2.0, None]
    assert out[0]["since"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert out[0]["raw"] == b"\0"


def test_a_query_is_a_table(tmp_path: Path) -> None:
    where = database(tmp_path / "a.db", GOOD, NULL)
    table = cd.table("sql", database=where, query=QUERY, key="ip", schema=SCHEMA)
    before = read(table)
    rows = cd.source("memory", rows=[], schema={"ip": "string"})
    out = check_everywhere(rows.lookup(table, columns=["n", "ok"]), [{"ip": "192.0.2.1"}, {"ip": "x"}])
    assert out.rows == [{"ip": "192.0.2.1", "n": 1, "ok": True}, {"ip": "x", "n": None, "ok": None}]
    database(tmp_path / "a.db", GOOD)
    assert read(table).name != before.name
    database(tmp_path / "a.db", GOOD, NULL)
    assert read(table).name == before.name


def test_reading_goes_on_where_it_stood(tmp_path: Path) -> None:
    where = database(tmp_path / "a.db", *((str(i), i, 0, 0.5, None, None) for i in range(100)))
    from caudal.connectors.sql import CONNECTOR
    from caudal.core.types import Schema
    from caudal.ports.records import Decoded
    from caudal.ports.source import End

    source = CONNECTOR.source(
        {**CONNECTOR.source_options, "database": where, "query": QUERY}, None, Schema.of({"n": "int64"})
    )
    (partition,) = source.partitions()
    first = partition.read(256 * 7)
    assert isinstance(first, Decoded)
    assert first.columns["n"].to_list() == list(range(7))
    partition.seek(90)
    rest = partition.read(1 << 20)
    assert isinstance(rest, Decoded)
    assert rest.columns["n"].to_list() == list(range(90, 100))
    assert rest.position.tolist() == list(range(90, 100))
    assert partition.read(1) == End()
    assert partition.read(1) == End()
    source.close()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("a", "1", 0, 0.5, None, None), "'n' takes an int64"),
        (("a", 1, 2, 0.5, None, None), "'ok' takes a bool"),
        ((7, 1, 0, 0.5, None, None), "'ip' takes a string"),
        (("a", 1, 0, 0.5, "yesterday", None), "'since' takes an ISO 8601 time"),
        ((None, 1, 0, 0.5, None, None), "row 2 has no 'ip'"),
    ],
)
def test_a_table_with_a_row_that_does_not_fit_is_none(tmp_path: Path, row: tuple[Any, ...], told: str) -> None:
    where = database(tmp_path / "a.db", GOOD, row)
    with pytest.raises(InputError, match=told):
        read(cd.table("sql", database=where, query=QUERY, key="ip", schema=SCHEMA))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"database": ""}, "sql needs database="),
        ({"query": ""}, "sql needs query="),
        ({"timeout": "0s"}, "must be positive"),
        ({"timeout": "soon"}, "cannot read the timeout 'soon'"),
        ({"password_env": "X"}, "SQLite has no password"),
        ({"database": "mysql://db/assets"}, "the path of an SQLite database or the address of a PostgreSQL one"),
        ({"database": "host=db dbname=assets"}, "the path of an SQLite database or the address of a PostgreSQL one"),
        ({"password": "x"}, "unknown option 'password'"),
        ({"database": "none.db"}, r"there is no database none\.db"),
        ({"query": "SELECT * FROM missing"}, "no such table"),
        ({"query": "SELEC"}, "syntax error"),
        ({"query": "SELECT ip AS adress FROM assets"}, "has no column 'ip'"),
        ({"query": "SELECT ip, n AS ip FROM assets"}, "more than one column 'ip'"),
        ({"query": "DELETE FROM assets"}, "readonly|read-only|gives no rows"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    where = database(tmp_path / "a.db", GOOD)
    with pytest.raises(CaudalError, match=told) as caught:
        read(cd.table("sql", **{"database": where, "query": QUERY, "key": "ip", "schema": {"ip": "string"}, **given}))
    assert caught.value
    with closing(sqlite3.connect(where)) as opened:
        assert opened.execute("SELECT count(*) FROM assets").fetchone() == (1,)


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(InputError, match="cannot read"):
        read(cd.table("sql", database=str(tmp_path / "a.db"), query=QUERY, key="ip", schema=SCHEMA))


@pytest.mark.parametrize(
    "database",
    ["postgresql://u:hush@db/x", "postgres://u:hu/sh@db", "postgresql://db/x?password=hush", "host=db password=hush"],
)
def test_an_address_with_a_password_is_refused_before_it_is_in_a_plan(database: str) -> None:
    with pytest.raises(CaudalError, match="must not hold a password") as caught:
        cd.table("sql", database=database, query=QUERY, key="ip", schema={"ip": "string"})
    assert "hush" not in str(caught.value)
