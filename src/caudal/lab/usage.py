"""What a run takes of the machine: processor time and memory of this process and its children, over time."""

from __future__ import annotations

import itertools
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

EVERY = 0.05
"""Seconds between two looks."""

_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(slots=True)
class Usage:
    """Looks, in order: `times` (seconds, the clock of `time.perf_counter`), `cpu` (seconds of all cores up to then),
    `memory` (resident bytes)."""

    times: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])
    memory: list[int] = field(default_factory=list[int])

    def busy(self) -> list[tuple[float, float]]:
        """Return (the middle of two looks, cores that were busy between them), in order."""
        looks = list(zip(self.times, self.cpu))
        return [((a + b) / 2, (d - c) / (b - a)) for (a, c), (b, d) in itertools.pairwise(looks) if b > a]

    def cores(self, begin: float, end: float) -> float:
        """Return how many cores were busy between two times, as far as looks lie between them; 0 where none do."""
        inside = [(t, c) for t, c in zip(self.times, self.cpu) if begin <= t <= end]
        if len(inside) < 2:
            return 0.0
        return (inside[-1][1] - inside[0][1]) / (inside[-1][0] - inside[0][0])

    @property
    def growth(self) -> int:
        """Bytes by which the largest look exceeds the first."""
        return max(self.memory, default=0) - (self.memory[0] if self.memory else 0)


class Watch:
    """Looks now and then inside a `with` block, which gets the `Usage`; at its beginning and end too.

    Children count while they run. Where there is no /proc there are neither children nor memory.
    """

    def __init__(self, every: float = EVERY) -> None:
        self.usage = Usage()
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="caudal-lab-usage", daemon=True)

    def __enter__(self) -> Usage:
        self._look()
        self._thread.start()
        return self.usage

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self._look()

    def _look(self) -> None:
        cpu, memory = time.process_time(), _resident(_PROC / "self")
        for child in children():
            cpu += _processor(child)
            memory += _resident(child)
        self.usage.times.append(time.perf_counter())
        # a child that has ended takes its time along; what was counted stays counted
        self.usage.cpu.append(max([cpu, *self.usage.cpu[-1:]]))
        self.usage.memory.append(memory)


def children() -> list[Path]:
    """Return the directories in /proc of the processes that this one has started."""
    found: list[Path] = []
    for thread in _PROC.glob("self/task/*/children"):
        try:
            found += [_PROC / number for number in thread.read_text().split()]
        except OSError:
            continue
    return found


def _processor(process: Path) -> float:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICK
    except (OSError, IndexError):
        return 0.0


def _resident(process: Path) -> int:
    try:
        return int((process / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def peak(process: int) -> int:
    """Return the most bytes that a running process has held so far, 0 where nobody knows.

    (What `wait4` says of a child is at least what its parent held when it was started.)
    """
    try:
        status = (_PROC / str(process) / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        return 0
