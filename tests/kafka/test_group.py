"""Workers of a group on a real broker, killed, frozen, sent away: judged by who reads what is committed, each row counts once."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from grouped import KEYS, PARTITIONS, WAIT, Job, busy, cores, kills, until

from caudal.broker import Broker
from caudal.connectors.kafka import CONNECTOR
from caudal.connectors.kafka.partitioners import partition_of
from caudal.core.types import Schema
from caudal.ports.group import Given, Membership, Shared
from caudal.ports.records import Block
from caudal.ports.source import Partition

pytestmark = pytest.mark.kafka

NewJob = Callable[..., Job]
SESSION = 6.0
"""Seconds after which a broker of `caudal broker` gives up a member that says nothing."""


def two(job: Job) -> None:
    """Start the workers a and b, and wait until both have partitions."""
    a, b = job.start("a"), job.start("b")
    job.until(lambda: job.all_held(a, b))


def test_workers_are_killed_at_random_instants(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    job.start("a")
    job.start()
    job.goes_on()
    kills(job, 8, ["a"], seed=8)
    job.check()


@pytest.mark.nightly
def test_workers_are_killed_many_times_on_busy_cores(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    burning = busy(2 * cores())
    try:
        for name in ("a", "", ""):
            job.start(name)
        job.goes_on()
        kills(job, int(os.environ.get("CAUDAL_KILLS", "300")), ["a"], seed=300)
    finally:
        for process in burning:
            process.kill()
            process.wait()
    job.check()


def test_one_joins_and_one_leaves(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    a = job.start("a")
    job.until(lambda: len(job.held(a)) == PARTITIONS)
    job.goes_on()
    b = job.start("b")
    job.until(lambda: job.all_held(a, b))
    job.goes_on()
    job.leave(a)
    job.until(lambda: len(job.held(b)) == PARTITIONS)
    job.goes_on()
    job.check()


def test_a_frozen_worker_writes_nothing_twice(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    two(job)
    a, b = job.workers
    a.send(signal.SIGSTOP)
    try:
        job.until(lambda: len(job.held(b)) == PARTITIONS)
        job.goes_on()
    finally:
        a.send(signal.SIGCONT)
    job.workers.remove(a)
    until(lambda: a.process.poll() is not None or job.all_held(a, b), lambda: f"{job.owners()}\n{a.said}\n{b.said}")
    if a.process.poll() is None:
        job.workers.append(a)
    else:
        assert a.ends(1).strip(), "it says why"
    job.goes_on()
    job.check()


def test_the_broker_goes_and_comes_back(own_broker: Broker, new_job: NewJob) -> None:
    job = new_job(own_broker)
    two(job)
    own_broker.stop()
    own_broker.start()
    job.goes_on()
    job.check()


def test_a_name_has_one_holder(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    a = job.start("a")
    job.goes_on()
    second = job.start("a")
    job.workers.remove(second)
    said = second.ends(2)
    assert "a worker 'a' runs already" in said
    assert "--worker" in said
    job.goes_on()
    assert job.workers == [a]
    job.check()


def test_a_name_has_one_holder_whatever_the_store(broker: Broker, new_job: NewJob) -> None:
    """Who is refused sees the other commit under its name, and ends long before it would have given the name up for lost."""
    job = new_job(broker)
    first = job.start("a")
    job.goes_on()
    job.more = ["--checkpoint", "elsewhere"]
    began = time.monotonic()
    second = job.start("a")
    job.workers.remove(second)
    said = second.ends(1)
    assert time.monotonic() - began < 45  # seconds of a session, for which a name of somebody dead is kept
    assert "another worker runs under the name a" in said
    job.goes_on()
    assert job.workers == [first]
    job.check()


def test_a_worker_ends_when_the_topic_is_enlarged(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    worker = job.start()
    job.goes_on()
    job.workers.remove(worker)
    job.enlarged(2 * PARTITIONS)
    assert "has more partitions than when the group began: its keys have moved" in worker.ends(1)
    again = job.start()
    job.workers.remove(again)
    said = again.ends(2)
    assert f"the topic '{job.source}' has {2 * PARTITIONS} partitions, and had {PARTITIONS}" in said
    assert f"caudal rescale p.py state --partitions {2 * PARTITIONS}" in said


def test_a_record_in_a_wrong_partition_ends_the_job(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    worker = job.start()
    job.goes_on()
    job.workers.remove(worker)
    wrong = (partition_of("murmur2", KEYS[0].encode(), PARTITIONS) + 1) % PARTITIONS
    stood: list[int] = []
    producer = Producer({"bootstrap.servers": broker.address})
    value = f'{{"ip": "{KEYS[0]}", "t": {job.traffic.now}, "n": 1}}'.encode()
    producer.produce(job.source, value, partition=wrong, on_delivery=lambda _, sent: stood.append(sent.offset()))
    assert not producer.flush(WAIT)
    assert f"the record at offset {stood[0]} of {job.source}/{wrong} is of partition" in worker.ends(1)


def test_what_a_dead_worker_had_goes_on_within_seconds(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    two(job)
    a, _ = job.workers
    held = job.held(a)
    theirs = {ip for ip in KEYS if partition_of("murmur2", ip.encode(), PARTITIONS) in held}
    job.kill(a)
    killed, now = time.monotonic(), job.traffic.now  # what is of later windows the dead one cannot have written
    job.until(lambda: any(ip in theirs and start >= now for ip, start, *_ in job.look()))
    took = time.monotonic() - killed
    print(f"from SIGKILL to the first output of what it had: {took:.1f} s (session {SESSION:g} s)")
    assert took < (SESSION + 3) * 2, "3 s, and as much again for a busy machine"
    job.check()


def test_rows_of_other_keys_meet_behind_a_topic(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker, shared=False)
    two(job)
    job.goes_on()
    assert all("rows go through the topic caudal.p-" in worker.said for worker in job.workers)
    kills(job, 4, ["a", "b"], seed=4)
    job.goes_on()
    job.check()


def test_a_worker_by_itself_is_killed(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker, file=True)
    job.start()
    job.goes_on()
    kills(job, 5, [], seed=5)
    job.check()


@pytest.mark.parametrize("shared", [True, False])
def test_a_group_ends_behind_a_savepoint_and_goes_on_in_a_fresh_place(
    broker: Broker, new_job: NewJob, shared: bool
) -> None:
    job = new_job(broker, shared=shared)
    two(job)  # one that joins behind the savepoint would go on
    job.goes_on()
    made = job.says("savepoint", "state")
    for worker in [*job.workers]:
        worker.ends(0)
        job.workers.remove(worker)
    job.more = ["--checkpoint", "fresh", "--restore", made]
    job.start("a")
    job.start("c")
    job.goes_on()
    job.check()


@pytest.mark.parametrize("shared", [True, False])
def test_a_job_goes_on_over_an_enlarged_topic(broker: Broker, new_job: NewJob, shared: bool) -> None:
    """Rows are left in the old partitions at the savepoint, and in the repartition topic, which comes to have fewer partitions."""
    job = new_job(broker, shared=shared)
    two(job)
    job.goes_on()
    job.says("savepoint", "state")
    for worker in [*job.workers]:
        worker.ends(0)
        job.workers.remove(worker)
    now = job.traffic.now
    until(lambda: job.traffic.now > now + 500)
    job.enlarged(2 * PARTITIONS)
    many = 2 * PARTITIONS if shared else 3
    made = job.says("rescale", "p.py", "state", "--partitions", str(many))
    job.more = ["--checkpoint", "fresh", "--restore", made]
    job.start("a")
    job.start("c")
    job.goes_on()
    job.check()


@pytest.mark.parametrize("reader", ["blocks", "objects"])
def test_a_partition_that_stays_is_opened_anew(broker: Broker, new_topic: Callable[..., str], reader: str) -> None:
    """A shard whose state is out of date is loaded once more, though the group has not moved it."""
    topic = new_topic(broker, 1)
    producer = Producer({"bootstrap.servers": broker.address})
    for n in range(100):
        producer.produce(topic, f'{{"n": {n}}}'.encode())
    assert not producer.flush(WAIT)
    schema = Schema.of({"n": "int64"})
    options = {**CONNECTOR.source_options, "topic": topic, "servers": broker.address, "reader": reader}
    group = CONNECTOR.join({"in": Shared(options, schema)}, Membership(f"group-{topic}", "a"))
    try:
        group.share({})
        until(lambda: any(isinstance(change, Given) for change in group.changes()))
        for begin in (0, 40, 10):
            partition = group.partition(f"{topic}/0")
            partition.seek(begin)
            found: list[int] = []
            until(lambda: numbers(partition, found) == list(range(begin, 100)), lambda: found)  # noqa: B023
            partition.close()
    finally:
        group.close()


def numbers(partition: Partition, found: list[int]) -> list[int]:
    """Read on; return what has been found by now."""
    block = partition.read(1 << 20)
    if isinstance(block, Block):
        found += [json.loads(line)["n"] for line in bytes(block.data[block.start : block.stop]).splitlines()]
    return found
