"""PostgreSQL, against a server of its own: types, secrets, time-outs, reloads, a server that goes away."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.connectors.sql import postgresql
from caudal.core.errors import CaudalError, InputError
from caudal.engines.local.settings import Settings
from caudal.engines.local.tables import Tables
from caudal.ingest.tables import read
from caudal.observe.notices import Notices
from caudal.testing.running import check_everywhere

SECRET = "hush-5ecret"
BINARIES = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *(Path(p) for p in os.get_exec_path())]
SCHEMA = {"ip": "string", "n": "int64", "ok": "bool", "share": "float64", "since": "timestamp", "raw": "binary"}
COLUMNS = "ip inet, n int8, ok boolean, share float8, since timestamptz, raw bytea"
ASSETS = [
    ("192.0.2.1", 1, True, 2.5, "2026-01-01T00:00:00+02:00", b"\0"),
    ("2001:db8::1", None, False, None, None, None),
]


class Server:
    """A server on a socket in a directory of its own, run by a user who may run one."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self.folder = binaries, folder
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(folder, "nobody", "nogroup")
        folder.chmod(0o755)
        (folder / "password").write_text(SECRET + "\n")
        (folder / "password").chmod(0o644)
        given = ["-U", "caudal", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync", "-E", "UTF8"]
        self._call("initdb", "-D", str(folder / "data"), *given, "--locale=C.UTF-8")
        self.address = f"postgresql://caudal@/postgres?host={folder}"

    def start(self) -> None:
        given = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        log = str(self.folder / "log")
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-w", "-o", given, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def _call(self, program: str, *given: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *given],
            stdin=subprocess.DEVNULL,
            stdout=(out := (self.folder.parent / f"{self.folder.name}.out").open("w")),
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            **self._user,
        )
        out.close()
        assert done.returncode == 0, Path(out.name).read_text()

    def run(self, *statements: str, rows: list[tuple[Any, ...]] | None = None) -> list[Any]:
        import psycopg

        with psycopg.connect(self.address, password=SECRET, autocommit=True) as opened:
            found: list[Any] = []
            for statement in statements:
                cursor = opened.cursor()
                if rows is not None and "%s" in statement:
                    cursor.executemany(statement, rows)
                else:
                    cursor.execute(statement)  # type: ignore[call-overload]
                    found = cursor.fetchall() if cursor.description else []
            return found


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    binaries = next((folder for folder in BINARIES if (folder / "initdb").is_file()), None)
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed (initdb)")
    with tempfile.TemporaryDirectory(prefix="caudal-pg-") as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "server"
        folder.mkdir()
        server = Server(binaries, folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("CAUDAL_TEST_PASSWORD", SECRET)
    running.run("DROP TABLE IF EXISTS assets", f"CREATE TABLE assets ({COLUMNS})")
    fill(running, *ASSETS)
    return running


def fill(server: Server, *rows: tuple[Any, ...]) -> None:
    server.run("DELETE FROM assets", "INSERT INTO assets VALUES (%s, %s, %s, %s, %s, %s)", rows=list(rows))


def table(server: Server, query: str = "SELECT * FROM assets ORDER BY ip", **options: Any) -> Any:
    given = {"key": "ip", "schema": SCHEMA, "password_env": "CAUDAL_TEST_PASSWORD", **options}
    return cd.table("sql", **{"database": server.address, "query": query, **given})


def test_a_query_is_a_table_and_a_source(server: Server) -> None:
    given = table(server)
    rows = cd.source("memory", rows=[], schema={"ip": "string"})
    asked = [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}, {"ip": "x"}]
    out = check_everywhere(rows.lookup(given, columns=["n", "ok", "share"]), asked)
    assert out.rows == [
        {"ip": "192.0.2.1", "n": 1, "ok": True, "share": 2.5},
        {"ip": "2001:db8::1", "n": None, "ok": False, "share": None},
        {"ip": "x", "n": None, "ok": None, "share": None},
    ]
    options = {"database": server.address, "password_env": "CAUDAL_TEST_PASSWORD", "schema": SCHEMA}
    read_ = cd.source("sql", query="SELECT * FROM assets ORDER BY ip", **options).collect("arrow").to_pylist()
    assert [row["ip"] for row in read_] == ["192.0.2.1", "2001:db8::1"]
    assert read_[0]["since"].isoformat() == "2025-12-31T22:00:00+00:00"
    assert read_[0]["raw"] == b"\0"


def test_more_rows_than_one_answer_has(server: Server) -> None:
    query = "SELECT 'k' || i AS ip, i::int8 AS n FROM generate_series(1, 25000) AS i WHERE '%s' LIKE '%%';"
    version = read(table(server, query, schema={"ip": "string", "n": "int64"}))
    assert version.indexed.columns["n"].to_list() == list(range(1, 25001))
    assert read(table(server, query, schema={"ip": "string", "n": "int64"})).name == version.name


