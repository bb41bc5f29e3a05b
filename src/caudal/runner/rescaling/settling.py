"""Settling: a job whose workers rest is brought to where its state can be dealt anew.

One worker, under the numbers of partitions of before, reads of the source what was placed under these and no more, and lets the repartition
topics run dry: each stage is read to its end once all that writes to it rests. What comes of it is committed as ever, so whatever ends
it, the job stands where some commit of it says.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from caudal.ingest import cutting
from caudal.ports.group import Change, Given, Group, GroupTransaction, Placing, Renewed, Stand, Unstable
from caudal.ports.records import Block, Decoded
from caudal.ports.sink import TransactionalSink
from caudal.ports.source import End, Nothing, Partition, Revoked
from caudal.runner.group import GroupWorker
from caudal.runner.layout import Layout


class Capped:
    """A partition that is read up to an offset, and no further; without one, not at all. Keeps `ports.source.Partition`."""

    live = True
    start = 0

    def __init__(self, inner: Partition, limit: int | None) -> None:
        self.name = inner.name
        self._inner = inner
        self._limit = limit
        self._at = 0

    def head(self) -> bytes:
        """Return what stands at its beginning."""
        return self._inner.head()

    def seek(self, position: int) -> None:
        """Read on from an offset."""
        self._at = position
        self._inner.seek(position)

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        """Return what there is before the limit. What is behind it is there, if unread: so the partition is not idle."""
        if self._limit is None or self._at >= self._limit:
            return Nothing(silent=True)
        got = self._inner.read(size)
        if isinstance(got, Nothing):
            self._at = max(self._at, got.position)
        if isinstance(got, Nothing | End):
            return got
        if got.end > self._limit:
            got, _ = cutting.split(got, self._limit)
        self._at = got.end
        return got

    def close(self) -> None:
        """Release it."""
        self._inner.close()


class SettlingGroup:
    """The group as the settling worker sees it; keeps `ports.group.Group`.

    `counts`: how many partitions topics had when the job began; `limits`: up to where partitions of sources are read. `resting`: shards
    that rest and have nothing to do.
    """

    def __init__(
        self, group: Group, counts: Mapping[str, Mapping[str, int]], limits: Mapping[str, int], resting: frozenset[str]
    ) -> None:
        self.domain = group.domain
        self.done = threading.Event()
        """Set when all shards rest."""
        self._group = group
        self._counts = counts
        self._limits = limits
        self._rested = set(resting)
        self._leaving: set[str] = set()
        self._goals: dict[str, Mapping[str, int]] = {}
        self._layout: Layout | None = None
        self._worker: GroupWorker | None = None

    def begin(self, worker: GroupWorker, layout: Layout) -> None:
        """Let a worker settle the shards of a layout."""
        self._worker, self._layout = worker, layout

    # -- what is given and taken -------------------------------------------------------------------------------------------

    def changes(self) -> Sequence[Change]:
        """Return what was given and taken of shards that have something to do; a shard that has done it is taken away."""
        changes: list[Change] = []
        for change in self._group.changes():
            if isinstance(change, Renewed) or self._busy(_partition(change)):
                changes.append(change)
            elif isinstance(change, Revoked) and not change.lost:
                self._group.release(change.name)
        for shard in self._through():
            self._leaving.add(shard)
            changes.append(Revoked(min(self._partitions(shard))))
        return changes

    def release(self, partition: str) -> None:
        """All that was read of a partition is committed."""
        self._group.release(partition)
        shard = self._shard(partition)
        if shard in self._leaving:
            self._leaving.discard(shard)
            self._rested.add(shard)
            if self._rested >= set(self._all()):
                self.done.set()

    def _busy(self, partition: str) -> bool:
        shard = self._shard(partition)
        return shard in self._all() and shard not in self._rested and shard not in self._leaving

    def _through(self) -> list[str]:
        """Return the shards that have come to where they are to rest."""
        assert self._worker is not None
        stood = self._worker.stood()
        found: list[str] = []
        for stage in self._known.stages.names:
            mine = [shard for shard in self._of(stage) if shard not in self._rested | self._leaving]
            if stage in self._known.stages.topics and mine and not self._ended(stage):
                continue
            for shard in mine:
                names = self._partitions(shard)
                if all(name in stood and stood[name] >= self._goal(stage, name, stood[name]) for name in names):
                    found.append(shard)
        return found

    def _goal(self, stage: str, name: str, stood: int) -> int:
        if stage in self._known.stages.sources:
            return self._limits.get(name, stood)
        if stage not in self._goals:  # all that writes there rests: where the topic ends now, it ends
            parts = [name for shard in self._of(stage) for name in self._partitions(shard)]
            self._goals[stage] = {part: end for part, (_, end) in self._group.bounds(parts).items()}
        return self._goals[stage][name]

    def _ended(self, stage: str) -> bool:
        """Whether nothing is written to the topic of a stage any more."""
        return all(shard in self._rested for above in self._known.stages.above(stage) for shard in self._of(above))

    # -- what the layout says ----------------------------------------------------------------------------------------------

    @property
    def _known(self) -> Layout:
        assert self._layout is not None
        return self._layout

    def _of(self, stage: str) -> list[str]:
        return self._known.shards(stage)

    def _all(self) -> list[str]:
        return [shard for stage in self._known.stages.names for shard in self._of(stage)]

    def _shard(self, partition: str) -> str:
        return self._known.shard(partition)

    def _partitions(self, shard: str) -> set[str]:
        return self._known.partitions(shard)

    # -- the rest is the group's ---------------------------------------------------------------------------------------------

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return of each source how many partitions each of its topics had."""
        return self._counts

    def partition(self, name: str) -> Partition:
        """Return a partition that was given to this worker."""
        partition = self._group.partition(name)
        return partition if self._known.between(name) else Capped(partition, self._limits.get(name))

    def share(self, topics: Mapping[str, int]) -> None:
        """Begin to take part."""
        for name, placing in self._group.placing().items():
            placing.hold(self._counts[name])
        self._group.share(topics)

    def repartition(self, topic: str) -> TransactionalSink:
        """Return the way into a repartition topic."""
        return self._group.repartition(topic)

    def trim(self, ends: Mapping[str, int]) -> None:
        """What is before these offsets may go."""
        self._group.trim(ends)

    def bounds(self, partitions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Return where partitions begin and end."""
        return self._group.bounds(partitions)

    def placing(self) -> Mapping[str, Placing]:
        """Return how the records of each source are placed."""
        return self._group.placing()

    def found(self, partitions: Sequence[str]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand."""
        return self._group.found(partitions)

    def start(self, partitions: Sequence[str]) -> Mapping[str, int]:
        """Return where partitions begin that nothing was committed of."""
        return self._group.start(partitions)

    def expel(self, writer: str) -> None:
        """Fence a writer off."""
        self._group.expel(writer)

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to what the source relies on."""
        self._group.check(partition, rows)

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end."""
        return self._group.ends()

    def transaction(self, name: str) -> GroupTransaction:
        """Open the worker's transaction."""
        return self._group.transaction(name)

    def close(self) -> None:
        """Leave the group."""
        self._group.close()


def _partition(change: Given | Revoked) -> str:
    return change.partition if isinstance(change, Given) else change.name
