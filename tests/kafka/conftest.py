"""A Kafka broker for tests: one for the whole run, and brokers of a test's own to kill, freeze and start again."""

from __future__ import annotations

import fcntl
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from caudal.broker import Broker, installing
from caudal.core.errors import OptionError

if TYPE_CHECKING:
    from grouped import Job

sys.path.insert(0, str(Path(__file__).parent))  # for what the tests here share: produced


@pytest.fixture(scope="session", autouse=True)
def java() -> str:
    """The Java that runs brokers; where there is none, tests are skipped."""
    try:
        return installing.java()
    except OptionError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def broker(java: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The broker that the whole run shares, all workers of it: who is the last to leave stops it. Not to be killed."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    users = os.open(base / "broker.users", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(users, fcntl.LOCK_SH)
        shared = Broker(base / "broker", port=0)
        shared.start()
        yield shared
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shared.stop()
    finally:
        os.close(users)


@pytest.fixture
def own_broker(java: str, tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, which runs, and may be stopped, killed, frozen and started again."""
    with Broker(tmp_path / "own broker", port=0) as made:
        yield made


@pytest.fixture(scope="session")
def new_topic() -> Callable[..., str]:
    """Makes a topic on a broker: new_topic(broker, partitions=1, name="", **config); returns its name, by default a new one."""

    def make(broker: Broker, partitions: int = 1, name: str = "", **config: str) -> str:
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        admin = AdminClient({"bootstrap.servers": broker.address})
        settings = {key.replace("_", "."): value for key, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(60)
        deadline = time.monotonic() + 60
        while name not in admin.list_topics(timeout=10).topics:  # brokers hear of a new topic a moment later
            assert time.monotonic() < deadline
        return name

    return make


@pytest.fixture
def new_job(new_topic: Callable[..., str], tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes a job on a broker, with its traffic; nothing of it outlives the test."""
    from grouped import Job

    made: list[Job] = []

    def make(broker: Broker, **given: bool) -> Job:
        folder = tmp_path / f"job {len(made)}"
        folder.mkdir()
        made.append(Job(broker, new_topic, folder, **given))
        return made[-1]

    yield make
    for job in made:
        job.close()
