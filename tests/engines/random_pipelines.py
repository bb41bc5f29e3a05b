"""Random pipelines that keep state, over awkward values: engines give the rows that the local one gives.

Each is drawn from a seed of its own: one or two sources of several partitions, with disorder, ties, late rows and records
that are no rows; filters, columns, Python functions of all kinds, copies and unions; then windows, rankings, running
aggregates, duplicates and folds, one behind another. Late rows and dead letters of all operators are compared too, and the
local engine's with the oracle's.

There are 100 in the suite, behind those that once failed (`once_failed_pipelines.jsonl`). `CAUDAL_PIPELINES=1000` asks
for more (the first 100 stay what they are), `CAUDAL_SEED=7` for others:

    CAUDAL_PIPELINES=1000 CAUDAL_SEED=7 pytest -m engines tests/engines -k random_pipelines

Engines add floats one by one, so sums, means and deviations may differ by 1e-9 of the sum of magnitudes, as in
`caudal verify`. What depends on such a sum is not drawn, nor sums that pass the largest double on their way.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, cached_property
from itertools import count, islice
from pathlib import Path
from typing import Any

import engine_scenarios
import polars as pl
from running import QUICK

import caudal as cd
from caudal import col
from caudal.core.errors import CaudalError, RunError
from caudal.core.types import DataType, Schema
from caudal.lang.dsl.stream import Stream
from caudal.plan import wire
from caudal.plan.nodes import DeadLetters, Keyed, Late, Node, WindowAggregate
from caudal.plan.nodes.join import HOW
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.rewrite import rewrite
from caudal.runner.comparison import compare
from caudal.runner.lineage import adds, lineages
from caudal.runner.magnitudes import with_magnitudes
from caudal.testing.elsewhere import run_on
from caudal.testing.harness import differences
from caudal.testing.live import Script
from caudal.testing.oracle import interpret
from caudal.testing.running import Case, Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "property"))
import called
import pipelines as parts

import patterns

COUNT = int(os.environ.get("CAUDAL_PIPELINES", "100"))
SEED = int(os.environ.get("CAUDAL_SEED", "1"))
TOGETHER = 100
"""So many run in one process of an engine."""
FAILED = Path(__file__).with_name("once_failed_pipelines.jsonl")

Values = dict[str, Any]
Rows = dict[str, dict[str, list[Values]]]
"""The rows of each source by partition, in order."""

SCHEMA = parts.SCHEMA
TEXTS = [None, "", "a", "a", "b", "aa", "é", "\U0001f600", "\uffff", " a"]
MODERATE = [None, 0.0, -0.0, 1.0, 0.1, 0.30000000000000004, -2.5, 3.0, 1e-200, 5e-324, math.nan, math.inf, -math.inf]
EXTREME = [*MODERATE, 1e308, -1e308, 1.7976931348623157e308]
GROUPS = [None, -1, 0, 1]
INTEGERS = [*parts.INTEGERS, 3, 2**53 + 1]
PARTITIONS = ["p10", "p9", "p1", "é/1"]
BEGINNINGS = [0, 0, -700, 1000, 9000]

ADDING = [make for make in parts.STAGED if adds(make(), Schema.of(SCHEMA))]
PLAIN = [make for make in parts.STAGED if make not in ADDING]


STATEFUL = (
    "join",
    "match",
    "process",
    "join_window",
    "cogroup",
    "broadcast",
    "latest",
    "throttle",
    "tumbling",
    "hopping",
    "cumulative",
    "session",
    "counted",
    "top",
    "sort",
    "apply_batch",
    "apply_jit",
    "apply_row",
    "running",
    "sliding_time",
    "sliding_rows",
    "arrival",
    "deduplicate",
    "deduplicate_within",
    "reduce",
    "lag",
    "lead",
    "ewma",
)
STATELESS = ("filter", "filter", "with_columns", "with_columns", "select", "calls", "row_call", "call_filter")
STATELESS += ("map", "flat_map", "copies", "split", "twice")
ALONE = [name for name in STATELESS if name not in ("copies", "split", "twice")]
"""Operators whose rows are those of one partition in its order."""


def ms(number: int) -> timedelta:
    """A duration of so many milliseconds."""
    return timedelta(milliseconds=number)


class Drawing:
    """What one pipeline is drawn with. `adds`: floats may be added, and none is near the largest one."""

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(seed)
        self.adds = self.maybe(0.5)
        self.rows: Rows = {}

    def one(self, choices: Sequence[Any]) -> Any:
        return self.dice.choice(choices)

    def made(self, makers: Sequence[Callable[[], Any]]) -> Any:
        return self.one(makers)()

    def maybe(self, likely: float) -> bool:
        return self.dice.random() < likely

    def several(self, makers: Sequence[Callable[[], Any]], least: int, most: int) -> list[Any]:
        return [make() for make in self.dice.sample(makers, self.dice.randint(least, most))]

    # Sources.

    def source(self, name: str, most: int = 3) -> Stream:
        names = self.dice.sample(PARTITIONS, self.dice.randint(1, most))
        self.rows[name] = {part: self._partition() for part in names}
        disorder = self.one([0, 500, 3000])
        return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", disorder=ms(disorder), name=name)

    def _partition(self) -> list[Values]:
        time, rows = self.one(BEGINNINGS), []
        for _ in range(self.dice.choice([0, 3, 8, 8, 14, 14, 14])):
            time += self.one(parts.STEPS)
            if self.maybe(0.04):
                rows.append({"n": "no"})
                continue
            rows.append(
                {
                    "k": self.one(TEXTS),
                    "g": self.one(GROUPS),
                    "x": self.one(MODERATE if self.adds else EXTREME),
                    "n": self.one(INTEGERS),
                    "b": self.one([True, False, None]),
                    "t": None if self.maybe(0.03) else time,
                }
            )
        return rows

    # Parts of operators.

    def keyed(self, stream: Stream, least: int = 0) -> Any:
        keys = self.several(parts.KEYS, least, self.one([1, 1, 2]))
        return stream.group_by(*keys) if keys else stream

    def aggregates(self, most: int = 4) -> Values:
        makers = [*PLAIN, *ADDING] if self.adds else PLAIN
        return {"c": cd.count(), **{f"a{i}": make for i, make in enumerate(self.several(makers, 1, most))}}

    def window(self, kind: str = "") -> Any:
        kind = kind or self.one(["tumbling", "hopping", "cumulative", "session", "rows"])
        if kind == "session":
            return cd.session(ms(self.one([1, 250, 1000, 3000])))
        if kind == "rows":
            size = self.dice.randint(1, 4)
            return cd.rows(size, every=self.dice.randint(1, size), order_by=self.made(parts.TIES))
        offset = ms(self.one([0, 0, 300, 5000]))
        if kind == "tumbling":
            return cd.tumbling(ms(self.one([1, 1000, 2500, 60000])), offset=offset)
        step = ms(self.one([250, 1000]))
        make = cd.hopping if kind == "hopping" else cd.cumulative
        return make(step * self.one([2, 3, 8]), every=step, offset=offset)

    # Operators without state.

    def filter(self, stream: Stream) -> Stream:
        return stream.filter(self.made(parts.FILTERS))

    def with_columns(self, stream: Stream) -> Stream:
        return stream.with_columns(**self.made(parts.CHANGES))

    def select(self, stream: Stream) -> Stream:
        new = self.made(parts.CHANGES)
        return stream.select(**{name: new.get(name, col(name)) for name in SCHEMA})

    def calls(self, stream: Stream) -> Stream:
        return stream.with_columns(**self.made(parts.CALLS))

    def row_call(self, stream: Stream) -> Stream:
        return stream.with_columns(k=called.shown(col("k"), col("n")))

    def call_filter(self, stream: Stream) -> Stream:
        return stream.filter(called.known(col("n"), col("b")) & (called.inverse(col("n")) > 0.2))

    def map(self, stream: Stream) -> Stream:
        return stream.map(self.one([called.changed, called.anew]), schema=SCHEMA)

    def flat_map(self, stream: Stream) -> Stream:
        return stream.flat_map(self.one([called.twins, called.several]), schema=SCHEMA)

    def copies(self, stream: Stream) -> Stream:
        return based(stream.shuffle().all(self.dice.randint(1, 3), column="place"))

    def split(self, stream: Stream) -> Stream:
        branches = list(stream.split(one=self.made(parts.FILTERS), two=self.made(parts.FILTERS)).values())
        self.dice.shuffle(branches)
        return branches[0].union(*branches[1:])

    def twice(self, stream: Stream) -> Stream:
        return self.filter(stream).union(stream)

    # Operators with state.

    def _windowed(self, stream: Stream, kind: str) -> Stream:
        return self.keyed(stream).window(self.window(kind)).agg(**self.aggregates())

    def tumbling(self, stream: Stream) -> Stream:
        return self._windowed(stream, "tumbling")

    def hopping(self, stream: Stream) -> Stream:
        return self._windowed(stream, "hopping")

    def cumulative(self, stream: Stream) -> Stream:
        return self._windowed(stream, "cumulative")

    def session(self, stream: Stream) -> Stream:
        return self._windowed(stream, "session")

    def counted(self, stream: Stream) -> Stream:
        return self._windowed(stream, "rows")

    def top(self, stream: Stream) -> Stream:
        over = self.keyed(stream).window(self.window())
        return over.top(self.dice.randint(1, 3), by=self.made(parts.RANKINGS), descending=self.maybe(0.5))

    def sort(self, stream: Stream) -> Stream:
        over = self.keyed(stream).window(self.window())
        return over.sort(by=self.made(parts.RANKINGS), descending=self.maybe(0.5))

    def apply_batch(self, stream: Stream) -> Stream:
        schema = {"place": "int64", "before": "int64", "span": "duration", "name": "string"}
        return self.keyed(stream).window(self.window()).apply(called.places, schema=schema)

    def apply_jit(self, stream: Stream) -> Stream:
        return self.keyed(stream).window(self.window()).apply(called.steep, schema={"up": "int64", "at": "float64"})

    def apply_row(self, stream: Stream) -> Stream:
        over = self.keyed(stream).window(self.window())
        return over.apply(called.largest, schema={"most": "int64", "at": "int64"})

    def running(self, stream: Stream) -> Stream:
        return self.keyed(stream).running(order_by=self.made(parts.TIES), **self.aggregates(3))

    def sliding_time(self, stream: Stream) -> Stream:
        frame = cd.sliding(ms(self.one([1, 250, 1000, 4000])), order_by=self.made(parts.TIES))
        return self.keyed(stream).window(frame).agg(**self.aggregates(3))

    def sliding_rows(self, stream: Stream) -> Stream:
        frame = cd.sliding(rows=self.one([1, 2, 3, 50]), order_by=self.made(parts.TIES))
        return self.keyed(stream).window(frame).agg(**self.aggregates(3))

    def arrival(self, stream: Stream) -> Stream:
        """Rows as they come: only over one partition."""
        kind = self.dice.randrange(4)
        if kind == 0:
            return stream.deduplicate(["k", "b"], order="arrival")
        over = self.keyed(stream)
        if kind == 1:
            return over.running(order="arrival", all=cd.collect("n"), **self.aggregates(2))
        if kind == 2:
            return over.window(cd.rows(self.dice.randint(1, 4), order="arrival")).agg(**self.aggregates(2))
        return over.window(cd.sliding(rows=2, order="arrival")).agg(**self.aggregates(2))

    def deduplicate(self, stream: Stream) -> Stream:
        return stream.deduplicate(self.several(parts.KEYS, 1, 2), order_by=self.made(parts.TIES))

    def deduplicate_within(self, stream: Stream) -> Stream:
        within = ms(self.one([1, 250, 1000, 4000]))
        return stream.deduplicate(self.several(parts.KEYS, 1, 2), within=within, order_by=self.made(parts.TIES))

    def lag(self, stream: Stream) -> Stream:
        value, back = self.one(["n", "k", "x"]), self.dice.randint(1, 3)
        new = next(name for name in ("earlier", "earlier2", "earlier3", "earlier4") if name not in stream.schema)
        return stream.group_by("k", "g").lag(value, back, into=new, order_by=self.made(parts.TIES))

    def lead(self, stream: Stream) -> Stream:
        value, on, within = self.one(["n", "k", "x"]), self.dice.randint(1, 3), ms(self.one([1, 250, 1000, 4000]))
        new = next(name for name in ("later", "later2", "later3", "later4") if name not in stream.schema)
        return stream.group_by("k", "g").lead(value, on, within=within, into=new, order_by=self.made(parts.TIES))

    def ewma(self, stream: Stream) -> Stream:
        new = next(name for name in ("usual", "usual2", "usual3", "usual4") if name not in stream.schema)
        average = {new: cd.ewma(self.one(["n", "x"]), span=1)}  # no other is the same, to the last bit, for the oracle
        return self.keyed(stream).running(order_by=self.made(parts.TIES), **average)

    def reduce(self, stream: Stream) -> Stream:
        schema = {"total": "int64", "name": "string"}
        return self.keyed(stream).reduce(called.folded, schema=schema, order_by=self.made(parts.TIES))

    def match(self, stream: Stream) -> Stream:
        return patterns.drawn(self.dice, stream, "")

    def process(self, stream: Stream) -> Stream:
        schema = {"name": "string", "total": "int64", "next": "timestamp"}
        over = self.keyed(stream)
        return over.process(called.walked, schema=schema, state={"total": "int64"}, order_by=self.made(parts.TIES))

    def throttle(self, stream: Stream) -> Stream:
        return self.keyed(stream).throttle(ms(self.one([1, 250, 1000, 4000])), order_by=self.made(parts.TIES))

    # Operators over another stream too.

    def other(self, stream: Stream) -> Stream:
        """Return rows of another source, or of this one."""
        other = self.filter(stream) if self.maybe(0.2) else self.source(f"other {len(self.rows)}")
        return based(other)

    def sides(self, stream: Stream) -> list[Stream]:
        both = [stream, self.other(stream)]
        self.dice.shuffle(both)
        return both

    def join(self, stream: Stream) -> Stream:
        left, right = self.sides(stream)
        lower, upper = sorted(self.dice.randint(-3000, 3000) for _ in range(2))
        within = tuple(f"{'-' if bound < 0 else ''}{abs(bound)}ms" for bound in (lower, upper))
        on = self.one(["k", "n", ["k", "b"], [("n", "g")]])
        return left.join(right, on, within=within, how=self.one(HOW), nulls=self.one(["", "match"]))

    def join_window(self, stream: Stream) -> Stream:
        left, right = self.sides(stream)
        window = self.window(self.one(["tumbling", "hopping", "cumulative", "session"]))
        on = self.one(["k", ["k", "b"], [("n", "g")]])
        return left.join(right, on, window=window, how=self.one(HOW), nulls=self.one(["", "match"]))

    def cogroup(self, stream: Stream) -> Stream:
        left, right = self.sides(stream)
        window = self.window(self.one(["tumbling", "hopping", "session"]))
        schema = {"lefts": "int64", "rights": "int64", "first": "float64", "span": "timestamp"}
        return left.cogroup(right, self.one(["k", ["k", "b"]]), window=window).apply(called.met, schema=schema)

    def broadcast(self, stream: Stream) -> Stream:
        on = self.one([None, "k", ["k", "b"], [("n", "g")]])
        return stream.broadcast(self.other(stream), on, how=self.one(["left", "inner"]))

    def latest(self, stream: Stream) -> Stream:
        key, on = self.one([(["k"], "k"), (["k", "b"], None), (["g"], "n"), ([(col("n") % 3).alias("m")], "g")])
        table = self.other(stream).group_by(*key).latest(tombstone=self.one([None, "b", "x > 0"]))
        return stream.lookup(table, on, how=self.one(["left", "inner", "anti"]))

    # Pipelines.

    def plan(self, kept: str) -> Plan:
        """Return a pipeline with an operator of the name `kept`, and often one or two behind it."""
        single = kept == "arrival"
        stream = self.source("one", 1 if single else 3)
        ends: dict[str, Stream] = {}
        if self.maybe(0.1):
            ends["letters of one"] = stream.dead_letters()
        if not single and self.maybe(0.25):
            stream = stream.union(self._without_state(self.source("two")))
        stream = self._without_state(stream, among=STATELESS if not single else ALONE)
        names = [kept, *self.dice.choices([n for n in STATEFUL if n != "arrival"], k=self.one([0, 0, 1, 1, 2]))]
        for i, name in enumerate(names):
            made: Stream = getattr(self, name)(stream)
            keyed = next(node for node in upwards(made.node) if isinstance(node, Keyed))
            if self.maybe(0.15) and not self.adds:
                late = Stream(Late(input=keyed))
                ends[f"late {i}"] = self.filter(late)
                if self.maybe(0.5):
                    window = self.window(self.one(["tumbling", "session"]))
                    ends[f"over late {i}"] = late.window(window).agg(c=cd.count(), all=cd.collect("n"))
            if keyed.has_dead and self.maybe(0.3):
                # engines number what operators have made only where order needs it
                told = ("partition", "reason") if i else ("partition", "position", "reason")
                ends[f"letters {i}"] = Stream(DeadLetters(input=keyed)).select(*told)
            if i < len(names) - 1:
                if self.maybe(0.2):
                    ends[f"out {i}"] = made
                stream = based(made)
                if self.maybe(0.3):
                    stream = self._without_state(stream, 1)
            else:
                ends["out"] = made.filter(col("c") > 1) if "c" in made.schema and self.maybe(0.2) else made
        return cd.Pipeline("random", *(end.to("console", name=f"to {name}") for name, end in ends.items()))

    def _without_state(self, stream: Stream, most: int = 2, among: Sequence[str] = STATELESS) -> Stream:
        for _ in range(self.dice.randint(0, most)):
            stream = getattr(self, self.one(among))(stream)
        return stream


def based(stream: Stream) -> Stream:
    """Return the stream with the columns of sources; what it has no column of the kind for is null, or a count."""
    return parts.based(stream)


def upwards(node: Node) -> Iterator[Node]:
    """Yield a node and what its rows come from."""
    yield node
    for above in node.inputs:
        yield from upwards(above)


# Cases.


@dataclass(frozen=True)
class Drawn:
    """A pipeline over given rows; `label` says how it was drawn."""

    label: str
    plan: Plan
    rows: Rows

    @cached_property
    def case(self) -> Case:
        return Case(self.plan, scripts(self.rows))

    @cached_property
    def behind(self) -> dict[str, dict[str, str]]:
        """By sink the columns that are sums of floats, each with the column of its magnitudes."""
        return with_magnitudes(self.case.plan)[1]

    @cached_property
    def wanted(self) -> Result:
        """What the local engine gives, sums of magnitudes beside the sums."""
        return self.case.run()

    @cached_property
    def measured(self) -> Result:
        if not any(self.behind.values()):
            return self.wanted
        return Case(with_magnitudes(self.plan)[0], scripts(self.rows)).run()

    @property
    def hangs(self) -> bool:
        """Whether more than values of columns whose magnitudes are known depends on how floats are added."""
        plan = self.case.plan
        added = [
            name
            for node in plan.nodes
            if isinstance(node, WindowAggregate)
            for name, each in node.aggregates
            if adds(each, node.input.schema)
        ]
        if not added:
            return False  # what goes on from row to row is added exactly everywhere
        known = self.behind
        return any(
            lineage.hanging or lineage.inexact - known.get(sink, {}).keys() for sink, lineage in lineages(plan).items()
        )

    def against_oracle(self) -> list[str]:
        """Return how the local engine's result differs from what the oracle says."""
        result = self.wanted
        said = interpret(self.case.plan, self.case.inputs(result))
        rows = {sink.name: side(self.case, result, sink.name) for sink in self.case.plan.sinks}
        for sink in self.case.plan.sinks:
            if isinstance(sink.input, DeadLetters):
                said.rows[sink.name] = self._placed(said.rows[sink.name])
                rows[sink.name] = self._placed(rows[sink.name])
        return differences(said, rows, result.captured)

    def json(self) -> str:
        """Return the line that keeps it."""
        return json.dumps({"label": self.label, "rows": self.rows, "plan": wire.to_json(self.plan)}, ensure_ascii=False)

    def differences(self, got: Result) -> list[str]:
        """Return how a result differs from the local engine's."""
        out: list[str] = []
        for sink in self.case.plan.sinks:
            node = sink.input
            rows = [side(self.case, result, sink.name) for result in (self.measured, got)]
            loose = self.behind.get(sink.name, {})
            columns = node.schema.names
            if isinstance(node, DeadLetters):
                columns = ["source", "partition", "position", "operator", "reason", "event_time"]
                rows = [self._placed(each) for each in rows]
            kinds = {f.name: f.dtype for f in node.schema}
            tables = [table(each, columns, kinds, extra) for each, extra in zip(rows, (loose.values(), ()))]
            found = compare(*tables, columns, inexact=loose)
            out += [f"{sink.name}: missing {row}" for row in found.only_left]
            out += [f"{sink.name}: extra   {row}" for row in found.only_right]
        return out

    def _placed(self, rows: list[Values]) -> list[Values]:
        """Return letters without the positions of what operators made: they are known only where order needs them."""
        return [row if row["source"] in self.rows else {**row, "position": None} for row in rows]


