"""Tables: named columns of equal length, immutable; what operators keep as state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Ints, Text, Words, from_arrow
from caudal.core.types import INT64, DataType
from caudal.engines.local.lists import Lists, concat_columns


class Table:
    """Named columns of `rows` values. Columns own their memory: nothing points into a block that was read."""

    __slots__ = ("columns", "rows")

    def __init__(self, columns: Mapping[str, Column], rows: int) -> None:
        self.columns = dict(columns)
        self.rows = rows

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def ints(self, name: str) -> Ints:
        """Return the values of an int64 column without nulls."""
        column = self.columns[name]
        assert isinstance(column, Fixed)
        return column.values

    def take(self, rows: Ints) -> Table:
        """Return the rows at these numbers."""
        return Table({name: column.take(rows) for name, column in self.columns.items()}, len(rows))

    def slice(self, start: int, stop: int) -> Table:
        """Return rows [start, stop) as views."""
        return Table({name: column.slice(start, stop) for name, column in self.columns.items()}, stop - start)

    def with_column(self, name: str, values: Ints) -> Table:
        """Return the table with an int64 column added or replaced."""
        return Table({**self.columns, name: Fixed(INT64, values)}, self.rows)

    def nbytes(self) -> int:
        """Return about how many bytes of memory the table holds."""
        return sum(column_bytes(c) for c in self.columns.values())

    def to_arrow(self) -> pa.Table:
        """Return the table in Arrow form, for a cut."""
        return pa.table({name: column.to_arrow() for name, column in self.columns.items()})


def column_bytes(column: Column) -> int:
    """Return about how many bytes a column holds."""
    mask = 0 if column.valid is None else len(column.valid)
    if isinstance(column, Fixed):
        return column.values.nbytes + mask
    if isinstance(column, Words):
        return column.codes.nbytes + column.dictionary.nbytes + mask
    if isinstance(column, Text):
        known = column.length if column.valid is None else column.length[column.valid]  # of a null nothing is said
        return int(known.sum()) + 12 * len(column) + mask
    if isinstance(column, Lists):
        share = int(column.length.sum()) / max(1, len(column.children[0]))
        return 16 * len(column) + int(share * sum(column_bytes(c) for c in column.children))
    return column.to_arrow().nbytes + mask


def concat_tables(tables: Sequence[Table]) -> Table:
    """Return the tables (at least one) behind one another."""
    if len(tables) == 1:
        return tables[0]
    names = list(tables[0].columns)
    return Table({n: concat_columns([t.columns[n] for t in tables]) for n in names}, sum(t.rows for t in tables))


def consume(tables: list[Table]) -> Table:
    """Return the tables behind one another and empty them column by column, so that little stands in memory twice."""
    if len(tables) == 1:
        return tables[0]
    rows = sum(t.rows for t in tables)
    columns = {}
    for name in list(tables[0].columns):
        columns[name] = concat_columns([t.columns[name] for t in tables])
        for table in tables:
            del table.columns[name]
    return Table(columns, rows)


def table_of_arrow(data: pa.Table, types: Mapping[str, DataType], lists: frozenset[str]) -> Table:
    """Return the table that `Table.to_arrow` exported; `lists` names the columns that are `Lists`.

    A table has those of the columns in `types` that it was exported with: an operator may have blocks of two kinds.
    """
    columns: dict[str, Column] = {}
    for name, dtype in types.items():
        if name not in data.column_names:
            continue
        array = data.column(name)
        array = array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
        columns[name] = Lists.of_arrow(array, dtype) if name in lists else from_arrow(array, dtype)
    return Table(columns, data.num_rows)
