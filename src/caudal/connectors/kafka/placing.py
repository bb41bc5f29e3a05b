"""Where the keys of a topic have their places now that it has more partitions, and where records stand that were written before."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from caudal.connectors.kafka.client import Access, library, made
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.placement import Placement
from caudal.core.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

_MANY = 10_000
"""Messages that are looked at together."""
_SILENCE = 30.0
"""Seconds without a message after which the cluster is given up."""


class KafkaPlacing:
    """Keeps `ports.group.Placing`."""

    def __init__(self, access: Access, cluster: Cluster, placement: Placement) -> None:
        self._access = access
        self._cluster = cluster
        self._placement = placement

    def numbers(self, keys: pa.Array, partitions: int) -> Sequence[int]:
        """Return the partition of each value."""
        return self._placement.numbers(keys, partitions)

    def hold(self, counts: Mapping[str, int]) -> None:
        """Hold records to topics of so many partitions."""
        self._placement.counts(counts)

    def behind(self, stands: Mapping[str, int]) -> Mapping[str, int]:
        """Return the offset behind the last record whose key has its place elsewhere; a message without a key has none.

        What a transaction has left open, or aborted, is looked at too: to read up to there does no harm.
        """
        parts = {Part.named(name): offset for name, offset in stands.items()}
        bounds = self._cluster.bounds(list(parts))
        waiting = {part: end for part, (first, end) in bounds.items() if max(first, parts[part]) < end}
        if not waiting:
            return {}
        found: dict[str, int] = {}
        client = library()
        settings = {
            "group_id": f"caudal-{secrets.token_hex(4)}",  # the client asks for one: nobody joins it
            "enable_auto_commit": False,
            "enable_partition_eof": True,
            "isolation_level": "read_uncommitted",
        }
        consumer = made(client.Consumer, self._access.configured(self._cluster.log, **settings))
        try:
            consumer.assign([client.TopicPartition(p.topic, p.number, max(bounds[p][0], parts[p])) for p in waiting])
            heard = time.monotonic()
            while waiting:
                messages = consumer.consume(_MANY, 0.5)
                if messages:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _SILENCE:
                    raise RunError(
                        f"{next(iter(waiting)).name} cannot be read to its end", location=self._access.domain
                    )
                self._look(messages, waiting, found)
        finally:
            consumer.close()
        return found

    def _look(self, messages: Sequence[object], waiting: dict[Part, int], found: dict[str, int]) -> None:
        by_part: dict[Part, list[tuple[int, bytes | None]]] = {}
        for message in messages:
            part = Part(message.topic(), message.partition())  # type: ignore[attr-defined]
            error = message.error()  # type: ignore[attr-defined]
            if error is None:
                by_part.setdefault(part, []).append((message.offset(), message.key()))  # type: ignore[attr-defined]
            elif error.code() == library().KafkaError._PARTITION_EOF:
                waiting.pop(part, None)
            elif not error.retriable():
                raise RunError(f"{part.name} cannot be read", detail=str(error), location=self._access.domain)
        for part, records in by_part.items():
            told = [(offset, key) for offset, key in records if key is not None]
            wrong = self._placement.elsewhere(part.topic, part.number, [key for _, key in told]) if told else []
            last = max((offset for (offset, _), is_wrong in zip(told, wrong, strict=True) if is_wrong), default=-1)
            if last >= 0:
                found[part.name] = max(found.get(part.name, 0), last + 1)
            if part in waiting and records[-1][0] + 1 >= waiting[part]:
                del waiting[part]
