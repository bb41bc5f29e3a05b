"""The distances experiments: 10,000 NetFlow events in one window, 50,000 over many, on several engines.

After the blog post behind caudal: every two flows of an address within three seconds are compared, and its figures tell
when results came out, what each engine took, and how distances are distributed. The pipeline is `examples/netflow.py`;
only `ts_output` is taken inside the function that computes the distances of a window, as the post took it: `cd.now()`
is one instant for a whole query on some engines.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from caudal.core.errors import OptionError, RunError
from caudal.lab import flows
from caudal.lab.burst import Say
from caudal.lab.estimates import estimate
from caudal.lab.running import path_of
from caudal.lab.ways import Took, Way, chosen, cores, run

BINS = 60

_STAMPED = (
    ("import math\n", "import math\nfrom time import time_ns\n"),
    (
        '"sample_rate": np.full(len(order), len(ids) / flows),',
        '"sample_rate": np.full(len(order), len(ids) / flows),\n'
        '            "made": np.full(len(order), time_ns() // 1_000_000),',
    ),
    ('"sample_rate": "float64",\n', '"sample_rate": "float64",\n        "made": "int64",\n'),
    ('ts_output=cd.now().cast("int64")', 'ts_output="made"'),
)
"""What is written otherwise in the pipeline, and how."""

Measure = Callable[[str, Path, Path, int], Took]
"""Runs the pipeline on an engine over a file into another, with so many threads."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `events`: of the experiment in one window, and of that over `windows`; `threads`: 0 for the cores."""

    engines: Sequence[str] = ("local", "flink", "spark")
    threads: int = 0
    events: Sequence[int] = (10_000, 50_000)
    windows: int = 20
    repeat: int = 3

    def checked(self) -> Settings:
        """Return the same with every default filled in; raises `OptionError` for what cannot be run."""
        least = 2 * flows.ADDRESSES
        if len(self.events) != 2 or self.events[0] < least or self.events[1] < least * self.windows:
            raise OptionError(
                "--events takes two numbers, of the events in one window and of those over many",
                detail=f"each window needs {least} of them at least",
                hint="such as 10000,50000",
            )
        for what, given in (("windows", self.windows), ("threads", self.threads or 1), ("repeat", self.repeat)):
            if given < 1:
                raise OptionError(f"--{what} takes numbers from 1 on")
        return Settings(chosen(self.engines), self.threads or cores(), self.events, self.windows, self.repeat)


class Call(NamedTuple):
    """Pairs that were made at the same time for a window: `window` is its number, `made` is in seconds from the start of
    the process, `total` how many results there were by then."""

    window: int
    made: float
    total: int


@dataclass(slots=True)
class Run:
    """What the rounds on an engine took. `seconds`: the whole process; `spans`: from the first result to the last, as
    the blog post counts; `calls`: when results were made, in the last round."""

    engine: str
    seconds: list[float] = field(default_factory=list[float])
    spans: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    calls: list[Call] = field(default_factory=list[Call])

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        told = {"process_seconds": self.seconds, "span_seconds": self.spans, "cpu_seconds": self.cpu}
        by_window: dict[int, list[float]] = {}
        for call in self.calls:
            by_window.setdefault(call.window, []).append(call.made)
        return {
            "engine": self.engine,
            **{name: each.to_json() for name, values in told.items() if (each := estimate(values))},
            "windows": [
                {"window": w, "first_seconds": round(min(made), 3), "last_seconds": round(max(made), 3)}
                for w, made in sorted(by_window.items())
            ],
            "results_by_seconds": [[round(call.made, 3), call.total] for call in self.calls],
        }


