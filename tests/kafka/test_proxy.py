"""A group whose way to the broker is slow, breaks, or leads nowhere for a while: judged by who reads what is committed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from grouped import PARTITIONS, Job, Worker, until

from caudal.broker import Broker
from caudal.lab.kafka.proxy import Proxy

pytestmark = pytest.mark.kafka

NewJob = Callable[..., Job]
TROUBLE = 8.0
"""Seconds; more than a session."""


@pytest.fixture
def way(java: str) -> Iterator[Proxy]:
    """The proxy before `far`."""
    with Proxy() as proxy:
        yield proxy


@pytest.fixture
def far(way: Proxy, tmp_path: Path) -> Iterator[Broker]:
    """A broker that sends those who come by the proxy by the proxy again; all others reach it as ever."""
    with Broker(tmp_path / "far", port=0, behind=(way.target, way.port)) as broker:
        yield broker


def again(job: Job, worker: Worker, by: str) -> None:
    """Wait until a worker takes part again, or has ended and says why; then start it again."""
    others = [each for each in job.workers if each is not worker]
    until(
        lambda: worker.process.poll() is not None or job.all_held(worker, *others),
        lambda: f"{job.owners()}\n{worker.said}",
    )
    if worker.process.poll() is not None:
        assert "error: " in worker.ends(1)
        job.workers.remove(worker)
        job.start(worker.name, by)
    job.until(lambda: job.all_held(*job.workers))


def trouble(job: Job, seconds: float, each: Callable[[], float]) -> None:
    """Make trouble for so long; `each` makes some, and says for how long to wait."""
    never, over = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < over:
        never.wait(each())  # the instant is what is random: there is nothing to wait for
        job.look()


def test_answers_come_late(far: Broker, way: Proxy, new_job: NewJob) -> None:
    job = new_job(far)
    a, b = job.start("a", way.address), job.start("b", way.address)
    job.until(lambda: job.all_held(a, b))
    draw = random.Random(1)
    way.delay = lambda: draw.uniform(0.0, 2.0)
    trouble(job, TROUBLE, lambda: 0.1)
    way.delay = float
    for worker in (a, b):
        again(job, worker, way.address)
    job.goes_on()
    job.check()


def test_connections_break(far: Broker, way: Proxy, new_job: NewJob) -> None:
    job = new_job(far)
    a, b = job.start("a", way.address), job.start("b", way.address)
    job.until(lambda: job.all_held(a, b))
    draw = random.Random(2)
    broken = 0

    def cut() -> float:
        nonlocal broken
        broken += 1
        way.reset()
        return draw.uniform(0.0, 1.0)

    trouble(job, TROUBLE, cut)
    assert broken > 5
    for worker in (a, b):
        again(job, worker, way.address)
    job.goes_on()
    job.check()


def test_a_worker_whose_bytes_vanish_is_replaced_and_comes_back(far: Broker, way: Proxy, new_job: NewJob) -> None:
    job = new_job(far)
    a, b = job.start("a", way.address), job.start("b")
    job.until(lambda: job.all_held(a, b))
    job.workers.remove(a)
    way.cut()
    job.until(lambda: len(job.held(b)) == PARTITIONS)
    job.goes_on()
    way.heal()
    job.workers.append(a)
    again(job, a, way.address)
    job.goes_on()
    job.check()
