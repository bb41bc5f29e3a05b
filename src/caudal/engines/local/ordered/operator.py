"""What operators that take rows in order share: rows wait, are put in order, and what comes of them is numbered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from caudal.columnar import sorting
from caudal.columnar.column import Bools, Column, Fixed, Ints
from caudal.columnar.grouping import key_hashes
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, DataType
from caudal.engines.local.aggregates import sort_keys
from caudal.engines.local.ordered import kernels
from caudal.engines.local.ordered.keyed import owned
from caudal.engines.local.ordered.sharding import Kept, Portion, Shards, hashed, merged
from caudal.engines.local.state import HASH, Blob
from caudal.engines.local.stateful import (
    NEVER_LATE,
    OPEN,
    Bind,
    Bound,
    Failing,
    Partial,
    Released,
    StatefulOperator,
    empty,
    joined,
    late_by_time,
    own,
)
from caudal.engines.local.table import Table, concat_tables, consume
from caudal.engines.local.windows.kernels import sorted_order
from caudal.plan.nodes import Keyed

MANY = 16
"""Waiting blocks beyond which neighbours are joined."""

PLACE = ("time", "origin", "position", "branch", "watermark")
"""Columns of a waiting row beside the operator's own: where it stands, and its W_p."""


@dataclass(slots=True)
class _Waiting:
    """A waiting block: `turn`: when its rows came; `held`: the rows of the block whose memory it holds."""

    turn: int
    held: int


