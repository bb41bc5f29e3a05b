"""A partition of a topic, as the engine reads it."""

from __future__ import annotations

import time
from typing import Protocol

from caudal.connectors.kafka.batch import Batch, Event
from caudal.connectors.kafka.client import library
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.consuming import Consuming, Feed
from caudal.core.errors import InputError, RunError
from caudal.observe.log import log
from caudal.ports.records import Block
from caudal.ports.source import End, Nothing

_WAIT = 0.05
"""Seconds that a bounded partition waits for what is to come: nobody asks another in the meantime."""


class Ends(Protocol):
    """Where partitions end, as the cluster has lately said."""

    def at_end(self, part: Part, position: int) -> bool:
        """Whether a leader that answered just now has nothing behind this position."""
        ...

    def bounds(self, part: Part) -> tuple[int, int]:
        """Return the first offset and the end; waits. Raises `InputError`."""
        ...


class KafkaPartition:
    """Messages of one partition; keeps `ports.source.Partition`. Positions are offsets."""

    patient = True
    """A bounded one never leaves the minimum of watermarks; of a live one its silence tells."""

    def __init__(
        self,
        consuming: Consuming,
        part: Part,
        columns: Columns,
        ends: Ends,
        *,
        start: int,
        until: int | None = None,
        feed: Feed | None = None,
    ) -> None:
        """`until`: the offset that it ends before, None for a live one. `feed`: of one that a group has assigned."""
        self.name = part.name
        self.part = part
        self.start = start
        self.live = until is None
        self.patient = not self.live
        self._consuming = consuming
        self._columns = columns
        self._ends = ends
        self._until = until
        self._feed = feed
        self._grouped = feed is not None
        self._at = start
        self._fresh = False
        self._turn = -1
        self._closed = False

    @property
    def position(self) -> int:
        """Where it stands."""
        return self._at

    def head(self) -> bytes:
        """Messages have no head: none tells how the others are to be read."""
        return b""

    def seek(self, position: int) -> None:
        """Read on from an offset; 0 is the first that there is."""
        first, end = self._ends.bounds(self.part)
        if position and not first <= position <= end:
            gone = f"it has those from {first} to {end}"
            raise InputError(f"{self.name} has no offset {position} any more", detail=gone, hint=_GONE)
        self._at = self.start = position or first
        if self._feed is not None:
            self._sought()

    def read(self, size: int) -> Block | Nothing | End:
        """Return messages; a live partition that is known to be at its end is quiet, any other is silent."""
        if self._consuming.failed:
            raise RunError(self._consuming.failed)
        if self._closed or (self._until is not None and self._at >= self._until):
            return self._end()
        if self._feed is None:
            self._feed = self._consuming.assign(self.part, self._at)
        batch = self._feed.take(size, 0 if self.live else _WAIT)
        if self._grouped:
            batch = self._checked(batch)
        if not self._fresh and (not self._grouped or self._turn == self._consuming.turns):
            self._at = max(self._at, self._feed.position)
        if batch is not None:
            block = self._block(batch)
            if block is not None:
                return block
        if self._until is not None:
            return self._end() if self._at >= self._until else Nothing(silent=True, position=self._at)
        return Nothing(silent=not self._ends.at_end(self.part, self._at), position=self._at)

    def _sought(self) -> None:
        """Read on from where it stands. What the client says of its position is of before, until something comes."""
        self._fresh = True
        self._consuming.seek(self.part, self._at)

    def _checked(self, batch: Batch | None) -> Batch | None:
        """Return what follows on where the partition stands.

        While the group gives and takes partitions the client stops reading all of them, and goes on; messages that it
        was about to hand over then have been seen to be missing, and could come twice. So the first gap behind such a turn is read
        once more: where it is one of the topic (a control record, compaction) it is there again.
        """
        if batch is None:
            return None
        self._fresh = False
        batch = batch.since(self._at)
        if self._turn == self._consuming.turns:
            return batch
        eof = library().KafkaError._PARTITION_EOF
        gap = batch.missing(self._at)
        if gap < 0:
            end = self._at + len(batch.offset) + len(batch.dead)
            gap = end if any(event.code == eof and event.offset > end for event in batch.events) else -1
        if gap < 0:
            return batch
        self._turn = self._consuming.turns
        log.debug("%s: what is behind %d has not come: it is read once more", self.name, gap)
        batch = batch.before(gap)
        batch.events = [event for event in batch.events if event.code != eof]
        self._at = gap
        self._sought()
        return batch

    def close(self) -> None:
        """Read no more; idempotent. A partition that a group has assigned may be opened anew while it stays this member's."""
        if not self._closed:
            self._closed = True
            if not self._grouped:
                self._consuming.drop(self.part, self._feed)

    def _end(self) -> End:
        return End(position=self._at if self._until is None else min(self._at, self._until))

    def _block(self, batch: Batch) -> Block | None:
        """Return a batch as a block; None where there is nothing in it but word of the partition's end."""
        for event in batch.events:
            self._heard(event)
        last = int(batch.offset[-1]) + 1 if len(batch.offset) else 0
        batch.end = self._at = max(self._at, last, *(letter.position + 1 for letter in batch.dead), 0)
        if self._until is not None:
            batch = batch.before(self._until)
        if batch.empty:
            return None
        return batch.block(time.time_ns() // 1_000_000, self._columns.of(batch, self.part))

    def _heard(self, event: Event) -> None:
        """Take note of what is no message; raises `RunError` for what ends a job."""
        errors = library().KafkaError
        if event.code == errors._PARTITION_EOF:
            self._at = max(self._at, event.offset)
            return
        error = errors(event.code)
        if event.code == errors._AUTO_OFFSET_RESET:
            text = f"{self.name} has no offset {max(self._at, 0)} any more"
            raise RunError(text, detail=event.text, hint=_GONE)
        if error.retriable() or event.code in (
            errors._TRANSPORT,
            errors._ALL_BROKERS_DOWN,
            errors._TIMED_OUT,
            errors._RESOLVE,
        ):
            log.info("%s: %s", self.name, event.text)
            return
        raise RunError(f"{self.name} cannot be read on from {self._at}", detail=f"{error.name()}: {event.text}")


_GONE = "the topic keeps messages for less long than the job was away, or was made anew: start at another place"
