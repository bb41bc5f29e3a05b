"""A worker of a group: it shares the partitions of a topic with others, each with the state behind it.

One thread speaks with the group, feeds the protocol (`caudal.checkpoint.protocol`) and carries out what that asks for; the engine's threads
run the tasks of all shards that this worker holds.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from caudal.checkpoint import events as p
from caudal.checkpoint import requests
from caudal.checkpoint.leases import Lease
from caudal.checkpoint.store import OnDisk, Store, StoreError
from caudal.core.errors import RunError
from caudal.observe.lag import PartitionLag
from caudal.observe.ledger import Ledger
from caudal.observe.log import log
from caudal.observe.summary import Progress
from caudal.ports.engine import Execution, Tasks
from caudal.ports.group import Change, Given, Group, GroupTransaction, Renewed
from caudal.ports.sink import Delivery, Sink, TransactionalSink
from caudal.ports.snapshot import Savepoint, Snapshot, State, Unsupported
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.conducting import Conductor
from caudal.runner.group_steps import GroupSteps, Held, Place
from caudal.runner.layout import Layout
from caudal.runner.poison.looking import Poison
from caudal.runner.savepoints import LOOK

_LEAVING = 30.0
"""Seconds that a worker which is stopped goes on asking a store or a cluster that does not answer, to commit what it has read."""

_TURN = 0.02
"""Seconds between two looks at what the group says."""


class GroupWorker:
    """Runs one worker until it is stopped: the job, and the life of its epochs."""

    complete = False

    def __init__(
        self,
        place: Place,
        group: Group,
        transaction: GroupTransaction,
        store: Store,
        tasks: Tasks,
        sinks: Mapping[str, Sink],
        how: Checkpointing,
        delivery: Delivery = "exactly-once",
        lease: Lease | None = None,
    ) -> None:
        self.drained = False
        self.delivery: Delivery = delivery
        self.sinks = sinks
        self._how = how
        self._place = place
        self._group = group
        self._transaction = transaction
        self._store = store
        self._lease = lease
        self._tasks = tasks
        self._every = how.every / 1000
        self._poison = Poison(store, how.program, how.limits)
        self._steps = GroupSteps(place, group, transaction, store, tasks, sinks, self._poison)
        self._conductor = Conductor(
            self._steps.do, self._pause, final=lambda _: time.monotonic() > self._leaves, looks_up=True
        )
        self._worker = self._conductor.worker
        self._leaves = math.inf
        """Until when it tries to leave with all committed, by the monotonic clock; behind that others read again what is not."""
        self._given: dict[str, set[str]] = {}
        """Partitions of shards that are not complete."""
        self._last = frozenset[str]()
        """Shards that it held when it was stopped."""
        self._paused: list[tuple[float, p.Waited]] = []
        self._looks = 0.0
        """When to look for requests again, by the monotonic clock."""
        self._stopping = threading.Event()
        self._grown = ""
        """A partition that the source did not have when the group began."""
        self._thread = threading.Thread(target=self._work, name="caudal-group", daemon=True)

    @property
    def layout(self) -> Layout:
        """What the shards of its group are."""
        return self._place.layout

    @property
    def epochs(self) -> int:
        """Epochs that were committed."""
        return self._steps.committed

    def told(self) -> dict[str, Any]:
        """Return what a summary says of the checkpoints."""
        return {
            "url": self._how.url,
            "id": self._place.writer,
            "epoch": self._worker.epoch,
            "epochs": self._steps.committed,
            "delivery": self.delivery,
        }

    def stood(self) -> Mapping[str, int]:
        """Return up to where partitions are committed that this worker has, or had. Called in the thread that asks the group."""
        rests = [held.rest for held in self._steps.held.values() if held.rest is not None]
        return {name: at for rest in rests for name, at in rest.offsets.items()}

    # -- the life of the job's epochs: see `epochs.Epochs` -------------------------------------------------------------

    def start(self, execution: Execution) -> None:
        """Everything begins with `run`."""

    def end(self) -> dict[str, str]:
        """A group has no end of data."""
        return self.drain()

    def drain(self) -> dict[str, str]:
        """All was committed when the worker ended: release what it had."""
        for sink in self.sinks.values():
            sink.finish()
        self.close()
        return {name: sink.where for name, sink in self.sinks.items()}

    def abort(self) -> None:
        """What is not committed is another worker's to do. Never raises."""
        self._conductor.closed = True
        for sink in self.sinks.values():
            sink.abort()
        self.close()

    # -- the job: see `ports.engine.Execution` -------------------------------------------------------------------------

    def snapshot(self, *, whole: bool = True, at: Callable[[], None] | None = None) -> Snapshot:
        """Each shard has its own."""
        return Unsupported("a worker's shards are committed one by one")

    def resume(self, snapshot: Savepoint | State) -> None:
        """Each shard goes on from its own."""
        raise RunError("a worker of a group goes on from what the group knows")

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Run until `stop`; raises what broke. Windows stay open: another worker goes on with them."""
        for sink in self.sinks.values():
            if isinstance(sink, TransactionalSink):
                sink.enlist(self._transaction)
            sink.recover(0, None)
        self._thread.start()
        try:
            self._tasks.run(watch)
        finally:
            self._conductor.closed = True
            self._steps.room.hurry.set()
            self._steps.room.under_way(False)
            self._thread.join()
        self._conductor.check()
        self.drained = True
        if self._grown:
            raise RunError(
                f"the topic of {self._grown} has more partitions than when the group began: its keys have moved",
                detail="what was read is committed",
                hint=f"{self._how.rescales('N')}, N as many as it has now",
            )

    def stop(self) -> None:
        """Commit what was read, give all shards up, and end; what cannot be committed within half a minute is read again by others."""
        self._leaves = min(self._leaves, time.monotonic() + _LEAVING)
        self._stopping.set()
        self._steps.room.hurry.set()

    def kill(self, error: BaseException) -> None:
        """End at once."""
        self._conductor.closed = True
        self._tasks.kill(error)

    def watched(self, progress: Callable[[], Progress]) -> AbstractContextManager[None]:
        """Within it the process ends where the worker does not get on."""
        return self._poison.watched(lambda: None if self._steps.room.waits else progress().standing)

    def close(self) -> None:
        """Leave the group; idempotent."""
        self._poison.end()
        self._transaction.close()
        self._group.close()
        if self._lease is not None:
            self._lease.release()
        self._store.close()

    def progress(self) -> Progress:
        """Return how far all shards are, also those of which nothing is read yet."""
        told = self._tasks.progress()
        coming = [self._steps.held[name] for name, shard in list(self._worker.shards.items()) if not shard.owned]
        return replace(told, lags=[*told.lags, *_unread(coming, self._place.layout, self._group.ends())])

    def ledger(self) -> Ledger:
        """Return the ledger of all shards that this worker had."""
        ledger = self._tasks.ledger()
        for name in self._place.layout.stages.topics:
            ledger.entries[name].between = True
        return ledger

    def figures(self) -> dict[str, Any]:
        """Return the figures of all shards; partitions are those that it had to the end."""
        figures = self._tasks.figures()
        return {
            **figures,
            "lags": [lag for lag in figures["lags"] if self._place.layout.shard(lag.partition) in self._last],
        }

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        due = time.monotonic() + self._every
        stopped = False
        try:
            while not (self._conductor.closed or self._worker.ended or self._conductor.error):
                if self._lease is not None and not self._lease.renew():
                    raise RunError(f"another worker runs under the name {self._lease.name}")
                for change in self._group.changes():
                    self._changed(change)
                for at, waited in [each for each in self._paused if each[0] <= time.monotonic()]:
                    self._paused.remove((at, waited))
                    self._conductor.feed(waited)
                self._look()
                if self._stopping.is_set() and not stopped:
                    stopped = True
                    self._last = frozenset(self._worker.shards)
                    self._conductor.feed(p.Stop())
                elif time.monotonic() >= due or self._steps.room.hurry.is_set():
                    self._steps.room.hurry.clear()
                    self._conductor.feed(p.Due())
                    due = max(due + self._every, time.monotonic())
                if not self._worker.ended:
                    self._steps.room.hurry.wait(min(_TURN, max(0.0, due - time.monotonic())))
        except BaseException as error:
            self._conductor.error = self._conductor.error or error
        if self._conductor.error is not None:
            self._steps.room.under_way(False)
            self._tasks.kill(self._conductor.error)
        else:
            self._tasks.end()

    def _look(self) -> None:
        """End where a savepoint is asked for, which is made once all shards rest."""
        now = time.monotonic()
        if now < self._looks or self._stopping.is_set():
            return
        self._looks = now + LOOK[0 if isinstance(self._store, OnDisk) else 1]
        try:
            if any(each.stop for each in requests.waiting(self._store, time.time())):
                log.info("a savepoint is asked for: this worker ends, so that its shards rest")
                self._stopping.set()
        except StoreError as error:
            log.warning("whether a savepoint is asked for is not known: %s", error)

    def _changed(self, change: Change) -> None:
        """Take in that a partition came, or went: a shard comes when all of its partitions have, and goes with the first."""
        if isinstance(change, Renewed):
            self._steps.member = change.member
            return
        partition = change.partition if isinstance(change, Given) else change.name
        layout = self._place.layout
        name = layout.shard(partition)
        wanted = layout.partitions(name)
        have = self._given.setdefault(name, set())
        if isinstance(change, Given) and partition not in wanted:
            self._grown = partition
            self._stopping.set()
            return
        if isinstance(change, Given):
            have.add(partition)
            if have == wanted:
                if name not in self._worker.shards:
                    self._steps.held[name] = Held(tuple(sorted(wanted)))
                self._conductor.feed(p.Assigned(name))
            return
        have.discard(partition)
        if name in self._worker.shards:  # also one that is leaving: it may be lost before it has left
            self._conductor.feed(p.Lost(name) if change.lost else p.Revoked(name))
        elif not change.lost:
            self._group.release(partition)

    def _pause(self, effect: p.Effect, seconds: float) -> None:
        """The group is to be heard meanwhile: the effect is tried again when the time has come."""
        self._paused.append((time.monotonic() + seconds, p.Waited(effect)))


def _unread(coming: Sequence[Held], layout: Layout, ends: Mapping[str, int]) -> list[PartitionLag]:
    """Return where partitions stand that are not read yet, such as those in which a record is looked for that kills the process."""
    return [
        PartitionLag(layout.source(name), name, stand.offset, ends.get(name), 0, 0.0)
        for held in coming
        if held.shard is None
        for name, stand in dict(held.stands).items()
    ]
