"""Repartition topics: how they are made, written and cut."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from caudal.columnar import ipc
from caudal.connectors.kafka.client import Access
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.sink import InTransaction
from caudal.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

SETTINGS = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
"""What was written stays until the job that reads it has committed behind it."""

LONGEST = 1 << 30
"""Bytes of the longest message: any that there is."""

TRIM = 10.0
"""Seconds between two times at which what was read is deleted."""


def ensure(cluster: Cluster, topics: Mapping[str, int]) -> None:
    """Make topics that are missing; raises `InputError` for one that cannot be, or that has another number of partitions."""
    for topic, count in topics.items():
        cluster.ensure_topic(topic, count, SETTINGS)
    for topic, found in cluster.partitions(topics, "WRITE").items():
        if found != topics[topic]:
            raise InputError(
                f"the topic '{topic}' has {found} partitions, not {topics[topic]}",
                hint="it belongs to this job alone: nobody else may change it",
            )


class RepartitionTopic(InTransaction):
    """The way into a repartition topic; keeps `ports.sink.TransactionalSink`."""

    def __init__(self, access: Access, topic: str) -> None:
        super().__init__(access, topic, "murmur2")

    def encode(self, table: pa.Table) -> tuple[int, bytes]:
        """Return the partition and the message of a table."""
        return int(table.schema.metadata[b"to"]), ipc.to_bytes(table)

    def write(self, payload: tuple[int, bytes]) -> None:
        """Send a message in the transaction. Raises `RunError`, `Fenced`."""
        assert self._transaction is not None
        partition, message = payload
        self._transaction.send(self._topic, [message], None, partition)


class Trimming:
    """Deletes what was read of repartition topics, beside the job, every so often. What cannot be deleted stays for the next time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._due = time.monotonic() + TRIM
        self._done: dict[Part, int] = {}
        self._thread: threading.Thread | None = None

    def __call__(self, ends: Mapping[Part, int]) -> None:
        """What is before these offsets may go."""
        if time.monotonic() < self._due or (self._thread is not None and self._thread.is_alive()):
            return
        self._due = time.monotonic() + TRIM
        wanted = {part: end for part, end in ends.items() if end > self._done.get(part, 0)}
        if wanted:
            self._done |= wanted
            self._thread = threading.Thread(
                target=self._cluster.trim, args=(wanted,), name="caudal-kafka-trim", daemon=True
            )
            self._thread.start()
