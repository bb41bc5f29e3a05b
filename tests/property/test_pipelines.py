"""Random pipelines over random rows: the engine against the oracle, however it runs; cut, abandoned and restored."""

from __future__ import annotations

import io
import json
import math
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

import caudal as cd
from caudal import col
from caudal.core.errors import RunError
from caudal.engines.local.cut import Cut
from caudal.engines.local.state import Blob
from caudal.plan import wire
from caudal.plan.nodes import WindowAggregate
from caudal.plan.plan import Plan
from caudal.testing.harness import CountedSource, Started, differences
from caudal.testing.oracle import Outcome, Record, interpret
from caudal.testing.scalars import ordering

Values = dict[str, Any]
SCHEMA = {"k": "string", "g": "int64", "x": "float64", "n": "int64", "b": "bool", "t": "int64"}
COLUMNS = list(SCHEMA)

# Rows.

TEXTS = [None, "", "a", "b", "aa", "é", "\U0001f600"]
INTEGERS = [None, 0, 1, 2, -1, 7, -8, 2**63 - 1, -(2**63), 2**40]
FINITE = [None, 0.0, -0.0, 1.0, 0.1, -2.5, 1e308, -1e308, 5e-324, 1e-200, 3.0]
FLOATS = [*FINITE, math.nan, math.inf, -math.inf]
STEPS = [0, 0, 1, 250, 999, 1000, 1001, -1, -250, -1000, -2600, 4000]


@st.composite
def partitions(draw: Any, finite: bool) -> list[list[Values | None]]:
    """Rows of one to three partitions; None is a record that is no row."""
    record = st.fixed_dictionaries(
        {
            "k": st.sampled_from(TEXTS),
            "g": st.sampled_from([None, -1, 0, 1]),
            "x": st.sampled_from(FINITE if finite else FLOATS),
            "n": st.sampled_from(INTEGERS),
            "b": st.sampled_from([True, False, None]),
        }
    )
    out: list[list[Values | None]] = []
    for _ in range(draw(st.integers(1, 3))):
        time = draw(st.sampled_from([0, -700, 1000, 9000]))
        rows: list[Values | None] = []
        for values, step, odd in draw(
            st.lists(st.tuples(record, st.sampled_from(STEPS), st.integers(0, 24)), max_size=14)
        ):
            time += step
            rows.append(None if odd == 24 else {**values, "t": None if odd == 23 else time})
        out.append(rows)
    return out


# Pipelines.

FILTERS: list[Callable[[], Any]] = [
    lambda: col("n") > 0,
    lambda: col("b"),
    lambda: ~col("b") | (col("n") <= 1),
    lambda: col("k") == "a",
    lambda: col("k").is_not_null() & (col("k") < "b"),
    lambda: col("x") < 1.0,
    lambda: col("x").is_in([0.0, 0.1]),
    lambda: col("g").is_null(),
    lambda: col("n") == col("x"),
]
CHANGES: list[Callable[[], Values]] = [
    lambda: {"n": col("n") + 1},
    lambda: {"x": col("x") * 2},
    lambda: {"x": col("n") / col("g")},
    lambda: {"k": col("k").fill_null("z"), "b": col("n") > 0},
    lambda: {"g": col("n") % 3},
    lambda: {"g": col("n") // -2, "n": -col("n")},
    lambda: {"n": cd.when(col("b")).then(1).when(col("k") == "a").then(col("g")).otherwise(col("n"))},
]
KEYS: list[Callable[[], Any]] = [
    lambda: col("k"),
    lambda: col("g"),
    lambda: col("x"),
    lambda: col("b"),
    lambda: (col("n") % 3).alias("m"),
]
FREE: list[Callable[[], Any]] = [
    cd.count,
    lambda: cd.count_if(col("b")),
    lambda: cd.sum("n"),
    lambda: cd.sum("x"),
    lambda: cd.mean("n"),
    lambda: cd.mean("x"),
    lambda: cd.stddev("n"),
    lambda: cd.stddev("x"),
    lambda: cd.min("x"),
    lambda: cd.max("x"),
    lambda: cd.min("k"),
    lambda: cd.max("n"),
    lambda: cd.max("b"),
    lambda: cd.count_distinct("x"),
    lambda: cd.count_distinct("k"),
]
ORDERED: list[Callable[[], Any]] = [
    lambda: cd.first("n"),
    lambda: cd.last("k"),
    lambda: cd.collect("n"),
    lambda: cd.first("x", order_by="k"),
    lambda: cd.last("n", order_by=["x", "g"]),
    lambda: cd.collect("k", order_by=[col("n") % 3]),
]


@st.composite
def windows(draw: Any) -> Any:
    kind = draw(st.sampled_from(["tumbling", "tumbling", "hopping", "session"]))
    if kind == "session":
        return cd.session(draw(st.sampled_from([1, 250, 1000, 3000])))
    offset = draw(st.sampled_from([0, 0, 300, 5000]))
    if kind == "tumbling":
        return cd.tumbling(draw(st.sampled_from([1, 1000, 2500, 60000])), offset=offset)
    step = draw(st.sampled_from([250, 1000]))
    return cd.hopping(step * draw(st.sampled_from([2, 3, 8])), every=step, offset=offset)


@st.composite
def stateless(draw: Any, stream: Any) -> Any:
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["filter", "with_columns", "select"]))
        if kind == "filter":
            stream = stream.filter(draw(st.sampled_from(FILTERS))())
        else:
            changed = draw(st.sampled_from(CHANGES))()
            if kind == "select":
                stream = stream.select(**{name: changed.get(name, col(name)) for name in COLUMNS})
            else:
                stream = stream.with_columns(**changed)
    return stream