def side(case: Case, result: Result, sink: str) -> list[Values]:
    return case._sink(result, sink, next(s.input for s in case.plan.sinks if s.name == sink))


def scripts(rows: Rows) -> dict[str, Script]:
    out: dict[str, Script] = {}
    for name, by_partition in rows.items():
        out[name] = Script()
        for partition, listed in by_partition.items():
            out[name].partition(partition).rows(*listed, partition=partition)
    return out


_POLARS = {"bool": pl.Boolean(), "string": pl.String(), "float64": pl.Float64(), "float32": pl.Float32()}


def polars(dtype: DataType) -> Any:
    """Return a type as polars has it; integers and times are int64."""
    return pl.List(polars(dtype.item)) if dtype.item is not None else _POLARS.get(dtype.name, pl.Int64())


def table(rows: Sequence[Values], columns: Sequence[str], kinds: Mapping[str, DataType], extra: Any) -> pl.DataFrame:
    types = {**{name: polars(kinds[name]) for name in columns}, **{name: pl.Float64() for name in extra}}
    return pl.DataFrame({n: pl.Series(n, [row[n] for row in rows], t) for n, t in types.items()})


@cache
def failed() -> list[Drawn]:
    """Return those that once failed."""
    out: list[Drawn] = []
    for line in FAILED.read_text(encoding="utf-8").splitlines() if FAILED.exists() else ():
        kept = json.loads(line)
        refresh(kept["plan"])
        out.append(Drawn(kept["label"], wire.from_json(kept["plan"]), kept["rows"]))
    return out


