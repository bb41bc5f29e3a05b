"""The connectors that the suites run over. A new one is added by one case in the lists at the end of this file."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
import zstandard

from caudal.connectors.console import CONNECTOR as CONSOLE
from caudal.connectors.files import CONNECTOR as FILES
from caudal.connectors.memory import CONNECTOR as MEMORY
from caudal.core.types import Schema
from caudal.ports.registry import check_options
from caudal.ports.source import Nothing

SCHEMA = Schema.of({"n": "int64", "text": "string"})


def record(n: int) -> dict[str, Any]:
    return {"n": n, "text": "x" * (n % 7)}


class SourceCase:
    """How the suite makes a source of one connector: `open` gets the numbers of each partition's records."""

    ordered_names = True

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        raise NotImplementedError


class FilesCase(SourceCase):
    options: ClassVar[dict[str, Any]] = {}
    suffix = ""

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        folder = self.tmp / "in"
        for name, numbers in partitions.items():
            path = folder / (name + self.suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.packed(b"".join(json.dumps(record(n)).encode() + b"\n" for n in numbers)))
        options = check_options({"path": str(folder), **self.options}, FILES.source_options, "files")
        return FILES.source(options, None, SCHEMA)

    def packed(self, data: bytes) -> bytes:
        return data


class GzipCase(FilesCase):
    suffix = ".gz"

    def packed(self, data: bytes) -> bytes:
        half = len(data) // 2
        return gzip.compress(data[:half]) + gzip.compress(data[half:])


class ZstdCase(FilesCase):
    suffix = ".zst"

    def packed(self, data: bytes) -> bytes:
        half = len(data) // 2
        return b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(d) for d in (data[:half], data[half:]))


class FollowCase(FilesCase):
    options: ClassVar[dict[str, Any]] = {"follow": True, "poll": 0}


class DictsCase(SourceCase):
    ordered_names = False

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        rows = [[record(n) for n in numbers] for numbers in partitions.values()]
        return MEMORY.source({"rows": rows}, None, SCHEMA)


class TablesCase(SourceCase):
    ordered_names = False

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        kinds = pa.schema([("text", pa.string()), ("other", pa.int8()), ("n", pa.int64())])
        tables = []
        for numbers in partitions.values():
            rows = [{**record(n), "other": 1} for n in numbers]
            halves = [
                pa.Table.from_pylist(part, schema=kinds) for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :])
            ]
            tables.append(pa.concat_tables(halves))
        return MEMORY.source({"rows": tables}, None, SCHEMA)


class CallableCase(TablesCase):
    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        def pass_over(numbers: list[int]) -> Any:
            parts = [numbers[i : i + 50] for i in range(0, len(numbers), 50)]
            return lambda: (pa.Table.from_pylist([record(n) for n in part]) for part in parts)

        source = MEMORY.source({"rows": [pass_over(numbers) for numbers in partitions.values()]}, None, SCHEMA)
        patient = [Patient(partition) for partition in source.partitions()]
        source.partitions = lambda: patient  # type: ignore[method-assign]
        return source


class Patient:
    """A partition that is fed by a thread: it is asked again until it has something, and it ends."""

    live = False

    def __init__(self, partition: Any) -> None:
        self._partition = partition

    def read(self, size: int) -> Any:
        while isinstance(part := self._partition.read(size), Nothing):
            os.sched_yield()
        return part

    def __getattr__(self, name: str) -> Any:
        return getattr(self._partition, name)


class LinesEncoder:
    """A format that needs no room: one JSON object a line."""

    def begin(self, out: Any, *, append: bool) -> None:
        self.out = out
        if not append:
            out.write(b'"begin"\n')

    def encode(self, table: pa.Table) -> Any:
        return b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist())

    def write(self, payload: Any) -> None:
        self.out.write(payload)

    def end(self) -> None:
        self.out.write(b'"end"\n')


class SinkCase:
    """How the suite opens a sink of one connector, and sees what stands in its target.

    `atomic`: rows appear at once, at the commit; `flushed`: or at a flush before it. `kept_aside`: a drain leaves them
    elsewhere, the target untouched.
    """

    live = False
    atomic = True
    kept_aside = True
    flushed = False

    def __init__(self, tmp: Path, capsys: Any) -> None:
        self.tmp = tmp
        self.capsys = capsys

    def open(self) -> Any:
        raise NotImplementedError

    def rows(self) -> list[dict[str, Any]] | None:
        """Return the rows in the target, None when there is no target."""
        raise NotImplementedError


class FileSinkCase(SinkCase):
    def open(self) -> Any:
        return FILES.sink({"path": str(self.tmp / "out" / "rows.jsonl")}, LinesEncoder(), SCHEMA, live=self.live)

    def rows(self) -> list[dict[str, Any]] | None:
        path = self.tmp / "out" / "rows.jsonl"
        if not path.exists():
            return None
        return [row for line in path.read_bytes().splitlines() if isinstance(row := json.loads(line), dict)]


class LiveFileSinkCase(FileSinkCase):
    live, atomic, kept_aside = True, False, False


class MemorySinkCase(SinkCase):
    kept_aside, flushed = False, True

    def __init__(self, tmp: Path, capsys: Any) -> None:
        super().__init__(tmp, capsys)
        self.into: list[pa.Table] = []

    def open(self) -> Any:
        return MEMORY.sink({"into": self.into}, None, SCHEMA, live=self.live)

    def rows(self) -> list[dict[str, Any]] | None:
        return [row for table in self.into for row in table.to_pylist()] if self.into else None


class LiveMemorySinkCase(MemorySinkCase):
    live, atomic = True, False


class ConsoleSinkCase(SinkCase):
    atomic, kept_aside = False, False

    def __init__(self, tmp: Path, capsys: Any) -> None:
        super().__init__(tmp, capsys)
        self.seen = io.StringIO()

    def open(self) -> Any:
        return CONSOLE.sink({"stderr": False}, LinesEncoder(), SCHEMA, live=False)

    def rows(self) -> list[dict[str, Any]] | None:
        self.seen.write(self.capsys.readouterr().out)
        return [row for line in self.seen.getvalue().splitlines() if isinstance(row := json.loads(line), dict)]


@pytest.fixture(params=[FilesCase, GzipCase, ZstdCase, FollowCase, DictsCase, TablesCase, CallableCase])
def source_case(request: pytest.FixtureRequest, tmp_path: Path) -> SourceCase:
    return request.param(tmp_path)


@pytest.fixture(params=[FileSinkCase, LiveFileSinkCase, MemorySinkCase, LiveMemorySinkCase, ConsoleSinkCase])
def sink_case(request: pytest.FixtureRequest, tmp_path: Path, capsys: Any) -> SinkCase:
    return request.param(tmp_path, capsys)
