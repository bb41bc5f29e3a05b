"""A MaxMind DB as a source of one partition: the file is read at once, each of its records is decoded once."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.columnar import addresses
from caudal.columnar.column import Column, Ints, Text, from_arrow, writable
from caudal.connectors.maxmind.tree import SIZES, Networks, networks
from caudal.core import extras
from caudal.core.errors import InputError
from caudal.core.types import STRING, Schema
from caudal.ingest import dicts
from caudal.ports.records import Dead, Decoded
from caudal.ports.source import End

NETWORK = "network"
"""The key of a row's network; all others are those of the record."""

_SAMPLE = 2000
"""Records that are looked at for a schema."""


def library() -> Any:
    """Return the module `maxminddb`; raises `OptionError` where it is not installed."""
    return extras.library("the connector 'maxmind'", "maxminddb", "maxmind", "maxminddb")


class Database:
    """The networks of a database, and the records that they have, decoded: `record` has a number for each network."""

    def __init__(self, path: str, most: int | None = None) -> None:
        """Raises `InputError`. `most`: records that are decoded, None: all."""
        data = _read(path)
        maxminddb = library()
        try:
            with _opened(data) as reader:
                about = reader.metadata()
                if about.record_size not in SIZES or about.ip_version not in (4, 6):
                    raise ValueError(f"records of {about.record_size} bits, IP version {about.ip_version}")
                found = networks(writable(data), about.node_count, about.record_size, about.ip_version)
                _, first, number = np.unique(found.record, return_index=True, return_inverse=True)
                self.networks: Networks = found
                self.record: Ints = number.astype(np.int64)
                self.records = [_record(reader, found, row) for row in first[:most].tolist()]
        except (maxminddb.InvalidDatabaseError, ValueError, UnicodeDecodeError) as error:
            raise InputError("this is no MaxMind DB, or a damaged one", location=path, detail=str(error)) from None


class MaxmindPartition:
    """The networks of a file, in the order of their addresses; positions are their numbers."""

    live = False
    start = 0

    def __init__(self, path: str, schema: Schema) -> None:
        """Raises `OptionError` where the library is not installed, `InputError` where there is no such file."""
        library()
        if not os.path.isfile(path):
            raise InputError("there is no such file", location=path)
        self.name = os.path.basename(path)
        self._path = path
        self._networks = [field.name for field in schema if field.keys == (NETWORK,)]
        self._taken = Schema([field for field in schema if field.keys != (NETWORK,)])
        self._rows: _Rows | None = None
        self._at = 0

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self._at = position

    def read(self, size: int) -> Decoded | End:
        if self._rows is None:
            self._rows = _Rows(Database(self._path), self._taken)
        start = self._at
        self._at = stop = min(start + max(1, size // dicts.ROW_BYTES), self._rows.count)
        if start >= stop:
            self.close()
            return End()
        return self._rows.decoded(start, stop, self._networks)

    def close(self) -> None:
        self._rows = None


class _Rows:
    """The rows of a database: the columns of its records, and what is wrong with those that are no rows."""

    def __init__(self, database: Database, schema: Schema) -> None:
        decoded = dicts.Converter(schema).decode(database.records, 0)
        self.count = len(database.record)
        self._database, self._columns, self._named = database, decoded.columns, decoded.named
        self._dead = {letter.position: letter for letter in decoded.dead}
        self._place = np.full(len(database.records), -1, np.int64)
        self._place[decoded.position] = np.arange(decoded.rows)

    def decoded(self, start: int, stop: int, names: Sequence[str]) -> Decoded:
        """Return some of the rows; `names`: the columns that are the network."""
        of = self._database.record[start:stop]
        place = self._place[of]
        good = np.flatnonzero(place >= 0)
        columns: dict[str, Column] = {name: column.take(place[good]) for name, column in self._columns.items()}
        if names:
            columns |= dict.fromkeys(names, _written(self._database.networks, good + start))
        dead: list[Dead] = []
        for row in np.flatnonzero(place < 0).tolist():
            letter = self._dead[int(of[row])]
            dead.append(Dead.of(start + row, letter.reason, letter.message, letter.payload))
        named = (self._named or frozenset[Any]()) | {(NETWORK,)}
        return Decoded(columns, len(good), good + start, dead, named=named)


def sample(path: str) -> bytes:
    """Return some of the records as JSON lines; bytes, which JSON has none of, are left out."""
    lines = [json.dumps(_without_bytes(record)) for record in Database(path, _SAMPLE).records]
    return "".join(f"{line}\n" for line in lines).encode()


def _without_bytes(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_bytes(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if not isinstance(value, bytes)
    }


def _read(path: str) -> bytes:
    """Return what a file holds; raises `InputError`, also where somebody wrote to it meanwhile."""
    try:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", location=path) from None
    if len(data) != before.st_size or before.st_mtime_ns != after.st_mtime_ns:
        raise InputError("it was written to while it was read", location=path, hint="write beside it, and rename")
    return data


@contextmanager
def _opened(data: bytes) -> Generator[Any]:
    """Open a database that nobody else can change: the library maps files, and one that is cut short would end the process."""
    with tempfile.NamedTemporaryFile(suffix=".mmdb") as file:
        file.write(data)
        file.flush()
        with library().open_database(file.name) as reader:
            yield reader


def _record(reader: Any, found: Networks, row: int) -> dict[str, Any]:
    high, low = int(found.high[row]) & 0xFFFFFFFFFFFFFFFF, int(found.low[row]) & 0xFFFFFFFFFFFFFFFF
    address = IPv4Address(low) if found.family[row] == 4 else IPv6Address(high << 64 | low)
    record = reader.get(str(address))
    if not isinstance(record, dict):
        raise ValueError(f"the record of {address} is no map")
    return _plain(record)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return bytes(value) if isinstance(value, bytearray) else value


def _written(found: Networks, rows: Ints) -> Text:
    """Return networks as text."""
    first = addresses.texts(STRING, found.family[rows], found.high[rows], found.low[rows])
    bits = pa.array(found.bits[rows]).cast(pa.large_string())
    join: Any = pc.binary_join_element_wise  # type: ignore[attr-defined]
    made = join(first.to_arrow().cast(pa.large_string()), bits, pa.scalar("/", pa.large_string()))
    column = from_arrow(made, STRING)
    assert isinstance(column, Text)
    return column