class OrderedOperator(StatefulOperator):
    """Rows wait in blocks, each in order of time. An advance takes those below the watermark, in pinned order.

    Pinned order: event time, order_by, origin (by rank), position, branch, and then the order in which rows came. Since
    every batch stands behind the one before it, the order of emission does not depend on how the watermark moves.
    `arrival`: an advance takes all rows, in the order in which they came.
    """

    def __init__(self, node: Keyed, operator: str, bind: Bind, ranks: Callable[[], Ints], *rest: Any) -> None:
        super().__init__(node, operator, bind, ranks, *rest)
        order = node.ordering
        assert order is not None
        self.schema = node.input.schema
        self.timed = node.input.timed
        self.arrival = order.arrival
        self.order_by: list[Bound] = [bind(expr, self.schema) for expr in order.by]
        self._waiting: dict[int, _Waiting] = {}
        self._turn = 0
        self._earliest = OPEN
        self.shards: Shards[Any] = Shards(self.blocks, self.key_names, self._shard)

    # -- what an operator adds ----------------------------------------------------------------------------------

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        """Return the columns that rows wait with beside their place and keys; none may point into a block read."""
        raise NotImplementedError

    def _kept_types(self) -> dict[str, DataType]:
        """Return the types of state columns that no waiting row has."""
        return {}

    def _shard(self) -> Kept:
        """Return what is kept of the keys of one shard: nothing yet."""
        raise NotImplementedError

    def _given(self, table: Table) -> Table:
        """Return the columns of the rows that a step looks at."""
        raise NotImplementedError

    def _portion(self, kept: Any, table: Table) -> Portion:
        """Take rows (at least one) of a shard, in pinned order behind all that it took before; runs in any thread."""
        raise NotImplementedError

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        """Return the columns of result rows: of what was made, and of the row that each is of."""
        raise NotImplementedError

    def _expire(self, kept: Any) -> None:
        """Drop state of a shard that no row behind the watermark can need."""

    def _end(self) -> Released:
        """Return what the end of data sets free, behind the last rows."""
        return Released()

    # -- rows in ------------------------------------------------------------------------------------------------

    def prepare(self, morsel: Morsel) -> Partial:
        late: Morsel | None = None
        if not self.arrival:
            morsel, late = late_by_time(morsel)
        if not morsel.rows:
            return Partial(None, 0, late, 0)
        if not self.arrival:
            assert morsel.time is not None
            if (morsel.time[1:] < morsel.time[:-1]).any():
                morsel = morsel.take(sorted_order(morsel.time))
        return Partial(self._table_of(morsel), morsel.rows, late, 0)

    def _table_of(self, morsel: Morsel) -> Table:
        n = morsel.rows
        zeros = np.zeros(n, np.int64)
        columns: dict[str, Column] = {
            "time": _ints(zeros if morsel.time is None else np.ascontiguousarray(morsel.time)),
            "origin": _ints(np.full(n, morsel.partition, np.int64)),
            "position": _ints(zeros if morsel.position is None else np.ascontiguousarray(morsel.position)),
            "branch": _ints(np.full(n, morsel.branch, np.int64)),
            "watermark": _ints(np.full(n, NEVER_LATE, np.int64) if morsel.watermark is None else morsel.watermark),
        }
        for i, by in enumerate(self.order_by):
            columns[f"o{i}"] = own(by(morsel))
        keys = [sorting.one_zero(own(key(morsel))) for key in self._keys]
        columns.update(zip(self.key_names, keys))
        columns.update(self._columns(morsel, keys))
        columns[HASH] = _ints(key_hashes(keys, n))
        return Table(columns, n)

    def _own_columns(self, morsel: Morsel) -> dict[str, Column]:
        return {f"c{i}": own(morsel.columns[name]) for i, name in enumerate(self.schema.names)}

    def _passed(self, table: Table) -> dict[str, Column]:
        """Return the rows' own columns by the names they came with."""
        return {name: table[f"c{i}"] for i, name in enumerate(self.schema.names)}

    def add(self, partial: Partial) -> None:
        if partial.table is None:
            return
        self._put(partial.table, _Waiting(self._turn, partial.table.rows))
        self._turn += 1
        if len(self._waiting) > MANY:
            self._join()

    def _put(self, table: Table, waiting: _Waiting) -> None:
        self._waiting[self.blocks.add(table)] = waiting
        self._earliest = min(self._earliest, int(table.ints("time")[0]))

    def _join(self) -> None:
        """Join the newest blocks while the one before is not twice as large: a row is copied a few times at most."""
        numbers = sorted(self._waiting, key=lambda n: self._waiting[n].turn)
        last = [numbers.pop()]
        rows = self.blocks.tables[last[0]].rows
        while numbers and self.blocks.tables[numbers[-1]].rows <= 2 * rows:
            rows += self.blocks.tables[numbers[-1]].rows
            last.append(numbers.pop())
        if len(last) == 1:
            return
        turn = self._waiting[last[-1]].turn
        table = consume([self._take(number) for number in reversed(last)])
        time = table.ints("time")
        if not self.arrival and (time[1:] < time[:-1]).any():
            table = table.take(sorted_order(time))
        self._put(owned(table), _Waiting(turn, table.rows))

    def _take(self, number: int) -> Table:
        del self._waiting[number]
        return self.blocks.remove(number)

    def buffered(self) -> int:
        return sum(self.blocks.tables[number].rows for number in self._waiting)

    # -- rows out -----------------------------------------------------------------------------------------------

    def advance(self, watermark: int) -> Released:
        self.watermark = max(self.watermark, watermark)
        table = self._due()
        released = Released() if table is None else self._step(table)
        if self.watermark >= OPEN:
            released = _both(released, self._end())
        for kept in self.shards.states:
            self._expire(kept)
        return released

    def _step(self, table: Table) -> Released:
        """Take rows (at least one) that stand in pinned order behind all that were taken before."""
        return self._sent_on(table, self._taken(table))

    def _sent_on(self, table: Table, made: Portion) -> Released:
        """Return what rows have come to, in their order."""
        every = len(made.of) == table.rows and bool((made.of == np.arange(table.rows)).all())
        out = table if every else table.take(made.of)
        return self._failing(table, made, Released(self._emit(self._result(out, made.columns), out), made.fates))

    def _taken(self, table: Table) -> Portion:
        """Return what rows come to."""
        shares = self.shards.of(table, self.dividing)
        given = self._given(table)
        rows = [share for _, share in shares]

        def portion(part: tuple[Any, Ints | None]) -> Portion:
            kept, share = part
            return self._portion(kept, given if share is None else given.take(share))

        return merged(self.dividing.map(portion, list[Any](shares)), rows)

    def _failing(self, table: Table, made: Portion, released: Released) -> Released:
        """Add the rows that failed."""
        if made.failed:
            released.fates["dead"] = len(made.failed)
            time = table.ints("time") if self.timed else None
            position, origin = table.ints("position"), table.ints("origin")
            rows = Morsel(self._passed(table), table.rows, time, None, position, origin)
            released.failing.append(Failing(rows, made.failed))
        return released

    def _due(self) -> Table | None:
        """Take the rows out whose turn it is; None if there are none."""
        if not self._waiting or (not self.arrival and self._earliest >= self.watermark):
            return None
        due: list[Table] = []
        for number in sorted(self._waiting, key=lambda n: self._waiting[n].turn):
            table, waiting = self.blocks.tables[number], self._waiting[number]
            reach = table.rows
            if not self.arrival:
                reach = int(np.searchsorted(table.ints("time"), self.watermark, side="left"))
            if not reach:
                continue
            self._take(number)
            due.append(table.slice(0, reach))
            if reach < table.rows:
                rest = table.slice(reach, table.rows)
                if rest.rows * 2 < waiting.held:
                    rest, waiting = (
                        owned(rest.take(np.arange(rest.rows, dtype=np.int64))),
                        _Waiting(waiting.turn, rest.rows),
                    )
                self._put(rest, waiting)
        self._earliest = min((int(self.blocks.tables[n].ints("time")[0]) for n in self._waiting), default=OPEN)
        if not due:
            return None
        table = concat_tables(due)
        if self.arrival:
            return table
        place = [table[name] for name in PLACE[:4]]
        keys = sort_keys([*place, *(table[f"o{i}"] for i in range(len(self.order_by)))], self._ranks())
        return table if kernels.ascending(keys) else table.take(np.lexsort(keys[::-1]).astype(np.int64, copy=False))

    def _emit(self, columns: dict[str, Column], table: Table, places: Bools | None = None) -> Morsel | None:
        """Return result rows; each has the time and W_p of its row of `table`, and the next number.

        `places`: which rows begin a place; the others have the number of the row before. By default all do.
        """
        if not table.rows:
            return None
        watermark = table.ints("watermark")
        position = self.emitted + (np.arange(table.rows, dtype=np.int64) if places is None else np.cumsum(places) - 1)
        self.emitted = int(position[-1]) + 1
        return Morsel(
            columns,
            table.rows,
            time=table.ints("time") if self.timed else None,
            watermark=watermark if (watermark > NEVER_LATE).any() else None,
            position=position,
        )

    # -- cut ----------------------------------------------------------------------------------------------------

    def state_types(self) -> dict[str, DataType]:
        table = self._table_of(empty(self.schema))
        types = {name: column.dtype for name, column in table.columns.items() if name != HASH}
        return {**types, **self._kept_types()}

    def _values(self) -> dict[str, Any]:
        turns = sorted((number, waiting.turn) for number, waiting in self._waiting.items())
        return {"waiting": [list(pair) for pair in turns], "turn": self._turn}

    def _load(self, values: dict[str, Any]) -> None:
        self._turn = int(values["turn"])
        self._waiting = {int(number): _Waiting(int(turn), 0) for number, turn in values["waiting"]}

    def restore(self, blobs: Sequence[Blob], types: dict[str, DataType]) -> None:
        super().restore(blobs, types)
        tables = self.blocks.tables
        self._waiting = {n: _Waiting(w.turn, tables[n].rows) for n, w in self._waiting.items() if n in tables}
        self._earliest = min((int(tables[n].ints("time")[0]) for n in self._waiting), default=OPEN)
        for number, table in tables.items():
            tables[number] = hashed(table, self.key_names)
        self.shards.restored(self._by_age([number for number in sorted(tables) if number not in self._waiting]))

    def _by_age(self, numbers: list[int]) -> list[int]:
        """Return the numbers of restored blocks that hold no waiting rows, the older before the newer."""
        return numbers


def _ints(values: Ints) -> Column:
    return Fixed(INT64, values)


def _both(first: Released, second: Released) -> Released:
    if second.rows is None and not second.fates:
        return first
    fates = dict(first.fates)
    for fate, count in second.fates.items():
        fates[fate] = fates.get(fate, 0) + count
    rows = first.rows or second.rows
    if first.rows is not None and second.rows is not None:
        rows = joined([first.rows, second.rows])
    return replace(first, rows=rows, fates=fates)
