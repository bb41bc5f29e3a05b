"""Many schedules: played in one process or several, and what they came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from caudal.checkpoint.simulator.bug import Bug
from caudal.checkpoint.simulator.coverage import Pair
from caudal.checkpoint.simulator.schedule import draw
from caudal.checkpoint.simulator.world import Result, Trace, play

CHUNK = 2_000
"""Schedules that a process plays at a time."""


@dataclass(slots=True)
class Report:
    """What schedules came to. `violations` by seed; `epochs`: how many schedules committed so many."""

    schedules: int = 0
    closed: int = 0
    coverage: Counter[Pair] = field(default_factory=Counter[Pair])
    epochs: Counter[int] = field(default_factory=Counter[int])
    violations: dict[int, str] = field(default_factory=dict[int, str])

    def add(self, other: Report) -> None:
        """Count another's too."""
        self.schedules += other.schedules
        self.closed += other.closed
        self.coverage.update(other.coverage)
        self.epochs.update(other.epochs)
        self.violations.update(other.violations)

    def summary(self) -> str:
        """Return the figures as text."""
        few = sum(count for epochs, count in self.epochs.items() if epochs < 5)
        total = sum(epochs * count for epochs, count in self.epochs.items())
        lines = [
            f"{self.schedules} schedules, {total} epochs committed; {few} schedules with fewer than 5, {self.closed} ended for good",
            *(f"seed {seed}: {violation}" for seed, violation in sorted(self.violations.items())[:20]),
            f"{len(self.violations)} violations",
        ]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Finding:
    """A bug was found: by which schedule, the how many-th that was, and what did not hold."""

    seed: int
    number: int
    violation: str


def play_all(seeds: Sequence[int]) -> Report:
    """Play these, one after the other."""
    report = Report()
    for seed in seeds:
        result = play(draw(seed), report.coverage)
        report.schedules += 1
        report.closed += bool(result.closed)
        report.epochs[result.epochs] += 1
        if result.violation:
            report.violations[seed] = result.violation
    return report


def campaign(seeds: range, processes: int = 1) -> Report:
    """Play these, in so many processes."""
    if processes == 1:
        return play_all(seeds)
    report = Report()
    chunks = [seeds[begin : begin + CHUNK] for begin in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for part in pool.map(play_all, chunks):
            report.add(part)
    return report


def replay(seed: int) -> tuple[Result, Trace]:
    """Play one and return what happened, line by line."""
    trace: Trace = []
    return play(draw(seed), Counter(), trace), trace


def find(bug: Bug, seeds: range) -> Finding | None:
    """Return the first schedule in which a bug shows, None if it shows in none."""
    coverage: Counter[Pair] = Counter()
    with bug.planted():
        for number, seed in enumerate(seeds, 1):
            violation = play(draw(seed), coverage).violation
            if violation:
                return Finding(seed, number, violation)
    return None
