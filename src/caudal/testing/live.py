"""A source that follows a script, and the clock that goes with it.

The clock moves only when a poll finds nothing: each such poll takes `step` milliseconds of it. With one thread a script
therefore plays the same way every time, however fast the machine is, and hours of silence take no time at all. A script
without times is a bounded source: it is read as fast as it is asked for, and then it ends.
"""

from __future__ import annotations

import math
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
from caudal.ports.source import Assigned, Change, End, Nothing, Partition, Revoked

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


@dataclass(frozen=True, slots=True)
class Revoke:
    """At this time a partition of a live source is taken away; once it is given up, it is assigned again when a step is due."""

    at: int


Step = Rows | Eof | Abort | Revoke
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

    def revoke(self, *, partition: str = "p0") -> Script:
        """The partition of a live source is taken away; what was not read of it comes when it is assigned again."""
        self.steps.setdefault(partition, []).append(Revoke(self._now))
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
        self.given_up: list[tuple[str, int]] = []
        """The partitions that were taken away, and the positions at which they were given up."""
        self._first: list[Partition] | None = None
        clock.expect([until, *(step.at for steps in script.values() for step in steps)])
        self._open = 0
        self._scripts = {name: list(steps) for name, steps in sorted(script.items(), key=lambda s: natural_key(s[0]))}
        self._starts = dict.fromkeys(self._scripts, 0)
        """The partitions that are not assigned, and where they begin."""
        self._assigned: set[str] = set()

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions that there are at the start; the same ones when asked again."""
        if self._first is None:
            self._first = self._appeared()
        return self._first

    def changes(self) -> Sequence[Change]:
        """Return the partitions that are taken away now, and those that appear."""
        revoked = [name for name in sorted(self._assigned) if self._next_revoke(name) <= self.clock()]
        self._assigned.difference_update(revoked)
        self._open -= len(revoked)
        return [*map(Revoked, revoked), *map(Assigned, self._appeared())]

    def released(self, name: str, position: int) -> None:
        """Note the position in `given_up`; what was not read stays for the next time that the partition is assigned."""
        self.given_up.append((name, position))
        steps = self._scripts[name]
        steps.remove(next(step for step in steps if isinstance(step, Revoke)))
        if ScriptedPartition(name, steps, self, position).due < math.inf:
            self._starts[name] = position

    def _next_revoke(self, name: str) -> float:
        return next((step.at for step in self._scripts[name] if isinstance(step, Revoke)), math.inf)

    def _appeared(self) -> list[Partition]:
        found: list[Partition] = []
        for name, start in sorted(self._starts.items(), key=lambda start: natural_key(start[0])):
            partition = ScriptedPartition(name, self._scripts[name], self, start)
            fresh = not start and (not self._scripts[name] or self._scripts[name][0].at <= self.clock())
            if fresh or partition.due <= self.clock() or not self.live:
                del self._starts[name]
                self._assigned.add(name)
                found.append(partition)
        self._open += len(found)
        return found

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

    def __init__(self, name: str, steps: Sequence[Step], source: ScriptedSource, start: int = 0) -> None:
        self.name = name
        self.live = source.live
        self.start = start
        self._all = [step for step in steps if not isinstance(step, Rows) or step.rows]
        self._source = source
        self.seek(start)

    @property
    def due(self) -> float:
        """When the next step is due; never where there is none."""
        return self._steps[0].at if self._steps else math.inf

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
        step = self._steps[0] if self._steps else None
        if self.live and (step is None or step.at > self._source.clock() or isinstance(step, Revoke)):
            self._source.wait()
            return Nothing()
        if step is None:
            return End()
        del self._steps[0]
        if isinstance(step, Eof):
            self._source.ended()
            return End()
        if isinstance(step, Abort):
            raise RunError("the script aborts", location=self.name)
        assert isinstance(step, Rows)
        count = len(step.rows) if self.live else max(1, size // ROW_BYTES)
        if count < len(step.rows):
            self._steps.insert(0, Rows(step.at, step.rows[count:]))
        rows = step.rows[:count]
        first, self._row = self._row, self._row + len(rows)
        return self._source.decode(rows, first)

    def close(self) -> None:
        """Release nothing."""
