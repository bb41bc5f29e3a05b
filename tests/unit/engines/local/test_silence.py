"""A partition that is silent is not idle: nobody knows what stands behind its last row."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import caudal as cd
from caudal.core.types import Schema
from caudal.ports.source import End, Nothing
from caudal.testing import Script, ScriptedSource, VirtualClock
from caudal.testing.harness import Started
from caudal.testing.running import ticking

FIELDS = {"k": "string", "t": "timestamp"}
IDLE = 5_000


class Silent(ScriptedSource):
    """Plays a script, and is silent within a span of time."""

    def __init__(self, script: Script, span: tuple[int, int], until: int) -> None:
        self.span = span
        super().__init__(script.steps, Schema.of(FIELDS), VirtualClock(), until=until, step=50)

    def _appeared(self) -> list[Any]:
        return [Part(partition, self) for partition in super()._appeared()]


class Part:
    def __init__(self, partition: Any, source: Silent) -> None:
        self._partition, self._source = partition, source

    def read(self, size: int) -> Any:
        got = self._partition.read(size)
        if isinstance(got, Nothing):
            begin, end = self._source.span
            return Nothing(silent=begin <= self._source.clock() < end)
        assert not isinstance(got, End)
        return got

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partition, name)


def windows(script: Script, span: tuple[int, int], until: int) -> tuple[list[dict[str, Any]], Started]:
    source = Silent(script, span, until)
    stream = cd.source("memory", rows=[], schema=FIELDS, event_time="t", name="in")
    counted = stream.group_by("k").window(cd.tumbling("1s")).agg(n=cd.count())
    started = Started(
        cd.Pipeline("p", counted.to("memory", into=[])),
        threads=1,
        sources={"in": source},
        clock=ticking(source.clock, [source]),
        idle_poll=0.0,
    )
    source.then = started.execution.stop
    started.run()
    return [row for out in started.rows.values() for row in out], started


def two() -> Script:
    """The window [0, 1 s) has rows of both partitions; p0 has then nothing for 20 s, p1 goes on."""
    script = Script().rows({"k": "a", "t": 500}, partition="p0").rows({"k": "a", "t": 600}, partition="p1")
    return script.wait("1s").rows({"k": "a", "t": 3_000}, partition="p1").wait("20s")


def test_a_partition_at_its_end_becomes_idle_and_a_silent_one_holds_its_windows() -> None:
    closed, _ = windows(two(), (0, 0), 9_000)
    assert [row["n"] for row in closed if row["window_start"] == 0] == [2]
    assert windows(two(), (2_000, 30_000), 9_000)[0] == []


def test_quiet_counts_from_when_the_silence_is_over() -> None:
    span = (2_000, 12_000)
    assert windows(two(), span, 12_000 + IDLE - 500)[0] == []
    closed, _ = windows(two(), span, 12_000 + IDLE + 500)
    assert [row["n"] for row in closed if row["window_start"] == 0] == [2]


def test_what_was_written_in_a_silence_is_not_late() -> None:
    script = two().rows({"k": "a", "t": 8_000}, partition="p0").wait("1s")
    _, started = windows(script, (0, 0), 23_000)
    assert started.ledger.total("late") == 1  # all were at their ends: time went on
    _, started = windows(script, (8_000, 21_500), 23_000)
    assert started.ledger.total("late") == 0


@pytest.mark.parametrize(
    ("rows", "told"), [((), "idle no more"), (({"k": "a", "t": 3_000},), "idle no more, from watermark ")]
)
def test_a_partition_that_wakes_up_says_from_where_if_it_is_known(
    rows: tuple[dict[str, Any], ...], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    script = Script().rows(*rows, partition="p0").wait("8s").rows({"k": "a", "t": 4_000}, partition="p0").wait("1s")
    with caplog.at_level(logging.INFO, "caudal"):
        windows(script, (0, 0), 9_000)
    (line,) = [m for m in (r.getMessage() for r in caplog.records) if "idle no more" in m]
    assert line.partition(" is ")[2].rstrip("0123456789") == told
    assert "-" not in line.partition(" is ")[2]
