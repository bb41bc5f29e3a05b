"""Members of a group on a real broker: partitions go to and fro, each is released before another has it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from produced import produce

from caudal.broker import Broker
from caudal.connectors.kafka import CONNECTOR
from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import access
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.ends import EndsWatch
from caudal.connectors.kafka.membership import Joined, Membership
from caudal.connectors.kafka.partition import KafkaPartition
from caudal.ports.records import Block
from caudal.ports.source import Assigned, Revoked
from caudal.ports.transaction import Fenced

pytestmark = pytest.mark.kafka
_PAUSE = threading.Event()


class Member:
    """Reads what it is assigned, as an engine would, and releases what it is to give up."""

    def __init__(self, broker: Broker, topic: str, group: str, **given: Any) -> None:
        reached = access({**CONNECTOR.source_options, "servers": broker.address})
        self.ends = EndsWatch(Cluster(reached), list)
        self.joined: list[Joined] = []
        self.reading: dict[str, Any] = {}
        self.seen: list[tuple[str, int]] = []
        self.given_up: dict[str, int] = {}
        self.membership = Membership(reached, group, [topic], Wanted(False, False, 1 << 20), self._made, **given)

    def _made(self, joined: Joined) -> Any:
        self.joined.append(joined)
        start = max(joined.offset, 0)
        consuming = self.membership.consuming
        return KafkaPartition(consuming, joined.part, Columns({}), self.ends, start=start, feed=joined.feed)

    def step(self) -> None:
        for change in self.membership.changes():
            if isinstance(change, Assigned):
                self.reading[change.partition.name] = change.partition
            elif isinstance(change, Revoked):
                partition = self.reading.pop(change.name)
                partition.close()
                self.given_up[change.name] = partition.position
                self.membership.released(change.name, partition.position)
        for name, partition in self.reading.items():
            got = partition.read(1 << 16)
            if isinstance(got, Block):
                assert got.messages is not None
                self.seen += [(name, offset) for offset in got.messages.offset.tolist()]


def play(members: list[Member], done: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, [(m.reading.keys(), len(m.seen)) for m in members]
        for member in members:
            member.step()
        _PAUSE.wait(0.005)


@pytest.mark.parametrize("classic", [False, True])
@pytest.mark.parametrize("reader", ["blocks", "objects"])
def test_partitions_go_to_a_new_member_once_they_are_released(
    broker: Broker, new_topic: Callable[..., str], classic: bool, reader: str
) -> None:
    topic = new_topic(broker, 4)
    for number in range(4):
        produce(broker, topic, [json.dumps({"n": n}).encode() for n in range(50)], partition=number)
    group = f"g-{topic}"
    committing = Consumer({"bootstrap.servers": broker.address, "group.id": group})
    committing.commit(offsets=[TopicPartition(topic, 2, 40, metadata="a token")], asynchronous=False)
    committing.close()
    given = {"classic": classic, "reader": reader, **({"session_timeout_ms": 6000} if classic else {})}
    first = Member(broker, topic, group, **given)
    play([first], lambda: len(first.seen) == 160)
    (known,) = [joined for joined in first.joined if joined.part.number == 2]
    assert (known.offset, known.metadata, known.unstable) == (40, "a token", False)
    assert first.membership.metadata([Part(topic, n) for n in range(4)]) is not None
    second = Member(broker, topic, group, **given)
    play([first, second], lambda: len(first.reading) == len(second.reading) == 2)
    assert first.reading.keys().isdisjoint(second.reading)
    assert all(first.given_up[name] == 50 for name in second.reading)
    lost = Part(topic, int(next(iter(second.reading)).rpartition("/")[2]))
    with pytest.raises(Fenced, match=lost.name):
        first.membership.metadata([lost])
    second.membership.metadata([lost])
    for member in (first, second):
        member.membership.close()
        member.ends.close()
