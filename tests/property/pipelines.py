"""Random rows, random pipelines over them, ways to run them, and what the oracle says of each."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import called
from hypothesis import note
from hypothesis import strategies as st

import caudal as cd
from caudal import col
from caudal.core.types import INT64
from caudal.lang.dsl.stream import Stream
from caudal.plan.nodes import DeadLetters, Keyed, Late, Node, Sink, Union, WindowAggregate
from caudal.plan.nodes.join import HOW
from caudal.plan.plan import Plan
from caudal.testing.harness import Started, differences
from caudal.testing.oracle import Outcome, Record, interpret
from caudal.testing.scalars import identity, ordering

Values = dict[str, Any]
SCHEMA = {"k": "string", "g": "int64", "x": "float64", "n": "int64", "b": "bool", "t": "int64"}
COLUMNS = list(SCHEMA)

# Rows.

TEXTS = [None, "", "a", "b", "aa", "é", "\U0001f600"]
INTEGERS = [None, 0, 1, 2, -1, 7, -8, 2**63 - 1, -(2**63), 2**40]
FINITE = [None, 0.0, -0.0, 1.0, 0.1, -2.5, 1e308, -1e308, 5e-324, 1e-200, 3.0]
FLOATS = [*FINITE, math.nan, math.inf, -math.inf]
STEPS = [0, 0, 1, 250, 999, 1000, 1001, -1, -250, -1000, -2600, 4000]
ODD = 25
"""One row of so many has no time, and one is no row."""


def ms(number: int) -> timedelta:
    """A duration of so many milliseconds."""
    return timedelta(milliseconds=number)


def row_numbers(finite: bool) -> tuple[list[list[Any]], int]:
    """Return the choices that make a row, and how many rows there are: a row is drawn as one number."""
    choices: list[list[Any]] = [
        TEXTS,
        [None, -1, 0, 1],
        FINITE if finite else FLOATS,
        INTEGERS,
        [True, False, None],
        STEPS,
        list(range(ODD)),
    ]
    return choices, math.prod(map(len, choices))


def decoded(number: int, choices: Sequence[Sequence[Any]]) -> list[Any]:
    out = []
    for values in choices:
        number, digit = divmod(number, len(values))
        out.append(values[digit])
    return out


@st.composite
def partitions(draw: Any, finite: bool, most: int = 3) -> list[list[Values | None]]:
    """Rows of one to three partitions; None is a record that is no row."""
    choices, count = row_numbers(finite)
    out: list[list[Values | None]] = []
    for _ in range(draw(st.integers(1, most))):
        time = draw(st.sampled_from([0, -700, 1000, 9000]))
        rows: list[Values | None] = []
        for number in draw(st.lists(st.integers(0, count - 1), max_size=14)):
            *values, step, odd = decoded(number, choices)
            time += step
            row = dict(zip(COLUMNS, [*values, None if odd == 1 else time]))
            rows.append(None if odd == 2 else row)
        out.append(rows)
    return out


# Parts of pipelines.

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
CALLS: list[Callable[[], Values]] = [
    lambda: {"x": called.inverse(col("n"))},
    lambda: {"n": called.wrapped(col("n"), col("x")), "b": called.known(col("g"), col("b"))},
    lambda: {"x": called.halved(col("x"), col("n"))},
    lambda: {"g": called.size(col("k"))},
    lambda: {"n": cd.when(col("b")).then(called.wrapped(called.size(col("k")), col("x"))).otherwise(0)},
    lambda: {"x": called.inverse(col("g")) + called.inverse(col("n"))},
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
    lambda: cd.percentile("x", 50),
    lambda: cd.percentile("k", 99.9),
    lambda: cd.count_distinct("x"),
    lambda: cd.count_distinct("k"),
    lambda: cd.approx_count_distinct("n"),
]
ORDERED: list[Callable[[], Any]] = [
    lambda: cd.first("n"),
    lambda: cd.last("k"),
    lambda: cd.collect("n"),
    lambda: cd.first("x", order_by="k"),
    lambda: cd.last("n", order_by=["x", "g"]),
    lambda: cd.collect("k", order_by=[col("n") % 3]),
]
STAGED = [*FREE, *ORDERED]
RANKINGS: list[Callable[[], Any]] = [lambda: "x", lambda: "k", lambda: ["g", "n"], lambda: [col("n") % 3, col("b")]]
TIES: list[Callable[[], Any]] = [lambda: None, lambda: None, lambda: "n", lambda: ["k", col("x") * 2]]


@st.composite
def windows(draw: Any, kinds: Sequence[str] = ("tumbling", "tumbling", "hopping", "session")) -> Any:
    kind = draw(st.sampled_from(kinds))
    if kind == "session":
        return cd.session(ms(draw(st.sampled_from([1, 250, 1000, 3000]))))
    if kind == "rows":
        size = draw(st.integers(1, 4))
        return cd.rows(size, every=draw(st.integers(1, size)))
    offset = ms(draw(st.sampled_from([0, 0, 300, 5000])))
    if kind == "tumbling":
        return cd.tumbling(ms(draw(st.sampled_from([1, 1000, 2500, 60000]))), offset=offset)
    step = ms(draw(st.sampled_from([250, 1000])))
    make = cd.hopping if kind == "hopping" else cd.cumulative
    return make(step * draw(st.sampled_from([2, 3, 8])), every=step, offset=offset)


IN_TIME = ("tumbling", "hopping", "session", "cumulative")
ANY_WINDOW = (*IN_TIME, "rows")


@st.composite
def frames(draw: Any, order_by: Any) -> Any:
    """What a running aggregate looks back on."""
    kind = draw(st.sampled_from(["time", "rows"]))
    if kind == "time":
        return cd.sliding(ms(draw(st.sampled_from([1, 250, 1000, 4000]))), order_by=order_by)
    return cd.sliding(rows=draw(st.sampled_from([1, 2, 3, 50])), order_by=order_by)


@st.composite
def stateless(draw: Any, stream: Any) -> Any:
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["filter", "with_columns", "select"]))
        if kind == "filter":
            stream = stream.filter(draw(st.sampled_from(FILTERS))())
        else:
            new = draw(st.sampled_from(CHANGES))()
            if kind == "select":
                stream = stream.select(**{name: new.get(name, col(name)) for name in COLUMNS})
            else:
                stream = stream.with_columns(**new)
    return stream


def aggregates(draw: Any, makers: Sequence[Callable[[], Any]], most: int = 4) -> Values:
    chosen = draw(st.lists(st.sampled_from(makers), max_size=most))
    return {"c": cd.count(), **{f"a{i}": make() for i, make in enumerate(chosen)}}


def grouped(draw: Any, stream: Any, most: int = 2) -> Any:
    keys = [key() for key in draw(st.lists(st.sampled_from(KEYS), max_size=most, unique=True))]
    return stream.group_by(*keys) if keys else stream


@st.composite
def windowed(draw: Any, stream: Any, makers: Sequence[Callable[[], Any]], kinds: Any = None) -> Any:
    """A window over a stream of the base schema; its results have a column c, the count of rows."""
    window = draw(windows() if kinds is None else windows(kinds))
    return grouped(draw, stream).window(window).agg(**aggregates(draw, makers))


@st.composite
def over_results(draw: Any, stream: Any) -> Any:
    """A window over the results of one."""
    keys = draw(
        st.lists(st.sampled_from([n for n in stream.schema.names if n in ("k", "g", "x")] or ["c"]), max_size=1)
    )
    over = stream.group_by(*keys) if keys else stream
    totals = {"total": cd.sum("c"), "starts": cd.collect("window_start"), "newest": cd.last("c", order_by="c")}
    return over.window(draw(windows())).agg(**totals)


def based(stream: Any) -> Any:
    """Return the stream with the base schema; what it has no column of the kind for is null, or the count of rows."""
    own = {f.name: f.dtype for f in stream.schema}
    count = next((name for name in ("c", "place") if own.get(name) == INT64), None)
    columns: Values = {}
    for name, dtype in SCHEMA.items():
        missing = col(count) if dtype == "int64" and count else cd.lit(None, dtype)
        columns[name] = col(name) if str(own.get(name)) == dtype else missing
    return stream.select(**columns)


# Stages: from rows of the base schema to any rows.


def calls_stage(draw: Any, stream: Any) -> Any:
    return stream.with_columns(**draw(st.sampled_from(CALLS))())


def calls_filter_stage(draw: Any, stream: Any) -> Any:
    tests = [lambda: called.inverse(col("n")) > 0.2, lambda: called.known(col("n"), col("b")) & (col("x") < 1.0)]
    return stream.filter(draw(st.sampled_from(tests))())


def map_stage(draw: Any, stream: Any) -> Any:
    return stream.map(called.changed, schema=SCHEMA)


def flat_map_stage(draw: Any, stream: Any) -> Any:
    return stream.flat_map(called.twins, schema=SCHEMA)


def copies_stage(draw: Any, stream: Any) -> Any:
    return stream.shuffle().all(draw(st.integers(1, 3)), column="place")


def split_stage(draw: Any, stream: Any) -> Any:
    tests = draw(st.lists(st.sampled_from(FILTERS), min_size=1, max_size=2, unique=True))
    parts = list(stream.split(**{f"part{i}": test() for i, test in enumerate(tests)}).values())
    chosen = draw(st.permutations(parts))
    return chosen[0].union(*chosen[1:])


def window_stage(draw: Any, stream: Any) -> Any:
    if draw(st.integers(0, 4)) == 0:
        size, order_by = draw(st.integers(1, 4)), draw(st.sampled_from(TIES))()
        over = grouped(draw, stream).window(cd.rows(size, order_by=order_by))
        return over.agg(**aggregates(draw, STAGED))
    return draw(windowed(stream, STAGED, ANY_WINDOW))


def top_stage(draw: Any, stream: Any) -> Any:
    over = grouped(draw, stream).window(draw(windows(ANY_WINDOW)))
    by, descending = draw(st.sampled_from(RANKINGS))(), draw(st.booleans())
    if draw(st.booleans()):
        return over.sort(by=by, descending=descending)
    return over.top(draw(st.integers(1, 3)), by=by, descending=descending)


def apply_stage(draw: Any, stream: Any) -> Any:
    over = grouped(draw, stream).window(draw(windows(ANY_WINDOW)))
    if draw(st.booleans()):
        schema = {"place": "int64", "before": "int64", "span": "duration", "name": "string"}
        return over.apply(called.places, schema=schema)
    return over.apply(called.steep, schema={"up": "int64", "at": "float64"})


def running_stage(draw: Any, stream: Any) -> Any:
    over = grouped(draw, stream)
    order_by = draw(st.sampled_from(TIES))()
    named = aggregates(draw, STAGED, 3)
    if draw(st.booleans()):
        return over.window(draw(frames(order_by))).agg(**named)
    return over.running(order_by=order_by, **named)


def deduplicate_stage(draw: Any, stream: Any) -> Any:
    keys = [key() for key in draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))]
    within = draw(st.sampled_from([0, 1, 250, 1000, 4000]))
    since = draw(st.sampled_from(["passed", "seen"])) if within else "passed"
    return stream.deduplicate(keys, within=ms(within), since=since, order_by=draw(st.sampled_from(TIES))())


def throttle_stage(draw: Any, stream: Any) -> Any:
    every = ms(draw(st.sampled_from([1, 250, 1000, 4000])))
    return grouped(draw, stream).throttle(every, order_by=draw(st.sampled_from(TIES))())


Stage = Callable[[Any, Any], Any]
FUNCTIONS: list[Stage] = [calls_stage, calls_filter_stage, map_stage, flat_map_stage, copies_stage, split_stage]
WHOLE: list[Stage] = [window_stage, top_stage, apply_stage]
SEQUENCES: list[Stage] = [running_stage, deduplicate_stage, throttle_stage]
STAGES: dict[str, tuple[list[Stage], list[Stage]]] = {
    "functions": (FUNCTIONS, FUNCTIONS),
    "whole windows": (FUNCTIONS, WHOLE),
    "sequences": (FUNCTIONS, SEQUENCES),
    "stages": (FUNCTIONS + WHOLE + SEQUENCES, WHOLE + SEQUENCES),
}
"""What stands before, and what stands last."""

SHAPES = ["stateless", "window", "chain", "union", "diamond", "two windows", "late", "staggered", "mixed", "joined"]

Sources = Callable[[str, int], Any]
Ends = dict[str, Any]


MANY = 8


def beside(draw: Any, sources: Sources, kind: str) -> Ends:
    """So many pipelines of one stage each, side by side over the same rows: each is a case, and they share a run."""
    one = sources("one", draw(st.sampled_from([0, 500, 3000])))
    ends: Ends = {"dead": one.dead_letters()}
    for i in range(MANY):
        stream = one.filter(draw(st.sampled_from(FILTERS))()) if draw(st.integers(0, 3)) == 0 else one
        stream = draw(st.sampled_from(STAGES["stages"][0]))(draw, stream)
        ends[f"out {i}"] = stream
        if isinstance(stream.node, Keyed):
            ends[f"late {i}"] = Stream(Late(input=stream.node))
        if stream.node.has_dead:
            ends[f"dead {i}"] = Stream(DeadLetters(input=stream.node))
    return ends


def joined(draw: Any, one: Any, two: Any, in_windows: bool = False) -> Any:
    """The rows of two streams that are near each other, or in one window."""
    left, right = draw(st.permutations([one, two]))
    bounds = sorted(draw(st.lists(st.integers(-3000, 3000), min_size=2, max_size=2)))
    within = tuple(f"{'-' if bound < 0 else ''}{abs(bound)}ms" for bound in bounds)
    on = draw(st.sampled_from(["k", "n", ["k", "b"], [("n", "g")]]))
    near = {"window": draw(windows(IN_TIME))} if in_windows else {"within": within}
    return left.join(right, on, how=draw(st.sampled_from(HOW)), nulls=draw(st.sampled_from(["", "match"])), **near)


def with_latest(draw: Any, rows: Any, settings: Any) -> Any:
    """Rows with the latest of their key in another stream, some of which are tombstones."""
    keys = [(["k"], "k"), (["k", "b"], None), (["g"], "n"), ([(col("n") % 3).alias("m")], "g")]
    key, on = draw(st.sampled_from(keys))
    table = settings.group_by(*key).latest(tombstone=draw(st.sampled_from([None, "b", "x > 0"])))
    return rows.lookup(table, on, how=draw(st.sampled_from(["left", "inner", "anti"])))


def joins(draw: Any, sources: Sources, kind: str) -> Ends:
    """So many joins side by side over the same rows."""
    one, two = sources("one", draw(st.sampled_from([0, 500, 3000]))), sources("two", draw(st.sampled_from([0, 1000])))
    ends: Ends = {"dead": one.dead_letters(), "dead two": two.dead_letters()}
    for i in range(MANY):
        kind = draw(st.integers(0, 8))
        if kind == 2:
            out = with_latest(draw, one, draw(st.sampled_from([one, two])))
        elif kind == 0:
            on = draw(st.sampled_from([None, "k", ["k", "b"], [("n", "g")]]))
            out = one.broadcast(draw(st.sampled_from([one, two])), on, how=draw(st.sampled_from(["left", "inner"])))
        elif kind == 1:
            on, window = draw(st.sampled_from(["k", ["k", "b"], [("n", "g")]])), draw(windows(IN_TIME))
            schema = {"lefts": "int64", "rights": "int64", "first": "float64", "span": "timestamp"}
            out = one.cogroup(draw(st.sampled_from([one, two])), on, window=window).apply(called.met, schema=schema)
            ends[f"dead {i}"] = out.dead_letters()
        else:
            out = joined(draw, one, draw(st.sampled_from([one, two])), draw(st.booleans()))
        ends |= {f"out {i}": out, f"late {i}": out.late()}
    return ends


def lookups(draw: Any, sources: Sources, kind: str) -> Ends:
    """So many lookups side by side over the same rows, each in a table of its own."""
    one = sources("one", draw(st.sampled_from([0, 500, 3000])))
    ends: Ends = {"dead": one.dead_letters()}
    keyed: dict[str, Sequence[Any]] = {"k": TEXTS, "g": [-1, 0, 1], "x": FLOATS, "n": INTEGERS, "b": [True, False]}
    times = [None, -1000, 0, 1000, 2000, 4000]
    for i in range(MANY):
        key = draw(st.sampled_from([["k"], ["g"], ["x"], ["n"], ["k", "b"], ["b", "g", "n"]]))
        values = [[value for value in keyed[name] if value is not None] for name in key]
        row = st.tuples(*map(st.sampled_from, values), st.sampled_from(times), st.sampled_from(times))
        drawn = draw(st.lists(row, min_size=1, max_size=12))
        rows = [dict(zip([*key, "since", "until", "v"], [*each, j], strict=True)) for j, each in enumerate(drawn)]
        schema = {**{name: SCHEMA[name] for name in key}, "since": "timestamp", "until": "timestamp", "v": "int64"}
        how = draw(st.sampled_from(["left", "inner", "anti"]))
        as_of = draw(st.sampled_from([None, ("since", "until")]))
        table = cd.table("memory", rows=rows, key=key, schema=schema)
        ends[f"out {i}"] = one.lookup(table, how=how, columns=None if how == "anti" else ["v", "until"], as_of=as_of)
    return ends


def staged(draw: Any, sources: Sources, kind: str) -> Ends:
    """A chain of stages, with late rows and dead letters of each; sometimes over two sources."""
    stream = sources("one", draw(st.sampled_from([0, 500, 3000])))
    ends: Ends = {"dead": stream.dead_letters()}
    before, last = STAGES[kind]
    stages = [*draw(st.lists(st.sampled_from(before), max_size=2)), draw(st.sampled_from(last))]
    if draw(st.integers(0, 3)) == 0:
        two = sources("two", draw(st.sampled_from([0, 1000])))
        stream = stream.union(draw(stateless(two)))
        ends["dead two"] = two.dead_letters()
    for i, stage in enumerate(stages):
        if i == 0 or draw(st.booleans()):
            stream = draw(stateless(stream))
        made = stage(draw, stream)
        node: Node = made.node
        if isinstance(node, Keyed):
            ends[f"late {i}"] = Stream(Late(input=node))
        if node.has_dead:
            ends[f"dead {i}"] = Stream(DeadLetters(input=node))
        if i < len(stages) - 1:
            if draw(st.integers(0, 4)) == 0:
                ends[f"out {i}"] = made
            stream = based(made)
        else:
            ends["out"] = made
    return ends


def shaped(draw: Any, sources: Sources, kind: str) -> Ends:
    """Windows in the shapes that pipelines have."""
    one = sources("one", draw(st.sampled_from([0, 500, 3000])))
    ends: Ends = {"dead": one.dead_letters()}
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
    elif kind == "joined":
        two = sources("two", draw(st.sampled_from([0, 1000])))
        out = joined(draw, draw(stateless(one)), draw(st.sampled_from([one, two])))
        ends |= {"out": out, "late": out.late(), "dead2": two.dead_letters()}
        ends["over"] = out.window(draw(windows())).agg(c=cd.count(), all=cd.collect("n"))
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
    return ends


def pipeline(ends: Ends) -> Plan:
    """Return a pipeline with a sink at each end."""
    return cd.Pipeline("random", *(stream.to("console", name=f"to {name}") for name, stream in ends.items()))


# Cases.


class Case:
    """A pipeline, and what the oracle says of it over its input."""

    def __init__(self, plan: Plan, inputs: Mapping[str, Mapping[str, Sequence[Record]]]) -> None:
        self.plan = plan
        self.wanted: Outcome = interpret(plan, inputs)
        self.wanted.rows.update(self.placed(self.wanted.rows))

    def __repr__(self) -> str:
        return "Case"

    def placed(self, rows: Mapping[str, list[Values]]) -> dict[str, list[Values]]:
        """Return rows with no position in dead letters of what operators made: it is known only where order needs it."""
        sources = {self.plan.ids[source] for source in self.plan.sources}
        out = dict(rows)
        for sink in rows:
            if sink.startswith("to dead"):
                out[sink] = [r if r["source"] in sources else {**r, "position": None} for r in rows[sink]]
        return out

    def in_order(self) -> list[str]:
        """Return the sinks whose rows stand in one order, however the pipeline runs."""
        return [
            sink.name
            for sink in self.plan.sinks
            if (isinstance(sink.input, WindowAggregate) and in_time(sink.input)) or written_in_order(sink)
        ]

    def check(self, run: Started) -> None:
        found = self.placed(run.rows)
        assert differences(self.wanted, found, run.ledger) == []
        for sink in self.plan.sinks:
            rows = found[sink.name]
            if sink.name.startswith("to out") and isinstance(sink.input, WindowAggregate) and in_time(sink.input):
                assert rows == sorted(rows, key=result_order)
            elif written_in_order(sink):
                assert [listed(row) for row in rows] == [listed(row) for row in self.wanted.rows[sink.name]]
            # what takes rows in order of time also fails in that order, and so does what gets rows on several ways
            if isinstance(sink.input, DeadLetters) and as_read(sink.input.input):
                places = sorted(rows, key=lambda row: (row["source"], row["partition"]))
                for before, after in pairwise(places):
                    if (before["source"], before["partition"]) == (after["source"], after["partition"]):
                        assert (before["position"] or 0) <= (after["position"] or 0)


def result_order(row: Values) -> Any:
    keys = [name for name in row if name in ("k", "g", "x", "b", "m")]
    return (row["window_end"], *(ordering(row[name]) for name in keys))


def listed(row: Values) -> list[Any]:
    return sorted((name, repr(identity(value))) for name, value in row.items())


def in_time(node: Node) -> bool:
    return not hasattr(getattr(node, "window", None), "order")


def written_in_order(sink: Sink) -> bool:
    """Whether rows come of an operator that gives them in pinned order, on one way."""
    node = sink.input
    while not isinstance(node, Keyed):
        if isinstance(node, Union | Late | DeadLetters) or len(node.inputs) != 1:
            return False
        (node,) = node.inputs
    return True


def as_read(node: Node) -> bool:
    """Whether a node takes the rows of a source as they were read: nothing that orders them, and no second way, is between."""
    while node.inputs:
        if isinstance(node, Keyed | Union):
            return False
        (node,) = node.inputs
    return True


@st.composite
def cases(draw: Any, folder: Path | None = None, kinds: Sequence[str] = SHAPES) -> Case:
    """A case over rows in memory, or in JSON lines where a folder is given."""
    inputs: dict[str, dict[str, list[Record]]] = {}

    def source(name: str, disorder: int) -> Any:
        parts = draw(partitions(folder is not None))
        if folder is None:
            return in_memory(inputs, name, parts, event_time="t", disorder=ms(disorder))
        place = folder / name
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        names = draw(st.permutations(["z.log", "a10.log", "a9.log"]))[: len(parts)]
        inputs[name] = {file: write_lines(place / file, rows) for file, rows in zip(names, parts)}
        return cd.source(
            "files", path=str(place), format="json", schema=SCHEMA, event_time="t", disorder=ms(disorder), name=name
        )

    kind = draw(st.sampled_from(kinds))
    apart = {"joins": joins, "lookups": lookups}
    make = shaped if kind in SHAPES else staged if kind in STAGES else apart.get(kind, beside)
    plan = pipeline(make(draw, source, kind))
    return noted(Case(plan, inputs), inputs)


def noted(case: Case, inputs: Any) -> Case:
    note(cd.explain(case.plan))
    note(repr(inputs))
    return case


def in_memory(
    inputs: dict[str, dict[str, list[Record]]], name: str, parts: Sequence[Sequence[Values | None]], **options: Any
) -> Any:
    """Return a source of these rows; `inputs` get them as the oracle takes them."""
    given_rows = [[{"n": "no"} if row is None else row for row in rows] for rows in parts]
    inputs[name] = {f"p{i}": [Record(j, row, "type") for j, row in enumerate(rows)] for i, rows in enumerate(parts)}
    return cd.source("memory", rows=given_rows, schema=SCHEMA, name=name, **options)


def write_lines(path: Path, rows: Sequence[Values | None]) -> list[Record]:
    out = []
    with path.open("wb") as file:
        for row in rows:
            line = b'{"n": 1' if row is None else json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
            out.append(Record(file.tell(), row, "syntax"))
            file.write(line + b"\n")
    return out


READS = [1, 256, 700, 5000]


@st.composite
def ways(draw: Any) -> Values:
    """A way to run: none may change a result."""
    return {
        "threads": draw(st.integers(1, 3)),
        "rewrites": draw(st.booleans()),
        "morsel_rows": draw(st.sampled_from([0, 1, 2, 5])),
        "read_bytes": draw(st.sampled_from(READS)),
        "shards": draw(st.sampled_from([0, 1, 2, 8, 128])),
        "fold_rows": draw(st.sampled_from([0, 1, 5])),
        "shuffle": random.Random(draw(st.integers(0, 1 << 20))),
    }
