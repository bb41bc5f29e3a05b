"""What tumbling, hopping and session operators share: preparing morsels, folding state, results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.columnar import sorting
from caudal.columnar.column import Column, Fixed, Ints
from caudal.columnar.grouping import Groups, key_hashes
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, TIMESTAMP, DataType
from caudal.engines.local.aggregates import Rows, aggregator
from caudal.engines.local.aggregates.functions import Aggregator
from caudal.engines.local.aggregates.whole import WHOLE, WholeRows, kept
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import Bind, Bound, Part, Released, StatefulOperator, empty, joined, own
from caudal.engines.local.table import Table
from caudal.plan.expr import Column as ColumnExpr
from caudal.plan.nodes import Running, WindowAggregate, WindowApply, WindowTop
from caudal.plan.windows import CountWindow, Order, Sliding

WindowNode = WindowAggregate | WindowApply | WindowTop


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregate of an operator, with its bound argument and the columns that break ties of order."""

    name: str
    aggregator: Aggregator
    argument: Bound | None = None
    order_by: list[Bound] = field(default_factory=list)


def aggregations(node: WindowNode | Running, bind: Bind) -> list[Aggregation]:
    """Return what a window operator keeps of its rows: aggregates, or the rows themselves."""
    schema = node.input.schema
    window = node.frame if isinstance(node, Running) else node.window
    order = window.order if isinstance(window, CountWindow | Sliding) else Order()
    if isinstance(node, WindowAggregate | Running):
        out: list[Aggregation] = []
        for name, aggregate in node.aggregates:
            argument = None if aggregate.argument is None else aggregate.argument.dtype(schema)
            made = aggregator(aggregate.function, node.schema.dtype(name), argument, dict(aggregate.options))
            bound = None if aggregate.argument is None else bind(aggregate.argument, schema)
            # what an aggregate's own order leaves open is as the window takes its rows
            ties = (*aggregate.order_by, *order.by) if aggregate.order_sensitive else ()
            out.append(Aggregation(name, made, bound, [bind(e, schema) for e in ties]))
        return out
    ranking = node.by if isinstance(node, WindowTop) else ()
    limit = node.limit if isinstance(node, WindowTop) else 0
    exprs = [*order.by, *(expr for expr, _ in ranking), *(ColumnExpr(n) for n in kept(node))]
    rows = WholeRows(len(order.by), [descending for _, descending in ranking], limit, arrival=order.arrival)
    return [Aggregation(WHOLE, rows, None, [bind(expr, schema) for expr in exprs])]


WAY = 1 << 53
"""More than an operator makes of one row."""


