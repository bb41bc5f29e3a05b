"""What every sink keeps, wherever it writes to: see `caudal.ports.sink`."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

ROWS = [{"n": n, "text": f"t{n}"} for n in range(6)]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=pa.schema([("n", pa.int64()), ("text", pa.large_string())]))


def fill(sink: Any) -> None:
    payloads = [sink.encode(table(ROWS[:4])), sink.encode(table(ROWS[4:]))]
    for payload in payloads:
        sink.write(payload)


def test_rows_are_there_after_the_commit_in_the_order_written(sink_case: Any) -> None:
    sink = sink_case.open()
    assert sink.where
    fill(sink)
    sink.flush()
    if sink_case.atomic and not sink_case.flushed:
        assert not sink_case.rows()
    else:
        assert sink_case.rows() == ROWS
    sink.commit()
    assert sink_case.rows() == ROWS


def test_a_job_without_rows_leaves_an_empty_target(sink_case: Any) -> None:
    sink = sink_case.open()
    sink.commit()
    assert sink_case.rows() == []


def test_encoding_has_no_effect(sink_case: Any) -> None:
    sink = sink_case.open()
    sink.encode(table(ROWS))
    sink.commit()
    assert sink_case.rows() == []


def test_a_failure_leaves_nothing_that_was_not_visible(sink_case: Any) -> None:
    sink = sink_case.open()
    fill(sink)
    seen = sink_case.rows()
    sink.abort()
    sink.abort()
    assert sink_case.rows() == seen
    assert not (sink_case.atomic and seen)


def test_a_failure_leaves_an_earlier_target_as_it_was(sink_case: Any) -> None:
    first = sink_case.open()
    fill(first)
    first.commit()
    before = sink_case.rows()
    second = sink_case.open()
    if sink_case.atomic:
        fill(second)
    second.abort()
    assert sink_case.rows() == before


def test_a_drain_keeps_the_rows_and_says_where(sink_case: Any) -> None:
    sink = sink_case.open()
    fill(sink)
    where = sink.drain()
    assert where
    assert sink_case.rows() == (None if sink_case.kept_aside else ROWS)
    if sink_case.kept_aside:
        assert where != sink.where


def test_abort_after_the_commit_takes_nothing_back(sink_case: Any) -> None:
    sink = sink_case.open()
    fill(sink)
    sink.commit()
    sink.abort()
    assert sink_case.rows() == ROWS
