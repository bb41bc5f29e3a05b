"""Workers of a group over two topics that are joined: whoever is killed, each pair comes out once."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from grouped import CLOSERS, WAIT, Reading, Worker, until

from caudal.broker import Broker
from caudal.connectors.kafka.partitioners import partition_of

pytestmark = pytest.mark.kafka

PIPELINE = """
import caudal as cd

servers = {servers!r}
def topic(name, **columns):
    return cd.source("kafka", topic=name, servers=servers, format="json", event_time="t",
                     schema={{"user": "string", "t": "int64", **columns}}, name="of-" + name{by})

requests = topic({left!r}, id="int64")
answers = topic({right!r}, code="int64").select("user", "code")
pairs = requests.join(answers, "user", within=("-30ms", "200ms"), how="left", name="pairs")
pipeline = cd.Pipeline({name!r}, pairs.to("kafka", topic={target!r}, servers=servers, name="out"))
"""
USERS = [f"user-{number}" for number in range(40)]
LEFT = 4
"""Partitions of the left topic."""
STEP = 5


class Traffic:
    """Keeps writing to two topics, in order of time; `rows`: what it has written, by topic: user, time, number."""

    def __init__(self, broker: Broker, left: str, right: str, many: int) -> None:
        """`many`: partitions of the right topic."""
        self.now = 0
        self.rows: dict[str, list[tuple[str, int, int]]] = {left: [], right: []}
        self._draw = random.Random(7)
        self._names = {left: "id", right: "code"}
        self._many = {left: LEFT, right: many}
        settings = {"bootstrap.servers": broker.address, "partitioner": "murmur2_random", "enable.idempotence": True}
        self._producer = Producer(settings)
        self._stopping = Event()
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop; let each partition go on far behind all that was written."""
        self._stopping.set()
        self._thread.join()
        for topic, many in self._many.items():
            for number in range(many):
                names = (f"closer-{topic}-{i}" for i in itertools.count())
                key = next(name for name in names if partition_of("murmur2", name.encode(), many) == number)
                self._send(topic, key, CLOSERS, 0)
        assert not self._producer.flush(WAIT)

    def _work(self) -> None:
        while not self._stopping.wait(0.02):
            for _ in range(8):
                self.now += STEP
                topic = self._draw.choice([*self.rows])
                row = self._draw.choice(USERS), self.now, len(self.rows[topic])
                self.rows[topic].append(row)
                self._send(topic, *row)
            self._producer.poll(0)

    def _send(self, topic: str, user: str, t: int, number: int) -> None:
        text = json.dumps({"user": user, "t": t, self._names[topic]: number})
        self._producer.produce(topic, text.encode(), key=user.encode())


def wanted(left: list[tuple[str, int, int]], right: list[tuple[str, int, int]]) -> Counter[tuple[int, int | None]]:
    """Return the pairs, each request and its answers or None, by looking at all of a user's."""
    answers = defaultdict(list)
    for user, t, code in right:
        answers[user].append((t, code))
    found: Counter[tuple[int, int | None]] = Counter()
    for user, t, number in left:
        codes = [code for at, code in answers[user] if -30 <= at - t <= 200]
        found.update((number, code) for code in codes or [None])
    return found


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[Worker]]:
    started: list[Worker] = []
    yield started
    for worker in started:
        if worker.process.poll() is None:
            worker.kill()


@pytest.mark.parametrize("together", [False, True])
def test_a_worker_of_two_is_killed(
    broker: Broker, new_topic: Callable[..., str], tmp_path: Path, workers: list[Worker], together: bool
) -> None:
    """`together`: users are in partitions of the same numbers, so that no topic between is needed."""
    many = LEFT if together else LEFT - 1
    left, right, target = new_topic(broker, LEFT), new_topic(broker, many), new_topic(broker, 2)
    name = f"pairs-{target}"
    text = PIPELINE.format(
        servers=broker.address,
        left=left,
        right=right,
        target=target,
        name=name,
        by=', partitioned_by="user"' if together else "",
    )
    (tmp_path / "p.py").write_text(text)
    job: Any = SimpleNamespace(folder=tmp_path, more=[])
    reading, results = Reading(broker, target, 2), Counter[tuple[int, int | None]]()
    asking = Consumer({"bootstrap.servers": broker.address, "group.id": f"caudal.{name}"})
    traffic = Traffic(broker, left, right, many)

    def look() -> Counter[tuple[int, int | None]]:
        found = [json.loads(message.value() or b"") for message in reading.take()]
        results.update((row["id"], row["code"]) for row in found if not row["user"].startswith("closer"))
        return results

    def goes_on() -> None:
        """Wait for a request that is not written yet."""
        later = len(traffic.rows[left])
        until(lambda: any(number >= later for number, _ in look()), lambda: "\n".join(w.said for w in workers))

    def writers() -> set[tuple[str, str]]:
        """Return which topics' partitions were committed last by whom."""
        parts = [TopicPartition(topic, n) for topic, many in ((left, LEFT), (right, many)) for n in range(many)]
        try:
            found = asking.committed(parts, timeout=10)
        except KafkaException:  # the group is new
            return set()
        return {(part.topic, json.loads(part.metadata or "{}").get("writer", "")) for part in found}

    def shared() -> bool:
        """Whether both have committed partitions of both topics."""
        return writers() >= {(topic, f"caudal.{name}.{worker}") for topic in (left, right) for worker in "ab"}

    def held(topic: str) -> dict[int, str]:
        """Return who has committed the partitions of a topic last."""
        found = asking.committed([TopicPartition(topic, n) for n in range(LEFT)], timeout=10)
        return {part.partition: json.loads(part.metadata or "{}").get("writer") for part in found}

    workers += [Worker(job, number, worker) for number, worker in enumerate("ab")]
    until(shared, lambda: "\n".join(w.said for w in workers))
    goes_on()
    if together:
        until(lambda: held(left) == held(right))
    workers[0].kill()
    goes_on()
    workers.append(Worker(job, 2, "c"))
    # a worker that is told to leave before it has taken anything over ends as one that was never there
    until(lambda: f"caudal.{name}.c" in {writer for _, writer in writers()}, lambda: workers[2].said)
    goes_on()
    traffic.end()
    pairs = wanted(traffic.rows[left], traffic.rows[right])
    assert sum(code is None for _, code in pairs) > 10
    until(lambda: pairs.keys() <= look().keys(), lambda: f"{len(pairs.keys() - results.keys())} are missing")
    for worker in workers[1:]:
        worker.leave()
    for message in reading.all():
        row = json.loads(message.value() or b"")
        if not row["user"].startswith("closer"):
            results[row["id"], row["code"]] += 1
    lost, more = pairs - results, results - pairs
    assert (lost, more) == (Counter(), Counter()), f"{lost.total()} lost, {more.total()} too many"
    topics = asking.list_topics(timeout=10).topics
    reading.close()
    asking.close()

    def says(*command: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "caudal", *command], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    made = {topic for topic in topics if topic.startswith(f"caudal.{name}.")}
    assert len(made) == (0 if together else 1)
    kept = says("savepoint", "state").splitlines()[-1]
    assert "pairs" in says("checkpoints", "plan", "p.py", kept), "what becomes of it in this pipeline"
