"""What a step keeps of keys, and its calls: kept rows are handed to the step, and what it keeps of them takes their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed, Ints, Text, arrow_type, from_arrow
from caudal.core.errors import RunError
from caudal.core.types import INT64, DataType, parse_type
from caudal.engines.local.lists import Lists
from caudal.engines.local.ordered.keyed import SLOTS, LatestRows, owned
from caudal.engines.local.state import Blocks
from caudal.engines.local.table import Table
from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import END, Made, Rows, Step

TEXT = 7 << 28
"""Bytes of kept text in a column that a step takes at most: it tells places in it by 31 bits."""

COPIES = 3
"""How often what is kept of the keys of a call stands in memory beside the state while it runs."""

PLACES = 64
"""Bytes that the numbers of a kept row take meanwhile."""


class KeptRows(LatestRows):
    """What a step keeps of keys: for each a list of rows, and when it is to be called again.

    `looked`: how many keys there were when those of which nothing is kept were dropped. `copied`: the bytes that the last call
    with rows took beside them.
    """

    def __init__(self, operator: str, step: Step, blocks: Blocks, names: Sequence[str]) -> None:
        super().__init__(blocks, names)
        self._operator = operator
        self._step = step
        self._types = [parse_type(kind) for kind in step.keeps]
        self.looked = SLOTS
        self.copied = 0

    def taken(self, keys: Table, rows: Rows, watermark: int) -> Made:
        """Take the step of these keys, and keep what it says."""
        number = self.number([keys[name] for name in self._names], keys.rows)
        found, known = self.numbered(number)
        state = self._step.nothing(keys.rows)
        if known is not None:
            lists = known["kept"]
            assert isinstance(lists, Lists)
            counts = np.zeros(keys.rows, np.int64)
            counts[found] = lists.length
            state.starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
            state.columns = self._arrays(lists.flat(), keys, counts)
        if len(rows):
            self.copied = COPIES * sum(column.nbytes for column in state.columns) + PLACES * len(state)
        made = self._step.run(state, rows, watermark)
        self._keep(keys, number, made)
        return made

    def _arrays(self, columns: Sequence[Column], keys: Table, counts: Ints) -> list[Any]:
        """Return kept columns as the step takes them; raises `RunError` for more text than a column can hold there."""
        if any(isinstance(column, Text) and int(column.length.sum()) > TEXT for column in columns):
            largest = int(np.argmax(counts))
            key = ", ".join(str(keys[name].slice(largest, largest + 1).to_list()[0]) for name in self._names)
            raise RunError(
                f"the rows that it keeps of the keys of one step have more than {TEXT:,} bytes in a column",
                location=self._operator,
                detail=f"the largest key: {key} ({int(counts[largest])} rows)",
                hint="filter rows of this key, or take a shorter interval, or leave columns out that are long",
            )
        return [as_array(column.to_arrow(), kind) for column, kind in zip(columns, self._step.keeps)]

    def _keep(self, keys: Table, number: Ints, made: Made) -> None:
        columns = [
            from_arrow(array.cast(arrow_type(dtype)), dtype) for array, dtype in zip(made.state.columns, self._types)
        ]
        lists = Lists(columns, made.state.starts[:-1], np.diff(made.state.starts))
        wake = np.full(keys.rows, END, np.int64) if made.wake is None else made.wake
        self.put(owned(Table({**keys.columns, "kept": lists, "wake": Fixed(INT64, wake)}, keys.rows)), number)


def kept_type(step: Step) -> DataType:
    """Return the type of the column of lists of kept rows."""
    none = np.empty(0, np.int64)
    kept = zip(step.nothing(0).columns, step.keeps, strict=True)
    return Lists([from_arrow(column, parse_type(kind)) for column, kind in kept], none, none).dtype


def lengths(table: Table) -> Ints:
    """Return how many rows are kept of each key."""
    lists = table["kept"]
    assert isinstance(lists, Lists)
    return lists.length
