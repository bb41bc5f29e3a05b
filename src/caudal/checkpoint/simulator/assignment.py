"""Partitions of a consumer, and the shards that they make up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caudal.checkpoint.events import Assigned, Event, Lost, Revoked
from caudal.checkpoint.simulator.groups import Change


class Assignment:
    """Partitions as a consumer has them, and the shards that they make up: a shard is there once all its partitions are."""

    def __init__(self, shards: Mapping[str, Sequence[str]]) -> None:
        self._shards = shards
        self._shard = {partition: shard for shard, partitions in shards.items() for partition in partitions}
        self._held: set[str] = set()
        self._asked: dict[str, None] = {}
        """Partitions that are to be given up."""
        self._whole: dict[str, None] = {}
        """Shards that were assigned, and neither lost nor released since."""

    def changed(self, change: Change) -> list[Event]:
        """Take a change of partitions; return what it is for shards."""
        events: list[Event] = []
        if change.lost:
            events += [Lost(shard) for shard in self._whole]
            self._held, self._asked, self._whole = set(), {}, {}
        for partition in change.taken:
            shard = self._shard[partition]
            self._held.discard(partition)
            self._asked.pop(partition, None)
            if shard in self._whole:
                del self._whole[shard]
                events.append(Lost(shard))
        for partition in change.revoked:
            shard = self._shard[partition]
            if shard in self._whole and not any(other in self._asked for other in self._shards[shard]):
                events.append(Revoked(shard))
            self._asked[partition] = None
        for partition in change.assigned:
            shard = self._shard[partition]
            self._held.add(partition)
            if shard not in self._whole and self._held.issuperset(self._shards[shard]):
                self._whole[shard] = None
                events.append(Assigned(shard))
        return events

    def released(self, shard: str) -> list[str]:
        """The shard is over: return its partitions that are to be given up."""
        self._whole.pop(shard, None)
        return self._given_up(self._shards[shard])

    def idle(self) -> list[str]:
        """Return partitions that are to be given up, and belong to no shard that is there."""
        return self._given_up([partition for partition in self._asked if self._shard[partition] not in self._whole])

    def _given_up(self, partitions: Sequence[str]) -> list[str]:
        found = [partition for partition in partitions if partition in self._asked]
        for partition in found:
            del self._asked[partition]
            self._held.discard(partition)
        return found
