"""The oracle against cases worked out by hand from the written meaning of pipelines."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.testing.folding import fold, nearest, root
from caudal.testing.oracle import instant, interpret, records
from caudal.testing.scalars import compare, evaluate, natural

SCHEMA = {"k": "string", "t": "int64"}


def judged(
    window: Any, times: list[list[int | None]], disorder: str = "0ms"
) -> tuple[list[tuple[int, int]], list[int], Any]:
    """Return ((window start, rows) in order, times of late rows, the window's fates)."""
    rows = cd.source("memory", rows=[], schema=SCHEMA, event_time="t", disorder=disorder, name="s")
    out = rows.window(window).agg(n=cd.count(), name="w")
    plan = cd.Pipeline("p", out.to("console", name="out"), out.late().to("console", name="late"))
    inputs = {f"p{i}": records([{"k": "a", "t": t} for t in part]) for i, part in enumerate(times)}
    got = interpret(plan, {"s": inputs})
    counts = sorted((r["window_start"], r["n"]) for r in got.rows["out"])
    return counts, [r["late_time"] for r in got.rows["late"]], got.fates["w"]


def test_a_row_is_late_when_its_partition_has_passed_the_end() -> None:
    # W_p before the rows: 5, 5, 10, 10, 20: only the last one's window [0, 10) has ended by then
    assert judged(cd.tumbling("10ms"), [[5, 10, 9, 20, 3]])[:2] == ([(0, 1), (10, 1), (20, 1)], [9, 3])
    assert judged(cd.tumbling("10ms"), [[5, 10, 9, 20, 3]], disorder="1ms")[:2] == ([(0, 2), (10, 1), (20, 1)], [3])
    assert judged(cd.tumbling("10ms"), [[5, 10], [9, 20], [3]])[1] == []


def test_a_record_without_a_time_moves_nothing() -> None:
    assert judged(cd.tumbling("10ms"), [[None, 5, None, 9]])[:2] == ([(0, 2)], [])


def test_a_row_may_be_late_for_some_of_its_windows() -> None:
    # 12 then 8: W_p is 12; 8 lies in [0, 10), which has ended, and in [5, 15), which has not
    counts, late, fates = judged(cd.hopping("10ms", every="5ms"), [[12, 8]])
    assert (counts, late) == ([(5, 2), (10, 1)], [])
    assert (fates.partly_late, fates.absorbed, fates.late) == (1, 2, 0)


def test_sessions_hold_together_at_the_gap_itself() -> None:
    assert judged(cd.session("10ms"), [[0, 10, 21, 31]])[0] == [(0, 2), (21, 2)]
    assert judged(cd.session("10ms"), [[0, 10], [5]])[0] == [(0, 3)]
    assert judged(cd.session("10ms"), [[5, 4, 5]])[1] == [4]
    assert judged(cd.session("10ms"), [[5, 4, 3]], disorder="1ms")[1] == [3]


def test_negative_times_and_offsets_are_floored() -> None:
    assert judged(cd.tumbling("10ms"), [[-1, -10, -11]], disorder="99ms")[0] == [(-20, 1), (-10, 2)]
    assert judged(cd.tumbling("10ms", offset="3ms"), [[2, 3, 12, 13]])[0] == [(-7, 1), (3, 2), (13, 1)]


def test_results_of_windows_are_timed_at_their_end_and_never_late() -> None:
    rows = cd.source("memory", rows=[], schema=SCHEMA, event_time="t", name="s")
    over = (
        rows.group_by("k")
        .window(cd.tumbling("10ms"))
        .agg(n=cd.count())
        .window(cd.tumbling("20ms"))
        .agg(n=cd.sum("n"), k=cd.collect("k"))
    )
    plan = cd.Pipeline("p", over.to("console", name="out"))
    given = [{"k": k, "t": t} for k, t in [("b", 0), ("a", 5), (None, 9), ("a", 10), ("c", 35)]]
    got = interpret(plan, {"s": {"p": records(given)}})
    assert [(r["window_start"], r["n"], r["k"]) for r in got.rows["out"]] == [(0, 4, ["a", "b", "a"]), (20, 1, ["c"])]


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (1500, "", 1500),
        (-1, "us", -1),
        (1999, "us", 1),
        (-1, "s", -1000),
        (1.0005, "", 1001),
        (-0.0005, "", -1),
        (0.0004, "", 0),
        (math.nan, "", None),
        (math.inf, "s", None),
        (2**53 + 1, "", None),
        (None, "", None),
        ("1970-01-01T00:00:01.5Z", "", 1500),
        ("1970-01-01T01:00:00+01:00", "", 0),
        ("yesterday", "", None),
    ],
)
def test_event_time(value: Any, unit: str, wanted: int | None) -> None:
    assert instant(value, unit) == wanted


def test_the_pinned_order() -> None:
    for low, high in [
        (None, -math.inf),
        (1.0, math.nan),
        (math.inf, math.nan),
        ("Z", "a"),
        ("z", "é"),
        ("￿", "\U0001f600"),
    ]:
        assert (compare(low, high), compare(high, low)) == (-1, 1)
    for a, b in [(0.0, -0.0), (math.nan, math.nan), (None, None), (1, 1.0)]:
        assert compare(a, b) == 0
    assert sorted(["log.10", "log.9", "log", "a/b2", "a/b10"], key=natural) == [
        "a/b2",
        "a/b10",
        "log",
        "log.9",
        "log.10",
    ]


def test_expressions() -> None:
    schema = cd.source("memory", rows=[], schema={"i": "int64", "b": "bool"}).schema

    def value(expr: Any, i: Any = None, b: Any = None) -> Any:
        return evaluate(expr, {"i": i, "b": b}, schema)

    assert value(col("i") + 1, 2**63 - 1) == -(2**63)
    assert (value(col("i") // 0, 1), value(col("i") % -3, 7), value(col("i") // -2, 7)) == (None, -2, -4)
    assert (value(col("b") & (col("i") > 1), 0, None), value(col("b") | (col("i") > 1), 2, None)) == (False, True)
    assert value(col("i").is_in([1, None]), 2) is None
    assert value(cd.when(col("b")).then(1).otherwise(2), b=None) == 2


def test_folds() -> None:
    assert fold("sum", [2**63 - 1, 1]) == -(2**63)
    assert fold("sum", [1e308, 1e308, -1e308]) == 1e308
    assert fold("mean", [2**63 - 1, 2**63 - 1]) == 2.0**63
    assert math.isnan(fold("sum", [math.inf, -math.inf]))
    assert (fold("stddev", [1.0]), fold("stddev", [1.0, 3.0])) == (None, math.sqrt(2))
    assert (fold("count", [None, None]), fold("count_if", [None, True, False]), fold("sum", [None])) == (2, 1, None)
    assert (fold("max", [1.0, math.nan, None]), fold("count_distinct", [0.0, -0.0, None, math.nan, math.nan])) == (
        pytest.approx(math.nan, nan_ok=True),
        2,
    )


def test_rounding_is_to_the_nearest() -> None:
    assert nearest(Fraction(2**1024)) == math.inf
    assert nearest(Fraction(1, 3)) == 1 / 3
    for square in (2.0, 1e-300, 1e300, 5e-324):
        exact = root(Fraction(square))
        below, above = math.nextafter(exact, 0), math.nextafter(exact, math.inf)
        middle_low = (Fraction(exact) + Fraction(below)) / 2
        middle_high = (Fraction(exact) + Fraction(above)) / 2
        assert middle_low**2 < Fraction(square) < middle_high**2
    assert root(Fraction(9, 4)) == 1.5
