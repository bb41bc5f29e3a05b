"""Admission: which partition is read next."""

from __future__ import annotations

import heapq
import itertools

from caudal.engines.local.intake import PartitionChannel

POLL_SHARE = 0.4
"""Milliseconds for each live partition, the longest time between two polls of one that has been quiet for long."""

_MOMENTS = 20
"""Into how many moments the time is parted in which all that have been quiet for long are asked."""


class Admission:
    """The open partitions of a job, so that choosing one costs little however many there are.

    Of bounded partitions only the one furthest behind is read at all. Live ones are asked in turn: one with much to
    read starves no other, since those that were quiet are asked as often. A live partition is with whoever reads it
    from `choose` until it is given `back`.
    """

    def __init__(self) -> None:
        self._bounded: list[tuple[tuple[object, ...], int, PartitionChannel]] = []
        self._ahead: list[tuple[tuple[object, ...], int, PartitionChannel]] = []
        """Live partitions that had something to read when they were last asked."""
        self._quiet: list[tuple[float, int, PartitionChannel]] = []
        """Those that had not, by the time at which they are asked again."""
        self._leaving: list[PartitionChannel] = []
        """Those that are to end at once."""
        self._number = itertools.count()
        self._turn = False
        self._live = 0
        self.open = 0

    def add(self, channel: PartitionChannel) -> None:
        """Take a partition in that may be read."""
        self.open += 1
        if channel.partition.live:
            self._live += 1
            self.back(channel)
        else:
            heapq.heappush(self._bounded, (channel.behind, next(self._number), channel))

    def back(self, channel: PartitionChannel) -> None:
        """Take a partition back that has been read, or asked; bounded ones never left."""
        if not channel.partition.live or channel.ended or channel.revoked:
            return
        if channel.quiet_since is None:
            heapq.heappush(self._ahead, (channel.behind, next(self._number), channel))
        else:
            heapq.heappush(self._quiet, (channel.poll_at, next(self._number), channel))

    def hurry(self, channel: PartitionChannel) -> None:
        """Let a partition be chosen as soon as nobody reads it, whatever its turn."""
        self._leaving.append(channel)

    def end(self, channel: PartitionChannel) -> None:
        """Let a partition go that has ended, and was not given back."""
        self.open -= 1
        if channel.partition.live:
            self._live -= 1

    @property
    def waits(self) -> bool:
        """Whether an open partition may have rows later, so that it must be asked again and again."""
        return self._live > 0

    def next_poll(self, now: float, quiet: float, least: float) -> float:
        """Return when a partition that has been quiet for so long is asked again; all in milliseconds.

        `least` is the rule. Where there are many, those that have long been quiet are asked less often, so that asking
        takes a small part of the time however many there are, and many at the same moment, so that waking up does too.
        """
        pause = max(least, min(quiet / 4, POLL_SHARE * self._live))
        grain = max(1, pause // _MOMENTS)  # whole ones: a clock that polls move may not go on
        return (now + pause) // grain * grain

    def choose(self, now: int) -> PartitionChannel | None:
        """Return the partition to read at this moment of the engine's clock; None when none may be read."""
        if self._leaving:
            self._leaving = [channel for channel in self._leaving if not channel.ended]
            for channel in self._leaving:
                if not channel.busy:
                    return channel
        ahead, quiet = _first(self._ahead), None
        while self._quiet and _gone(self._quiet[0][2]):
            heapq.heappop(self._quiet)
        if self._quiet and self._quiet[0][0] <= now:
            quiet = self._quiet[0][2]
        bounded = _first(self._bounded)
        if bounded is not None and not bounded.busy and (ahead is None or bounded.behind < ahead.behind):
            ahead = bounded
        self._turn = not self._turn
        if quiet is not None and (ahead is None or self._turn):
            return heapq.heappop(self._quiet)[2]
        if ahead is not None and ahead is not bounded:
            heapq.heappop(self._ahead)
        return ahead


def _gone(channel: PartitionChannel) -> bool:
    """Whether a partition has no turn any more."""
    return channel.ended or channel.revoked


def _first(heap: list[tuple[tuple[object, ...], int, PartitionChannel]]) -> PartitionChannel | None:
    """Return the partition furthest behind."""
    # watermarks only grow: an entry that is out of date stands too early and is mended when it comes first
    while heap:
        behind, number, channel = heap[0]
        if _gone(channel):
            heapq.heappop(heap)
        elif channel.behind != behind:
            heapq.heapreplace(heap, (channel.behind, number, channel))
        else:
            return channel
    return None
