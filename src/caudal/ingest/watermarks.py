"""The watermark of an operator: the least of its partitions' W_p, and the clock's where all are silent (SEMANTICS)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

OPEN = 1 << 62
"""Above every event time: the watermark at the end of data."""

Key = TypeVar("Key")


class Held(Protocol):
    """What is known of a partition: its watermark W_p, which only grows, and whether it is idle and holds nothing back."""

    watermark: int
    idle: bool


class WatermarkTracker(Generic[Key]):
    """Keeps W over partitions that come, go, fall idle and resume. Not thread-safe: its owner locks.

    `partitions`: those that are open, by keys that can be ordered; the owner's own, which puts in and takes out. `unknown`: the
    watermark of a partition that never had a row; it holds nothing back once all are idle.
    """

    def __init__(self, partitions: Mapping[Key, Held], unknown: int) -> None:
        self._partitions = partitions
        self._unknown = unknown
        self._marks: list[tuple[int, Any]] = []
        self._silent_since: int | None = None
        self._silent_from = unknown
        self.watermark = -OPEN
        self.endless = False
        """Whether partitions may come though none is there: a followed source whose files have all gone."""

    def count_in(self, key: Key) -> int:
        """A partition was opened, or resumes: lift it to W, below which it must not fall; return W."""
        partition = self._partitions[key]
        partition.watermark = max(partition.watermark, self.watermark)
        heapq.heappush(self._marks, (partition.watermark, key))
        return self.watermark

    def move(self, clock: Callable[[], int]) -> bool:
        """Move W on to where the partitions have come; return whether it did. `clock`: milliseconds, asked in silence only."""
        before, self.watermark = self.watermark, max(self.watermark, self._reached(clock))
        return self.watermark > before

    @property
    def silent(self) -> bool:
        """Whether all partitions are idle, so that W moves with the clock."""
        return bool(self._partitions or self.endless) and all(each.idle for each in self._partitions.values())

    def _reached(self, clock: Callable[[], int]) -> int:
        if not self._partitions and not self.endless:
            return OPEN
        lowest = self._lowest()
        if lowest is not None:
            self._silent_since = None
            return lowest
        now = clock()
        if self._silent_since is None:
            known = [each.watermark for each in self._partitions.values() if each.watermark > self._unknown]
            self._silent_since, self._silent_from = now, max(self.watermark, min(known, default=self._unknown))
        if self._silent_from <= self._unknown:
            return self._silent_from
        return self._silent_from + (now - self._silent_since)

    def _lowest(self) -> int | None:
        """Return the lowest W_p of the partitions that are not idle; None when all are.

        Watermarks only grow: an entry that is out of date stands too early and is mended when it comes first.
        """
        while self._marks:
            watermark, key = self._marks[0]
            partition = self._partitions.get(key)
            if partition is None or partition.idle:
                heapq.heappop(self._marks)
            elif partition.watermark > watermark:
                heapq.heapreplace(self._marks, (partition.watermark, key))
            else:
                return watermark
        return None
