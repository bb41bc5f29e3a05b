"""The oracle's operators that call functions, copy rows or take them in order, against cases worked out by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

import caudal as cd
from caudal import col
from caudal.testing.oracle import Outcome, interpret, records

SCHEMA = {"k": "string", "n": "int64", "t": "timestamp"}
Parts = list[list[tuple[Any, ...]]]


def source(disorder: str = "0ms", timed: bool = True) -> Any:
    times = {"event_time": "t", "disorder": disorder} if timed else {}
    return cd.source("memory", rows=[], schema=SCHEMA, name="s", **times)


def judged(out: Any, parts: Parts, *, late: Any = None, dead: Any = None, **others: Any) -> Outcome:
    """Return the outcome over rows (k, n, t) of each partition; sinks are out, late, dead and so on."""
    ends = {"out": out, "late": late, "dead": dead, **others}
    plan = cd.Pipeline("p", *(s.to("console", name=name) for name, s in ends.items() if s is not None))
    inputs = {f"p{i}": records([dict(zip(SCHEMA, row)) for row in part]) for i, part in enumerate(parts)}
    return interpret(plan, {"s": inputs})


def listed(outcome: Outcome, *columns: str, sink: str = "out") -> list[tuple[Any, ...]]:
    return [tuple(row[c] for c in columns) for row in outcome.rows[sink]]


def fates(outcome: Outcome, operator: str = "op") -> dict[str, Any]:
    entry = outcome.fates[operator]
    counts = {n: v for n in entry.__slots__ if n != "emitted" and (v := getattr(entry, n))}
    return counts | {f"-> {port}": rows for port, rows in entry.emitted.items() if rows}


# Functions.


@cd.jit
def inverse(n: int) -> float:
    return 1.0 / n


@cd.jit(nulls="pass")
def known(n: int) -> bool:
    return n is not None


@cd.batch(returns="int64")
def doubled(n: Any) -> Any:
    return n * 2


@cd.row
def shown(t: datetime, k: str) -> str:
    return f"{t:%H:%M:%S} {k.upper()}"


@cd.row
def later(t: datetime) -> datetime:
    return t.replace(microsecond=1999)


def test_a_function_is_called_for_each_row() -> None:
    out = source().with_columns(
        i=inverse(col("n")), d=doubled(col("n")), known=known(col("n")), s=shown(col("t"), col("k")), u=later(col("t"))
    )
    got = judged(out, [[("a", 4, 61_000), ("b", None, 61_500), (None, 1, 62_000)]])
    assert listed(got, "i", "d", "known", "s") == [
        (0.25, 8, True, "00:01:01 A"),
        (None, None, False, "00:01:01 B"),
        (1.0, 2, True, None),
    ]
    assert listed(got, "u")[0] == (61_001,)


def test_a_row_that_a_function_raises_on_is_a_dead_letter() -> None:
    out = source().with_columns(i=inverse(col("n")), name="op")
    parts: Parts = [[("a", 0, 1), ("b", 2, 2)], [("c", 0, 3)]]
    got = judged(out.select("k"), parts, dead=out.dead_letters())
    assert listed(got, "k") == [("b",)]
    letters = [("s", "p0", 0, "op", "exception"), ("s", "p1", 0, "op", "exception")]
    assert listed(got, "source", "partition", "position", "operator", "reason", sink="dead") == letters
    assert fates(got) == {"taken": 3, "passed": 1, "dead": 2, "-> out": 1, "-> dead": 2}


def test_a_filter_counts_dropped_rows_and_failed_ones_apart() -> None:
    out = source().filter(inverse(col("n")) > 0.4, name="op")
    got = judged(out, [[("a", 0, 1), ("b", 2, 2), ("c", 3, 3), ("d", None, 4)]])
    assert listed(got, "k") == [("b",)]
    assert fates(got) == {"taken": 4, "passed": 1, "filtered": 2, "dead": 1, "-> out": 1, "-> dead": 1}


def test_a_branch_that_is_not_taken_is_computed_too() -> None:
    out = source().with_columns(x=cd.when(col("n") > 0).then(inverse(col("n"))).otherwise(0.0), name="op")
    assert fates(judged(out, [[("a", 0, 1), ("b", 2, 2)]]))["dead"] == 1


def tripled(row: dict[str, Any]) -> dict[str, Any]:
    return {"n": row["n"] * 3, "t": row["t"]}


def parts_of(row: dict[str, Any]) -> Any:
    if row["n"] is None:
        return None
    return ({"i": 6 // (i - row["n"])} for i in range(2))


@cd.batch
def frames(frame: Any) -> Any:
    return pl.concat([frame, frame]).select("_row", i=pl.col("n") + 1)


def test_map_makes_each_row_anew() -> None:
    out = source().map(tripled, schema={"n": "int64", "t": "timestamp", "x": "bool"}, name="op")
    got = judged(out, [[("a", 4, 1), (None, None, 2)]])
    assert got.rows["out"] == [{"n": 12, "t": 1, "x": None}]
    assert fates(got) == {"taken": 2, "passed": 1, "dead": 1, "-> out": 1, "-> dead": 1}


def test_flat_map_makes_any_number_of_rows() -> None:
    out = source().flat_map(parts_of, schema={"i": "int64"}, name="op")
    got = judged(out, [[("a", 4, 1), ("b", 0, 2), (None, None, 3), ("c", 5, 4)]], dead=out.dead_letters())
    assert listed(got, "i") == [(-2,), (-2,), (-2,), (-2,)]  # 6 // -4, 6 // -3, 6 // -5, 6 // -4; b fails at once
    assert fates(got) == {"taken": 4, "passed": 3, "dead": 1, "-> out": 4, "-> dead": 1}
    both = source().flat_map(frames, schema={"i": "int64"})
    assert listed(judged(both, [[("a", 4, 1), ("a", None, 2)]]), "i") == [(5,), (5,), (None,), (None,)]


def test_copies_are_numbered_and_stand_together() -> None:
    out = source().all(2, name="op")
    first = out.window(cd.tumbling("10ms")).agg(all=cd.collect("instance"), n=cd.collect("n"))
    got = judged(out, [[("a", 1, 1), ("b", 2, 2)]], ordered=first)
    assert listed(got, "k", "instance") == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert fates(got) == {"taken": 2, "passed": 2, "-> out": 4}
    assert listed(got, "all", "n", sink="ordered") == [([0, 1, 0, 1], [1, 1, 2, 2])]


# Whole windows.


@cd.batch
def spread(frame: Any) -> Any:
    if frame["n"].null_count():
        raise ValueError("null")
    return frame.select(place=pl.col("k") + pl.col("n").cast(str), end=pl.col("window_end"))


def second(frame: Any) -> Any:
    return frame.slice(1, 1).select("n")


@cd.jit
def arrays(n: Any, t: Any) -> Any:
    return n[n > 1], t[n > 1]


def test_a_function_takes_a_whole_window_in_pinned_order() -> None:
    out = (
        source(disorder="99ms")
        .group_by("k")
        .window(cd.tumbling("10ms"))
        .apply(spread, schema={"place": "string", "end": "timestamp"}, name="op")
    )
    got = judged(out, [[("a", 1, 5), ("b", None, 4), ("a", 2, 3), ("a", 3, 11)]], dead=out.dead_letters())
    assert listed(got, "k", "window_start", "place", "end") == [
        ("a", 0, "a2", 10),
        ("a", 0, "a1", 10),
        ("a", 10, "a3", 20),
    ]
    assert listed(got, "position", "operator", "reason", sink="dead") == [(None, "op", "exception")]
    assert fates(got) == {"taken": 4, "absorbed": 4, "-> out": 3, "-> dead": 1}


def test_a_compiled_function_takes_arrays_without_nulls() -> None:
    out = source().window(cd.tumbling("10ms")).apply(arrays, schema={"m": "int64", "at": "timestamp"})
    got = judged(out, [[("a", 1, 1), ("b", None, 2), ("c", 3, 4), ("d", None, 15)]])
    assert listed(got, "window_start", "m", "at") == [(0, 3, 4)]


def test_results_of_a_window_keep_their_order() -> None:
    rows = source().window(cd.tumbling("10ms")).sort(by="n")
    got = judged(rows.window(cd.tumbling("100ms")).agg(n=cd.collect("n")), [[("a", 3, 1), ("a", 1, 2), ("a", 2, 11)]])
    assert listed(got, "n") == [([1, 3, 2],)]


def test_top_ranks_nulls_lowest_and_keeps_pinned_order_of_equals() -> None:
    rows: Parts = [[("a", None, 1), ("b", 2, 4), ("c", 5, 3), ("d", 2, 2)], [("e", 2, 2)]]
    windows = source(disorder="9ms").window(cd.tumbling("10ms"))
    got = judged(windows.top(4, by="n", name="op"), rows, all=windows.sort(by="n"))
    assert listed(got, "k", "window_end") == [("c", 10), ("d", 10), ("e", 10), ("b", 10)]
    assert listed(got, "k", sink="all") == [("a",), ("d",), ("e",), ("b",), ("c",)]
    assert fates(got) == {"taken": 5, "absorbed": 5, "-> out": 4}
    two = source(disorder="9ms").window(cd.tumbling("10ms")).sort(by=["n", "k"], descending=True)
    assert listed(judged(two, rows), "k") == [("c",), ("e",), ("d",), ("b",), ("a",)]


# Cumulative and count windows.


def test_cumulative_windows_grow() -> None:
    out = source().window(cd.cumulative("30ms", every="10ms")).agg(n=cd.collect("n"), name="op")
    # 4 lies in the windows to 10, 20, 30; when it comes, 17 has closed the first; 41 closes all for 29
    got = judged(out, [[("a", 1, 3), ("a", 2, 17), ("a", 3, 4), ("a", 4, 41), ("a", 5, 29)]], late=out.late())
    assert listed(got, "window_start", "window_end", "n") == [
        (0, 10, [1]),
        (0, 20, [1, 3, 2]),
        (0, 30, [1, 3, 2]),
        (30, 50, [4]),
        (30, 60, [4]),
    ]
    assert listed(got, "n", sink="late") == [(5,)]
    assert fates(got) == {"taken": 5, "absorbed": 4, "late": 1, "partly_late": 1, "-> out": 5, "-> late": 1}


def test_count_windows_take_rows_in_order_and_the_rest_at_the_end() -> None:
    rows: Parts = [[("a", 1, 1), ("b", 2, 2), ("a", 3, 4), ("a", 4, 3), ("b", 5, 9), ("a", 6, 2)]]
    out = source(disorder="1ms").group_by("k").window(cd.rows(2)).agg(n=cd.collect("n"), name="op")
    got = judged(out, rows, late=out.late())
    # 3 comes with W_p 3, in time; 2 comes with W_p 8, late
    assert listed(got, "k", "window_start", "window_end", "n") == [
        ("a", 1, 3, [1, 4]),
        ("b", 2, 9, [2, 5]),
        ("a", 4, 4, [3]),
    ]
    assert listed(got, "n", "late_watermark", sink="late") == [(6, 8)]
    assert fates(got) == {"taken": 6, "absorbed": 5, "late": 1, "-> out": 3, "-> late": 1}


def test_count_windows_overlap_and_every_begun_one_closes() -> None:
    out = source().window(cd.rows(3, every=1)).agg(n=cd.collect("n"))
    got = judged(out, [[("a", i, 10 * i) for i in range(4)]])
    assert listed(got, "n") == [([0, 1, 2],), ([1, 2, 3],), ([2, 3],), ([3],)]


def test_results_of_count_windows_have_the_time_and_watermark_of_their_last_row() -> None:
    counts = source().window(cd.rows(2)).agg(n=cd.count())
    # W_p of the last row of each: 10, 20; 10 lies in [10, 20), so it counts there
    got = judged(
        counts.window(cd.tumbling("10ms")).agg(n=cd.count()), [[("a", i, t) for i, t in enumerate((0, 10, 20, 20))]]
    )
    assert listed(got, "window_start", "n") == [(10, 1), (20, 1)]


def test_rows_as_they_arrive() -> None:
    rows: Parts = [[("a", 1, 9), ("a", 2, 1), ("a", 3, 5)]]
    windows = source(timed=False).window(cd.rows(2, order="arrival")).agg(n=cd.collect("n"))
    assert listed(judged(windows, rows), "window_start", "n") == [(None, [1, 2]), (None, [3])]
    timed = source().window(cd.rows(2, order="arrival")).agg(n=cd.collect("n"), name="op")
    got = judged(timed, rows)
    assert listed(got, "window_start", "window_end", "n") == [(9, 1, [1, 2]), (5, 5, [3])]
    assert fates(got) == {"taken": 3, "absorbed": 3, "-> out": 2}


# Running aggregates, deduplication, folds.


def test_running_aggregates_see_the_rows_up_to_each() -> None:
    rows: Parts = [[("a", 1, 10), ("b", 2, 10), ("a", 3, 12), ("a", 4, 11), ("a", 5, 21)], [("a", 6, 10)]]
    grouped = source(disorder="5ms").group_by("k")
    got = judged(
        grouped.running(all=cd.collect("n", order_by=-col("n")), total=cd.sum("n"), name="op"),
        rows,
        time=grouped.window(cd.sliding("10ms")).agg(all=cd.collect("n")),
        last=grouped.window(cd.sliding(rows=2)).agg(all=cd.collect("n")),
    )
    # by time, then partition: 1, 2, 6, 4, 3, 5; of equal times the aggregate's own order takes 6 before 1
    assert listed(got, "k", "all", "total") == [
        ("a", [1], 1),
        ("b", [2], 2),
        ("a", [6, 1], 7),
        ("a", [6, 1, 4], 11),
        ("a", [6, 1, 4, 3], 14),
        ("a", [6, 1, 4, 3, 5], 19),
    ]
    assert listed(got, "t", "all", sink="time")[-2:] == [(12, [1, 6, 4, 3]), (21, [3, 5])]  # (11, 21] holds 12 and 21
    assert [row[0] for row in listed(got, "all", sink="last")] == [[1], [2], [1, 6], [6, 4], [4, 3], [3, 5]]
    assert fates(got) == {"taken": 6, "passed": 6, "-> out": 6}


def test_a_running_key_that_is_no_column_is_added() -> None:
    got = judged(source().group_by(m=col("n") % 2).running(c=cd.count()), [[("a", 1, 1), ("a", 3, 2), ("a", 2, 2)]])
    assert listed(got, "n", "m", "c") == [(1, 1, 1), (3, 1, 2), (2, 0, 1)]


def test_rows_are_late_where_their_partition_had_passed_their_time() -> None:
    out = source(disorder="2ms").running(c=cd.count(), name="op")
    got = judged(out, [[("a", 1, 10), ("a", 2, 8), ("a", 3, 7)], [("b", 4, 1)]], late=out.late())
    assert listed(got, "n", "c") == [(4, 1), (2, 2), (1, 3)]
    assert listed(got, "n", "late_time", "late_watermark", sink="late") == [(3, 7, 8)]
    assert fates(got) == {"taken": 4, "passed": 3, "late": 1, "-> out": 3, "-> late": 1}


def test_duplicates_within_a_time_of_the_row_that_was_passed_on() -> None:
    rows: Parts = [[("a", 1, 0), ("a", 2, 10), ("a", 3, 11), ("a", 4, 21), (None, 5, 22), (None, 6, 23)]]
    given = source()
    got = judged(given.deduplicate("k", within="10ms", name="op"), rows, ever=given.deduplicate("k"))
    assert listed(got, "n") == [(1,), (3,), (5,)]  # 21 is at most 10 behind 11
    assert listed(got, "n", sink="ever") == [(1,), (5,)]
    assert fates(got) == {"taken": 6, "passed": 3, "deduplicated": 3, "-> out": 3}


def test_the_first_of_a_time_is_decided_by_order_by() -> None:
    rows: Parts = [[("a", 2, 5), ("a", 1, 5)]]
    assert listed(judged(source().deduplicate("k"), rows), "n") == [(2,)]
    assert listed(judged(source().deduplicate("k", order_by="n"), rows), "n") == [(1,)]


def total(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    before = state or {"total": 0, "rows": 0, "last": None}
    if row["n"] == 13:
        raise RuntimeError("unlucky")
    return {"total": before["total"] + row["n"], "rows": before["rows"] + 1, "last": row["t"]}


def test_a_fold_keeps_a_state_for_each_key() -> None:
    schema = {"total": "int64", "rows": "int64", "last": "timestamp"}
    out = source(disorder="5ms").group_by("k").reduce(total, schema=schema, name="op")
    got = judged(out, [[("a", 1, 5), ("b", 2, 6), ("a", 13, 8), ("a", 4, 7), ("a", 5, 9)]], dead=out.dead_letters())
    assert got.rows["out"] == [
        {"k": "a", "total": 1, "rows": 1, "last": 5},
        {"k": "b", "total": 2, "rows": 1, "last": 6},
        {"k": "a", "total": 5, "rows": 2, "last": 7},
        {"k": "a", "total": 10, "rows": 3, "last": 9},
    ]
    assert listed(got, "partition", "position", "reason", sink="dead") == [("p0", 2, "exception")]
    assert fates(got) == {"taken": 5, "passed": 4, "dead": 1, "-> out": 4, "-> dead": 1}


@pytest.mark.parametrize("order_by", [None, "n"])
def test_what_comes_of_running_rows_stands_in_the_order_of_emission(order_by: Any) -> None:
    running = source().running(order_by=order_by, c=cd.count())
    got = judged(
        running.window(cd.tumbling("10ms")).agg(c=cd.collect("c"), n=cd.collect("n")), [[("a", 2, 5), ("a", 1, 5)]]
    )
    assert listed(got, "c", "n") == [([1, 2], [1, 2] if order_by else [2, 1])]
