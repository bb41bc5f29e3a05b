"""Several pipelines in one run: what is the same in them is read and computed once, and one that fails is no end of the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from caudal.core.errors import CaudalError, OptionError, UserError, in_a_line
from caudal.observe.ledger import Entry, Ledger
from caudal.observe.log import log
from caudal.observe.summary import Progress, Summary, Target
from caudal.plan.plan import Plan
from caudal.plan.together import Part, together
from caudal.ports.engine import Execution
from caudal.runner.binding import following, shared
from caudal.runner.checkpoints import Checkpointing, checkpointing
from caudal.runner.drive import Job
from caudal.runner.recalling import joined
from caudal.runner.sides import with_sides

Watch = Callable[[Progress], None]


class _Together(Job):
    """The job of several pipelines; once it has run, `summaries` holds what is to be told of each."""

    def __init__(self, plans: Sequence[Plan], name: str, without: Sequence[str], **how: Any) -> None:
        self._whole = together(plans, name, without=without)
        self.summaries: list[Summary] = []
        self._users = self._whole.users
        super().__init__(self._whole.plan, **how)

    def _summed(
        self, ledger: Ledger, figures: Mapping[str, Any], targets: Mapping[str, Target], drained: bool
    ) -> Summary:
        broken: Mapping[str, Exception] = figures.get("broken", {})
        operators = {name for part in self._whole.parts for name in part.own}
        for part in self._whole.parts:
            name, own, entries = part.plan.name, part.own, ledger_of(part, ledger)
            rows = sum(entries.entries[part.plan.ids[source]].taken for source in part.plan.sources)
            told = {**figures, **_of(part, figures, operators), "rows": rows}
            written = [replace(targets[called], operator=own[called]) for called in own if called in targets]
            summary = self._summary(name, entries, told, written, drained)
            if name in broken:
                summary.state = "failed"
                summary.failures.append(in_a_line(broken[name]))
            elif not self._complete:
                self.blind += self._judged(summary, part.plan, told)
            self.summaries.append(summary)
        return self._summary(self.logical.name, ledger, figures, [*targets.values()], drained)


def _of(part: Part, figures: Mapping[str, Any], operators: Collection[str]) -> dict[str, Any]:
    """Return those of a run's figures that are about a pipeline, under its own names; `operators`: those of all."""
    own, notices = part.own, figures.get("notices", ())
    return {
        "sources": [
            replace(each, source=own[each.source]) for each in figures.get("sources", ()) if each.source in own
        ],
        "lags": [replace(each, source=own[each.source]) for each in figures.get("lags", ()) if each.source in own],
        # what is about a file, or about nothing in particular, is told of each
        "notices": [
            replace(n, where=own.get(n.where, n.where)) for n in notices if n.where in own or n.where not in operators
        ],
        "failing": {own[name]: why for name, why in figures.get("failing", {}).items() if name in own},
        "late_of": {own[name]: of for name, of in figures.get("late_of", {}).items() if name in own},
    }


def ledger_of(part: Part, whole: Ledger) -> Ledger:
    """Return the entries of a pipeline, under its own names, of the ledger of the plan that it is in."""
    entries: dict[str, Entry] = {}
    called = {own: name for name, own in part.own.items()}
    for node in part.plan.nodes:
        own = part.plan.ids[node]
        inputs = tuple((part.plan.ids[above], node.port) for above in node.inputs)
        entries[own] = replace(whole.entries[called[own]], operator=own, inputs=inputs)
    return Ledger(entries)


@dataclass(frozen=True, slots=True)
class Failed:
    """A pipeline that did not come to run: its name, or its file where it has none yet, and why."""

    name: str
    error: CaudalError

    def summary(self, engine: str) -> Summary:
        """Return it as what a run would tell."""
        return Summary(self.name, engine, "failed", 0.0, 0, 0, 0, Ledger(), failures=[in_a_line(self.error)])


