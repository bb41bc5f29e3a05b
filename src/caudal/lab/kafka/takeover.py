"""The demonstration of exactly-once: one of two workers is killed over a web log, and no alert is lost or doubled.

The bundled log is written to a topic, over and over and faster than it was; the DoS query runs in two workers of a group. One of them is
killed, the other takes over. What a reader of committed messages finds is held against what the local engine finds in the same
requests as a file, without Kafka and without a crash.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from caudal.core.errors import RunError
from caudal.lab.burst import Say
from caudal.lab.kafka.cluster import PATIENCE, Cluster, until
from caudal.lab.kafka.placing import partition_of
from caudal.lab.kafka.requesting import PARTITIONS, Alert, alert_of
from caudal.lab.kafka.traffic import Reader
from caudal.lab.kafka.worker import Worker
from caudal.runner import load, run

_LOG = "nginx_loopback_access.jsonl.gz"
_ATTACKER = "127.0.0.80"
"""Of the addresses that attack the one with most alerts: the worker that has its requests is killed."""
_ROUND = 42_000
"""Milliseconds of event time that the log takes, in whole windows."""
_WINDOW = 3000
_SPEED = 10
"""Milliseconds of event time written in each of the clock's."""
_DAY = 86_400_000
_LONG = 120.0
"""Seconds that workers may take to start, or to take over, where the machine is busy."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out. `requests`: written; `alerts`: that must come; `doubled`: too many of an alert, or one that is wrong; `killed`: a
    worker's name; `takeover`: seconds from its death until the other had committed for all of its partitions."""

    requests: int
    alerts: int
    lost: int
    doubled: int
    killed: str
    takeover: float

    @property
    def exact(self) -> bool:
        """Whether each alert is there once."""
        return self.alerts > 0 and not self.lost and not self.doubled

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"caudal_demo": 1, **asdict(self)}


def takeover(say: Say) -> Outcome:
    """Run the demonstration; nothing of it is left at its end. Raises `OptionError` before anything runs, `RunError` for what breaks."""
    with Cluster("", say) as cluster:
        given, taken = cluster.topic(PARTITIONS), cluster.topic(PARTITIONS)
        log = _Log(cluster, given)
        with _Group(cluster, given, taken, log) as group:
            say("two workers start, a and b")
            group.until(group.shared, "the workers do not share the partitions")
            group.until(lambda: len(group.came) > 1, "no alerts come")
            killed, moment = group.kill(), log.now
            say(f"{killed} is killed, {log.written:,} requests and {group.came.total()} alerts in")
            began = time.perf_counter()
            group.until(group.taken_over, "nobody takes over")
            seconds = time.perf_counter() - began
            say(f"{group.left.name} has taken over, {seconds:.1f} s later")
            attack = (_ATTACKER, moment)
            group.until(lambda: any(each[:2] > attack for each in group.came if each[0] == _ATTACKER), "no alerts come")
            log.end()
            say("the local engine reads the same requests as a file")
            wanted = _embedded(log.path)
            came = group.end(wanted)
    lost, doubled = wanted - came, came - wanted
    return Outcome(log.written, wanted.total(), lost.total(), doubled.total(), killed, seconds)


def _embedded(path: Path) -> Counter[Alert]:
    """Return what the local engine finds in a file of requests."""
    out = path.with_name("alerts.jsonl")
    settings = {"path": str(path), "taken": str(out)}
    run(load(str(Path(__file__).with_name("requests.py")), settings=settings), late="discard", dead="discard")
    return Counter(map(alert_of, out.read_bytes().splitlines()))


