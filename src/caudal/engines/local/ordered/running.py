"""Running aggregates: each row comes out with the aggregates over the rows of its key in the frame up to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Column, Ints
from caudal.columnar.grouping import Groups
from caudal.columnar.morsel import Morsel
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.ordered import kernels
from caudal.engines.local.ordered.keyed import LatestRows, owned
from caudal.engines.local.ordered.operator import OrderedOperator
from caudal.engines.local.ordered.ranges import folded, results
from caudal.engines.local.stateful import Released
from caudal.engines.local.table import Table, concat_tables
from caudal.engines.local.windows.operator import WindowOperator
from caudal.plan.nodes import Running

FEW = 16
"""Blocks of rows in frames beyond which they are joined."""


class OrderedAggregates(OrderedOperator, WindowOperator):
    """What aggregates rows in order: each row waits with its own partial aggregates."""

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        every = np.arange(morsel.rows, dtype=np.int64)
        if self.arrival:
            # as they come, not by time: positions alone tell rows apart
            zeros = np.zeros(morsel.rows, np.int64)
            position = zeros if morsel.position is None else morsel.position
            morsel = Morsel(morsel.columns, morsel.rows, zeros, None, position, morsel.partition, branch=morsel.branch)
        return self._table(morsel, Groups(every, every), [], {}).columns

    def _state_names(self, table: Table) -> list[str]:
        """Return the columns of a row that aggregates need: keys, time, partial aggregates."""
        partial = [f"a{i}.{j}" for i in range(len(self.aggregations)) for j in range(len(self._states(table, i)))]
        return [*self.key_names, "time", *partial]

    def _pinned(self, i: int) -> bool:
        """Whether the rows that this operator takes stand in the order that the aggregate is about."""
        return len(self.aggregations[i].order_by) <= len(self.order_by)

    def _results_of(self, table: Table, start: Ints, stop: Ints) -> dict[str, Column]:
        """Return each aggregate over the ranges [start, stop) of these rows."""
        ranks = self._ranks()
        return {
            each.name: results(each.aggregator, self._states(table, i), start, stop, ranks, self._pinned(i))
            for i, each in enumerate(self.aggregations)
        }

    def _folded(self, table: Table, start: Ints, stop: Ints) -> dict[str, Column]:
        """Return the state of each aggregate over the ranges."""
        ranks, out = self._ranks(), {}
        for i, each in enumerate(self.aggregations):
            states = folded(each.aggregator, self._states(table, i), start, stop, ranks, self._pinned(i))
            out.update({f"a{i}.{j}": state for j, state in enumerate(states)})
        return out


class RunningOperator(OrderedAggregates):
    """State: of all rows so far one folded row a key; of a frame the rows that are still in one, in order.

    Blocks of rows in frames are dropped when all their rows have left, copied when half of them have.
    """

    kind = "running"

    def __init__(self, node: Running, *args: Any) -> None:
        super().__init__(node, *args, False)
        self.frame = node.frame
        self.running = node
        self._so_far = LatestRows(self.blocks, self.key_names)
        self._framed: list[int] = []

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        return {**OrderedAggregates._columns(self, morsel, keys), **self._own_columns(morsel)}

    def _step(self, table: Table) -> Released:
        names = self._state_names(table)
        rows = Table({name: table[name] for name in names}, table.rows)
        whole = concat_tables([*self._earlier(rows), rows])
        before = whole.rows - rows.rows
        groups = self._group(whole, [])
        order, offsets = order_by_group(groups.codes, len(groups))
        ordered = whole.take(order)
        start = self._starts(ordered, offsets)
        wanted = np.flatnonzero(order >= before)
        back = np.empty(rows.rows, np.int64)
        back[order[wanted] - before] = np.arange(rows.rows)
        made = self._results_of(ordered, start[wanted], wanted + 1)
        self._keep(whole, ordered, order, offsets, before)
        columns = self._passed(table)
        for (name, _), key in zip(self.running.keys, self.key_names):
            columns.setdefault(name, table[key])
        columns.update({name: column.take(back) for name, column in made.items()})
        return Released(self._emit(columns, table), {"passed": table.rows})

    def _earlier(self, rows: Table) -> list[Table]:
        """Return what stands before these rows: rows of frames, or what their keys' rows so far come to."""
        if self.frame.size or self.frame.rows:
            return [self.blocks.tables[number] for number in self._framed]
        first = self._group(rows, []).first
        _, known = self._so_far.fetch([rows[name].take(first) for name in self.key_names], len(first))
        return [] if known is None else [known]

    def _starts(self, ordered: Table, offsets: Ints) -> Ints:
        """Return where the frame of each row begins."""
        if self.frame.size:
            return kernels.frames(offsets, ordered.ints("time"), self.frame.size)
        begin = np.repeat(offsets[:-1], np.diff(offsets))
        if not self.frame.rows:
            return begin
        return np.maximum(begin, np.arange(ordered.rows) - (self.frame.rows - 1))

    def _keep(self, whole: Table, ordered: Table, order: Ints, offsets: Ints, before: int) -> None:
        if not self.frame.size and not self.frame.rows:
            last = ordered.take(offsets[1:] - 1)
            kept = {name: last[name] for name in [*self.key_names, "time"]}
            self._so_far.put(owned(Table({**kept, **self._folded(ordered, offsets[:-1], offsets[1:])}, last.rows)))
            return
        if self.frame.size:
            alive = whole.ints("time") > self.watermark - self.frame.size
        else:
            alive = np.empty(whole.rows, np.bool_)
            end = np.repeat(offsets[1:], np.diff(offsets))
            alive[order] = np.arange(whole.rows) > end - self.frame.rows
        self._retain(whole, alive, before)

    def _retain(self, whole: Table, alive: Bools, before: int) -> None:
        if len(self._framed) >= FEW:
            for number in self._framed:
                self.blocks.remove(number)
            self._framed, before = [], 0
        numbers, at = [], 0
        for number in self._framed:
            size = self.blocks.tables[number].rows
            left = np.flatnonzero(alive[at : at + size])
            if 2 * len(left) < size:
                table = self.blocks.remove(number)
                numbers += [self.blocks.add(owned(table.take(left)))] if len(left) else []
            else:
                numbers.append(number)
            at += size
        left = before + np.flatnonzero(alive[before:])
        if len(left):
            numbers.append(self.blocks.add(owned(whole.take(left))))
        self._framed = numbers

    def _expire(self) -> None:
        if not self.frame.size:
            return
        gone = self.watermark - self.frame.size
        while self._framed and int(self.blocks.tables[self._framed[0]].ints("time")[-1]) <= gone:
            self.blocks.remove(self._framed.pop(0))

    def _values(self) -> dict[str, Any]:
        return {**super()._values(), "framed": list(self._framed)}

    def _load(self, values: dict[str, Any]) -> None:
        super()._load(values)
        self._framed = [int(number) for number in values["framed"]]

    def _restored(self, numbers: list[int]) -> None:
        self._framed = [number for number in self._framed if number in self.blocks.tables]
        if not self.frame.size and not self.frame.rows:
            self._so_far.restored(numbers)
