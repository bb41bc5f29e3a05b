"""Topics as targets on a real broker, and transactions: what appears, what does not, who is fenced off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka.admin import AdminClient
from produced import rows, source

import caudal as cd
from caudal.broker import Broker
from caudal.connectors.kafka import CONNECTOR
from caudal.connectors.kafka.partitioners import partition_of
from caudal.connectors.kafka.transaction import KafkaTransaction
from caudal.core.errors import InputError, OptionError, RunError
from caudal.core.types import Schema
from caudal.formats.json import FORMAT as JSON
from caudal.ports.sink import TransactionalSink
from caudal.ports.transaction import Fenced

pytestmark = pytest.mark.kafka
NewTopic = Callable[..., str]
SCHEMA = Schema.of({"n": "int64", "ip": "string"})


def opened(broker: Broker, topic: str, *, staged: bool = False, **given: Any) -> Any:
    options = {**CONNECTOR.sink_options, "topic": topic, "servers": broker.address, **given}
    return CONNECTOR.sink(options, JSON.encoder(SCHEMA, {}), SCHEMA, live=False, staged=staged)


def write(sink: Any, numbers: range) -> None:
    table = pa.table({"n": pa.array(numbers, pa.int64()), "ip": [f"192.0.2.{n % 7}" for n in numbers]})
    sink.write(sink.encode(table))


def there(broker: Broker, topic: str) -> list[int]:
    return sorted(row["n"] for row in rows(source(broker, topic)))


@pytest.mark.parametrize("partitioner", ["murmur2", "crc32"])
def test_rows_are_messages_with_keys_in_the_partitions_of_the_partitioner(
    broker: Broker, new_topic: NewTopic, partitioner: str
) -> None:
    topic = new_topic(broker, 3)
    given = [{"n": n, "ip": f"192.0.2.{n}" if n else None} for n in range(40)]
    stream = cd.source("memory", rows=given, schema={"n": "int64", "ip": "string"})
    sink = stream.to("kafka", topic=topic, servers=broker.address, key="ip", partitioner=partitioner)
    summary = cd.run(cd.Pipeline("p", sink), late="discard", dead="discard")
    assert summary.emitted == 40
    beside = {"key": "key", "part": "partition"}
    found = rows(source(broker, topic, schema={"n": "int64", "ip": "string"}, metadata=beside))
    assert sorted((row["n"], row["ip"], row["key"]) for row in found) == [
        (row["n"], row["ip"], row["ip"]) for row in given
    ]
    for row in found:
        assert row["key"] is None or row["part"] == partition_of(partitioner, row["key"].encode(), 3)


def test_a_value_with_newlines_is_one_message(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    given = [{"n": 1, "text": "a\nb"}, {"n": 2, "text": "c"}]
    stream = cd.source("memory", rows=given, schema={"n": "int64", "text": "string"})
    cd.run(cd.Pipeline("p", stream.to("kafka", topic=topic, servers=broker.address, format="csv")), dead="discard")
    read = source(broker, topic, format="csv", schema={"n": "int64", "text": "string"}, header=False)
    assert [row["n"] for row in rows(read)] == [1, 2]


def test_a_missing_topic_is_an_error_before_the_start_unless_it_is_to_be_made(
    broker: Broker, new_topic: NewTopic
) -> None:
    topic = new_topic(broker) + "-new"
    with pytest.raises(InputError, match=f"there is no topic '{topic}'"):
        opened(broker, topic)
    opened(broker, topic, create=3).abort()
    assert len(AdminClient({"bootstrap.servers": broker.address}).list_topics(timeout=10).topics[topic].partitions) == 3
    for given, told in (
        ({"key": "iq"}, "key='iq'"),
        ({"partitioner": "m"}, "'partitioner'"),
        ({"create": -1}, "'create'"),
    ):
        with pytest.raises(OptionError, match=told):
            opened(broker, topic, **given)


def test_a_row_beyond_the_limit_of_the_broker_ends_the_job(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker, max_message_bytes="2000")
    given = [{"text": "x" * 5000}]
    stream = cd.source("memory", rows=given, schema={"text": "string"})
    with pytest.raises(RunError, match="larger than a message of the topic"):
        cd.run(cd.Pipeline("p", stream.to("kafka", topic=topic, servers=broker.address)), dead="discard")
    large = [{"text": "x" * 2_000_000}]
    stream = cd.source("memory", rows=large, schema={"text": "string"})
    with pytest.raises(RunError, match="larger than a message of the topic"):
        cd.run(cd.Pipeline("p", stream.to("kafka", topic=topic, servers=broker.address)), dead="discard")


def transaction(sink: Any, name: str) -> Any:
    made = sink.transaction(name)
    sink.enlist(made)
    return made


def test_rows_appear_with_the_commit_and_not_with_an_abort(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    sink = opened(broker, topic, staged=True)
    assert isinstance(sink, TransactionalSink)
    made = transaction(sink, f"job-{topic}")
    assert made.recall() == ""
    for epoch, ends in enumerate(("commit", "abort", "commit"), 1):
        made.begin(epoch)
        write(sink, range(10 * epoch, 10 * epoch + 3))
        assert sink.prepare(epoch, last=False) is None
        made.token(f"token-{epoch}")
        if ends == "commit":
            assert made.commit() == "committed"
        else:
            made.abort()
            made.abort()
    assert there(broker, topic) == [10, 11, 12, 30, 31, 32]
    assert made.recall() == "token-3"
    made.close()
    made.close()
    again = transaction(opened(broker, topic, staged=True), f"job-{topic}")
    assert again.recall() == "token-3"
    again.close()


def test_who_opens_a_transaction_anew_fences_the_other_off(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    sink = opened(broker, topic, staged=True)
    first = transaction(sink, f"job-{topic}")
    first.begin(1)
    write(sink, range(3))
    sink.prepare(1, last=False)
    other = opened(broker, topic, staged=True)
    second = transaction(other, f"job-{topic}")
    second.begin(1)
    write(other, range(100, 102))
    with pytest.raises(Fenced):
        first.token("first")
    second.token("second")
    assert second.commit() == "committed"
    assert there(broker, topic) == [100, 101]
    first.close()
    second.close()


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_answer_is_not_known_until_it_is_recalled(
    own_broker: Broker, new_topic: NewTopic, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    monkeypatch.setattr("caudal.connectors.kafka.transaction._CALL", 4.0)
    topic = new_topic(own_broker)
    sink = opened(own_broker, topic, staged=True)
    made = transaction(sink, "job")
    made.begin(1)
    write(sink, range(3))
    sink.prepare(1, last=False)
    made.token("one")
    if arrives:  # the answer alone is lost
        client = made._client
        monkeypatch.setattr(made, "_producing", Losing(made._producing, client))
    else:
        own_broker.freeze()
    try:
        assert made.commit() == "unknown"
        with pytest.raises(RunError, match="not known yet"):
            made.begin(2)
    finally:
        if not arrives:
            own_broker.thaw()
    told = made.recall()
    assert told == "one" if arrives else told in ("", "one")
    assert there(own_broker, topic) == ([0, 1, 2] if told else [])
    made.begin(2)
    write(sink, range(3, 5))
    sink.prepare(2, last=False)
    made.token("two")
    assert made.commit() == "committed"
    assert there(own_broker, topic) == ([0, 1, 2, 3, 4] if told else [3, 4])
    made.close()


def test_a_broker_that_forgets_the_end_of_a_transaction_neither_hides_nor_doubles_rows(
    own_broker: Broker, new_topic: NewTopic
) -> None:
    """Its time is over while the broker is down; as it comes back no partition has a leader for a moment, and none hears of the end."""
    topic, other = new_topic(own_broker, 3), new_topic(own_broker, 3)
    sinks = [opened(own_broker, name, staged=True, key="ip") for name in (topic, other)]
    made = KafkaTransaction(sinks[0]._access, "job", topic, "murmur2", timeout=1.0)
    for sink in sinks:
        sink.enlist(made)
    assert made.recall() == ""
    for epoch in (1, 2, 3):
        made.begin(epoch)
        for sink in sinks:
            write(sink, range(20))
            sink.prepare(epoch, last=False)
        made.token(f"token-{epoch}")
        own_broker.kill()
        own_broker.start()
        assert made.recall() == ("" if epoch == 1 else f"again-{epoch - 1}")
        made.begin(epoch)
        for sink in sinks:
            write(sink, range(100 * epoch, 100 * epoch + 20))
            sink.prepare(epoch, last=False)
        made.token(f"again-{epoch}")
        assert made.commit() == "committed"
    made.close()
    wanted = [100 * epoch + n for epoch in (1, 2, 3) for n in range(20)]
    assert there(own_broker, topic) == wanted
    assert there(own_broker, other) == wanted


class Losing:
    """A producer that commits and never says so."""

    def __init__(self, producing: Any, client: Any) -> None:
        self._producing = producing
        self.client = Client(client)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producing, name)


class Client:
    def __init__(self, client: Any) -> None:
        self._client = client

    def commit_transaction(self, *given: Any) -> None:
        self._client.commit_transaction(*given)
        threading.Event().wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def test_a_job_with_checkpoints_writes_each_row_once(broker: Broker, new_topic: NewTopic, tmp_path: Any) -> None:
    topic, target = new_topic(broker), new_topic(broker)
    sink = opened(broker, topic)
    write(sink, range(100))
    sink.prepare(1, last=True)
    stream = source(broker, topic).to("kafka", topic=target, servers=broker.address)
    plan = cd.Pipeline(f"p-{target}", stream)
    for _ in range(2):
        cd.run(plan, checkpoint=str(tmp_path / "store"), late="discard", dead="discard")
    assert there(broker, target) == list(range(100))
