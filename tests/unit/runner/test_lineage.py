"""Which columns come from the clock or from sums of floats, and which hidden magnitudes reach an output."""

from __future__ import annotations

import math
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.plan.plan import Plan
from caudal.runner.capture import capture
from caudal.runner.lineage import Lineage, lineages
from caudal.runner.magnitudes import with_magnitudes

ROWS = [{"k": "ab"[i % 2], "t": 100 * i, "x": float((-1) ** i * (i + 1)), "n": i} for i in range(20)]


def source() -> Any:
    return cd.source(
        "memory", rows=ROWS, event_time="t", schema={"k": "string", "t": "int64", "x": "float64", "n": "int64"}
    )


def windows(**aggregates: Any) -> Any:
    return source().group_by("k").window(cd.tumbling("1s")).agg(**aggregates)


def plan(stream: Any) -> Plan:
    return cd.Pipeline("p", stream.to("memory", into=[], name="out"))


def lineage(stream: Any) -> Lineage:
    return lineages(plan(stream))["out"]


@pytest.mark.parametrize(
    ("aggregate", "inexact"),
    [
        (cd.sum("x"), True),
        (cd.mean("x"), True),
        (cd.mean("n"), True),
        (cd.stddev("n"), True),
        (cd.sum("n"), False),
        (cd.max("x"), False),
        (cd.first("x"), False),
        (cd.count(), False),
    ],
)
def test_which_aggregates_depend_on_how_numbers_are_added(aggregate: Any, inexact: bool) -> None:
    found = lineage(windows(v=aggregate))
    assert (found.inexact, found.volatile, found.hanging) == ({"v"} if inexact else set(), set(), {})


@pytest.mark.parametrize(
    ("change", "inexact", "hanging"),
    [
        (lambda s: s.with_columns(w=col("v") * 2), {"v", "w"}, 0),
        (lambda s: s.with_columns(v=col("m")), set(), 0),
        (lambda s: s.select("k", w=col("v")), {"w"}, 0),
        (lambda s: s.select("k", "m"), set(), 0),
        (lambda s: s.filter(col("m") > 0), {"v"}, 0),
        (lambda s: s.filter(col("v") > 0), {"v"}, 1),
        (lambda s: s.with_columns(high=col("v") > 0), {"v"}, 1),
        (lambda s: s.group_by(w=col("v")).window(cd.tumbling("1m")).agg(c=cd.count()), set(), 1),
        (lambda s: s.group_by("k").window(cd.tumbling("1m")).agg(c=cd.max("v")), {"c"}, 0),
        (lambda s: s.group_by("k").window(cd.tumbling("1m")).agg(c=cd.count_distinct("v")), set(), 1),
        (lambda s: s.group_by("k").window(cd.tumbling("1m")).agg(c=cd.count()), set(), 0),
    ],
)
def test_where_sums_go(change: Any, inexact: set[str], hanging: int) -> None:
    found = lineage(change(windows(v=cd.sum("x"), m=cd.max("x"))))
    assert (found.inexact, found.volatile, len(found.hanging)) == (inexact, set(), hanging)
    assert all("depends on a sum of floats" in line for line in found.hanging)


@pytest.mark.parametrize(
    ("stream", "volatile", "hanging"),
    [
        (lambda: source().with_columns(at=cd.now()), {"at"}, 0),
        (lambda: source().with_columns(at=cd.now()).with_columns(also=col("at"), k=col("k")), {"at", "also"}, 0),
        (lambda: source().with_columns(at=cd.now()).select("k"), set(), 0),
        (lambda: source().with_columns(at=cd.now()).with_columns(at=col("k")), set(), 0),
        (
            lambda: source().with_columns(at=cd.now()).group_by("k").window(cd.tumbling("1s")).agg(v=cd.max("at")),
            {"v"},
            0,
        ),
        (lambda: source().filter(cd.now() > col("t").cast("timestamp")), set(), 1),
        (lambda: source().select("k").union(source().select("k")), set(), 0),
        (
            lambda: source().select("k", at=cd.now()).union(source().select("k", at=col("t").cast("timestamp"))),
            {"at"},
            0,
        ),
    ],
)
def test_where_the_clock_goes(stream: Any, volatile: set[str], hanging: int) -> None:
    found = lineage(stream())
    assert (found.volatile, found.inexact, len(found.hanging)) == (volatile, set(), hanging)


def test_late_rows_have_the_columns_of_the_input() -> None:
    counts = source().with_columns(at=cd.now()).group_by("k").window(cd.tumbling("1s")).agg(v=cd.sum("x"))
    assert lineage(counts.late()).volatile == {"at"}


def magnitudes(stream: Any) -> dict[str, str]:
    return with_magnitudes(plan(stream))[1]["out"]


def test_sums_of_magnitudes_are_computed_beside() -> None:
    stream = windows(total=cd.sum("x"), n=cd.count()).filter(col("n") > 0).select("k", "window_start", s=col("total"))
    changed, behind = with_magnitudes(plan(stream))
    (hidden,) = behind["out"].values()
    assert set(behind["out"]) == {"s"}
    rows = capture(changed).rows["out"].to_dicts()
    assert len(rows) == 4
    for row in rows:
        start = row["window_start"].timestamp() * 1000
        inside = [r for r in ROWS if r["k"] == row["k"] and start <= r["t"] < start + 1000]
        assert row["s"] == math.fsum(r["x"] for r in inside)
        assert row[hidden] == math.fsum(abs(r["x"]) for r in inside)


def test_magnitudes_of_integers_do_not_wrap() -> None:
    changed, behind = with_magnitudes(plan(windows(v=cd.mean(cd.when(col("n") < 5).then(-(2**63)).otherwise(2**62)))))
    assert all(row[behind["out"]["v"]] >= 2**63 for row in capture(changed).rows["out"].to_dicts())


@pytest.mark.parametrize(
    "stream",
    [
        lambda: windows(total=cd.max("x")),
        lambda: windows(total=cd.sum("n")),
        lambda: windows(total=cd.sum("x")).with_columns(total=col("total") * 2),
        lambda: windows(total=cd.sum("x")).select(twice=col("total") * 2),
        lambda: windows(total=cd.sum("x")).group_by("k").window(cd.tumbling("1m")).agg(total=cd.max("total")),
    ],
)
def test_where_no_magnitude_is_known(stream: Any) -> None:
    assert magnitudes(stream()) == {}