@st.composite
def windowed(draw: Any, stream: Any, aggregates: Sequence[Callable[[], Any]]) -> Any:
    """A window over a stream of the base schema; its results have a column c, the count of rows."""
    keys = [key() for key in draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))]
    named = {f"a{i}": make() for i, make in enumerate(draw(st.lists(st.sampled_from(aggregates), max_size=4)))}
    grouped = stream.group_by(*keys) if keys else stream
    return grouped.window(draw(windows())).agg(c=cd.count(), **named)


@st.composite
def over_results(draw: Any, stream: Any) -> Any:
    """A window over the results of one."""
    keys = draw(
        st.lists(st.sampled_from([n for n in stream.schema.names if n in ("k", "g", "x")] or ["c"]), max_size=1)
    )
    grouped = stream.group_by(*keys) if keys else stream
    aggregates = {"total": cd.sum("c"), "starts": cd.collect("window_start"), "newest": cd.last("c", order_by="c")}
    return grouped.window(draw(windows())).agg(**aggregates)


TOPOLOGIES = ["stateless", "window", "chain", "union", "diamond", "two windows", "late", "staggered", "mixed"]


@st.composite
def pipelines(draw: Any, sources: Callable[[str, int], Any], kinds: Sequence[str] = TOPOLOGIES) -> Plan:
    """A pipeline over `sources(name, disorder)`, every port of it wired to a sink."""
    kind = draw(st.sampled_from(kinds))
    one = sources("one", draw(st.sampled_from([0, 500, 3000])))
    ends: dict[str, Any] = {"dead": one.dead_letters()}
    every = FREE + ORDERED
    if kind == "stateless":
        ends["out"] = draw(stateless(one))
    elif kind == "window":
        out = draw(windowed(draw(stateless(one)), every))
        ends |= {"out": out, "some": out.filter(col("c") > 1), "late": out.late()}
    elif kind == "chain":
        first = draw(windowed(draw(stateless(one)), every))
        ends |= {"out": draw(over_results(first.filter(col("c") < 3))), "first": first, "late": first.late()}
    elif kind == "union":
        two = sources("two", draw(st.sampled_from([0, 1000])))
        out = draw(windowed(draw(stateless(one)).union(draw(stateless(two))), every))
        ends |= {"out": out, "late": out.late(), "dead2": two.dead_letters()}
    elif kind == "diamond":
        whole = draw(stateless(one)).union(draw(stateless(one)), one)
        out = draw(windowed(draw(stateless(whole)), every))
        ends |= {"out": out, "all": whole, "late": out.late()}
    elif kind == "two windows":
        rows = draw(stateless(one))
        left, right = draw(windowed(rows, every)), draw(windowed(rows, every))
        both = left.select("window_start", "c").union(right.select("window_start", "c"))
        ends |= {"out": both, "over": draw(over_results(both)), "late": left.late(), "late2": right.late()}
    elif kind == "late":
        first = draw(windowed(one, FREE))
        late = draw(stateless(first.late()))
        out = draw(windowed(late.select(*COLUMNS).union(one), every))
        ends |= {"out": out, "late": late, "latest": out.late()}
    elif kind == "staggered":
        two = sources("two", 0)
        left = draw(windowed(one, FREE)).select(n=col("c"), t=col("c"))
        out = left.union(two.select("n", "t")).window(draw(windows())).agg(c=cd.count(), all=cd.collect("n"))
        ends |= {"out": out, "late": out.late(), "dead2": two.dead_letters()}
    else:
        left = draw(windowed(one, FREE)).select(n=col("c"), t=col("c"))
        right = draw(stateless(one)).select(n=col("n"), t=col("t"))
        out = left.union(right).window(draw(windows())).agg(c=cd.count(), total=cd.sum("n"), n=cd.last("n"))
        ends |= {"out": out, "late": out.late()}
    return cd.Pipeline("random", *(stream.to("console", name=f"to {name}") for name, stream in ends.items()))


