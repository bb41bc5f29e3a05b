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
    checkpoints: ClassVar[bool] = False
    options: ClassVar[dict[str, Any]] = {}

    def open(self) -> Any:
        options = {"path": str(self.folder / "out" / "rows.jsonl"), **self.options}
        return FILES.sink(options, LinesEncoder(), SCHEMA, live=self.live, staged=self.checkpoints)

    def rows(self) -> list[dict[str, Any]] | None:
        path = self.folder / "out" / "rows.jsonl"
        return rows_of(path.read_bytes()) if path.exists() else None

    def crash(self, sink: Any) -> None:
        sink._staged.close()  # what is buffered goes nowhere, the lock is gone


class CheckpointedCase(FilesCase):
    checkpoints = True


class AppendedCase(FilesCase):
    live, staged, kept_aside, delivery = True, False, False, "at-least-once"

    def crash(self, sink: Any) -> None:
        os.close(sink._fd)


class CommittedCase(FilesCase):
    live, checkpoints, kept_aside = True, True, False

    def crash(self, sink: Any) -> None:
        sink._target.close()
        if sink._staged is not None:
            sink._staged.close()


class PartsCase(FilesCase):
    options: ClassVar[dict[str, Any]] = {"roll": "1h"}
    live, checkpoints, kept_aside = True, True, False

    def rows(self) -> list[dict[str, Any]] | None:
        folder = self.folder / "out" / "rows.jsonl"
        parts = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        return rows_of(b"".join(path.read_bytes() for path in parts))

    def crash(self, sink: Any) -> None:
        sink._let_go()


class SmallPartsCase(PartsCase):
    options: ClassVar[dict[str, Any]] = {"roll": "30B"}


class BoundedPartsCase(PartsCase):
    live, checkpoints, kept_aside = False, False, True

    def rows(self) -> list[dict[str, Any]] | None:
        return super().rows() or None if self.aside() else super().rows()

    def aside(self) -> bool:
        return (self.folder / "out" / "rows.jsonl.partial").exists()


class ShardPartsCase(PartsCase):
    """Of one shard of a group."""

    def open(self) -> Any:
        path = self.folder / "out" / "rows.jsonl"
        folder = FILES.sharded({"path": str(path), **self.options}, LinesEncoder, SCHEMA, "")
        assert folder is not None
        return folder.shard("0", "group.a")

    def crash(self, sink: Any) -> None:
        if sink._open is not None:
            sink._open.close()


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


class TestCheckpointedFiles(SinkSuite):
    case = CheckpointedCase


class TestCommittedFiles(SinkSuite):
    case = CommittedCase


class TestParts(SinkSuite):
    case = PartsCase


class TestSmallParts(SinkSuite):
    case = SmallPartsCase


class TestBoundedParts(SinkSuite):
    case = BoundedPartsCase


class TestShardParts(SinkSuite):
    case = ShardPartsCase


class TestMemory(SinkSuite):
    case = MemoryCase


class TestLiveMemory(SinkSuite):
    case = LiveMemoryCase


class TestConsole(SinkSuite):
    case = ConsoleCase
