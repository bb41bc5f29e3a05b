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
from caudal.engines.local.ordered.sharding import Framed, Portion
from caudal.engines.local.state import HASH
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
        """Return the columns of a row that aggregates need: keys, their hashes, time, partial aggregates."""
        partial = [f"a{i}.{j}" for i in range(len(self.aggregations)) for j in range(len(self._states(table, i)))]
        return [*self.key_names, HASH, "time", *partial]

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
        self.frame = node.frame
        self.running = node
        self._order: list[int] = []
        super().__init__(node, *args, False)

    def _shard(self) -> Framed | LatestRows:
        return Framed() if self.frame.size or self.frame.rows else LatestRows(self.blocks, self.key_names)

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        return {**OrderedAggregates._columns(self, morsel, keys), **self._own_columns(morsel)}

    def _given(self, table: Table) -> Table:
        return Table({name: table[name] for name in self._state_names(table)}, table.rows)

    def _portion(self, kept: Framed | LatestRows, table: Table) -> Portion:
        rows = table
        whole = concat_tables([*self._earlier(kept, rows), rows])
        before = whole.rows - rows.rows
        groups = self._group(whole, [])
        order, offsets = order_by_group(groups.codes, len(groups))
        ordered = whole.take(order)
        start = self._starts(ordered, offsets)
        wanted = np.flatnonzero(order >= before)
        back = np.empty(rows.rows, np.int64)
        back[order[wanted] - before] = np.arange(rows.rows)
        made = self._results_of(ordered, start[wanted], wanted + 1)
        if isinstance(kept, Framed):
            self._retain(kept, whole, self._alive(whole, order, offsets), before)
        else:
            last = ordered.take(offsets[1:] - 1)
            so_far = {name: last[name] for name in [*self.key_names, HASH, "time"]}
            so_far.update(self._folded(ordered, offsets[:-1], offsets[1:]))
            kept.put(owned(Table(so_far, last.rows)))
        columns = {name: column.take(back) for name, column in made.items()}
        return Portion(np.arange(rows.rows, dtype=np.int64), columns, {"passed": rows.rows})

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        columns = self._passed(table)
        for (name, _), key in zip(self.running.keys, self.key_names):
            columns.setdefault(name, table[key])
        return {**columns, **made}

    def _earlier(self, kept: Framed | LatestRows, rows: Table) -> list[Table]:
        """Return what stands before these rows: rows of frames, or what their keys' rows so far come to."""
        if isinstance(kept, Framed):
            return [self.blocks.tables[number] for number in kept.numbers]
        first = self._group(rows, []).first
        _, known = kept.fetch([rows[name].take(first) for name in self.key_names], len(first))
        return [] if known is None else [known]

    def _starts(self, ordered: Table, offsets: Ints) -> Ints:
        """Return where the frame of each row begins."""
        if self.frame.size:
            return kernels.frames(offsets, ordered.ints("time"), self.frame.size)
        begin = np.repeat(offsets[:-1], np.diff(offsets))
        if not self.frame.rows:
            return begin
        return np.maximum(begin, np.arange(ordered.rows) - (self.frame.rows - 1))

    def _alive(self, whole: Table, order: Ints, offsets: Ints) -> Bools:
        """Return which rows are in a frame still."""
        if self.frame.size:
            return whole.ints("time") > self.watermark - self.frame.size
        alive = np.empty(whole.rows, np.bool_)
        end = np.repeat(offsets[1:], np.diff(offsets))
        alive[order] = np.arange(whole.rows) > end - self.frame.rows
        return alive

    def _retain(self, kept: Framed, whole: Table, alive: Bools, before: int) -> None:
        if len(kept.numbers) >= FEW:
            for number in kept.numbers:
                self.blocks.remove(number)
            kept.numbers, before = [], 0
        numbers, at = [], 0
        for number in kept.numbers:
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
        kept.numbers = numbers

    def _expire(self, kept: Framed | LatestRows) -> None:
        if not self.frame.size:
            return
        gone = self.watermark - self.frame.size
        while kept.numbers and int(self.blocks.tables[kept.numbers[0]].ints("time")[-1]) <= gone:
            self.blocks.remove(kept.numbers.pop(0))

    def _values(self) -> dict[str, Any]:
        framed = self.shards.numbers if self.frame.size or self.frame.rows else []
        return {**super()._values(), "framed": framed}

    def _load(self, values: dict[str, Any]) -> None:
        super()._load(values)
        self._order = [int(number) for number in values["framed"]]

    def _by_age(self, numbers: list[int]) -> list[int]:
        return [number for number in self._order if number in self.blocks.tables] or numbers
