"""The burst experiment from topic to topic: the thesis' eight, replicas x threads x messages, on caudal and on Flink.

All workers have joined and stand waiting, warm, when the burst is written: messages of its Fig. 10, dealt evenly over the partitions.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.core.errors import OptionError, RunError, nearest
from caudal.lab import burst as bursts
from caudal.lab.bare import KINDS, Ideal
from caudal.lab.burst import Say
from caudal.lab.kafka import flink
from caudal.lab.kafka.cluster import Cluster, until
from caudal.lab.kafka.traffic import Reader, Results
from caudal.lab.kafka.worker import Worker
from caudal.lab.process import Tree

ENGINES = ("local", "flink")
WARM = 32
"""Messages a partition that come before the burst: workers have joined and are warm once all have come out."""
STARTING = 180.0
"""Seconds that workers may take until then."""
_IDEAL = 1000
"""Messages of the ideal's burst at most: it is a rate."""
_EVERY = 0.1
"""Seconds between two looks at processor time."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run; as `caudal.lab.burst.Settings`. `replicas`: worker processes; `threads`: of each; `every`: between two commits."""

    messages: Sequence[int] = (1000, 10_000)
    threads: Sequence[int] = ()
    replicas: Sequence[int] = (1, 2)
    engines: Sequence[str] = ("local",)
    functions: Sequence[str] = ("jit",)
    stages: Sequence[int] = ()
    every: str = "100ms"
    repeat: int = 1
    servers: str = ""

    def experiments(self) -> list[Experiment]:
        """Return the combinations, without rounds; raises `OptionError` for what none can be made of."""
        for name in self.engines:
            if name not in ENGINES:
                raise OptionError(
                    f"there is no burst over Kafka on '{name}'", hint=nearest(name, ENGINES) or ", ".join(ENGINES)
                )
        if "flink" in self.engines and self.functions != ("jit",) and [*self.functions] != ["jit"]:
            raise OptionError("the job on Flink is Java", hint="--functions jit, or leave it out")
        if not self.replicas or min(self.replicas) < 1:
            raise OptionError("--replicas takes numbers from 1 on")
        plain = bursts.Settings(self.messages, self.threads, self.functions, self.stages, self.repeat)
        return [
            Experiment(engine, each.functions, replicas, each.threads, each.messages, each.stages)
            for each in plain.experiments()
            for replicas in self.replicas
            for engine in dict.fromkeys(self.engines)
        ]


@dataclass(frozen=True, slots=True)
class Last:
    """The last round of an experiment, for plots. `latencies`: seconds by message; `busy`: (seconds from the burst on, busy cores)."""

    latencies: Any
    seconds: float
    ideal_seconds: float
    busy: list[tuple[float, float]]