class Several:
    """Pipelines that run together. To signals and to whoever watches it is one job."""

    def __init__(
        self,
        plans: Sequence[Plan],
        *,
        name: str = "",
        follow: bool = False,
        late: str = "file",
        dead: str = "file",
        checkpoint: Checkpointing | None = None,
        **how: Any,
    ) -> None:
        """Check everything, open sources and sinks. A pipeline for which that fails is left out (`failed`); raises where all do.

        `name`: what checkpoints of them all are called by, their names joined where it is not given. The rest: see `Job`.
        """
        if checkpoint is not None and any(shared(source) for plan in plans for source in plan.sources):
            raise OptionError(
                "several pipelines over Kafka cannot share checkpoints: each is a group of workers of its own",
                hint="run them apart, each with a --checkpoint of its own",
            )
        self._name = name or joined(plan.name for plan in plans)
        self._how: dict[str, Any] = {**how, "late": late, "dead": dead, "checkpoint": checkpoint}
        self._checkpoint = checkpoint
        self._broken: dict[str, CaudalError] = {}
        self._stopped = False
        self._plans = [with_sides(following(plan) if follow else plan, late, dead) for plan in plans]
        try:
            self.job = self._job()
        except UserError as error:
            self._broken = self._alone()
            if not self._broken or len(self._broken) == len(plans):
                raise
            log.error(
                "left out: %s",
                "; ".join(f"{name}: {in_a_line(why)}" for name, why in self._broken.items()),
                exc_info=error,
            )
            self.job = self._job()

    @property
    def failed(self) -> list[Failed]:
        """The pipelines that have been left out so far, and why."""
        return [Failed(name, error) for name, error in self._broken.items()]

    def _job(self) -> _Together:
        how: dict[str, Any] = {**self._how}
        if self._broken and self._checkpoint is not None:
            how["checkpoint"] = replace(self._checkpoint, allow_dropped=True)
        return _Together(self._plans, self._name, [*self._broken], **how)

    def _alone(self) -> dict[str, CaudalError]:
        """Return which of the pipelines cannot be started by themselves, and why."""
        found: dict[str, CaudalError] = {}
        for plan in self._plans:
            try:
                how: dict[str, Any] = {**self._how, "checkpoint": None}
                Job(plan, **how).abort()
            except UserError as error:
                found[plan.name] = error
        return found

    def run(self, watch: Watch | None = None, *, flush: bool = False) -> list[Summary]:
        """Run to the end of data or a stop; return what is to be told of each pipeline, those that failed among them.

        One that fails while it runs is left behind; with checkpoints the others go on from the last one. Raises what ends all.
        """
        while True:
            try:
                self.job.run(watch, flush=flush)
                break
            except CaudalError as error:
                broken = self.job.execution.figures().get("broken", {})
                if self._checkpoint is None or not broken or len(self._broken) + len(broken) >= len(self._plans):
                    raise
                self._broken |= dict.fromkeys(broken, error)
                log.error(
                    "%s failed, the others go on from the last checkpoint: %s", ", ".join(broken), in_a_line(error)
                )
                self.job = self._job()
                if self._stopped:
                    self.job.stop()
        return [*self.job.summaries, *(each.summary(self.job.engine) for each in self.failed)]

    # -- as one job

    @property
    def execution(self) -> Execution:
        """What runs."""
        return self.job.execution

    @property
    def live(self) -> bool:
        """Whether any source goes on for ever."""
        return self.job.live

    @property
    def delivery(self) -> str:
        """What is promised of the outputs, where there are checkpoints."""
        return self.job.delivery

    def stop(self) -> None:
        """Admit nothing more and finish what is in flight."""
        self._stopped = True
        self.job.stop()

    def abort(self) -> None:
        """Leave no unfinished target behind."""
        self.job.abort()


def run_together(
    plans: Sequence[Plan],
    *,
    name: str = "",
    checkpoint: str = "",
    every: str = "1s",
    watch: Watch | None = None,
    **how: Any,
) -> list[Summary]:
    """Run several pipelines in one process to the end of their data; return a summary for each.

    Sources that they declare alike are read once, and what is the same behind them is computed once; rows, late rows, dead
    letters, and the ledger of each are those of a run alone. A pipeline that fails has a summary with state "failed" and why in
    `failures`, and ends no other. `name`: what checkpoints of them all are called by. The rest is as for `run`. Raises `UserError`
    where none can be started, `RunError` where all fail.
    """
    several = Several(plans, name=name, checkpoint=checkpointing(checkpoint, every), **how)
    return several.run(watch)
