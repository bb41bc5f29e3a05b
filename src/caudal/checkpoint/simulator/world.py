"""A schedule played: workers, what they work with, what goes wrong, and what must hold all the same."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from caudal.checkpoint.simulator.broker import Between, Broker, Transaction, Written
from caudal.checkpoint.simulator.clock import Clock, Host, Network, Violation
from caudal.checkpoint.simulator.coverage import Pair
from caudal.checkpoint.simulator.engine import Count, Join, Operator, Route, Windows
from caudal.checkpoint.simulator.groups import Group
from caudal.checkpoint.simulator.hand import GENESIS
from caudal.checkpoint.simulator.process import Process
from caudal.checkpoint.simulator.schedule import CALM, PATIENCE, Schedule
from caudal.checkpoint.simulator.store import Shown, Snapshot, Store
from caudal.checkpoint.simulator.trouble import Trouble

Trace = list[str]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a schedule.

    `violation`: what did not hold, "" for nothing; `closed`: why the job ended for good, "" where it did not; `epochs`: how many
    were committed; `seconds` of virtual time.
    """

    violation: str
    closed: str
    epochs: int
    seconds: float


class World:
    """What a schedule is played in. `Parts` for its workers."""

    def __init__(self, schedule: Schedule, coverage: Counter[Pair], trace: Trace | None = None) -> None:
        self.schedule = schedule
        self.coverage = coverage
        self.trace = trace
        self.shards: Mapping[str, Sequence[str]] = schedule.shards
        self.staging = schedule.staging
        self.slow = schedule.slow
        self.clock = Clock()
        self.random = Random(schedule.seed + 1)
        self.network = Network(self.clock, self.random, None if trace is None else self.say)
        self.network.faults = schedule.network
        self.broker = Broker(self.clock, self.random, self._was_committed)
        self.broker.lag = schedule.lag
        self.group = Group(self.clock, self.random, schedule.shards)
        self.store = Store(self.clock, self._guard)
        self.shown = Shown()
        self.epochs = 0
        self.closed = ""
        self._count = 0
        self._beginnings: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self._committed: set[str] = set()
        self.hopeless: set[str] = set()
        self._leaving = False
        self._sources: dict[str, Written] = {}
        for name, source in schedule.inputs.items():
            self.broker.logs[name] = self._sources[name] = Written(self.clock, source.times, source.values)
        for name in schedule.destinations:
            self.broker.logs[name] = Between()
        self.processes = [Process(self, f"w{number}") for number in range(schedule.workers)]
        Trouble(self).begin(schedule.faults)
        self.clock.after(CALM, self._calm)

    # -- what workers ask ----------------------------------------------------------------------------------------------

    def operator(self, shard: str) -> Operator:
        if self.schedule.kind == "joined":
            return Join()
        if self.schedule.kind == "plain":
            return Count()
        return (
            Windows(list(self.schedule.inputs))
            if shard in self.schedule.destinations
            else Route(self.schedule.destinations)
        )

    def beginning(self, partition: str) -> int:
        return self.broker.logs[partition].end() if self.schedule.from_end and partition in self._sources else 0

    def fresh(self) -> int:
        self._count += 1
        return self._count

    def is_committed(self, staged: str) -> bool:
        return staged in self._committed

    def runs(self, process: Host, shard: str, positions: Mapping[str, int]) -> None:
        """What the first owner of a shard reads from on is what the job is to read."""
        for partition, position in positions.items():
            if self.group.owns(process, partition):
                self._beginnings.setdefault(partition, position)

    def say(self, who: str, text: str) -> None:
        if self.trace is not None:
            self.trace.append(f"{self.clock.now:8.3f}  {who:<8} {text}")

    # -- what must hold at all times -----------------------------------------------------------------------------------

    def _was_committed(self, transaction: Transaction) -> None:
        """A transaction is committed: all that its tokens refer to is there, and durable."""
        self.say("broker", f"{transaction.name} committed {transaction.offsets}")
        self.shown.topic.update(transaction.outputs)
        self.epochs += not any(token.startswith(GENESIS) for _, token in transaction.offsets.values())
        for partition, (offset, token) in transaction.offsets.items():
            if token.startswith(GENESIS):
                self._starts[partition] = offset
                continue
            snapshot = self.store.objects.get(token)
            if not isinstance(snapshot, Snapshot) or token not in self.store.synced:
                raise Violation(f"{token} was committed and is not durable")
            for name in snapshot.staged:
                if name not in self.store.synced:
                    raise Violation(f"{name} was committed and is not durable")
            self._committed.update(snapshot.staged)

    def _guard(self, name: str) -> None:
        if any(token == name for _, token in self.broker.offsets.committed.values()):
            raise Violation(f"{name} was deleted or replaced, and is what a shard is to be restored from")

    # -- processes ----------------------------------------------------------------------------------------------------

    def running(self) -> list[Process]:
        """Return the workers that run and are not asked to end."""
        return [process for process in self.processes if process.running]

    def add(self, name: str) -> None:
        """Start a worker of this name, unless the job is at its end."""
        here = any(process.alive and process.name == name for process in self.processes)
        if not self._leaving and not (here and self.clock.now >= CALM):
            self.processes.append(Process(self, name))

    def ended(self, process: Process, why: str) -> None:
        """A worker has ended: after a failure another is started, as long as there is hope."""
        if not why:
            return
        if not self.hopeless:
            raise Violation(f"{process.label} ended: {why}")
        self.closed = why
        if self.hopeless == {"blank"}:
            self.clock.after(0.5, partial(self.add, process.name))
        else:
            self.clock.over = True

    # -- the end -------------------------------------------------------------------------------------------------------

    def _calm(self) -> None:
        """From now on nothing goes wrong; of workers of one name only the newest is left."""
        self.say("fault", "none from here on")
        self.network.faults = 0.0
        names: set[str] = set()
        for process in reversed(self.processes):
            if process.alive and process.name in names:
                process.kill()
            names |= {process.name} if process.alive else set()
        if not self.running():
            self.add("w9")
        self._look()

    def _look(self) -> None:
        """See every half second whether all is done."""
        if self.clock.now > CALM + PATIENCE:
            raise Violation(f"not done {PATIENCE:.0f} s after the last fault: {self._missing()}")
        if self._leaving or not self._missing():
            self._leaving = True
            for process in self.running():
                process.stop()
            if not any(process.alive for process in self.processes):
                self._check()
                self.clock.over = True
                return
        self.clock.after(0.5, self._look)

    def _missing(self) -> str:
        """Return what is not processed and committed up to its end, "" for nothing."""
        committed = self.broker.offsets.committed
        for partition, log in self.broker.logs.items():
            offset = committed.get(partition, (-1, ""))[0]
            end = log.written()
            if offset != end:
                return f"{partition} is committed up to {offset} of {end}"
            if self.broker.offsets.pending.get(partition):
                return f"a transaction is open on {partition}"
            snapshot = self.store.objects.get(committed[partition][1])
            if isinstance(snapshot, Snapshot) and not self.shown.published.issuperset(snapshot.staged):
                return f"{snapshot.staged} is not shown"
        return "still running" if self._leaving else ""

    def _check(self) -> None:
        """Nothing lost, nothing doubled."""
        expected = self._expected()
        for where, shown in (("topic", self.shown.topic), ("files", self.shown.files)):
            if shown != expected and (where == "topic" or self.staging):
                lost, more = expected - shown, shown - expected
                raise Violation(f"{where}: lost {dict(lost)}, doubled or wrong {dict(more)}")

    def _expected(self) -> Counter[object]:
        """Return what is to be shown: from where the first owner has read, or from the start where nobody ever has."""
        return self.schedule.outputs({**self._starts, **self._beginnings})

    def check_closed(self) -> None:
        """Of a job that ended for good: what it has shown was to be shown."""
        more = self.shown.topic - self._expected()
        if more:
            raise Violation(f"doubled or wrong {dict(more)}")


def play(schedule: Schedule, coverage: Counter[Pair], trace: Trace | None = None) -> Result:
    """Play a schedule; whatever is raised is a violation."""
    world, violation = None, ""
    try:
        world = World(schedule, coverage, trace)
        world.clock.run()
        if world.closed and "blank" not in world.hopeless:
            world.check_closed()
    except Violation as found:
        violation = str(found)
    except Exception:
        violation = traceback.format_exc()
    if world is None:
        return Result(violation, "", 0, 0.0)
    return Result(violation, world.closed, world.epochs, world.clock.now)
