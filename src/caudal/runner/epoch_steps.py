"""The steps of an epoch of a job by itself: what the protocol asks for, done to its one shard, to sinks, snapshots and transaction.

What commits is the creation of the epoch's manifest; where a sink has transactions, the transaction, which carries the
manifest's id as its token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from caudal.checkpoint import events as p
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import Snapshots
from caudal.checkpoint.store import Exists, StoreError
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.sink import Delivery, Receipt, Sink
from caudal.ports.transaction import Fenced, Transaction
from caudal.runner.conducting import came_to
from caudal.runner.outbox import Room
from caudal.runner.shard import Shard


class EpochSteps:
    """Does the steps of one epoch after another.

    When rows are shown depends on the delivery: exactly once, they are staged before the commit and shown behind it; at most
    once, they are written behind the commit, and not again; at least once, they were shown as they came.
    """

    def __init__(
        self,
        shard: Shard,
        sinks: Mapping[str, Sink],
        delivery: Delivery,
        snapshots: Snapshots,
        transaction: Transaction | None,
        room: Room,
    ) -> None:
        self.delivery: Delivery = delivery
        self.committed = 0
        """Epochs that were committed."""
        self._shard = shard
        self._sinks = sinks
        self._snapshots = snapshots
        self._transaction = transaction
        self._room = room
        self._last = False
        self._receipts: Mapping[str, Receipt] = {}
        """What the sinks have staged for the epoch."""
        self._shown: Mapping[str, Receipt] = {}
        """What they have staged for the last epoch whose rows are shown."""

    def recover(self, epoch: int, receipts: Mapping[str, Receipt]) -> None:
        """Let the sinks go on behind an epoch; 0 and {}: begin anew."""
        for name, sink in self._sinks.items():
            new = bool(receipts) and name not in receipts  # the pipeline had no such sink then
            try:
                sink.recover(0 if new else epoch, receipts.get(name))
            except (KeyError, TypeError) as error:
                raise RunError(
                    f"what an earlier run has staged for {sink.where} was staged by another kind of target",
                    location=name,
                    hint="a run that follows its sources goes on as one that does, with the same target; or begin in a fresh place",
                ) from error
        self._shown = receipts

    def do(self, effect: p.Effect) -> p.Event | None:
        """Do a step; return the answer. Raises `StoreError`, `Fenced`, `RunError`."""
        return self._steps[type(effect)](self, effect)

    def _freeze(self, effect: p.Freeze) -> p.Event:
        self._room.under_way(False)  # rows on their way must land first
        changed = self._shard.freeze(anyhow=effect.last)
        self._room.under_way(changed)
        return p.Cut(effect.epoch, effect.shards if changed else frozenset())

    def _prepare(self, effect: p.Prepare) -> p.Event:
        self._last = effect.last
        if self.delivery == "at-most-once":
            self._receipts = self._shown
        elif self._transaction is None:
            self._receipts = self._staged(effect.epoch)
        return p.Prepared(effect.epoch)

    def _staged(self, epoch: int) -> dict[str, Receipt]:
        self._shard.pour()
        return {name: sink.prepare(epoch, last=self._last) for name, sink in self._sinks.items()}

    def _store(self, effect: p.Store) -> p.Event:
        written = self._shard.write(effect.epoch, self._receipts, last=self._last)
        return p.Stored(effect.epoch, {self._shard.name: written})

    def _commit(self, effect: p.Commit) -> p.Event:
        manifest = self._under_way
        try:
            self._create(manifest)
        except StoreError as error:
            log.warning("%s; whether epoch %d was committed is looked up", error, effect.epoch)
            return p.Unknown(effect.epoch)
        if self._transaction is None:
            return p.Committed(effect.epoch)
        self._transaction.begin(effect.epoch)
        self._staged(effect.epoch)
        self._transaction.token(manifest.id)
        return came_to(self._transaction.commit(), effect.epoch)

    def _create(self, manifest: Manifest) -> None:
        try:
            self._snapshots.commit(manifest)
        except Exists:
            self._own(manifest)

    def _own(self, manifest: Manifest) -> bool:
        """Return whether this manifest is there as its epoch's; raises `Fenced` where another is."""
        found = self._snapshots.read(manifest.id)
        if found is not None and found.id != manifest.id:
            raise Fenced(f"epoch {manifest.epoch} in {self._snapshots.store.url} was committed by another")
        return found is not None

    def _recall(self, effect: p.Recall) -> p.Event:
        manifest = self._under_way
        if self._transaction is not None:
            token = self._transaction.recall()
        elif self._own(manifest):
            self._snapshots.confirm(manifest)
            token = manifest.id
        else:
            token = self._shard.token
        return p.Recalled(effect.epoch, {self._shard.name: token})

    def _discard(self, effect: p.Discard) -> None:
        self._shard.committed(effect.keep)

    def _publish(self, effect: p.Publish) -> p.Event:
        if self.delivery == "at-most-once":
            self._shown = self._staged(effect.epoch)
        else:
            self._shown = self._receipts
        for name, sink in self._sinks.items():
            sink.publish(effect.epoch, self._shown.get(name))
        self._shard.done()
        self.committed += 1
        self._room.under_way(False)
        return p.Published(effect.epoch)

    @property
    def _under_way(self) -> Manifest:
        manifest = self._shard.manifest
        assert manifest is not None
        return manifest

    _steps: ClassVar[Mapping[type, Callable[..., p.Event | None]]] = {
        p.Freeze: _freeze,
        p.Prepare: _prepare,
        p.Store: _store,
        p.Commit: _commit,
        p.Recall: _recall,
        p.Discard: _discard,
        p.Publish: _publish,
    }
