"""What every sink keeps, wherever it writes to, for the connectors that ship. A new one is added by a case and a class."""

from __future__ import annotations

import io
import os
import sys
from typing import Any, ClassVar

import pyarrow as pa

from caudal.connectors.console import CONNECTOR as CONSOLE
from caudal.connectors.files import CONNECTOR as FILES
from caudal.connectors.memory import CONNECTOR as MEMORY
from caudal.testing.conformance.sinks import SCHEMA, LinesEncoder, SinkCase, SinkSuite, rows_of


class FilesCase(SinkCase):
    live: ClassVar[bool] = False

    def open(self) -> Any:
        return FILES.sink({"path": str(self.folder / "out" / "rows.jsonl")}, LinesEncoder(), SCHEMA, live=self.live)

    def rows(self) -> list[dict[str, Any]] | None:
        path = self.folder / "out" / "rows.jsonl"
        return rows_of(path.read_bytes()) if path.exists() else None

    def crash(self, sink: Any) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sink._fd if self.live else sink._out.fileno())  # what is buffered goes nowhere, locks are gone
        os.close(null)
        sink._temporary = ""
        sink.finish()


class AppendedCase(FilesCase):
    live, staged, kept_aside, delivery = True, False, False, "at-least-once"


class MemoryCase(SinkCase):
    live: ClassVar[bool] = False
    kept_aside, flushed, survives, delivery = False, True, False, "at-most-once"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.into: list[pa.Table] = []

    def open(self) -> Any:
        return MEMORY.sink({"into": self.into}, None, SCHEMA, live=self.live)

    def rows(self) -> list[dict[str, Any]] | None:
        return [row for table in self.into for row in table.to_pylist()] if self.into else None


class LiveMemoryCase(MemoryCase):
    live, staged = True, False


class ConsoleCase(SinkCase):
    staged, kept_aside, delivery = False, False, "at-least-once"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.out = io.StringIO()

    def open(self) -> Any:
        before, sys.stdout = sys.stdout, self.out
        try:
            return CONSOLE.sink({"stderr": False}, LinesEncoder(), SCHEMA, live=False)
        finally:
            sys.stdout = before

    def rows(self) -> list[dict[str, Any]] | None:
        return rows_of(self.out.getvalue().encode())


class TestFiles(SinkSuite):
    case = FilesCase


class TestAppendedFiles(SinkSuite):
    case = AppendedCase


class TestMemory(SinkSuite):
    case = MemoryCase


class TestLiveMemory(SinkSuite):
    case = LiveMemoryCase


class TestConsole(SinkSuite):
    case = ConsoleCase
