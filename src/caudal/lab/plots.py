"""The thesis' figures: latency per message index, and processor use over time; PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from caudal.core.errors import InputError, OptionError
from caudal.lab.bare import Ideal
from caudal.lab.figures import Experiment
from caudal.lab.running import Run

FORMATS = ("png", "svg")
_DOTS = 2000
"""Messages that a panel shows: more would only make the file larger."""

Last = Sequence[tuple[Experiment, Run, Ideal]]


def check() -> None:
    """Raise `OptionError` unless there is matplotlib; to be called before minutes are spent on measuring."""
    try:
        import matplotlib  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise OptionError(
            "the plots need matplotlib, which is not installed",
            detail=str(error),
            hint="pip install 'caudal[lab]', or --no-plots",
        ) from error


def draw(last: Last, folder: Path) -> list[Path]:
    """Write latency.png, latency.svg, cpu.png and cpu.svg, a panel for each experiment; return their paths.

    Raises `InputError` where they cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [*_figure(last, folder / "latency", _latency), *_figure(last, folder / "cpu", _processor)]
    except OSError as error:
        raise InputError("the plots cannot be written", location=str(folder), detail=str(error)) from error


def _figure(last: Last, stem: Path, panel: Any) -> list[Path]:
    from matplotlib.figure import Figure

    columns = min(len(last), 2)
    rows = -(-len(last) // columns)
    figure: Any = Figure(figsize=(6.4 * columns, 3.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (experiment, run, ideal) in zip(axes, last):
        threads = f"{experiment.threads} thread{'' if experiment.threads == 1 else 's'}"
        axis.set_title(f"{experiment.functions}, {threads}, {experiment.messages:,} messages", fontsize=10)
        panel(axis, experiment, run, ideal)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    for axis in axes[len(last) :]:
        axis.set_visible(False)
    paths = [stem.with_suffix(f".{format}") for format in FORMATS]
    for path in paths:
        figure.savefig(path)
    return paths


def _latency(axis: Any, experiment: Experiment, run: Run, ideal: Ideal) -> None:
    index = np.unique(np.linspace(0, run.messages - 1, min(run.messages, _DOTS)).astype(np.int64))
    axis.plot(index, run.latencies[index], ".", markersize=2, label="caudal")
    axis.plot([0, run.messages], [0, ideal.seconds], "-", linewidth=1, color="black", label="optimum")
    axis.axhline(float(run.latencies.mean()), linestyle="--", linewidth=1, label="mean")
    axis.set_xlabel("message")
    axis.set_ylabel("latency, s")


def _processor(axis: Any, experiment: Experiment, run: Run, ideal: Ideal) -> None:
    busy = run.usage.busy()
    axis.plot([t - run.begun for t, _ in busy], [100 * c / experiment.threads for _, c in busy], label="caudal")
    axis.axvspan(0, run.seconds, alpha=0.1, label="from the burst to its last result")
    axis.axhline(100, linestyle="-", linewidth=1, color="black", label="all threads busy")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("s")
    axis.set_ylabel("% of the threads' cores")