@dataclass(slots=True)
class Experiment:
    """A line of the table: the variables, the figures of each round, and the last one."""

    engine: str
    functions: str
    replicas: int
    threads: int
    messages: int
    stages: tuple[int, ...]
    rounds: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    last: Last = Last(np.zeros(0), 0.0, 0.0, [])

    @property
    def title(self) -> str:
        """What it is called."""
        counted = [
            f"{n} {what}{'' if n == 1 else 's'}" for n, what in ((self.replicas, "replica"), (self.threads, "thread"))
        ]
        return f"{self.engine}, {', '.join(counted)}, {self.messages:,} messages"

    def median(self) -> dict[str, float]:
        """Return the median of each figure over the rounds."""
        return {name: statistics.median(each[name] for each in self.rounds) for name in self.rounds[0]}

    def spread(self, name: str) -> tuple[float, float]:
        """Return the smallest and the largest of a figure."""
        values = [each[name] for each in self.rounds]
        return min(values), max(values)

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        variables = ("engine", "functions", "replicas", "threads", "messages")
        told = {name: getattr(self, name) for name in variables}
        shown = [{name: round(value, 4) for name, value in each.items()} for each in (self.median(), *self.rounds)]
        spread = {"throughput_ratio": [round(value, 4) for value in self.spread("throughput_ratio")]}
        return {**told, "stages": [*self.stages], "median": shown[0], "spread": spread, "rounds": shown[1:]}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The experiments."""

    experiments: list[Experiment]

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"experiments": [each.to_json() for each in self.experiments]}


def burst(settings: Settings, say: Say) -> Outcome:
    """Run the experiment; raises `OptionError` before anything runs, `RunError` for what breaks."""
    experiments = settings.experiments()
    if "flink" in settings.engines:
        flink.check()
    ideals: dict[tuple[Any, ...], float] = {}
    with Cluster(settings.servers, say) as cluster:
        job = flink.compiled(cluster.folder / "flink") if "flink" in settings.engines else None
        for each in experiments:
            for number in range(1, settings.repeat + 1):
                say(f"{each.title}: round {number} of {settings.repeat}")
                cores = min(each.replicas * each.threads, os.cpu_count() or 1)
                known = (each.functions, each.stages, cores, number)
                if known not in ideals:
                    ideals[known] = _ideal(each, cores).throughput
                with _Round(each, settings, cluster, job, number) as run:
                    run.measure(ideals[known])
    return Outcome(experiments)


def _ideal(each: Experiment, cores: int) -> Ideal:
    return KINDS[each.functions](cores, min(each.messages, _IDEAL), each.stages)


class _Round:
    """One burst through workers of its own; a context manager."""

    def __init__(
        self, each: Experiment, settings: Settings, cluster: Cluster, job: flink.Job | None, number: int
    ) -> None:
        self._each = each
        self._cluster = cluster
        self._partitions = 2 * each.replicas
        self._given = cluster.topic(self._partitions)
        self._taken = cluster.topic(self._partitions, {"message.timestamp.type": "LogAppendTime"})
        self._results = Results()
        self._stack = contextlib.ExitStack()
        self._every = settings.every
        self._job = job
        self._number = number
        self._tree = Tree()
        self._workers: list[Worker] = []

    def __enter__(self) -> _Round:
        with contextlib.ExitStack() as stack:
            self._reader = stack.enter_context(
                Reader(self._cluster.servers, self._taken, self._partitions, self._results.take)
            )
            folder = self._cluster.folder / f"{self._given}"
            if self._each.engine == "flink" and self._job is not None:
                running = stack.enter_context(
                    self._job.run(
                        self._cluster.servers,
                        self._given,
                        self._taken,
                        self._each.replicas,
                        self._each.threads,
                        self._every,
                        folder,
                    )
                )
                self._tree.add(running.process.pid)
                self._alive: Callable[[], None] = running.check
            else:
                settings = {
                    "servers": self._cluster.servers,
                    "given": self._given,
                    "taken": self._taken,
                    "functions": self._each.functions,
                }
                for i in range(self._each.replicas):
                    worker = Worker(
                        "fibonacci", folder, settings, every=self._every, name=f"w{i}", threads=self._each.threads,
                        more=["--group", f"caudal-lab-{self._given}", "--dead", "discard"],
                    )  # fmt: skip
                    self._workers.append(stack.enter_context(worker))
                    self._tree.add(worker.process.pid)
                self._alive = self._all_alive
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _all_alive(self) -> None:
        for worker in self._workers:
            worker.check()

    def measure(self, ideal: float) -> None:
        """Write the warm messages and then the burst; take the figures."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self._cluster.servers, "linger.ms": 1, "log_level": 0})
        warm = WARM * self._partitions
        self._write(producer, range(-warm, 0))
        self._wait(lambda: len(self._results.seen) == warm, STARTING)
        if len(self._workers) > 1:
            self._shared(producer)
        self._results.seen.clear()
        begun, looks = time.time(), [(time.perf_counter(), self._look())]
        sent = self._write(producer, range(self._each.messages))
        patience = 60 + 20 * self._each.messages / ideal

        def through() -> bool:
            if time.perf_counter() - looks[-1][0] >= _EVERY:
                looks.append((time.perf_counter(), self._look()))
            return len(self._results.seen) == self._each.messages

        self._wait(through, patience, 0.01)
        self._take(sent, begun, looks, ideal)

    def _shared(self, producer: Any) -> None:
        """Wait until the workers share the partitions: each commits once all of a burst that is not counted went through it."""
        from confluent_kafka import Consumer, TopicPartition

        group = f"caudal-lab-{self._given}"
        asking = Consumer(
            {"bootstrap.servers": self._cluster.servers, "group.id": group, "enable.auto.commit": False, "log_level": 0}
        )
        parts = [TopicPartition(self._given, number) for number in range(self._partitions)]
        warm = WARM * self._partitions

        def spread() -> bool:
            nonlocal warm
            tokens = [each.metadata or "" for each in asking.committed(parts, timeout=10)]
            counts = [sum(f"{group}.{worker.name}" in token for token in tokens) for worker in self._workers]
            if counts == [2] * len(self._workers):
                return True
            self._write(producer, range(-warm - self._partitions, -warm))
            warm += self._partitions
            self._wait(lambda: len(self._results.seen) == warm, STARTING)
            return False

        try:
            self._wait(spread, STARTING, 0.5)
        finally:
            asking.close()

    def _wait(self, condition: Callable[[], bool], seconds: float, every: float = 0.05) -> None:
        def done() -> bool:
            self._alive()
            self._reader.check()
            return condition()

        until(done, "the burst does not come out as it went in", seconds, every)

    def _look(self) -> float:
        self._tree.look()
        return self._tree.cpu

    def _write(self, producer: Any, numbers: Sequence[int]) -> Any:
        """Write messages, dealt evenly; return the stamp of each, in seconds since 1970."""
        values = {f"stage{i}": stage for i, stage in enumerate(self._each.stages, 1)}
        sent = np.zeros(len(numbers))
        for at, number in enumerate(numbers):
            now = time.time()
            sent[at] = int(now * 1000) / 1000
            message = {"id": number, **values, "timestamp": int(now * 1000)}
            producer.produce(self._given, json.dumps(message).encode(), partition=number % self._partitions)
            producer.poll(0)
        if producer.flush(60):
            raise RunError("the burst cannot be written")
        return sent

    def _take(self, sent: Any, begun: float, looks: list[tuple[float, float]], ideal: float) -> None:
        ids, came, _, stamps = self._results.arrays()
        counted = ids >= 0
        if np.count_nonzero(counted) != self._each.messages:
            raise RunError("the burst did not come out as it went in", detail=f"{np.count_nonzero(counted):,} results")
        ids, stamps = ids[counted], stamps[counted] / 1000
        # the reader's clock is that of the looks, the records' is the wall's: both are of this machine
        wall = came[counted] - looks[0][0] + begun
        latencies, committed = np.zeros(len(ids)), np.zeros(len(ids))
        latencies[ids], committed[ids] = stamps - sent[ids], wall - sent[ids]
        first = float(sent.min())
        seconds = float(stamps.max() - first)
        busy = [((a + b) / 2 - looks[0][0], (d - c) / (b - a)) for (a, c), (b, d) in itertools.pairwise(looks) if b > a]
        inside = [cores for at, cores in busy if at <= seconds]
        ms = latencies * 1000
        p50, p99 = np.percentile(ms, [50, 99])
        rate = self._each.messages / seconds
        self._each.rounds.append({
            "seconds": seconds, "throughput": rate, "ideal_throughput": ideal, "throughput_ratio": rate / ideal,
            "mean_ms": float(ms.mean()), "p50_ms": float(p50), "p99_ms": float(p99), "max_ms": float(ms.max()),
            "first_ms": float(ms.min()), "committed_mean_ms": float(committed.mean() * 1000),
            "committed_max_ms": float(committed.max() * 1000), "cores": statistics.fmean(inside) if inside else 0.0,
        })  # fmt: skip
        self._each.last = Last(latencies, seconds, self._each.messages / ideal, busy)
