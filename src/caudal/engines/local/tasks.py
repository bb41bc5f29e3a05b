"""The tasks of a worker: jobs of one plan or of its stages, over different partitions, on the same cores, that come and go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from caudal.engines.local.compiling import clock
from caudal.engines.local.cores import Cores
from caudal.engines.local.counters import Counters, ledger
from caudal.engines.local.dealing import dealt
from caudal.engines.local.execution import LocalExecution, settings_of
from caudal.engines.local.scheduler import Task
from caudal.observe.ledger import Ledger
from caudal.observe.summary import Progress
from caudal.plan.plan import Plan
from caudal.ports.engine import Bindings, Tuning
from caudal.ports.snapshot import Dealt, Place, Share, State


class LocalTasks:
    """Keeps `ports.engine.Tasks`; to the scheduler it is where new work comes from (`scheduler.Admits`)."""

    def __init__(self, logical: Plan, tuning: Tuning) -> None:
        self._logical, self._tuning = logical, tuning
        self._cores = Cores(settings_of(tuning))
        self._open: dict[str, LocalExecution] = {}
        self._reading: list[LocalExecution] = []
        """Those that are read, in the order in which they are asked."""
        self._turn = 0
        self._ending = False
        self._left: list[LocalExecution] = []
        self._began = clock()

    # -- tasks ---------------------------------------------------------------------------------------------------------

    def open(self, name: str, physical: Plan, bindings: Bindings) -> LocalExecution:
        execution = LocalExecution(self._logical, physical, bindings, self._tuning, self._cores, name)
        self._open[name] = execution
        return execution

    def begin(self, name: str) -> None:
        execution = self._open[name]
        execution.job.start()
        with self._cores.scheduler.lock:
            self._reading.append(execution)
            self._cores.scheduler.wake(all_of_them=True)

    def halt(self, name: str) -> None:
        execution = self._open[name]
        with self._cores.scheduler.lock:
            self._reading = [other for other in self._reading if other is not execution]

    def drop(self, name: str) -> None:
        if name not in self._open:
            return
        self.halt(name)
        execution = self._open.pop(name)
        with self.paused():  # what is in flight still goes to its tasks
            execution.job.finish()
        self._left.append(execution)

    def finished(self, name: str) -> bool:
        execution = self._open[name]
        return execution.job.reading.over() and not self._cores.scheduler.queued

    def dealt(self, physical: Plan, parts: Sequence[Dealt], share: Share, begins: Mapping[Place, int]) -> State:
        return dealt(physical, parts, share, begins)

    def paused(self) -> AbstractContextManager[None]:
        return self._cores.scheduler.pause()

    # -- the worker ----------------------------------------------------------------------------------------------------

    def run(self, watch: Callable[[], None] | None = None) -> None:
        self._cores.start()
        self._began = clock()
        try:
            self._cores.scheduler.run(self, watch)
        finally:
            self._cores.close()

    def end(self) -> None:
        with self._cores.scheduler.lock:
            self._ending = True
            self._cores.scheduler.wake(all_of_them=True)

    def kill(self, error: BaseException) -> None:
        self._cores.scheduler.kill(error)

    def progress(self) -> Progress:
        each = [execution.progress() for execution in (*self._open.values(), *self._left)]
        elapsed = clock() - self._began
        rows = sum(one.rows for one in each)
        marks = [execution.progress().watermark for execution in self._open.values()]
        return Progress(
            elapsed=elapsed,
            rows=rows,
            rate=rows / elapsed if elapsed > 0 else 0.0,
            watermark=min((mark for mark in marks if mark is not None), default=None),
            queue=self._cores.scheduler.queued,
            bytes_in_flight=self._cores.credit.in_flight,
            alerts=sum(one.alerts for one in each),
            state_bytes=sum(execution.job.state_bytes() for execution in self._open.values()),
            late=sum(one.late for one in each),
            dead=sum(one.dead for one in each),
            waiting=next((one.waiting for one in each if one.waiting), ""),
            lags=[lag for execution in self._open.values() for lag in execution.job.lags()],
        )

    def ledger(self) -> Ledger:
        none = ledger(self._logical, Counters(quiet=True))  # a worker may never have been given a partition
        return Ledger.sum([none, *(execution.ledger() for execution in (*self._open.values(), *self._left))])

    def figures(self) -> dict[str, Any]:
        each = [execution.figures() for execution in (*self._open.values(), *reversed(self._left))]
        failing: Mapping[str, str] = {}
        for one in each:
            failing = {**one["failing"], **failing}
        return {
            "rows": sum(one["rows"] for one in each),
            "bytes": sum(one["bytes"] for one in each),
            "latency": max((one["latency"] for one in each), key=lambda found: found.get("max", 0.0), default={}),
            "state_peak": sum(one["state_peak"] for one in each),
            "failures": [text for one in each for text in one["failures"]],
            "failing": failing,
            "seconds": clock() - self._began,
            "sources": [report for one in each for report in one["sources"]],
            "notices": [notice for one in each for notice in one["notices"]],
            "lags": [*{(lag.source, lag.partition): lag for one in reversed(each) for lag in one["lags"]}.values()],
        }

    # -- the contract of scheduler.Admits ------------------------------------------------------------------------------

    def admit(self) -> Task | None:
        for _ in self._reading:
            self._turn += 1
            task = self._reading[self._turn % len(self._reading)].job.reading.admit()
            if task is not None:
                return task
        return None

    def over(self) -> bool:
        return self._ending

    def waits(self) -> bool:
        return True
