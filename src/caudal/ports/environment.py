"""The contract of an engine's environment: the interpreter, packages and jars that an engine runs with.

An engine that does not run in caudal's own process brings one; it is reached by the engine's name. The engine
`local` has none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Problem:
    """What an environment lacks, in a line, and what to do about it."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Health:
    """The state of an engine's environment; text is "" where a thing is not there.

    `version`: of the engine, as installed; `python`, `python_version`: the interpreter that runs it; `home`: the
    directory of the environment, broken ones too; `java`, `java_version`: the program that would run it; `jars`: paths. `installed`:
    whether the environment itself is whole, whatever Java there is. `problems`: what keeps it from running.
    """

    engine: str
    version: str = ""
    installed: bool = False
    python: str = ""
    python_version: str = ""
    home: str = ""
    java: str = ""
    java_version: str = ""
    jars: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether a job can run."""
        return self.installed and not self.problems

    @property
    def state(self) -> str:
        """A word or two: "ready", "no Java" (or too old a one), "broken", "not installed"."""
        if self.installed:
            return "no Java" if self.problems else "ready"
        return "broken" if self.home else "not installed"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, `state` among them."""
        return {**asdict(self), "state": self.state}


Say = Callable[[str], None]
"""Takes a line that tells how far an installation is."""


class Environment(Protocol):
    """The environment of one engine. `into`: the directory of all environments, "" for the usual one."""

    name: str

    def health(self, into: str = "") -> Health:
        """Look at the environment, and at Java; changes nothing, never raises for what is broken."""
        ...

    def install(self, say: Say, *, into: str = "", python: str = "") -> bool:
        """Make it what the lock says; return False where it was that already.

        `python`: the interpreter to build on, "" to look for one. Raises `OptionError` where there is none that the
        engine supports, or where something else stands in the place; `RunError` where a download fails or is not what
        the lock says. Nothing half made is left in place then.
        """
        ...

    def uninstall(self, into: str = "") -> bool:
        """Remove it; return False where there was none. Raises `OptionError` for a directory that is something else."""
        ...
