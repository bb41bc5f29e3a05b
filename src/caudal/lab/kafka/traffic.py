"""What goes into a topic and what comes out of one: messages at a constant rate, and a reader of what is committed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.core.errors import RunError
from caudal.lab.kafka.cluster import PATIENCE
from caudal.lab.kafka.placing import partition_of

_TICK = 0.01


def keys(partitions: int, each: int) -> list[list[str]]:
    """Return for each partition so many keys that belong to it."""
    found: list[list[str]] = [[] for _ in range(partitions)]
    number = 0
    while min(map(len, found)) < each:
        key = f"192.0.{number // 256}.{number % 256}"
        own = found[partition_of(key.encode(), partitions)]
        if len(own) < each:
            own.append(key)
        number += 1
    return found


class Traffic:
    """Writes messages at a constant rate, dealt evenly over partitions and over the keys of each; a context manager.

    Message i is {"id": i, "key": ..., "t": milliseconds}. `sent`: when each was handed to the client (`time.perf_counter`).
    """

    def __init__(self, servers: str, topic: str, partitions: int, rate: float) -> None:
        from confluent_kafka import Producer

        self.sent: list[float] = []
        self.acknowledged: set[int] = set()
        self._topic = topic
        self._keys = keys(partitions, 8)
        self._rate = rate
        self._producer = Producer(
            {"bootstrap.servers": servers, "enable.idempotence": True, "linger.ms": 2, "log_level": 0}
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="caudal-lab-traffic", daemon=True)
        self._error: BaseException | None = None

    def key(self, number: int) -> str:
        """Return the key of a message."""
        own = self._keys[self.partition(number)]
        return own[number // len(self._keys) % len(own)]

    def partition(self, number: int) -> int:
        """Return the partition of a message."""
        return number % len(self._keys)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def end(self) -> None:
        """Stop, and wait until the broker has acknowledged all. Raises `RunError`."""
        self._stopping.set()
        self._thread.join()
        left = self._producer.flush(PATIENCE)
        if self._error is not None or left:
            raise RunError("the messages cannot be written", detail=str(self._error or f"{left} are not acknowledged"))

    def _work(self) -> None:
        try:
            began = time.perf_counter()
            while not self._stopping.wait(_TICK):
                due = int((time.perf_counter() - began) * self._rate)
                for number in range(len(self.sent), due):
                    self._write(number)
                self._producer.poll(0)
        except BaseException as error:
            self._error = error

    def _write(self, number: int) -> None:
        key = self.key(number)
        payload = json.dumps({"id": number, "key": key, "t": int(time.time() * 1000)})

        def told(error: object, _: object) -> None:
            if error is None:
                self.acknowledged.add(number)

        self._producer.produce(
            self._topic, payload.encode(), key.encode(), partition=self.partition(number), on_delivery=told
        )
        self.sent.append(time.perf_counter())


class Reader:
    """Reads what is committed in a topic, from its beginning on; a context manager.

    `take`: is given each batch of messages, and when it came (`time.perf_counter`), in the reader's thread.
    """

    def __init__(self, servers: str, topic: str, partitions: int, take: Callable[[Sequence[Any], float], None]) -> None:
        from confluent_kafka import Consumer, TopicPartition

        self._consumer = Consumer({
            "bootstrap.servers": servers, "group.id": f"caudal-lab-reads-{topic}", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error",
            "fetch.wait.max.ms": 10, "log_level": 0,
        })  # fmt: skip
        self._parts = [TopicPartition(topic, number, 0) for number in range(partitions)]
        self._consumer.assign(self._parts)
        self._take = take
        self._ends: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="caudal-lab-reader", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._consumer.close()

    def check(self) -> None:
        """Raise what broke."""
        if self._error is not None:
            raise RunError("the results cannot be read", detail=str(self._error)) from self._error

    def past(self, ends: dict[int, int]) -> bool:
        """Return whether all was read up to these ends of partitions, of what is committed or aborted."""
        self.check()
        return all(self._ends.get(number, 0) >= end for number, end in ends.items())

    def _work(self) -> None:
        from confluent_kafka import KafkaError, KafkaException

        try:
            while not self._over.is_set():
                batch = self._consumer.consume(2000, 0.005)
                now = time.perf_counter()
                messages = [each for each in batch if each.error() is None]
                for each in batch:
                    error = each.error()
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        self._ends[each.partition() or 0] = each.offset() or 0
                    elif error is not None and error.code() != KafkaError._ALL_BROKERS_DOWN:
                        raise KafkaException(error)
                if messages:
                    self._take(messages, now)
        except BaseException as error:
            self._error = error


class Results:
    """What a reader of results with an `id` collects: ids, when each came, what else its row says, and the record's stamp.

    `stamps`: milliseconds since 1970 of each record, by the broker where the topic says so.
    """

    def __init__(self, field: str = "") -> None:
        self.ids: list[int] = []
        self.came: list[float] = []
        self.values: list[int] = []
        self.stamps: list[int] = []
        self.seen: set[int] = set()
        self._field = field

    def take(self, messages: Sequence[Any], now: float) -> None:
        """Collect a batch."""
        for message in messages:
            row = json.loads(message.value())
            self.ids.append(row["id"])
            self.came.append(now)
            self.values.append(row[self._field] if self._field else 0)
            self.stamps.append(message.timestamp()[1])
        self.seen.update(self.ids[-len(messages) :])

    def arrays(self) -> tuple[Any, Any, Any, Any]:
        """Return ids, arrivals, values and stamps as arrays."""
        return np.array(self.ids, np.int64), np.array(self.came), np.array(self.values), np.array(self.stamps)