class WindowOperator(StatefulOperator):
    """A window aggregate's runtime, in event time."""

    def __init__(self, node: WindowNode, operator: str, bind: Bind, ranks: Callable[[], Ints], numbered: bool) -> None:
        super().__init__(node, operator, bind, ranks)
        self.node = node
        self.numbered = numbered
        self.aggregations = aggregations(node, bind)

    def _table(self, morsel: Morsel, groups: Groups, keys: Sequence[Column], extra: dict[str, Ints]) -> Table:
        """Return the groups' keys, extra int64 columns, row counts and partial aggregates."""
        columns: dict[str, Column] = {name: Fixed(INT64, values) for name, values in extra.items()}
        for name, key in zip(self.key_names, keys):
            columns[name] = sorting.one_zero(own(key.take(groups.first)))
        ranks = None if isinstance(morsel.partition, int) else self._ranks()  # of one origin its rank decides nothing
        for i, each in enumerate(self.aggregations):
            rows = Rows(
                None if each.argument is None else each.argument(morsel),
                [order(morsel) for order in each.order_by],
                morsel.time,
                morsel.partition,
                morsel.position,
                _way(morsel),
                ranks,
            )
            for j, state in enumerate(each.aggregator.partial(rows, groups)):
                columns[f"a{i}.{j}"] = state
        return Table(columns, len(groups))

    def _nothing(self, kind: str, number: int, rows: int) -> Mapping[str, Column]:
        """Return the state of an aggregate over no rows; of other parts null."""
        if kind != "a":
            return super()._nothing(kind, number, rows)
        each, none = self.aggregations[number], empty(self.node.input.schema)
        argument = None if each.argument is None else each.argument(none)
        given = Rows(argument, [order(none) for order in each.order_by], none.time, 0, none.position)
        groups = Groups(np.empty(0, np.int64), np.zeros(rows, np.int64))
        return {f"a{number}.{j}": state for j, state in enumerate(each.aggregator.partial(given, groups))}

    def _fold(self, table: Table, groups: Groups, keep: dict[str, Ints]) -> Table:
        """Return one row a group: keys of its first row, aggregates merged, the given int64 columns."""
        columns: dict[str, Column] = {name: Fixed(INT64, values) for name, values in keep.items()}
        for name in self.key_names:
            columns[name] = own(table[name].take(groups.first))
        ranks = self._ranks()
        for i, each in enumerate(self.aggregations):
            states = self._states(table, i)
            for j, state in enumerate(each.aggregator.merge(states, groups, ranks)):
                columns[f"a{i}.{j}"] = state
        return Table(columns, len(groups))

    def _states(self, table: Table, i: int) -> list[Column]:
        states: list[Column] = []
        while (name := f"a{i}.{len(states)}") in table.columns:
            states.append(table[name])
        return states

    def _results(self, table: Table, start: Ints, end: Ints) -> Morsel:
        """Return the result rows of folded groups, ordered by (end, key) at the latest in the sink."""
        node = self.node
        columns: dict[str, Column] = {name: table[k] for (name, _), k in zip(node.keys, self.key_names)}
        columns["window_start"] = Fixed(TIMESTAMP, start)
        columns["window_end"] = Fixed(TIMESTAMP, end)
        ranks = self._ranks()
        for i, each in enumerate(self.aggregations):
            columns[each.name] = each.aggregator.result(self._states(table, i), ranks)
        order = (columns["window_end"], *(table[k] for k in self.key_names), columns["window_start"])
        return Morsel(columns, table.rows, time=end - 1, order=order)

    def _released(self, parts: list[Part], fates: dict[str, int]) -> Released:
        """Return results that are made in parts; where an operator that depends on order reads them, in order and numbered."""
        if not self.numbered:
            return Released(None, fates, parts)
        made = [rows for rows in self.dividing.map(lambda part: part(), parts) if rows is not None]
        if not made:
            return Released(None, fates)
        morsel = joined(made)
        morsel = morsel.take(sorting.order(morsel.order))
        morsel.position = np.arange(self.emitted, self.emitted + morsel.rows, dtype=np.int64)
        self.emitted += morsel.rows
        return Released(morsel, fates)

    def _hash_anew(self) -> None:
        """Give the rows of blocks that come from a cut the hashes of this process."""
        for number, table in self.blocks.tables.items():
            hashes = key_hashes([table[name] for name in self.key_names], table.rows)
            self.blocks.tables[number] = table.with_column(HASH, hashes)

    def state_types(self) -> dict[str, DataType]:
        morsel = empty(self.node.input.schema)
        groups = Groups(np.empty(0, np.int64), np.empty(0, np.int64))
        keys = [key(morsel) for key in self._keys]
        table = self._table(morsel, groups, keys, dict.fromkeys(self._extra, np.empty(0, np.int64)))
        return {name: column.dtype for name, column in table.columns.items()}

    _extra: tuple[str, ...] = ()


def _way(morsel: Morsel) -> Any:
    """Return what tells apart rows that stand in one place: the way that each took, and which it is of those that were made of one."""
    return morsel.branch if morsel.ordinal is None else morsel.branch * WAY + morsel.ordinal
