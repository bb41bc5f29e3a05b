"""The contract of an engine: a plan and opened connectors in, a running job out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from caudal.observe.ledger import Ledger
from caudal.observe.sources import SourceReport
from caudal.observe.summary import Progress
from caudal.plan.plan import Plan
from caudal.ports.calls import Calls
from caudal.ports.records import Convict
from caudal.ports.sink import Sink
from caudal.ports.snapshot import Dealt, Place, Savepoint, Share, Snapshot, State
from caudal.ports.source import Source

ALWAYS = 1 << 62
"""A reading time that no event time is ahead of."""


@dataclass(frozen=True, slots=True)
class BoundSource:
    """An opened source and the reader of its format (None where partitions yield decoded rows themselves).

    `convicts`: by partition, in order, records that are dead letters before anything looks into them.
    """

    source: Source
    reader: Any
    convicts: Mapping[str, Sequence[Convict]] = field(default_factory=dict[str, "Sequence[Convict]"])


@dataclass(frozen=True, slots=True)
class Bindings:
    """Opened connectors by operator id. `calls`: see there; engines that call functions elsewhere have no use for it."""

    sources: Mapping[str, BoundSource]
    sinks: Mapping[str, Sink]
    calls: Calls = field(default_factory=Calls)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How to run. `threads`: operator threads; `credit`: bytes in flight, 0 for the engine's choice; `max_state`:
    bytes of state, 0 for half of memory.

    `read_at`: the reading time of a bounded run, wall clock in milliseconds (0: when it starts); what lies further ahead
    of it than `max_future` is a dead letter.

    For engines that run elsewhere: `cluster` is the address of one that is there ("": this machine), `exchange` a directory
    that both sides reach, `native` whether an engine's own readers may take the place of caudal's, whose dead letters
    nobody wants.

    `apart`: in a plan of several pipelines, whether one that fails is left behind while the others go on, where the engine can.

    `extra` holds an engine's own settings by name.
    """

    threads: int
    live: bool = False
    credit: int = 0
    max_state: int = 0
    read_at: int = 0
    cluster: str = ""
    exchange: str = ""
    native: bool = False
    apart: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Script:
    """A job as a script that can be kept and run without caudal; `beside`: the files that must lie beside it, by name."""

    text: str
    beside: Mapping[str, bytes]

    def save(self, path: Path) -> None:
        """Write the script, and what it needs beside it; raises `OSError`."""
        path.write_text(self.text, encoding="utf-8")
        for name, data in self.beside.items():
            path.with_name(name).write_bytes(data)


class Execution(Protocol):
    """A job. `run` blocks; the others may be called from another thread or from `watch`."""

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Run to the end of data or a stop; raises what broke. `flush`: after a stop, close all windows."""
        ...

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight; windows stay open."""
        ...

    def kill(self, error: BaseException) -> None:
        """End at once; `run` raises the error."""
        ...

    def snapshot(self, *, whole: bool = True, at: Callable[[], None] | None = None) -> Snapshot:
        """Return one consistent point of the job, while it runs or after; or that there is no way to, and why.

        What is in flight lands first, and nothing more is read until then. `whole` False: of each operator what has come and gone
        since the snapshot before. `at` is called at that very point: all that sinks were given belongs before it. From any thread
        but the job's own, one at a time.
        """
        ...

    def resume(self, snapshot: Savepoint | State) -> None:
        """Go on from there; before `run`. The sources are those of then, and are read on from its positions.

        Raises `RunError` for a snapshot of another engine or version, or of a plan with other operators.
        """
        ...

    @property
    def drained(self) -> bool:
        """Whether it was stopped before the end of data."""
        ...

    def progress(self) -> Progress:
        """Return how far it is."""
        ...

    def ledger(self) -> Ledger:
        """Return the ledger; complete once `run` has returned."""
        ...

    def figures(self) -> dict[str, Any]:
        """Return rows, bytes, latency, state_peak, failures (texts), seconds; notes (texts) and notices where there are any.

        "broken": why pipelines of a plan of several have failed, by name, where the others went on.
        "sources": an `observe.sources.SourceReport` of each source whose records this process decoded; "lags": an
        `observe.lag.PartitionLag` of each partition whose source knows where it ends.
        """
        ...