class Case:
    """A pipeline, and what the oracle says of it over its input."""

    def __init__(self, plan: Plan, wanted: Outcome) -> None:
        self.plan = plan
        self.wanted = wanted

    def __repr__(self) -> str:
        return "Case"

    def check(self, run: Started) -> None:
        assert differences(self.wanted, run.rows, run.ledger) == []
        for sink, rows in run.rows.items():
            if sink == "to out" and self.one_window:
                assert rows == sorted(rows, key=self.result_order)
            if sink.startswith("to dead"):
                for partition in {row["partition"] for row in rows}:
                    places = [row["position"] for row in rows if row["partition"] == partition]
                    assert places == sorted(places)

    @property
    def one_window(self) -> bool:
        (sink,) = (s for s in self.plan.sinks if s.name == "to out")
        return isinstance(sink.input, WindowAggregate)

    def result_order(self, row: Values) -> Any:
        keys = [name for name in row if name in ("k", "g", "x", "b", "m")]
        return (row["window_end"], *(ordering(row[name]) for name in keys))


@st.composite
def cases(draw: Any, folder: Path | None = None, kinds: Sequence[str] = TOPOLOGIES) -> Case:
    """A case over rows in memory, or in JSON lines where a folder is given."""
    inputs: dict[str, dict[str, list[Record]]] = {}

    def source(name: str, disorder: int) -> Any:
        parts = draw(partitions(folder is not None))
        options: Values = {"schema": SCHEMA, "event_time": "t", "disorder": disorder, "name": name}
        if folder is None:
            given_rows = [[{"n": "no"} if row is None else row for row in rows] for rows in parts]
            inputs[name] = {
                f"p{i}": [Record(j, row, "type") for j, row in enumerate(rows)] for i, rows in enumerate(parts)
            }
            return cd.source("memory", rows=given_rows, **options)
        place = folder / name
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        names = draw(st.permutations(["z.log", "a10.log", "a9.log"]))[: len(parts)]
        inputs[name] = {file: write_lines(place / file, rows) for file, rows in zip(names, parts)}
        return cd.source("files", path=str(place), format="json", **options)

    plan = draw(pipelines(source, kinds))
    note(cd.explain(plan))
    note(repr(inputs))
    return Case(plan, interpret(plan, inputs))


def write_lines(path: Path, rows: Sequence[Values | None]) -> list[Record]:
    out = []
    with path.open("wb") as file:
        for row in rows:
            line = b'{"n": 1' if row is None else json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
            out.append(Record(file.tell(), row, "syntax"))
            file.write(line + b"\n")
    return out


@st.composite
def ways(draw: Any) -> Values:
    """A way to run: none may change a result."""
    return {
        "threads": draw(st.integers(1, 4)),
        "rewrites": draw(st.booleans()),
        "morsel_rows": draw(st.sampled_from([0, 1, 2, 5])),
        "read_bytes": draw(st.sampled_from([1, 256, 700, 5000])),
        "shuffle": random.Random(draw(st.integers(0, 1 << 30))),
    }


@given(case=cases(), way=ways())
def test_rows_late_rows_and_ledger_are_the_oracles(case: Case, way: Values) -> None:
    case.check(Started(case.plan).run())
    case.check(Started(case.plan, threads=1, morsel_rows=1, read_bytes=1, rewrites=False).run())
    case.check(Started(case.plan, **way).run())


@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data(), way=ways())
def test_rows_of_files_are_the_oracles(tmp_path_factory: pytest.TempPathFactory, data: Any, way: Values) -> None:
    case = data.draw(cases(tmp_path_factory.mktemp("files", numbered=True)))
    case.check(Started(case.plan, **way).run())
    stored = wire.loads(wire.dumps(case.plan))
    case.check(Started(stored, threads=2, read_bytes=1).run())


