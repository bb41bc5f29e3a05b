"""The ways of running a pipeline that are compared: an engine by `caudal run`, or a program written for it by hand.

Each runs in a process of its own, as users run it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caudal.core.errors import OptionError, nearest
from caudal.lab import process
from caudal.lab.running import path_of
from caudal.ports import registry
from caudal.ports.environment import Health

BY_HAND = {"flink": ("streaming", "batch"), "spark": ("batch",)}
"""The programs that were written by hand: an engine's modes, the first of which is the one to compare with."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way of running a pipeline. `by_hand`: the mode of the program by hand, "" for `caudal run`; `dead`: what happens
    to lines that do not fit, "file" (they are checked, counted and kept) or "discard"."""

    engine: str
    by_hand: str = ""
    dead: str = "discard"

    @property
    def name(self) -> str:
        """What it is called in tables and plots."""
        if self.by_hand:
            only = len(BY_HAND[self.engine]) == 1
            return f"{self.engine} by hand" + ("" if only else f", {self.by_hand}")
        return self.engine + ("" if self.dead == "discard" else ", checked")


@dataclass(frozen=True, slots=True)
class Took:
    """What a run took. `seconds`: the whole process; `job`: what caudal's summary says (0 by hand: not known); `cpu`:
    processor seconds of all that ran; `begun`: seconds since 1970 at its start."""

    seconds: float
    job: float
    cpu: float
    begun: float


def chosen(names: Sequence[str]) -> list[str]:
    """Check names of engines, and that each can run; raises `OptionError`."""
    known = registry.available("engine")
    for name in names:
        if name not in known:
            raise OptionError(f"unknown engine '{name}'", hint=nearest(name, known))
        if name in registry.available("environment"):
            found = health(name)
            if not found.ready:
                problem = found.problems[0] if found.problems else None
                raise OptionError(
                    problem.message if problem else f"{name} is {found.state}",
                    hint=problem.hint if problem else f"run: caudal engines install {name}",
                )
    return [*dict.fromkeys(names)]


def run(way: Way, pipeline: str | Path, given: Path, taken: Path, threads: int) -> Took:
    """Run it over a file of JSON lines, into another; raises `RunError` where it fails."""
    if way.by_hand:
        ended = process.run(_program(way, given, taken, threads), taken.parent)
        return Took(ended.seconds, 0.0, ended.cpu, ended.begun)
    settings = {"path": given, "out": taken}
    command = [sys.executable, "-m", "caudal", "run", str(pipeline), "--engine", way.engine, "--json"]
    command += ["--dead", way.dead, "--late", "discard"]  # none is late in what is measured
    command += ["--threads", str(threads), *(part for k, v in settings.items() for part in ("--set", f"{k}={v}"))]
    ended = process.run(command, taken.parent)
    return Took(ended.seconds, _summary(ended.out)["seconds"], ended.cpu, ended.begun)


def _program(way: Way, given: Path, taken: Path, threads: int) -> list[str]:
    script = Path(path_of("byhand")).with_suffix("") / f"{way.engine}.py"
    python = health(way.engine).python
    return [python, "-W", "ignore", str(script), str(given), str(taken), str(threads), way.by_hand]


def _summary(out: str) -> Mapping[str, Any]:
    return json.loads(out.strip().splitlines()[-1])


def health(engine: str) -> Health:
    """Return the state of an engine's environment."""
    return registry.find("environment", engine).health()


def cores() -> int:
    """Return how many cores there are."""
    return os.cpu_count() or 1