class _Log:
    """The bundled log, written to a topic partitioned by address, and to the file `path`; yesterday's, by its times.

    `now`: event time so far, in milliseconds; `written`: how many requests.
    """

    def __init__(self, cluster: Cluster, topic: str) -> None:
        from confluent_kafka import Producer

        with (files("caudal.detect") / "data" / _LOG).open("rb") as packed, gzip.open(packed) as lines:
            rows = [json.loads(line) for line in lines]
        times = [round(row["msec"] * 1000) for row in rows]
        first = times[0] // _WINDOW * _WINDOW
        self._rows = [(t - first, row["remote_addr"], row["status"]) for t, row in zip(times, rows, strict=True)]
        self._first = (int(time.time() * 1000) - _DAY) // _WINDOW * _WINDOW
        self.now = self._first
        self.path = cluster.folder / "requests.jsonl"
        self.written = 0
        self._topic = topic
        settings = {"bootstrap.servers": cluster.servers, "partitioner": "murmur2_random", "log_level": 0}
        self._producer = Producer({**settings, "enable.idempotence": True, "linger.ms": 5})
        self._failed: list[str] = []
        self._began = 0.0

    def write(self) -> None:
        """Write what is due."""
        self._began = self._began or time.perf_counter()
        due = self._first + (time.perf_counter() - self._began) * 1000 * _SPEED
        rows: list[tuple[str, int, int]] = []
        while self.now <= due:
            turn, place = divmod(self.written + len(rows), len(self._rows))
            after, ip, code = self._rows[place]
            self.now = self._first + turn * _ROUND + after
            rows.append((ip, self.now, code))
        self._send(rows)

    def end(self) -> None:
        """Write a late request of each address, so that all windows of before close; wait until the broker has all. Raises `RunError`."""
        self._send([(ip, self.now + _ROUND, 200) for ip in sorted({ip for _, ip, _ in self._rows})])
        left = self._producer.flush(PATIENCE)
        if left or self._failed:
            raise RunError("the requests cannot be written", detail="".join(self._failed[:1]) or f"{left} are left")

    def _send(self, rows: Sequence[tuple[str, int, int]]) -> None:
        with self.path.open("a", encoding="ascii") as file:
            for ip, t, code in rows:
                text = json.dumps({"ip": ip, "timestamp": t, "code": code})
                self._producer.produce(self._topic, text.encode(), ip.encode(), on_delivery=self._told)
                file.write(text + "\n")
        self.written += len(rows)
        self._producer.poll(0)

    def _told(self, error: object, _: object) -> None:
        if error is not None:
            self._failed.append(str(error))


class _Group:
    """The workers a and b, and what comes out of them; a context manager."""

    def __init__(self, cluster: Cluster, given: str, taken: str, log: _Log) -> None:
        self._came: list[Alert] = []
        """As the reader's thread has found them."""
        self._cluster = cluster
        self._given, self._taken = given, taken
        self._name = f"caudal-demo-{given}"
        self._log = log
        self._stack = contextlib.ExitStack()
        self._workers: list[Worker] = []

    def __enter__(self) -> _Group:
        with contextlib.ExitStack() as stack:
            reader = Reader(self._cluster.servers, self._taken, PARTITIONS, self._take)
            self._reader = stack.enter_context(reader)
            settings = {"servers": self._cluster.servers, "given": self._given, "taken": self._taken, "idle": "1h"}
            more = ["--group", self._name, "--late", "discard", "--dead", "discard"]
            for name in ("a", "b"):
                worker = Worker(
                    "requests", self._cluster.folder / "workers", settings, every="200ms", name=name, more=more
                )
                self._workers.append(stack.enter_context(worker))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def left(self) -> Worker:
        """The worker that lives on."""
        return self._workers[-1]

    @property
    def came(self) -> Counter[Alert]:
        """Return the alerts that are committed so far."""
        return Counter(self._came)

    def _take(self, messages: Sequence[Any], _: float) -> None:
        self._came.extend([alert_of(message.value()) for message in messages])

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition, while the log is written and all workers live."""

        def done() -> object:
            self._log.write()
            self._check()
            return condition()

        until(done, what, _LONG, 0.05)

    def _check(self) -> None:
        self._reader.check()
        for worker in self._workers:
            worker.check()

    def _held(self, worker: Worker) -> set[int]:
        return self._cluster.held(self._given, PARTITIONS, self._name, worker.name)

    def shared(self) -> bool:
        """Return whether each worker has partitions, and both together all."""
        held = [self._held(worker) for worker in self._workers]
        return all(held) and sum(map(len, held)) == PARTITIONS

    def taken_over(self) -> bool:
        """Return whether the last worker has all partitions."""
        return len(self._held(self.left)) == PARTITIONS

    def kill(self) -> str:
        """SIGKILL to the worker that has the attacker's requests; return its name."""
        number = partition_of(_ATTACKER.encode(), PARTITIONS)
        victim = next((each for each in self._workers if number in self._held(each)), self.left)
        self._workers.remove(victim)
        victim.kill()
        return victim.name

    def end(self, wanted: Counter[Alert]) -> Counter[Alert]:
        """Wait until these alerts have come, or are lost; let the worker drain, and return all that is committed."""
        deadline = time.monotonic() + PATIENCE

        def through() -> bool:
            self._check()
            return not wanted - self.came or time.monotonic() > deadline

        until(through, "the alerts cannot be read", 2 * PATIENCE)
        if (how := self.left.stop()) != "drained":
            raise RunError(f"worker {self.left.name} {how}", detail=self.left.said())
        ends = self._cluster.ends(self._taken, PARTITIONS)
        until(lambda: self._reader.past(ends), "the alerts cannot be read")
        return self.came
