"""Messages put on a broker, by the plain client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from confluent_kafka import Producer

import caudal as cd
from caudal.broker import Broker


def produce(broker: Broker, topic: str, values: Iterable[Any], **given: Any) -> None:
    """Write messages; each is a payload, or a dict of what `Producer.produce` takes."""
    producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 5, "message.max.bytes": 9_000_000})
    failed: list[Any] = []
    for value in values:
        message = value if isinstance(value, dict) else {"value": value}
        while True:
            try:
                producer.produce(
                    topic, on_delivery=lambda e, _: failed.append(e) if e else None, **{**given, **message}
                )
                break
            except BufferError:
                producer.poll(0.1)
    assert not producer.flush(60)
    assert not failed


def transactions(broker: Broker, topic: str, parts: Sequence[tuple[str, Sequence[Any]]], **given: Any) -> None:
    """Write messages in transactions, each of which ends by "commit" or "abort"."""
    producer = Producer({"bootstrap.servers": broker.address, "transactional.id": f"tests-{topic}"})
    producer.init_transactions(60)
    for ends, values in parts:
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, **given)
        assert not producer.flush(60)
        (producer.commit_transaction if ends == "commit" else producer.abort_transaction)(60)


def source(broker: Broker, topic: str, **given: Any) -> cd.Stream:
    """Return a source of JSON with the field n; bounded unless `until` is None."""
    options = {"format": "json", "schema": {"n": "int64"}, "until": "latest", **given}
    if options["until"] is None:
        del options["until"]
    return cd.source("kafka", topic=topic, servers=broker.address, **options)


def rows(stream: cd.Stream) -> list[dict[str, Any]]:
    """Return the rows of a bounded stream, and let it fail where nothing more comes."""
    table: pa.Table = stream.collect("arrow")
    return table.to_pylist()


def numbers(stream: cd.Stream) -> list[int]:
    """Return the column n of a bounded stream."""
    return [row["n"] for row in rows(stream)]
