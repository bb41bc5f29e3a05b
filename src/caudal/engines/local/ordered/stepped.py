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
from caudal.engines.local.ordered.sharding import Portion
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import Bind, Bound
from caudal.engines.local.table import Table
from caudal.expressions.functions.outcome import Failed
from caudal.plan.nodes import Computed, Keyed
from caudal.plan.python import PythonFunction
from caudal.plan.steps import KeyedStep
from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.steps.contract import END, Made, Rows, Step


class KeptRows(LatestRows):
    """What a step keeps of keys. `looked`: how many there were when those of which nothing is kept were dropped."""

    looked = SLOTS


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
        self._arguments: list[Bound] = [bind(expr, self.schema) for _, expr in told.arguments]
        self._takes = {name: expr.dtype(self.schema).spec for name, expr in told.arguments}
        self.step = _made(told, self._takes)
        self._types = [parse_type(kind) for kind in self.step.keeps]

    def _shard(self) -> KeptRows:
        return KeptRows(self.blocks, self.key_names)

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        given = {f"x{i}": compute(morsel) for i, compute in enumerate(self._arguments)}
        return {**self._own_columns(morsel), **given}

    def _kept_types(self) -> dict[str, DataType]:
        children = [from_arrow(column, t) for column, t in zip(self.step.nothing(0).columns, self._types)]
        none = np.empty(0, np.int64)
        return {"kept": Lists(children, none, none).dtype, "wake": INT64}

    def _given(self, table: Table) -> Table:
        names = [*self.key_names, HASH, "time", *(f"x{i}" for i in range(len(self._takes)))]
        return Table({name: table[name] for name in names}, table.rows)

    def _portion(self, kept: KeptRows, table: Table) -> Portion:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in (*self.key_names, HASH)}, table.rows).take(groups.first)
        order, starts = order_by_group(groups.codes, len(groups))
        given = [as_array(table[f"x{i}"].take(order).to_arrow(), kind) for i, kind in enumerate(self._takes.values())]
        made = self._advance(kept, keys, Rows(starts, given, table.ints("time")[order] if self.timed else None))
        of = order[made.of]
        back = np.argsort(of, kind="stable")
        columns = {
            field.name: from_arrow(array.cast(arrow_type(field.dtype)), field.dtype).take(back)
            for field, array in zip(self.results, made.columns, strict=True)
        }
        fates = {"passed": len(of)}
        if table.rows - len(of) > len(made.failed):
            fates["deduplicated"] = table.rows - len(of) - len(made.failed)
        return Portion(of[back], columns, fates, [Failed(int(order[row]), *why) for row, *why in made.failed])

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        keys = {name: table[key] for (name, _), key in zip(self.node.keys, self.key_names)}
        passed = self._passed(table)
        return {
            name: made[name] if name in made else passed[name] if isinstance(result, Computed) else keys[name]
            for name, result in self.node.results().items()
        }

    def _advance(self, kept: KeptRows, keys: Table, rows: Rows) -> Made:
        """Take the step of these keys, and keep what it says."""
        found, known = kept.fetch([keys[name] for name in self.key_names], keys.rows)
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
        self._keep(kept, keys, made)
        return made

    def _keep(self, kept: KeptRows, keys: Table, made: Made) -> None:
        columns = [
            from_arrow(array.cast(arrow_type(dtype)), dtype) for array, dtype in zip(made.state.columns, self._types)
        ]
        lists = Lists(columns, made.state.starts[:-1], np.diff(made.state.starts))
        wake = np.full(keys.rows, END, np.int64) if made.wake is None else made.wake
        kept.put(owned(Table({**keys.columns, "kept": lists, "wake": Fixed(INT64, wake)}, keys.rows)))

    def _expire(self, kept: KeptRows) -> None:
        if kept.rows < 2 * kept.looked:
            return
        table = kept.all()
        if table is not None and (due := np.flatnonzero(table.ints("wake") <= self.watermark)).size:
            keys = Table({name: table[name] for name in (*self.key_names, HASH)}, table.rows).take(due)
            none = [pa.nulls(0, arrow_of(kind)) for kind in self._takes.values()]
            self._advance(kept, keys, Rows(np.zeros(keys.rows + 1, np.int64), none, np.empty(0, np.int64)))
        kept.retain(lambda rows: _lengths(rows) > 0)
        kept.looked = max(kept.rows, SLOTS)


def _made(told: KeyedStep, takes: dict[str, Any]) -> Step:
    gives = {f.name: f.dtype.spec for f in told.results}
    options = {name: value.call if isinstance(value, PythonFunction) else value for name, value in told.options}
    return getattr(import_module(f"caudal.worker.steps.{told.name}"), told.name)(takes, gives, **options)


def _lengths(table: Table) -> Ints:
    lists = table["kept"]
    assert isinstance(lists, Lists)
    return lists.length
