"""Scripted sources and the virtual clock, without an engine."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.ports.records import Decoded
from caudal.ports.source import End, Nothing
from caudal.testing import Abort, Eof, Rows, Script, ScriptedSource, VirtualClock
from caudal.testing.live import PATIENCE, ROW_BYTES

SCHEMA = Schema.of({"n": "int64"})


def rows(*numbers: Any) -> list[dict[str, Any]]:
    return [{"n": n} for n in numbers]


def source(script: Script, clock: VirtualClock | None = None, until: int = 10_000) -> ScriptedSource:
    return ScriptedSource(script.steps, SCHEMA, clock or VirtualClock(), until=until, live=script.live)


def read(partition: Any, count: int = 100) -> tuple[list[Any], list[int], list[int]]:
    """Return values, their positions, and the positions of dead letters."""
    got = partition.read(count * ROW_BYTES)
    assert isinstance(got, Decoded)
    return got.columns["n"].to_list(), got.position.tolist(), [d.position for d in got.dead]


def test_a_script_says_what_happens_when() -> None:
    script = (
        Script()
        .rows({"n": 1})
        .wait("1s")
        .rows({"n": 2}, {"n": 3})
        .partition("b")
        .end()
        .wait("500ms")
        .abort(partition="b")
    )
    assert script.live
    assert script.now == 1500
    assert {name: list(map(type, steps)) for name, steps in script.steps.items()} == {
        "p0": [Rows, Rows, Eof],
        "b": [Abort],
    }
    assert [step.at for step in script.steps["p0"]] == [0, 1000, 1000]


def test_a_bounded_script_is_read_in_parts_and_ends() -> None:
    script = Script().rows(*rows(1, 2, "x", 4, 5)).rows(*rows(6))
    (partition,) = source(script).partitions()
    assert read(partition, 2) == ([1, 2], [0, 1], [])
    assert read(partition, 2) == ([4], [3], [2])
    assert read(partition, 2) == ([5], [4], [])
    assert read(partition, 2) == ([6], [5], [])
    assert isinstance(partition.read(1), End)


@pytest.mark.parametrize("position", range(7))
def test_reading_goes_on_at_any_position(position: int) -> None:
    (partition,) = source(Script().rows(*rows(0, 1, 2)).rows(*rows(3, 4, 5))).partitions()
    read(partition)
    partition.seek(position)
    left: list[int] = []
    while not isinstance(got := partition.read(ROW_BYTES), End):
        assert isinstance(got, Decoded)
        assert got.position.tolist() == got.columns["n"].to_list()
        left += got.position.tolist()
    assert left == list(range(position, 6))


def test_live_rows_come_at_their_time() -> None:
    clock = VirtualClock()
    (partition,) = source(Script().rows(*rows(1)).wait("100ms").rows(*rows(2, 3)).end(), clock).partitions()
    assert read(partition, 1)[0] == [1]
    assert isinstance(partition.read(1), Nothing)
    assert clock() == 50
    assert isinstance(partition.read(1), Nothing)
    assert read(partition, 1)[0] == [2, 3]
    assert isinstance(partition.read(1), End)


def test_partitions_appear_when_they_are_due() -> None:
    clock = VirtualClock()
    given = source(
        Script().partition("a").wait("1s").rows(*rows(1), partition="b10").rows(*rows(2), partition="b9"), clock
    )
    assert [p.name for p in given.partitions()] == ["a"]
    assert given.changes() == []
    clock.advance(1000)
    assert [c.partition.name for c in given.changes()] == ["b9", "b10"]
    assert given.changes() == []
    assert [p.name for p in given.partitions()] == ["a"]


def test_it_says_once_that_time_is_up() -> None:
    given = source(Script().partition("a").wait(0), until=100)
    told: list[int] = []
    given.then = lambda: told.append(given.clock())
    (partition,) = given.partitions()
    for _ in range(4):
        assert isinstance(partition.read(1), Nothing)
    assert told == [100]


def test_a_source_is_quiet_without_an_open_partition() -> None:
    given = source(Script().wait(0).end())
    assert given.quiet
    (partition,) = given.partitions()
    assert not given.quiet
    assert isinstance(partition.read(1), End)
    assert given.quiet
    assert not source(Script().rows(*rows(1))).quiet


def test_an_abort() -> None:
    (partition,) = source(Script().abort()).partitions()
    with pytest.raises(RunError, match="the script aborts") as found:
        partition.read(1)
    assert found.value.location == "p0"


def test_a_long_silence_takes_few_polls_and_keeps_every_appointment() -> None:
    clock = VirtualClock()
    appointments = [36_000_000, 36_000_010, 72_000_000]
    clock.expect(appointments)
    seen = [clock()]
    while seen[-1] < 72_000_000:
        clock.poll(50)
        seen.append(clock())
    assert seen[1 : PATIENCE + 1] == [50 * i for i in range(1, PATIENCE + 1)]
    assert appointments[0] in seen
    assert appointments[2] in seen
    assert all(b - a >= 50 for a, b in itertools.pairwise(seen))
    assert len(seen) < 3 * PATIENCE
