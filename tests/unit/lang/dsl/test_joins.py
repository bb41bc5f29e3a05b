"""The front end of joins: what is refused, and what is made of what is given."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.nodes import DeadLetters, Join, WindowApply


def rows(schema: dict[str, str] | None = None, **options: Any) -> cd.Stream:
    given = schema or {"t": "int64", "ip": "string", "n": "int64"}
    return cd.source("memory", rows=[], schema=given, **{"event_time": "t", **options})


OTHER = {"t": "int64", "ip": "string", "m": "int64"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"on": "mac", "within": "1s"}, "the left side of the join has no column 'mac'"),
        ({"on": [("ip", "mac")], "within": "1s"}, "the right side of the join has no column 'mac'"),
        ({"on": [("ip", "m")], "within": "1s"}, "'ip' is a string, 'm' a int64"),
        ({"on": [], "within": "1s"}, "needs columns that are equal"),
        ({"on": [("a", "b", "c")], "within": "1s"}, "cannot be on"),
        ({"on": "ip", "within": 5}, "has no unit"),
        ({"on": "ip", "within": ("1s",)}, "1 bounds"),
        ({"on": "ip", "within": ("5s", "1s")}, "ends before it begins"),
        ({"on": "ip", "within": ("-1s", "-5s")}, "ends before it begins"),
        ({"on": "ip", "within": "1s", "how": "outer"}, "how='outer' is no kind of join"),
        ({"on": "ip", "within": "1s", "nulls": "yes"}, "nulls='yes'"),
        ({"on": "ip", "within": "1s", "suffix": ""}, "both sides of the join have a column 't'"),
    ],
)
def test_what_cannot_be_joined(given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        rows().join(rows(OTHER), **given)


def test_a_join_needs_two_streams_with_event_time() -> None:
    with pytest.raises(PlanError, match="event time"):
        rows(event_time=None).join(rows(OTHER, event_time=None), "ip", within="1s")
    with pytest.raises(PlanError, match="event time"):
        rows().join(rows(OTHER, event_time=None), "ip", within="1s")
    with pytest.raises(PlanError, match="takes a stream"):
        rows().join("flows", "ip", within="1s")  # type: ignore[arg-type]


def test_a_column_that_a_suffix_would_make_twice_is_refused() -> None:
    right = rows({**OTHER, "t_right": "int64"})
    with pytest.raises(PlanError, match="column 't_right'"):
        rows().join(right, "ip", within="1s")
    assert "t_other" in rows().join(right, "ip", within="1s", suffix="_other").schema


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "takes within= or window=\n"),
        ({"within": "5s", "window": cd.tumbling("5s")}, "not both"),
        ({"window": cd.rows(5)}, "meet in windows of time"),
        ({"window": cd.sliding("5s")}, "meet in windows of time"),
        ({"window": "5s"}, "'5s' is not a window"),
    ],
)
def test_a_join_is_near_in_time_or_in_windows(given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        rows().join(rows(OTHER), "ip", **given)


def test_a_windowed_join_has_the_windows_of_results_and_late_rows_of_windows() -> None:
    out = rows().join(rows(OTHER), [("ip", "ip"), ("n", "m")], window=cd.tumbling("5m"), how="left")
    assert out.schema.names == ("ip", "window_start", "window_end", "t", "n", "t_right", "m")
    assert out.late().schema.names[:3] == ("side", "t", "ip")
    plan = cd.Pipeline("p", out.to("console"))
    assert wire.to_json(wire.from_json(wire.to_json(plan))) == wire.to_json(plan)
    with pytest.raises(PlanError, match="window_end"):
        rows({"t": "int64", "ip": "string", "window_end": "int64"}).join(rows(OTHER), "ip", window=cd.tumbling("5m"))


def counted(left: Any, right: Any) -> Any:
    return left


@cd.jit
def compiled(left: Any, right: Any) -> Any:
    return left, right


@pytest.mark.parametrize(
    ("function", "given", "told"),
    [
        (counted, {"on": "mac"}, "no column 'mac'"),
        (counted, {"on": []}, "needs columns that are equal"),
        (counted, {"on": "ip", "window": cd.rows(3)}, "meet in windows of time"),
        (counted, {"on": "ip", "window": 3}, "3 is not a window"),
        (lambda frame: frame, {"on": "ip"}, "is called with 2: left, right"),
        (compiled, {"on": "ip"}, "cannot take the rows of two sides"),
    ],
)
def test_what_cannot_be_brought_together(function: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        rows().cogroup(rows(OTHER), **{"window": cd.tumbling("5s"), **given}).apply(function, schema={"n": "int64"})
    with pytest.raises(PlanError, match="takes a stream"):
        rows().cogroup("flows", "ip", window=cd.tumbling("5s"))  # type: ignore[arg-type]


def test_sides_keep_the_names_of_their_columns() -> None:
    """Whatever the other side calls its own."""
    left = rows({"t": "int64", "ip": "string", "t_right": "int64", "side": "string"})
    right = rows({"t": "int64", "src": "string", "m_right": "int64", "m": "int64"})
    out = left.cogroup(right, [("ip", "src")], window=cd.tumbling("5s")).apply(counted, schema={"n": "int64"})
    assert isinstance(out.node, WindowApply)
    assert out.node.sides is not None
    _, mine, theirs = out.node.sides
    assert [name for name, _ in mine] == ["t", "ip", "t_right", "side"]
    assert [name for name, _ in theirs] == ["t", "src", "m_right", "m"]
    assert len({column for _, column in (*mine, *theirs)}) == 8
    assert out.schema.names == ("ip", "window_start", "window_end", "n")


def test_dead_letters_are_those_of_all_sources_and_functions_upstream() -> None:
    out = rows(name="a").cogroup(rows(OTHER, name="b"), "ip", window=cd.tumbling("5s"))
    stream = out.apply(counted, schema={"n": "int64"}, name="f").dead_letters()
    plan = cd.Pipeline("p", stream.to("console"))
    assert sorted(plan.ids[node.input] for node in plan.nodes if isinstance(node, DeadLetters)) == ["a", "b", "f"]


def test_intervals_are_what_is_written() -> None:
    for within, wanted in {
        "5s": (-5000, 5000),
        ("-5s", "1m"): (-5000, 60_000),
        ("- 10m", "-1ms"): (-600_000, -1),
        (timedelta(0), timedelta(seconds=1)): (0, 1000),
    }.items():
        node = rows().join(rows(OTHER), "ip", within=within).node
        assert isinstance(node, Join)
        assert (node.lower, node.upper) == wanted


def test_a_plan_with_a_join_is_stored_and_read() -> None:
    out = rows().join(
        rows(OTHER), [("ip", "ip"), ("n", "m")], within=("-5s", "1m"), how="full", nulls="match", name="both"
    )
    plan = cd.Pipeline("p", out.to("console"))
    assert wire.to_json(wire.from_json(wire.to_json(plan))) == wire.to_json(plan)
    assert isinstance(out.node, Join)
    assert "full, right less left from -5s to 1m, null keys too" in out.node.describe()


def test_late_rows_have_the_columns_of_both_sides_and_which_it_is() -> None:
    out = rows({"t": "int64", "ip": "string", "side": "string"}).join(rows(OTHER), "ip", within="1s", how="semi")
    assert out.schema.names == ("t", "ip", "side")
    assert [*out.late().schema.names][:6] == ["side_1", "t", "ip", "side", "t_right", "m"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"on": "mac"}, "no column 'mac'"),
        ({"how": "right"}, "how='right' is no kind of broadcast"),
        ({"suffix": ""}, "both sides of the join have a column 't'"),
    ],
)
def test_what_cannot_be_broadcast(given: dict[str, Any], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        rows().broadcast(rows(OTHER), **given)
    with pytest.raises(PlanError, match="takes a stream"):
        rows().broadcast({"most": 3})  # type: ignore[arg-type]