@pytest.mark.parametrize("seed", range(12))
def test_rows_that_are_late_for_some_of_their_windows(seed: int) -> None:
    """Hopping windows over rows that go back and forth by less than a window: most rows are late for a part."""
    dice = random.Random(seed)
    parts: list[list[Values | None]] = []
    for _ in range(2):
        time, rows = 0, []
        for _ in range(150):
            time += dice.choice([0, 100, 400, 900, 1600])
            values = {"k": dice.choice(["a", "b", None]), "n": dice.randrange(9), "x": dice.random(), "b": True, "g": 1}
            rows.append({**values, "t": time - dice.choice([0, 0, 300, 1100, 2600, 9000])})
        parts.append(rows)
    source = cd.source("memory", rows=parts, schema=SCHEMA, event_time="t", disorder=dice.choice([0, 700]), name="one")
    window = cd.hopping("4s", every=dice.choice(["500ms", "1s", "2s"]), offset=dice.choice([0, "300ms"]))
    out = source.group_by("k").window(window).agg(c=cd.count(), s=cd.sum("x"), all=cd.collect("n"), name="w")
    plan = cd.Pipeline("partly", out.to("console", name="to out"), out.late().to("console", name="to late"))
    inputs = {"one": {f"p{i}": [Record(j, row) for j, row in enumerate(rows)] for i, rows in enumerate(parts)}}
    case = Case(plan, interpret(plan, inputs))
    assert case.wanted.fates["w"].partly_late > 20
    assert case.wanted.fates["w"].late > 5
    case.check(Started(plan).run())
    case.check(Started(plan, threads=3, morsel_rows=7, read_bytes=5000, shuffle=dice).run())


# Cuts.


def stored(cut: Cut) -> Cut:
    """Return the cut after a round trip through Arrow IPC and JSON: what no pickle could hide in."""
    tables: dict[str, dict[str, bytes]] = {}
    operators: dict[str, Values] = {}
    for operator, blob in cut.operators.items():
        tables[operator] = {}
        for number, table in blob.added.items():
            out = io.BytesIO()
            with pa.ipc.new_stream(out, table.schema) as writer:
                writer.write_table(table)
            tables[operator][str(number)] = out.getvalue()
        operators[operator] = {
            "kind": blob.kind,
            "version": blob.version,
            "whole": blob.whole,
            "values": blob.values,
            "removed": blob.removed,
        }
    plain = {name: getattr(cut, name) for name in cut.__slots__ if name != "operators"}
    text = json.dumps({"plain": plain, "operators": operators}, allow_nan=False)
    read = json.loads(text)
    blobs = {
        operator: Blob(
            operator,
            added={int(i): pa.ipc.open_stream(raw).read_all() for i, raw in tables[operator].items()},
            **values,
        )
        for operator, values in read["operators"].items()
    }
    return Cut(operators=blobs, **read["plain"])


class Abandoned(RunError):
    """Raised to end the first run."""


def run_with_cuts(plan: Plan, at: Sequence[int], way: Values, *, abandon: bool) -> tuple[Started, list[Cut]]:
    """Run, cut whole at the first of these read numbers and as deltas behind; end with the last cut, or go on."""
    wanted = threading.Semaphore(0)
    pending = sorted(at)
    over = threading.Event()

    def on_read(number: int) -> None:
        if pending and number >= pending[0]:
            pending.pop(0)
            with job._wake:
                job._paused = True  # as the cut itself is about to do: nothing more is admitted from here on
            wanted.release()

    def go() -> None:
        try:
            run.run()
        except Abandoned:
            pass
        finally:
            over.set()
            wanted.release()

    run = Started(plan, wrap=lambda _, source: CountedSource(source, on_read), **way)
    job = run.execution.job
    thread = threading.Thread(target=go)
    cuts: list[Cut] = []
    thread.start()
    for _ in at:
        wanted.acquire()
        if over.is_set():
            break
        cuts.append(stored(run.execution.cut(whole=not cuts)))
    if abandon:
        run.execution.kill(Abandoned("abandoned"))
    thread.join()
    return run, cuts


@settings(max_examples=settings.default.max_examples * 2)
@given(data=st.data(), first=ways(), second=ways(), abandon=st.booleans())
def test_a_cut_is_restored(data: Any, first: Values, second: Values, abandon: bool) -> None:
    case = data.draw(cases(kinds=[k for k in TOPOLOGIES if k != "stateless"]))
    at = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True))
    first["read_bytes"] = 256
    begun, cuts = run_with_cuts(case.plan, at, first, abandon=abandon)
    if not abandon:
        case.check(begun)
    if not cuts:
        return
    used = cuts[: data.draw(st.integers(1, len(cuts)))]
    rest = Started(case.plan, **{**second, "rewrites": first["rewrites"]})
    rest.execution.restore(used)
    rest.run()
    rows = {name: begun.rows[name][: used[-1].written[name]] + rows for name, rows in rest.rows.items()}
    assert differences(case.wanted, rows, rest.ledger) == []
