"""Each rewrite pass: what it moves, what it must leave. That rows and ledger stay is held by the property tests."""

from __future__ import annotations

from typing import Any

import caudal as cd
from caudal import col
from caudal.plan.nodes import Fused, Select, Source
from caudal.plan.plan import Plan
from caudal.rewrite import fuse, push_predicates, push_projection, rewrite

SCHEMA = {"a": "int64", "b": "int64", "c": "string", "t": "int64"}


def rows(**options: Any) -> Any:
    return cd.source("memory", rows=[], schema=SCHEMA, event_time="t", name="s", **options)


def plan(*streams: Any) -> Plan:
    return cd.Pipeline("p", *(s.to("console", name=f"o{i}") for i, s in enumerate(streams))).pinned()


def chain(p: Plan, sink: str = "o0") -> list[str]:
    """Return "kind detail" of each operator from the source to a sink along first inputs."""
    (node,) = (n for n in p.sinks if n.name == sink)
    out: list[str] = []
    at: Any = node.input
    while True:
        out.append(f"{at.kind} {at.describe()}" if at.kind != "source" else "source")
        if not at.inputs:
            return out[::-1]
        at = at.inputs[0]


def test_a_filter_goes_before_what_it_does_not_need() -> None:
    p = push_predicates(plan(rows().with_columns(d=col("a") + 1).filter(col("b") > 1)))
    assert chain(p) == ["source", "filter b > 1", "with_columns d=a + 1"]


def test_a_filter_follows_renamed_columns() -> None:
    p = push_predicates(plan(rows().select(x=col("b"), y=col("a") + 1).filter(col("x") > 1)))
    assert chain(p) == ["source", "filter b > 1", "select x=b, y=a + 1"]


def test_a_filter_stays_behind_what_it_reads() -> None:
    p = push_predicates(plan(rows().with_columns(b=col("a") + 1).filter(col("b") > 1)))
    assert chain(p) == ["source", "with_columns b=a + 1", "filter b > 1"]


def test_a_filter_passes_no_filter_no_window_and_no_union() -> None:
    first = rows().filter(col("a") > 1).filter(col("b") > 1)
    assert chain(push_predicates(plan(first))) == ["source", "filter a > 1", "filter b > 1"]
    counts = rows().group_by("a").window(cd.tumbling("1s")).agg(n=cd.count()).filter(col("a") > 1)
    assert [line.split()[0] for line in chain(push_predicates(plan(counts)))] == ["source", "window", "filter"]
    both = rows().union(cd.source("memory", rows=[], schema=SCHEMA, event_time="t", name="z")).filter(col("a") > 1)
    assert [line.split()[0] for line in chain(push_predicates(plan(both)))] == ["source", "union", "filter"]


def test_a_filter_does_not_pass_what_somebody_else_reads() -> None:
    wide = rows().with_columns(d=col("a") + 1)
    p = push_predicates(plan(wide.filter(col("b") > 1), wide))
    assert chain(p) == ["source", "with_columns d=a + 1", "filter b > 1"]


def source(p: Plan) -> Source:
    return next(n for n in p.nodes if isinstance(n, Source))


def test_only_used_columns_are_read() -> None:
    counts = rows().filter(col("b") > 1).group_by("c").window(cd.tumbling("1s")).agg(n=cd.count())
    assert source(push_projection(plan(counts))).projection == ("b", "c")


def test_an_unused_column_is_not_computed_even_if_it_reads_an_unread_one() -> None:
    counts = rows().with_columns(d=col("a") + 1, e=col("b")).window(cd.tumbling("1s")).agg(n=cd.sum("e"))
    p = push_projection(plan(counts))
    assert source(p).projection == ("b",)
    assert chain(p)[1] == "with_columns e=b"


def test_a_column_that_is_replaced_is_not_read() -> None:
    p = push_projection(plan(rows().with_columns(a=col("b")).select("a")))
    assert source(p).projection == ("b",)


def test_late_rows_are_whole_where_they_are_wired() -> None:
    counts = rows().window(cd.tumbling("1s")).agg(n=cd.count())
    assert source(push_projection(plan(counts))).projection == ()
    assert source(push_projection(plan(counts, counts.late()))).projection == tuple(SCHEMA)


def test_rows_are_counted_though_nobody_reads_a_column() -> None:
    narrow = rows().select(x=col("a") + 1, y=col("b"))
    p = push_projection(plan(narrow.window(cd.tumbling("1s")).agg(n=cd.count())))
    assert chain(p)[1] == "select x=a + 1"


def test_the_inputs_of_a_union_stay_alike() -> None:
    wide = rows()
    both = wide.select("a", "b").union(wide.with_columns(a=col("b") * 2).select("a", "b"))
    p = push_projection(plan(both.window(cd.tumbling("1s")).agg(n=cd.sum("a")), wide))
    (union,) = (n for n in p.nodes if n.kind == "union")
    assert {s.schema.names for s in union.inputs} == {("a",)}


def test_neighbours_become_one_chain_with_the_last_ones_id() -> None:
    p = fuse(plan(rows().filter(col("a") > 1, name="f").select("a", "b", name="s1").with_columns(d=col("a"), name="w")))
    (fused,) = (n for n in p.nodes if isinstance(n, Fused))
    assert fused.name == "w"
    assert [step.name for step in fused.steps] == ["f", "s1", "w"]
    assert fused.schema.names == ("a", "b", "d")


def test_a_stream_that_forks_is_computed_once() -> None:
    shared = rows().filter(col("a") > 1).select("a", "b")
    p = fuse(plan(shared.filter(col("b") > 1), shared.filter(col("b") > 2)))
    assert [n.kind for n in p.nodes if n.kind in ("chain", "filter")] == ["chain", "filter", "filter"]


def test_all_rules_keep_every_id_and_may_run_twice() -> None:
    shared = rows().with_columns(d=col("a") + 1).filter(col("b") > 1)
    counts = shared.group_by("c").window(cd.tumbling("1s")).agg(n=cd.count())
    before = plan(counts.filter(col("n") > 1), counts.late(), shared.select("d"))
    once = rewrite(before)
    twice = rewrite(once)
    assert cd.explain(twice) == cd.explain(once)
    ids: set[str] = set()
    for node in once.nodes:
        ids |= {step.name for step in node.steps} if isinstance(node, Fused) else {node.name}
    assert ids == set(before.ids.values())
    assert not any(isinstance(n, Select) and n.name not in ids for n in once.nodes)