@pytest.mark.parametrize(
    ("value", "dtype", "wanted"),
    [
        ("'a b'::varchar(9)", "string", "a b"),
        ("'ab'::char(5)", "string", "ab"),
        ("'10.0.0.0/8'::cidr", "string", "10.0.0.0/8"),
        ("'10.0.0.1/32'::inet", "string", "10.0.0.1"),
        ("'08:00:2b:01:02:03'::macaddr", "string", "08:00:2b:01:02:03"),
        ("'{\"a\": 1}'::json", "string", '{"a": 1}'),
        ("'7f9c24e8-3b12-4fef-91e0-56a2d5a3c9b1'::uuid", "string", "7f9c24e8-3b12-4fef-91e0-56a2d5a3c9b1"),
        ("'high'::level", "string", "high"),
        ("7::int2", "int32", 7),
        ("7::int4", "int64", 7),
        ("-9223372036854775808", "int64", -(2**63)),
        ("0.5::float4", "float32", 0.5),
        ("7::int4", "float64", 7.0),
        ("'NaN'::float8", "float64", float("nan")),
        ("'2026-03-01 12:00'::timestamp", "timestamp", 1772366400000),
        ("'2026-03-01'::date", "timestamp", 1772323200000),
        ("'2026-03-01T12:00:00Z'", "timestamp", 1772366400000),
        ("1772366400000::int8", "timestamp", 1772366400000),
        ("1500::int8", "duration", 1500),
        ("NULL::int8", "int64", None),
    ],
)
def test_types_that_fit(server: Server, value: str, dtype: str, wanted: Any) -> None:
    server.run("DROP TYPE IF EXISTS level", "CREATE TYPE level AS ENUM ('low', 'high')")
    given = table(server, f"SELECT 'k' AS k, {value} AS v", key="k", schema={"k": "string", "v": dtype})
    (found,) = read(given).indexed.columns["v"].to_list()
    assert found == wanted or (found != found and wanted != wanted)


@pytest.mark.parametrize(
    ("value", "dtype", "told", "hint"),
    [
        ("1.5", "float64", "is a numeric, of which no float64 is read", "v::float8 AS v"),
        ("count(*)", "int32", "is a int8, of which no int32 is read", "v::int4 AS v"),
        ("1", "string", "is a int4, of which no string is read", "v::text AS v"),
        ("ARRAY['a']", "string", r"is a text\[\], of which no string is read", "v::text AS v"),
        ("'1h'::interval", "duration", "is a interval, of which no duration is read", "extract(epoch FROM v)"),
        ("1", "bool", "is a int4, of which no bool is read", "v::boolean AS v"),
        ("'x'", "binary", "is a text, of which no binary is read", "v::bytea AS v"),
    ],
)
def test_types_that_do_not_fit_are_refused_before_anything_is_read(
    server: Server, value: str, dtype: str, told: str, hint: str
) -> None:
    with pytest.raises(InputError, match=told) as caught:
        read(table(server, f"SELECT 'k' AS k, {value} AS v", key="k", schema={"k": "string", "v": dtype}))
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT 'k' AS ip, 'infinity'::timestamptz AS since", "timestamp too large"),
        ("SELECT 'k' AS ip, '4000-01-01 BC'::timestamptz AS since", "timestamp"),
        ("SELECT 'k' AS ip, 'soon' AS since", "'since' takes an ISO 8601 time"),
        ("SELECT NULL::text AS ip, now() AS since", "row 1 has no 'ip'"),
        ("SELECT 'k' AS ip, now() AS since WHERE false", "there is no row"),
        ("SELECT ip, since FROM missing", "does not exist"),
        ("SELECT 'k' AS ip", "has no column 'since'"),
        ("SELECT 'k' AS ip, now() AS since, now() AS since", "more than one column 'since'"),
        ("DELETE FROM assets RETURNING ip, since", "syntax error"),
        ("SELECT 'k' AS ip, now() AS since; DELETE FROM assets", "multiple commands|read-only|syntax"),
        ("SELECT pg_catalog.set_config('a.b', 'c', false) AS ip, nextval('counted')::text AS since", "read-only"),
        ("SELECT 'k' AS ip, (1 / (ip::text = 'x')::int)::text AS since FROM assets", "division by zero"),
        ("SELEC 1", "syntax error"),
    ],
)
def test_what_cannot_be_read(server: Server, query: str, told: str) -> None:
    server.run("CREATE SEQUENCE IF NOT EXISTS counted")
    with pytest.raises(InputError, match=told) as caught:
        read(table(server, query, schema={"ip": "string", "since": "timestamp"}))
    assert SECRET not in str(caught.value)
    assert server.run("SELECT count(*) FROM assets") == [(2,)]


