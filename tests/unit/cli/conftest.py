from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caudal.cli import main

PIPELINE = """
import caudal as cd
from caudal import col

settings = cd.settings(path="log.jsonl", out="alerts.jsonl", threshold=2, follow=False, max_decoded=10**11)
rows = cd.source("files", path=settings.path, format="json", event_time="t", name="rows", max_decoded=settings.max_decoded,
                 schema={"ip": "string", "t": "int64", "code": "float64"})
alerts = (rows.group_by("ip").window(cd.tumbling("1s")).agg(n=cd.count(), name="counts")
          .filter(col("n") > settings.threshold))
pipeline = cd.Pipeline("many", alerts.to("files", path=settings.out, format="json", name="alerts"))
"""
"""Counts rows of an address in a second; line numbers matter to tests that replace parts of it."""


@dataclass
class Ended:
    """A command that ended: exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The JSON on standard output: exactly one line."""
        (line,) = self.out.splitlines()
        return json.loads(line)

    def fate(self, operator: str, fate: str) -> int:
        """A count of the ledger."""
        (entry,) = [e for e in self.summary["ledger"] if e["operator"] == operator]
        return entry[fate]


Caudal = Callable[..., Ended]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the pipeline file `p.py`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.py").write_text(PIPELINE)
    return tmp_path


@pytest.fixture
def caudal(here: Path, capsys: pytest.CaptureFixture[str]) -> Caudal:
    """Runs a command in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture
def start(here: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command in a process of its own; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def popen(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the suite runs in the background
        try:
            process = subprocess.Popen([sys.executable, "-m", "caudal", *arguments], **options)
        finally:
            signal.signal(signal.SIGINT, before)
        started.append(process)
        return process

    yield popen
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def write(here: Path) -> Callable[..., Path]:
    """Writes a file: text, bytes, or rows as JSON lines."""

    def write(name: str, content: Any) -> Path:
        path = here / name
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content))
        return path

    return write


@pytest.fixture
def pipeline(here: Path) -> Callable[..., str]:
    """Writes `p.py` with parts replaced, each as (old, new); returns its name."""

    def replaced(*changes: tuple[str, str]) -> str:
        text = PIPELINE
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (here / "p.py").write_text(text)
        return "p.py"

    return replaced
