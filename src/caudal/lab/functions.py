"""What a call costs, for each kind of function, and how plain Python in worker processes compares with bare loops."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from caudal.core.errors import OptionError
from caudal.lab import bare
from caudal.lab.burst import Say
from caudal.lab.figures import Figures
from caudal.lab.running import Run, measure, shipped

KINDS = {"none": 200_000, "expression": 200_000, "jit": 200_000, "batch": 200_000, "row": 20_000}
"""Rows that each kind is given; its function adds one. "none" is what the rows cost without it."""

LOADS = {"fibonacci(10)": (10, 40_000), "fibonacci(20)": (20, 1_000)}
"""Plain Python of some 10 us and some 1 ms a call: the argument, and how many calls."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `threads`: numbers of threads for the row functions, none for 1 and the cores; `scale`: a factor
    of how many rows."""

    threads: Sequence[int] = ()
    repeat: int = 3
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`costs`: by kind, `call_ns` (beyond what the rows cost without a function) and `row_ns` (with it), one thread.

    `loads`: for each load and number of threads a dict of name, threads, call_us (of the bare loop), throughput and
    ideal_throughput (calls a second), throughput_ratio with its spread, and speed_up over the fewest threads.
    """

    costs: dict[str, Figures]
    loads: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"calls": self.costs, "row_functions": self.loads}


def functions(settings: Settings, say: Say) -> Outcome:
    """Run the experiment; raises `OptionError` before anything runs, `RunError` for what breaks."""
    threads = sorted(settings.threads or {1, os.cpu_count() or 1})
    for what, number in (("threads", threads[0]), ("repeat", settings.repeat)):
        if number < 1:
            raise OptionError(f"--{what} takes numbers from 1 on")
    return Outcome(_costs(settings, say), _loads(settings, threads, say))


def _costs(settings: Settings, say: Say) -> dict[str, Figures]:
    nanoseconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(settings.repeat + 1):  # the first is not counted: what a process loads once
        say(f"calls of each kind: round {number} of {settings.repeat}")
        for kind, rows in KINDS.items():
            run = _run(kind, 1, max(1, int(rows * settings.scale)), 1)
            if number:
                nanoseconds[kind].append(1e9 * run.seconds / run.messages)
    whole = {kind: statistics.median(taken) for kind, taken in nanoseconds.items()}
    own = {
        kind: statistics.median(a - b for a, b in zip(taken, nanoseconds["none"]))
        for kind, taken in nanoseconds.items()
        if kind != "none"
    }
    return {kind: {"call_ns": max(own[kind], 0.0), "row_ns": whole[kind]} for kind in own}


def _loads(settings: Settings, threads: Sequence[int], say: Say) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, (argument, calls) in LOADS.items():
        count = max(1, int(calls * settings.scale))
        rates: dict[int, list[tuple[float, float]]] = {n: [] for n in threads}
        for number in range(1, settings.repeat + 1):
            say(f"{name}: round {number} of {settings.repeat}")
            for n in threads:
                ideal = bare.plain(n, count, (argument,))
                rates[n].append((_run("fibonacci", argument, count, n).throughput, ideal.throughput))
        alone = [rate for rate, _ in rates[threads[0]]]
        for n in threads:
            ratios = [rate / ideal for rate, ideal in rates[n]]
            made.append(
                {
                    "name": name,
                    "threads": n,
                    "call_us": 1e6 * n / statistics.median(ideal for _, ideal in rates[n]),
                    "throughput": statistics.median(rate for rate, _ in rates[n]),
                    "ideal_throughput": statistics.median(ideal for _, ideal in rates[n]),
                    "throughput_ratio": statistics.median(ratios),
                    "spread": [min(ratios), max(ratios)],
                    "speed_up": statistics.median(rate / one for (rate, _), one in zip(rates[n], alone)),
                }
            )
    return made


def _run(kind: str, argument: int, rows: int, threads: int) -> Run:
    plan = shipped("calls", kind=kind)
    return measure(plan, rows, {"n": argument}, threads=threads, warm=kind in ("row", "fibonacci"))
