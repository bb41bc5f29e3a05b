"""Keyed steps as they are: what runs the operators that have no kernel of their own here, by the step that engines share.

Results that are made of no row (`worker.steps.contract`) are put among the others when all keys have been called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import sorting
from caudal.columnar.column import Column, Fixed, Ints, arrow_type, constant, from_arrow
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, DataType
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.ordered.keyed import SLOTS
from caudal.engines.local.ordered.operator import OrderedOperator
from caudal.engines.local.ordered.pieces import Piece, Share, cut
from caudal.engines.local.ordered.sharding import Portion
from caudal.engines.local.ordered.stepping import KeptRows, kept_type, lengths
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import NEVER_LATE, Bind, Bound, Failing, Released
from caudal.engines.local.table import Table, concat_tables
from caudal.expressions.functions.outcome import Failed
from caudal.plan.nodes import Computed, Keyed
from caudal.plan.python import PythonFunction
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.steps.contract import END, Made, Rows, Step

_NTH = "\0nth"
"""The number of a result among those of one place, beside the columns that a step makes."""

_MADE = "\0made "
"""What the columns that a step makes are called by beside those of a key."""


class SteppedOperator(OrderedOperator):
    """State: for each key the rows that the step keeps of it, as one list, and when the step is to be called again.

    A key that nothing is kept of any more is dropped when the state has doubled since the last look. A step that makes rows
    at timers is called when they are due, and that looks at all keys' timers in each advance.
    """

    kind = "step"

    def __init__(
        self, node: Keyed, operator: str, bind: Bind, ranks: Callable[[], Ints], step: Any = None, *rest: Any
    ) -> None:
        """`step`: None for that of the worker package."""
        told = node.step
        assert told is not None
        self._takes = {name: expr.dtype(node.input.schema).spec for name, expr in told.arguments}
        self.step: Step = step if isinstance(step, Step) else _made(told, self._takes)
        super().__init__(node, operator, bind, ranks)
        self.node = node
        self.told = told
        self._last = (0, NEVER_LATE)
        self._arguments: list[Bound] = [bind(expr, self.schema) for _, expr in told.arguments]
        made = {field.name for field in told.results}
        self._passes = {n for n, result in node.results().items() if n not in made and isinstance(result, Computed)}

    def _shard(self) -> KeptRows:
        return KeptRows(self.operator, self.step, self.blocks, self.key_names)

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        given = {f"x{i}": compute(morsel) for i, compute in enumerate(self._arguments)}
        return {**self._own_columns(morsel), **given}

    def _kept_types(self) -> dict[str, DataType]:
        return {"kept": kept_type(self.step), "wake": INT64}

    def _given(self, table: Table) -> Table:
        names = [*self.key_names, HASH, "time", *(f"x{i}" for i in range(len(self._takes)))]
        return Table({name: table[name] for name in names}, table.rows)

    def _portion(self, kept: KeptRows, table: Table) -> Portion:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in (*self.key_names, HASH)}, table.rows).take(groups.first)
        order, starts = order_by_group(groups.codes, len(groups))
        given = [as_array(table[f"x{i}"].take(order).to_arrow(), kind) for i, kind in enumerate(self._takes.values())]
        made = kept.taken(keys, Rows(starts, given, table.ints("time")[order] if self.timed else None), self.watermark)
        of = np.asarray(made.of, np.int64)
        columns = self._made(made)
        mine = np.flatnonzero(of >= 0)
        rows = order[of[mine]]
        back = np.argsort(rows, kind="stable")
        failed = [Failed(int(order[row]), *why) for row, *why in made.failed if row >= 0]
        taken = {name: column.take(mine[back]) for name, column in columns.items()}
        fates = _fates(self.told.gathers, table.rows, len(mine), len(failed))
        shares = [Share(order, made.several)] if made.several is not None and made.several.counts.any() else []
        return Portion(rows[back], taken, fates, failed, self._alone(keys, made), _lost(keys, made), shares)

    def _made(self, made: Made | Piece) -> dict[str, Column]:
        """Return the columns of results: those that the step makes and, where it says so, their numbers in a place."""
        columns: dict[str, Column] = {
            field.name: from_arrow(array.cast(arrow_type(field.dtype)), field.dtype)
            for field, array in zip(self.told.results, made.columns, strict=True)
        }
        return columns if made.nth is None else {**columns, _NTH: Fixed(INT64, np.asarray(made.nth, np.int64))}

    def _alone(self, keys: Table, made: Made) -> list[Table]:
        """Return the results that are made of no row: keys, event times, what was made."""
        of = np.asarray(made.of, np.int64)
        none = np.flatnonzero(of < 0)
        if not len(none):
            return []
        found = keys.take(-1 - of[none])
        columns = {_MADE + name: column.take(none) for name, column in self._made(made).items()}
        time = Fixed(INT64, np.asarray(made.at, np.int64)[none])
        return [Table({**found.columns, "time": time, **columns}, len(none))]

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        return self._shown(table, made, self._passed(table))

    def _shown(self, table: Table, made: dict[str, Column], passed: dict[str, Column] | None) -> dict[str, Column]:
        """Return the columns of results. `passed`: those of the rows that they are made of, None where there is none."""
        keys = {name: table[key] for (name, _), key in zip(self.node.keys, self.key_names)}
        columns: dict[str, Column] = {}
        for name, result in self.node.results().items():
            if name in made:
                columns[name] = made[name]
            elif not isinstance(result, Computed):
                columns[name] = keys[name]
            else:
                columns[name] = (
                    constant(None, self.node.schema.dtype(name), table.rows) if passed is None else passed[name]
                )
        return columns

    # -- results of no row --------------------------------------------------------------------------------------

    def advance(self, watermark: int) -> Released:
        if not self.told.alone:
            return super().advance(watermark)
        self.watermark = max(self.watermark, watermark)
        table = self._due()
        made = None if table is None else self._taken(table)
        woken = self.dividing.map(self._woken, [*self.shards.states])
        portions = [portion for portion in (made, *woken) if portion is not None]
        alone = [table for portion in portions for table in portion.alone]
        lost = [one for portion in portions for one in portion.lost]
        if table is not None:
            self._last = int(table.ints("time")[-1]), int(table.ints("watermark")[-1])
        released = self._together(table, made, concat_tables(alone) if alone else None)
        if table is not None and made is not None:
            released = self._failing(table, made, replace(released, fates=made.fates))
        if lost:
            self._losing(lost, released)
        for kept in self.shards.states:
            self._expire(kept)
        return released

    def _woken(self, kept: KeptRows) -> Portion | None:
        """Return what is made of keys that no row has come of: their timers are due, or the data has ended."""
        if self.told.alone == TIMERS:
            found = kept.where(lambda table: table.ints("wake") <= self.watermark)
        else:
            found = kept.where(lambda table: lengths(table) > 0) if self.watermark >= END else None
        if found is None:
            return None
        keys = Table({name: found[name] for name in (*self.key_names, HASH)}, found.rows)
        made = self._called(kept, keys)
        return Portion(np.empty(0, np.int64), {}, alone=self._alone(keys, made), lost=_lost(keys, made))

    def _losing(self, lost: list[tuple[Table, list[Failed]]], released: Released) -> None:
        """Add what failed and is of no row, in order of time and key."""
        table = concat_tables([table for table, _ in lost])
        why = [failed for _, several in lost for failed in several]
        order = self._by_time(table)
        table = table.take(order)
        columns = {name: table[key] for (name, _), key in zip(self.node.keys, self.key_names)}
        failed = [replace(why[i], row=n) for n, i in enumerate(order.tolist())]
        released.failing.append(Failing(Morsel(columns, table.rows, time=table.ints("time")), failed, alone=True))
        released.fates["failed"] = table.rows

    def _together(self, table: Table | None, made: Portion | None, alone: Table | None) -> Released:
        """Return the results of rows and of none, in their places."""
        lone = None if alone is None else self._lone(alone)
        if table is not None and made is not None and made.shares:
            return _flowing(self._pieces(table, made.shares, lone))
        parts: list[Table] = []
        if table is not None and made is not None and len(made.of):
            of = table.take(made.of)
            parts.append(self._placed(self._result(of, made.columns), made.columns, of))
        return Released(self._sent([*parts, *([] if lone is None else [lone])]))

    def _sent_on(self, table: Table, made: Portion) -> Released:
        if not made.shares:
            return super()._sent_on(table, made)
        return _flowing(self._pieces(table, made.shares, None), made.fates)

    def _pieces(self, table: Table, shares: list[Share], lone: Table | None) -> Iterator[Morsel]:
        """Make the results of rows in pieces, and with them those of none that stand before the next."""
        own = {f"c{i}": name for i, name in enumerate(self.schema.names) if name in self._passes}
        table = Table({name: table[name] for name in (*self.key_names, "time", "watermark", *own)}, table.rows)
        for piece in cut(shares, table.rows):
            of, columns = table.take(piece.rows), self._made(piece)
            shown = self._shown(of, columns, {name: of[column] for column, name in own.items()})
            if not self.told.alone:
                yield _some(self._emit({name: shown[name] for name in self.node.schema.names}, of))
                continue
            parts = [self._placed(shown, columns, of)]
            if lone is not None:
                before = lone.rows if piece.next is None else self._before(lone, int(table.ints("time")[piece.next]))
                parts.append(lone.slice(0, before))
                lone = lone.slice(before, lone.rows)
            yield _some(self._sent(parts))

    def _before(self, lone: Table, time: int) -> int:
        """Return how many of the results of no row stand before results of rows of this time."""
        return int(np.searchsorted(lone.ints("time"), time)) if self.told.alone == TIMERS else 0

    def _lone(self, alone: Table) -> Table:
        """Return the results of no row in order."""
        alone = alone.take(self._by_time(alone))
        columns = {name.removeprefix(_MADE): c for name, c in alone.columns.items() if name.startswith(_MADE)}
        return self._placed(
            self._shown(alone, columns, None),
            columns,
            _moments(alone, None if self.told.alone == TIMERS else self._last),
        )

    def _sent(self, parts: list[Table]) -> Morsel | None:
        """Return the next results."""
        if not parts:
            return None
        shared = any(_NTH in part.columns for part in parts)
        whole = concat_tables(
            [part if _NTH in part.columns else part.with_column(_NTH, np.zeros(part.rows, np.int64)) for part in parts]
        )
        if self.told.alone == TIMERS:
            whole = whole.take(np.argsort(whole.ints("time"), kind="stable"))
        columns = {name: whole[f"c{i}"] for i, name in enumerate(self.node.schema.names)}
        rows = self._emit(columns, whole, whole.ints(_NTH) == 0)
        if rows is not None and shared:
            rows.ordinal = whole.ints(_NTH)
        return rows

    def _by_time(self, table: Table) -> Ints:
        """Return the order of what is made of no row: by time and key, and as it was made."""
        ranks = [sorting.rank(table[name]) for name in self.key_names]
        return np.lexsort([*reversed(ranks), table.ints("time")]).astype(np.int64, copy=False)

    def _placed(self, shown: dict[str, Column], made: dict[str, Column], of: Table) -> Table:
        """Return the columns of results by their numbers, with time, W_p, and which result of its place each is."""
        columns = {f"c{i}": shown[name] for i, name in enumerate(self.node.schema.names)}
        numbers = {_NTH: made[_NTH]} if _NTH in made else {}
        return Table({**columns, "time": of["time"], "watermark": of["watermark"], **numbers}, of.rows)

    # -- state --------------------------------------------------------------------------------------------------

    def nbytes(self) -> int:
        """Return the bytes of the state, with what a step takes beside it."""
        return super().nbytes() + sum(kept.copied for kept in self.shards.states)

    def _weights(self, table: Table) -> Ints:
        return lengths(table) if "kept" in table.columns else super()._weights(table)

    def _called(self, kept: KeptRows, keys: Table) -> Made:
        """Take the step of these keys though no row of theirs has come."""
        none = [pa.nulls(0, arrow_of(kind)) for kind in self._takes.values()]
        return kept.taken(keys, Rows(np.zeros(keys.rows + 1, np.int64), none, np.empty(0, np.int64)), self.watermark)

    def _expire(self, kept: KeptRows) -> None:
        if kept.rows < 2 * kept.looked:
            return
        due = None if self.told.alone else kept.where(lambda table: table.ints("wake") <= self.watermark)
        if due is not None:
            self._called(kept, Table({name: due[name] for name in (*self.key_names, HASH)}, due.rows))
        kept.retain(lambda rows: lengths(rows) > 0)
        kept.looked = max(kept.rows, SLOTS)

    def _values(self) -> dict[str, Any]:
        return {**super()._values(), "last": list(self._last)}

    def _load(self, values: dict[str, Any]) -> None:
        super()._load(values)
        time, watermark = values.get("last", self._last)
        self._last = int(time), int(watermark)


def _made(told: KeyedStep, takes: dict[str, Any]) -> Step:
    gives = {f.name: f.dtype.spec for f in told.results}
    options = {name: value.call if isinstance(value, PythonFunction) else value for name, value in told.options}
    return getattr(import_module(f"{told.package}.{told.name}"), told.name)(takes, gives, **options)


def _some(rows: Morsel | None) -> Morsel:
    assert rows is not None
    return rows


def _fates(gathers: bool, rows: int, passed: int, failed: int) -> dict[str, int]:
    if gathers:
        return {"absorbed": rows - failed}
    fates = {"passed": passed}
    if rows - passed > failed:
        fates["deduplicated"] = rows - passed - failed
    return fates


def _lost(keys: Table, made: Made) -> list[tuple[Table, list[Failed]]]:
    """Return what failed and is of no row: keys and times, and why."""
    found = [(i, -1 - row, why) for i, (row, *why) in enumerate(made.failed) if row < 0]
    if not found:
        return []
    assert made.failed_at is not None
    at = np.array([made.failed_at[i] for i, *_ in found], np.int64)
    of = keys.take(np.array([key for _, key, _ in found], np.int64))
    return [(of.with_column("time", at), [Failed(n, *why) for n, (*_, why) in enumerate(found)])]


def _flowing(pieces: Iterator[Morsel], fates: dict[str, int] | None = None) -> Released:
    """Return results that are made in pieces, one at least."""
    first, second = next(pieces), next(pieces, None)
    return (
        Released(first, fates or {})
        if second is None
        else Released(None, fates or {}, pieces=chain([first, second], pieces))
    )


def _moments(alone: Table, last: tuple[int, int] | None) -> Table:
    """Return results of no row with event time and W_p: those that the end of data makes have the last row's."""
    time, watermark = alone.ints("time"), NEVER_LATE
    if last is not None:
        time, watermark = np.full(alone.rows, last[0], np.int64), last[1]
    both = {"time": Fixed(INT64, time), "watermark": Fixed(INT64, np.full(alone.rows, watermark, np.int64))}
    return Table(both, alone.rows)
