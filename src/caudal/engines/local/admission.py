"""Admission: which partition is read next."""

from __future__ import annotations

import heapq
import itertools

from caudal.engines.local.intake import PartitionLane


class Admission:
    """The open partitions of a job, so that choosing one costs little however many there are.

    Of bounded partitions only the one furthest behind is read at all. Live ones are asked in turn: one with much to
    read starves no other, since those that were quiet are asked as often.
    """

    def __init__(self) -> None:
        self._bounded: list[tuple[tuple[object, ...], int, PartitionLane]] = []
        self._live: list[PartitionLane] = []
        self._number = itertools.count()
        self._turn = False
        self.open = 0

    def add(self, lane: PartitionLane) -> None:
        """Take a partition in that may be read."""
        self.open += 1
        if lane.partition.live:
            self._live.append(lane)
        else:
            heapq.heappush(self._bounded, (lane.behind, next(self._number), lane))

    def end(self, lane: PartitionLane) -> None:
        """Let a partition go that has ended."""
        self.open -= 1
        if lane.partition.live:
            self._live.remove(lane)

    @property
    def waits(self) -> bool:
        """Whether an open partition may have rows later, so that it must be asked again and again."""
        return bool(self._live)

    def choose(self, now: int) -> PartitionLane | None:
        """Return the partition to read at this moment of the engine's clock; None when none may be read."""
        ahead: PartitionLane | None = None
        quiet: PartitionLane | None = None
        for lane in self._live:
            if lane.busy:
                continue
            if lane.quiet_since is None:
                if ahead is None or lane.behind < ahead.behind:
                    ahead = lane
            elif now >= lane.poll_at and (quiet is None or lane.poll_at < quiet.poll_at):
                quiet = lane
        bounded = self._furthest_behind()
        if bounded is not None and not bounded.busy and (ahead is None or bounded.behind < ahead.behind):
            ahead = bounded
        self._turn = not self._turn
        return quiet if ahead is None or (quiet is not None and self._turn) else ahead

    def _furthest_behind(self) -> PartitionLane | None:
        # watermarks only grow: an entry that is out of date stands too early and is mended when it comes first
        while self._bounded:
            behind, number, lane = self._bounded[0]
            if lane.ended:
                heapq.heappop(self._bounded)
            elif lane.behind != behind:
                heapq.heapreplace(self._bounded, (lane.behind, number, lane))
            else:
                return lane
        return None
