"""Driving a job: rewrite, bind, run, end the sinks, sum up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from caudal.core.errors import OptionError, PlanError, RunError
from caudal.observe.ledger import Ledger
from caudal.observe.summary import Progress, Summary, Target
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.ports.calls import Calls
from caudal.ports.engine import Bindings, BoundSource, Engine, Execution, Tuning
from caudal.ports.resource import holding
from caudal.rewrite import rewrite
from caudal.runner.binding import bind, following, shared
from caudal.runner.checkpoints import Checkpointing, Checkpoints, checkpointing
from caudal.runner.delivery import check_mode, choose
from caudal.runner.epochs import Epochs
from caudal.runner.group import GroupWorker
from caudal.runner.grouping import grouping
from caudal.runner.judging import BLIND, judge
from caudal.runner.migration import Fits
from caudal.runner.sides import role_of, with_sides

LEAST_BOUND = 64
"""Threads that any machine may be asked for; beyond, four for each core."""


def check_threads(threads: int, cluster: str = "") -> int:
    """Return a number of operator threads, 0 for the cores; raises `OptionError` for more than this machine can use.

    How many a cluster has is not known here.
    """
    if not isinstance(threads, int) or isinstance(threads, bool):
        raise OptionError(f"threads is a whole number, not {threads!r}", hint="threads=4; 0 means one for each core")
    most = max(4 * (os.cpu_count() or 1), LEAST_BOUND)
    if threads < 0 or (threads > most and not cluster):
        hint = f"0 means one for each core; this machine takes up to {most}, and more than its cores are no faster"
        raise OptionError(f"threads cannot be {threads}", hint=hint)
    return threads


class Job:
    """A bound job: `run` it once; `stop`, `kill` and `progress` may be called meanwhile, from a signal handler too."""

    _users: Mapping[str, Mapping[str, str]] = MappingProxyType({})

    def __init__(
        self,
        plan: Plan,
        *,
        engine: str = "local",
        threads: int = 0,
        follow: bool = False,
        late: str = "file",
        dead: str = "file",
        max_state: int = 0,
        console_to_stderr: bool = False,
        cluster: str = "",
        exchange: str = "",
        native: bool = False,
        allow_blind: bool = False,
        read_at: int = 0,
        checkpoint: Checkpointing | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Check everything, open sources and sinks. Raises `UserError` kin; nothing stays open then.

        `threads`: operator threads, 0 for the cores. `late`, `dead`: "file" or "discard" for what is not wired.
        `cluster`, `exchange`, `native`: see `ports.engine.Tuning`. `allow_blind`: a run that saw nothing of what it hangs
        on (see `judging`) is no failure. `read_at`: the reading time of bounded sources in milliseconds, 0: now.
        `checkpoint`: where its checkpoints are kept, from the last of which it goes on; where a run there has come to the end of
        its data, nothing is run, and the summary is that run's.
        """
        if not isinstance(plan, Plan):
            kind = type(plan).__name__.lower()
            raise PlanError(f"a pipeline is run, not a {kind}", hint='cd.run(cd.Pipeline("dos", alerts.to("console")))')
        self.read_at = read_at or time.time_ns() // 1_000_000
        chosen = registry.find("engine", engine)
        if follow:
            plan = following(plan)
        self.engine = engine
        self.allow_blind = allow_blind
        self.blind: list[str] = []
        """What the run did not see of what it depends on, once it has ended."""
        in_group = checkpoint is not None and all(shared(node) for node in plan.sources)
        self.logical = with_sides(plan, late, dead, shared=in_group)
        self.physical = rewrite(self.logical)
        self.threads = check_threads(threads, cluster) or os.cpu_count() or 1
        self._grouping = grouping(self.logical, self.physical, checkpoint)
        self.bindings, self.live = self._bound(chosen, checkpoint, console_to_stderr)
        tuning = Tuning(
            self.threads,
            self.live,
            max_state=max_state,
            read_at=self.read_at,
            cluster=cluster,
            exchange=exchange,
            native=native,
            apart=checkpoint is None,
            extra=dict(extra or {}),
        )
        self.execution = self._started(chosen, tuning, checkpoint)

    def _bound(self, engine: Engine, how: Checkpointing | None, console_to_stderr: bool) -> tuple[Bindings, bool]:
        try:
            return bind(
                self.physical,
                console_to_stderr=console_to_stderr,
                admit=lambda sources: engine.admit(self.logical, sources),
                staged=how is not None and how.delivery != "at-least-once",
                membership=None if self._grouping is None else self._grouping.membership,
            )
        except BaseException:
            if self._grouping is not None:
                self._grouping.close()
            raise

    def _started(self, engine: Engine, tuning: Tuning, checkpoint: Checkpointing | None) -> Execution:
        """Begin the epochs; return the job, which stands where the last one left it."""
        self._epochs: Epochs | Checkpoints | GroupWorker | None = None
        self.delivery = ""
        """What is promised of the outputs, and why no more, where there are checkpoints."""
        try:
            if self._grouping is not None:
                worker = self._grouping.worker(self.bindings.sources, self.bindings.sinks, engine, tuning)
                membership = self._grouping.membership
                self.delivery = f"{worker.delivery}, by the worker {membership.worker} of the group {membership.group}"
                self._epochs = worker
                return worker
            self._epochs = self._begun(checkpoint)
            calls = self._epochs.calls if isinstance(self._epochs, Checkpoints) else Calls()
            bindings = Bindings(self._withholding(self._epochs), self._epochs.sinks, calls)
            execution = engine.start(self.logical, self.physical, bindings, tuning)
            self._epochs.start(execution)
            return execution
        except BaseException:
            self.abort()
            raise

    def _withholding(self, epochs: Epochs | Checkpoints) -> Mapping[str, BoundSource]:
        """Return the sources, with the records that are not to be looked into."""
        sources = dict(self.bindings.sources)
        for (source, partition), convicts in epochs.convicts.items() if isinstance(epochs, Checkpoints) else ():
            if source in sources:
                known = sources[source]
                sources[source] = replace(known, convicts={**known.convicts, partition: convicts})
        return sources

    def _begun(self, checkpoint: Checkpointing | None) -> Epochs | Checkpoints:
        sinks = self.bindings.sinks
        if checkpoint is None:
            return Epochs(sinks, self.logical.name)
        delivery, why = choose(check_mode(checkpoint.delivery), self.bindings.sources, sinks)
        self.delivery = f"{delivery}; {why}" if why else delivery
        fits = Fits.of(self.logical, self.physical, allow_dropped=checkpoint.allow_dropped, users=self._users)
        return Checkpoints(checkpoint, self.logical, fits, sinks, delivery)

    def run(self, watch: Callable[[Progress], None] | None = None, *, flush: bool = False) -> Summary:
        """Run to the end of data or a stop, then publish what the sinks have (or drain them).

        `flush`: after a stop, close the windows that are still open. Raises what broke, `RunError` as a rule; the
        targets are untouched then.
        """
        execution = self.execution
        holding.begin()
        try:
            if not self._complete:
                with nullcontext() if isinstance(self._epochs, Epochs | None) else self._epochs.watched(self.progress):
                    execution.run(None if watch is None else lambda: watch(self.progress()), flush=flush)
            return self._end(execution.drained)
        except MemoryError as error:
            self.abort()
            raise RunError("out of memory", hint="lower max_state or use fewer threads") from error
        except BaseException:
            self.abort()
            raise
        finally:
            holding.end()

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight."""
        self.execution.stop()

    def progress(self) -> Progress:
        """Return how far it is, the last checkpoint among it."""
        progress = self.execution.progress()
        if isinstance(self._epochs, Checkpoints):
            progress.commit = self._epochs.commit()
        return progress

    @property
    def _complete(self) -> bool:
        return isinstance(self._epochs, Checkpoints) and self._epochs.complete

    def _end(self, drained: bool) -> Summary:
        ledger = self.execution.ledger()
        figures = self.execution.figures()
        assert self._epochs is not None
        where = {name: sink.where for name, sink in self.bindings.sinks.items()}
        self._left(figures.get("broken", {}))
        if drained:
            where |= self._epochs.drain()
        else:
            self._epochs.end()
        goes_on = drained and isinstance(self._epochs, Epochs)
        targets = {
            node.name: Target(node.name, where[node.name], ledger.entries[node.name].taken, role_of(node), goes_on)
            for node in self.physical.sinks
        }
        self._close()
        return self._summed(ledger, figures, targets, drained)

    def _left(self, broken: Mapping[str, Exception]) -> None:
        """End without the pipelines that have failed, where there are several."""
        if broken and isinstance(self._epochs, Epochs):
            sinks = [sink for sink in self.physical.sinks if sink.pipelines]
            self._epochs.leave([sink.name for sink in sinks if broken.keys() >= {*sink.pipelines}])

    def _summed(
        self, ledger: Ledger, figures: Mapping[str, Any], targets: Mapping[str, Target], drained: bool
    ) -> Summary:
        """Return what is to be told of the run; raises `RunError` where the ledger does not add up."""
        summary = self._summary(self.logical.name, ledger, figures, [*targets.values()], drained)
        if not self._complete:
            self.blind = self._judged(summary, self.logical, figures)
        return summary

    def _summary(
        self, name: str, ledger: Ledger, figures: Mapping[str, Any], targets: list[Target], drained: bool
    ) -> Summary:
        summary = Summary(
            pipeline=name,
            engine=self.engine,
            state="drained" if drained else "done",
            seconds=figures["seconds"],
            threads=self.threads,
            rows=figures["rows"],
            bytes=figures["bytes"],
            ledger=ledger,
            targets=_merged(targets),
            latency=figures["latency"],
            failures=[*figures["failures"]],
            notes=[*figures.get("notes", [])],
            state_peak=figures["state_peak"],
            checkpoint={} if isinstance(self._epochs, Epochs | None) else self._epochs.told(),
            lags=figures.get("lags", ()),
        )
        if self._complete:
            summary.notes.append(
                "a run had come to the end of its data before: nothing was read; begin anew in a fresh place"
            )
        return summary

    def _judged(self, summary: Summary, logical: Plan, figures: Mapping[str, Any]) -> list[str]:
        """Tell of the sources and functions of a plan; return what was not seen. Raises `RunError` for a ledger that does not add up."""
        summary.tell(figures.get("notices", ()))
        judged = judge(
            logical,
            figures.get("sources", ()),
            summary.ledger,
            failing=figures.get("failing", {}),
            late_of=figures.get("late_of", {}),
            allow_blind=self.allow_blind,
            goes_on=not isinstance(self._epochs, Epochs),
        )
        summary.tell(judged)
        wrong = summary.ledger.check()
        if wrong:
            raise RunError(
                "the ledger does not add up",
                detail="; ".join(wrong),
                hint="this is a defect of caudal: please report it",
            )
        return [notice.to_text() for notice in judged if notice.code == BLIND]

    def abort(self) -> None:
        """Leave no unfinished target behind and close the sources; for a job that will not run, or is given up."""
        if self._epochs is not None:
            self._epochs.abort()
        else:
            for sink in self.bindings.sinks.values():
                sink.abort()
            if self._grouping is not None:
                self._grouping.close()
        self._close()

    def _close(self) -> None:
        for bound in self.bindings.sources.values():
            bound.source.close()


def _merged(targets: list[Target]) -> list[Target]:
    """Return one target for each place and role: side outputs of several operators share a file."""
    merged: dict[tuple[str, str], Target] = {}
    for target in targets:
        key = (target.where, target.role)
        if target.role != "out" and key in merged:
            merged[key].rows += target.rows
            merged[key].operator += f", {target.operator}"
        else:
            merged[key if target.role != "out" else (target.where, target.operator)] = target
    return list(merged.values())


def run(
    plan: Plan,
    *,
    engine: str = "local",
    threads: int = 0,
    follow: bool = False,
    late: str = "file",
    dead: str = "file",
    max_state: int = 0,
    cluster: str = "",
    exchange: str = "",
    allow_blind: bool = False,
    checkpoint: str = "",
    every: str = "1s",
    delivery: str = "",
    restore: str = "",
    allow_dropped_state: bool = False,
    group: str = "",
    worker: str = "",
    partitions: int = 0,
    watch: Callable[[Progress], None] | None = None,
) -> Summary:
    """Run a pipeline to the end of its data and return the summary.

    Late rows and dead letters that the pipeline does not wire are written beside its output ("file") or only counted
    ("discard"). `cluster`: the address of a cluster of the engine's, `exchange`: a directory that it reaches.
    `checkpoint`: a directory, or the URL of an object store, where the job's state is kept every so often, and from which a run
    goes on that was ended by anything; `delivery`: what is promised of the outputs then, "" for the best that sources and sinks can
    do; `restore`: the URL of other checkpoints, with an `@ID`, that a fresh place begins from.
    `allow_dropped_state`: state that the pipeline has no use for any more is left behind. `group`, `worker`: the names of the group
    of workers that share a topic, and of this one in it; `partitions`: of the topics between workers, 0: as many as the source has.
    The process is the caller's: what ends it, or hangs it, is not looked for in here. A run that has died more than once from one
    checkpoint says so as it begins: `caudal run FILE --checkpoint URL`, over the same checkpoint, finds the record that kills.
    What went wrong without ending the run stands in the summary's `failures`: a source that broke; one of which every
    record was dead, or whose records never name a field that a filter or a key depends on (with `allow_blind` a warning).
    Raises `UserError` before anything starts, `RunError` while it runs.
    """
    job = Job(
        plan,
        engine=engine,
        threads=threads,
        follow=follow,
        late=late,
        dead=dead,
        max_state=max_state,
        cluster=cluster,
        exchange=exchange,
        allow_blind=allow_blind,
        checkpoint=checkpointing(
            checkpoint,
            every,
            delivery,
            restore,
            allow_dropped=allow_dropped_state,
            group=group,
            worker=worker,
            partitions=partitions,
        ),
    )
    return job.run(watch)
