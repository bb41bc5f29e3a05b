"""Messages a second of both readers of the Kafka connector: `python lab/kafka_readers.py 127.0.0.1:9092 [MESSAGES]`.

Writes a topic of its own (250-byte JSON, 4 partitions, lz4), reads it as blocks and as objects in turns, three times each, undecoded.
"""

from __future__ import annotations

import json
import sys
import time
import uuid

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from caudal.connectors.kafka import CONNECTOR
from caudal.core.types import Schema
from caudal.ports.records import Block
from caudal.ports.source import End


def fill(servers: str, topic: str, count: int) -> None:
    """Write the messages."""
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(30)
    settings = {"linger.ms": 50, "queue.buffering.max.messages": 1_000_000, "compression.type": "lz4"}
    producer = Producer({"bootstrap.servers": servers, **settings})
    record = {"ip": "192.0.2.1", "path": "/index.html", "status": 200, "agent": "x" * 150}
    for first in range(0, count, 10_000):
        lines = [{"value": json.dumps({"n": n, **record})} for n in range(first, min(first + 10_000, count))]
        producer.produce_batch(topic, lines, partition=first // 10_000 % 4)
        while len(producer) > 500_000:
            producer.poll(0.1)
    producer.flush()


def read(servers: str, topic: str, reader: str) -> tuple[float, float, int]:
    """Return seconds, seconds of processor time, and how many messages were read."""
    options = {**CONNECTOR.source_options, "topic": topic, "servers": servers, "until": "latest", "reader": reader}
    source = CONNECTOR.source(options, None, Schema.of({"n": "int64"}))
    left = list(source.partitions())
    began, cpu, count = time.perf_counter(), time.process_time(), 0
    while left:
        for partition in list(left):
            got = partition.read(4 << 20)
            if isinstance(got, End):
                left.remove(partition)
            elif isinstance(got, Block) and got.messages is not None:
                count += len(got.messages.offset)
    took = time.perf_counter() - began, time.process_time() - cpu
    source.close()
    return *took, count


def main() -> None:
    """Print a line for each round."""
    servers = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2_000_000
    topic = f"readers-{uuid.uuid4().hex[:8]}"
    fill(servers, topic, count)
    for reader in ("blocks", "objects") * 3:
        seconds, cpu, found = read(servers, topic, reader)
        assert found == count, f"{found} of {count} messages"
        print(f"{reader:8} {found / seconds / 1e6:5.2f} M messages/s, {cpu / found * 1e6:5.2f} CPU-seconds a million")
    admin = AdminClient({"bootstrap.servers": servers})
    admin.delete_topics([topic])[topic].result(30)


if __name__ == "__main__":
    main()
