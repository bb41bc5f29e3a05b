"""The burst experiment: every combination of functions, threads and burst, in turns with the ideal.

After the thesis behind caudal: five stages of recursive Fibonacci, 10-20-30-20-10, over bursts of 1,000 and 10,000
messages; its Table 3 tells throughput and mean latency.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from caudal.core.errors import OptionError, RunError, nearest
from caudal.lab.bare import KINDS, Ideal, own
from caudal.lab.figures import Experiment, burst_figures, file_figures
from caudal.lab.running import Run, lines, measure, path_of, shipped
from caudal.lab.usage import EVERY, peak

STAGES = {"jit": (10, 20, 30, 20, 10), "python": (10, 15, 20, 15, 10)}
"""What the stages compute. CPython takes some 30 times as long as machine code, so its stages are smaller."""

A = TypeVar("A")
B = TypeVar("B")

Say = Callable[[str], None]
"""Takes a line that tells how far the experiment is."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run. `stages`: five numbers, or none for `STAGES`; `threads`: none for 1 to the number of cores."""

    messages: Sequence[int] = (1000, 10_000)
    threads: Sequence[int] = ()
    functions: Sequence[str] = ("jit", "python")
    stages: Sequence[int] = ()
    repeat: int = 3

    def experiments(self) -> list[Experiment]:
        """Return the combinations, without rounds; raises `OptionError` for what none can be made of."""
        for name in self.functions:
            if name not in KINDS:
                raise OptionError(f"there are no functions of the kind '{name}'", hint=nearest(name, KINDS))
        if self.stages and (len(self.stages) != 5 or not all(0 <= stage <= 45 for stage in self.stages)):
            raise OptionError("--stages takes five numbers from 0 to 45", hint="such as 10,20,30,20,10")
        threads = self.threads or range(1, (os.cpu_count() or 1) + 1)
        for what, given in (("messages", self.messages), ("threads", threads), ("repeat", (self.repeat,))):
            if not given or min(given) < 1:
                raise OptionError(f"--{what} takes numbers from 1 on")
        return [
            Experiment(kind, count, messages, tuple(self.stages or STAGES[kind]))
            for kind in self.functions
            for messages in self.messages
            for count in threads
        ]


@dataclass(slots=True)
class Outcome:
    """The experiments, and for each the run of its last round, for plots (none from file to file)."""

    experiments: list[Experiment] = field(default_factory=list[Experiment])
    last: list[tuple[Experiment, Run, Ideal]] = field(default_factory=list[tuple[Experiment, Run, Ideal]])


def burst(settings: Settings, say: Say) -> Outcome:
    """Run the experiment; raises `OptionError` before anything runs, `RunError` for what breaks."""
    outcome = Outcome(settings.experiments())
    met: set[tuple[str, int]] = set()
    for experiment in outcome.experiments:
        kind, threads = experiment.functions, experiment.threads
        if (kind, threads) not in met:
            met.add((kind, threads))
            _engine(Experiment(kind, threads, 8 * threads, (1,) * 5))  # what a process loads once is no burst's
        for number in _rounds(experiment, settings.repeat, say):
            run, (ideal, bare) = _in_turns(number, lambda e=experiment: _engine(e), lambda e=experiment: _ideals(e))
            experiment.rounds.append(burst_figures(run, ideal, bare))
            if number == settings.repeat:
                outcome.last.append((experiment, run, ideal))
    return outcome


def files(settings: Settings, say: Say) -> Outcome:
    """Run the same pipeline by `caudal run`, from a file of JSON lines to another, in processes of its own."""
    outcome = Outcome(settings.experiments())
    with tempfile.TemporaryDirectory(prefix="caudal-lab-") as folder:
        for experiment in outcome.experiments:
            given = Path(folder) / "messages.jsonl"
            given.write_bytes(lines(experiment.messages, message(experiment.stages)))
            for number in _rounds(experiment, settings.repeat, say):
                made, ideal = _in_turns(
                    number, lambda e=experiment, g=given: _process(e, g), lambda e=experiment: _ideal(e)
                )
                experiment.rounds.append(file_figures(experiment.messages, *made, ideal))
    return outcome


def message(stages: Sequence[int]) -> dict[str, int]:
    """Return what a message holds beside its id."""
    return {**{f"stage{i}": stage for i, stage in enumerate(stages, 1)}, "timestamp": 0}


def _rounds(experiment: Experiment, repeat: int, say: Say) -> Iterator[int]:
    threads = f"{experiment.threads} thread{'' if experiment.threads == 1 else 's'}"
    for number in range(1, repeat + 1):
        say(f"{experiment.functions}, {threads}, {experiment.messages:,} messages: round {number} of {repeat}")
        yield number


def _in_turns(number: int, a: Callable[[], A], b: Callable[[], B]) -> tuple[A, B]:
    """Do both, every other round the second first: a machine that grows slower favours neither."""
    if number % 2:
        return a(), b()
    second = b()
    return a(), second


def _engine(experiment: Experiment) -> Run:
    plan = shipped("fibonacci", functions=experiment.functions)
    values = message(experiment.stages)
    return measure(plan, experiment.messages, values, threads=experiment.threads, warm=experiment.functions == "python")


def _ideal(experiment: Experiment) -> Ideal:
    return KINDS[experiment.functions](experiment.threads, experiment.messages, experiment.stages)


def _ideals(experiment: Experiment) -> tuple[Ideal, Ideal]:
    """Return the ideal, and bare loops of the engine's own code; of plain Python they are the same."""
    ideal = _ideal(experiment)
    if experiment.functions != "jit":
        return ideal, ideal
    return ideal, own(experiment.threads, experiment.messages, experiment.stages)


def _process(experiment: Experiment, given: Path) -> tuple[float, float, int]:
    """Return the seconds of the job and of the whole process, and the most memory that the process held, in bytes."""
    taken = given.with_name("results.jsonl")
    settings = {"path": given, "out": taken, "functions": experiment.functions}
    command = [sys.executable, "-m", "caudal", "run", path_of("fibonacci"), "--dead", "discard", "--json"]
    command += ["--threads", str(experiment.threads)]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    begin, memory, said = time.perf_counter(), 0, None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while said is None:
            try:
                said, _ = process.communicate(timeout=EVERY)
            except subprocess.TimeoutExpired:
                memory = max(memory, peak(process.pid))
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise RunError(f"caudal run ended with exit code {process.returncode}", detail=said.strip()[:1000])
    summary = json.loads(said)
    written = sum(target["rows"] for target in summary["targets"])
    if written != experiment.messages:
        raise RunError(f"{experiment.messages:,} messages gave {written:,} results")
    return summary["seconds"], seconds, memory