class Tasks(Protocol):
    """The tasks of one worker: jobs of one plan or of its stages, each over partitions of its own, which share the worker's cores.

    `run` blocks in one thread; the others are called from another, one at a time.
    """

    def open(self, name: str, physical: Plan, bindings: Bindings) -> Execution:
        """Prepare a task; before it begins it may `resume`. Of the execution only that, and `snapshot`, is to be called.

        `physical`: the rewritten plan, or a stage of it; its repartition topics are among the bindings, and a snapshot gives all
        that they are due before its point.
        """
        ...

    def begin(self, name: str) -> None:
        """Read the task's partitions from now on."""
        ...

    def halt(self, name: str) -> None:
        """Read no more of them; what was read lands, and windows stay open."""
        ...

    def drop(self, name: str) -> None:
        """Forget the task with its state; it need not be halted before. Nothing for one that is not there."""
        ...

    def finished(self, name: str) -> bool:
        """Whether all its partitions have come to their ends."""
        ...

    def dealt(self, physical: Plan, parts: Sequence[Dealt], share: Share, begins: Mapping[Place, int]) -> State:
        """Return the state that a task of this plan (see `open`) is to resume, made of what others had of its keys when all rested.

        `begins`: where its partitions stand. Of those that none of the others had, no row that these would have called late is in time.
        Raises `RunError` for states that do not go together.
        """
        ...

    def paused(self) -> AbstractContextManager[None]:
        """Let all that is in flight land, and read nothing meanwhile: for snapshots of several tasks at one point."""
        ...

    def run(self, watch: Callable[[], None] | None = None) -> None:
        """Run what there is, until `end`; raises what broke."""
        ...

    def end(self) -> None:
        """No task will come any more; what is in flight lands."""
        ...

    def kill(self, error: BaseException) -> None:
        """End at once; `run` raises the error."""
        ...

    def progress(self) -> Progress:
        """Return how far all are."""
        ...

    def ledger(self) -> Ledger:
        """Return the sum of the ledgers of all tasks, those that were given up too."""
        ...

    def figures(self) -> dict[str, Any]:
        """Return the figures of all tasks, as those of one execution."""
        ...


class Engine(Protocol):
    """An engine by name."""

    name: str

    def admit(self, logical: Plan, sources: Mapping[str, BoundSource]) -> None:
        """Raise `PlanError` for sources that it cannot run over; asked before a sink is opened, which may write at once."""
        ...

    def start(self, logical: Plan, physical: Plan, bindings: Bindings, tuning: Tuning) -> Execution:
        """Prepare a job for the rewritten plan; the ledger speaks of the logical one. Raises `PlanError` for what it cannot do."""
        ...

    def tasks(self, logical: Plan, tuning: Tuning) -> Tasks | None:
        """Return what runs the tasks of a worker; None where the engine shares partitions among workers by itself, or cannot."""
        ...

    def explain(
        self, logical: Plan, physical: Plan, sources: Mapping[str, BoundSource], tuning: Tuning
    ) -> Script | None:
        """Return the script that the engine would run; None where the plan says it all.

        `sources`: those that could be opened, by operator id.
        """
        ...

    def sample(self, physical: Plan, sources: Mapping[str, BoundSource]) -> list[SourceReport]:
        """Return reports of the first records of each opened source, which is of no use to a run afterwards.

        What cannot be read twice is left alone, what is not there yet is not waited for.
        """
        ...

    def check(self, logical: Plan, physical: Plan, sources: Mapping[str, BoundSource]) -> None:
        """Raise `PlanError` where `start` would, functions that cannot be compiled or shipped among it; start nothing."""
        ...
