"""Nodes that call functions, copy rows and keep state: schemas, what they read, what is refused, their forms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.nodes import (
    Copies,
    Deduplicate,
    FlatMap,
    Keyed,
    Map,
    Node,
    Process,
    Reduce,
    Running,
    Select,
    Shuffle,
    Throttle,
    WindowApply,
    WindowTop,
    WithColumns,
)
from caudal.plan.plan import Plan

SCHEMA = {"ip": "string", "t": "int64", "n": "int64", "tags": ["string"]}
OUT = {"x": "float64"}


def rows(**options: Any) -> cd.Stream:
    return cd.source("files", path="a.jsonl", schema=SCHEMA, **{"event_time": "t", "name": "rows", **options})


def untimed() -> cd.Stream:
    return rows(event_time=None)


@cd.jit
def score(n: int) -> int:
    return n % 7


@cd.batch
def frames(frame: Any) -> Any:
    return frame


@cd.jit
def arrays(n: Any, t: Any) -> Any:
    return (n + t,)


def plain(row: Any) -> Any:
    return row


def fold(state: Any, row: Any) -> Any:
    return row


def walk(state: Any, rows: Any, timers: Any) -> Any:
    return rows


def keyed() -> Any:
    return rows().group_by("ip")


def in_windows() -> Any:
    return keyed().window(cd.tumbling("1s"))


HEADS = "ip: string, window_start: timestamp, window_end: timestamp"
OWN = "ip: string, t: int64, n: int64, tags: list<string>"

# name: (stream, node, schema, whether it has dead letters, describe)
BUILT: dict[str, tuple[Any, type[Node], str, bool, str]] = {
    "map": (lambda: rows().map(plain, schema=OUT), Map, "x: float64", True, "plain (row function)"),
    "map of frames": (lambda: rows().map(frames, schema=OUT), Map, "x: float64", True, "frames (batch function)"),
    "flat_map": (lambda: rows().flat_map(plain, schema=OUT), FlatMap, "x: float64", True, "plain (row function)"),
    "shuffle": (lambda: rows().shuffle(), Shuffle, OWN, False, ""),
    "all": (
        lambda: rows().all(3, column="copy"),
        Copies,
        f"{OWN}, copy: int64",
        False,
        "to 3 instances, numbered in 'copy'",
    ),
    "apply": (
        lambda: in_windows().apply(frames, schema=OUT),
        WindowApply,
        f"{HEADS}, x: float64",
        True,
        "by ip in tumbling(1s): frames (batch function)",
    ),
    "apply of arrays": (
        lambda: rows().window(cd.session("2s")).apply(arrays, schema=OUT),
        WindowApply,
        "window_start: timestamp, window_end: timestamp, x: float64",
        True,
        "in session(2s): arrays (jit function)",
    ),
    "top": (
        lambda: in_windows().top(3, by=["n", col("t") + 1]),
        WindowTop,
        f"{HEADS}, t: int64, n: int64, tags: list<string>",
        False,
        "by ip in tumbling(1s): first 3 by n descending, t + 1 descending",
    ),
    "sort": (
        lambda: keyed().window(cd.rows(5, every=2)).sort(by="n"),
        WindowTop,
        f"{HEADS}, t: int64, n: int64, tags: list<string>",
        False,
        "by ip in rows(5, every 2): by n",
    ),
    "running": (
        lambda: rows().group_by("ip", half=col("n") // 2).running(c=cd.count(), m=cd.mean("n")),
        Running,
        f"{OWN}, half: int64, c: int64, m: float64",
        False,
        "by ip, half=FLOOR_DIV(n, 2) over all so far: c=count(), m=mean(n)",
    ),
    "sliding": (
        lambda: rows().window(cd.sliding("10s")).agg(c=cd.count()),
        Running,
        f"{OWN}, c: int64",
        False,
        "over sliding(10s): c=count()",
    ),
    "sliding over rows": (
        lambda: keyed().window(cd.sliding(rows=4, order="arrival")).agg(c=cd.count()),
        Running,
        f"{OWN}, c: int64",
        False,
        "by ip over sliding(rows=4): c=count()",
    ),
    "deduplicate": (
        lambda: rows().deduplicate(["ip", "n"], within="10m"),
        Deduplicate,
        OWN,
        False,
        "by ip, n within 10m",
    ),
    "deduplicate for ever": (lambda: rows().deduplicate("n"), Deduplicate, OWN, False, "by n within all time"),
    "reduce": (
        lambda: keyed().reduce(fold, schema=OUT, order_by="n"),
        Reduce,
        "ip: string, x: float64",
        True,
        "by ip by fold (row function), by event time, n",
    ),
    "process": (
        lambda: keyed().process(walk, schema=OUT, state={"n": "int64"}, order_by="n"),
        Process,
        "ip: string, x: float64",
        True,
        "by ip by walk (row function), state of n, by event time, n",
    ),
    "throttle": (
        lambda: keyed().throttle("1h", order_by="n"),
        Throttle,
        f"{OWN}, held_back: int64",
        False,
        "by ip one in 1h, by event time, n",
    ),
    "cumulative": (
        lambda: keyed().window(cd.cumulative("1h", every="5m")).agg(c=cd.count()),
        Node,
        f"{HEADS}, c: int64",
        False,
        "by ip in cumulative(1h, every 5m): c=count()",
    ),
}


@pytest.mark.parametrize("name", BUILT)
def test_what_an_operator_gives(name: str) -> None:
    build, kind, schema, dead, described = BUILT[name]
    node = build().node
    assert isinstance(node, kind)
    assert (str(node.schema), node.timed, node.has_dead, node.describe()) == (schema, True, dead, described)
    if isinstance(node, Keyed):
        assert node.reads() <= set(SCHEMA)


@pytest.mark.parametrize("name", BUILT)
def test_an_operator_survives_the_json_form(name: str) -> None:
    plan = cd.Pipeline("p", BUILT[name][0]().to("console"))
    text = wire.dumps(plan)
    again = wire.loads(text)
    assert wire.dumps(again) == text
    assert cd.explain(again) == cd.explain(plan)
    assert list(again.ids.values()) == list(plan.ids.values())
    assert [n.describe() for n in again.nodes] == [n.describe() for n in plan.nodes]


def test_what_operators_read() -> None:
    apply = in_windows().apply(arrays, schema=OUT).node
    assert (apply.takes, apply.reads()) == (("n", "t"), {"ip", "n", "t"})
    assert in_windows().apply(frames, schema=OUT).node.takes == tuple(SCHEMA)
    counted = keyed().window(cd.rows(3, order_by="n")).agg(c=cd.count()).node
    assert (counted.reads(), counted.order_sensitive) == ({"ip", "n"}, True)
    assert not in_windows().agg(c=cd.count()).node.order_sensitive


def _moves(stream: cd.Stream, order: int = -2) -> str:
    """Return the moves: line of the operator before the sink."""
    text = cd.explain(cd.Pipeline("p", stream.to("console")))
    return re.findall(r"moves: (.*)", text)[order]


@pytest.mark.parametrize(
    ("build", "moves"),
    [
        (lambda: rows().shuffle(), "free: any core takes any morsel"),
        (lambda: rows().map(plain, schema=OUT), "free: any core takes any morsel"),
        (lambda: rows().all(2), "free: any core takes any morsel"),
        (
            lambda: rows().group_by("ip", "n").window(cd.tumbling("1s")).agg(c=cd.count()),
            "prepared on any core; state by key group of ip, n, in any order, on all cores by key",
        ),
        (
            lambda: rows().window(cd.tumbling("1s")).agg(c=cd.first("n")),
            "prepared on any core; one group: all rows, in pinned order, one core at a time",
        ),
        (
            lambda: keyed().running(c=cd.count()),
            "prepared on any core; state by key group of ip, in pinned order, on all cores by key",
        ),
        (
            lambda: rows().reduce(fold, schema=OUT, order="arrival"),
            "prepared on any core; one group: all rows, as rows arrive, one core at a time",
        ),
        (
            lambda: rows().deduplicate("ip", order="arrival"),
            "prepared on any core; state by key group of ip, as rows arrive, on all cores by key",
        ),
    ],
)
def test_explain_says_what_moves(build: Any, moves: str) -> None:
    assert _moves(build()) == moves


def test_explain_says_where_functions_run() -> None:
    many = rows().filter(score(col("n")) > 1).map(plain, schema=SCHEMA).map(frames, schema=SCHEMA)
    text = cd.explain(cd.Pipeline("p", many.to("console")))
    calls = re.findall(r"calls: (\w+) at (.*):\d+, (.*)", text)
    assert [(name, where) for name, _, where in calls] == [
        ("score", "compiled, in the operator threads"),
        ("plain", "row by row, in worker processes"),
        ("frames", "with columns, in the operator threads"),
    ]
    assert all(file.endswith("test_operators.py") for _, file, _ in calls)


REFUSED: list[tuple[Any, str]] = [
    (lambda: rows().map(plain, schema={}), "map needs the schema"),
    (lambda: rows().flat_map(plain, schema={}), "flat_map needs the schema"),
    (lambda: rows().flat_map(score, schema=OUT), "a compiled function takes scalars, not rows"),
    (lambda: in_windows().apply(frames, schema={}), "apply needs the schema"),
    (lambda: in_windows().apply(frames, schema={"window_end": "int64"}), "'window_end' is the name"),
    (lambda: in_windows().apply(frames, schema={"ip": "int64"}), "duplicate column 'ip'"),
    (lambda: in_windows().apply(cd.jit(lambda m: (m,)), schema=OUT), "unknown column 'm'"),
    (lambda: keyed().window(cd.sliding("1s")).apply(frames, schema=OUT), "a row for each row"),
    (lambda: keyed().window(cd.sliding("1s")).top(1, by="n"), "a row for each row"),
    (lambda: in_windows().top(0, by="n"), "top takes a number of rows, not 0"),
    (lambda: in_windows().top(True, by="n"), "top takes a number of rows, not True"),
    (lambda: in_windows().top(1, by=[]), "top and sort need by="),
    (lambda: in_windows().sort(by="tags"), "rows cannot be ranked by a list<string>"),
    (lambda: keyed().running(), "aggregates are missing"),
    (lambda: keyed().running(n=cd.count()), "duplicate column 'n'"),
    (lambda: keyed().running(c=cd.count(), order_by="tags"), "rows cannot be ordered by a list<string>"),
    (lambda: untimed().running(c=cd.count()), "the source has none"),
    (lambda: untimed().reduce(fold, schema=OUT), "the source has none"),
    (lambda: untimed().deduplicate("ip"), "the source has none"),
    (lambda: untimed().window(cd.rows(2)).agg(c=cd.count()), "a window needs event time"),
    (lambda: rows().deduplicate([]), "deduplicate needs keys"),
    (lambda: rows().deduplicate("tags"), "cannot be a key"),
    (lambda: rows().deduplicate("ip", within="1s", order="arrival"), "which order='arrival' does not follow"),
    (lambda: rows().reduce(fold, schema={}), "reduce needs the schema of its state"),
    (lambda: rows().reduce(frames, schema=OUT), "not a batch function"),
    (lambda: keyed().reduce(fold, schema={"ip": "string"}), "duplicate column 'ip'"),
    (lambda: untimed().group_by("ip").process(walk, schema=OUT), "timers are in event time"),
    (lambda: keyed().process(walk, schema={}), "process needs the schema of what the function gives"),
    (lambda: keyed().process(frames, schema=OUT), "not a batch function"),
    (lambda: keyed().process(fold, schema=OUT), "is called with 3: state, rows, timers"),
    (lambda: keyed().process(walk, schema={"ip": "string"}), "duplicate column 'ip'"),
    (lambda: keyed().process(walk, schema=OUT, state={"n": "int"}), "unknown type"),
    (lambda: untimed().group_by("ip").throttle("1h"), "throttle counts in event time"),
    (lambda: keyed().throttle("0s"), "greater than zero"),
    (lambda: keyed().throttle("1h", into="n"), "there is a column 'n' already"),
    (lambda: rows().all(0), "rows cannot go to 0 instances"),
    (lambda: rows().all(2, column="ip"), "duplicate column 'ip'"),
    (lambda: cd.rows(0), "greater than zero"),
    (lambda: cd.rows(2, every=3), "rows between two windows would be lost"),
    (lambda: cd.rows("2s"), "size is a number of rows, not '2s'"),  # type: ignore[arg-type]
    (lambda: cd.rows(2, order="random"), "unknown order 'random'"),
    (lambda: cd.rows(2, order="arrival", order_by="n"), "order='arrival' takes rows as they come"),
    (lambda: cd.sliding(), "a sliding window needs a size"),
    (lambda: cd.sliding("1s", rows=3), "in time or in rows"),
    (lambda: cd.sliding("1s", order="arrival"), "takes rows by event time"),
    (lambda: cd.cumulative("1h", every="7m"), "multiple of its step"),
    (lambda: cd.cumulative("0s", every="1s"), "greater than zero"),
]


@pytest.mark.parametrize(("build", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_does_not_hang_together_is_refused(build: Any, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        build()


def test_rows_may_arrive_without_event_time() -> None:
    for stream in (
        untimed().running(c=cd.count(), order="arrival"),
        untimed().reduce(fold, schema=OUT, order="arrival"),
        untimed().deduplicate("ip", order="arrival"),
        untimed().window(cd.rows(2, order="arrival")).agg(c=cd.count()),
    ):
        assert not stream.node.timed


def test_event_time_takes_no_function() -> None:
    with pytest.raises(PlanError, match="event time cannot come from a Python function"):
        rows(event_time=score(col("n")))


CALLED: dict[str, Any] = {
    "key": lambda: rows().group_by(k=score(col("n"))).window(cd.tumbling("1s")).agg(c=cd.count()),
    "aggregate": lambda: rows().window(cd.tumbling("1s")).agg(c=cd.sum(score(col("n")) + 1)),
    "order of an aggregate": lambda: rows().window(cd.tumbling("1s")).agg(c=cd.first("n", order_by=score(col("n")))),
    "ranking": lambda: rows().window(cd.tumbling("1s")).top(1, by=score(col("n"))),
    "order": lambda: rows().window(cd.rows(2, order_by=score(col("n")))).agg(c=cd.count()),
    "key of deduplicate": lambda: rows().deduplicate(score(col("n")).alias("k")),
    "running": lambda: rows().running(c=cd.sum(score(col("n")))),
    "reduce": lambda: rows().group_by(k=score(col("n"))).reduce(fold, schema=OUT),
}


@pytest.mark.parametrize("name", CALLED)
def test_calls_are_computed_before_rows_are_grouped_or_ordered(name: str) -> None:
    node = CALLED[name]().node
    if isinstance(node, Select):  # the column that the call was computed into is taken away again
        node = node.input
    before = node.input
    assert isinstance(before, WithColumns)
    assert before.functions == (score,)
    assert score not in node.functions
    assert before.schema.names[: len(SCHEMA)] == tuple(SCHEMA)


def test_ids_of_operators_do_not_hang_on_what_functions_do() -> None:
    def plan(limit: int) -> Plan:
        test = cd.row(returns="bool")(lambda n: n > limit)
        found = (
            rows()
            .filter(test(col("n")))
            .deduplicate("ip", within=timedelta(milliseconds=limit))
            .group_by("ip")
            .running(c=cd.count())
        )
        return cd.Pipeline("p", found.to("console"))

    assert set(plan(1).ids.values()) == set(plan(2).ids.values())
