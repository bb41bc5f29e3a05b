"""`caudal verify FILE --engines A,B`: runs that agree, runs that do not, and what may differ.

Engines that err are made of the local one, whose rows are tampered with on their way to the sinks.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from caudal.ports import registry
from caudal.ports.engine import Bindings

PIPELINE = """
import caudal as cd
from caudal import col

settings = cd.settings(path="log.jsonl", out="alerts.jsonl", least=0)
rows = cd.source("files", path=settings.path, format="json", event_time="t", name="rows",
                 schema={"ip": "string", "t": "int64", "x": "float64"})
sums = (rows.group_by("ip").window(cd.tumbling("1s"))
        .agg(n=cd.count(), total=cd.sum("x"), top=cd.max("x"), name="counts").filter(col("n") > settings.least))
pipeline = cd.Pipeline("many", sums.to("files", path=settings.out, format="json", name="alerts"))
"""

# the sum of a key's values in a window is small beside the values
ROWS = [{"ip": "ab"[i % 2], "t": 100 * i, "x": (1e9 + i) * (-1) ** (i // 2)} for i in range(40)]

Tamper = Callable[[str, pa.Table], pa.Table]


@pytest.fixture
def verify(caudal, write, here: Path):
    """Verifies the pipeline, or one with parts replaced."""

    def run(*arguments: str, changes: tuple[tuple[str, str], ...] = ()) -> Any:
        write("log.jsonl", ROWS)
        text = PIPELINE
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        write("p.py", text)
        return caudal("verify", "p.py", *arguments)

    return run


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Tamper], None]:
    """Adds an engine: the local one, but what it writes is what `tamper(sink, table)` makes of it."""
    known = dict(registry.available("engine"))
    local = registry.find("engine", "local")

    def add(name: str, tamper: Tamper) -> None:
        class Tampered:
            def __init__(self, name: str, sink: Any) -> None:
                self.where, self.write, self.flush = sink.where, sink.write, sink.flush
                self.drain, self.abort = sink.drain, sink.abort
                self.encode = lambda table: sink.encode(tamper(name, table))

        class Engine:
            def admit(self, logical: Any, sources: Any) -> None:
                local.admit(logical, sources)

            def start(self, logical: Any, physical: Any, bindings: Bindings, tuning: Any) -> Any:
                sinks = {name: Tampered(name, sink) for name, sink in bindings.sinks.items()}
                return local.start(logical, physical, Bindings(bindings.sources, sinks), tuning)

        known[name] = SimpleNamespace(load=Engine)  # type: ignore[assignment]
        before = registry.available
        found = dict(known)
        monkeypatch.setattr(registry, "available", lambda kind: found if kind == "engine" else before(kind))

    return add


def replaced(table: pa.Table, column: str, change: Callable[[Any], Any]) -> pa.Table:
    at = table.schema.get_field_index(column)
    values = pa.array([change(v) for v in table.column(column).to_pylist()], table.schema.field(at).type)
    return table.set_column(at, column, values)


def test_other_numbers_of_threads_agree(verify, here: Path) -> None:
    verify("--engines", "local,local")  # writes the files
    before = sorted(os.listdir(here))
    ended = verify("--engines", "local:1,local:2,local:3")
    assert ended.code == 0
    assert "many: the same rows on all" in ended.out
    assert (
        "alerts: 8 rows, the same on local:1 and local:2\nalerts: 8 rows, the same on local:1 and local:3" in ended.out
    )
    assert "running local:3 ..." in ended.err
    assert sorted(os.listdir(here)) == before, "no target is touched"


def test_agreement_as_json(verify) -> None:
    ended = verify("--engines", "local,local", "--json")
    assert (ended.code, ended.err) == (0, "")
    told = ended.summary
    assert (told["caudal_verify"], told["equal"], told["pipeline"]) == (1, True, "many")
    assert list(told["runs"]) == ["local", "local (2)"]
    assert [e["operator"] for e in told["runs"]["local"]["ledger"]][:2] == ["rows", "counts"]
    difference = told["differences"]["local (2)"]["alerts"]
    assert (difference["same"], difference["columns"]) == (8, ["ip", "window_start", "window_end", "n", "total", "top"])


def test_an_order_of_its_own_is_no_difference(verify, engine) -> None:
    engine("backwards", lambda _, table: table.take(list(range(len(table)))[::-1]))
    assert verify("--engines", "local,backwards").code == 0


def test_rows_that_are_missing_too_many_and_other_ones(verify, engine) -> None:
    def tamper(_: str, table: pa.Table) -> pa.Table:
        made = []
        for row in table.to_pylist():
            which = (row["ip"], row["window_start"].second)
            row["n"] += which == ("b", 0)
            made += [row] * {("a", 0): 0, ("b", 3): 2}.get(which, 1)
        return pa.Table.from_pylist(made, table.schema)

    engine("liar", tamper)
    ended = verify("--engines", "local,liar")
    assert ended.code == 3
    assert (
        "alerts: 8 rows on local, 8 on liar: 1 only on local, 1 only on liar, 1 with other values, 6 the same"
        in ended.out
    )
    lines = ended.out.splitlines()
    only_local = lines[lines.index("  only on local") + 2]
    assert only_local.split()[:3] == ["a", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:01.000Z"]
    other = lines[lines.index("  other values (local -> liar)") + 2]
    assert other.split()[0] == "b"
    assert "  5 -> 6  " in other
    only_liar = lines[lines.index("  only on liar") + 2]
    assert only_liar.split()[:2] == ["b", "1970-01-01T00:00:03.000Z"]
    assert "ledger on local\n" in ended.out
    assert "ledger on liar\n" in ended.out
    told = verify("--engines", "local,liar", "--json", "--show", "0").summary["differences"]["liar"]["alerts"]
    assert (told["only_reference"], told["only_other"], told["changed"], told["same"]) == (1, 1, 1, 6)
    assert told["rows"] == {"only_reference": [], "only_other": [], "changed": []}


def _magnitude(ip: str, start: int) -> float:
    return math.fsum(abs(r["x"]) for r in ROWS if r["ip"] == ip and r["t"] // 1000 * 1000 == start)


@pytest.mark.parametrize(("part", "code"), [(0.9, 0), (1.1, 3)])
def test_sums_may_differ_by_a_billionth_of_what_went_into_them(verify, engine, part: float, code: int) -> None:
    def tamper(_: str, table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        for row in rows:
            start = int(row["window_start"].timestamp() * 1000)
            off = 1e-9 * _magnitude(row["ip"], start) * part
            assert off > 1e-9 * abs(row["total"]), "else the value's own size would do"
            row["total"] += off
        return pa.Table.from_pylist(rows, table.schema)

    engine("naive", tamper)
    assert verify("--engines", "local,naive").code == code
    renamed = (
        ('name="counts").filter', 'name="counts").select("ip", s=col("total")).filter'),
        ('"n") > settings.least', '"s") < 1e300'),
    )
    if code == 0:
        engine("naive", lambda sink, table: replaced(table, "s", lambda s: s + 0.5))
        assert verify("--engines", "local,naive", changes=renamed).code == 0


def test_what_is_no_sum_is_exact(verify, engine) -> None:
    engine("naive", lambda _, table: replaced(table, "top", lambda x: math.nextafter(x, math.inf)))
    assert verify("--engines", "local,naive").code == 3


def test_runs_of_one_engine_are_exact(verify, monkeypatch: pytest.MonkeyPatch, engine) -> None:
    calls: list[str] = []

    def tamper(sink: str, table: pa.Table) -> pa.Table:
        calls.append(sink)
        return replaced(table, "total", lambda x: math.nextafter(x, math.inf)) if len(calls) > 1 else table

    engine("wandering", tamper)
    assert verify("--engines", "wandering:1,wandering:1").code == 3


def test_what_hangs_on_a_sum_is_told(verify) -> None:
    ended = verify("--engines", "local:1,local:2", changes=(('"n") > settings.least', '"total") > settings.least'),))
    assert "depends on a sum of floats: total > 0" in ended.out


def test_columns_from_the_clock_are_left_out(verify, engine) -> None:
    changes = (("> settings.least)", "> settings.least).with_columns(at=cd.now()).with_columns(then=col('at'))"),)
    engine("wrong", lambda _, table: replaced(table, "n", lambda n: n + 1))
    ended = verify("--engines", "local:1,local:2", changes=changes)
    assert ended.code == 0
    assert "alerts: not compared, from the clock: at, then" in ended.out
    assert verify("--engines", "local,wrong", changes=changes).code == 3


def test_dead_letters_must_be_as_many(verify, engine, monkeypatch: pytest.MonkeyPatch, write) -> None:
    local = registry.find("engine", "local")

    class Engine:
        admit = local.admit

        def start(self, *arguments: Any) -> Any:
            started = local.start(*arguments)
            ledger = started.ledger

            def one_dead() -> Any:
                found = ledger()
                found.entries["rows"].dead, found.entries["rows"].passed = 1, found.entries["rows"].passed - 1
                return found

            started.ledger = one_dead
            return started

    known = {**registry.available("engine"), "strict": SimpleNamespace(load=Engine)}
    before = registry.available
    monkeypatch.setattr(registry, "available", lambda kind: known if kind == "engine" else before(kind))
    ended = verify("--engines", "local,strict")
    assert ended.code == 3
    assert "differs: dead letters: 0 on local, 1 on strict" in ended.out


@pytest.mark.parametrize(
    ("engines", "told"),
    [
        ("local", "one run has nothing to be compared with"),
        ("local,flonk", "unknown engine 'flonk'"),
        ("local,local:0", "local:0: '0' is no number of threads"),
        ("local,local:two", "'two' is no number of threads"),
        ("", "unknown engine ''"),
    ],
)
def test_mistakes(verify, engines: str, told: str) -> None:
    ended = verify("--engines", engines)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_run_that_cannot_start_is_named(verify) -> None:
    ended = verify("--engines", "local,local", "--set", "path=none.jsonl")
    assert ended.code == 2
    assert "error: on local: " in ended.err
    assert "none.jsonl" in ended.err


def test_a_run_that_fails_is_named(verify, engine) -> None:
    from caudal.core.errors import RunError

    def tamper(_: str, table: pa.Table) -> pa.Table:
        raise RunError("no space left", location="alerts")

    engine("full", tamper)
    ended = verify("--engines", "local,full")
    assert (ended.code, ended.out) == (1, "")
    assert "error: on full: alerts: no space left" in ended.err


def test_a_setting_that_is_not_there(verify) -> None:
    ended = verify("--engines", "local,local", "--set", "lest=3")
    assert ended.code == 2
    assert "did you mean 'least'?" in ended.err
