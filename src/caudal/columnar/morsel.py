"""A morsel: a batch of a stream's rows, with what the engine knows about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from caudal.columnar.column import Bools, Column, Fixed, Ints


@dataclass(slots=True)
class Morsel:
    """Rows in order, of one origin as a rule.

    `columns`: the visible columns, all of `rows` values. `time`: event time of each row in int64 milliseconds, None
    for a stream without event time. `watermark`: W_p of each row's source row (SEMANTICS: what is late), None when no
    row can be late. `position`: where each row's record stands in its partition, None where nobody needs it.
    `partition`: the ordinal of the source partition that the rows came from, or of each row's where it is several.
    `order`: hidden columns in whose pinned order a sink writes the rows (results of a window); () when they stand in
    order already. `branch`: which way into an operator they took, of several, or which each of them took: it orders the copies of
    one row.
    `ordinal`: which of the rows it is that an operator made of one (its source row or window), None where there is one
    at most.
    """

    columns: dict[str, Column]
    rows: int
    time: Ints | None = None
    watermark: Ints | None = None
    position: Ints | None = None
    partition: int | Ints = 0
    order: tuple[Column, ...] = ()
    branch: int | Ints = 0
    ordinal: Ints | None = None

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def take(self, rows: Ints) -> Morsel:
        """Return the rows at these row numbers."""
        time = None if self.time is None else self.time.take(rows)
        # written out: dataclasses.replace takes longer than all the rest of a morsel of one row
        return Morsel(
            {
                name: column.take(rows) if time is None or not self._is_time(column) else Fixed(column.dtype, time)
                for name, column in self.columns.items()
            },
            len(rows),
            time,
            None if self.watermark is None else self.watermark.take(rows),
            None if self.position is None else self.position.take(rows),
            self.partition if isinstance(self.partition, int) else self.partition.take(rows),
            tuple([column.take(rows) for column in self.order]),
            self.branch if isinstance(self.branch, int) else self.branch.take(rows),
            None if self.ordinal is None else self.ordinal.take(rows),
        )

    def _is_time(self, column: Column) -> bool:
        """Whether a column is just the event time, so that its values need not be gathered once more."""
        return isinstance(column, Fixed) and column.values is self.time and column.valid is None

    def filter(self, keep: Bools) -> Morsel:
        """Return the rows where `keep` is true; self when all are."""
        rows = np.flatnonzero(keep)
        return self if len(rows) == self.rows else self.take(rows)

    def slice(self, start: int, stop: int) -> Morsel:
        """Return rows [start, stop) as views."""
        return Morsel(
            {name: column.slice(start, stop) for name, column in self.columns.items()},
            stop - start,
            None if self.time is None else self.time[start:stop],
            None if self.watermark is None else self.watermark[start:stop],
            None if self.position is None else self.position[start:stop],
            self.partition if isinstance(self.partition, int) else self.partition[start:stop],
            tuple([column.slice(start, stop) for column in self.order]),
            self.branch if isinstance(self.branch, int) else self.branch[start:stop],
            None if self.ordinal is None else self.ordinal[start:stop],
        )

    def spread(self, owner: Ints, columns: Mapping[str, Column]) -> Morsel:
        """Return rows with these columns, each made from the row `owner` (ascending) and with all that is known of it."""
        bare = self.with_columns({}).take(owner)
        start = np.searchsorted(owner, owner)
        rank = np.arange(len(owner), dtype=np.int64) - start
        # rows made of rows that were made of one: no two of them get the same number
        bare.ordinal = rank if bare.ordinal is None else bare.ordinal * (1 << 20) + rank
        bare.columns = dict(columns)
        return bare

    def with_columns(self, columns: Mapping[str, Column]) -> Morsel:
        """Return the same rows with these visible columns instead."""
        return Morsel(
            dict(columns),
            self.rows,
            self.time,
            self.watermark,
            self.position,
            self.partition,
            self.order,
            self.branch,
            self.ordinal,
        )
