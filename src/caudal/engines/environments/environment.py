"""One engine's environment: where it stands, whether it is whole, and how it comes and goes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from caudal.core.errors import CaudalError, OptionError
from caudal.engines.environments import building, interpreters
from caudal.engines.environments.lock import Lock, read
from caudal.environments import jdk, placing, repository
from caudal.environments.jdk import Java
from caudal.ports.environment import Health, Problem, Say

HOME = "CAUDAL_ENGINES"
"""The environment variable with the directory of all environments."""

_PATIENCE = 60
"""Seconds that an interpreter may take to tell what it has."""

_LACKS = "import sys; from importlib.util import find_spec; print(*(m for m in sys.argv[1:] if find_spec(m) is None))"
_ASK = "import sys; from importlib.metadata import version; print('%d.%d' % sys.version_info[:2], version(sys.argv[1]))"


def home() -> Path:
    """Return the directory of all environments: CAUDAL_ENGINES, else caudal/engines in the user's cache."""
    return placing.cache(HOME, "engines")


class LockedEnvironment:
    """The environment that a lock describes; keeps `ports.environment.Environment`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._variable = f"CAUDAL_{name.upper()}_PYTHON"

    @property
    def lock(self) -> Lock:
        """What it is made of."""
        return read(self.name)

    def python(self) -> Path | None:
        """Return the interpreter, None where there is none; starts no process."""
        given = os.environ.get(self._variable, "")
        if given:
            return Path(given) if os.access(given, os.X_OK) else None
        place = home() / self.name
        path = place / "bin" / "python"
        return path if placing.receipt(place).get("lock") == self.lock.digest and os.access(path, os.X_OK) else None

    def jars(self) -> list[Path]:
        """Return the jars of the environment, in the lock's order; [] where it is not installed."""
        place = home() / self.name
        if placing.receipt(place).get("lock") != self.lock.digest:
            return []
        return [place / "jars" / jar.name for jar in self.lock.jars]

    def require(self) -> tuple[Path, Java]:
        """Return interpreter and Java; raises `OptionError` with the first thing that is missing."""
        path = self.python()
        if path is None:
            raise _error(self._missing(home()))
        found = jdk.find()
        problem = jdk.problem(found, self.name, self.lock.java)
        if problem is not None or found is None:
            raise _error(problem or self._missing(home()))
        return path, found

    def lacks(self, modules: Sequence[str]) -> list[str]:
        """Return those of the modules (top-level names) that the interpreter does not find; [] where there is none."""
        path = self.python()
        if path is None or not modules:
            return []
        done = _call([str(path), "-I", "-c", _LACKS, *modules])
        return done.stdout.split() if done is not None and done.returncode == 0 else []

    def health(self, into: str = "") -> Health:
        """Look at everything; see `ports.environment.Environment`."""
        found = jdk.find()
        given = "" if into else os.environ.get(self._variable, "")
        base = Path(into).absolute() if into else home()
        place = base / self.name
        path = Path(given) if given else place / "bin" / "python"
        problems: list[Problem] = []
        version = python_version = ""
        if given or placing.receipt(place).get("lock") == self.lock.digest:
            python_version, version = self._ask(path)
            if not version:
                problems.append(
                    self._missing(base) if given else self._broken(f"{path} has no {self.lock.distribution}")
                )
            elif version != self.lock.version:
                message = f"{path} has {self.lock.distribution} {version}, not {self.lock.version}"
                problems.append(Problem(message, f"unset {self._variable}") if given else self._broken(message))
            problems += [] if given else self._jar_problems(place)
        else:
            problems.append(self._missing(base))
        whole = not problems
        java_problem = jdk.problem(found, self.name, self.lock.java)
        return Health(
            engine=self.name,
            version=version,
            installed=whole,
            python=str(path) if version else "",
            python_version=python_version,
            home=str(place) if not given and placing.receipt(place) else "",
            java=found.path if found else "",
            java_version=found.version if found else "",
            jars=tuple(str(place / "jars" / jar.name) for jar in self.lock.jars) if whole and not given else (),
            problems=tuple(problems if java_problem is None else [*problems, java_problem]),
        )

    def install(self, say: Say, *, into: str = "", python: str = "") -> bool:
        """Make it what the lock says; see `ports.environment.Environment`."""
        base = Path(into).absolute() if into else home()
        place = base / self.name
        with placing.alone(base, self.name, say):
            placing.ours(place, self.name)
            if self._whole(place) and not python:
                return False
            interpreter, version = interpreters.choose(self.name, self.lock.pythons, python)
            if self._whole(place) and placing.receipt(place).get("python") == version:
                return False
            building.build(self.lock, place, interpreter, version, say)
        return True

    def uninstall(self, into: str = "") -> bool:
        """Remove it; see `ports.environment.Environment`."""
        base = Path(into).absolute() if into else home()
        if not base.is_dir():
            return False
        with placing.alone(base, self.name, lambda _: None):
            return placing.remove(base / self.name, self.name)

    def _whole(self, place: Path) -> bool:
        """Whether the environment is what the lock says and runs."""
        if placing.receipt(place).get("lock") != self.lock.digest or self._jar_problems(place):
            return False
        return self._ask(place / "bin" / "python")[1] == self.lock.version

    def _ask(self, python: Path) -> tuple[str, str]:
        """Return the version of an interpreter and of the engine's package in it; "" for what is not there."""
        done = _call([str(python), "-I", "-c", _ASK, self.lock.distribution])
        words = done.stdout.split() if done is not None and done.returncode == 0 else []
        return (words[0], words[1]) if len(words) == 2 else ("", "")

    def _jar_problems(self, place: Path) -> list[Problem]:
        try:
            for jar in self.lock.jars:
                repository.verify(jar, place / "jars")
        except CaudalError as error:
            return [self._broken(f"{error.location}: {error.message}")]
        return []

    def _missing(self, base: Path) -> Problem:
        given = os.environ.get(self._variable, "")
        if given and base == home():
            message = f"{self._variable} is {given}, which is no interpreter with {self.lock.distribution}"
            return Problem(message, f"unset {self._variable}, and run: caudal engines install {self.name}")
        known = placing.receipt(base / self.name)
        if known and known.get("lock") != self.lock.digest:
            message = f"the environment of {self.name} was made by another version of caudal"
            return Problem(message, f"run: caudal engines install {self.name}")
        return Problem(f"{self.name} is not installed", f"run: caudal engines install {self.name}")

    def _broken(self, message: str) -> Problem:
        return Problem(f"the environment is broken: {message}", f"run: caudal engines install {self.name}")


def _call(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    """Run an interpreter; return None where it does not start, or does not end."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _error(problem: Problem) -> OptionError:
    return OptionError(problem.message, hint=problem.hint)