def test_the_password_comes_from_a_variable_or_a_file_and_stands_nowhere(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "password"
    kept.write_text(SECRET + "\n")
    by_file = table(server, password_env="", password_file=str(kept))
    stream = cd.source("memory", rows=[{"ip": "192.0.2.1"}], schema={"ip": "string"}).lookup(by_file, columns=["n"])
    into: list[Any] = []
    plan = cd.Pipeline("p", stream.to("memory", into=into))
    with caplog.at_level(logging.DEBUG):
        summary = cd.run(plan, dead="discard")
    assert into[0].to_pylist() == [{"ip": "192.0.2.1", "n": 1}]
    told = [summary.to_text(), cd.explain(plan), repr(by_file), *(record.getMessage() for record in caplog.records)]
    kept.write_text("wrong-" + SECRET)
    monkeypatch.delenv("CAUDAL_TEST_PASSWORD")
    for given, said in (
        (by_file, "password authentication failed"),
        (table(server), "the environment has no CAUDAL_TEST_PASSWORD"),
        (table(server, password_env="", password_file=str(tmp_path / "none")), "cannot read the password"),
        (table(server, password_env=""), "no password supplied"),
    ):
        with pytest.raises(InputError, match=said) as caught:
            read(given)
        told.append(str(caught.value))
    assert not [text for text in told if SECRET in text]
    with pytest.raises(CaudalError, match="exclude each other"):
        read(table(server, password_file=str(kept)))


def held(given: Any) -> tuple[Any, Notices]:
    node: Any = cd.source("memory", rows=[], schema={"ip": "string"}).lookup(given).node
    notices = Notices()
    return Tables(Settings()).of(node, notices, live=True), notices


def test_a_reload_that_fails_keeps_the_version_before_also_when_the_server_is_gone(server: Server) -> None:
    kept, notices = held(table(server, reload="60s", timeout="2s"))
    first = kept.version
    assert not kept.reload()
    server.run("ALTER TABLE assets RENAME COLUMN n TO m")
    assert not kept.reload()
    server.run("ALTER TABLE assets RENAME COLUMN m TO n", "ALTER TABLE assets ALTER COLUMN n TYPE numeric")
    assert not kept.reload()
    server.run("ALTER TABLE assets ALTER COLUMN n TYPE int8")
    server.stop()
    try:
        assert not kept.reload()
    finally:
        server.start()
    assert kept.version is first
    told = [notice.to_text() for notice in notices.all() if notice.code == "table_kept"]
    assert len(told) == 3
    assert all(f"version {first.name} stays" in line for line in told)
    assert ["no column 'n'" in told[0], "is a numeric" in told[1], "cannot read postgresql://" in told[2]] == [True] * 3
    fill(server, *ASSETS, ("10.0.0.1", 3, True, 0.0, None, None))
    assert kept.reload()
    assert kept.version.rows == 3


def test_a_reading_that_ends_early_leaves_nothing_open(server: Server) -> None:
    query = "SELECT CASE WHEN i < 5000 THEN 'k' || i END AS ip FROM generate_series(1, 25000) AS i"
    with pytest.raises(InputError, match="row 5,000 has no 'ip'"):
        read(table(server, query, schema={"ip": "string"}))
    source = cd.source(
        "sql", database=server.address, query=query, password_env="CAUDAL_TEST_PASSWORD", schema={"ip": "string"}
    )
    assert len(source.head(3)) == 3
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'caudal'"
    assert any(server.run(left) == [(0,)] for _ in range(500)), "a server notices an end a little later"


def test_a_statement_that_takes_too_long_is_given_up(server: Server) -> None:
    query = "SELECT 'k' AS ip FROM pg_sleep(60)"
    with pytest.raises(InputError, match="cannot read") as caught:
        read(table(server, query, schema={"ip": "string"}, timeout="200ms"))
    assert "statement timeout" in caught.value.detail


def test_a_server_that_does_not_answer_is_cut_off(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_GRACE", 0.1)
    query: Any = postgresql.PostgresQuery(
        {"database": server.address, "query": "SELECT 'k' AS ip FROM pg_sleep(0.05)", "password_file": "",
         "password_env": "CAUDAL_TEST_PASSWORD"},
        cd.source("memory", rows=[], schema={"ip": "string"}).schema,
        300,
    )  # fmt: skip
    opened: list[int] = []
    cursor = query._cursor

    def stopped(connection: Any) -> Any:
        opened.append(connection.info.backend_pid)
        return cursor(connection)

    monkeypatch.setattr(query, "_cursor", stopped)
    answered = query._answered

    def frozen(connection: Any, ask: Any) -> Any:
        if opened:
            os.kill(opened[0], signal.SIGSTOP)
        return answered(connection, ask)

    monkeypatch.setattr(query, "_answered", frozen)
    try:
        with pytest.raises(CaudalError, match="cannot read") as caught:
            next(query.rows(0))
        assert "no answer within 0.3 s" in caught.value.detail
    finally:
        os.kill(opened[0], signal.SIGCONT)


def test_what_the_library_missing_means(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(CaudalError, match="PostgreSQL needs the package psycopg") as caught:
        read(table(server))
    assert "caudal[postgresql]" in str(caught.value)
