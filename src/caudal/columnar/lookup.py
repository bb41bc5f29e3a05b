"""Finding the rows of a table by key: exact (hashes only find candidates), without an object for each row.

Rows of one key stand behind one another; of those the last counts, or, where rows hold for a time, the latest that holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from caudal.columnar import addresses
from caudal.columnar.column import Bools, Column, Fixed, Ints, Text
from caudal.columnar.compiled import kernel
from caudal.columnar.grouping import comparable, group, key_hashes, same_bytes
from caudal.columnar.spans import Narrowest, Spans, networks, ranges

NEVER = 1 << 62
"""A time that no event has: what ends then is open, what begins then never holds."""


class Index(Protocol):
    """Keys by number. `order`: the table's rows by key, in the order of the table; `offsets`: where each key's begin."""

    order: Ints
    offsets: Ints
    parents: Ints
    """By key which one counts where none of its rows holds, -1: none; empty where there is no such thing."""
    crossing: int
    """A row whose key has no such one that is well-defined, -1 for none."""

    def find(self, keys: Sequence[Column], rows: int) -> Ints:
        """Return the number of each row's key, -1 where there is none."""
        ...

    def settle(self, keys: Sequence[Column]) -> None:
        """Take the keys, one of each number in their order, to compare rows with."""
        ...

    def arrays(self) -> dict[str, Any]:
        """Return what it finds keys by, as columns and arrays, for who finds them elsewhere (`worker.lookups`)."""
        ...

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        ...


class Equal:
    """Keys that are equal; null equals nothing."""

    def __init__(self, keys: Sequence[Column], rows: int) -> None:
        hashes = key_hashes(keys, rows)
        groups = group(keys, [], rows, hashes)
        self.parents: Ints = np.empty(0, np.int64)
        self.crossing = -1
        if len(groups) == rows:  # numbered as they come
            self.order: Ints = np.arange(rows, dtype=np.int64)
            self.offsets: Ints = np.arange(rows + 1, dtype=np.int64)
        else:
            self.order = np.argsort(groups.codes, kind="stable").astype(np.int64)
            self.offsets = np.append(0, np.cumsum(np.bincount(groups.codes, minlength=len(groups)))).astype(np.int64)
        self._hashes = hashes[groups.first]
        self._slots = np.full(1 << max(4, (2 * len(groups)).bit_length()), -1, np.int32)
        _enter(self._hashes, self._slots)
        self._keys: list[Column] = []

    @property
    def nbytes(self) -> int:
        return self._hashes.nbytes + self._slots.nbytes

    def settle(self, keys: Sequence[Column]) -> None:
        self._keys = [*keys]

    def arrays(self) -> dict[str, Any]:
        return {f"key{number}": key for number, key in enumerate(self._keys)}

    def find(self, keys: Sequence[Column], rows: int) -> Ints:
        hashes = key_hashes(keys, rows)
        at = hashes & (len(self._slots) - 1)
        found = np.empty(rows, np.int64)
        left = np.arange(rows, dtype=np.int64)
        for key in keys:
            if key.valid is not None:
                left = left[key.valid[left]]
        found.fill(-1)
        while len(left):
            _probe(hashes, left, self._slots, self._hashes, at, found)
            left = left[found[left] >= 0]
            same = np.ones(len(left), np.bool_)
            for key, known in zip(keys, self._keys, strict=True):
                _agree(key, known, left, found, same)
            left = left[~same]  # another key of the same hash: on to the next one
        return found


class Within:
    """Addresses in networks or ranges: the narrowest; what is no address is in none."""

    def __init__(self, read: Callable[[Sequence[Column]], Spans], keys: Sequence[Column]) -> None:
        self._spans = Narrowest(read(keys))
        self.order: Ints = self._spans.order
        self.offsets: Ints = self._spans.offsets
        self.parents: Ints = self._spans.parents
        self.crossing = self._spans.crossing

    @property
    def nbytes(self) -> int:
        return self._spans.nbytes

    def settle(self, keys: Sequence[Column]) -> None:
        """Spans are numbers."""

    def arrays(self) -> dict[str, Any]:
        return self._spans.arrays()

    def find(self, keys: Sequence[Column], rows: int) -> Ints:
        (text,) = keys
        assert isinstance(text, Text)
        return self._spans.find(*addresses.parse(text))


INDEXES: dict[str, Callable[[Sequence[Column], int], Equal | Within]] = {
    "equal": Equal,
    "cidr": lambda keys, rows: Within(networks, keys),
    "range": lambda keys, rows: Within(ranges, keys),
}


