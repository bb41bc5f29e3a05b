"""The burst on Flink, by hand: `byhand/Burst.java`, compiled against Flink's own jars, in a Flink of its own for each run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from caudal.core import duration
from caudal.core.errors import OptionError, RunError
from caudal.lab import ways
from caudal.lab.kafka.worker import Child

_MIDDLE = 4
"""The parallelism of the middle stage that the thesis chose by trial: 1-1-4-1-1."""


def check() -> None:
    """Raise `OptionError` unless Flink, Java and its compiler are there."""
    ways.chosen(["flink"])
    if shutil.which("javac") is None:
        raise OptionError("the job on Flink is Java, and there is no javac", hint="install a JDK, or --engines local")


def compiled(folder: Path) -> Job:
    """Compile the job into a directory. Raises `RunError`."""
    health = ways.health("flink")
    where = "import importlib.util as u; print(u.find_spec('pyflink').submodule_search_locations[0])"
    found = subprocess.run([health.python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    path = ":".join([*map(str, sorted((Path(found) / "lib").glob("*.jar"))), *health.jars])
    folder.mkdir(parents=True)
    source = Path(__file__).with_name("byhand") / "Burst.java"
    done = subprocess.run(
        ["javac", "-cp", path, "-d", str(folder), str(source)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RunError("the job on Flink does not compile", detail=done.stderr[:2000])
    return Job(health.java, f"{folder}:{path}")


@dataclass(frozen=True, slots=True)
class Job:
    """The compiled job."""

    java: str
    path: str

    def run(self, servers: str, given: str, taken: str, replicas: int, threads: int, every: str, folder: Path) -> Child:
        """Start it: `replicas` task managers with `threads` slots each; all stages share a slot, so the middle one fills them."""
        middle = min(_MIDDLE, replicas * threads)
        command = [self.java, "-Xmx1g", "--add-opens=java.base/java.util=ALL-UNNAMED", "-cp", self.path, "Burst"]
        command += [servers, given, taken, str(replicas), str(threads), str(duration.parse(every)), str(middle)]
        return Child(command, folder, "flink")
