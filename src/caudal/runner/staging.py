"""What the sinks of one shard of a group stage: apart from those of other shards, since a shard comes and goes by itself."""

from __future__ import annotations

from collections.abc import Mapping

from caudal.ports.sink import Receipt, ShardedSink, Sink
from caudal.runner.outbox import Outbox


class Staging:
    """The sinks of a shard that stage, by operator id. Used by one thread.

    What is staged for an epoch is named by the snapshot that is stored behind it, and shown once the group has committed that.
    """

    def __init__(self, sinks: Mapping[str, Sink]) -> None:
        self.sinks = sinks
        self.receipts: Mapping[str, Receipt] = {}
        """Of the epoch that was staged last."""
        self._epoch = 0

    def recover(self, epoch: int, receipts: Mapping[str, Receipt]) -> None:
        """Go on behind an epoch that was committed, by whomever: show what it was to show. Raises `RunError`."""
        for name, sink in self.sinks.items():
            sink.recover(epoch, receipts.get(name))

    def stage(self, epoch: int, outboxes: Mapping[str, Outbox]) -> None:
        """Stage the epoch's rows; nothing where that has happened: another attempt at an epoch has the same. Raises `RunError`."""
        if self._epoch == epoch:
            return
        for name in self.sinks:
            outboxes[name].pour()
        self.receipts = {name: sink.prepare(epoch, last=False) for name, sink in self.sinks.items()}
        self._epoch = epoch

    def show(self, epoch: int) -> None:
        """The epoch was committed: show its rows, where the shard had any in it. Raises `RunError`."""
        if self._epoch == epoch:
            for name, sink in self.sinks.items():
                sink.publish(epoch, self.receipts[name])

    def close(self) -> None:
        """Let go; what may have been committed stays."""
        for sink in self.sinks.values():
            sink.abort()


def staging(sinks: Mapping[str, Sink], shard: str, writer: str) -> Staging:
    """Return what a shard stages by those of its sinks that have one for each shard. `writer`: this worker's name."""
    return Staging({name: sink.shard(shard, writer) for name, sink in sinks.items() if isinstance(sink, ShardedSink)})
