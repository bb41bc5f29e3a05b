"""Folds: a function makes the state of a key and a row into the state behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from caudal.columnar.column import Bools, Column, Ints, constant
from caudal.columnar.morsel import Morsel
from caudal.core.types import DataType
from caudal.engines.local.ordered.keyed import LatestRows, owned
from caudal.engines.local.ordered.operator import OrderedOperator
from caudal.engines.local.ordered.sharding import Portion
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import Bind
from caudal.engines.local.table import Table
from caudal.expressions.functions.outcome import Rows
from caudal.plan.nodes import Reduce

Fold = Callable[[Mapping[str, Column], int, Ints, Mapping[str, Column], Bools], Rows]
"""fold(columns, rows, key, states, has_state): the states behind `rows` rows that stand in order.

`key[i]` is the key's number of row i; row k of `states` is the state of key k before them where `has_state[k]`. The
result's row j is the state behind row `owner[j]`; a row that failed leaves the state as it was.
"""


class ReduceOperator(OrderedOperator):
    """State: for each key what the function last gave."""

    kind = "reduce"

    def __init__(self, node: Reduce, operator: str, bind: Bind, ranks: Callable[[], Ints], fold: Fold) -> None:
        super().__init__(node, operator, bind, ranks)
        self.node = node
        self._fold = fold
        self._fields = {f"s{i}": field for i, field in enumerate(node.output)}

    def _shard(self) -> LatestRows:
        return LatestRows(self.blocks, self.key_names)

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        return self._own_columns(morsel)

    def _kept_types(self) -> dict[str, DataType]:
        return {name: field.dtype for name, field in self._fields.items()}

    def _given(self, table: Table) -> Table:
        return table

    def _portion(self, kept: LatestRows, table: Table) -> Portion:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in (*self.key_names, HASH)}, table.rows).take(groups.first)
        states, found = self._known(kept, keys)
        rows = self._passed(table)
        made = self._fold(rows, table.rows, groups.codes, states, found)
        if len(made.owner):
            last = np.full(keys.rows, -1, np.int64)
            last[groups.codes[made.owner]] = np.arange(len(made.owner))
            changed = np.flatnonzero(last >= 0)
            columns = {name: made.columns[f.name].take(last[changed]) for name, f in self._fields.items()}
            kept.put(owned(Table({**keys.take(changed).columns, **columns}, len(changed))))
        columns = {f.name: made.columns[f.name] for f in self.node.output}
        return Portion(made.owner, columns, {"passed": len(made.owner)}, made.failed)

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        return {**{name: table[key] for (name, _), key in zip(self.node.keys, self.key_names)}, **made}

    def _known(self, kept: LatestRows, keys: Table) -> tuple[dict[str, Column], Bools]:
        found, known = kept.fetch([keys[name] for name in self.key_names], keys.rows)
        if known is None:
            return {f.name: constant(None, f.dtype, keys.rows) for f in self.node.output}, found
        at = np.maximum(np.cumsum(found) - 1, 0)
        return {field.name: known[name].take(at) for name, field in self._fields.items()}, found
