"""The plots of the experiments that run several engines: throughput against cores, windows over time; PNG and SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from caudal.core.errors import InputError
from caudal.lab import throughput, windows
from caudal.lab.estimates import estimate
from caudal.lab.plots import FORMATS

_MARKS = "osv^Dx"


def draw_throughput(outcome: throughput.Outcome, folder: Path) -> list[Path]:
    """Write throughput.png and .svg, and by-hand.png and .svg where something was compared; return their paths.

    Raises `InputError` where they cannot be written.
    """
    pairs = [pair for pair in outcome.pairs() if pair.first.way.engine == pair.second.way.engine]
    paths = written(folder, "throughput", lambda figure: _throughput(figure.subplots(), outcome), 6.4, 4.2)
    if pairs:
        paths += written(
            folder, "by-hand", lambda figure: _pairs(figure.subplots(), pairs), 7.2, 1.2 + 0.5 * len(pairs)
        )
    return paths


def draw_windows(outcome: windows.Outcome, folder: Path) -> list[Path]:
    """Write time-line, wall-time and distances, each as PNG and SVG; return their paths. Raises `InputError`."""
    count = len(outcome.experiments)
    engines = max(len(each.runs) for each in outcome.experiments)
    return [
        *written(folder, "time-line", lambda figure: _time_lines(figure, outcome), 5.2 * engines, 3.6 * count),
        *written(folder, "wall-time", lambda figure: _wall_times(figure, outcome), 4.8 * count, 3.6),
        *written(folder, "distances", lambda figure: _distances(figure, outcome), 5.2 * count, 3.6),
    ]


def written(folder: Path, stem: str, fill: Callable[[Any], None], width: float, height: float) -> list[Path]:
    """Write a figure of this size as `stem`.png and .svg; return their paths. Raises `InputError`."""
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(width, height), layout="constrained")
    fill(figure)
    paths = [folder / f"{stem}.{format}" for format in FORMATS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in paths:
            figure.savefig(path)
    except OSError as error:
        raise InputError("the plots cannot be written", location=str(folder), detail=str(error)) from error
    return paths


def _throughput(axis: Any, outcome: throughput.Outcome) -> None:
    engines = [*dict.fromkeys(s.way.engine for s in outcome.series)]
    for mark, engine in zip(_MARKS * len(engines), engines):
        points: list[tuple[int, float, float]] = []
        for each in outcome.series:
            rate = estimate(each.rates()) if each.way == throughput.Way(engine) else None
            if rate is not None:
                points.append((each.threads, rate.mean, rate.half if math.isfinite(rate.half) else 0.0))
        if points:
            x, y, half = zip(*points)
            # an interval that reaches below zero cannot be drawn on this scale: it ends at the bottom
            below = [min(h, 0.95 * m) for m, h in zip(y, half)]
            axis.errorbar(x, y, yerr=[below, half], marker=mark, capsize=4, linewidth=1, label=engine)
    axis.set_yscale("log")
    axis.set_xticks(sorted({s.threads for s in outcome.series}))
    axis.set_xlabel("cores (operator threads)")
    axis.set_ylabel("messages a minute, start-up excluded")
    axis.grid(alpha=0.3, which="both")
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8)


def _pairs(axis: Any, pairs: Sequence[throughput.Pair]) -> None:
    for row, pair in enumerate(reversed(pairs)):
        rate = pair.rate()
        if rate is not None:
            axis.errorbar(
                rate.median, row, xerr=[[rate.median - rate.least], [rate.most - rate.median]], marker="o", capsize=4
            )
    axis.axvline(1, color="black", linewidth=1)
    axis.set_yticks(range(len(pairs)), [pair.what for pair in reversed(pairs)], fontsize=8)
    axis.set_ylim(-0.5, len(pairs) - 0.5)
    axis.set_xlim(left=0)
    axis.set_xlabel("ratio of messages a minute: median, least and most of the rounds")
    axis.grid(alpha=0.3, axis="x")


def _time_lines(figure: Any, outcome: windows.Outcome) -> None:
    engines = max(len(each.runs) for each in outcome.experiments)
    grid = figure.subplots(len(outcome.experiments), engines, squeeze=False)
    for row, experiment in zip(grid, outcome.experiments):
        for axis, run in zip(row, experiment.runs):
            calls = run.calls
            axis.scatter(
                [c.made for c in calls], [c.total for c in calls], s=6, c=[c.window for c in calls], cmap="viridis"
            )
            axis.set_title(f"{run.engine}: {experiment.title}", fontsize=9)
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            axis.set_xlabel("s since the process began")
            axis.set_ylabel("results so far, by window")
            axis.grid(alpha=0.3)


def _wall_times(figure: Any, outcome: windows.Outcome) -> None:
    for axis, experiment in zip(figure.subplots(1, len(outcome.experiments), squeeze=False)[0], outcome.experiments):
        for shown, width, values in (
            ("whole process", 0.7, [estimate(r.seconds) for r in experiment.runs]),
            ("first to last result", 0.4, [estimate(r.spans) for r in experiment.runs]),
        ):
            known = [(x, v) for x, v in enumerate(values) if v is not None]
            errors = [v.half if math.isfinite(v.half) else 0.0 for _, v in known]
            axis.bar([x for x, _ in known], [v.mean for _, v in known], width, yerr=errors, capsize=4, label=shown)
        axis.set_xticks(range(len(experiment.runs)), [run.engine for run in experiment.runs])
        axis.set_title(experiment.title, fontsize=9)
        axis.set_ylim(bottom=0)
        axis.set_ylabel("s")
        axis.grid(alpha=0.3, axis="y")
        axis.legend(fontsize=8)


def _distances(figure: Any, outcome: windows.Outcome) -> None:
    for axis, experiment in zip(figure.subplots(1, len(outcome.experiments), squeeze=False)[0], outcome.experiments):
        edges, counts = experiment.histogram
        axis.stairs(counts, edges, fill=True)
        axis.set_title(experiment.title, fontsize=9)
        axis.set_xlabel("Euclidean distance")
        axis.set_ylabel("pairs")
        axis.grid(alpha=0.3)
