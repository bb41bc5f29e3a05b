"""A live job on an engine of its own process: it is fed while it runs, and what it gives goes to the sinks as it comes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from caudal.engines.jvm.execution import JvmExecution
from caudal.engines.jvm.live_input import LiveInput, Timing
from caudal.engines.jvm.processes import sweep
from caudal.observe.summary import Progress

_GRACE = 15.0
"""Seconds that the process gets to end by itself once all is done."""

_LOOK = 0.02
"""Seconds between looks for results."""


class LiveExecution(JvmExecution):
    """Keeps `ports.engine.Execution` over sources that go on.

    A stop drains: what was read is handed over and worked through, windows stay open unless they are to be closed. The
    tuning may bring `clock`, `idle_poll` and `idle` (see `input.Timing`), and `lockstep`: whether the job must have taken
    in all that was read before more is.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        extra = dict(self._tuning.extra)
        self._lockstep = bool(extra.pop("lockstep", False))
        clock = extra.pop("clock", lambda: time.monotonic_ns() // 1_000_000)
        clocks: Sequence[Callable[[], int]] = clock if isinstance(clock, list) else [clock] * len(self._job.plans)
        self._timings = [Timing(each, read_at=self._read_at, **extra) for each in clocks]
        self._steps = [n for n, count in enumerate(self._job.counts) if count.fate == "step"]
        self._feeds: list[LiveInput] = []
        self._halted: set[int] = set()
        self._ended = False
        self._flush = False

    def run(self, watch: Callable[[], None] | None = None, *, flush: bool = False) -> None:
        """Run to the end of data or a stop; `flush`: close the windows that are still open then."""
        self._flush = flush
        super().run(watch)

    def halt(self, plan: int) -> None:
        """Stop one plan of several, by its number."""
        self._halted.add(plan)

    @property
    def drained(self) -> bool:
        """Whether it was stopped before the end of data."""
        return self._stopped and not self._ended

    def progress(self) -> Progress:
        """Return how far it is."""
        told = super().progress()
        doing = "draining" if self._stopped else self._doing
        watermark = min((w for w in (input.watermark for input in self._feeds) if w is not None), default=None)
        return Progress(told.elapsed, told.rows, told.rate, watermark, 0, 0, told.alerts, 0, elsewhere=doing)

    def _checkpoint(self) -> None:
        if self._killed is not None:
            raise self._killed

    def _run(self, folder: Path, rows: Path, watch: Callable[[], None] | None) -> None:
        results = folder / "results"
        with ThreadPoolExecutor(self._tuning.threads, "input") as pool:
            self._open(rows, pool)
            process = self._launch(folder, rows, results)
            self._doing = f"running on {self._engine}"
            try:
                self._live(folder, results, watch)
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                pass  # all that it gave is here
            finally:
                sweep(process.pid)
                process.wait()

    def _open(self, rows: Path, pool: ThreadPoolExecutor) -> None:
        first = 0
        for number, plan in enumerate(self._job.plans):
            sources = self._sources[first : first + len(plan.inputs)]
            input = LiveInput(plan, sources, number, first, rows, self._form, self._timings[number], pool)
            first += len(sources)
            input.open()
            self._feeds.append(input)
            self._handed += input.counts
        (rows / "counts.json").write_text("[]", encoding="utf-8")

    def _live(self, folder: Path, results: Path, watch: Callable[[], None] | None) -> None:
        looked = 0.0
        ending: set[int] = set()
        while len(ending) < len(self._feeds) or not self._done(results):
            self._checkpoint()
            if watch is not None:
                watch()
            busy = False
            for input in self._feeds:
                busy = self._advance(input, ending) or busy
            if not busy or time.monotonic() - looked > _LOOK:
                looked = time.monotonic()
                assert self._process is not None
                ran_on = self._process.poll() is None
                self._collect(results)
                if not ran_on and not self._done(results):
                    raise self._failure(folder)
            if not busy:
                time.sleep(self._timings[0].idle_poll or 0.001)
        self._collect(results)
        self._ended = all(input.over for input in self._feeds)

    def _advance(self, input: LiveInput, ending: set[int]) -> bool:
        """LiveInput a plan a block, and the job what is due; return whether there was anything to read."""
        if input.number in ending:
            return False
        taken_in = input.consumed == input.published
        if self._stopped or input.number in self._halted or input.over:
            if taken_in:
                input.end(whole=input.over or self._flush)
                ending.add(input.number)
            return False
        if input.due and taken_in:
            input.publish()
            taken_in = False
        if self._lockstep and not taken_in:
            return False
        return input.has_credit and input.step()

    def _done(self, results: Path) -> bool:
        return all((results / f"done-{input.number}").exists() for input in self._feeds)

    def _collect(self, results: Path) -> None:
        """Take what micro-batches have given, in their order."""
        for path in sorted(p for p in results.iterdir() if p.is_dir() and not p.name.startswith(".")):
            before = dict(self._counts)
            self._take(path)
            for input, step in zip(self._feeds, self._steps, strict=True):
                input.taken_in(self._counts.get(step, 0) - before.get(step, 0))
            for sink in self._sinks:
                sink.flush()
            for file in path.iterdir():
                file.unlink()
            path.rmdir()
