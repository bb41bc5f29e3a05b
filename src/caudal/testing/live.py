"""A source that follows a script, and the clock that goes with it.

The clock moves only when a poll finds nothing: each such poll takes `step` milliseconds of it. With one thread a script
therefore plays the same way every time, however fast the machine is, and hours of silence take no time at all. A script
without times is a bounded source: it is read as fast as it is asked for, and then it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import RunError
from caudal.core.naming import natural_key
from caudal.core.types import Schema
from caudal.ports import registry
from caudal.ports.records import Decoded
from caudal.ports.source import End, Nothing, Partition

ROW_BYTES = 256
"""What a row is taken to weigh when a bounded script is asked for a part of so and so many bytes."""


PATIENCE = 2_000
"""Polls without an appointment being kept, after which a virtual clock takes larger steps."""


class VirtualClock:
    """Milliseconds that pass when told to. Thread-safe."""

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._appointments: list[int] = []
        self._polls = 0

    def __call__(self) -> int:
        """Return the time."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        with self._lock:
            self._now += milliseconds

    def expect(self, times: Iterable[int]) -> None:
        """Make appointments: `poll` does not jump over them."""
        with self._lock:
            self._appointments = sorted({*self._appointments, *times})

    def poll(self, step: int) -> None:
        """Let a step of time pass, as a poll that finds nothing does.

        In a long silence the steps grow, up to the next appointment: hours take no longer than minutes.
        """
        with self._lock:
            self._polls += 1
            larger = step << min(max(0, self._polls - PATIENCE) // 20, 30)
            due = next((time for time in self._appointments if time > self._now), self._now + step)
            self._now += max(step, min(larger, due - self._now))
            if self._now >= due:
                self._polls = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """At the time `at` on the clock these rows are there, to be read at once."""

    at: int
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Eof:
    """At this time the partition ends."""

    at: int


@dataclass(frozen=True, slots=True)
class Abort:
    """At this time reading fails with a `RunError`."""

    at: int


Step = Rows | Eof | Abort
Timeline = Mapping[str, Sequence[Step]]
"""Partition name -> steps in order of time."""


class Script:
    """What a source does, said in order; every method returns the script itself.

    Until the first `wait` or `silence` it is the script of a bounded source; with one of them it is live, its rows
    arrive at the time that the clock shows, and `until` of a run says when it is over.

    >>> Script().rows({"t": 0}, {"t": 900}).silence("6s").rows({"t": 7000}).end().live
    True
    """

    def __init__(self) -> None:
        self.live = False
        self.steps: dict[str, list[Step]] = {}
        self._now = 0

    @property
    def now(self) -> int:
        """The time that the script has come to, in milliseconds."""
        return self._now

    def partition(self, name: str) -> Script:
        """Say that there is a partition, though it may never give a row."""
        self.steps.setdefault(name, [])
        return self

    def rows(self, *rows: Mapping[str, Any], partition: str = "p0") -> Script:
        """Rows arrive, to be read at once."""
        self.steps.setdefault(partition, []).append(Rows(self._now, rows))
        return self

    def wait(self, time: Duration) -> Script:
        """Let time pass ("3s") before what comes next, in every partition."""
        self.live = True
        self._now += duration.parse(time, what="wait")
        return self

    silence = wait

    def end(self, *, partition: str = "p0") -> Script:
        """The partition ends; a bounded one does so by itself."""
        self.steps.setdefault(partition, []).append(Eof(self._now))
        return self

    def abort(self, *, partition: str = "p0") -> Script:
        """Reading fails with a `RunError`."""
        self.steps.setdefault(partition, []).append(Abort(self._now))
        return self


class ScriptedSource:
    """A source that follows a script, live by default.

    Live: a partition whose first step lies ahead of the clock at the start is discovered when it is due; when the clock
    reaches `until`, `then` is called, once: usually the execution's `stop`. Bounded (`live` False): the times of steps
    mean nothing, and partitions end behind their last step. A value that does not fit its column makes its row a dead
    letter.
    """

    def __init__(
        self,
        script: Timeline,
        schema: Schema,
        clock: VirtualClock,
        *,
        until: int = 0,
        step: int = 50,
        live: bool = True,
    ) -> None:
        self.clock = clock
        self.live = live
        self.then: Callable[[], None] = lambda: None
        self._schema = schema
        self._until = until
        self._step = step
        self._first: list[Partition] | None = None
        clock.expect([until, *(step.at for steps in script.values() for step in steps)])
        self._open = 0
        self._later = {name: list(steps) for name, steps in sorted(script.items(), key=lambda s: natural_key(s[0]))}

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions that there are at the start; the same ones when asked again."""
        if self._first is None:
            self._first = list(self.discover())
        return self._first

    def discover(self) -> Sequence[Partition]:
        """Return the partitions that have appeared."""
        now = self.clock()
        due = [name for name, steps in self._later.items() if not (self.live and steps and steps[0].at > now)]
        self._open += len(due)
        return [ScriptedPartition(name, self._later.pop(name), self) for name in due]

    @property
    def quiet(self) -> bool:
        """Whether it is live and no partition is open: nothing polls it, so that somebody else must let time pass."""
        return self.live and not self._open

    def ended(self) -> None:
        """A partition has ended."""
        self._open -= 1

    def close(self) -> None:
        """Release nothing."""

    def decode(self, rows: Sequence[Mapping[str, Any]], first: int) -> Decoded:
        """Return rows as columns; positions are their numbers in the partition."""
        memory = registry.find("connector", "memory")
        (partition,) = memory.source({"rows": [list(rows)]}, None, self._schema).partitions()
        decoded: Decoded = partition.read(1 << 40)
        decoded.position += first
        for dead in decoded.dead:
            dead.position += first
        return decoded

    def wait(self) -> None:
        """A poll found nothing: let a step of time pass."""
        self.clock.poll(self._step)
        if self.clock() >= self._until:
            then, self.then = self.then, lambda: None
            then()


class ScriptedPartition:
    """One partition of a scripted source."""

    def __init__(self, name: str, steps: Sequence[Step], source: ScriptedSource) -> None:
        self.name = name
        self.live = source.live
        self._all = [step for step in steps if not isinstance(step, Rows) or step.rows]
        self._source = source
        self.seek(0)

    def head(self) -> bytes:
        """Return nothing: rows are not framed."""
        return b""

    def seek(self, position: int) -> None:
        """Go on behind so many rows; a live step is read whole or not at all."""
        self._steps = list(self._all)
        self._row = 0
        while self._row < position and self._steps:
            step = self._steps.pop(0)
            if isinstance(step, Rows):
                wanted = position - self._row
                if wanted < len(step.rows):
                    self._steps.insert(0, Rows(step.at, step.rows[wanted:]))
                self._row += min(wanted, len(step.rows))

    def read(self, size: int) -> Decoded | Nothing | End:
        """Return what the script says."""
        if self.live and (not self._steps or self._steps[0].at > self._source.clock()):
            self._source.wait()
            return Nothing()
        if not self._steps:
            return End()
        step = self._steps.pop(0)
        if isinstance(step, Eof):
            self._source.ended()
            return End()
        if isinstance(step, Abort):
            raise RunError("the script aborts", location=self.name)
        count = len(step.rows) if self.live else max(1, size // ROW_BYTES)
        if count < len(step.rows):
            self._steps.insert(0, Rows(step.at, step.rows[count:]))
        rows = step.rows[:count]
        first, self._row = self._row, self._row + len(rows)
        return self._source.decode(rows, first)

    def close(self) -> None:
        """Release nothing."""
