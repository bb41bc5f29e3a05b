"""A topic in memory: partitions of messages with offsets, which may have gaps, keys and stamps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caudal.columnar.column import from_list
from caudal.core.types import STRING, TIMESTAMP
from caudal.ports.records import PADDING, Block, Messages
from caudal.ports.source import End, Nothing, Unchanging


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its offset, what it holds, and what a broker keeps beside it. `stamp`: milliseconds."""

    offset: int
    value: bytes
    key: str | None = None
    stamp: int = 0


class TopicPartition:
    """A partition; keeps `ports.source.Partition`. `beside`: whether its rows have the columns `key` and `stamp`."""

    live = False
    start = 0

    def __init__(self, name: str, messages: Sequence[Message], *, beside: bool = False) -> None:
        self.name = name
        self._messages = list(messages)
        self._beside = beside
        self._at = 0

    def head(self) -> bytes:
        """Messages have no head: none tells how the others are to be read."""
        return b""

    def seek(self, position: int) -> None:
        """Read on from an offset."""
        self._at = next((i for i, m in enumerate(self._messages) if m.offset >= position), len(self._messages))

    def read(self, size: int) -> Block | Nothing | End:
        """Return about so many bytes of messages, at least one."""
        taken: list[Message] = []
        held = 0
        while self._at < len(self._messages) and (not taken or held < size):
            taken.append(self._messages[self._at])
            held += len(taken[-1].value) + 1
            self._at += 1
        if not taken:
            return End()
        data = np.frombuffer(b"".join(m.value + b"\n" for m in taken) + bytes(PADDING), np.uint8)
        starts = np.cumsum([0, *(len(m.value) + 1 for m in taken[:-1])], dtype=np.int64)
        columns = {
            "key": from_list([m.key for m in taken], STRING),
            "stamp": from_list([m.stamp for m in taken], TIMESTAMP),
        }
        messages = Messages(starts, np.array([m.offset for m in taken], np.int64), columns if self._beside else {})
        first, last = taken[0].offset, taken[-1].offset
        now = time.time_ns() // 1_000_000
        return Block(data, 0, len(data) - PADDING, first, last + 1, now, messages=messages)

    def close(self) -> None:
        """Nothing is held."""


class TopicSource(Unchanging):
    """A topic; keeps `ports.source.Source`."""

    def __init__(self, partitions: Mapping[str, Sequence[Message]], *, beside: bool = False) -> None:
        self._partitions = [TopicPartition(name, given, beside=beside) for name, given in partitions.items()]

    def partitions(self) -> Sequence[TopicPartition]:
        """Return all."""
        return self._partitions

    def close(self) -> None:
        """Nothing is held."""
