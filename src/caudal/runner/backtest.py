"""`caudal backtest`: two versions of a detection over the same history, and what becomes new, lost or other.

How rows are matched: by their identity, which is that of the source record or of key and window, where both versions
make an output's rows by the same operator (its id, keys and window are equal); else, and where a row is known only by
how many came before it (running aggregates, deduplication, windows of rows), by key and window columns, where
both write the same ones; else whole rows only, and then none is changed. What matches and has equal values is the same, what
matches and has not is changed, what matches nothing is new or lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from caudal.core.errors import OptionError, PlanError, SettingsError, nearest
from caudal.ingest.tables import pins
from caudal.observe.summary import Summary
from caudal.plan.nodes import Sink
from caudal.plan.plan import Plan
from caudal.runner.capture import Captured, capture
from caudal.runner.comparison import Difference, compare
from caudal.runner.lineage import lineages
from caudal.runner.load import load_declared
from caudal.runner.outputs import origin

_IDENTITY = "__caudal_identity"

Settings = Mapping[str, Any]


@dataclass(slots=True)
class Output:
    """One output of both versions: the left side of `difference` is the old one.

    `old`, `new`: the sinks' ids, "" for a version without it; `matched`: how rows were matched; `notes`: columns that were
    left out, and why.
    """

    old: str
    new: str
    difference: Difference
    matched: str
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Backtest:
    """Two versions over the same history: what they are, their summaries, what differs by output."""

    old: str
    new: str
    summaries: tuple[Summary, Summary]
    outputs: list[Output]

    @property
    def equal(self) -> bool:
        """Whether both write the same rows."""
        return all(output.difference.equal for output in self.outputs)


def load_both(
    old: str, new: str, settings: Settings, old_settings: Settings | None = None, new_settings: Settings | None = None
) -> tuple[Plan, Plan]:
    """Load two versions. `settings` go to each that declares them, the others to one version only.

    Raises `SettingsError` for a setting that neither declares, and what `load` raises.
    """
    plans: list[Plan] = []
    declared: set[str] = set()
    for file, own in ((old, old_settings), (new, new_settings)):
        plan, names = load_declared(file, own or {}, where_declared=settings)
        plans.append(plan)
        declared |= names
    for name in settings:
        if name not in declared:
            raise SettingsError(f"neither version has a setting '{name}'", hint=nearest(name, declared))
    return plans[0], plans[1]


def backtest(
    old: Plan,
    new: Plan,
    *,
    engine: str = "local",
    threads: int = 0,
    watch: Callable[[str], None] | None = None,
) -> Backtest:
    """Run both versions and compare their outputs. No target is touched.

    `watch` is told "old" and "new" before each run. Raises `UserError` before anything starts, `RunError` where a run
    fails, each with the version's side.
    """
    # an identity holds the pipeline's name: the versions are one pipeline here
    plans = [replace(plan.pinned(), name="backtest") for plan in (old, new)]
    runs: list[Captured] = []
    read_at = time.time_ns() // 1_000_000  # one for both
    with pins.held():  # both meet the same version of each table
        for side, plan in zip(("old", "new"), plans, strict=True):
            if watch is not None:
                watch(side)
            runs.append(_run(plan, side, engine, threads, read_at))
    found = Backtest(old.name, new.name, (runs[0].summary, runs[1].summary), [])
    exact = engine == "local"
    for a, b in _paired(plans[0].sinks, plans[1].sinks):
        found.outputs.append(_compare(plans, runs, a, b, exact))
    return found


def _run(plan: Plan, side: str, engine: str, threads: int, read_at: int) -> Captured:
    try:
        return capture(plan, engine=engine, threads=threads, identity=_IDENTITY, what=side, read_at=read_at)
    except PlanError:
        # not every engine knows the identity of its rows; one that refuses the plan itself does so again
        return capture(plan, engine=engine, threads=threads, what=side, read_at=read_at)


def _compare(plans: list[Plan], runs: list[Captured], a: Sink | None, b: Sink | None, exact: bool) -> Output:
    sinks = (a, b)
    there = next(sink for sink in sinks if sink is not None)
    frames = [
        run.rows[sink.name] if sink is not None else run_of.rows[there.name].head(0)
        for sink, run, run_of in zip(sinks, runs, reversed(runs), strict=True)
    ]
    taken = [lineages(plan)[sink.name] for plan, sink in zip(plans, sinks, strict=True) if sink is not None]
    schemas = [sink.input.schema for sink in sinks if sink is not None]
    types = [{field.name: field.dtype for field in schema} for schema in schemas]
    volatile = {name for lineage in taken for name in lineage.volatile}
    columns = [name for name in types[0] if all(name in t and t[name] == types[0][name] for t in types)]
    notes = [f"{name}: comes from the clock" for name in sorted(volatile)]
    notes += [
        f"{name}: only one version writes it, or as another type"
        for name in dict.fromkeys(name for t in types for name in t)
        if name not in columns
    ]
    columns = [name for name in columns if name not in volatile]
    if not columns:
        raise OptionError(f"the versions have no column of '{there.name}' in common that could be compared")
    matched, key = _match(plans, sinks, frames, columns)
    inexact = {} if exact else {name: "" for lineage in taken for name in lineage.inexact if name in columns}
    difference = compare(frames[0], frames[1], columns, key=key, inexact=inexact)
    return Output(a.name if a is not None else "", b.name if b is not None else "", difference, matched, notes)


def _match(
    plans: list[Plan], sinks: tuple[Sink | None, Sink | None], frames: list[Any], columns: Iterable[str]
) -> tuple[str, tuple[str, ...]]:
    """Return how rows are matched, in words, and the columns by which."""
    old, new = sinks
    if old is None or new is None:
        return f"only the {'new' if old is None else 'old'} version has this output", ()
    a, b = (origin(plan, sink) for plan, sink in zip(plans, (old, new), strict=True))
    alike = (a.operator, a.makes, a.identified) == (b.operator, b.makes, True)
    if alike and all(_IDENTITY in frame.columns for frame in frames):
        return f"by identity: both make their rows in '{a.operator}'", (_IDENTITY,)
    if a.keys and sorted(a.columns) == sorted(b.columns) and set(a.columns) <= set(columns):
        return f"by {', '.join(a.columns)}: the operators differ", a.columns
    return "as whole rows: nothing that they have tells them apart in both versions", ()


def _paired(old: Iterable[Sink], new: Iterable[Sink]) -> list[tuple[Sink | None, Sink | None]]:
    """Return the outputs that belong together: of the same id, else the same target, else the only ones left."""
    left, right = [*old], [*new]
    pairs: list[tuple[Sink | None, Sink | None]] = []
    for same in (lambda sink: sink.name, lambda sink: (sink.connector, dict(sink.options).get("path"))):
        for a in [*left]:
            partner = next((b for b in right if same(a) == same(b)), None)
            if partner is not None:
                pairs.append((a, partner))
                left.remove(a)
                right.remove(partner)
    if len(left) == len(right) == 1:
        return [*pairs, (left[0], right[0])]
    return [*pairs, *((a, None) for a in left), *((None, b) for b in right)]
