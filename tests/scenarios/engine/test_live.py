"""Live sources under a virtual clock: idle partitions, silence, resumption, new partitions, far-future stamps, failure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

import caudal as cd
from caudal.core.errors import RunError
from caudal.core.types import Schema
from caudal.lang.dsl.stream import Stream
from caudal.plan.expr import col
from caudal.plan.nodes import Source
from caudal.plan.plan import Plan
from caudal.testing.harness import Started
from caudal.testing.live import Abort, Eof, Rows, ScriptedSource, VirtualClock

SCHEMA = Schema.of({"k": "string", "t": "int64"})


def stream(**options: Any) -> Stream:
    return Stream(
        Source(name="live", connector="scripted", options=(), declared=SCHEMA, event_time=col("t"), **options)
    )


def counted(rows: Stream, window: Any) -> Plan:
    counts = rows.group_by("k").window(window).agg(n=cd.count(), name="w")
    return cd.Pipeline("live", counts.to("console", name="out"), counts.late().to("console", name="late"))


def at(when: int, *rows: tuple[str, int]) -> Rows:
    return Rows(when, [{"k": k, "t": t} for k, t in rows])


class Stamped(list[Any]):
    """Rows with the time on the clock when each was written."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.times: list[int] = []

    def extend(self, rows: Any) -> None:
        for row in rows:
            self.append(row)
            self.times.append(self.clock())


def play(plan: Plan, script: Mapping[str, Sequence[Any]], *, until: int, step: int = 50, **extra: Any) -> Started:
    clock = VirtualClock()
    source = ScriptedSource(script, SCHEMA, clock, until=until, step=step)
    run = Started(plan, sources={"live": source}, clock=clock, idle_poll=0.0, **extra)
    for capture in run.captures.values():
        capture.rows = Stamped(clock)
    source.then = run.execution.stop
    return run.run()


def seen(run: Started, sink: str = "out") -> list[tuple[int, str, int, int]]:
    """Return (time on the clock, key, window start, count) of each result."""
    rows = run.captures[sink].rows
    assert isinstance(rows, Stamped)
    return [(when, row["k"], row["window_start"], row["n"]) for when, row in zip(rows.times, rows)]


def test_a_window_closes_when_the_slowest_partition_has_passed_it() -> None:
    script = {"a": [at(0, ("x", 100)), at(300, ("x", 1500))], "b": [at(0, ("y", 200)), at(600, ("y", 1001))]}
    run = play(counted(stream(), cd.tumbling("1s")), script, until=900)
    assert [row[1:] for row in seen(run)] == [("x", 0, 1), ("y", 0, 1)]
    assert all(600 <= row[0] < 750 for row in seen(run))
    entry = run.ledger.entries["w"]
    assert (entry.absorbed, entry.buffered) == (2, 2)
    assert run.execution.drained


def test_an_idle_partition_holds_nothing_back() -> None:
    script = {"a": [at(0, ("x", 100)), at(2000, ("x", 1500))], "b": [at(0, ("y", 200))]}
    run = play(counted(stream(idle=5000), cd.tumbling("1s")), script, until=20_000)
    first = [row for row in seen(run) if row[2] == 0]
    assert [row[1:] for row in first] == [("x", 0, 1), ("y", 0, 1)]
    assert all(5000 <= row[0] <= 5300 for row in first)


def test_silence_moves_the_watermark_by_the_time_elapsed() -> None:
    """All partitions idle from 5 s on: the watermark stood at 2700, and reaches 3000 after 300 ms more."""
    script = {"a": [at(0, ("x", 100), ("x", 2700))]}
    run = play(counted(stream(), cd.tumbling("1s")), script, until=9_000, step=20)
    assert [row[1:] for row in seen(run)] == [("x", 0, 1), ("x", 2000, 1)]
    (at_once, last) = seen(run)
    assert at_once[0] < 200
    assert 5300 <= last[0] <= 5400
    assert run.ledger.entries["w"].buffered == 0


def test_a_partition_without_rows_does_not_silence_an_alert() -> None:
    script: dict[str, list[Any]] = {"a": [at(0, ("x", 900))], "b": []}
    run = play(counted(stream(), cd.tumbling("1s")), script, until=9_000, step=20)
    assert [row[1:] for row in seen(run)] == [("x", 0, 1)]


def test_no_row_may_go_below_what_silence_has_reached() -> None:
    """The watermark stood at 2700 when all left at 5 s; at 7 s it is at about 4700: what is below that end is late."""
    script = {"a": [at(0, ("x", 2700)), at(7000, ("x", 2800), ("x", 3999), ("x", 4800), ("x", 6100))]}
    run = play(counted(stream(), cd.tumbling("1s")), script, until=7500, step=20)
    late = run.captures["late"].rows
    assert [row["t"] for row in late] == [2800, 3999]
    assert all(4600 <= row["late_watermark"] <= 4800 for row in late)
    assert [row[1:] for row in seen(run)] == [("x", 2000, 1), ("x", 4000, 1)]


