"""Workers over a topic that somebody keeps writing to, in processes of their own, and what must have come out of them."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, OffsetSpec

from caudal.broker import Broker

WAIT = 120.0
"""Seconds within which what is waited for has come, on a busy machine too."""
PARTITIONS = 4
KEYS = [f"192.0.2.{number}" for number in range(24)]
STEP = 10
"""Milliseconds of event time between two rows."""
CLOSERS = 10_000_000_000
"""Milliseconds of event time from which on no row counts: these close the windows of all others."""

PIPELINE = """
import caudal as cd

settings = cd.settings(servers={servers!r})
rows = cd.source({source}, format="json", name="in", event_time="t",
                 schema={{"ip": "string", "t": "int64", "n": "int64"}})
counts = rows.group_by(cd.col("ip"){lower}).window(cd.tumbling("1s")).agg(total=cd.count(), sum=cd.sum("n"))
pipeline = cd.Pipeline({name!r}, counts.to("kafka", topic={target!r}, servers=settings.servers, key="ip", name="out"))
"""

Row = tuple[str, int, int, int]
"""Address, start of its window in milliseconds, rows, their sum."""


def until(condition: Callable[[], object], what: Callable[[], object] = str, seconds: float = WAIT) -> None:
    """Wait for a condition; fail, with `what`, where it does not come."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, what()
        pause.wait(0.02)


class Reading:
    """What is committed in a topic, from its first message on."""

    def __init__(self, broker: Broker, topic: str, partitions: int) -> None:
        self._parts = [TopicPartition(topic, number, 0) for number in range(partitions)]
        self._consumer = Consumer({
            "bootstrap.servers": broker.address, "group.id": f"looks-{topic}", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "error",
        })  # fmt: skip
        self._consumer.assign(self._parts)
        self._admin = AdminClient({"bootstrap.servers": broker.address})
        self._ends: dict[int, int] = {}

    def take(self, seconds: float = 0.05) -> Iterator[Message]:
        """Return what has come."""
        for message in self._consumer.consume(1000, seconds):
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                self._ends[message.partition()] = message.offset()

    def all(self) -> Iterator[Message]:
        """Return the rest, up to the end that the topic has now; an open transaction is waited for."""
        parts = {TopicPartition(part.topic, part.partition): OffsetSpec.latest() for part in self._parts}
        wanted = {part.partition: found.result(30).offset for part, found in self._admin.list_offsets(parts).items()}
        deadline = time.monotonic() + WAIT
        while any(self._ends.get(number, 0) < end for number, end in wanted.items()):
            assert time.monotonic() < deadline, (self._ends, wanted)
            yield from self.take()

    def close(self) -> None:
        self._consumer.close()


