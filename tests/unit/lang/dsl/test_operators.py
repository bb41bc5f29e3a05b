"""The front end of functions, whole windows and ordered operators, with what each gives over a few rows."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.nodes import DeadLetters, Filter, Union
from caudal.plan.python import PythonFunction

ROWS = [
    {"ip": "a", "t": 100, "n": 1},
    {"ip": "b", "t": 200, "n": 5},
    {"ip": "a", "t": 300, "n": 9},
    {"ip": "a", "t": 1100, "n": None},
    {"ip": "b", "t": 1200, "n": 7},
]
SCHEMA = {"ip": "string", "t": "int64", "n": "int64"}


def rows(**options: Any) -> cd.Stream:
    return cd.source("memory", rows=ROWS, schema=SCHEMA, event_time="t", **options)


def got(stream: cd.Stream, *columns: str) -> list[tuple[Any, ...]]:
    frame = stream.select(*columns).collect()
    assert isinstance(frame, pl.DataFrame)
    return frame.rows()


def test_decorators_take_parentheses_or_none() -> None:
    def f(n: int) -> int:
        return n

    for decorator in (cd.jit, cd.batch, cd.row):
        bare, called = decorator(f), decorator()(f)
        assert isinstance(bare, PythonFunction)
        assert isinstance(called, PythonFunction)
        assert (bare.kind, bare.returns, bare.timeout) == (called.kind, called.returns, called.timeout)


def test_split_sends_a_row_to_the_first_predicate_that_is_true() -> None:
    parts = rows().split(small=col("n") < 6, odd="n % 2 = 1")
    assert [*parts] == ["small", "odd", "rest"]
    assert {name: got(part, "t") for name, part in parts.items()} == {
        "small": [(100,), (200,)],
        "odd": [(300,), (1200,)],
        "rest": [(1100,)],  # null is not true
    }
    assert all(isinstance(part.node, Filter) for part in parts.values())
    assert [*rows().split(rest="others", small=col("n") < 6)] == ["small", "others"]


@pytest.mark.parametrize(
    ("build", "message", "hint"),
    [
        (lambda: rows().split(), "split takes at least one predicate", "split(refused="),
        (lambda: rows().split(rest="x", x=col("n") > 1), "'x' is the stream of all other rows", 'rest="others"'),
        (lambda: rows().split(a=7), "expression or SQL text", "code = 401"),  # type: ignore[arg-type]
        (lambda: rows().map(3, schema=SCHEMA), "3 is not a function", "decorate a function"),  # type: ignore[arg-type]
        (lambda: rows().group_by("ip").agg(n=cd.count()), "agg needs a window", ".running("),
        (lambda: rows().window(7), "7 is not a window", "cd.rows(100)"),  # type: ignore[arg-type]
        (lambda: rows().deduplicate("n", within="soon"), "cannot read the within", ""),
    ],
)
def test_mistakes_have_a_message_and_a_hint(build: Any, message: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        build()
    assert message in str(caught.value)
    assert hint in caught.value.hint


def test_map_and_flat_map_keep_the_event_time_of_their_rows() -> None:
    @cd.batch
    def moved(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select("ip", t=pl.col("t") + 10_000)

    @cd.batch
    def twice(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.concat([frame, frame]).select("_row", "ip")

    counts = rows().map(moved, schema={"ip": "string", "t": "int64"}).window(cd.tumbling("1s")).agg(n=cd.count())
    assert got(counts, "n") == [(3,), (2,)]
    doubled = rows().flat_map(twice, schema={"ip": "string"})
    assert got(doubled, "ip") == [(ip,) for row in ROWS for ip in (row["ip"],) * 2]
    assert got(doubled.window(cd.tumbling("1s")).agg(n=cd.count()), "n") == [(6,), (4,)]


def test_plain_functions_of_rows_run_without_a_decorator() -> None:
    def tripled(row: dict[str, Any]) -> list[dict[str, Any]] | None:
        return None if row["n"] is None else [{"ip": row["ip"]}] * (row["n"] % 3)

    assert got(rows().flat_map(tripled, schema={"ip": "string"}), "ip") == [("a",), ("b",), ("b",), ("b",)]


def test_copies_and_shuffles() -> None:
    copied = rows().shuffle().all(3)
    assert got(copied, "t", "instance") == [(row["t"], i) for row in ROWS for i in range(3)]


def test_top_and_sort_in_windows() -> None:
    windows = rows().window(cd.tumbling("1s"))
    assert got(windows.top(2, by="n"), "n") == [(9,), (5,), (7,), (None,)]
    assert got(windows.top(1, by="n", descending=False), "n") == [(1,), (None,)]
    assert got(windows.sort(by=["ip", "n"]), "ip", "n") == [("a", 1), ("a", 9), ("b", 5), ("a", None), ("b", 7)]


def test_running_aggregates_stand_behind_the_rows_own_columns() -> None:
    found = rows().group_by("ip").running(c=cd.count(), s=cd.sum("n"))
    assert found.schema.names == ("ip", "t", "n", "c", "s")
    assert got(found, "t", "c", "s") == [(100, 1, 1), (200, 1, 5), (300, 2, 10), (1100, 3, 10), (1200, 2, 12)]
    alone = rows().running(c=cd.count(), order="arrival")
    assert got(alone, "c") == [(i,) for i in range(1, 6)]


def test_sliding_windows_have_their_start_outside_and_their_end_inside() -> None:
    in_time = rows().window(cd.sliding("200ms")).agg(c=cd.count())
    assert got(in_time, "t", "c") == [(100, 1), (200, 2), (300, 2), (1100, 1), (1200, 2)]
    in_rows = rows().window(cd.sliding(rows=2)).agg(s=cd.sum("n"))
    assert got(in_rows, "s") == [(1,), (6,), (14,), (9,), (7,)]


def test_windows_of_rows_and_growing_ones() -> None:
    def ends(column: str) -> Any:
        return col(column).cast("int64")

    pairs = rows().window(cd.rows(2)).agg(s=cd.sum("n")).select("s", a=ends("window_start"), b=ends("window_end"))
    assert pairs.collect().rows() == [(6, 100, 200), (9, 300, 1100), (7, 1200, 1200)]  # type: ignore[union-attr]
    overlapping = rows().window(cd.rows(3, every=1)).agg(s=cd.sum("n"))
    assert got(overlapping, "s")[:3] == [(15,), (14,), (16,)]
    growing = rows().window(cd.cumulative("2s", every="1s")).agg(c=cd.count()).select("c", b=ends("window_end"))
    assert growing.collect().rows() == [(3, 1000), (5, 2000)]  # type: ignore[union-attr]


def test_deduplication() -> None:
    assert got(rows().deduplicate("ip"), "t") == [(100,), (200,)]
    assert got(rows().deduplicate(["ip"], within="1000ms"), "t") == [(100,), (200,)]
    assert got(rows().deduplicate("ip", within="999ms"), "t") == [(100,), (200,), (1100,), (1200,)]
    assert got(rows().deduplicate((col("n") // 4).alias("k")), "t") == [(100,), (200,), (300,), (1100,)]


def test_dead_letters_of_a_stream_are_those_of_all_that_can_fail_upstream() -> None:
    @cd.jit
    def halved(n: int) -> int:
        if n == 5:
            raise ValueError
        return n // 2

    plain = rows().filter("n > 1")
    assert isinstance(plain.dead_letters().node, DeadLetters)
    failing = plain.with_columns(h=halved(col("n")), name="halves")
    dead = failing.dead_letters()
    assert isinstance(dead.node, Union)
    assert got(dead, "operator", "reason", "message") == [("halves", "exception", "ValueError")]
    assert got(failing, "h") == [(4,), (3,)]


@cd.jit
def more(n: int) -> int:
    return n + 1


@pytest.mark.parametrize(
    ("make", "columns"),
    [
        (lambda s, n: s.group_by("ip").lag(n, into="p"), ["ip", "t", "n", "p"]),
        (lambda s, n: s.group_by(k=n).lag("t", into="p"), ["ip", "t", "n", "p"]),
        (lambda s, n: s.group_by("ip").lead(n, within="1s", into="p"), ["ip", "t", "n", "p"]),
        (lambda s, n: s.group_by(k=n).running(s=cd.ewma(n, span=2)), ["ip", "t", "n", "k", "s"]),
        (lambda s, n: s.group_by("ip").running(s=cd.sum(n), s_of=cd.count()), ["ip", "t", "n", "s", "s_of"]),
        (lambda s, n: s.group_by(k=n).running(s=cd.count()), ["ip", "t", "n", "k", "s"]),
        (lambda s, n: s.group_by("ip").running(s=cd.count(), order_by=n), ["ip", "t", "n", "s"]),
        (lambda s, n: s.group_by("ip").window(cd.sliding("3s")).agg(s=cd.max(n)), ["ip", "t", "n", "s"]),
        (lambda s, n: s.deduplicate(n.alias("q")), ["ip", "t", "n"]),
        (
            lambda s, n: s.group_by("ip").window(cd.tumbling("1s")).top(1, by=n),
            ["ip", "window_start", "window_end", "t", "n"],
        ),
    ],
)
def test_a_call_leaves_no_column_of_its_own(make: Any, columns: list[str]) -> None:
    """Calls are computed before rows are grouped; what comes out is as with an expression of the same value."""
    called, written = make(rows(), more(col("n"))), make(rows(), col("n") + 1)
    assert called.schema.names == written.schema.names == tuple(columns)
    assert called.filter(col("n").is_not_null()).collect().equals(written.filter(col("n").is_not_null()).collect())


def test_what_is_missing_in_a_call_is_named() -> None:
    for call, hint in (
        (lambda: rows().group_by("ip").lag("n"), 'write .lag("n", into=...)'),
        (lambda: rows().window(cd.tumbling("1s")).top(3), "write .top(3, by=...)"),
    ):
        with pytest.raises(TypeError) as found:
            call()
        assert found.value.hint == hint  # type: ignore[attr-defined]
    with pytest.raises(PlanError, match="no name"):
        rows().group_by("ip").lag("n", into="")


AVERAGE = {
    "a bare number": (lambda: cd.ewma("n", 0.5), "positional"),  # pyright: ignore[reportCallIssue]
    "nothing": (lambda: cd.ewma("n"), "one of alpha, span and half_life"),
    "both": (lambda: cd.ewma("n", alpha=0.1, span=3), "one of alpha, span and half_life"),
    "a share": (lambda: cd.ewma("n", alpha=1.5), "above 0 and at most 1"),
    "no share": (lambda: cd.ewma("n", alpha=0), "above 0 and at most 1"),
    "NaN": (lambda: cd.ewma("n", alpha=float("nan")), "above 0 and at most 1"),
    "a span": (lambda: cd.ewma("n", span=0.5), "1 or more"),
    "a text": (lambda: cd.ewma("n", span="10m"), "span is a number"),
    "no time": (lambda: cd.ewma("n", half_life="0s"), "."),
    "a window": (lambda: rows().window(cd.tumbling("1s")).agg(m=cd.ewma("n", span=3)), "has no window"),
    "a frame": (lambda: rows().group_by("ip").window(cd.sliding("1s")).agg(m=cd.ewma("n", span=3)), "has no window"),
    "a pattern": (
        lambda: rows().group_by("ip").match(cd.event("a", "n > 1"), within="1s").agg(m=cd.ewma("n", span=3)),
        "has no window",
    ),
    "counts": (lambda: rows().group_by("ip").running(m=cd.ewma("n", span=3), c=cd.count()), "operators of their own"),
    "words": (lambda: rows().group_by("n").running(m=cd.ewma("ip", span=3)), "takes a number, not string"),
    "an expression": (lambda: rows().with_columns(m=cd.ewma("n", span=3)), "."),
    "arithmetic": (lambda: rows().filter(col("n") > cd.ewma("n", span=3) * 3), "."),
    "arrival": (lambda: rows().group_by("ip").running(order="arrival", m=cd.ewma("n", half_life="1s")), "event time"),
    "no wait": (lambda: rows().group_by("ip").lead("n", within="0s", into="p"), "."),
    "no column": (lambda: rows().group_by("ip").lead("n", within="1s", into="ip"), "there is a column 'ip'"),
    "back": (lambda: rows().group_by("ip").lead("n", -1, within="1s", into="p"), "a number of rows"),
}


@pytest.mark.parametrize("name", AVERAGE)
def test_averages_and_later_values_that_cannot_be(name: str) -> None:
    make, said = AVERAGE[name]
    with pytest.raises((PlanError, TypeError), match=said):
        make()


def test_lead_needs_event_time() -> None:
    plain = cd.source("memory", rows=ROWS, schema=SCHEMA)
    with pytest.raises(PlanError, match="waits in event time"):
        plain.group_by("ip").lead("n", within="1s", into="p")


def test_a_field_that_came_later_stands_in_json_only_where_it_says_something() -> None:
    """So state that was stored before fits."""
    stored = [wire.describe(rows().deduplicate("ip", within="1s", since=since).node) for since in ("passed", "seen")]
    assert [each.get("seen") for each in stored] == [None, True]
    plan = cd.Pipeline("p", rows().deduplicate("ip", within="1s", since="seen").to("console"))
    assert wire.to_json(wire.from_json(wire.to_json(plan))) == wire.to_json(plan)
