"""Several pipelines as one plan: what is shared, what things are called, and what stays each one's own."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.nodes import Sink
from caudal.plan.plan import Plan
from caudal.plan.together import together

SCHEMA = {"t": "int64", "ip": "string", "code": "int64"}


def logs(**options: Any) -> cd.Stream:
    return cd.source("files", path="logs", format="json", schema=SCHEMA, event_time="t", **options)


def dos(name: str, least: int, **options: Any) -> Plan:
    counts = logs(**options).group_by("ip").window(cd.tumbling("3s")).agg(n=cd.count())
    return cd.Pipeline(name, counts.filter(col("n") > least).to("console")).pinned()


def kinds(plan: Plan) -> list[str]:
    return sorted(node.kind for node in plan.nodes)


def test_what_is_the_same_is_there_once() -> None:
    whole = together([dos("a", 1), dos("b", 2), dos("c", 3)])
    assert kinds(whole.plan) == ["filter"] * 3 + ["sink"] * 3 + ["source", "window"]
    assert len(together([dos("a", 1), dos("b", 1)]).plan.nodes) == 5  # the filter too, but each writes its rows


def test_other_sources_are_others() -> None:
    whole = together([dos("a", 1), dos("b", 1, disorder="1s")])
    assert kinds(whole.plan) == ["filter"] * 2 + ["sink"] * 2 + ["source"] * 2 + ["window"] * 2


def test_operators_are_called_as_in_their_pipelines_where_these_agree() -> None:
    whole = together([dos("a", 1), dos("b", 2)])
    (first, second) = whole.parts
    shared = set(first.own) & set(second.own)
    assert {name: first.own[name] for name in shared} == {name: name for name in shared}
    assert sorted(first.own.values()) == sorted(dos("a", 1).ids.values())
    apart = set(first.own) - shared
    assert apart == {f"{first.own[name]} (a)" for name in apart}
    assert len(apart) == 2


def test_names_stay_when_a_pipeline_is_left_out() -> None:
    plans = [dos("a", 1), dos("b", 2), dos("c", 3)]
    whole, rest = together(plans), together(plans, without=["a"])
    assert [part.plan.name for part in rest.parts] == ["b", "c"]
    assert {part.plan.name: part.own for part in whole.parts if part.plan.name != "a"} == {
        part.plan.name: part.own for part in rest.parts
    }


def test_functions_are_shared_where_they_are_one() -> None:
    @cd.row
    def size(ip: str) -> int:
        return len(ip)

    @cd.row
    def other(ip: str) -> int:
        return len(ip)

    def plan(name: str, function: Any) -> Plan:
        return cd.Pipeline(name, logs().with_columns(n=function(col("ip"))).to("console")).pinned()

    assert kinds(together([plan("a", size), plan("b", size)]).plan).count("with_columns") == 1
    assert kinds(together([plan("a", size), plan("b", other)]).plan).count("with_columns") == 2


def test_late_rows_have_the_ids_of_their_pipeline() -> None:
    def plan(name: str, window: str, least: int) -> Plan:
        counts = logs().filter(col("code") > least).window(cd.tumbling("3s")).agg(name=window, n=cd.count())
        return cd.Pipeline(name, counts.to("console"), counts.late().to("console", name="late")).pinned()

    def renamed(plan: Plan) -> list[str]:
        return sorted(node.describe() for node in plan.nodes if node.kind == "with_columns")

    assert renamed(together([plan("a", "w", 1), plan("b", "v", 2)]).plan) == []
    told = renamed(together([plan("a", "w", 1), plan("b", "w", 2)]).plan)
    assert [("w (a)" in text, "w (b)" in text) for text in told] == [(True, False), (False, True)]
    # one window under two names: each has its own
    told = renamed(together([plan("a", "w", 1), plan("b", "v", 1)]).plan)
    assert len(told) == 2


def test_a_plan_of_several_is_stored_and_read() -> None:
    plan = together([dos("a", 1), dos("b", 2)]).plan
    stored = wire.to_json(plan)
    assert wire.to_json(wire.from_json(stored)) == stored
    sinks = [node for node in wire.from_json(stored).nodes if isinstance(node, Sink)]
    assert [sink.pipelines for sink in sinks] == [("a",), ("b",)]
    assert "pipelines" not in str(wire.to_json(dos("a", 1)))


def test_names_tell_pipelines_apart() -> None:
    with pytest.raises(PlanError, match="two pipelines are named 'a'"):
        together([dos("a", 1), dos("a", 2)])
