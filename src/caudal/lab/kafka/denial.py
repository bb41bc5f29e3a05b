"""The DoS benchmark from topic to topic: exactly once, one worker, commits every second.

Three things: the rate at which a topic that is full is worked off (by what is committed), where the processor time goes, and how long
after the request that closes a window its alert is there for a reader of what is committed.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from caudal.core.errors import OptionError, RunError
from caudal.lab.burst import Say
from caudal.lab.estimates import estimate
from caudal.lab.kafka.cluster import Cluster, until
from caudal.lab.kafka.requesting import PARTITIONS, Alert, Requests, alert_of
from caudal.lab.kafka.traffic import Reader
from caudal.lab.kafka.worker import Worker
from caudal.lab.throughput import LEAST

_TICK = os.sysconf("SC_CLK_TCK")
_LONG = 600.0
"""Seconds that a run may take."""
_CLIENT = ("rdk:", "caudal-kafka")
_COMMIT = ("caudal-group", "caudal-checkpo")
_SAMPLES = 2_000_000
"""Requests of the run that takes latencies, at most."""

_DUCKDB = """
import sys, time
import duckdb
begin = time.perf_counter()
connection = duckdb.connect()
connection.execute("set threads=" + sys.argv[2])
rows = connection.execute(f'''
    select ip, timestamp // 3000 w, count(*) total, count(*) filter (code in (401, 403)) refused
    from read_json('{sys.argv[1]}', format='newline_delimited',
                   columns={{ip: 'varchar', timestamp: 'bigint', code: 'double'}})
    group by all having total > 30 and total = refused''').fetchall()
print(time.perf_counter() - begin, len(rows))
"""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `events`: requests; `rate`: of the run that takes latencies, a second, 0 for half of the most; `duckdb`: DuckDB in
    batch beside it, over the same requests as a file."""

    events: Sequence[int] = (4_000_000,)
    threads: Sequence[int] = (2,)
    rate: int = 0
    every: str = "1s"
    repeat: int = 3
    servers: str = ""
    duckdb: bool = False

    def checked(self) -> Settings:
        """Return the same; raises `OptionError` for what cannot be run."""
        if len(self.events) != 1 or self.events[0] < LEAST:
            raise OptionError(f"--events takes one number, from {LEAST:,} on", hint="such as 4000000")
        if len(self.threads) != 1 or self.threads[0] < 1:
            raise OptionError("lab dos takes one number of threads", hint="such as --threads 2")
        if self.repeat < 1 or self.rate < 0:
            raise OptionError("--repeat and --rate take numbers from 1 on")
        if self.duckdb:
            try:
                import duckdb  # noqa: F401 # pyright: ignore[reportUnusedImport]
            except ImportError as error:
                raise OptionError("duckdb is not installed", detail=str(error), hint="pip install duckdb") from error
        return self


@dataclass(slots=True)
class Outcome:
    """What was measured. `rates`, `peer`: requests a second in each round; `cost`: microseconds of processor time a request, by part;
    `latencies`: seconds from the request that closes a window to its alert, at `latency_rate` requests a second."""

    settings: Settings
    rates: list[float] = field(default_factory=list[float])
    peer: list[float] = field(default_factory=list[float])
    cost: dict[str, float] = field(default_factory=dict[str, float])
    latencies: list[float] = field(default_factory=list[float])
    latency_rate: float = 0.0
    alerts: int = 0
    lost: int = 0
    duplicated: int = 0

    def latency(self) -> dict[str, float]:
        """Return p50, p99 and the most, in milliseconds."""
        if not self.latencies:
            return {}
        p50, p99 = np.percentile(self.latencies, [50, 99]) * 1000
        return {"p50_ms": float(p50), "p99_ms": float(p99), "max_ms": 1000 * max(self.latencies)}

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        rates, peer = estimate(self.rates), estimate(self.peer)
        ratio = estimate([ours / theirs for ours, theirs in zip(self.rates, self.peer)])
        whole = sum(self.cost.values()) or 1.0
        return {
            "events": self.settings.events[0],
            "threads": self.settings.threads[0],
            "every": self.settings.every,
            "alerts": self.alerts,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "events_per_second": rates.to_json() if rates else None,
            "duckdb_events_per_second": peer.to_json() if peer else None,
            "ratio": ratio.to_json() if ratio else None,
            "cost_us": {name: round(value, 4) for name, value in self.cost.items()},
            "share": {name: round(value / whole, 4) for name, value in self.cost.items()},
            "latency": {name: round(value, 1) for name, value in self.latency().items()},
            "latency_rate": round(self.latency_rate),
            "latency_alerts": len(self.latencies),
        }


