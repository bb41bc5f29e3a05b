"""Jobs whose format kills the process over certain records, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

FORMAT = """
import ctypes, os, signal, time
from caudal.formats.json import FORMAT as JSON

def die(how):
    if how == "segv":
        ctypes.string_at(0)
    elif how == "abort":
        os.abort()
    elif how == "ill":
        signal.raise_signal(signal.SIGILL)
    elif how == "exit":
        os._exit(3)
    elif how == "hang":
        while True:
            pass
    elif how == "stuck":
        ctypes.PyDLL(None).pause()  # the interpreter's lock is held
    elif how == "memory":
        held = []
        for _ in range(60):
            held.append(b"x" * (10 << 20))
            time.sleep(0.02)
        os.abort()  # as libraries do when there is no more

class Decoder:
    def __init__(self, inner):
        self._inner = inner
    def decode(self, block):
        data = block.data[block.start : block.stop].tobytes()
        at = data.find(b'"die-')
        if at >= 0:
            die(data[at + 5 :].partition(b'"')[0].decode())
        return self._inner.decode(block)

class Reader:
    def __init__(self, inner):
        self._inner = inner
    def open(self, head, name):
        decoder, skip = self._inner.open(head, name)
        return Decoder(decoder), skip

class Form:
    suffixes = (".deadly",)
    def reader(self, schema, needed, options):
        return Reader(JSON.reader(schema, needed, options))
    def __getattr__(self, name):
        return getattr(JSON, name)

FORMAT = Form()
"""

PIPELINE = """
import caudal as cd

rows = cd.source("files", path={path!r}, format="deadly", name="in", event_time="t",
                 schema={{"n": "int64", "t": "int64", "what": "string"}})
counts = rows.group_by("what").window(cd.tumbling("10s")).agg(total=cd.count(), sum=cd.sum("n"))
pipeline = cd.Pipeline(
    "deadly", rows.select("n").to("files", path="out/rows.jsonl", name="rows"),
    counts.to("files", path="out/counts.jsonl", name="counts"),
)
"""


def install(folder: Path) -> None:
    """Let a package with the format be found in a folder that is in PYTHONPATH."""
    (folder / "deadly.py").write_text(FORMAT)
    known = folder / "deadly-1.0.dist-info"
    known.mkdir()
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text("[caudal.formats]\ndeadly = deadly:FORMAT\n")


def record(n: int, what: str = "fine") -> dict[str, Any]:
    return {"n": n, "t": 100 * n, "what": what}


def line(n: int, what: str = "fine") -> str:
    return json.dumps(record(n, what)) + "\n"


class Deadly:
    """`caudal run` over files that are written here, again and again."""

    def __init__(self, folder: Path, *options: str, path: str = "in.deadly") -> None:
        install(folder)
        self.folder = folder
        (folder / "p.py").write_text(PIPELINE.format(path=path))
        self.command = [
            sys.executable,
            "-m",
            "caudal",
            "run",
            "p.py",
            "--checkpoint",
            "state",
            "--every",
            "50ms",
            *options,
        ]
        self.said = ""
        """What all runs have printed for people."""

    def start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), "PYTHONFAULTHANDLER": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Return how a run has ended."""
        _, said = process.communicate(timeout=300)
        self.said += said.decode()
        return process.returncode

    def run(self) -> int:
        return self.ended(self.start())

    def until_done(self, most: int = 10) -> list[int]:
        """Run until a run ends as it should; return how each has ended."""
        codes: list[int] = []
        while not codes or codes[-1] != 0:
            assert len(codes) < most, self.said
            codes.append(self.run())
        return codes

    def rows(self) -> list[int]:
        return [each["n"] for each in self._json("out/rows.jsonl")]

    def counts(self) -> list[tuple[str, int, int]]:
        return sorted((each["what"], each["total"], each["sum"]) for each in self._json("out/counts.jsonl"))

    def letters(self) -> list[dict[str, Any]]:
        return self._json("out/rows.dead.jsonl")

    def convicted(self) -> list[dict[str, Any]]:
        found = (self.folder / "state" / "job" / "convicted").glob("*")
        return sorted((json.loads(each.read_text()) for each in found), key=lambda each: each["position"])

    def _json(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        return [json.loads(text) for text in path.read_text().splitlines()] if path.exists() else []


def oracle(records: Iterable[tuple[int, str]]) -> list[tuple[str, int, int]]:
    """Return the counts of windows of ten seconds over these records."""
    found: dict[tuple[str, int], list[int]] = {}
    for n, what in records:
        found.setdefault((what, n // 100), []).append(n)
    return sorted((what, len(each), sum(each)) for (what, _), each in found.items())


def positions(lines: Sequence[str]) -> list[int]:
    """Return where each line begins."""
    at, out = 0, []
    for each in lines:
        out.append(at)
        at += len(each)
    return out
