"""A live source that follows a script, and the clock that goes with it.

The clock moves only when a poll finds nothing: each such poll takes `step` milliseconds of it. With one thread a script
therefore plays the same way every time, however fast the machine is, and hours of silence take no time at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar.column import from_list
from caudal.core.errors import RunError
from caudal.core.naming import natural_key
from caudal.core.types import Schema
from caudal.ports.records import Decoded
from caudal.ports.source import End, Nothing, Partition


class VirtualClock:
    """Milliseconds that pass when told to. Thread-safe."""

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Return the time."""
        return self._now

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        with self._lock:
            self._now += milliseconds


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
Script = Mapping[str, Sequence[Step]]
"""Partition name -> steps in order of time."""


class ScriptedSource:
    """A live source. A partition whose first step lies ahead of the clock at the start is discovered when it is due.

    `until`: when the clock reaches it, `then` is called, once: usually the execution's `stop`.
    """

    live = True

    def __init__(self, script: Script, schema: Schema, clock: VirtualClock, *, until: int, step: int = 50) -> None:
        self.clock = clock
        self.then: Callable[[], None] = lambda: None
        self._schema = schema
        self._until = until
        self._step = step
        self._later = {name: list(steps) for name, steps in sorted(script.items(), key=lambda s: natural_key(s[0]))}

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions that there are at the start."""
        return self.discover()

    def discover(self) -> Sequence[Partition]:
        """Return the partitions that have appeared."""
        due = [name for name, steps in self._later.items() if not steps or steps[0].at <= self.clock()]
        return [ScriptedPartition(name, self._later.pop(name), self) for name in due]

    def close(self) -> None:
        """Release nothing."""

    def decode(self, rows: Sequence[Mapping[str, Any]], first: int) -> Decoded:
        """Return rows as columns; positions are their numbers in the partition."""
        columns = {f.name: from_list([row.get(f.name) for row in rows], f.dtype) for f in self._schema}
        return Decoded(columns, len(rows), np.arange(first, first + len(rows), dtype=np.int64))

    def wait(self) -> None:
        """A poll found nothing: let a step of time pass."""
        self.clock.advance(self._step)
        if self.clock() >= self._until:
            then, self.then = self.then, lambda: None
            then()


class ScriptedPartition:
    """One partition of a scripted source."""

    live = True

    def __init__(self, name: str, steps: Sequence[Step], source: ScriptedSource) -> None:
        self.name = name
        self._all = list(steps)
        self._source = source
        self.seek(0)

    def head(self) -> bytes:
        """Return nothing: rows are not framed."""
        return b""

    def seek(self, position: int) -> None:
        """Go on behind so many rows; a step is read whole or not at all."""
        self._steps = list(self._all)
        self._row = 0
        while self._row < position:
            step = self._steps.pop(0)
            self._row += len(step.rows) if isinstance(step, Rows) else 0

    def read(self, size: int) -> Decoded | Nothing | End:
        """Return what the script says."""
        if not self._steps or self._steps[0].at > self._source.clock():
            self._source.wait()
            return Nothing()
        step = self._steps.pop(0)
        if isinstance(step, Eof):
            return End()
        if isinstance(step, Abort):
            raise RunError("the script aborts", location=self.name)
        first, self._row = self._row, self._row + len(step.rows)
        return self._source.decode(step.rows, first)

    def close(self) -> None:
        """Release nothing."""