def denial(settings: Settings, say: Say) -> Outcome:
    """Run the benchmark; raises `OptionError` before anything runs, `RunError` for what breaks or gives other alerts."""
    settings = settings.checked()
    outcome = Outcome(settings)
    with Cluster(settings.servers, say) as cluster:
        say(f"writing {settings.events[0]:,} requests")
        requests = Requests(settings.events[0])
        given, file = cluster.topic(PARTITIONS), cluster.folder / "requests.jsonl"
        requests.write(cluster.servers, given, file if settings.duckdb else None)
        wanted = requests.expected()
        query: list[dict[str, float]] = []
        read: list[dict[str, float]] = []
        for number in range(1, settings.repeat + 1):
            say(f"round {number} of {settings.repeat}")
            if settings.duckdb:
                outcome.peer.append(_duckdb(file, settings))
            rate, cost, found = _worked_off(settings, cluster, given, "query", wanted)
            outcome.rates.append(rate)
            query.append(cost)
            outcome.alerts += len(wanted)
            outcome.lost += len(wanted - set(found))
            outcome.duplicated += sum(count - (alert in wanted) for alert, count in found.items())
            read.append(_worked_off(settings, cluster, given, "read", set())[1])
        outcome.cost = _parts(query, read)
        pace = settings.rate or statistics.median(outcome.rates) / 2
        say(f"latencies, at {pace:,.0f} requests/s")
        _latencies(settings, cluster, pace, outcome)
    return outcome


