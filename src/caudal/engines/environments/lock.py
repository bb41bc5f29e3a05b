"""The lock of an engine: what its environment holds, by version and hash."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from caudal.environments.jars import Jar, named


@dataclass(frozen=True, slots=True)
class Lock:
    """What an environment is made of.

    `distribution`, `version`: the engine's own package; `pythons`: the versions it supports, "3.11" and so on; `java`:
    the oldest major version that runs it; `requirements`, `build`: requirement files with hashes, the second for what
    is built from source; `digest`: a hash over all of it, by which an environment is known to be of this lock.
    """

    engine: str
    distribution: str
    version: str
    pythons: tuple[str, ...]
    java: int
    jars: tuple[Jar, ...]
    requirements: str
    build: str
    digest: str


@cache
def read(engine: str) -> Lock:
    """Return the lock of an engine: flink or spark."""
    folder = files("caudal.engines.environments") / "locks"
    texts = [(folder / name).read_text(encoding="utf-8") for name in (f"{engine}.toml", f"{engine}.txt", "build.txt")]
    given = tomllib.loads(texts[0])
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()
    return Lock(
        engine=engine,
        distribution=given["distribution"],
        version=given["version"],
        pythons=tuple(given["pythons"]),
        java=given["java"],
        jars=named(given["jars"]),
        requirements=texts[1],
        build=texts[2],
        digest=digest,
    )
