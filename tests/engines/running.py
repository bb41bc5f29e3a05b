"""Running caudal on an engine as a user does: a process, its output, what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUICK = {
    "JVM_ARGS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
"""Variables for small jobs, of Flink and of Spark: their code is compiled quickly rather than well."""

DEADLINE = 600.0
"""Seconds that anything may take: a busy machine is slow."""

DOS = """
import caudal as cd
from caudal import col

settings = cd.settings(path="log.jsonl", out="alerts.jsonl", threshold=30)
requests = cd.source("files", path=settings.path, format="json", event_time="msec", disorder="500ms", name="requests",
                     schema={"remote_addr": "string", "msec": "float64", "status": "int64"})
alerts = (requests.group_by("remote_addr").window(cd.tumbling("3s"))
          .agg(total=cd.count(), refused=cd.count_if(col("status").is_in([401, 403])))
          .filter((col("total") > settings.threshold) & (col("refused") == col("total"))))
pipeline = cd.Pipeline("dos", alerts.to("files", path=settings.out, format="json", name="alerts"))
"""

FUNCTION = """
import caudal as cd
from caudal import col

settings = cd.settings(path="log.jsonl", out="made.jsonl")


@cd.row
def given(status: int) -> int:
    BODY


requests = cd.source("files", path=settings.path, format="json", name="requests", schema={"status": "int64"})
pipeline = cd.Pipeline("made", requests.select(x=given(col("status"))).to("files", path=settings.out, format="json"))
"""
"""A pipeline around a function; `BODY` stands for what it does."""


@dataclass
class Ended:
    """A process that ended."""

    code: int
    out: str
    err: str


class Place:
    """A working directory, and a temporary directory for all that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "wörk here"
        self.aside = folder / "aside"
        self.folder.mkdir(parents=True)
        self.aside.mkdir()
        self.environment = {**os.environ, **QUICK, "TMPDIR": str(self.aside)}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start caudal."""
        return subprocess.Popen(
            [sys.executable, "-m", "caudal", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Ended:
        """Run caudal to its end."""
        return end(self.start(*arguments))

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The rows of a file of JSON lines, in an order of their own."""
        lines = (self.folder / name).read_text(encoding="utf-8").splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda row: json.dumps(row, sort_keys=True))

    def left(self) -> list[str]:
        """What is left behind: files aside, unfinished targets, processes."""
        unfinished = [p.name for p in self.folder.iterdir() if p.name.endswith((".tmp", ".partial"))]
        return sorted(os.listdir(self.aside)) + unfinished + processes(str(self.aside))


def end(process: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a process."""
    try:
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        if process.poll() is None:
            process.kill()
    return Ended(process.returncode, out, err)


def processes(mark: str) -> list[str]:
    """Return the commands of processes that have a text in their environment."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:200])
        except OSError:
            continue
    return found


def until(what: Callable[[], Any], said: str) -> Any:
    """Wait for something to be true, and return it."""
    deadline, pause = time.monotonic() + DEADLINE, threading.Event()
    while not (found := what()):
        assert time.monotonic() < deadline, said
        pause.wait(0.05)
    return found
