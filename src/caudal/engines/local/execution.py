"""An execution on the local engine: what the runner holds while a job runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from caudal.engines.local.compiling import clock, compiling
from caudal.engines.local.cores import Cores
from caudal.engines.local.counters import ledger
from caudal.engines.local.cut import Cut, cut_of, export, restore, state_of
from caudal.engines.local.intake import LARGEST_READ
from caudal.engines.local.job import Job
from caudal.engines.local.lower import lower
from caudal.engines.local.settings import Settings
from caudal.engines.outputs import counted_sinks
from caudal.observe.ledger import Ledger
from caudal.observe.notices import Notice
from caudal.observe.summary import Progress
from caudal.plan.nodes.join import LEFT, RIGHT
from caudal.plan.plan import Plan
from caudal.ports.engine import Bindings, Tuning
from caudal.ports.snapshot import Savepoint, Snapshot, State


class LocalExecution:
    """A job of the local engine; keeps `ports.engine.Execution`."""

    def __init__(
        self,
        logical: Plan,
        physical: Plan,
        bindings: Bindings,
        tuning: Tuning,
        cores: Cores | None = None,
        shard: str = "",
    ) -> None:
        """`cores`: those of other jobs in this process, None for its own; `shard`: its name among them."""
        self.logical = logical
        self.job: Job = lower(physical, bindings, settings_of(tuning), tuning.live, cores, shard)
        self.restored: list[Cut] = []
        self._outputs = counted_sinks(physical.sinks)
        self._drained = False
        self._seconds = 0.0

    def restore(self, cuts: list[Cut]) -> None:
        """Go on from a whole cut and the deltas behind it; before `run`."""
        restore(self.job, cuts)

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Run to the end of data or a stop; raises what broke. `flush`: after a stop, close all windows."""
        self.job.cores.start()
        begin, before = clock(), (compiling.kernels, compiling.beside, compiling.seconds)
        try:
            self.job.start()
            self.job.run(watch)
            self._drained = self.job.drained
            if flush and self._drained:
                self.job.flush()
        finally:
            self._seconds = clock() - begin
            self._tell(*before)
            self.job.cores.close()
            self.job.finish()

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight; windows stay open."""
        self.job.scheduler.stop()

    def kill(self, error: BaseException) -> None:
        """End at once; `run` raises the error."""
        self.job.scheduler.kill(error)

    def cut(self, whole: bool = True, at: Callable[[], None] | None = None) -> Cut:
        """Return one consistent cut while the job runs: everything in flight lands first. `whole` False: a delta."""
        with self.job.scheduler.pause():
            for task in self.job.repartitions.values():
                task.cut()
            if at is not None:
                at()
            return export(self.job, whole)

    def snapshot(self, *, whole: bool = True, at: Callable[[], None] | None = None) -> Snapshot:
        """Return the state by operator and key group; see `ports.engine.Execution`."""
        return state_of(self.cut(whole, at))

    def resume(self, snapshot: Savepoint | State) -> None:
        """Go on from a state that this engine exported; see `ports.engine.Execution`."""
        restore(self.job, [cut_of(snapshot)], changed=isinstance(snapshot, State) and snapshot.changed)

    def _tell(self, kernels: int, beside: int, seconds: float) -> None:
        """Note what has been compiled since there were so many."""
        if compiling.kernels > kernels:
            took = f"in {compiling.seconds - seconds:.1f} s that count in no figure"
            text = f"kernels compiled, once on this machine: {{count}}, {took}"
            self.job.counters.notices.add(Notice("compiled", "", text, compiling.kernels - kernels))
        going = compiling.shown()
        if compiling.beside > beside or going:
            text = "the run did without kernels that take seconds to compile, so it was slower than a next one will be"
            self.job.counters.notices.add(Notice("compiled_beside", "", text + (f": {going}" if going else ""), 1))

    @property
    def drained(self) -> bool:
        """Whether it was stopped before the end of data."""
        return self._drained

    def progress(self) -> Progress:
        """Return how far it is."""
        job = self.job
        elapsed = time.perf_counter() - job.started
        rows = sum(job.counters.get(each.operator, "taken") for each in job.reading.intakes if not each.inner)
        return Progress(
            elapsed=elapsed,
            rows=rows,
            rate=rows / elapsed if elapsed > 0 else 0.0,
            watermark=job.watermark(),
            queue=job.scheduler.queued,
            bytes_in_flight=job.entry.credit.in_flight,
            alerts=sum(job.counters.get(name, "written") for name in self._outputs),
            state_bytes=job.state_bytes(),
            late=job.counters.total("late"),
            dead=job.counters.total("dead") + job.counters.total("failed"),
            waiting=job.reading.waiting() or compiling.shown(),
            lags=job.lags(),
        )

    def ledger(self) -> Ledger:
        """Return the ledger; complete once `run` has returned."""
        return ledger(self.logical, self.job.counters)

    def figures(self) -> dict[str, Any]:
        """Return rows, bytes, latency, state_peak, failures, seconds, notices, and the reports of sources."""
        job = self.job
        return {
            "rows": sum(job.counters.get(i.operator, "taken") for i in job.reading.intakes if not i.inner),
            "bytes": job.reading.bytes_read,
            "latency": job.entry.latency.summary(),
            "state_peak": job.state_peak,
            "failures": list(job.reading.failures),
            "failing": dict(job.counters.failing),
            "late_of": {
                name: {side: job.counters.get(name, f"late {side}") for side in (LEFT, RIGHT)} for name in job.stateful
            },
            "broken": {} if job.sections is None else dict(job.sections.failed),
            "seconds": self._seconds,
            "sources": [intake.watch.report() for intake in job.reading.intakes if not intake.inner],
            "lags": job.lags(),
            "notices": [
                *job.counters.notices.all(),
                *(n for each in job.stateful.values() for n in each.state.latecomers.notices()),
            ],
        }


def settings_of(tuning: Tuning) -> Settings:
    """Return how a job runs, with what is not said chosen by the machine."""
    limit = tuning.max_state or _memory() // 2
    credit = tuning.credit or (tuning.threads + 2) * LARGEST_READ
    chosen: dict[str, Any] = {
        "threads": tuning.threads,
        "credit": credit,
        "max_state": limit,
        "apart": tuning.apart,
        **tuning.extra,
    }
    chosen.setdefault("read_at", tuning.read_at or time.time_ns() // 1_000_000)
    return Settings(**chosen)


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
