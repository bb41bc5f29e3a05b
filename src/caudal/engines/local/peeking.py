"""Learning the first accepted row's time of many partitions, on which the order of reading depends, at little cost.

Heads that one decoder reads are decoded together, about a block's worth at once: of thousands of small files decoding
each alone would cost as much as reading them.
"""

from __future__ import annotations

import numpy as np

from caudal.engines.local.intake import PartitionChannel
from caudal.ports.records import PADDING, Block

TOGETHER = 1 << 20
"""Bytes of heads that are held, and decoded, at once."""


class Peeking:
    """Takes the heads of channels in; each channel knows its first time after `finish`, at the latest."""

    def __init__(self) -> None:
        self._channels: list[PartitionChannel] = []
        self._parts: list[bytes] = []
        self._ends: list[int] = []
        self._size = 0

    def add(self, channel: PartitionChannel, head: bytes) -> None:
        """Take in a channel that was opened, and what its partition begins with."""
        if channel.decoder is None or not head:
            return
        if self._channels and not self._joins(channel):
            self.finish()
        records = head[channel.position :]
        self._parts.append(records if records.endswith(b"\n") else records + b"\n")
        self._size += len(self._parts[-1])
        self._ends.append(self._size)
        self._channels.append(channel)
        if self._size >= TOGETHER:
            self.finish()

    def _joins(self, channel: PartitionChannel) -> bool:
        """Whether a channel's head may stand behind those that wait: what it says does not depend on what stands before it."""
        other = self._channels[-1]
        alone = getattr(channel.decoder, "framer", None) is not None or channel.intake.node.timezone
        return not alone and channel.decoder is other.decoder and channel.intake is other.intake

    def finish(self) -> None:
        """Decode what waits."""
        channels, ends = self._channels, np.array(self._ends, np.int64)
        joined = b"".join(self._parts)
        self._channels, self._parts, self._ends, self._size = [], [], [], 0
        if not channels:
            return
        data = np.zeros(len(joined) + PADDING, np.uint8)
        data[: len(joined)] = np.frombuffer(joined, np.uint8)
        decoder, intake = channels[0].decoder, channels[0].intake
        assert decoder is not None
        made, acceptor = intake.peeked(decoder, Block(data, 0, len(joined), 0, len(joined))), intake.acceptor
        if made.open:
            acceptor.settle(made, channels[0].seen)
        morsel = made.morsel
        if not morsel.rows or morsel.time is None or morsel.position is None:
            return
        first = np.searchsorted(morsel.position, np.concatenate((np.zeros(1, np.int64), ends[:-1])))
        for channel, row, end in zip(channels, first.tolist(), ends.tolist()):
            if row < morsel.rows and morsel.position[row] < end:
                channel.begins(int(morsel.time[row]))
