"""`caudal verify`: one pipeline on several engines, and what comes out compared.

Rows are compared as multisets, output by output. Columns that come from `now()` are left out. Floats that are sums may
differ by 1e-9 of the sum of magnitudes where two different engines made them; runs of one engine must give the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.core.errors import OptionError
from caudal.ingest.tables import pins
from caudal.observe.summary import Summary
from caudal.plan.plan import Plan
from caudal.ports import registry
from caudal.runner.capture import Captured, capture
from caudal.runner.comparison import Difference, compare
from caudal.runner.history import ended, fixed
from caudal.runner.lineage import Lineage, lineages
from caudal.runner.magnitudes import with_magnitudes
from caudal.runner.outputs import origin


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run: an engine by its name, its threads (0: the cores), and a label that is its own."""

    engine: str
    threads: int
    label: str


@dataclass(slots=True)
class Verification:
    """What several ways made of one plan.

    `summaries`: by label, the reference first; `differences`: by label of another way and output, each against the
    reference; `left_out`: columns by output that come from the clock; `notes`: what to know about the comparison, what
    depends on a sum of floats among it; `disagreements`: counts that differ though rows may not.
    """

    plan: str
    summaries: dict[str, Summary]
    differences: dict[str, dict[str, Difference]]
    left_out: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether all ways agree."""
        return not self.disagreements and all(d.equal for each in self.differences.values() for d in each.values())


def ways(specs: Sequence[str], threads: int = 0) -> list[Way]:
    """Return the ways that texts such as "local", "local:4" and "flink" name; the number is that of threads.

    Raises `OptionError` for an unknown engine, a number that is none, or fewer than two ways.
    """
    found: list[Way] = []
    for spec in specs:
        name, colon, number = spec.partition(":")
        if name not in registry.available("engine"):
            registry.find("engine", name)  # raises with the nearest name
        if colon and not (number.isdecimal() and int(number)):
            raise OptionError(f"'{number}' is no number of threads", location=spec, hint=f"{name}:4 takes four")
        count = sum(way.label.split(" ")[0] == spec for way in found)
        label = f"{spec} ({count + 1})" if count else spec
        found.append(Way(name, int(number) if colon else threads, label))
    if len(found) < 2:
        raise OptionError("one run has nothing to be compared with", hint="for example --engines local:1,local:4")
    return found


def verify(
    plan: Plan, specs: Sequence[str], *, threads: int = 0, watch: Callable[[str], None] | None = None
) -> Verification:
    """Run the plan every way that `specs` name and compare each with the first. No target is touched.

    `watch` is told each label before its run. Raises `UserError` before anything starts, `RunError` where a run fails,
    each with the way's label.
    """
    chosen = ways(specs, threads)
    with pins.held():  # all ways meet the same version of each table
        return _verified(plan, chosen, watch)


def _verified(plan: Plan, chosen: Sequence[Way], watch: Callable[[str], None] | None) -> Verification:
    first, others = chosen[0], chosen[1:]
    pinned = fixed(ended(plan.pinned()))  # all ways read the same part of a topic
    taken_from = lineages(pinned)
    behind: dict[str, dict[str, str]] = {}
    measured = pinned
    if any(lineage.inexact for lineage in taken_from.values()) and any(w.engine != first.engine for w in others):
        measured, behind = with_magnitudes(pinned)

    def run(plan: Plan, way: Way) -> Captured:
        if watch is not None:
            watch(way.label)
        return capture(plan, engine=way.engine, threads=way.threads, what=f"on {way.label}", read_at=read_at)

    read_at = time.time_ns() // 1_000_000  # one for all ways: how far ahead a time may be does not depend on the engine
    reference = run(measured, first)
    found = Verification(plan.name, {first.label: reference.summary}, {})
    _describe(found, taken_from)
    for way in others:
        other = run(pinned, way)
        found.summaries[way.label] = other.summary
        found.differences[way.label] = {
            sink.name: _compare(
                pinned, sink, reference, other, taken_from[sink.name], behind, way.engine != first.engine
            )
            for sink in pinned.sinks
        }
        _counts(found, first.label, way)
    return found


def _compare(
    plan: Plan,
    sink: Any,
    reference: Captured,
    other: Captured,
    lineage: Lineage,
    behind: dict[str, dict[str, str]],
    loosely: bool,
) -> Difference:
    columns = [name for name in sink.input.schema.names if name not in lineage.volatile]
    made = origin(plan, sink).columns
    magnitudes = behind.get(sink.name, {})
    return compare(
        reference.rows[sink.name],
        other.rows[sink.name],
        columns,
        key=made if set(made) <= set(columns) else (),
        inexact={name: magnitudes.get(name, "") for name in columns if name in lineage.inexact} if loosely else {},
    )


def _describe(found: Verification, taken_from: dict[str, Lineage]) -> None:
    for output, lineage in taken_from.items():
        if lineage.volatile:
            found.left_out[output] = sorted(lineage.volatile)
        found.notes += [f"{output}: {line}" for line in lineage.hanging]


def _counts(found: Verification, reference: str, way: Way) -> None:
    """Compare what the summaries count: dead letters must be as many; late rows, where both decide what is late."""
    a, b = found.summaries[reference], found.summaries[way.label]
    if a.dead != b.dead:
        found.disagreements.append(f"dead letters: {a.dead:,} on {reference}, {b.dead:,} on {way.label}")
    if a.late != b.late:
        line = f"late rows: {a.late:,} on {reference}, {b.late:,} on {way.label}"
        if a.engine == b.engine:
            found.disagreements.append(line)
        else:
            found.notes.append(line)
