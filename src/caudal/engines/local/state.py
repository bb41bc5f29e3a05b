"""Keyed state: immutable tables (blocks) of typed columns, exported and restored as a cut, whole or as a delta.

An operator appends blocks and replaces several by one; it never changes a block. So a delta is the blocks that came
since the last cut and the numbers of those that went (tombstones), and an export can go on while the operator works.
The key columns tell each row's key group, so a restore may take any subset of the 128 groups.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Ints, Text
from caudal.columnar.compiled import kernel
from caudal.columnar.grouping import comparable, hash_bytes, mix
from caudal.core.errors import RunError
from caudal.core.types import DataType
from caudal.engines.local.table import Table, table_of_arrow

KEY_GROUPS = 128
KEY_HASH = "caudal-mix64/1"
"""The name and version of the key hash: it decides the key group of a key and must never change under its name."""

HASH = "\0hash"
"""The hidden column of a state table with the hashes of its keys (`grouping.key_hashes`), so that no key is hashed twice.

It is in no cut: the secret that keys are hashed with is this process' own.
"""


@dataclass(slots=True)
class Blob:
    """An operator's state in a cut: `operator` id, `kind` and `version` of its layout, plain `values`, and blocks.

    `added`: block number -> rows as an Arrow table, made when it is asked for. `removed`: tombstones; `whole`: `added` is
    all there is. A plain value is a number, text, or a list or mapping of those.
    """

    operator: str
    kind: str
    version: int
    whole: bool
    values: dict[str, Any]
    added: Mapping[int, pa.Table] = field(default_factory=dict[int, pa.Table])
    removed: list[int] = field(default_factory=list)


class Frozen(Mapping[int, pa.Table]):
    """Blocks as they were at a cut, held by reference: each becomes an Arrow table when it is asked for, in any thread."""

    def __init__(self, tables: Mapping[int, Table]) -> None:
        # columns are immutable, but a table may be emptied of them when it is merged into another
        self._tables = {number: Table(table.columns, table.rows) for number, table in tables.items()}

    def __getitem__(self, number: int) -> pa.Table:
        table = self._tables[number]
        return Table({name: column for name, column in table.columns.items() if name != HASH}, table.rows).to_arrow()

    def __iter__(self) -> Iterator[int]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)


class Blocks:
    """The blocks of one operator, by number. Shards add and remove theirs at the same time."""

    def __init__(self) -> None:
        self.tables: dict[int, Table] = {}
        self.nbytes = 0
        self.rows = 0
        self._sizes: dict[int, int] = {}
        self._next = 0
        self._fresh: set[int] = set()
        self._gone: list[int] = []
        self._lock = threading.Lock()

    def add(self, table: Table) -> int:
        """Append a block; return its number."""
        size = table.nbytes()
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._put(number, table, size)
            self._fresh.add(number)
        return number

    def _put(self, number: int, table: Table, size: int) -> None:
        self.tables[number] = table
        self._sizes[number] = size
        self.nbytes += size
        self.rows += table.rows

    def remove(self, number: int) -> Table:
        """Take a block out and return it."""
        with self._lock:
            table = self.tables.pop(number)
            self.nbytes -= self._sizes.pop(number)
            self.rows -= table.rows
            if number in self._fresh:
                self._fresh.discard(number)
            else:
                self._gone.append(number)
        return table

    def export(self, whole: bool) -> tuple[Frozen, list[int]]:
        """Return (blocks by number, tombstones) and mark this point."""
        numbers = list(self.tables) if whole else sorted(self._fresh)
        added = Frozen({number: self.tables[number] for number in numbers})
        removed = [] if whole else list(self._gone)
        self._fresh.clear()
        self._gone.clear()
        return added, removed

    def restore(
        self,
        blobs: Sequence[Blob],
        types: Mapping[str, DataType],
        lists: frozenset[str],
        keys: Sequence[str] = (),
        groups: Iterable[int] | None = None,
    ) -> None:
        """Load a whole cut and the deltas behind it; `groups` limits it to these groups of the key columns `keys`."""
        tables: dict[int, pa.Table] = {}
        for blob in blobs:
            if blob.whole:
                tables = {}
            for number in blob.removed:
                if tables.pop(number, None) is None:
                    raise RunError(
                        f"the state of '{blob.operator}' lacks block {number}", hint="the cut is not complete"
                    )
            tables.update(blob.added)
        wanted = None if groups is None else np.array(sorted(set(groups)), np.int64)
        for number, data in sorted(tables.items()):
            table = table_of_arrow(data, types, lists)
            if wanted is not None:
                own = np.isin(key_groups([table[k] for k in keys], table.rows), wanted)
                table = table.take(np.flatnonzero(own))
            if table.rows:
                self._put(number, table, table.nbytes())
            self._next = max(self._next, number + 1)
        self._fresh.clear()
        self._gone.clear()


def key_groups(keys: Sequence[Column], rows: int) -> Ints:
    """Return the key group of each row, from 0 to 127, by the hash named `KEY_HASH` of the canonical key values."""
    hashes = np.zeros(rows, np.int64)
    for key in keys:
        valid = key.valid_or_all()
        if isinstance(key, Text):
            _hash_text(key.data, key.start, key.length, valid, hashes)
        else:
            assert isinstance(key, Fixed)
            _hash_fixed(np.ascontiguousarray(comparable(key)), valid, hashes)
    return (hashes & (KEY_GROUPS - 1)).astype(np.int64, copy=False)


@kernel()
def _hash_text(data, start, length, valid, hashes):
    masked = valid.size > 0
    for i in range(start.size):
        if masked and not valid[i]:
            hashes[i] = np.int64(mix(np.uint64(hashes[i]) + np.uint64(1)))
        else:
            hashes[i] = np.int64(hash_bytes(data, start[i], np.int64(length[i]), np.uint64(hashes[i]) + np.uint64(2)))


@kernel()
def _hash_fixed(values, valid, hashes):
    masked = valid.size > 0
    for i in range(values.size):
        if masked and not valid[i]:
            hashes[i] = np.int64(mix(np.uint64(hashes[i]) + np.uint64(1)))
        else:
            hashes[i] = np.int64(mix(mix(np.uint64(values[i])) + np.uint64(hashes[i]) * np.uint64(31) + np.uint64(3)))
