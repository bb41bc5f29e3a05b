"""Learning the first accepted row's time of many partitions, on which the order of reading depends, at little cost.

Heads that one decoder reads are decoded together, about a block's worth at once: of thousands of small files decoding
each alone would cost as much as reading them.
"""

from __future__ import annotations

import numpy as np

from caudal.engines.local.intake import PartitionLane
from caudal.ports.records import PADDING, Block

TOGETHER = 1 << 20
"""Bytes of heads that are held, and decoded, at once."""


class Peeking:
    """Takes the heads of lanes in; each lane knows its first time after `finish`, at the latest."""

    def __init__(self) -> None:
        self._lanes: list[PartitionLane] = []
        self._parts: list[bytes] = []
        self._ends: list[int] = []
        self._size = 0

    def add(self, lane: PartitionLane, head: bytes) -> None:
        """Take in a lane that was opened, and what its partition begins with."""
        if lane.decoder is None or not head:
            return
        if self._lanes and not self._joins(lane):
            self.finish()
        records = head[lane.position :]
        self._parts.append(records if records.endswith(b"\n") else records + b"\n")
        self._size += len(self._parts[-1])
        self._ends.append(self._size)
        self._lanes.append(lane)
        if self._size >= TOGETHER:
            self.finish()

    def _joins(self, lane: PartitionLane) -> bool:
        """Whether a lane's head may stand behind those that wait: what it says does not hang on what stands before it."""
        other = self._lanes[-1]
        alone = getattr(lane.decoder, "framer", None) is not None or lane.intake.node.timezone
        return not alone and lane.decoder is other.decoder and lane.intake is other.intake

    def finish(self) -> None:
        """Decode what waits."""
        lanes, ends = self._lanes, np.array(self._ends, np.int64)
        joined = b"".join(self._parts)
        self._lanes, self._parts, self._ends, self._size = [], [], [], 0
        if not lanes:
            return
        data = np.zeros(len(joined) + PADDING, np.uint8)
        data[: len(joined)] = np.frombuffer(joined, np.uint8)
        decoder, acceptor = lanes[0].decoder, lanes[0].intake.acceptor
        assert decoder is not None
        made = acceptor.accept(decoder.decode(Block(data, 0, len(joined), 0, len(joined))), None)
        if made.open:
            acceptor.settle(made, lanes[0].seen)
        morsel = made.morsel
        if not morsel.rows or morsel.time is None or morsel.position is None:
            return
        first = np.searchsorted(morsel.position, np.concatenate((np.zeros(1, np.int64), ends[:-1])))
        for lane, row, end in zip(lanes, first.tolist(), ends.tolist()):
            if row < morsel.rows and morsel.position[row] < end:
                lane.begins(int(morsel.time[row]))
