"""The environments of engines that run elsewhere: Flink and Spark, each with an interpreter and a lock of its own.

Enters: an engine's name, an interpreter, the lock that stands in the package. Leaves: a directory with an interpreter,
packages and jars, each checked against its hash; paths; what is missing and what to do. May touch: core, ports,
environments, files below its directory, uv and pip as programs. Must never: import what it installs, leave anything half made
in place, name a registry, know an engine.

The directory is `CAUDAL_ENGINES`, else `caudal/engines` in the user's cache. `CAUDAL_FLINK_PYTHON` and
`CAUDAL_SPARK_PYTHON` name an interpreter with the packages in it, in place of an environment made here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from caudal.core.errors import OptionError, nearest
from caudal.engines.environments.environment import LockedEnvironment
from caudal.environments import placing
from caudal.environments.jdk import Java
from caudal.environments.jdk import find as java
from caudal.ports.environment import Health, Problem

__all__ = ["FLINK", "SPARK", "Health", "Java", "Problem", "health", "jars", "java", "lacks", "python", "require"]

FLINK = LockedEnvironment("flink")
SPARK = LockedEnvironment("spark")

_ALL = {each.name: each for each in (FLINK, SPARK)}


def python(engine: str) -> Path | None:
    """Return the interpreter that runs an engine's programs, None where the engine is not installed.

    Starts no process: what stands there may be broken, which `health` finds.
    """
    return _of(engine).python()


def jars(engine: str) -> list[Path]:
    """Return the jars beside the engine's own (its Kafka connector), in the lock's order; [] where not installed."""
    return _of(engine).jars()


def kernels(engine: str) -> Path:
    """Return where the compiled kernels of an engine's interpreter are kept."""
    return placing.cache("CAUDAL_KERNELS", "kernels") / engine


def health(engine: str) -> Health:
    """Return the state of an engine's environment, Java included; see `ports.environment.Health`."""
    return _of(engine).health()


def lacks(engine: str, modules: Sequence[str]) -> list[str]:
    """Return those of the modules, by top-level name, that an engine's interpreter does not find."""
    return _of(engine).lacks(modules)


def require(engine: str) -> tuple[Path, Java]:
    """Return the interpreter and the Java that a job of the engine needs.

    Raises `OptionError` with what to do: the engine is not installed, there is no Java, or too old a one.
    """
    return _of(engine).require()


def _of(engine: str) -> LockedEnvironment:
    if engine not in _ALL:
        raise OptionError(f"the engine '{engine}' has no environment", hint=nearest(engine, _ALL))
    return _ALL[engine]
