"""What the local engine pins beyond multisets: the order of rows in a sink, and of values in first, last and collect."""

from __future__ import annotations

import random
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.testing.harness import Started

WAYS = [
    {"threads": 1},
    {"threads": 1, "morsel_rows": 1, "read_bytes": 1},
    {"threads": 2, "morsel_rows": 3, "read_bytes": 2048, "shuffle": random.Random(1)},
    {"threads": 4, "morsel_rows": 2, "read_bytes": 600, "shuffle": random.Random(2)},
    {"threads": 4, "read_bytes": 256},
]
SCHEMA = {"p": "string", "i": "int64", "k": "string", "t": "int64"}


def parts(count: int = 3, rows: int = 200) -> list[list[dict[str, Any]]]:
    dice = random.Random(7)
    keys = [None, "", "a", "B", "é", "z", "\U0001f600", "￿"]
    return [
        [{"p": f"p{p}", "i": i, "k": dice.choice(keys), "t": i * 10 + dice.randrange(-40, 40)} for i in range(rows)]
        for p in range(count)
    ]


def source(given: Any, **options: Any) -> Any:
    return cd.source("memory", rows=given, schema=SCHEMA, event_time="t", **options)


@pytest.mark.parametrize("way", WAYS)
def test_stateless_rows_of_a_partition_keep_their_order(way: dict[str, Any]) -> None:
    rows = source(parts(), disorder="1s").filter(col("i") % 3 != 0).with_columns(i=col("i") + 1)
    run = Started(cd.Pipeline("order", rows.to("console", name="out")), **way).run()
    for p in ("p0", "p1", "p2"):
        assert [r["i"] for r in run.rows["out"] if r["p"] == p] == [i + 1 for i in range(200) if i % 3]


def by_bytes(key: str | None) -> tuple[bool, bytes]:
    return (key is not None, b"" if key is None else key.encode())


@pytest.mark.parametrize("window", [cd.tumbling("100ms"), cd.hopping("1s", every="250ms"), cd.session("30ms")])
@pytest.mark.parametrize("way", WAYS)
def test_window_rows_stand_by_end_and_key(window: Any, way: dict[str, Any]) -> None:
    counts = source(parts(), disorder="100ms").group_by("k", "p").window(window).agg(n=cd.count())
    run = Started(cd.Pipeline("order", counts.filter(col("n") > 0).to("console", name="out")), **way).run()
    got = [(r["window_end"], by_bytes(r["k"]), r["p"].encode()) for r in run.rows["out"]]
    assert len(got) > 100
    assert got == sorted(got)


@pytest.mark.parametrize("way", WAYS)
def test_ties_of_time_go_by_source_partition_and_position(way: dict[str, Any]) -> None:
    """Ten rows at every instant: two sources whose names compare by bytes, eleven partitions in natural order."""

    def rows(tag: str) -> list[list[dict[str, Any]]]:
        return [[{"p": f"{tag}{p}", "i": i, "k": None, "t": 1000 * (i // 2)} for i in range(4)] for p in range(11)]

    both = source(rows("é"), name="é").union(source(rows("z"), name="z"))
    out = (
        both.with_columns(at=cd.concat(col("p"), cd.lit("/"), col("i").cast("string")))
        .window(cd.tumbling("1s"))
        .agg(all=cd.collect("at"), first=cd.first("at"), last=cd.last("at"))
    )
    run = Started(cd.Pipeline("order", out.to("console", name="out")), **way).run()
    for number, row in enumerate(run.rows["out"]):
        wanted = [f"{tag}{p}/{i}" for tag in ("z", "é") for p in range(11) for i in (2 * number, 2 * number + 1)]
        assert row["all"] == wanted
        assert (row["first"], row["last"]) == (wanted[0], wanted[-1])


@pytest.mark.parametrize("way", WAYS)
def test_order_by_goes_before_the_place(way: dict[str, Any]) -> None:
    rows = [[{"p": p, "i": i, "k": k, "t": 5} for i, k in enumerate(["b", None, "a", "B"])] for p in ("x", "y")]
    out = (
        source(rows)
        .window(cd.tumbling("1s"))
        .agg(
            all=cd.collect(cd.concat(col("p"), col("i").cast("string")), order_by="k"),
            last=cd.last("p", order_by=["k", col("i") * -1]),
        )
    )
    run = Started(cd.Pipeline("order", out.to("console", name="out")), **way).run()
    (row,) = run.rows["out"]
    assert row["all"] == ["x1", "y1", "x3", "y3", "x2", "y2", "x0", "y0"]
    assert row["last"] == "y"


@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_comes_by_several_branches_is_ordered_by_branch(way: dict[str, Any]) -> None:
    """One row, three ways into a window: time, source, partition and position are the same; the union's order decides."""
    one = source(parts(rows=60), disorder="100ms")
    tagged = [one.select("i", "t", tag=cd.lit(tag)) for tag in "abc"]
    out = (
        tagged[0]
        .union(*tagged[1:])
        .group_by("i")
        .window(cd.tumbling("10s"))
        .agg(all=cd.collect("tag"), first=cd.first("tag"), last=cd.last("tag"), n=cd.count())
    )
    run = Started(cd.Pipeline("order", out.to("console", name="out")), **way).run()
    assert run.rows["out"]
    for row in run.rows["out"]:
        runs = len(row["all"]) // 3
        assert row["n"] == len(row["all"])
        assert (row["first"], row["last"]) == ("a", "c")
        assert row["all"] == ["a", "b", "c"] * runs


@pytest.mark.parametrize("values", [[0.0, -0.0], [-0.0, 0.0]])
def test_zero_has_one_form_whichever_came_first(values: list[float]) -> None:
    """-0 equals 0: as a key or an extreme it must not tell which row was first, in JSON or in a row's identity."""
    rows = cd.source(
        "memory", rows=[[{"x": x, "t": 0} for x in values]], schema={"x": "float64", "t": "int64"}, event_time="t"
    )
    out = rows.group_by("x").window(cd.tumbling("1s")).agg(low=cd.min("x"), high=cd.max("x"), first=cd.first("x"))
    (row,) = Started(cd.Pipeline("zero", out.to("console", name="out"))).run().rows["out"]
    assert [str(row[name]) for name in ("x", "low", "high", "first")] == ["0.0", "0.0", "0.0", str(values[0])]


def test_results_are_numbered_in_their_order_for_what_follows() -> None:
    counts = source(parts(), disorder="100ms").group_by("k").window(cd.tumbling("500ms")).agg(n=cd.count())
    over = counts.window(cd.tumbling("1m")).agg(keys=cd.collect("k"), ends=cd.collect("window_end"))
    plan = cd.Pipeline("order", over.to("console", name="over"), counts.to("console", name="counts"))
    lists = []
    for way in WAYS:
        run = Started(plan, **way).run()
        (row,) = [r for r in run.rows["over"] if r["window_start"] == 0]
        inside = [r for r in run.rows["counts"] if 0 < r["window_end"] <= 60_000]
        assert row["keys"] == [r["k"] for r in inside if r["k"] is not None]
        assert row["ends"] == [r["window_end"] for r in inside]
        lists.append(row)
    assert all(row == lists[0] for row in lists)