class Traffic:
    """Keeps writing rows, in order of their times, to a topic or a file."""

    def __init__(self, broker: Broker, target: str | Path, seed: int, now: int = 0) -> None:
        self.now = now
        """Event time, milliseconds."""
        self._target = target
        self._draw = random.Random(seed)
        settings = {"bootstrap.servers": broker.address, "partitioner": "murmur2_random", "enable.idempotence": True}
        self._producer = Producer(settings) if isinstance(target, str) else None
        self._file: IO[str] | None = target.open("a") if isinstance(target, Path) else None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Write no more."""
        self._stopping.set()
        self._thread.join()
        if self._producer is not None:
            assert not self._producer.flush(WAIT)

    def end(self) -> None:
        """Stop; after that close all windows."""
        if self._stopping.is_set():
            return
        self.pause()
        self._write([(ip, CLOSERS, 0) for ip in KEYS])
        if self._producer is not None:
            assert not self._producer.flush(WAIT)
        if self._file is not None:
            self._file.close()

    def _work(self) -> None:
        while not self._stopping.wait(0.02):
            rows: list[tuple[str, int, int]] = []
            for _ in range(10):
                self.now += STEP
                rows.append((self._draw.choice(KEYS), self.now, self._draw.randrange(1000)))
            self._write(rows)

    def _write(self, rows: list[tuple[str, int, int]]) -> None:
        for ip, t, n in rows:
            text = json.dumps({"ip": ip, "t": t, "n": n})
            if self._producer is not None:
                self._producer.produce(str(self._target), text.encode(), key=ip.encode())
                self._producer.poll(0)
            if self._file is not None:
                self._file.write(text + "\n")
        if self._file is not None:
            self._file.flush()


class Worker:
    """`caudal run` in a process of its own."""

    def __init__(self, job: Job, number: int, name: str, by: str = "") -> None:
        """`by`: the address of a proxy, by which it comes to the broker."""
        self.name = name
        self._printed = job.folder / f"worker-{number}.err"
        command = [
            sys.executable,
            "-m",
            "caudal",
            "run",
            "p.py",
            "--checkpoint",
            "state",
            "--every",
            "100ms",
            *job.more,
        ]
        with self._printed.open("wb") as printed:
            self.process = subprocess.Popen(
                command + (["--worker", name] if name else []) + (["--set", f"servers={by}"] if by else []),
                cwd=job.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=printed,
            )  # fmt: skip

    @property
    def said(self) -> str:
        """What it has printed for people."""
        return self._printed.read_text(errors="replace")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT)

    def ends(self, code: int) -> str:
        """Wait for its end; return what it said."""
        ended = self.process.wait(WAIT)
        assert ended == code, f"{ended}: {self.said}"
        return self.said

    def leave(self) -> None:
        """SIGTERM: it drains."""
        self.send(signal.SIGTERM)
        self.ends(0)


class Job:
    """A pipeline over a topic (or a file), the traffic, its workers, and what they wrote."""

    def __init__(
        self, broker: Broker, new_topic: Callable[..., str], folder: Path, *, shared: bool = True, file: bool = False
    ) -> None:
        """`shared`: the topic is partitioned by what is counted by; else workers send rows to one another."""
        self.folder = folder
        self.partitions = PARTITIONS
        self.source, self.target = new_topic(broker, PARTITIONS), new_topic(broker, 2)
        self.name = f"p-{self.source}"
        self.group = f"caudal.{self.name}"
        self.more = ["--follow"] if file else []
        self.workers: list[Worker] = []
        self._broker = broker
        self._number = 0
        self._asking = Consumer(
            {"bootstrap.servers": broker.address, "group.id": self.group, "enable.auto.commit": False}
        )
        self._owners: dict[int, str] = {}
        self._asked = 0.0
        by = ', partitioned_by="ip"' if shared else ""
        source = '"files", path="in.jsonl"' if file else f'"kafka", topic="{self.source}", servers=settings.servers{by}'
        text = PIPELINE.format(
            source=source,
            lower="" if shared or file else ".str.lower().alias('ip')",
            name=self.name,
            target=self.target,
            servers=broker.address,
        )
        (folder / "p.py").write_text(text)
        self._file = folder / "in.jsonl" if file else None
        self.results = Counter[Row]()
        self._reading = Reading(broker, self.target, 2)
        self.traffic = Traffic(broker, self._file or self.source, seed=1)

    # -- workers -------------------------------------------------------------------------------------------------

    def start(self, name: str = "", by: str = "") -> Worker:
        self._number += 1
        worker = Worker(self, self._number, name, by)
        self.workers.append(worker)
        return worker

    def kill(self, worker: Worker) -> None:
        worker.kill()
        self.workers.remove(worker)

    def leave(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.leave()

    def says(self, *command: str) -> str:
        """Run a command of caudal's; return the last line that it prints."""
        given = [sys.executable, "-m", "caudal", *command]
        ended = subprocess.run(given, cwd=self.folder, capture_output=True, text=True, timeout=WAIT)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.splitlines()[-1]

    def enlarged(self, partitions: int) -> None:
        """Give the topic more partitions, and go on writing to all of them."""
        self.traffic.pause()
        admin = AdminClient({"bootstrap.servers": self._broker.address})
        admin.create_partitions([NewPartitions(self.source, partitions)])[self.source].result(WAIT)
        until(lambda: len(admin.list_topics(self.source, 10).topics[self.source].partitions) == partitions)
        self.partitions = partitions
        self.traffic = Traffic(self._broker, self.source, seed=2, now=self.traffic.now)

    def until(self, condition: Callable[[], object], seconds: float = WAIT) -> None:
        """Wait for a condition, while all workers live."""

        def done() -> object:
            for worker in self.workers:
                assert worker.process.poll() is None, f"ended with {worker.process.returncode}: {worker.said}"
            return condition()

        until(
            done,
            lambda: "\n".join([f"{self.owners()}, {self.results.total()}", *(w.said for w in self.workers)]),
            seconds,
        )

    def goes_on(self) -> None:
        """Wait for windows that are not closed yet."""
        now = self.traffic.now
        self.until(lambda: any(row[1] >= now for row in self.look()))

    def owners(self) -> dict[int, str]:
        """Return who committed each partition last, by the name of its transaction; asked twice a second at most."""
        if time.monotonic() - self._asked >= 0.5:
            self._owners, self._asked = self._committed(), time.monotonic()
        return self._owners

    def _committed(self) -> dict[int, str]:
        parts = [TopicPartition(self.source, number) for number in range(self.partitions)]
        try:
            stands = self._asking.committed(parts, timeout=5)
        except KafkaException:  # no broker, or none that answers now
            return {}
        return {each.partition: each.metadata or "" for each in stands if each.offset >= 0}

    def held(self, worker: Worker) -> set[int]:
        """Return the partitions that a worker with a name has committed last."""
        return {number for number, token in self.owners().items() if f"{self.group}.{worker.name}" in token}

    def all_held(self, *workers: Worker) -> bool:
        """Whether these workers have all partitions, each some."""
        held = [self.held(worker) for worker in workers]
        return all(held) and sum(map(len, held)) == self.partitions

    # -- what came out -------------------------------------------------------------------------------------------

    def look(self) -> list[Row]:
        """Return the rows that have come since the last look."""
        rows = [_row(message) for message in self._reading.take()]
        self.results.update(rows)
        return rows

    def wanted(self) -> Counter[Row]:
        """Return what must come out, by what is in the topic, or the file."""
        found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for value in self._given():
            given = json.loads(value)
            if given["t"] < CLOSERS:
                found[given["ip"], given["t"] // 1000 * 1000].append(given["n"])
        return Counter((ip, start, len(values), sum(values)) for (ip, start), values in found.items())

    def _given(self) -> Iterator[bytes]:
        if self._file is not None:
            yield from self._file.read_bytes().splitlines()
            return
        reading = Reading(self._broker, self.source, self.partitions)
        for message in reading.all():
            value = message.value()
            assert value is not None
            yield value
        reading.close()

    def check(self) -> None:
        """End the traffic, let the workers come to its end and drain: each window was written once, and is right."""
        self.traffic.end()
        wanted = self.wanted()
        assert len(wanted) > len(KEYS)
        keys = {row[:2] for row in wanted}
        came = {row[:2] for row in self.results}

        def through() -> bool:
            came.update(row[:2] for row in self.look())
            return keys <= came

        self.until(through)
        for worker in [*self.workers]:
            self.leave(worker)
        self.results.update(_row(message) for message in self._reading.all())
        # the last windows, of those that close all others, may close themselves: all partitions are silent then
        results = Counter({row: count for row, count in self.results.items() if row[1] < CLOSERS})
        lost, more = wanted - results, results - wanted
        assert (lost, more) == ({}, {}), f"{lost.total()} lost, {more.total()} too many or wrong: {[*lost, *more][:10]}"

    def close(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()
        self.traffic.end()
        self._reading.close()
        self._asking.close()


def _row(message: Message) -> Row:
    given: dict[str, Any] = json.loads(message.value() or b"")
    start = datetime.fromisoformat(given["window_start"])
    return given["ip"], round(start.timestamp() * 1000), given["total"], given["sum"]


def kills(job: Job, count: int, names: list[str], seed: int) -> None:
    """Kill workers (SIGKILL) at random instants, and start others in their place; now and then all is through in between."""
    draw = random.Random(seed)
    never = threading.Event()
    for number in range(count):
        never.wait(draw.random() * 2.0)  # the instant is what is random: there is nothing to wait for
        worker = draw.choice(job.workers)
        job.kill(worker)
        job.start(worker.name if worker.name in names else "")
        if number % 4 == 0:
            job.goes_on()


def busy(count: int) -> list[subprocess.Popen[bytes]]:
    """Start processes that only take time of the cores."""
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]


def cores() -> int:
    return os.cpu_count() or 1
