"""Messages put on a broker, by the plain client."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
from confluent_kafka import Producer

import caudal as cd
from caudal.broker import Broker
from caudal.runner import Job


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


@contextmanager
def live(stream: cd.Stream, **given: Any) -> Iterator[tuple[Job, list[dict[str, Any]]]]:
    """Run a live stream beside the test; give the job and the rows that there are so far."""
    seen: list[dict[str, Any]] = []

    class Into(list[Any]):
        def append(self, table: Any) -> None:
            seen.extend(table.to_pylist())

    job = Job(cd.Pipeline("p", stream.to("memory", into=Into())), dead="discard", late="discard", threads=2, **given)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            job.run()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield job, seen
    finally:
        job.stop()
        thread.join(60)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
