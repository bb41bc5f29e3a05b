"""The latest row of each key: what operators keep that hold one row of state a key, however many keys there are.

Rows stand in immutable blocks; a newer row of a key takes the place of the older. An index finds the row of a key, so
an advance costs what its own keys cost. Neighbouring blocks are joined while the older is not twice as large, without
what has been replaced: a row is copied a few times at most, and what has been replaced takes no more than what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Bytes, Column, Ints, Text
from caudal.columnar.grouping import comparable
from caudal.engines.local.lists import Lists
from caudal.engines.local.ordered import kernels
from caudal.engines.local.state import Blocks
from caudal.engines.local.stateful import own
from caudal.engines.local.table import Table, concat_tables

SLOTS = 1 << 10
ROWS = 1 << 32
"""More rows than a block has: where a row stands is one number, that of its block times this, and its own."""


class KeyIndex:
    """Numbers keys from 0 on, in order of first appearance. Keys are compared byte by byte, never only hashed."""

    def __init__(self) -> None:
        self.count = 0
        self._used = 0
        self._slots = np.full(SLOTS, -1, np.int64)
        self._keys = np.empty((SLOTS, 3), np.int64)
        self._known: Bytes = np.empty(SLOTS * 16, np.uint8)

    def find(self, keys: Sequence[Column], rows: int, insert: bool) -> Ints:
        """Return the number of each key; one that is not there gets the next if `insert`, else -1."""
        data, offsets = _encoded(keys, rows)
        if insert:
            self._reserve(self.count + rows, self._used + len(data))
        out = np.empty(rows, np.int64)
        self.count, self._used, _ = kernels.find(
            self._slots, self._keys, self._known, self.count, self._used, data, offsets, insert, out
        )
        return out

    def _reserve(self, count: int, used: int) -> None:
        self._keys = _grown(self._keys, self.count, count)
        self._known = _grown(self._known, self._used, used)
        if 2 * count > len(self._slots):
            self._slots = np.full(1 << (4 * count).bit_length(), -1, np.int64)
            kernels.fill(self._slots, self._keys, self.count)


class LatestRows:
    """The latest row of each key, in blocks of an operator; `names` are the columns that make the key."""

    def __init__(self, blocks: Blocks, names: Sequence[str]) -> None:
        self._blocks = blocks
        self._names = list(names)
        self._clear()

    def _clear(self) -> None:
        self.numbers: list[int] = []
        self._owners: dict[int, Ints] = {}
        self._index = KeyIndex()
        self._place: Ints = np.full(SLOTS, -1, np.int64)

    @property
    def rows(self) -> int:
        """The rows that the blocks hold, those that have been replaced among them."""
        return sum(self._blocks.tables[number].rows for number in self.numbers)

    def number(self, keys: Sequence[Column], rows: int) -> Ints:
        """Return numbers of these keys, by which their rows are found, and put in their place."""
        number = self._index.find(keys, rows, True)
        before = len(self._place)
        self._place = _grown(self._place, before, self._index.count)
        self._place[before:] = -1
        return number

    def fetch(self, keys: Sequence[Column], rows: int) -> tuple[Bools, Table | None]:
        """Return (which of these keys have a row, their rows in order; None if none has one)."""
        return self.numbered(self._index.find(keys, rows, False))

    def numbered(self, number: Ints) -> tuple[Bools, Table | None]:
        """Return the same of keys with these numbers, -1 for one that has none."""
        place = np.where(number >= 0, self._place[number], -1)
        found = place >= 0
        if not found.any():
            return found, None
        block, row = np.divmod(place[found], ROWS)
        parts, order = [], []
        for b in np.unique(block).tolist():
            at = np.flatnonzero(block == b)
            parts.append(self._blocks.tables[b].take(row[at]))
            order.append(at)
        table = concat_tables(parts)
        if len(parts) > 1:
            back = np.empty(table.rows, np.int64)
            back[np.concatenate(order)] = np.arange(table.rows)
            table = table.take(back)
        return found, table

    def put(self, table: Table, number: Ints | None = None) -> None:
        """Take the rows in, each the latest of its key; no two have the same key. `number`: those of the keys, where they are known."""
        if not table.rows:
            return
        self._point(self._blocks.add(table), self._numbers(table) if number is None else number)
        while len(self.numbers) > 1 and self._size(-2) <= 2 * self._size(-1):
            parts = [self._live(block) for block in self.numbers[-2:]]
            for block in self.numbers[-2:]:
                self._blocks.remove(block)
                del self._owners[block]
            del self.numbers[-2:]
            joined = owned(concat_tables([table for table, _ in parts]))
            self._point(self._blocks.add(joined), np.concatenate([owners for _, owners in parts]))

    def all(self) -> Table | None:
        """Return the latest rows of all keys."""
        parts = [self._live(number)[0] for number in self.numbers]
        return concat_tables(parts) if parts else None

    def where(self, wanted: Callable[[Table], Bools]) -> Table | None:
        """Return the latest rows that are `wanted`, None if there are none."""
        parts: list[Table] = []
        for number in self.numbers:
            table, owners = self._blocks.tables[number], self._owners[number]
            rows = np.flatnonzero(wanted(table))
            live = rows[self._place[owners[rows]] == number * ROWS + rows]
            if len(live):
                parts.append(table.take(live))
        return concat_tables(parts) if parts else None

    def retain(self, wanted: Callable[[Table], Bools]) -> None:
        """Keep only the latest rows that are `wanted`; the others' keys are forgotten."""
        table = self.all()
        if table is None:
            return
        keep = wanted(table)
        if keep.all():
            return
        for number in self.numbers:
            self._blocks.remove(number)
        self._clear()
        self.put(owned(table.take(np.flatnonzero(keep))))

    def restored(self, numbers: Sequence[int]) -> None:
        """Take up blocks of a cut, in ascending order: the newer the block, the later its rows."""
        self._clear()
        for number in numbers:
            self._point(number, self._numbers(self._blocks.tables[number]))

    def _size(self, i: int) -> int:
        return self._blocks.tables[self.numbers[i]].rows

    def _numbers(self, table: Table) -> Ints:
        return self.number([table[name] for name in self._names], table.rows)

    def _point(self, number: int, owners: Ints) -> None:
        """Let the keys of these numbers have the rows of a block."""
        self._place[owners] = number * ROWS + np.arange(len(owners))
        self.numbers.append(number)
        self._owners[number] = owners

    def _live(self, number: int) -> tuple[Table, Ints]:
        """Return the rows of a block that nothing has replaced, and the numbers of their keys."""
        table, owners = self._blocks.tables[number], self._owners[number]
        live = self._place[owners] == number * ROWS + np.arange(table.rows)
        if live.all():
            return table, owners
        rows = np.flatnonzero(live)
        return table.take(rows), owners[rows]