def refresh(plan: Any) -> None:
    """Let functions be what they are today: what failed was not their text."""
    if isinstance(plan, dict):
        if isinstance(function := plan.get("python"), dict):
            function["source"] = getattr(called, function["name"]).source_hash()
        for value in plan.values():
            refresh(value)
    elif isinstance(plan, list):
        for value in plan:
            refresh(value)


def drawn(seed: int, number: int) -> Drawn:
    """Return one pipeline: the same for the same numbers."""
    for attempt in count():
        drawing = Drawing(f"{seed}/{number}/{attempt}")
        plan = drawing.plan(STATEFUL[number % len(STATEFUL)])
        one = Drawn(f"seed {seed}, pipeline {number}", plan, drawing.rows)
        if not one.hangs:
            return one
    raise AssertionError


@cache
def all_drawn() -> list[Drawn]:
    known = {one.label for one in failed()}
    return [*failed(), *(one for i in range(COUNT) if (one := drawn(SEED, i)).label not in known)]


# Runs.


def answers(engine: str, asked: Sequence[Drawn]) -> list[Result | str]:
    """Return what an engine gives for each, or why it gives nothing; one that breaks the others' process is found."""
    out: list[Result | str] = []
    fit: list[Drawn] = []
    for one in asked:
        try:
            registry.find("engine", engine).check(one.case.plan, rewrite(one.case.plan), {})
        except CaudalError as error:
            out.append(f"refused: {error.message}")
        else:
            out.append("")
            fit.append(one)
    results = iter(_together(engine, fit))
    return [answer or next(results) for answer in out]


