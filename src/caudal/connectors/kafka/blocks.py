"""Reading in blocks: each partition has a queue of the client's library of its own, which a kernel empties."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np

from caudal.columnar.column import Text
from caudal.connectors.kafka import foreign
from caudal.connectors.kafka.batch import Batch, Event, Headers, Wanted, too_long
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.gathering import EVENT, TAKEN, gather, measure
from caudal.core.types import BINARY
from caudal.ports.records import MAX_PAYLOAD, PADDING

MOST = 65_536
"""Messages that are taken at once, at most."""


class BlockFeed:
    """Empties the queue of one partition. Read by one thread at a time; closed by any: one that is lost goes while it is read."""

    def __init__(self, handle: int, part: Part, wanted: Wanted) -> None:
        """Made before the partition is assigned, so that its messages go nowhere else."""
        self._library = foreign.opened()
        self._position = foreign.Position(handle, part.topic, part.number)
        self._wanted = wanted
        self._queue = self._library.rd_kafka_queue_get_partition(handle, part.topic.encode(), part.number)
        self._library.rd_kafka_queue_forward(self._queue, None)
        self._release = foreign.address_of("rd_kafka_message_destroy")
        self._stamped = foreign.address_of("rd_kafka_message_timestamp")
        self._mean = 1024.0
        self._messages = np.empty(0, np.int64)
        self._lock = threading.RLock()
        """Guards the queue: what the library is asked of one that is released ends the process."""

    def take(self, size: int, seconds: float) -> Batch | None:
        """Return about `size` bytes of messages, waiting so long for the first; None where nothing came."""
        most = int(min(max(size / self._mean, 1), MOST))
        with self._lock:
            if not self._queue:
                return None
            if len(self._messages) < most:
                self._messages = np.empty(most, np.int64)
            count = self._call(0, 0, most)
            if not count and seconds:  # the library would wait until it has them all
                count = self._call(int(seconds * 1000), 0, 1)
                count += self._call(0, 1, most - 1) if count and most > 1 else 0
            return self._batch(count) if count else None

    @property
    def position(self) -> int:
        """Where the partition stands behind what was taken, control records too; below 0 where that is not known."""
        with self._lock:
            return self._position.ask()

    def clear(self) -> None:
        """Forget what has been taken in before a seek: the library does so itself."""

    def close(self) -> None:
        """Release the queue and what is in it; idempotent."""
        with self._lock:
            if not self._queue:
                return
            while self.take(1 << 20, 0) is not None:
                pass
            queue, self._queue = self._queue, None
            self._library.rd_kafka_queue_destroy(queue)
            self._position.close()

    def _call(self, milliseconds: int, at: int, most: int) -> int:
        address = self._messages.ctypes.data + 8 * at
        return max(0, self._library.rd_kafka_consume_batch_queue(self._queue, milliseconds, address, most))

    def _batch(self, count: int) -> Batch:
        kind, totals = np.empty(count, np.int8), np.zeros(3, np.int64)
        measure(self._messages, count, self._wanted.longest, kind, totals)
        rows, size, key_size = totals.tolist()
        headers = self._headers(kind) if self._wanted.headers else None
        odd = self._messages[np.flatnonzero(kind != TAKEN)].tolist() if rows < count else []
        data = np.empty(size + PADDING, np.uint8)
        data[size:] = 0
        with_keys = self._wanted.key
        keys = np.empty(key_size if with_keys else 0, np.uint8)
        start, offset, stamp = (np.empty(rows, np.int64) for _ in range(3))
        null, has_key = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        key_at, key_length = np.empty(rows, np.int64), np.empty(rows, np.int32)
        gather(
            self._messages, count, kind, data, keys, int(with_keys), start, offset, stamp, null,
            key_at, key_length, has_key, self._stamped, self._release,
        )  # fmt: skip
        if rows:
            self._mean = 0.5 * self._mean + 0.5 * size / rows
        key = Text(BINARY, keys, key_at, key_length, None if has_key.all() else has_key) if with_keys else None
        batch = Batch(data, size, start, offset, stamp, null, key, headers)
        kinds = kind[kind != TAKEN].tolist() if odd else []
        for message, what in zip(odd, kinds, strict=True):
            self._odd(batch, message, event=what == EVENT)
        return batch

    def _odd(self, batch: Batch, message: int, *, event: bool) -> None:
        """Take in what is no message, or one that is too long, and release it."""
        offset = ctypes.c_int64.from_address(message + 56).value
        size = ctypes.c_size_t.from_address(message + 32).value
        address = ctypes.c_void_p.from_address(message + 24).value
        text = ctypes.string_at(address, min(size, MAX_PAYLOAD)) if address else b""
        if event:
            code = ctypes.c_int32.from_address(message).value
            batch.events.append(Event(code, offset, text.decode("utf-8", "replace")))
        else:
            batch.dead.append(too_long(offset, size, self._wanted.longest, text))
        self._library.rd_kafka_message_destroy(message)

    def _headers(self, kind: Any) -> list[Headers]:
        return [foreign.headers_of(message) for message in self._messages[np.flatnonzero(kind == TAKEN)].tolist()]
