"""One measured process: how long it took, and the processor time of it and of all that it started."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caudal.core.errors import RunError

EVERY = 0.05
"""Seconds between two looks at the processor time."""

_TICK = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended. `seconds`: from its start to its end; `cpu`: processor seconds of it and what it started (0
    where there is no /proc); `begun`: seconds since 1970 at its start; `out`: its standard output."""

    seconds: float
    cpu: float
    begun: float
    out: str


def run(command: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end in a directory; raises `RunError` for an exit code that is not 0."""
    watch = Tree()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        begun, begin = time.time(), time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={**os.environ, **(variables or {})},
        )
        watch.add(process.pid)
        try:
            while True:
                try:
                    process.wait(EVERY)
                    break
                except subprocess.TimeoutExpired:
                    watch.look()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        seconds = time.perf_counter() - begin
        out.seek(0)
        err.seek(0)
        said = out.read()
        if process.returncode:
            detail = "\n".join((said + err.read()).strip().splitlines()[-8:])
            raise RunError(
                f"{Path(command[0]).name} ended with exit code {process.returncode}",
                detail=f"{' '.join(command)}\n{detail}",
            )
    return Ended(seconds, watch.cpu, begun, said)


class Tree:
    """The processor time of processes and their descendants, as far as looks have seen them.

    A descendant that outlives its parent stays in sight; what one takes after the last look is not counted.
    """

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}

    def add(self, process: int) -> None:
        """Count a process, and what it will have started."""
        self._seen[process] = 0.0

    def look(self) -> None:
        """Take the processor time of all as it is now."""
        stats = _stats()
        grown = True
        while grown:
            more = {p for p, (parent, _) in stats.items() if parent in self._seen and p not in self._seen}
            self._seen.update(dict.fromkeys(more, 0.0))
            grown = bool(more)
        for process in self._seen:
            if process in stats:
                self._seen[process] = max(self._seen[process], stats[process][1])

    @property
    def cpu(self) -> float:
        """Processor seconds of all up to the last look."""
        return sum(self._seen.values())


def _stats() -> dict[int, tuple[int, float]]:
    """Return the parent and the processor seconds of every process."""
    found: dict[int, tuple[int, float]] = {}
    for entry in _PROC.glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            found[int(entry.parent.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / _TICK)
        except (OSError, IndexError, ValueError):
            continue
    return found
