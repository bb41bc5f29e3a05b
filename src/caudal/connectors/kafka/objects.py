"""Reading by objects, the ordinary way of the client: one for each message, dealt out to the partitions by one thread.

Slower by far, and of the same blocks: what is used where the library beneath cannot be reached.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import numpy as np

from caudal.columnar.column import Text, from_list
from caudal.connectors.kafka.batch import Batch, Event, Wanted, padded, too_long
from caudal.core.types import BINARY

HELD = 4 << 20
"""Bytes of a partition that wait to be taken before no more of it is fetched."""


class ObjectFeed:
    """What was dealt to one partition. `deal` is called by the thread that polls, all else by whoever reads it."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._full = False
        self._at = -1

    @property
    def full(self) -> bool:
        """Whether so much waits to be taken that no more is to be fetched."""
        with self._changed:
            self._full = self._bytes >= (HELD // 2 if self._full else HELD)
            return self._full

    def deal(self, messages: list[Any], position: int) -> None:
        """Take messages in, behind which the partition stands at `position` (below 0: that is not known)."""
        with self._changed:
            for message in messages:
                end = message.offset() if message.error() is not None else message.offset() + 1
                self._waiting.append((message, end))
                self._bytes += len(message.value() or b"")
            if self._waiting:
                last, end = self._waiting[-1]
                self._waiting[-1] = (last, max(end, position))
            else:
                self._at = max(self._at, position)
            self._changed.notify_all()

    def take(self, size: int, seconds: float) -> Batch | None:
        """Return about `size` bytes of messages, waiting so long for the first; None where nothing came."""
        taken: list[Any] = []
        held = 0
        with self._changed:
            if not self._waiting and seconds:
                self._changed.wait(seconds)
            while self._waiting and (not taken or held < size):
                message, self._at = self._waiting.popleft()
                held += len(message.value() or b"") + 1
                self._bytes -= len(message.value() or b"")
                taken.append(message)
        return self._batch(taken) if taken else None

    @property
    def position(self) -> int:
        """Where the partition stands behind what was taken; below 0 where that is not known."""
        with self._changed:
            return self._at

    def clear(self) -> None:
        """Forget what has been dealt before a seek."""
        with self._changed:
            self._waiting.clear()
            self._bytes, self._at = 0, -1

    def close(self) -> None:
        """Forget everything; idempotent."""
        with self._changed:
            self._waiting.clear()

    def _batch(self, messages: list[Any]) -> Batch:
        events = [Event(m.error().code(), m.offset(), m.error().str()) for m in messages if m.error() is not None]
        records = [m for m in messages if m.error() is None]
        longest = self._wanted.longest
        dead = [
            too_long(m.offset(), len(m.value()), longest, m.value()) for m in records if len(m.value() or b"") > longest
        ]
        rows = [m for m in records if len(m.value() or b"") <= longest] if dead else records
        values = [m.value() for m in rows]
        data = padded([value or b"" for value in values])
        sizes = np.array([len(value or b"") + 1 for value in values], np.int64)
        ends = np.cumsum(sizes, dtype=np.int64)
        key = None
        if self._wanted.key:
            made = from_list([m.key() for m in rows], BINARY)
            assert isinstance(made, Text)
            key = made
        return Batch(
            data,
            int(ends[-1]) if len(ends) else 0,
            ends - sizes,
            np.array([m.offset() for m in rows], np.int64),
            np.array([_stamp(m) for m in rows], np.int64),
            np.array([value is None for value in values], np.bool_),
            key,
            [m.headers() or [] for m in rows] if self._wanted.headers else None,
            dead,
            events,
        )


def _stamp(message: Any) -> int:
    kind, stamp = message.timestamp()
    return int(stamp) if kind else -1