class Crossing(ValueError):
    """A range that overlaps another in part, where those around each other are needed; `row`: which."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class Indexed:
    """The rows of a table by key. `columns`: those that count, `rows` of them; `repeated`: how many do not, since their key came again."""

    def __init__(
        self, columns: dict[str, Column], rows: int, key: Sequence[str], match: str, as_of: Sequence[str] = ()
    ) -> None:
        """Raises `spans.NoSpan`, `Crossing`. `as_of`: the columns from when and until when a row holds."""
        keys = [columns[name] for name in key]
        index: Index = INDEXES[match](keys, rows)
        if as_of and index.crossing >= 0:
            raise Crossing(index.crossing)
        self.index = index
        offsets = index.offsets
        if as_of:
            begin, end = (_times(columns[name], NEVER) for name in as_of)
            keys_of = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            picked = index.order[np.lexsort((begin[index.order], keys_of))]  # those that begin at one time as they came
            self._offsets = offsets
            self._begin, self._end = begin[picked], end[picked]
            self._latest = _running_latest(self._offsets, self._end)
        else:
            picked = index.order[offsets[1:] - 1]
        self.as_of = bool(as_of)
        self.repeated = rows - len(picked)
        self.rows = len(picked)
        whole = len(picked) == rows and bool((picked == np.arange(rows)).all())
        self.columns = columns if whole else {name: _taken(column, picked) for name, column in columns.items()}
        firsts = self._offsets[:-1] if as_of else np.arange(self.rows)
        index.settle([self.columns[name].take(firsts) if as_of else self.columns[name] for name in key])
        index.order = index.offsets = np.empty(0, np.int64)

    def arrays(self) -> dict[str, Any]:
        """Return what rows are found by, for who finds them elsewhere (`worker.lookups`)."""
        found = self.index.arrays()
        if self.as_of:
            found |= {"offsets": self._offsets, "begin": self._begin, "end": self._end, "latest": self._latest}
        return found

    def find(self, keys: Sequence[Column], rows: int, time: Ints | None = None) -> Ints:
        """Return the row of the table that each row meets, -1 for none; `time`: event time, where rows hold for a time."""
        found = self.index.find(keys, rows)
        if not self.as_of:
            return found
        assert time is not None
        out = np.empty(rows, np.int64)
        _holding(found, time, self._offsets, self._begin, self._end, self._latest, self.index.parents, out)
        return out


def _times(column: Column, missing: int) -> Ints:
    assert isinstance(column, Fixed)
    return column.values if column.valid is None else np.where(column.valid, column.values, missing)


def _taken(column: Column, rows: Ints) -> Column:
    taken = column.take(rows)
    return taken.compact() if isinstance(taken, Text) else taken


def _agree(key: Column, known: Column, rows: Ints, found: Ints, same: Bools) -> None:
    """Clear `same` for rows whose key is not that of the row found."""
    if isinstance(key, Text):
        assert isinstance(known, Text)
        _same_texts(rows, found, key.data, key.start, key.length, known.data, known.start, known.length, same)
    else:
        same &= comparable(key)[rows] == comparable(known)[found[rows]]


@kernel()
def _enter(hashes, slots):
    mask = np.int64(slots.size - 1)
    for g in range(hashes.size):
        k = hashes[g] & mask
        while slots[k] >= 0:
            k = (k + 1) & mask
        slots[k] = g


@kernel()
def _probe(hashes, rows, slots, known, at, found):
    """Find the next key of the same hash for each of these rows, from slot `at` on, which is moved behind it."""
    mask = np.int64(slots.size - 1)
    for i in range(rows.size):
        r = rows[i]
        k = at[r]
        g = slots[k]
        while g >= 0 and known[g] != hashes[r]:
            k = (k + 1) & mask
            g = slots[k]
        found[r] = g
        at[r] = (k + 1) & mask


@kernel()
def _same_texts(rows, found, data, start, length, known, known_start, known_length, same):
    for i in range(rows.size):
        r = rows[i]
        g = found[r]
        n = np.int64(length[r])
        if n != known_length[g] or not same_bytes(data, start[r], known, known_start[g], n):
            same[i] = False


@kernel()
def _running_latest(offsets, end):
    """Return the latest end of the rows of a key up to each one: where it is past, none of them holds."""
    out = np.empty(end.size, np.int64)
    for g in range(offsets.size - 1):
        for k in range(offsets[g], offsets[g + 1]):
            out[k] = end[k] if k == offsets[g] or end[k] > out[k - 1] else out[k - 1]
    return out


@kernel()
def _holding(found, time, offsets, begin, end, latest, parents, out):
    """Find, among the rows of each key (else those of its parents), the latest that holds at the time."""
    for i in range(found.size):
        out[i] = -1
        g = found[i]
        t = time[i]
        while g >= 0 and out[i] < 0:
            a = offsets[g]
            b = offsets[g + 1]
            first = a
            while a < b:
                middle = (a + b) >> 1
                if begin[middle] <= t:
                    a = middle + 1
                else:
                    b = middle
            k = a - 1
            while k >= first and latest[k] > t:
                if end[k] > t:
                    out[i] = k
                    break
                k -= 1
            g = parents[g] if parents.size > 0 else -1


def nbytes(columns: dict[str, Column]) -> int:
    """Return about how much memory columns take."""
    total = 0
    for column in columns.values():
        parts: list[Any] = [getattr(column, name, None) for name in ("values", "data", "start", "length", "valid")]
        total += sum(part.nbytes for part in parts if isinstance(part, np.ndarray))
    return total