def _together(engine: str, asked: Sequence[Drawn]) -> list[Result | str]:
    if not asked:
        return []
    try:
        return [*run_on(engine, [one.case for one in asked], QUICK)]
    except RunError as error:
        if len(asked) == 1:
            return [f"fails: {error.message}: {error.detail}"]
        half = len(asked) // 2
        return [*_together(engine, asked[:half]), *_together(engine, asked[half:])]


def found(engine: str, asked: Sequence[Drawn]) -> dict[str, list[str]]:
    """Return how an engine's results differ, by label of those that do."""
    out: dict[str, list[str]] = {}
    rest = iter(asked)
    while part := [*islice(rest, TOGETHER)]:
        for one, answer in zip(part, answers(engine, part), strict=True):
            wrong = [answer] if isinstance(answer, str) else one.differences(answer)
            if wrong:
                out[one.label] = wrong
    return out


def check(engine: str) -> None:
    """Assert that an engine gives what the local one gives."""
    engine_scenarios.require(engine)
    wrong = found(engine, all_drawn())
    lines = [line for label, each in wrong.items() for line in (f"{label}:", *(f"    {x}" for x in each[:6]))]
    assert not wrong, f"{len(wrong)} of {len(all_drawn())} differ on {engine}:\n" + "\n".join(lines)
