"""The ends of a measured run: what waits, when it is handed out, what is noted."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.lab.arrivals import Arrivals, Waiting
from caudal.lab.bare import Ideal
from caudal.lab.running import lines, measure, shipped
from caudal.ports.records import Block
from caudal.ports.source import End, Nothing

pytestmark = pytest.mark.slow

SCHEMA = Schema.of({"id": "int64", "r": "int64"})


def _arrive(arrivals: Arrivals, *ids: int) -> None:
    arrivals.write(arrivals.encode(pa.table({"id": pa.array(ids, pa.int64()), "r": pa.array(ids, pa.int64())})))


def _read(waiting: Waiting) -> Callable[[int], str | None]:
    (partition,) = waiting.partitions()

    def read(size: int) -> str | None:
        block = partition.read(size)
        if isinstance(block, Block):
            return block.data[block.start : block.stop].tobytes().decode()
        assert isinstance(block, End | Nothing)
        return None

    return read


def test_arrivals_are_noted_by_id() -> None:
    arrivals = Arrivals(SCHEMA)
    _arrive(arrivals, 2, -1)
    _arrive(arrivals, 0, 1)
    arrivals.finish()
    times = arrivals.times(3)
    assert times[2] <= times[0] == times[1]
    assert arrivals.count == 4


@pytest.mark.parametrize(
    ("ids", "said"), [((0, 1), "1 of 3 messages gave no result"), ((0, 1, 2, 1), "there are 4 results")]
)
def test_results_that_are_missing_or_come_twice_are_found(ids: tuple[int, ...], said: str) -> None:
    arrivals = Arrivals(SCHEMA)
    _arrive(arrivals, *ids)
    arrivals.finish()
    with pytest.raises(RunError) as caught:
        arrivals.times(3)
    assert said in str(caught.value)


def test_a_single_wave_is_handed_out_by_whole_lines() -> None:
    burst = lines(5, {"r": 1})
    arrivals = Arrivals(SCHEMA)
    waiting = Waiting([burst], [5], arrivals)
    (partition,) = waiting.partitions()
    read = _read(waiting)
    assert not partition.live
    assert partition.head() == burst
    line = len(burst) // 5
    parts = [read(1), read(2 * line + 3), read(10**6)]
    assert [part.count("\n") for part in parts if part] == [1, 2, 2]
    assert "".join(part for part in parts if part) == burst.decode()
    assert read(10) is None
    assert isinstance(partition.read(10), End)
    arrivals.finish()


def test_a_wave_waits_for_the_results_of_those_before() -> None:
    arrivals = Arrivals(SCHEMA)
    waiting = Waiting([lines(2, {"r": 1}, -2), lines(2, {"r": 1})], [2, 2], arrivals)
    (partition,) = waiting.partitions()
    read = _read(waiting)
    assert partition.live
    first = partition.read(10**6)
    assert isinstance(first, Block)
    assert isinstance(partition.read(10**6), Nothing)
    _arrive(arrivals, -2)
    assert isinstance(partition.read(10**6), Nothing)
    assert waiting.begun == 0.0
    _arrive(arrivals, -1)
    assert read(10**6) == lines(2, {"r": 1}).decode()
    assert waiting.begun > 0.0
    assert isinstance(partition.read(10**6), End)
    arrivals.finish()


@pytest.mark.parametrize("threads", [1, 2])
def test_every_message_of_a_burst_arrives_behind_t0(threads: int) -> None:
    values = {**{f"stage{i}": i for i in range(1, 6)}, "timestamp": 0}
    run = measure(shipped("fibonacci"), 30, values, threads=threads, warm=False)
    assert run.messages == 30
    assert (run.latencies > 0).all()
    assert run.seconds == run.latencies.max()
    assert run.usage.times[0] <= run.begun <= run.begun + run.seconds <= run.usage.times[-1]
    assert Ideal(30, threads, run.seconds).throughput == run.throughput
