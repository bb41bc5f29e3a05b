"""The broker's jars and its Java."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from caudal.core.errors import OptionError, RunError
from caudal.environments import jdk, placing, repository
from caudal.environments.jars import Jar, named
from caudal.ports.environment import Say

HOME = "CAUDAL_BROKER"
"""The environment variable with the directory of the broker's jars and, by default, of its data."""


@dataclass(frozen=True, slots=True)
class Lock:
    """What the broker is made of. `java`: the oldest major version that runs it; `digest`: a hash over all of it."""

    name: str
    version: str
    java: int
    jars: tuple[Jar, ...]
    digest: str


@cache
def lock() -> Lock:
    """Return the lock in the package."""
    text = (files("caudal.broker") / "kafka.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Lock(given["name"], given["version"], given["java"], named(given["jars"]), digest)


def home() -> Path:
    """Return the broker's directory: CAUDAL_BROKER, else caudal/broker in the user's cache."""
    return placing.cache(HOME, "broker")


def java() -> str:
    """Return the path of a Java that runs the broker. Raises `OptionError` where there is none, or too old a one."""
    found = jdk.find()
    problem = jdk.problem(found, f"the broker (Kafka {lock().version})", lock().java)
    if problem is not None or found is None:
        raise OptionError(problem.message if problem else "there is no Java", hint=problem.hint if problem else "")
    return found.path


def install(say: Say) -> Path:
    """Return the directory of the jars; what is missing, or is not what the lock says, is fetched first.

    Raises `OptionError` where nothing says where jars come from, or something else stands in the place; `RunError`
    where one cannot be had, or is another than the lock's.
    """
    made, base = lock(), home()
    place = base / made.name
    with placing.alone(base, made.name, say):
        placing.ours(place, made.name)
        if not _whole(place):
            receipt = {"engine": made.name, "lock": made.digest, "version": made.version}
            with placing.replacing(place, receipt) as new:
                (new / "jars").mkdir()
                repository.fetch(made.jars, new / "jars", say)
            say(f"Kafka {made.version} is installed in {place}")
    return place / "jars"


def _whole(place: Path) -> bool:
    if placing.receipt(place).get("lock") != lock().digest:
        return False
    try:
        for jar in lock().jars:
            repository.verify(jar, place / "jars")
    except RunError:
        return False
    return True
