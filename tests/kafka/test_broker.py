"""`caudal broker` with a real broker: what it keeps, what it survives, and what clients can do with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from caudal.broker import Broker, properties
from caudal.core.errors import OptionError, RunError

pytestmark = pytest.mark.kafka

NewTopic = Callable[..., str]

DEADLINE = 60
"""Seconds within which what is waited for has come, on a busy machine too."""


def caudal(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caudal", "broker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def produce(broker: Broker, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": broker.address})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(DEADLINE) == 0


def take(consumer: Consumer, count: int) -> list[bytes | None]:
    """Return the next `count` values."""
    found: list[Message] = []
    until = time.monotonic() + DEADLINE
    while len(found) < count and time.monotonic() < until:
        found += [message for message in consumer.consume(count - len(found), timeout=1) if not message.error()]
    return [message.value() for message in found]


def consume(broker: Broker, topic: str, count: int) -> list[bytes | None]:
    """Return `count` values of partition 0 from its beginning that are committed; what is after them is not waited for."""
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "looks", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        return take(consumer, count)
    finally:
        consumer.close()


def test_start_status_stop_and_start_again_with_its_data(tmp_path: Path, new_topic: NewTopic) -> None:
    folder = tmp_path / "a broker's näme"
    data = ("--data", str(folder))
    assert caudal("status", *data).returncode == 1
    assert not folder.exists(), "looking makes nothing"
    started = caudal("start", *data, "--port", "0")
    assert started.returncode == 0, started.stderr
    broker = Broker(folder)
    try:
        address = started.stdout.splitlines()[-1]
        assert f"starting Kafka 4.3.1 on {address}\n" in started.stderr
        host, _, port = address.rpartition(":")
        assert host == "127.0.0.1"
        told = caudal("status", *data, "--json")
        status = json.loads(told.stdout)
        assert (told.returncode, status["state"], status["address"]) == (0, "running", address)
        assert (status["version"], status["data"]) == ("4.3.1", str(folder))
        os.kill(status["pid"], 0)
        again = caudal("start", *data)
        assert (again.stdout, again.stderr) == (address + "\n", "")
        new_topic(broker, name="kept")
        produce(broker, "kept", b"a", b"b")
        stopped = caudal("stop", *data)
        assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
        assert caudal("stop", *data).stdout == "no broker runs\n"
        assert caudal("status", *data).returncode == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), DEADLINE)
        assert caudal("start", *data, "--port", port).stdout == address + "\n"
        assert consume(broker, "kept", 2) == [b"a", b"b"]
    finally:
        caudal("stop", *data)


def test_after_a_kill_it_starts_with_what_it_had(own_broker: Broker, new_topic: NewTopic) -> None:
    new_topic(own_broker, name="kept")
    produce(own_broker, "kept", b"a", b"b")
    before = own_broker.status()
    own_broker.kill()
    assert own_broker.status().state == "stopped"
    assert (own_broker.data / "broker.pid").exists(), "nobody tidied up"
    assert own_broker.start() == before.address, "the object keeps its port"
    assert own_broker.status().pid != before.pid
    produce(own_broker, "kept", b"c")
    assert consume(own_broker, "kept", 3) == [b"a", b"b", b"c"]


def test_a_frozen_one_does_not_answer_thaws_and_can_be_stopped(own_broker: Broker, new_topic: NewTopic) -> None:
    new_topic(own_broker, name="kept")
    own_broker.freeze()
    assert own_broker.status().state == "not answering"
    own_broker.thaw()
    assert own_broker.start() == own_broker.address
    produce(own_broker, "kept", b"a")
    assert consume(own_broker, "kept", 1) == [b"a"]
    own_broker.freeze()
    assert own_broker.stop()
    assert not own_broker.stop()
    with pytest.raises(RunError, match="no broker runs"):
        own_broker.freeze()


def test_one_that_runs_is_neither_moved_nor_set_otherwise(broker: Broker) -> None:
    port = int(broker.address.rpartition(":")[2])
    with pytest.raises(
        OptionError, match=f"runs on this data already, on {broker.address}, not on 127.0.0.1:{port - 1}"
    ):
        Broker(broker.data, port=port - 1).start()
    with pytest.raises(OptionError, match="with other settings"):
        Broker(broker.data, settings={"num.partitions": "3"}).start()


def test_a_port_that_is_in_use(broker: Broker, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = (taken.getsockname()[1], int(broker.address.rpartition(":")[2]))
        for port in ports:
            ended = caudal("start", "--data", str(tmp_path / "data"), "--port", str(port))
            assert (ended.returncode, ended.stdout) == (2, "")
            assert f"error: the port {port} cannot be had\n" in ended.stderr
            assert "--port 0 a free one" in ended.stderr


def test_a_property_that_kafka_refuses_is_told(tmp_path: Path) -> None:
    ended = caudal("start", "--data", str(tmp_path / "data"), "--port", "0", "--set", "num.partitions=many")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Invalid value many for configuration num.partitions" in ended.stderr
    assert "\tat " not in ended.stderr
    assert caudal("status", "--data", str(tmp_path / "data")).returncode == 1


def test_settings_are_those_that_are_written_down(tmp_path: Path) -> None:
    with Broker(
        tmp_path / "data", port=0, settings={"num.partitions": "3", "group.min.session.timeout.ms": "2000"}
    ) as own:
        admin = AdminClient({"bootstrap.servers": own.address})
        asked = ConfigResource(ResourceType.BROKER, "1")
        found = {name: entry.value for name, entry in admin.describe_configs([asked])[asked].result(DEADLINE).items()}
    wanted = {**properties.SETTINGS, "num.partitions": "3", "group.min.session.timeout.ms": "2000"}
    assert {name: found.get(name) for name in wanted} == wanted


def test_topics_are_made_by_nobody_unasked(broker: Broker) -> None:
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "g", "allow.auto.create.topics": True})
    found = consumer.list_topics("never-made", timeout=DEADLINE)
    consumer.close()
    assert found.topics["never-made"].error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_many_starts_at_once_make_one_broker(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "caudal", "broker", "start", "--data", str(tmp_path / "data"), "--port", "0"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        ended = [(process.communicate()[0], process.returncode) for process in started]
        assert set(ended) == {(Broker(tmp_path / "data").address + "\n", 0)}
    finally:
        assert Broker(tmp_path / "data").stop()


def test_a_start_that_is_interrupted_leaves_nothing_that_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "caudal", "broker", "start", "--data", str(tmp_path / "data"), "--port", "0"]
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the suite runs in the background
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("starting Kafka"):
            break
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert Broker(tmp_path / "data").status().state == "stopped"
    with Broker(tmp_path / "data", port=0) as again:
        assert again.status().state == "running"


def test_transactions(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker)
    producer = Producer({"bootstrap.servers": broker.address, "transactional.id": topic})
    producer.init_transactions(DEADLINE)
    for value, commit in ((b"aborted", False), (b"committed", True)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(DEADLINE)
        (producer.commit_transaction if commit else producer.abort_transaction)(DEADLINE)
    producer.begin_transaction()
    producer.produce(topic, b"open")
    assert producer.flush(DEADLINE) == 0
    assert consume(broker, topic, 1) == [b"committed"]
    second = Producer({"bootstrap.servers": broker.address, "transactional.id": topic})
    second.init_transactions(DEADLINE)
    with pytest.raises(KafkaException) as caught:
        producer.commit_transaction(DEADLINE)
    assert caught.value.args[0].code() == KafkaError._FENCED


def test_a_group_of_the_new_protocol_moves_offsets_and_partitions(broker: Broker, new_topic: NewTopic) -> None:
    topic = new_topic(broker, partitions=2)
    options = {
        "bootstrap.servers": broker.address,
        "group.id": topic,
        "group.protocol": "consumer",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
    }
    first, second = Consumer(options), Consumer(options)
    owned: dict[str, set[int]] = {"first": set(), "second": set()}

    def follow(name: str) -> dict[str, Callable[..., None]]:
        return {
            "on_assign": lambda _, parts: owned[name].update(part.partition for part in parts),
            "on_revoke": lambda _, parts: owned[name].difference_update(part.partition for part in parts),
            "on_lost": lambda _, parts: owned[name].difference_update(part.partition for part in parts),
        }

    def until(wanted: Callable[[], bool], *consumers: Consumer) -> None:
        end = time.monotonic() + DEADLINE
        while not wanted():
            assert time.monotonic() < end, owned
            for consumer in consumers:
                consumer.consume(1, timeout=0.05)

    try:
        first.subscribe([topic], **follow("first"))
        until(lambda: owned["first"] == {0, 1}, first)
        second.subscribe([topic], **follow("second"))
        until(lambda: len(owned["first"]) == 1 and len(owned["second"]) == 1, first, second)
        assert owned["first"] | owned["second"] == {0, 1}
        second.close()
        until(lambda: owned["first"] == {0, 1}, first)
        produce(broker, topic, b"a", b"b")
        assert take(first, 2) == [b"a", b"b"]
        first.commit(asynchronous=False)
        (committed,) = first.committed([TopicPartition(topic, 0)], DEADLINE)
        assert committed.offset == 2
    finally:
        first.close()
