"""Siddhi beside caudal: it is given an app and events, and says what came out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caudal.environments import placing, repository
from caudal.environments.jars import named

HERE = Path(__file__).parent
Event = tuple[str, int, Sequence[Any]]
"""Stream, time in ms, values."""


def say(text: str) -> None:
    print(text, file=sys.stderr)


def installed() -> Path:
    """Return the directory of the jars that the lock names, fetched where they are missing."""
    text = (HERE / "siddhi.toml").read_text(encoding="utf-8")
    jars, digest = named(tomllib.loads(text)["jars"]), hashlib.sha256(text.encode()).hexdigest()
    base = placing.cache("CAUDAL_SIDDHI", "references")
    place = base / "siddhi"
    with placing.alone(base, "siddhi", say):
        placing.ours(place, "siddhi")
        if placing.receipt(place).get("lock") != digest:
            with placing.replacing(place, {"engine": "siddhi", "lock": digest}) as new:
                repository.fetch(jars, new, say)
    return place


class Siddhi:
    """The process; a context manager."""

    def __init__(self, java: str, jars: Path) -> None:
        command = [java, "-Xmx1g", "-cp", f"{jars}/*", str(HERE / "Reference.java")]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> Siddhi:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def rows(self, app: str, events: Sequence[Event], *outputs: str) -> list[Event]:
        """Return what came out of these streams, in order; raises `ValueError` with what Siddhi says of an app that it refuses."""
        said = self._ask({"app": app, "events": events, "outputs": outputs})
        if "error" in said:
            raise ValueError(said["error"])
        return [(stream, time, values) for stream, time, values in said["rows"]]

    def rate(self, app: str, events: Sequence[Event], repeat: int) -> tuple[float, int]:
        """Return events a second over objects in memory, in one thread, and how many rows came out of the stream O.

        The events are sent `repeat` times, each time behind the last.
        """
        said = self._ask({"app": app, "events": events, "outputs": ["O"], "repeat": repeat})
        return said["rate"], said["count"]

    def _ask(self, job: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "Siddhi's process has ended"
        return json.loads(answer)
