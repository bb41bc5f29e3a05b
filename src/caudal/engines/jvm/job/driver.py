"""The process of a job, on every engine: its command line, where its rows are, what becomes of its results."""

from __future__ import annotations

import argparse
import atexit
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from caudal.engines.jvm.job.exchange import hand_over
from caudal.engines.jvm.job.messages import Messages, added, handed
from caudal.engines.jvm.job.results import Results
from caudal.engines.jvm.job.telling import tell

_TOGETHER = 40
"""Queries that are united to one: planners recurse."""

Slots = list[list[int]]
"""Of each output, in which columns of the united queries its own are."""

Names = list[tuple[int, int, str, str, bool]]
"""Of each partition: its operator's number, its own, what both are called, whether the operator makes its rows."""


class Asked(Protocol):
    """What the command line of a job says."""

    rows: str
    read_at: int
    results: str
    cluster: str
    parallelism: int


class Driver:
    """What a job's script calls on every engine. `form`: how rows are written for the engine to read.

    `package`: the zip file of what the job imports; `cluster` and `parallelism`: unless the command line says otherwise.
    """

    form: str

    def __init__(self, engine: str, package: str, cluster: str, parallelism: int) -> None:
        self.package = package
        self.given = _asked(engine, cluster, parallelism)
        self.given.read_at = self.given.read_at or time.time_ns() // 1_000_000  # one for all sources and tasks
        self._handed: list[dict[str, Any]] = []
        self._failed = False
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def read(self, sources: list[dict[str, Any]]) -> None:
        """Read and check the rows of sources (see `hand_over`), unless the command line says where they are."""
        if self._found():
            return
        self.given.rows = tempfile.mkdtemp(prefix="rows-")
        atexit.register(shutil.rmtree, self.given.rows, ignore_errors=True)
        told = hand_over(sources, self.given.rows, self.form, self.given.read_at)
        self._handed = [told[source["id"]] for source in sources]
        for source, counts in zip(sources, self._handed):
            print(source["id"], "rows", counts["rows"], "dead letters", counts["dead"], file=sys.stderr)  # noqa: T201
            atexit.register(tell, counts["told"])  # behind what the engine logs
        self._failed = any(counts["failures"] for counts in self._handed)

    def fed(self, otherwise: str) -> None:
        """Find the rows where the command line says that they are; where it does not, end and say why it must."""
        if not self._found():
            raise SystemExit(otherwise)

    def part(self, number: int | str, what: str) -> str:
        """Return the directory of the "rows" of a source, by its number, or of its "dead" letters; of a table by its part."""
        return os.path.join(self.given.rows, str(number), what)

    def lookup_table(self, name: str, columns: Mapping[str, str], path: str) -> None:
        """Make a table known that rows are looked up in: files of these columns, which are there as a whole."""
        self.table(name, columns, path, self.form)

    def table(self, name: str, columns: Mapping[str, str], path: str, form: str) -> None:
        """Make a source known: files of these columns."""
        raise NotImplementedError

    @property
    def brought(self) -> str:
        """The package as a file that goes to Python workers, "" where they find all of it on this machine."""
        return "" if os.path.isdir(self.package) else self.package

    def topics(self, number: int, name: str, rows: str, dead: str, told: str, messages: Messages) -> None:
        """Make a source known whose messages the engine's connector reads and tasks decode: rows, dead letters, what is told."""
        if not self.brought:
            messages.task.warm()  # on this machine tasks find what they decode by compiled
        self._handed += [handed([]) for _ in range(number + 1 - len(self._handed))]
        self._handed[number] = {**handed(span[0] for span in messages.spans), "name": name}
        self.decoded(number, rows, dead, told, messages)

    def decoded(self, number: int, rows: str, dead: str, told: str, messages: Messages) -> None:
        """Give names to what tasks make of the messages of a source."""
        raise NotImplementedError

    def _found(self) -> bool:
        if not self.given.rows:
            return False
        with open(os.path.join(self.given.rows, "counts.json"), encoding="utf-8") as file:
            self._handed = json.load(file)
        return True

    def _names(self, sources: Iterable[tuple[int, str, int]], operators: Iterable[tuple[int, str]]) -> Names:
        """Return what the partitions of sources (number, name, number of the input) are called.

        What operators (number, name) make comes from none.
        """
        rows: Names = []
        for rank, source, number in sources:
            parts = self._handed[number]["partitions"]
            rows += [(rank, p, source, part, False) for p, part in enumerate(parts)]
        rows += [(rank, 0, operator, "", True) for rank, operator in operators] or [(-1, 0, "", "", True)]
        return rows

    def _results(
        self,
        outputs: list[tuple[str, str, dict[str, Any]]],
        folder: str = "",
        told: Mapping[int, tuple[int, int]] | None = None,
    ) -> Results:
        return Results(outputs, folder or self.given.results, told)

    def _end(self, results: Results) -> None:
        results.end()
        for number, texts in results.told.items():
            counts = self._handed[number]
            for text in texts:
                added(counts, json.loads(text))
            if not results.folder:
                print(counts["name"], "rows", counts["rows"], "dead letters", counts["dead"], file=sys.stderr)  # noqa: T201
        if self._failed:
            raise SystemExit(1)  # a file broke: what came before it has been counted


def united(queries: Sequence[str]) -> Iterator[str]:
    """Yield queries that give the rows of several."""
    for start in range(0, len(queries), _TOGETHER):
        yield "\nUNION ALL\n".join(queries[start : start + _TOGETHER])


def _asked(engine: str, cluster: str, parallelism: int) -> Asked:
    parser = argparse.ArgumentParser(description=f"A job for {engine}, written by caudal.")
    parser.add_argument("--rows", default="", help="the directory of rows that were checked and handed over")
    parser.add_argument("--read-at", type=int, default=0, help="the reading time in milliseconds (default: now)")
    parser.add_argument("--results", default="", help="a directory for results as Arrow files")
    parser.add_argument("--cluster", default=cluster, help="the address of a cluster (default: this process)")
    parser.add_argument("--parallelism", type=int, default=parallelism, help="how many tasks run side by side")
    return parser.parse_args()  # type: ignore[return-value]
