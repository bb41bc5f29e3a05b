"""Keyed steps as they are: what runs the operators that have no kernel of their own here, by the step that engines share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Ints, arrow_type, from_arrow
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64, DataType, parse_type
from caudal.engines.local.lists import Lists, order_by_group
from caudal.engines.local.ordered.keyed import SLOTS, LatestRows, owned
from caudal.engines.local.ordered.operator import OrderedOperator
from caudal.engines.local.stateful import Bind, Bound, Released
from caudal.engines.local.table import Table
from caudal.expressions.functions.outcome import Failed
from caudal.plan.nodes import Computed, Keyed
from caudal.plan.python import PythonFunction
from caudal.plan.steps import KeyedStep
from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.steps.contract import END, Made, Rows, Step


class SteppedOperator(OrderedOperator):
    """State: for each key the rows that the step keeps of it, as one list, and when the step is to be called again.

    A key that nothing is kept of any more is dropped when the state has doubled since the last look.
    """

    kind = "step"

    def __init__(self, node: Keyed, operator: str, bind: Bind, ranks: Callable[[], Ints], *rest: Any) -> None:
        super().__init__(node, operator, bind, ranks)
        told = node.step
        assert told is not None
        self.node = node
        self.results = told.results
        self._given: list[Bound] = [bind(expr, self.schema) for _, expr in told.arguments]
        self._takes = {name: expr.dtype(self.schema).spec for name, expr in told.arguments}
        self.step = _made(told, self._takes)
        self._types = [parse_type(kind) for kind in self.step.keeps]
        self._kept = LatestRows(self.blocks, self.key_names)
        self._looked = SLOTS

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        given = {f"x{i}": compute(morsel) for i, compute in enumerate(self._given)}
        return {**self._own_columns(morsel), **given}

    def _kept_types(self) -> dict[str, DataType]:
        children = [from_arrow(column, t) for column, t in zip(self.step.nothing(0).columns, self._types)]
        none = np.empty(0, np.int64)
        return {"kept": Lists(children, none, none).dtype, "wake": INT64}

    def _step(self, table: Table) -> Released:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in self.key_names}, table.rows).take(groups.first)
        order, starts = order_by_group(groups.codes, len(groups))
        given = [as_array(table[f"x{i}"].take(order).to_arrow(), kind) for i, kind in enumerate(self._takes.values())]
        made = self._advance(keys, Rows(starts, given, table.ints("time")[order] if self.timed else None))
        of = order[made.of]
        back = np.argsort(of, kind="stable")
        out = table.take(of[back])
        columns = self._named(out, [column.take(pa.array(back)) for column in made.columns])
        released = Released(self._emit(columns, out), {"passed": out.rows})
        if table.rows - out.rows > len(made.failed):
            released.fates["deduplicated"] = table.rows - out.rows - len(made.failed)
        if made.failed:
            released.fates["dead"] = len(made.failed)
            time = table.ints("time") if self.timed else None
            rows = self._passed(table)
            released.failing = Morsel(rows, table.rows, time, None, table.ints("position"), table.ints("origin"))
            released.failed = sorted((Failed(int(order[row]), *why) for row, *why in made.failed), key=lambda f: f.row)
        return released

    def _named(self, table: Table, made: Sequence[Any]) -> dict[str, Column]:
        """Return the columns of result rows, each made of its row of the table."""
        new = {
            field.name: from_arrow(array.cast(arrow_type(field.dtype)), field.dtype)
            for field, array in zip(self.results, made, strict=True)
        }
        keys = {name: table[key] for (name, _), key in zip(self.node.keys, self.key_names)}
        passed = self._passed(table)
        return {
            name: new[name] if name in new else passed[name] if isinstance(result, Computed) else keys[name]
            for name, result in self.node.results().items()
        }

    def _advance(self, keys: Table, rows: Rows) -> Made:
        """Take the step of these keys, and keep what it says."""
        found, known = self._kept.fetch([keys[name] for name in self.key_names], keys.rows)
        state = self.step.nothing(keys.rows)
        if known is not None:
            lists = known["kept"]
            assert isinstance(lists, Lists)
            counts = np.zeros(keys.rows, np.int64)
            counts[found] = lists.length
            children, _ = lists.flat()
            state.starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
            state.columns = [as_array(c.to_arrow(), kind) for c, kind in zip(children, self.step.keeps)]
        made = self.step.run(state, rows, self.watermark)
        self._keep(keys, made)
        return made

    def _keep(self, keys: Table, made: Made) -> None:
        columns = [
            from_arrow(array.cast(arrow_type(dtype)), dtype) for array, dtype in zip(made.state.columns, self._types)
        ]
        lists = Lists(columns, made.state.starts[:-1], np.diff(made.state.starts))
        wake = np.full(keys.rows, END, np.int64) if made.wake is None else made.wake
        self._kept.put(owned(Table({**keys.columns, "kept": lists, "wake": Fixed(INT64, wake)}, keys.rows)))

    def _expire(self) -> None:
        if self._kept.rows < 2 * self._looked:
            return
        table = self._kept.all()
        if table is not None and (due := np.flatnonzero(table.ints("wake") <= self.watermark)).size:
            keys = Table({name: table[name] for name in self.key_names}, table.rows).take(due)
            none = [pa.nulls(0, arrow_of(kind)) for kind in self._takes.values()]
            self._advance(keys, Rows(np.zeros(keys.rows + 1, np.int64), none, np.empty(0, np.int64)))
        self._kept.retain(lambda rows: _lengths(rows) > 0)
        self._looked = max(self._kept.rows, SLOTS)

    def _restored(self, numbers: list[int]) -> None:
        self._kept.restored(numbers)


def _made(told: KeyedStep, takes: dict[str, Any]) -> Step:
    gives = {f.name: f.dtype.spec for f in told.results}
    options = {name: value.call if isinstance(value, PythonFunction) else value for name, value in told.options}
    return getattr(import_module(f"caudal.worker.steps.{told.name}"), told.name)(takes, gives, **options)


def _lengths(table: Table) -> Ints:
    lists = table["kept"]
    assert isinstance(lists, Lists)
    return lists.length
