"""Topics that an engine of another process reads by its own connector: how it reaches them, and blocks of what it has read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as _compute

from caudal.columnar.column import Text, from_arrow
from caudal.connectors.kafka.batch import Batch, Headers, too_long
from caudal.connectors.kafka.client import Access
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.placement import Placement
from caudal.core.types import BINARY
from caudal.ports.records import MAX_PAYLOAD, PADDING, Block, Dead, Decoded
from caudal.ports.remote import Received

pc: Any = _compute  # its functions are made when it is imported

_SAME = {"bootstrap.servers": "bootstrap.servers", "ssl.ca.location": "ssl.truststore.location"}
"""Settings that Kafka's Java client has too, by librdkafka's names."""


def properties(access: Access) -> dict[str, str] | str:
    """Return how Kafka's Java client reaches a cluster, or why that cannot be said."""
    settings = dict(access.settings)
    protocol = settings.pop("security.protocol")
    if protocol.startswith("sasl"):
        return "a password would have to go to the engine's tasks"
    unknown = sorted(settings.keys() - _SAME.keys())
    if unknown:
        return f"'{unknown[0]}' of config= is a setting of librdkafka, which is not the engine's client"
    made = {_SAME[name]: str(value) for name, value in settings.items()}
    if protocol == "ssl":
        made |= {"security.protocol": "SSL"}
        made |= {"ssl.truststore.type": "PEM"} if "ssl.truststore.location" in made else {}
    return made


class KafkaReceiving:
    """Keeps `ports.remote.Receiving`."""

    live = False

    def __init__(self, columns: Columns, placement: Placement | None, longest: int) -> None:
        self._columns = columns
        self._placement = placement
        self._longest = longest

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to the partitioner that the pipeline relies on."""
        if self._placement is not None:
            self._placement.check(partition, rows)

    def block(self, topic: str, number: int, got: Received, read_at: int) -> Block:
        """Return messages as a block."""
        offset = got.offset.to_numpy(zero_copy_only=False).astype(np.int64)
        end = int(offset[-1]) + 1
        got, offset, dead = self._fitting(got, offset)
        null = got.value.is_null().to_numpy(zero_copy_only=False)
        empty, newline = (pa.scalar(each, pa.large_binary()) for each in (b"", b"\n"))
        lines = pc.binary_join_element_wise(_whole(got.value).fill_null(b""), empty, newline)
        _, ends, data = lines.buffers()
        bounds = (
            np.frombuffer(ends, np.int64, len(lines) + 1, lines.offset * 8) if len(lines) else np.zeros(1, np.int64)
        )
        first, stop = int(bounds[0]), int(bounds[-1])
        bytes_ = np.zeros(stop - first + PADDING, np.uint8)
        if stop > first:
            bytes_[: stop - first] = np.frombuffer(data, np.uint8)[first:stop]
        stamp = got.stamp.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        batch = Batch(bytes_, stop - first, (bounds[:-1] - first).copy(), offset, stamp, null, dead=dead, end=end)
        if got.key is not None:
            key = from_arrow(got.key, BINARY)
            assert isinstance(key, Text)
            batch.key = key
        batch.headers = None if got.headers is None else [_headers(each) for each in got.headers.to_pylist()]
        return batch.block(read_at, self._columns.of(batch, Part(topic, number)))

    def _fitting(self, got: Received, offset: Any) -> tuple[Received, Any, list[Dead]]:
        """Return the messages that are not too long, and dead letters of the others."""
        length = pc.binary_length(got.value).fill_null(0).to_numpy(zero_copy_only=False)
        long = np.flatnonzero(length > self._longest)
        if not len(long):
            return got, offset, []
        dead = [
            too_long(int(offset[row]), int(length[row]), self._longest, got.value[int(row)].as_py()[:MAX_PAYLOAD])
            for row in long
        ]
        rows = pa.array(np.flatnonzero(length <= self._longest))
        kept = [None if part is None else part.take(rows) for part in (got.stamp, got.value, got.key, got.headers)]
        return Received(got.offset.take(rows), *kept), offset[rows.to_numpy()], dead  # type: ignore[arg-type]


def _whole(array: Any) -> Any:
    """Return binary as large binary, whose offsets cannot be too small for what is joined."""
    return array if pa.types.is_large_binary(array.type) else array.cast(pa.large_binary())


def _headers(given: list[Mapping[str, Any]] | None) -> Headers:
    return [(each["key"], each["value"]) for each in given or ()]