def owned(table: Table) -> Table:
    """Return the table with texts and lists that hold nothing but its own rows."""
    return Table({name: _owned(column) for name, column in table.columns.items()}, table.rows)


def _owned(column: Column) -> Column:
    if not isinstance(column, Lists):
        return own(column)
    children = column.flat()
    return Lists([own(child) for child in children], np.cumsum(column.length) - column.length, column.length)


def _encoded(keys: Sequence[Column], rows: int) -> tuple[Bytes, Ints]:
    """Return (the keys' bytes behind one another, where each begins): equal bytes just where all values are equal."""
    sizes = np.zeros(rows, np.int64)
    for key in keys:
        if isinstance(key, Text):
            length = key.length.astype(np.int64)
            sizes += 8 + (length if key.valid is None else np.where(key.valid, length, 0))
        else:
            sizes += 9
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    data = np.empty(int(offsets[-1]), np.uint8)
    at = offsets[:-1].copy()
    for key in keys:
        if isinstance(key, Text):
            kernels.put_text(data, at, key.data, key.start, key.length, key.valid_or_all())
        else:
            kernels.put_fixed(data, at, np.ascontiguousarray(comparable(key)), key.valid_or_all())
    return data, offsets


def _grown(array: Any, used: int, need: int) -> Any:
    """Return the array with room for `need` rows, the first `used` kept."""
    if need <= len(array):
        return array
    out = np.empty((max(need, 2 * len(array)), *array.shape[1:]), array.dtype)
    out[:used] = array[:used]
    return out
