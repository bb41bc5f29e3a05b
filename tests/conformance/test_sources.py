"""What every source keeps, whatever it reads from, for the connectors that ship. A new one is added by a case and a class."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import zstandard

from caudal.connectors.files import CONNECTOR as FILES
from caudal.connectors.memory import CONNECTOR as MEMORY
from caudal.core.naming import natural_key
from caudal.ports.registry import check_options
from caudal.testing.conformance.sources import SCHEMA, Patient, SourceCase, SourceSuite, record
from caudal.testing.fakes.topic import Message, TopicSource


class FilesCase(SourceCase):
    options: ClassVar[dict[str, Any]] = {}

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        folder = self.folder / "in"
        for name, numbers in partitions.items():
            path = folder / (name + self.suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                continue  # it is opened again
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
    live = True


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


class TopicCase(SourceCase):
    """Offsets of every partition go up by two."""

    def open(self, partitions: Mapping[str, list[int]]) -> Any:
        return TopicSource(
            {
                name: [Message(2 * i, json.dumps(record(n)).encode()) for i, n in enumerate(numbers)]
                for name, numbers in sorted(partitions.items(), key=lambda item: natural_key(item[0]))
            }
        )


class TestFiles(SourceSuite):
    case = FilesCase


class TestGzip(SourceSuite):
    case = GzipCase


class TestZstd(SourceSuite):
    case = ZstdCase


class TestFollow(SourceSuite):
    case = FollowCase


class TestDicts(SourceSuite):
    case = DictsCase


class TestTables(SourceSuite):
    case = TablesCase


class TestCallable(SourceSuite):
    case = CallableCase


class TestTopic(SourceSuite):
    case = TopicCase
