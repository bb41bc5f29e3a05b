"""A column of lists over child columns: what aggregates keep that need more than one cell a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Ints, concat, from_arrow
from caudal.columnar.compiled import kernel
from caudal.core.types import INT64, DataType, Field, list_of, struct_of


class Lists(Column):
    """Row i holds rows start[i] .. start[i] + length[i] of every child. Never null."""

    __slots__ = ("children", "length", "start")

    def __init__(self, children: Sequence[Column], start: Ints, length: Ints) -> None:
        self.dtype = list_of(struct_of([Field(f"c{i}", c.dtype) for i, c in enumerate(children)]))
        self.valid = None
        self.children = list(children)
        self.start = start
        self.length = length

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Ints) -> Lists:
        return Lists(self.children, self.start[rows], self.length[rows])

    def slice(self, start: int, stop: int) -> Lists:
        return Lists(self.children, self.start[start:stop], self.length[start:stop])

    def flat(self) -> list[Column]:
        """Return the children with just the rows that are listed, in list order; they are not to be changed."""
        if self._whole():
            return self.children
        rows = _expand(self.start, self.length)
        return [child.take(rows) for child in self.children]

    def owners(self) -> Ints:
        """Return for each row of `flat` the row of this column that it belongs to."""
        return np.repeat(np.arange(len(self)), self.length)

    def _whole(self) -> bool:
        """Whether the lists are all rows of the children, in order."""
        if not len(self) or not self.children:
            return False
        ends = self.start + self.length
        return bool(
            self.start[0] == 0 and ends[-1] == len(self.children[0]) and np.array_equal(self.start[1:], ends[:-1])
        )

    def to_arrow(self) -> pa.Array:
        children = self.flat()
        offsets = np.zeros(len(self) + 1, np.int64)
        np.cumsum(self.length, out=offsets[1:])
        names = [f"c{i}" for i in range(len(children))]
        values = pa.StructArray.from_arrays([c.to_arrow() for c in children], names=names)
        return pa.LargeListArray.from_arrays(Fixed(INT64, offsets).to_arrow(), values)

    @classmethod
    def of_arrow(cls, array: pa.Array, dtype: DataType) -> Lists:
        """Return the column that `to_arrow` exported."""
        assert dtype.item is not None
        offsets = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        values = array.flatten()
        children = [from_arrow(values.field(i), f.dtype) for i, f in enumerate(dtype.item.fields)]
        offsets = offsets - offsets[0]
        return cls(children, offsets[:-1].copy(), np.diff(offsets))

    @classmethod
    def regroup(cls, children: Sequence[Column], codes: Ints, groups: int) -> Lists:
        """Return one list a group of these child rows, keeping their order within a group."""
        order, offsets = order_by_group(codes, groups)
        return cls([c.take(order) for c in children], offsets[:-1].copy(), np.diff(offsets))


def concat_columns(columns: Sequence[Column]) -> Column:
    """Return the columns behind one another, lists too."""
    if isinstance(columns[0], Lists):
        if len(columns) == 1:
            return columns[0]
        flat = [c.flat() for c in columns]  # type: ignore[attr-defined]
        length = np.concatenate([c.length for c in columns])  # type: ignore[attr-defined]
        start = np.zeros(len(length), np.int64)
        np.cumsum(length[:-1], out=start[1:])
        return Lists([concat(parts) for parts in zip(*flat, strict=True)], start, length)
    return concat(columns)


@kernel()
def order_by_group(codes, groups):
    """Return (row numbers sorted by code, stable; where each group begins, with the end behind the last)."""
    offsets = np.zeros(groups + 1, np.int64)
    for i in range(codes.size):
        offsets[codes[i] + 1] += 1
    for g in range(groups):
        offsets[g + 1] += offsets[g]
    place = offsets.copy()
    order = np.empty(codes.size, np.int64)
    for i in range(codes.size):
        c = codes[i]
        order[place[c]] = i
        place[c] += 1
    return order, offsets


@kernel()
def _expand(start, length):
    total = 0
    for i in range(length.size):
        total += length[i]
    rows = np.empty(total, np.int64)
    k = 0
    for i in range(length.size):
        for j in range(length[i]):
            rows[k] = start[i] + j
            k += 1
    return rows
