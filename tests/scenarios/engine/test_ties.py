"""What decides between rows of one time: what the operator is told, then where they come from, then when they were made."""

from __future__ import annotations

from typing import Any

import pytest

import caudal as cd
from caudal import col
from caudal.testing.harness import Started

SCHEMA = {"k": "string", "n": "int64", "t": "int64"}


def source(*numbers: int) -> Any:
    rows = [{"k": "a", "n": n, "t": 1} for n in numbers]
    return cd.source("memory", rows=rows, schema=SCHEMA, event_time="t", name="s")


def rows_of(stream: Any) -> list[dict[str, Any]]:
    return Started(cd.Pipeline("p", stream.to("console", name="out"))).run().rows["out"]


@pytest.mark.parametrize("order_by", [None, "k"])
def test_the_last_of_the_rows_that_are_made_of_one(order_by: Any) -> None:
    out = (
        source(5)
        .all(3)
        .window(cd.tumbling("10ms"))
        .agg(first=cd.first("instance"), last=cd.last("instance", order_by=order_by), all=cd.collect("instance"))
    )
    assert [(row["first"], row["last"], row["all"]) for row in rows_of(out)] == [(0, 2, [0, 1, 2])]


def test_running_aggregates_grow_in_the_order_that_rows_are_taken_in() -> None:
    out = source(3, 1, 2).running(order_by="n", all=cd.collect("n"))
    assert [row["all"] for row in rows_of(out)] == [[1], [1, 2], [1, 2, 3]]


def test_windows_of_rows_hold_them_in_the_order_that_they_are_taken_in() -> None:
    out = source(3, 1, 2).window(cd.rows(3, order_by="n")).agg(all=cd.collect("n"))
    assert [row["all"] for row in rows_of(out)] == [[1, 2, 3]]


def test_windows_of_rows_are_handed_on_in_the_order_that_they_are_taken_in() -> None:
    def listed(frame: Any) -> Any:
        return frame.select("n")

    out = source(3, 1, 2).window(cd.rows(3, order_by="n")).apply(cd.batch(listed), schema={"n": "int64"})
    assert [row["n"] for row in rows_of(out)] == [1, 2, 3]


def test_equal_rows_of_a_window_of_rows_stand_in_the_order_that_they_are_taken_in() -> None:
    out = source(3, 1, 2).window(cd.rows(3, order_by="n")).sort(by=col("k"))
    assert [row["n"] for row in rows_of(out)] == [1, 2, 3]
