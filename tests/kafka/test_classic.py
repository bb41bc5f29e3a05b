"""Workers of a group whose brokers do not know KIP-848: they speak the classic protocol, and each row counts once as well."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from grouped import KEYS, PARTITIONS, Job, kills

from caudal.broker import Broker
from caudal.connectors.kafka.partitioners import partition_of
from caudal.connectors.kafka.rebalancing import SESSION

pytestmark = pytest.mark.kafka

NewJob = Callable[..., Job]
OLDER = {"group.coordinator.rebalance.protocols": "classic"}


@pytest.fixture(scope="module")
def older(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that refuses what it does not know of the newer protocol, as those before it did."""
    with Broker(tmp_path_factory.mktemp("older") / "data", port=0, settings=OLDER) as made:
        yield made


def test_workers_join_leave_and_are_killed(older: Broker, new_job: NewJob) -> None:
    job = new_job(older)
    a = job.start("a")
    job.until(lambda: len(job.held(a)) == PARTITIONS)
    assert "the brokers do not know KIP-848: the group" in a.said
    b = job.start("b")
    job.until(lambda: job.all_held(a, b))
    job.goes_on()
    held = job.held(a)
    theirs = {ip for ip in KEYS if partition_of("murmur2", ip.encode(), PARTITIONS) in held}
    job.kill(a)
    killed, now = time.monotonic(), job.traffic.now  # what is of later windows the dead one cannot have written
    job.until(lambda: any(ip in theirs and start >= now for ip, start, *_ in job.look()))
    took = time.monotonic() - killed
    print(f"from SIGKILL to the first output of what it had: {took:.1f} s (session {SESSION / 1000:g} s)")
    assert took < (SESSION / 1000 + 3) * 2, "3 s, and as much again for a busy machine"
    c = job.start("c")
    job.until(lambda: job.all_held(b, c))
    job.leave(b)
    job.until(lambda: len(job.held(c)) == PARTITIONS)
    job.check()


def test_workers_are_killed_at_random_instants(older: Broker, new_job: NewJob) -> None:
    job = new_job(older)
    job.start("a")
    job.start()
    job.goes_on()
    kills(job, int(os.environ.get("CAUDAL_KILLS", "4")), ["a"], seed=9)
    job.check()


def test_rows_of_other_keys_meet_behind_a_topic(older: Broker, new_job: NewJob) -> None:
    job = new_job(older, shared=False)
    a, b = job.start("a"), job.start("b")
    job.until(lambda: job.all_held(a, b))
    job.kill(a)
    job.start("a")
    job.goes_on()
    job.check()


@pytest.mark.nightly
def test_a_frozen_worker_writes_nothing_twice(older: Broker, new_job: NewJob) -> None:
    job = new_job(older)
    a, b = job.start("a"), job.start("b")
    job.until(lambda: job.all_held(a, b))
    a.send(signal.SIGSTOP)
    try:
        job.until(lambda: len(job.held(b)) == PARTITIONS)
        job.goes_on()
    finally:
        a.send(signal.SIGCONT)
    job.until(lambda: job.all_held(a, b))
    job.check()


def test_a_name_has_one_holder(older: Broker, new_job: NewJob) -> None:
    job = new_job(older)
    job.start("a")
    job.goes_on()
    second = job.start("a")
    job.workers.remove(second)
    assert "a worker 'a' runs already" in second.ends(2)
    job.goes_on()
    job.more = ["--checkpoint", "elsewhere"]  # where the store of the first does not tell
    first, third = job.workers[0], job.start("a")
    assert "another worker runs under the name a" in first.ends(1)
    assert "is not in" in third.ends(1)


def speak(job: Job, protocol: str) -> str:
    """Let the workers that are started from now on ask for a protocol; return the pipeline as it was."""
    before = (job.folder / "p.py").read_text()
    given = f'servers=settings.servers, config={{"group.protocol": {protocol!r}}}, part'
    (job.folder / "p.py").write_text(before.replace("servers=settings.servers, part", given))
    return before


def test_who_asks_for_the_newer_protocol_alone_is_told_that_there_is_none(older: Broker, new_job: NewJob) -> None:
    job = new_job(older)
    speak(job, "consumer")
    worker = job.start("a")
    job.workers.remove(worker)
    assert "the brokers do not know the group protocol of KIP-848" in worker.ends(1)


def test_workers_of_both_protocols_share_a_topic_while_brokers_are_upgraded(broker: Broker, new_job: NewJob) -> None:
    job = new_job(broker)
    newer = speak(job, "classic")
    a = job.start("a")
    job.until(lambda: len(job.held(a)) == PARTITIONS)
    (job.folder / "p.py").write_text(newer)
    b = job.start("b")
    job.until(lambda: job.all_held(a, b))
    job.goes_on()
    job.check()
