"""The resource `table`: the rows of a file, found by a key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from caudal.core.errors import InputError, OptionError, nearest
from caudal.ports.records import Options


class Table(Mapping[Any, Mapping[str, Any]]):
    """The rows of one version of a table, by the value of its key column."""

    def __init__(self, rows: dict[Any, Mapping[str, Any]]) -> None:
        self._rows = rows

    def __getitem__(self, key: Any) -> Mapping[str, Any]:
        return self._rows[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class LoadedTable:
    """A table that was read; keeps `ports.resource.Loaded`."""

    def __init__(self, value: Table, version: str) -> None:
        self.value = value
        self.version = version

    def warm(self) -> None:
        """It is whole."""

    def close(self) -> None:
        """Memory is all that it holds."""


class TableKind:
    """Reads a CSV file with a header, JSON lines, or Parquet, by the suffix."""

    def __init__(self) -> None:
        self.resource_options: Options = {"path": "", "key": ""}

    def load(self, options: Options) -> LoadedTable:
        """Read the file at `path`; `key` is the column by which rows are found, each value once and not null.

        Raises `InputError` for a file that cannot be read, has no row or no such column; `OptionError` for another suffix.
        """
        path, key = options["path"], options["key"]
        try:
            status = os.stat(path)
            table = _read(path)
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror or error}") from error
        except ValueError as error:  # what Arrow says of data that it cannot read
            raise InputError(f"cannot read {path}", detail=str(error)) from error
        if key not in table.column_names:
            raise InputError(f"{path} has no column '{key}'", hint=nearest(key, table.column_names))
        rows: dict[Any, Mapping[str, Any]] = {row[key]: row for row in table.to_pylist()}
        if not rows:
            raise InputError(f"{path} has no row")
        if len(rows) < table.num_rows or None in rows:
            raise InputError(
                f"the column '{key}' of {path} does not tell rows apart", hint="each value once, none null"
            )
        return LoadedTable(Table(rows), f"{status.st_mtime_ns}, {len(rows):,} rows")


def _read(path: str) -> Any:
    suffix = os.path.splitext(path)[1].lower()
    if suffix == ".csv":
        from pyarrow import csv

        return csv.read_csv(path)
    if suffix in (".jsonl", ".json", ".ndjson"):
        from pyarrow import json

        return json.read_json(path)
    if suffix == ".parquet":
        from pyarrow import parquet

        return parquet.ParquetFile(path).read()
    raise OptionError(f"a table is read from a .csv, .jsonl or .parquet file, not from {path}")


RESOURCE = TableKind()