@dataclass(slots=True)
class Experiment:
    """So many events over so many windows. `pairs`: the results of each run; `histogram`: (edges, counts)."""

    events: int
    windows: int
    runs: list[Run]
    pairs: int = 0
    histogram: tuple[Sequence[float], Sequence[int]] = ((0.0, 1.0), (0,))

    @property
    def title(self) -> str:
        """What it is called in plots."""
        return f"{self.events:,} events, {self.windows} window{'' if self.windows == 1 else 's'}"

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        edges, counts = self.histogram
        return {
            "events": self.events,
            "windows": self.windows,
            "pairs": self.pairs,
            "engines": [run.to_json() for run in self.runs],
            "distances": {"edges": [*edges], "pairs": [*counts]},
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured."""

    experiments: list[Experiment]
    threads: int

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"threads": self.threads, "experiments": [each.to_json() for each in self.experiments]}


def windows(settings: Settings, say: Say, measure: Measure | None = None) -> Outcome:
    """Run both experiments, the engines in turns; raises `OptionError` before anything runs, `RunError` for what breaks
    or gives other distances than the first engine."""
    settings = settings.checked()
    with tempfile.TemporaryDirectory(prefix="caudal-lab-") as name:
        folder = Path(name)
        pipeline = folder / "netflow.py"
        pipeline.write_text(stamped(Path(path_of("netflow")).read_text(encoding="utf-8")), encoding="utf-8")

        def measured(engine: str, given: Path, taken: Path, threads: int) -> Took:
            return run(Way(engine, dead="file"), pipeline, given, taken, threads)

        experiments = [
            _experiment(settings, events, count, folder, say, measure or measured)
            for events, count in zip(settings.events, (1, settings.windows))
        ]
    return Outcome(experiments, settings.threads)


def stamped(text: str) -> str:
    """Return the pipeline with `ts_output` taken where the distances of a window are computed."""
    for old, new in _STAMPED:
        if text.count(old) != 1:
            raise RunError("the pipeline is not the one that was measured before", detail=f"it should hold once: {old}")
        text = text.replace(old, new)
    return text


def _experiment(settings: Settings, events: int, count: int, folder: Path, say: Say, measure: Measure) -> Experiment:
    experiment = Experiment(events, count, [Run(engine) for engine in settings.engines])
    given, taken = folder / f"flows-{events}-{count}.jsonl", folder / "distances.jsonl"
    flows.generate(events, count, given)
    wanted: tuple[str, tuple[int, int]] | None = None
    for number in range(settings.repeat):
        first = number % len(experiment.runs)
        for each in [*experiment.runs[first:], *experiment.runs[:first]]:
            say(f"{each.engine}, {experiment.title}: round {number + 1} of {settings.repeat}")
            took = measure(each.engine, given, taken, settings.threads)
            rows = read(taken)
            taken.unlink()
            if rows.is_empty():
                raise RunError(f"{each.engine} gave no distances")
            same = fingerprint(rows)
            before, known = wanted = wanted or (each.engine, same)
            if same != known:
                raise RunError(
                    f"{each.engine} gave other distances than {before}", detail=f"{same[0]:,} pairs and {known[0]:,}"
                )
            _note(each, took, rows)
            if not experiment.pairs:
                experiment.pairs = len(rows)
                counts, edges = np.histogram(rows["distance"].to_numpy(), BINS)
                experiment.histogram = (edges.tolist(), counts.tolist())
    return experiment


def read(path: Path) -> pl.DataFrame:
    """Return the results in a file, as far as they are needed here."""
    kinds = {
        "eventid_1": pl.Int64,
        "ts_flow1": pl.Int64,
        "eventid_2": pl.Int64,
        "distance": pl.Float64,
        "ts_output": pl.Int64,
    }
    return pl.scan_ndjson(path, schema=kinds).collect()


def fingerprint(rows: pl.DataFrame) -> tuple[int, int]:
    """Return how many pairs there are, and a number that depends on which, in any order, and on their distances."""
    # wrapping sums of hashes
    return len(rows), int(
        rows.select("eventid_1", "eventid_2", "distance").hash_rows(0).to_numpy().sum(dtype=np.uint64)
    )


def _note(run: Run, took: Took, rows: pl.DataFrame) -> None:
    window = (pl.col("ts_flow1") - flows.START) // flows.WINDOW
    made = (
        rows.group_by(window.alias("window"), "ts_output")
        .len("pairs")
        .sort("ts_output", "window")
        .with_columns(total=pl.col("pairs").cum_sum())
    )
    run.seconds.append(took.seconds)
    run.cpu.append(took.cpu)
    run.spans.append((int(made["ts_output"][-1]) - int(made["ts_output"][0])) / 1000)
    run.calls = [
        Call(w, t / 1000 - took.begun, n) for w, t, n in made.select("window", "ts_output", "total").iter_rows()
    ]