def _parts(query: Sequence[dict[str, float]], read: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return what a request costs where: the engine is what the query's threads take more than those that only decode."""

    def median(rounds: Sequence[dict[str, float]], name: str) -> float:
        return statistics.median(each[name] for each in rounds)

    decoding = min(median(read, "threads"), median(query, "threads"))
    return {
        "client": median(query, "client"),
        "decoding": decoding,
        "engine": median(query, "threads") - decoding,
        "commit": median(query, "commit"),
        "other": median(query, "other"),
    }


def _duckdb(file: Path, settings: Settings) -> float:
    command = [sys.executable, "-c", _DUCKDB, str(file), str(settings.threads[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RunError("DuckDB failed", detail=done.stderr[-1000:])
    return settings.events[0] / float(done.stdout.splitlines()[-1].split()[0])  # behind what it shows of its progress


class _Run(contextlib.ExitStack):
    """A worker over a topic, and what comes out of it. `came`: alerts, each with the times (`time.perf_counter`) at which it came."""

    def __init__(self, settings: Settings, cluster: Cluster, given: str, step: str) -> None:
        super().__init__()
        self.taken = cluster.topic(PARTITIONS)
        self.came: dict[Alert, list[float]] = {}
        self.group = f"caudal-lab-{self.taken}"
        self._cluster = cluster
        self._given = given
        reading = Reader(cluster.servers, self.taken, PARTITIONS, self._take)
        self.reader = self.enter_context(reading)
        self._asking = self.enter_context(contextlib.closing(self._consumer()))
        told = {"servers": cluster.servers, "given": given, "taken": self.taken, "step": step}
        more = ["--group", self.group, "--late", "discard", "--dead", "discard"]
        self.began = time.perf_counter()
        self.worker = Worker(
            "requests", cluster.folder / self.taken, told, every=settings.every, threads=settings.threads[0], more=more,
            program="caudal.lab.kafka.naming",
        )  # fmt: skip
        self.enter_context(self.worker)

    def _consumer(self) -> Any:
        from confluent_kafka import Consumer

        return Consumer({
            "bootstrap.servers": self._cluster.servers, "group.id": self.group, "enable.auto.commit": False, "log_level": 0,
        })  # fmt: skip

    def _take(self, messages: Sequence[Any], now: float) -> None:
        for message in messages:
            self.came.setdefault(alert_of(message.value()), []).append(now)

    def committed(self) -> int:
        """Return how many requests are committed."""
        return sum(max(0, offset) for offset in self._stands())

    def ready(self) -> bool:
        """Return whether the worker has all partitions: where each begins is committed."""
        stands = self._stands()
        return len(stands) == PARTITIONS and min(stands) >= 0

    def has(self, wanted: set[Alert]) -> bool:
        """Return whether all these alerts have come."""
        self._check()
        return wanted <= set(self.came)

    def _check(self) -> None:
        self.worker.check()
        self.reader.check()

    def _stands(self) -> list[int]:
        from confluent_kafka import KafkaException, TopicPartition

        self._check()
        try:
            stands = self._asking.committed([TopicPartition(self._given, n) for n in range(PARTITIONS)], timeout=10)
        except KafkaException:  # the group is not there yet
            return []
        return [each.offset for each in stands]

    def end(self) -> Counter[Alert]:
        """Stop the worker, read what it has written, and return how often each alert came."""
        if (how := self.worker.stop()) != "drained":
            raise RunError(f"the worker {how}", detail=self.worker.said())
        ends = self._cluster.ends(self.taken, PARTITIONS)
        until(lambda: self.reader.past(ends), "the alerts cannot be read")
        return Counter({alert: len(times) for alert, times in self.came.items()})


def _worked_off(
    settings: Settings, cluster: Cluster, given: str, step: str, wanted: set[Alert]
) -> tuple[float, dict[str, float], Counter[Alert]]:
    """Let a worker work off a full topic; return requests a second, what each cost by part, and how often each alert came."""
    events = settings.events[0]
    with _Run(settings, cluster, given, step) as run:
        seen = [(run.began, 0)]
        first: dict[str, float] = {}
        cost: dict[str, float] = {}

        def through() -> bool:
            nonlocal first, cost
            done = run.committed()
            if done > seen[-1][1]:
                seen.append((time.perf_counter(), done))
                cost = _processor(run.worker.process.pid)
                first = first or cost
            return done >= events

        until(through, "the topic is not worked off", _LONG)
        # from the first commit on: what came before holds the start; where there is but one, the start counts
        (begin, before), (end, after) = seen[1] if len(seen) > 2 else seen[0], seen[-1]
        spent = {name: cost[name] - (first[name] if len(seen) > 2 else 0.0) for name in cost}
        until(lambda: run.has(wanted), "alerts are missing")
        found = run.end()
    return (after - before) / (end - begin), {n: 1e6 * s / (after - before) for n, s in spent.items()}, found


def _processor(process: int) -> dict[str, float]:
    """Return the processor seconds of a process by what its threads are for; all are "other" where they have no names."""
    found: dict[str, float] = {"client": 0.0, "threads": 0.0, "commit": 0.0, "other": 0.0}
    for task in Path(f"/proc/{process}/task").glob("*/stat"):
        try:
            before, _, after = task.read_text().rpartition(")")
        except OSError:
            continue
        name, fields = before.partition("(")[2], after.split()
        part = "client" if name.startswith(_CLIENT) else "commit" if name.startswith(_COMMIT) else "other"
        if name.startswith("caudal-") and name[7:].isdigit():
            part = "threads"
        found[part] += (int(fields[11]) + int(fields[12])) / _TICK
    return found


def _latencies(settings: Settings, cluster: Cluster, rate: float, outcome: Outcome) -> None:
    """Write requests at a rate, while a worker that is warm reads them; take when each alert came."""
    given = cluster.topic(PARTITIONS)
    events = max(LEAST, min(settings.events[0], _SAMPLES, int(rate * 30)))
    requests = Requests(events, seed=2)
    with _Run(settings, cluster, given, "query") as run:
        until(run.ready, "the worker does not start", _LONG)
        sent, outcome.latency_rate = requests.paced(cluster.servers, given, rate)
        wanted = requests.expected()
        until(lambda: run.has(wanted), "alerts are missing", _LONG)
        found = run.end()
    outcome.alerts += len(wanted)
    outcome.duplicated += sum(count - (alert in wanted) for alert, count in found.items())
    closing = {alert: requests.closed_by(alert) for alert in wanted}
    outcome.latencies = [run.came[alert][0] - float(sent[at]) for alert, at in closing.items() if at is not None]
