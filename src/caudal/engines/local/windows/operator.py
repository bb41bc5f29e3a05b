"""What tumbling, hopping and session operators share: preparing morsels, state, results, the cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar import sorting
from caudal.columnar.column import Column, Fixed, Ints, Text
from caudal.columnar.grouping import Groups, group
from caudal.columnar.morsel import Morsel
from caudal.core.errors import RunError
from caudal.core.types import INT64, TIMESTAMP, DataType
from caudal.engines.local.aggregates import Rows, aggregator
from caudal.engines.local.state import Blob, Blocks
from caudal.engines.local.table import Table, concat_tables
from caudal.plan.nodes import WindowAggregate

Bound = Callable[[Morsel], Column]
Bind = Callable[..., Any]

OPEN = 2**62
"""Above every event time: the watermark at the end of data."""

LOWEST = -(2**61)
"""The watermark of a partition that nothing is known about."""


@dataclass(slots=True)
class Partial:
    """What one morsel adds: its groups with their partial aggregates, and the fates of its rows.

    `counts`: (panes, rows of each), for operators that count by pane.
    """

    table: Table | None
    rows: int
    late: Morsel | None
    partly_late: int
    counts: tuple[Ints, Ints] | None = None


class WindowOperator:
    """A window aggregate's runtime. `prepare` runs in any thread; the other methods in one at a time, in order."""

    kind = ""
    version = 1

    def __init__(
        self, node: WindowAggregate, operator: str, bind: Bind, ranks: Callable[[], Ints], numbered: bool
    ) -> None:
        schema = node.input.schema
        self.node = node
        self.operator = operator
        self.numbered = numbered
        self._ranks = ranks
        self._keys: list[Bound] = [bind(expr, schema) for _, expr in node.keys]
        self._aggregators = []
        self._arguments: list[Bound | None] = []
        self._order_by: list[list[Bound]] = []
        for name, aggregate in node.aggregates:
            argument = None if aggregate.argument is None else aggregate.argument.dtype(schema)
            self._aggregators.append(aggregator(aggregate.function, node.schema.dtype(name), argument))
            self._arguments.append(None if aggregate.argument is None else bind(aggregate.argument, schema))
            self._order_by.append([bind(e, schema) for e in aggregate.order_by])
        self.key_names = [f"k{i}" for i in range(len(self._keys))]
        self.blocks = Blocks()
        self.watermark = -OPEN
        self.emitted = 0
        self._layout: dict[str, DataType] = {}
        self._lists: set[str] = set()

    # -- any thread ---------------------------------------------------------------------------------------------

    def prepare(self, morsel: Morsel) -> Partial:
        """Return what the morsel adds."""
        raise NotImplementedError

    def _table(self, morsel: Morsel, groups: Groups, keys: Sequence[Column], extra: dict[str, Ints]) -> Table:
        """Return the groups' keys, extra int64 columns, row counts and partial aggregates."""
        columns: dict[str, Column] = {name: Fixed(INT64, values) for name, values in extra.items()}
        for name, key in zip(self.key_names, keys):
            columns[name] = sorting.one_zero(_own(key.take(groups.first)))
        for i, aggregator_ in enumerate(self._aggregators):
            argument = self._arguments[i]
            rows = Rows(
                None if argument is None else argument(morsel),
                [order(morsel) for order in self._order_by[i]],
                morsel.time,
                morsel.partition,
                morsel.position,
                morsel.branch,
            )
            for j, state in enumerate(aggregator_.partial(rows, groups)):
                columns[f"a{i}.{j}"] = state
        return Table(columns, len(groups))

    # -- in order -----------------------------------------------------------------------------------------------

    def add(self, partial: Partial) -> None:
        """Take a prepared morsel into the state."""
        raise NotImplementedError

    def due(self, watermark: int) -> bool:
        """Whether `advance` would close anything."""
        raise NotImplementedError

    def advance(self, watermark: int) -> tuple[Morsel | None, int]:
        """Close what the watermark has passed; return (result rows, input rows absorbed)."""
        raise NotImplementedError

    @property
    def forwarded(self) -> int:
        """The watermark that the operator's results have."""
        return self.watermark

    def buffered(self) -> int:
        """Return the number of input rows whose windows are not all closed."""
        raise NotImplementedError

    def _fold(self, table: Table, groups: Groups, keep: dict[str, Ints]) -> Table:
        """Return one row a group: keys of its first row, aggregates merged, the given int64 columns."""
        columns: dict[str, Column] = {name: Fixed(INT64, values) for name, values in keep.items()}
        for name in self.key_names:
            columns[name] = _own(table[name].take(groups.first))
        ranks = self._ranks()
        for i, aggregator_ in enumerate(self._aggregators):
            states = self._states(table, i)
            for j, state in enumerate(aggregator_.merge(states, groups, ranks)):
                columns[f"a{i}.{j}"] = state
        return Table(columns, len(groups))

    def _states(self, table: Table, i: int) -> list[Column]:
        states: list[Column] = []
        while (name := f"a{i}.{len(states)}") in table.columns:
            states.append(table[name])
        return states

    def _group(self, table: Table, salts: Sequence[Ints]) -> Groups:
        return group([table[k] for k in self.key_names], salts, table.rows)

    def _results(self, table: Table, start: Ints, end: Ints) -> Morsel:
        """Return the result rows of folded groups, ordered by (end, key) at the latest in the sink."""
        node = self.node
        columns: dict[str, Column] = {name: table[k] for (name, _), k in zip(node.keys, self.key_names)}
        columns["window_start"] = Fixed(TIMESTAMP, start)
        columns["window_end"] = Fixed(TIMESTAMP, end)
        ranks = self._ranks()
        for i, (name, _) in enumerate(node.aggregates):
            columns[name] = self._aggregators[i].result(self._states(table, i), ranks)
        order = (columns["window_end"], *(table[k] for k in self.key_names), columns["window_start"])
        morsel = Morsel(columns, table.rows, time=end - 1, order=order)
        if self.numbered:
            morsel = morsel.take(sorting.order(order))
            morsel.position = np.arange(self.emitted, self.emitted + table.rows, dtype=np.int64)
        self.emitted += table.rows
        return morsel

    # -- cut ----------------------------------------------------------------------------------------------------

    def export(self, whole: bool) -> Blob:
        """Return the state as a whole or since the last export."""
        for table in self.blocks.tables.values():
            for name, column in table.columns.items():
                self._layout[name] = column.dtype
                if hasattr(column, "children"):
                    self._lists.add(name)
        added, removed = self.blocks.export(self.key_names, whole)
        values = {"watermark": self.watermark, "emitted": self.emitted, **self._values()}
        values["layout"] = sorted(self._lists)
        return Blob(self.operator, self.kind, self.version, whole, values, added, removed)

    def restore(self, blobs: Sequence[Blob], types: dict[str, DataType]) -> None:
        """Load a cut: a whole export and the deltas behind it. `types` are those of `state_types`."""
        last = blobs[-1]
        if last.kind != self.kind or last.version != self.version:
            raise RunError(
                f"the state of '{self.operator}' is of {last.kind} version {last.version}, not {self.kind} version {self.version}"
            )
        self.watermark = last.values["watermark"]
        self.emitted = last.values["emitted"]
        self._load(last.values)
        lists = frozenset(name for blob in blobs for name in blob.values["layout"])
        self.blocks.restore(blobs, types, lists)

    def state_types(self) -> dict[str, DataType]:
        """Return the type of each state column, found by preparing an empty morsel."""
        morsel = _empty(self.node.input.schema)
        groups = Groups(np.empty(0, np.int64), np.empty(0, np.int64))
        keys = [key(morsel) for key in self._keys]
        table = self._table(morsel, groups, keys, dict.fromkeys(self._extra, np.empty(0, np.int64)))
        return {name: column.dtype for name, column in table.columns.items()}

    _extra: tuple[str, ...] = ()

    def _values(self) -> dict[str, Any]:
        return {}

    def _load(self, values: dict[str, Any]) -> None:
        pass

    def largest_keys(self, count: int = 3) -> list[str]:
        """Return the keys with the most state rows, for the message of `max_state`."""
        if not self.blocks.tables or not self.key_names:
            return []
        table = concat_tables([Table({k: t[k] for k in self.key_names}, t.rows) for t in self.blocks.tables.values()])
        groups = self._group(table, [])
        sizes = np.bincount(groups.codes, minlength=len(groups))
        top = np.argsort(sizes)[::-1][:count]
        rows = table.take(groups.first[top])
        names = zip(*(rows[k].to_list() for k in self.key_names))
        return [f"{', '.join(str(v) for v in key)} ({int(sizes[i])} rows)" for key, i in zip(names, top)]


def _own(column: Column) -> Column:
    return column.compact() if isinstance(column, Text) else column


def _empty(schema: Any) -> Morsel:
    from caudal.columnar.column import from_list

    none = np.empty(0, np.int64)
    return Morsel({f.name: from_list([], f.dtype) for f in schema}, 0, none, none, none)
