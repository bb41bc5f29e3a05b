"""A worker of a group: it shares the partitions of a topic with others, each with the state behind it.

One thread speaks with the group, feeds the protocol (`caudal.checkpoint.protocol`) and carries out what that asks for; the engine's threads
run the tasks of all shards that this worker holds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from caudal.checkpoint import events as p
from caudal.checkpoint.leases import Lease
from caudal.checkpoint.protocol import Worker
from caudal.checkpoint.store import Store, StoreError
from caudal.core.errors import RunError
from caudal.observe.ledger import Ledger
from caudal.observe.log import log
from caudal.observe.summary import Progress
from caudal.ports.engine import Execution, Tasks
from caudal.ports.group import Change, Given, Group, GroupTransaction, Renewed
from caudal.ports.sink import Delivery, Sink, TransactionalSink
from caudal.ports.snapshot import Savepoint, Snapshot, State, Unsupported
from caudal.ports.transaction import Fenced, Unanswered
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.epochs import taken_over
from caudal.runner.group_steps import GroupSteps, Held, Place

_TURN = 0.02
"""Seconds between two looks at what the group says."""

_PATIENCE = 600.0
"""Seconds for which a store, or a cluster, that does not answer is asked again, before the worker ends."""


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
        self._worker = Worker()
        self._steps = GroupSteps(place, group, transaction, store, tasks, sinks)
        self._given: dict[str, set[str]] = {}
        """Partitions of shards that are not complete."""
        self._paused: list[tuple[float, p.Waited]] = []
        self._refused_since = 0.0
        self._stopping = threading.Event()
        self._closing = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="caudal-group", daemon=True)

    @property
    def epochs(self) -> int:
        """Epochs that were committed."""
        return self._steps.committed

    @property
    def shards(self) -> list[str]:
        """The shards that this worker holds."""
        return sorted(self._worker.shards)

    def told(self) -> dict[str, Any]:
        """Return what a summary says of the checkpoints."""
        return {
            "url": self._how.url,
            "id": self._place.writer,
            "epoch": self._worker.epoch,
            "epochs": self._steps.committed,
            "delivery": self.delivery,
        }

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
        self._closing.set()
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
            self._closing.set()
            self._steps.room.hurry.set()
            self._steps.room.under_way(False)
            self._thread.join()
        if self._error is not None:
            raise self._error
        self.drained = True

    def stop(self) -> None:
        """Commit what was read, give all shards up, and end."""
        self._stopping.set()
        self._steps.room.hurry.set()

    def kill(self, error: BaseException) -> None:
        """End at once."""
        self._closing.set()
        self._tasks.kill(error)

    def close(self) -> None:
        """Leave the group; idempotent."""
        self._transaction.close()
        self._group.close()
        if self._lease is not None:
            self._lease.release()
        self._store.close()

    def progress(self) -> Progress:
        """Return how far all shards are."""
        return self._tasks.progress()

    def ledger(self) -> Ledger:
        """Return the ledger of all shards that this worker had."""
        return self._tasks.ledger()

    def figures(self) -> dict[str, Any]:
        """Return the figures of all shards."""
        return self._tasks.figures()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        due = time.monotonic() + self._every
        stopped = False
        try:
            while not self._closing.is_set() and not self._worker.ended:
                if self._lease is not None and not self._lease.renew():
                    raise RunError(f"another worker runs under the name {self._lease.name}")
                for change in self._group.changes():
                    self._changed(change)
                for at, waited in [each for each in self._paused if each[0] <= time.monotonic()]:
                    self._paused.remove((at, waited))
                    self._feed(waited)
                if self._stopping.is_set() and not stopped:
                    stopped = True
                    self._feed(p.Stop())
                elif time.monotonic() >= due or self._steps.room.hurry.is_set():
                    self._steps.room.hurry.clear()
                    self._feed(p.Due())
                    due = max(due + self._every, time.monotonic())
                if not self._worker.ended:
                    self._steps.room.hurry.wait(min(_TURN, max(0.0, due - time.monotonic())))
        except BaseException as error:
            self._error = self._error or error
        if self._error is not None:
            self._steps.room.under_way(False)
            self._tasks.kill(self._error)
        else:
            self._tasks.end()

    def _changed(self, change: Change) -> None:
        """Take in that a partition came, or went: a shard comes when all of its partitions have, and goes with the first."""
        if isinstance(change, Renewed):
            self._steps.member = change.member
            return
        name = shard_of(change.partition)
        wanted = {f"{topic}/{name}" for topic, count in self._group.counts().items() if int(name) < count}
        have = self._given.setdefault(name, set())
        if isinstance(change, Given):
            have.add(change.partition)
            if have == wanted:
                if name not in self._worker.shards:
                    self._steps.held[name] = Held(tuple(sorted(wanted)))
                self._feed(p.Assigned(name))
            return
        have.discard(change.partition)
        if name in self._worker.shards:  # also one that is leaving: it may be lost before it has left
            self._feed(p.Lost(name) if change.lost else p.Revoked(name))
        elif not change.lost:
            self._group.release(change.partition)

    def _feed(self, event: p.Event) -> None:
        """Let the protocol take an event, and do what it says, until nothing is to be done at once."""
        events = deque([event])
        while events and self._error is None and not self._closing.is_set():
            for effect in self._worker.handle(events.popleft()):
                answer = self._do(effect)
                if answer is not None:
                    events.append(answer)

    def _do(self, effect: p.Effect) -> p.Event | None:
        if isinstance(effect, p.Pause):
            after = min(5.0, 0.1 * 2 ** min(effect.attempt, 10))
            self._paused.append((time.monotonic() + after, p.Waited(effect.effect)))
            return None
        if isinstance(effect, p.End):
            if effect.why and self._error is None:
                self._error = RunError(effect.why)
            return None
        try:
            answer = self._steps.do(effect)
        except (StoreError, Unanswered) as error:
            return self._refused(effect, error)
        except Fenced as fenced:
            log.warning("%s: what was committed is looked up", fenced)
            if isinstance(effect, p.Commit):
                return p.Fenced(effect.epoch)
            self._error = taken_over(fenced)
            return p.Failed(effect, str(fenced), fatal=True)
        self._refused_since = 0.0
        return answer

    def _refused(self, effect: p.Effect, error: StoreError | Unanswered) -> p.Event:
        now = time.monotonic()
        self._refused_since = self._refused_since or now
        if now - self._refused_since > _PATIENCE:
            self._error = error
            return p.Failed(effect, str(error), fatal=True)
        log.warning("%s; it is tried again", error)
        return p.Failed(effect, str(error))


def shard_of(partition: str) -> str:
    """Return the shard of a partition "topic/number": the number."""
    return partition.rpartition("/")[2]
