"""A cut: one consistent point of a job, exported as plain values and Arrow tables, and restored into a fresh job.

A cut holds source positions, watermarks and idle marks, the ledger's counts, the sinks' sequence and the state of every
operator by key group. How a cut is stored and committed is not decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caudal.core.errors import RunError
from caudal.engines.local.state import KEY_GROUPS, KEY_HASH, Blob
from caudal.ports.snapshot import OperatorState, Savepoint, State
from caudal.ports.source import Remembering

if TYPE_CHECKING:
    from caudal.engines.local.job import Job

VERSION = 1


@dataclass(slots=True)
class Cut:
    """One point. `whole`: it stands alone; else it is a delta behind the cut before it.

    `sources`: operator id -> partitions (plain values); `memories`: what sources know beside that; `origins`: names by ordinal;
    `counts`: the ledger's counts; `written`: rows by sink; `operators`: state by operator id.
    `dealt`: it was made of others (see `dealing`), so that counts may be those of rows whose state others hold.
    """

    whole: bool
    version: int = VERSION
    key_hash: str = KEY_HASH
    sources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    origins: list[list[str]] = field(default_factory=list)
    counts: list[list[Any]] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)
    operators: dict[str, Blob] = field(default_factory=dict)
    memories: dict[str, Any] = field(default_factory=dict)
    dealt: bool = False


def export(job: Job, whole: bool) -> Cut:
    """Return the cut of a job with nothing in flight."""
    cut = Cut(whole)
    for intake in job.reading.intakes:
        cut.sources[intake.operator] = [channel.export() for channel in intake.channels]
        if isinstance(intake.opened, Remembering):
            cut.memories[intake.operator] = intake.opened.memory()
    cut.origins = [list(name) for name in job.origins.names]
    cut.counts = job.counters.export()
    cut.written = {name: job.counters.get(name, "written") for name in job.sinks}
    for operator, task in job.stateful.items():
        blob = task.state.export(whole)
        blob.values["task"] = task.watermark
        cut.operators[operator] = blob
    return cut


def restore(job: Job, cuts: list[Cut], *, changed: bool = False) -> None:
    """Load a whole cut and the deltas behind it into a job that has not started; raises `RunError` where it does not fit.

    `changed`: it is of another plan. What it has no state of begins empty; counts begin anew, with the rows that operators hold
    as their opening.
    """
    last = cuts[-1]
    if not cuts[0].whole or any(c.whole for c in cuts[1:]):
        raise RunError("a restore takes one whole cut and the deltas behind it")
    if last.version != VERSION or last.key_hash != KEY_HASH:
        raise RunError(
            f"the cut is of version {last.version} with key hash {last.key_hash}, not {VERSION} with {KEY_HASH}"
        )
    missing = set(last.operators) ^ set(job.stateful)
    if missing and not changed:
        raise RunError(
            f"the cut and the pipeline differ in operators: {', '.join(sorted(missing))}",
            hint="name stateful operators with name= so that their state is found again",
        )
    _recall(job, last)
    for operator, partition in last.origins:
        job.origins.number(operator, partition)
    if job.origins.names != [tuple(n) for n in last.origins][: len(job.origins.names)]:
        _renumber(job, last)
    if not changed:
        job.counters.restore(last.counts)
    for intake in job.reading.intakes:
        known = {values["name"]: values for values in last.sources.get(intake.operator, [])}
        for channel in intake.channels:
            if channel.name in known:
                channel.restore(known[channel.name])
    for operator, task in job.stateful.items():
        if operator not in last.operators:
            continue
        blobs = [c.operators[operator] for c in cuts]
        task.state.restore(blobs, task.state.state_types())
        task.tracker.watermark = blobs[-1].values["task"]
        if changed:
            job.counters.add(operator, "opening", task.state.buffered())
        elif last.dealt:
            job.counters.balance(operator, task.state.buffered())


def state_of(cut: Cut) -> State:
    """Return a cut, whole or not, as other engines and stores see it."""
    positions = {
        (operator, channel["name"]): channel["position"]
        for operator, channels in cut.sources.items()
        for channel in channels
    }
    operators = {
        name: OperatorState(blob.kind, blob.version, blob.values, blob.added, blob.removed, blob.whole)
        for name, blob in cut.operators.items()
    }
    names = ("sources", "origins", "counts", "written", "memories")
    rest = {name: getattr(cut, name) for name in names}
    return State("local", cut.version, cut.key_hash, KEY_GROUPS, positions, operators, rest)


def known(state: Savepoint | State) -> State:
    """Return a state that this engine can read; raises `RunError` for what another one exported, or by other key groups."""
    if not isinstance(state, State) or state.engine != "local":
        raise RunError(f"the run cannot go on from a state of the engine '{state.engine}'")
    found, own = (state.version, state.key_hash, state.key_groups), (VERSION, KEY_HASH, KEY_GROUPS)
    if found != own:
        text = "version {0}, with keys in {2} groups by {1}"
        raise RunError(
            f"the state is of {text.format(*found)}", detail=f"this caudal reads that of {text.format(*own)}"
        )
    return state


def cut_of(state: Savepoint | State) -> Cut:
    """Return the cut that was exported as this state; raises `RunError` for what cannot be read here."""
    state = known(state)
    operators = {
        name: Blob(name, each.kind, each.version, True, dict(each.values), each.blocks)
        for name, each in state.operators.items()
    }
    return Cut(True, state.version, state.key_hash, operators=operators, **state.rest)


def _recall(job: Job, cut: Cut) -> None:
    """Let sources take up what they knew, and their partitions in anew."""
    for intake in job.reading.intakes:
        if intake.operator in cut.memories and isinstance(intake.opened, Remembering):
            known = cut.sources.get(intake.operator, [])
            positions = {values["name"]: values["position"] for values in known if not values["ended"]}
            intake.opened.recall(cut.memories[intake.operator], positions)
            intake.channels = []
            for partition in intake.opened.partitions():
                job.reading.add(intake, partition)


def _renumber(job: Job, cut: Cut) -> None:
    """Give the origins the ordinals that the state refers to."""
    wanted = [tuple(name) for name in cut.origins]
    extra = [name for name in job.origins.names if name not in wanted]
    fresh = type(job.origins)()
    for operator, partition in [*wanted, *extra]:
        fresh.number(operator, partition)
    job.origins.become(fresh)
    for intake in job.reading.intakes:
        for channel in intake.channels:
            channel.ordinal = fresh.number(intake.operator, channel.name)
    for operator, emission in job.emissions.items():
        emission.ordinal = fresh.number(operator, "")
