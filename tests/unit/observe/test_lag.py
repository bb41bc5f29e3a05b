"""How far behind a job is, as people and programs read it."""

from __future__ import annotations

from caudal.observe.lag import PartitionLag, lag_table, lag_text
from caudal.observe.ledger import Ledger
from caudal.observe.summary import Summary


def part(name: str, position: int, end: int | None) -> PartitionLag:
    return PartitionLag("in", name, position, end, position, 2.5)


def test_the_line_names_the_partition_that_is_furthest_behind() -> None:
    assert lag_text([]) == ""
    assert lag_text([part("t/0", 5, 5), part("t/1", 9, 9)]) == "0"
    assert lag_text([part("t/0", 5, 5), part("t/1", 9, 1_009)]) == "1,000 (t/1)"
    assert lag_text([part("t/0", 5, 6), part("t/1", 9, 1_009)]) == "1,001 (t/1: 1,000)"
    assert lag_text([part("t/0", 5, None), part("t/1", 9, 19)]) == "10 (t/1), 1 unknown"
    assert lag_text([part("t/0", 5, None)]) == "unknown"


def test_a_position_behind_an_end_that_was_heard_of_before_is_no_lag() -> None:
    assert part("t/0", 7, 5).lag == 0


def test_the_table_shows_the_worst_and_how_many_more_there_are() -> None:
    parts = [part(f"t/{n}", 0, n) for n in range(12)] + [part("t/12", 3, None)]
    lines = lag_table(parts, most=3)
    assert [line.split() for line in lines] == [
        ["position", "end", "lag", "rows/s"],
        ["t/12", "3", "unknown", "unknown", "2.5"],
        ["t/11", "0", "11", "11", "2.5"],
        ["t/10", "0", "10", "10", "2.5"],
        ["and", "10", "more"],
    ]
    assert len({len(line) for line in lines[:4]}) == 1


def test_the_summary_has_all_partitions_as_json_and_the_worst_as_text() -> None:
    lags = [part(f"t/{n}", 1, n + 1) for n in range(12)]
    summary = Summary("p", "local", "drained", 1.0, 2, 12, 100, Ledger({}), lags=lags)
    told = summary.to_json()["partitions"]
    assert told[3] == {
        "source": "in",
        "partition": "t/3",
        "position": 1,
        "end": 4,
        "lag": 3,
        "rows": 1,
        "rows_per_second": 2.5,
    }
    assert len(told) == 12
    text = summary.to_text()
    assert "\n  and 2 more\n" in text
    assert "t/11" in text
    assert "t/0 " not in text
    assert "partitions" not in Summary("p", "local", "done", 1.0, 2, 0, 0, Ledger({})).to_json()
