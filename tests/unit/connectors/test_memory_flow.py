"""Rows that come from generators: as they come, a bounded way ahead, and without holding up anybody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import caudal as cd
from caudal.connectors.memory import CONNECTOR, flow
from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.types import Schema
from caudal.ports.records import Decoded
from caudal.ports.source import End, Nothing, idle_after
from caudal.runner.drive import Job
from caudal.testing import VirtualClock

SCHEMA = {"k": "string", "t": "int64"}
COLUMNS = Schema.of(SCHEMA)
PATIENCE = 60
"""Seconds after which a test that waits has failed."""


class Heard(list[Any]):
    """A list that says when something is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.some = threading.Event()

    def append(self, table: Any) -> None:
        super().append(table)
        if table.num_rows:
            self.some.set()


def counts(rows: Any, into: list[Any], **options: Any) -> Any:
    stream = cd.source("memory", rows=rows, schema=SCHEMA, event_time="t", **options)
    return cd.Pipeline("p", stream.window(cd.tumbling("1s")).agg(n=cd.count()).to("memory", into=into))


def job(pipeline: Any, **options: Any) -> Job:
    return Job(pipeline, late="discard", dead="discard", **options)


def found(into: list[Any]) -> list[int]:
    return [n for table in into for n in table.column("n").to_pylist()]


def read(rows: Any, size: int = 1 << 20) -> tuple[dict[str, list[Any]], list[int], list[int]]:
    (partition,) = CONNECTOR.source({"rows": rows}, None, COLUMNS).partitions()
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS.names}
    positions: list[int] = []
    dead: list[int] = []
    while not isinstance(part := partition.read(size), End):
        if isinstance(part, Decoded):
            for name, column in part.columns.items():
                columns[name] += column.to_list()
            positions += part.position.tolist()
            dead += [letter.position for letter in part.dead]
    return columns, positions, dead


GIVEN = [{"k": "a", "t": i} for i in range(7)]


