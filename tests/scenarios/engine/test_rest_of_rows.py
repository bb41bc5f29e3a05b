"""Windows of rows that are cut short by the end of data: what they give has the time of the last row of all."""

from __future__ import annotations

from typing import Any

import caudal as cd
from caudal.testing.harness import Started


def pairs() -> Any:
    """A key with one row, and one whose rows move time on far past it."""
    rows = [{"k": "b", "t": 1}, *({"k": "a", "t": t} for t in range(2, 60))]
    source = cd.source("memory", rows=rows, schema={"k": "string", "t": "int64"}, event_time="t")
    return source.group_by("k").window(cd.rows(2)).agg(c=cd.count())


def rows_of(stream: Any) -> list[dict[str, Any]]:
    run = Started(cd.Pipeline("p", stream.to("console", name="out")), morsel_rows=1, read_bytes=1).run()
    return run.rows["out"]


def test_a_window_in_time_behind_them_closes_once() -> None:
    found = rows_of(pairs().window(cd.tumbling("10ms")).agg(c=cd.sum("c")))
    assert [(row["window_start"], row["c"]) for row in found] == [
        (0, 8),
        *((t, 10) for t in range(10, 50, 10)),
        (50, 11),
    ]


def test_running_rows_behind_them_stand_in_order_of_time() -> None:
    found = rows_of(pairs().running(i=cd.count()))
    assert [row["window_end"] for row in found] == [*range(3, 60, 2), 1]
