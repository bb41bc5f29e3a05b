"""The failure experiment: a constant rate into Kafka, and one of the workers dies.

After Fig. 7 of the paper behind caudal: a node is lost at 50 s, and messages in and out a second are drawn; of Storm 22.2 % of the
messages were lost, of Flink 12.8 %, of Spark Streaming none. Here all modes of delivery read the same messages at the same time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.core import duration
from caudal.core.errors import OptionError, RunError, nearest
from caudal.lab.burst import Say
from caudal.lab.estimates import Estimate, estimate
from caudal.lab.kafka.cluster import Cluster, until
from caudal.lab.kafka.traffic import Reader, Results, Traffic
from caudal.lab.kafka.worker import Worker

HOW = ("kill", "freeze", "cut")
MODES = ("exactly-once", "at-least-once", "at-most-once")
STARTING = 120.0
"""Seconds that workers may take to start and to share the partitions."""
SETTLING = 60.0
"""Seconds behind the last message in which all of them must come out, or are lost."""
_FAREWELL = 15.0
"""Seconds that the worker that failed has to drain; then it is killed."""
_SLOW = 1.0
"""A message that takes longer than this beyond an epoch was held up by the failure."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `by`: how a worker fails; `at`, `duration`: when, and how long messages are written; `rate`: messages a second;
    `workers`: of each group; `every`: between two epochs; `servers`: "" for a broker of its own."""

    by: str = "kill"
    at: str = "50s"
    duration: str = ""
    rate: int = 1000
    workers: int = 2
    delivery: Sequence[str] = MODES
    every: str = "100ms"
    repeat: int = 3
    servers: str = ""

    def checked(self) -> Settings:
        """Return the same with every default filled in; raises `OptionError` for what cannot be run."""
        if self.by not in HOW:
            raise OptionError(
                f"a worker cannot fail by '{self.by}'", hint=nearest(self.by, HOW) or "one of " + ", ".join(HOW)
            )
        for mode in self.delivery:
            if mode not in MODES:
                raise OptionError(f"there is no delivery '{mode}'", hint=nearest(mode, MODES))
        if self.workers < 2:
            raise OptionError("--workers takes numbers from 2 on", hint="one of them fails")
        if min(self.repeat, self.rate) < 1:
            raise OptionError("--repeat and --rate take numbers from 1 on")
        at = duration.parse(self.at)
        whole = duration.parse(self.duration) if self.duration else at + 30_000
        if whole <= at:
            raise OptionError(f"--duration {self.duration} is over before the failure, --at {self.at}")
        modes = tuple(dict.fromkeys(self.delivery))
        return Settings(
            self.by, f"{at}ms", f"{whole}ms", self.rate, self.workers, modes, self.every, self.repeat, self.servers
        )

    @property
    def seconds(self) -> tuple[float, float]:
        """When the failure comes, and when the last message is written."""
        return duration.parse(self.at) / 1000, duration.parse(self.duration) / 1000

    def why_not(self, mode: str) -> str:
        """Return why a mode is not measured, "" where it is."""
        if mode == "at-most-once" and self.by != "kill":
            return "groups refuse at most once, and a worker by itself that hangs is nobody's to take over"
        return ""


@dataclass(frozen=True, slots=True)
class Round:
    """What one failure did. `recovery`: seconds from it to the first committed result of a message that was written behind it to a
    partition of the worker that failed; `caught_up`: to the last result that came late; None where none came. `fate`: what became of that
    worker; `into`, `out`: messages a second, from the beginning on."""

    sent: int
    lost: int
    duplicated: int
    wrong: int
    recovery: float | None
    caught_up: float | None
    fate: str
    into: list[int]
    out: list[int]


@dataclass(slots=True)
class Series:
    """A mode of delivery. `group`: whether workers share the topic; else one by itself, started again at once."""

    mode: str
    group: bool
    rounds: list[Round] = field(default_factory=list[Round])

    def share(self, what: str) -> Estimate | None:
        """Return the percentage of the messages: "lost", "duplicated" or "wrong"."""
        return estimate([100 * getattr(each, what) / each.sent for each in self.rounds])

    def seconds(self, what: str) -> Estimate | None:
        """Return "recovery" or "caught_up"."""
        return estimate([getattr(each, what) for each in self.rounds])

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        told: dict[str, Any] = {"delivery": self.mode, "group": self.group}
        for name in ("lost", "duplicated", "wrong"):
            share = self.share(name)
            told[name] = sum(getattr(each, name) for each in self.rounds)
            told[f"{name}_percent"] = share.to_json() if share else None
        for name in ("recovery", "caught_up"):
            seconds = self.seconds(name)
            told[f"{name}_seconds"] = seconds.to_json() if seconds else None
        told["rounds"] = [{name: getattr(each, name) for name in Round.__dataclass_fields__} for each in self.rounds]
        return told


@dataclass(slots=True)
class Outcome:
    """What was measured. `left_out`: modes that were not, and why."""

    settings: Settings
    series: list[Series]
    left_out: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        at, whole = self.settings.seconds
        return {
            "by": self.settings.by,
            "at_seconds": at,
            "duration_seconds": whole,
            "rate": self.settings.rate,
            "workers": self.settings.workers,
            "every": self.settings.every,
            "series": [each.to_json() for each in self.series],
            "left_out": self.left_out,
        }


def failure(settings: Settings, say: Say) -> Outcome:
    """Run the experiment; raises `OptionError` before anything runs, `RunError` for what breaks."""
    settings = settings.checked()
    left_out = {mode: why for mode in settings.delivery if (why := settings.why_not(mode))}
    series = [Series(mode, mode != "at-most-once") for mode in settings.delivery if mode not in left_out]
    if not series:
        raise OptionError(f"nothing is left to measure: {'; '.join(left_out.values())}")
    with Cluster(settings.servers, say, proxied=settings.by == "cut") as cluster:
        for number in range(1, settings.repeat + 1):
            say(f"{settings.by}: round {number} of {settings.repeat}, about {settings.seconds[1] + 15:.0f} s")
            for each, found in zip(
                series, _round(settings, cluster, [one.mode for one in series], number), strict=True
            ):
                each.rounds.append(found)
    return Outcome(settings, series, left_out)


def _round(settings: Settings, cluster: Cluster, modes: Sequence[str], number: int) -> list[Round]:
    partitions = 2 * settings.workers
    given = cluster.topic(partitions)
    at, whole = settings.seconds
    with contextlib.ExitStack() as stack:
        traffic = stack.enter_context(Traffic(cluster.servers, given, partitions, settings.rate))
        jobs = [stack.enter_context(Job(settings, cluster, given, mode, number)) for mode in modes]
        for job in jobs:
            job.until(job.ready, "the workers do not share the partitions", STARTING)
        began = time.perf_counter()
        _sleep_until(began + at, jobs)
        for job in jobs:
            job.fail()
        for job in jobs:
            job.failed()
        _sleep_until(began + (at + whole) / 2, jobs)
        for job in jobs:
            job.heal()
        _sleep_until(began + whole, jobs)
        traffic.end()
        for job in jobs:
            job.settle(traffic)
        return [job.judged(traffic, began) for job in jobs]


def _sleep_until(moment: float, jobs: Sequence[Job]) -> None:
    while (left := moment - time.perf_counter()) > 0:
        time.sleep(min(left, 0.2))
        for job in jobs:
            job.check()


class Job:
    """One mode of delivery in one round: its workers, and what came out of them. A context manager."""

    def __init__(self, settings: Settings, cluster: Cluster, given: str, mode: str, number: int) -> None:
        self.mode = mode
        self._settings = settings
        self._cluster = cluster
        self._given = given
        self._partitions = 2 * settings.workers
        self._folder = cluster.folder / f"{mode}-{number}"
        self._group = f"caudal-lab-{mode}-{given}"
        self._taken = cluster.topic(self._partitions)
        self._results = Results("n")
        self._stack = contextlib.ExitStack()
        self._workers: list[Worker] = []
        self._failed_at = 0.0
        self._held: set[int] = set()
        self._fate = ""

    def __enter__(self) -> Job:
        with contextlib.ExitStack() as stack:
            reader = Reader(self._cluster.servers, self._taken, self._partitions, self._results.take)
            self._reader = stack.enter_context(reader)
            self._stack = stack
            shared = self.mode != "at-most-once"
            for name in [f"w{i}" for i in range(self._settings.workers)] if shared else [""]:
                self._workers.append(self._start(name))
            self._victim = self._workers[0]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str) -> Worker:
        proxy = self._cluster.proxy
        by_proxy = proxy is not None and name == "w0"
        settings = {
            "servers": proxy.address if proxy is not None and by_proxy else self._cluster.servers,
            "given": self._given,
            "taken": self._taken,
            "shared": str(bool(name)).lower(),
        }
        more = ["--delivery", self.mode, "--late", "discard", "--dead", "discard"]
        more += ["--group", self._group] if name else []
        worker = Worker("counting", self._folder, settings, every=self._settings.every, name=name, more=more)
        return self._stack.enter_context(worker)

    # -- the workers ---------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise where a worker that should run has ended, or the results cannot be read."""
        self._reader.check()
        for worker in self._workers:
            if worker is not self._victim or not self._failed_at:
                worker.check()

    def until(self, condition: Callable[[], object], what: str, seconds: float) -> None:
        """Wait for a condition while all workers live."""

        def done() -> object:
            self.check()
            return condition()

        until(done, what, seconds, 0.2)

    def ready(self) -> bool:
        """Return whether each worker has partitions, and all together all."""
        if len(self._workers) == 1:
            return bool(self._results.ids)
        held = [self._holds(worker) for worker in self._workers]
        return all(held) and sum(map(len, held)) == self._partitions

    def _holds(self, worker: Worker) -> set[int]:
        return self._cluster.held(self._given, self._partitions, self._group, worker.name)

    def fail(self) -> None:
        """Let a worker fail; one by itself is started again at once, as an orchestrator would."""
        alone = len(self._workers) == 1
        self._held = set(range(self._partitions)) if alone else self._holds(self._victim)
        self._failed_at = time.perf_counter()
        if self._settings.by == "kill":
            self._victim.process.kill()
        elif self._settings.by == "freeze":
            self._victim.freeze()
        elif self._cluster.proxy is not None:
            self._cluster.proxy.cut()

    def failed(self) -> None:
        """What follows on the failure, once all jobs have had theirs."""
        if self._settings.by == "kill":
            self._victim.kill()
            if len(self._workers) == 1:
                self._workers = [self._start("")]

    def heal(self) -> None:
        """End what can be ended: what it was cut off from, or slept through, has gone on without the worker."""
        if self._settings.by == "freeze":
            self._victim.thaw()
        elif self._cluster.proxy is not None:
            self._cluster.proxy.heal()

    def settle(self, traffic: Traffic) -> None:
        """Wait until all that was acknowledged came out, or nothing comes any more; then stop the workers and read the rest."""
        left, since = -1, time.monotonic()
        while missing := len(traffic.acknowledged - self._results.seen):
            self.check()
            if missing != left:
                left, since = missing, time.monotonic()
            if time.monotonic() - since > SETTLING / 4:
                break
            time.sleep(0.1)
        for worker in self._workers:
            if worker is not self._victim and (how := worker.stop()) != "drained":
                raise RunError(f"a worker {how}", detail=worker.said())
        # what others have taken over from drains, where it is back, or has ended for good
        self._fate = "killed" if self._settings.by == "kill" else self._victim.stop(_FAREWELL)
        ends = self._cluster.ends(self._taken, self._partitions)
        until(lambda: self._reader.past(ends), "the last results cannot be read", SETTLING)

    # -- what came out of them -----------------------------------------------------------------------------------------

    def judged(self, traffic: Traffic, began: float) -> Round:
        """Return what the round was like, by what the producer knows."""
        ids, came, counts, _ = self._results.arrays()
        count = len(traffic.sent)
        times = np.bincount(ids, minlength=count)
        acknowledged = np.zeros(count, bool)
        acknowledged[list(traffic.acknowledged)] = True
        sent = np.array(traffic.sent)
        partition = np.arange(count) % self._partitions
        affected = np.isin(partition[ids], list(self._held))
        first = came[affected & (sent[ids] >= self._failed_at)]
        waited = came - sent[ids]
        slow = duration.parse(self._settings.every) / 1000 + _SLOW
        # the last message of a partition waits until it is known to be the last
        late = came[affected & (waited > slow) & (came > self._failed_at) & (sent[ids] < sent[-1] - _SLOW)]
        seconds = int(np.ceil(self._settings.seconds[1]))
        per_second = np.arange(seconds + 1)
        return Round(
            sent=int(acknowledged.sum()),
            lost=int((acknowledged & (times == 0)).sum()),
            duplicated=int(np.maximum(times - 1, 0).sum()),
            wrong=self._wrong(traffic, ids, counts),
            recovery=float(first.min() - self._failed_at) if len(first) else None,
            caught_up=float(late.max() - self._failed_at) if len(late) else None,
            fate=self._fate,
            into=np.histogram(sent[acknowledged] - began, per_second)[0].tolist(),
            out=np.histogram(came - began, per_second)[0].tolist(),
        )

    def _wrong(self, traffic: Traffic, ids: Any, counts: Any) -> int:
        """Return how many results have not the count of their key that a plain loop finds."""
        seen: dict[str, int] = {}
        wanted = np.zeros(len(traffic.sent), np.int64)
        for number in range(len(traffic.sent)):
            key = traffic.key(number)
            seen[key] = wanted[number] = seen.get(key, 0) + 1
        return int((wanted[ids] != counts).sum())
