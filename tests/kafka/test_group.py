"""Workers of a group on a real broker, killed, frozen, sent away: judged by who reads what is committed, each row counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions
from grouped import KEYS, PARTITIONS, WAIT, Job, busy, cores, kills, until

from caudal.broker import Broker
from caudal.connectors.kafka.partitioners import partition_of

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


def test_another_count_of_partitions_is_refused(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    worker = job.start()
    job.goes_on()
    job.leave(worker)
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_partitions([NewPartitions(job.source, PARTITIONS + 2)])[job.source].result(WAIT)
    again = job.start()
    job.workers.remove(again)
    said = again.ends(2)
    assert f"the topic '{job.source}' has {PARTITIONS + 2} partitions, and had {PARTITIONS}" in said


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


def test_brokers_that_do_not_know_the_newer_protocol_end_a_worker_that_says_so(
    java: str, new_job: NewJob, tmp_path: Path
) -> None:
    with Broker(tmp_path / "classic", port=0, settings={"group.coordinator.rebalance.protocols": "classic"}) as broker:
        job = new_job(broker)
        worker = job.start("a")
        job.workers.remove(worker)
        assert "the brokers do not know the group protocol of KIP-848" in worker.ends(1)
        job.close()


@pytest.mark.parametrize("shared", [True, False])
def test_a_group_ends_behind_a_savepoint_and_goes_on_in_a_fresh_place(
    broker: Broker, new_job: NewJob, shared: bool
) -> None:
    job = new_job(broker, shared=shared)
    job.start("a")
    job.start("b")
    job.goes_on()
    asked = subprocess.run(
        [sys.executable, "-m", "caudal", "savepoint", "state"],
        cwd=job.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    for worker in [*job.workers]:
        worker.ends(0)
        job.workers.remove(worker)
    job.more = ["--checkpoint", "fresh", "--restore", asked.stdout.splitlines()[-1]]
    job.start("a")
    job.start("c")
    job.goes_on()
    job.check()