@pytest.mark.parametrize(
    "rows",
    [
        lambda: iter(GIVEN),
        lambda: GIVEN,
        lambda: [GIVEN[:3], [], tuple(GIVEN[3:])],
        lambda: pa.Table.from_pylist(GIVEN),
        lambda: (part for part in (pl.DataFrame(GIVEN[:2]), GIVEN[2], GIVEN[3:5], pa.Table.from_pylist(GIVEN[5:]))),
        lambda: pa.Table.from_pylist(GIVEN).to_batches(max_chunksize=2),
        lambda: map(dict, GIVEN),
        dict(enumerate(GIVEN)).values(),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_whatever_gives_rows(rows: Any, size: int) -> None:
    columns, positions, dead = read(rows, size)
    assert (columns, positions, dead) == ({"k": ["a"] * 7, "t": list(range(7))}, list(range(7)), [])


def test_positions_count_dead_letters_and_are_sought() -> None:
    def rows() -> Iterator[Any]:
        yield {"k": "a", "t": 0}
        yield [{"k": 1, "t": 1}, {"k": "b", "t": 2}]
        yield pa.table({"k": ["c", "d", "e"], "t": [3, 4, 5]})

    columns, positions, dead = read(rows)
    assert (columns["k"], positions, dead) == (["a", "b", "c", "d", "e"], [0, 2, 3, 4, 5], [1])
    for place in range(7):
        partition = flow.FlowPartition("p0", rows, COLUMNS)
        partition.seek(place)
        rest: list[int] = []
        while not isinstance(part := partition.read(1), End):
            rest += [] if isinstance(part, Nothing) else part.position.tolist()
        assert rest == [p for p in positions if p >= place]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda: 5, "returned int, not rows"),
        (lambda: "text", "returned str, not rows"),
        (lambda: [GIVEN, 5], "was given int, not rows"),
        (lambda: [[GIVEN[0], None]], "a list that holds NoneType"),
    ],
)
def test_what_gives_no_rows(rows: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        read(rows)


def test_what_is_none() -> None:
    async def slowly() -> Any:
        yield {}

    for rows in ({"k": []}, "text", b"text", 5, None):
        with pytest.raises(OptionError, match="cannot read"):
            read(rows)
    with pytest.raises(OptionError) as caught:
        read(slowly())
    assert "plain one" in caught.value.hint


def test_an_iterator_is_read_once() -> None:
    for rows in ((row for row in GIVEN), iter(GIVEN)):
        stream = cd.source("memory", rows=rows, schema=SCHEMA)
        assert stream.collect().height == 7
        with pytest.raises(InputError, match="read before") as caught:
            stream.collect()
        assert "rows=function" in caught.value.hint
    again = cd.source("memory", rows=lambda: iter(GIVEN), schema=SCHEMA)
    assert again.collect().equals(again.collect())


def test_windows_close_while_rows_come() -> None:
    """The generator goes on only once the first window has been told: if that never came, it would fail."""
    into = Heard()

    def rows() -> Iterator[Any]:
        yield {"k": "a", "t": 10}
        yield {"k": "a", "t": 1500}
        assert into.some.wait(PATIENCE)
        yield {"k": "a", "t": 2500}

    for threads in (1, 2):
        into.clear()
        into.some.clear()
        job(counts(rows, into), threads=threads).run()
        assert found(into) == [1, 1, 1]


def test_no_more_is_drawn_than_fits() -> None:
    drawn = 0

    def rows() -> Iterator[Any]:
        nonlocal drawn
        while True:
            drawn += 1
            yield {"k": "a", "t": drawn}

    partition = flow.FlowPartition("p0", rows, COLUMNS)
    taken = 0
    most = flow.AHEAD // 256 + 1
    while taken < 5 * most:
        part = partition.read(1 << 14)
        taken += 0 if isinstance(part, Nothing | End) else part.rows
        assert drawn - taken <= 2 * most  # what waits to be taken, and what was
    partition.close()


def test_one_that_raises() -> None:
    def rows() -> Iterator[Any]:
        yield {"k": "a", "t": 10}
        yield {"k": "a", "t": 1500}
        assert into.some.wait(PATIENCE)
        raise ValueError("the sensor is gone")

    into = Heard()
    with pytest.raises(RunError, match="raised ValueError: the sensor is gone") as caught:
        job(counts(rows, into)).run()
    assert caught.value.location == "p0"
    assert f"in rows, {__file__}" in caught.value.detail
    assert isinstance(caught.value.__cause__, ValueError)
    assert found(into) == [1]


@pytest.mark.parametrize("blocks", [True, False])
def test_a_stop_waits_for_nobody(blocks: bool) -> None:
    """One that blocks for ever, and one that never ends: a stop drains, and the latter is closed."""
    into, closed, never = Heard(), threading.Event(), threading.Event()

    def rows() -> Iterator[Any]:
        try:
            t = 0
            while True:
                yield {"k": "a", "t": t}
                t += 500
                if blocks and t > 3000:
                    never.wait()
        finally:
            closed.set()

    running = job(counts(rows, into))
    running.run(lambda _: running.stop() if into.some.is_set() else None)
    assert running.execution.drained
    assert found(into)[:1] == [2]
    never.set()
    assert closed.wait(PATIENCE)


def test_a_pause_makes_no_row_late() -> None:
    """A generator that pauses holds its watermark, unless the source says `idle=`."""
    partition = flow.FlowPartition("p0", lambda: GIVEN, COLUMNS)
    assert idle_after(partition, None, 5_000) == float("inf")
    assert idle_after(partition, 100, 5_000) == 100
    clock = VirtualClock()
    into, second = Heard(), threading.Event()

    def slow() -> Iterator[Any]:
        yield {"k": "a", "t": 0}
        assert second.wait(PATIENCE)
        yield {"k": "a", "t": 100}

    def quick() -> Iterator[Any]:
        yield {"k": "b", "t": 0}
        yield {"k": "b", "t": 9_000}

    def watch(_: Any) -> None:
        clock.advance(60_000)
        if clock() > 600_000:
            second.set()

    summary = job(counts([slow, quick], into), extra={"clock": clock}).run(watch)
    assert (found(into), summary.late) == ([3, 1], 0)
