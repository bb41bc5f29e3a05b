"""The arithmetic of the experiments: what a round gives, ratios to the ideal, medians and spreads, the table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.lab.bare import Ideal
from caudal.lab.running import Run

Figures = dict[str, float]
"""Figures by name; the unit ends the name, throughputs are messages a second, `cores` a number of cores."""


Row = list[tuple[str, str]]
"""The cells of a row of a table: the column's name and the text."""

BAR = ("|", "|")


@dataclass(slots=True)
class Experiment:
    """A row of the table: the variables of an experiment, and the figures of each round.

    A round's figures are the engine's, those of the ideal (`ideal_...`) and their ratios (`..._ratio`), which are
    above 1 where the engine's is the larger.
    """

    functions: str
    threads: int
    messages: int
    stages: tuple[int, ...]
    rounds: list[Figures] = field(default_factory=list[Figures])

    def median(self) -> Figures:
        """Return the median of each figure over the rounds."""
        return {name: statistics.median(r[name] for r in self.rounds) for name in self.rounds[0]}

    def spread(self) -> dict[str, tuple[float, float]]:
        """Return the smallest and largest of each ratio."""
        names = [name for name in self.rounds[0] if name.endswith("_ratio")]
        return {n: (min(r[n] for r in self.rounds), max(r[n] for r in self.rounds)) for n in names}

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {
            "functions": self.functions,
            "threads": self.threads,
            "messages": self.messages,
            "stages": list(self.stages),
            "median": _rounded(self.median()),
            "spread": {name: [round(low, 4), round(high, 4)] for name, (low, high) in self.spread().items()},
            "rounds": [_rounded(r) for r in self.rounds],
        }


def burst_figures(run: Run, ideal: Ideal, own: Ideal) -> Figures:
    """Return the figures of a round in which the burst was run, the ideal, and bare loops of the engine's own code."""
    ms = run.latencies * 1000
    p50, p99 = np.percentile(ms, [50, 99])
    return {
        "seconds": run.seconds,
        "throughput": run.throughput,
        "mean_ms": float(ms.mean()),
        "p50_ms": float(p50),
        "p99_ms": float(p99),
        "max_ms": float(ms.max()),
        "first_ms": float(ms.min()),
        "cores": run.cores,
        "memory_growth_bytes": float(run.usage.growth),
        **_ideal_figures(ideal),
        "throughput_ratio": run.throughput / ideal.throughput,
        "own_throughput": own.throughput,
        "own_ratio": run.throughput / own.throughput,
        "mean_ratio": float(run.latencies.mean()) / ideal.mean,
        "first_ratio": float(run.latencies.min()) / ideal.chain,
    }


def file_figures(messages: int, job: float, process: float, memory: int, ideal: Ideal) -> Figures:
    """Return the figures of a round in which `caudal run` took `job` seconds, its whole process `process` seconds."""
    return {
        "seconds": job,
        "throughput": messages / job,
        "process_seconds": process,
        "process_throughput": messages / process,
        "memory_peak_bytes": float(memory),
        **_ideal_figures(ideal),
        "throughput_ratio": messages / job / ideal.throughput,
        "process_ratio": messages / process / ideal.throughput,
    }


def _ideal_figures(ideal: Ideal) -> Figures:
    return {
        "ideal_seconds": ideal.seconds,
        "ideal_throughput": ideal.throughput,
        "ideal_mean_ms": ideal.mean * 1000,
        "ideal_chain_ms": ideal.chain * 1000,
    }


_DIGITS = {"bytes": 0, "throughput": 1, "ns": 1, "ms": 3}


def _rounded(figures: Mapping[str, float]) -> Figures:
    return {name: round(value, _DIGITS.get(name.rpartition("_")[2], 6)) for name, value in figures.items()}


def burst_table(experiments: Sequence[Experiment]) -> str:
    """Return the thesis' Table 3 with the optimum beside it: medians, and in brackets the spread of the ratios."""
    return laid_out([_burst_row(e) for e in experiments])


def _burst_row(experiment: Experiment) -> Row:
    m, s = experiment.median(), experiment.spread()
    return [
        *_variables(experiment),
        ("msg/s", f"{m['throughput']:,.1f}"),
        ("ideal", f"{m['ideal_throughput']:,.1f}"),
        ("ratio", f"{m['throughput_ratio']:.3f} {_between(s['throughput_ratio'])}"),
        ("of own code", f"{m['own_ratio']:.3f} {_between(s['own_ratio'])}"),
        BAR,
        ("mean ms", f"{m['mean_ms']:,.1f}"),
        ("optimum", f"{m['ideal_mean_ms']:,.1f}"),
        ("ratio", f"{m['mean_ratio']:.3f} {_between(s['mean_ratio'])}"),
        BAR,
        ("p50", f"{m['p50_ms']:,.1f}"),
        ("p99", f"{m['p99_ms']:,.1f}"),
        ("max", f"{m['max_ms']:,.1f}"),
        BAR,
        ("first", f"{m['first_ms']:,.1f}"),
        ("chains", f"{m['first_ratio']:.2f}"),
        BAR,
        ("cores", f"{m['cores']:.2f}"),
    ]


def file_table(experiments: Sequence[Experiment]) -> str:
    """Return the same for runs of `caudal run` from file to file."""
    return laid_out([_file_row(e) for e in experiments])


def _file_row(experiment: Experiment) -> Row:
    m, s = experiment.median(), experiment.spread()
    return [
        *_variables(experiment),
        ("msg/s", f"{m['throughput']:,.1f}"),
        ("ideal", f"{m['ideal_throughput']:,.1f}"),
        ("ratio", f"{m['throughput_ratio']:.3f} {_between(s['throughput_ratio'])}"),
        BAR,
        ("process", f"{m['process_throughput']:,.1f}"),
        ("ratio", f"{m['process_ratio']:.3f} {_between(s['process_ratio'])}"),
        BAR,
        ("memory", f"{m['memory_peak_bytes'] / 1e6:,.0f} MB"),
    ]


def _variables(experiment: Experiment) -> Row:
    return [
        ("functions", experiment.functions),
        ("threads", f"{experiment.threads}"),
        ("messages", f"{experiment.messages:,}"),
        BAR,
    ]


def _between(ends: Sequence[float]) -> str:
    return f"({ends[0]:.3f}-{ends[1]:.3f})"


def laid_out(rows: Sequence[Row]) -> str:
    """Return a table under the names of the first row's cells: the first column to the left, the others to the right."""
    table = [[name for name, _ in rows[0]], *([text for _, text in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ["  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]) for row in table]
    return "\n".join(line.rstrip() for line in lines)


def call_table(costs: Mapping[str, Figures], loads: Sequence[Mapping[str, Any]]) -> str:
    """Return what a call of each kind costs, and how row functions compare with bare loops."""
    first = laid_out(
        [
            [("a call of", kind), ("ns", f"{c['call_ns']:,.1f}"), ("with the row's own cost", f"{c['row_ns']:,.1f}")]
            for kind, c in costs.items()
        ]
    )
    second = laid_out(
        [
            [
                ("row function", str(load["name"])),
                ("threads", f"{load['threads']}"),
                ("us a call", f"{load['call_us']:,.1f}"),
                ("calls/s", f"{load['throughput']:,.0f}"),
                ("bare", f"{load['ideal_throughput']:,.0f}"),
                ("ratio", f"{load['throughput_ratio']:.3f} {_between(load['spread'])}"),
                ("speed-up", f"{load['speed_up']:.2f}"),
            ]
            for load in loads
        ]
    )
    return f"{first}\n\n{second}"
