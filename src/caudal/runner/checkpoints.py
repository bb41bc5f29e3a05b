"""The checkpoints of a job that shares its input with nobody: one shard, "job", whose manifests are in a store.

A thread beside the job carries out what the protocol asks for (`caudal.checkpoint.protocol`): it lets the engine stand still for a
cut, stores what is new in its state, lets sinks stage the epoch's rows, commits, and lets sinks show them.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from caudal.checkpoint import events as p
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import Store, StoreError, open_store
from caudal.core import duration
from caudal.core.errors import CaudalError, OptionError
from caudal.observe.log import log
from caudal.observe.summary import Commit, Progress
from caudal.plan.plan import Plan
from caudal.ports.calls import Calls
from caudal.ports.engine import Execution
from caudal.ports.sink import Delivery, Receipt, Sink
from caudal.runner.conducting import Conductor, Refusal
from caudal.runner.delivery import check_mode
from caudal.runner.epoch_steps import EpochSteps
from caudal.runner.epochs import enlisted
from caudal.runner.migration import Fits, migration
from caudal.runner.outbox import Outbox, Room
from caudal.runner.poison.calls import calls_here
from caudal.runner.poison.looking import Poison, Suspect, convicted, marked, standing, withheld
from caudal.runner.poison.requests import Convicts, Places, Program
from caudal.runner.poison.trying import Limits
from caudal.runner.recalling import recalled
from caudal.runner.resuming import SHARD, Beginning, beginning
from caudal.runner.savepoints import Asked
from caudal.runner.shard import GENESIS, Shard

LEAST_EVERY = 10
"""Milliseconds between two epochs at least: each syncs files."""

_MARK = f"{SHARD}/begun"

_NAME = re.compile(r"[A-Za-z0-9._-]{0,200}")


@dataclass(frozen=True, slots=True)
class Checkpointing:
    """How a job is to be checkpointed.

    `url`: the store; `every`: milliseconds between two epochs; `delivery`: "" for what sources and sinks allow; `restore`: the URL
    (with an @ID) that a fresh store begins from; `allow_dropped`: state that the pipeline has no use for may be left behind.
    `group`, `worker`: the names of the group of workers that share a topic, and of this one in it, "" for those that are chosen.
    `program`: how another process is given the same pipeline, None where that cannot be; `limits`: what a record may take.
    `partitions`: of its repartition topics, 0: as many as the source has.
    """

    url: str
    every: int = 1_000
    delivery: str = ""
    restore: str = ""
    allow_dropped: bool = False
    group: str = ""
    worker: str = ""
    program: Program | None = None
    limits: Limits = field(default_factory=Limits)
    partitions: int = 0

    def rescales(self, partitions: int | str) -> str:
        """Return the command that deals what is kept here anew."""
        file = self.program.file if self.program is not None else "FILE"
        return f"caudal rescale {file} {self.restore or self.url} --partitions {partitions}"


def checkpointing(
    url: str,
    every: str = "1s",
    delivery: str = "",
    restore: str = "",
    *,
    allow_dropped: bool = False,
    group: str = "",
    worker: str = "",
    program: Program | None = None,
    hang: str = "5m",
    memory: int = 0,
    partitions: int = 0,
) -> Checkpointing | None:
    """Return how a job is to be checkpointed, None for no URL; raises `OptionError` for what does not fit."""
    check_mode(delivery)
    if not url:
        given = {"delivery": delivery, "restore": restore, "group": group, "worker": worker, "partitions": partitions}
        for name, value in given.items():
            if value:
                raise OptionError(f"{name} goes with checkpoints", hint="say where to keep them: checkpoint='./state'")
        return None
    milliseconds = duration.parse(every)
    if milliseconds < LEAST_EVERY:
        raise OptionError(
            f"checkpoints cannot be made every {every}", hint=f"{LEAST_EVERY} ms at least; a second is usual"
        )
    if not _NAME.fullmatch(worker) or not _NAME.fullmatch(group):
        raise OptionError(f"'{group or worker}' is no name", hint="letters, digits, '.', '_' and '-'")
    limits = Limits(duration.parse(hang), memory)
    return Checkpointing(
        url, milliseconds, delivery, restore, allow_dropped, group, worker, program, limits, partitions
    )


class Checkpoints:
    """Drives the epochs of one job; takes the place of `epochs.Epochs`."""

    def __init__(
        self, how: Checkpointing, plan: Plan, fits: Fits, sinks: Mapping[str, Sink], delivery: Delivery
    ) -> None:
        """Look at the store. Raises `OptionError` where it cannot be used or does not fit, `RunError`."""
        self.how = how
        self._sinks = sinks
        self._receipts: Mapping[str, Receipt] = {}
        self._room = Room()
        direct = delivery == "at-least-once"
        outboxes = {} if direct else {name: Outbox(sink, self._room) for name, sink in sinks.items()}
        self.sinks: Mapping[str, Sink] = sinks if direct else outboxes
        """What the engine is to write to."""
        self._conductor = Conductor(self._do, self._pause, final=self._final, looks_up=False)
        self._execution: Execution | None = None
        self._stop = threading.Event()
        self._size = ("", 0)
        self._thread = threading.Thread(target=self._work, name="caudal-checkpoints", daemon=True)
        self._store: Store = open_store(how.url)
        transaction = poison = None
        try:
            self._store.hold()
            transaction = enlisted(sinks, f"{plan.name}.0")
            if transaction is not None:
                delivery = "exactly-once"  # rows and commit are one then, whatever less was asked for
            snapshots = Snapshots(self._store, SHARD, plan.name, decides=transaction is None)
            self._beginning: Beginning = beginning(self._store, snapshots, plan.name, how.restore, transaction)
            self._check(fits)
            self._shard = Shard(SHARD, snapshots, outboxes, fits, self._beginning.origin)
            self._steps = EpochSteps(self._shard, sinks, delivery, snapshots, transaction, self._room)
            self._asked = Asked(self._store, snapshots)
            poison = Poison(self._store, how.program, how.limits)
            self.convicts: Convicts = {} if self.complete else self._taken(poison, fits, plan)
            """Records that sources are to hand out as dead letters."""
            self.calls = Calls(withheld(self._store, SHARD))
            """What is known of calls of functions."""
        except BaseException:
            if poison is not None:
                poison.end()
            if transaction is not None:
                transaction.close()
            self._store.close()
            raise
        self._transaction = transaction
        self._poison = poison

    def _taken(self, poison: Poison, fits: Fits, plan: Plan) -> Convicts:
        """Look for what has killed the last run, where something has; return all records that are known."""
        manifest = self._beginning.manifest
        mark = marked(self._store, _MARK)
        begun = poison.taken(SHARD, mark, GENESIS if manifest is None else manifest.id)
        self._store.replace(_MARK, json.dumps(begun.told()).encode())
        poison.forget(mark)
        if begun.cause:
            written = 0.0 if manifest is None else manifest.written / 1000
            going_on = replace(standing(manifest, self._beginning.snapshots), allow_dropped=fits.allow_dropped)
            suspect = Suspect(SHARD, _places(manifest), written, going_on, calls=calls_here(plan))
            begun = poison.look(suspect, begun)
            self._store.replace(_MARK, json.dumps(begun.told()).encode())
        return convicted(self._store, SHARD)

    def _check(self, fits: Fits) -> None:
        """Raise `OptionError` where state would be left behind that must not; tell what becomes of it."""
        manifest = self._beginning.manifest
        if manifest is None or self.complete:
            self._receipts = {} if manifest is None else manifest.receipts
            return
        manifest = recalled(manifest, fits.users, allow_dropped=fits.allow_dropped)
        self._receipts = manifest.receipts
        found = migration(manifest, fits)
        found.check(allow_dropped=fits.allow_dropped)
        for line in found.to_text().split("\n") if found.changed else ():
            log.info("%s", line)

    @property
    def complete(self) -> bool:
        """Whether a run there has come to the end of its data already: there is nothing to go on with."""
        return self._beginning.complete

    @property
    def last(self) -> Manifest | None:
        """What was committed last."""
        return self._shard.last

    def commit(self) -> Commit | None:
        """Return what was committed last, None for nothing yet. From any thread."""
        last = self.last
        if last is None:
            return None
        if self._size[0] != last.id:
            self._size = last.id, last.live
        return Commit(last.epoch, max(0.0, time.time() - last.written / 1000), self._size[1])

    def told(self) -> dict[str, Any]:
        """Return what a summary says of the checkpoints."""
        last, commit = self.last, self.commit()
        return {
            "url": self.how.url,
            "id": "" if last is None else last.id,
            "epoch": 0 if last is None else last.epoch,
            "bytes": 0 if commit is None else commit.bytes,
            "age": 0.0 if commit is None else round(commit.age, 3),
            "epochs": self._steps.committed,
            "delivery": self._steps.delivery,
            **({"savepoint": self._asked.made} if self._asked.made else {}),
        }

    # -- from the job's thread -----------------------------------------------------------------------------------------

    def start(self, execution: Execution) -> None:
        """Let sinks and engine stand where the last commit does; epochs begin. Raises `RunError`."""
        self._execution = execution
        self._conductor.feed(p.Assigned(SHARD))
        self._conductor.check()
        if not self.complete:
            self._thread.start()

    def end(self) -> dict[str, str]:
        """The end of data: the last epoch. Raises `RunError`."""
        return self._finish(last=True)

    def drain(self) -> dict[str, str]:
        """A stop before the end of data: one more epoch, behind which a later run goes on. Raises `RunError`."""
        return self._finish(last=False)

    def abort(self) -> None:
        """A failure: what is committed stays, and so does what a later run needs to go on. Never raises."""
        self._halt()
        anew = self.last is None and self._beginning.manifest is None
        for sink in self._sinks.values():
            try:
                sink.abort() if anew else sink.finish()
            except CaudalError as error:
                log.warning("%s", error)
        self._asked.fail("the job has failed")
        self._close()

    def _finish(self, *, last: bool) -> dict[str, str]:
        self._halt()
        self._conductor.check()
        if not self.complete:
            self._conductor.feed(p.Stop(last))
            self._conductor.check()
        for sink in self._sinks.values():
            sink.finish()
        self._asked.answer(self._shard.last)
        self._close()
        return {name: sink.where for name, sink in self._sinks.items()}

    def _halt(self) -> None:
        self._stop.set()
        self._room.hurry.set()
        self._room.under_way(False)
        if self._thread.is_alive():
            self._thread.join()

    def watched(self, progress: Callable[[], Progress]) -> AbstractContextManager[None]:
        """Within it the process ends where the job does not get on."""
        return self._poison.watched(lambda: None if self._room.waits else progress().standing)

    def _close(self) -> None:
        self._poison.end()
        if self._transaction is not None:
            self._transaction.close()
        self._store.close()

    # -- the thread ----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Begin an epoch now and then, and when a savepoint is asked for, until the job ends."""
        assert self._execution is not None
        due = time.monotonic() + self.how.every / 1000
        while not self._stop.is_set():
            early = self._room.hurry.wait(max(0.0, min(due, self._asked.due) - time.monotonic()))
            self._room.hurry.clear()
            if self._stop.is_set():
                return
            if not (early or self._asked.look() or time.monotonic() >= due):
                continue
            due = max(due + self.how.every / 1000, time.monotonic())
            self._conductor.feed(p.Due())
            if self._conductor.error is not None:
                self._room.under_way(False)
                self._execution.kill(self._conductor.error)
                return
            self._asked.go_on(self._execution, self._shard.last)

    def _do(self, effect: p.Effect) -> p.Event | None:
        match effect:
            case p.Find():
                manifest = self._beginning.manifest
                return p.Found(SHARD, "" if manifest is None else manifest.id, begun=manifest is not None)
            case p.Start():
                return p.Started(SHARD, GENESIS)
            case p.Mark():
                return p.Marked(SHARD)
            case p.Load():
                return self._load()
            case p.Drop():
                return p.Dropped(SHARD)
            case p.Run() | p.Halt() | p.Release() | p.Expel():
                return None  # the job runs and stops by itself, and is nobody else's
            case _:
                return self._steps.do(effect)

    def _load(self) -> p.Event:
        assert self._execution is not None
        begin = self._beginning
        self._shard.begin(self._execution, begin.manifest, begin.snapshots)
        epoch = 0 if begin.manifest is None else begin.manifest.epoch
        self._steps.recover(epoch, self._receipts)
        return p.Loaded(SHARD, epoch)

    def _pause(self, effect: p.Effect, seconds: float) -> p.Event:
        self._stop.wait(seconds)
        return p.Waited(effect)

    def _final(self, error: Refusal) -> bool:
        """Whether what was refused stays so: by a disk of this machine, or once the job ends."""
        return (isinstance(error, StoreError) and self._store.exclusive) or self._stop.is_set()


def _places(manifest: Manifest | None) -> Places:
    """Return where a run goes on from a manifest, None: from the beginning."""
    if manifest is None:
        return Places({})
    channels = [(source, each) for source, several in manifest.rest.get("sources", {}).items() for each in several]
    ended = frozenset((source, each["name"]) for source, each in channels if each["ended"])
    return Places(manifest.positions, ended, manifest.rest.get("memories", {}))