def test_idle_is_off_while_rows_come() -> None:
    steps = [at(i * 1000, ("x", i * 1000)) for i in range(10)]
    run = play(counted(stream(idle=1500), cd.tumbling("5s")), {"a": steps}, until=9_500)
    assert seen(run)[0][1:] == ("x", 0, 5)
    assert run.captures["late"].rows == []
    assert run.ledger.entries["w"].buffered == 5


def test_a_new_partition_starts_at_the_watermark() -> None:
    """At 1 s the window [0, 1000) has closed: the new partition's row in it is late, whatever its own W_p would be."""
    script = {
        "a": [at(0, ("x", 100), ("x", 2500)), at(3000, ("x", 9000))],
        "b": [at(1000, ("y", 500), ("y", 2600))],
    }
    run = play(counted(stream(), cd.tumbling("1s")), script, until=4000)
    (late,) = run.captures["late"].rows
    assert (late["k"], late["t"], late["late_partition"], late["late_watermark"]) == ("y", 500, "b", 2500)
    assert [row[1:] for row in seen(run)] == [("x", 0, 1)]
    ledger = run.ledger.entries["live"]
    assert ledger.partitions == {"a": 3, "b": 2}


def test_an_end_is_not_silence() -> None:
    script = {"a": [at(0, ("x", 100)), Eof(100)], "b": [at(0, ("y", 200)), at(400, ("y", 1200))]}
    run = play(counted(stream(), cd.tumbling("1s")), script, until=1000)
    assert [row[1:] for row in seen(run)] == [("x", 0, 1), ("y", 0, 1)]
    assert all(400 <= row[0] < 550 for row in seen(run))


def test_sessions_end_in_silence_too() -> None:
    script = {"a": [at(0, ("x", 100), ("x", 300), ("y", 350))]}
    run = play(counted(stream(), cd.session("500ms")), script, until=8_000, step=20)
    assert [(k, start, n) for _, k, start, n in seen(run)] == [("x", 100, 2), ("y", 350, 1)]
    # it stood at 350 when all left, and closes when it is past 800 and 850
    assert [5400 <= when <= 5560 for when, *_ in seen(run)] == [True, True]


def test_windows_of_windows_hear_of_silence() -> None:
    counts = stream().group_by("k").window(cd.tumbling("1s")).agg(n=cd.count())
    over = counts.window(cd.tumbling("3s")).agg(n=cd.sum("n"), k=cd.max("k"))
    plan = cd.Pipeline("live", over.to("console", name="out"))
    run = play(plan, {"a": [at(0, ("x", 100), ("y", 1100), ("x", 2900))]}, until=9_000, step=20)
    assert [row[1:] for row in seen(run)] == [("y", 0, 3)]
    assert seen(run)[0][0] >= 5100


def test_a_window_over_late_rows_resumes_with_its_partition() -> None:
    """The window over late rows must wait for the partition again once it has woken."""
    first = stream().group_by("k").window(cd.tumbling("1s")).agg(n=cd.count())
    late = first.late().group_by("k").window(cd.tumbling("10m")).agg(n=cd.count())
    plan = cd.Pipeline("live", late.to("console", name="out"))
    script = {
        "a": [at(0, ("x", 5000), ("x", 100)), at(7000, ("x", 200), ("x", 9000)), at(7200, ("x", 300), ("x", 600_000))]
    }
    run = play(plan, script, until=7500, step=20)
    assert [row[1:] for row in seen(run)] == [("x", 0, 3)]


def test_an_abort_fails_the_run_and_names_the_place() -> None:
    with pytest.raises(RunError, match="aborts") as caught:
        play(counted(stream(), cd.tumbling("1s")), {"a": [at(0, ("x", 100)), Abort(500)]}, until=1000)
    assert caught.value.location == "a"


def test_marks_are_kept_in_a_cut() -> None:
    """Stopped in silence and restored: the partition is still idle, and its next row is judged by the old watermark."""
    plan = counted(stream(), cd.tumbling("1s"))
    steps = [at(0, ("x", 2700)), at(9_000, ("x", 2800), ("x", 5800))]
    begun = play(plan, {"a": steps}, until=7_000, step=20)
    cut = begun.execution.cut()
    (lane,) = cut.sources["live"]
    assert lane["idle"]
    reached = cut.operators["w"].values["task"]
    assert 4500 <= reached <= 4800

    clock = VirtualClock(9_000)
    source = ScriptedSource({"a": steps}, SCHEMA, clock, until=9_500, step=20)
    rest = Started(plan, sources={"live": source}, clock=clock, idle_poll=0.0)
    source.then = rest.execution.stop
    rest.execution.restore([cut])
    rest.run()
    (late,) = rest.captures["late"].rows
    assert (late["t"], late["late_watermark"] >= reached) == (2800, True)
    assert rest.ledger.entries["w"].buffered == 1
    assert rest.ledger.entries["w"].taken == 3
