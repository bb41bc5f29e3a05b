"""Deduplication: a row passes when no row of its key did, ever or within some time before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed, Ints
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64
from caudal.engines.local.ordered import kernels
from caudal.engines.local.ordered.keyed import LatestRows, owned
from caudal.engines.local.ordered.operator import OrderedOperator
from caudal.engines.local.stateful import OPEN, Bind, Released
from caudal.engines.local.table import Table
from caudal.plan.nodes import Deduplicate

SHARE = 8


class DeduplicateOperator(OrderedOperator):
    """State: for each key the time of the last row that was passed on.

    With `within`, a time that the watermark has left that far behind is dropped whenever the watermark has moved by an
    eighth of it: a key is looked at a bounded number of times, and the state is that of the last `within`.
    """

    kind = "deduplicate"

    def __init__(self, node: Deduplicate, operator: str, bind: Bind, ranks: Callable[[], Ints], *rest: Any) -> None:
        super().__init__(node, operator, bind, ranks, *rest)
        self.within = node.within
        self._passed_on = LatestRows(self.blocks, self.key_names)
        self._swept = -OPEN

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        return self._own_columns(morsel)

    def _step(self, table: Table) -> Released:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in self.key_names}, table.rows).take(groups.first)
        found, known = self._passed_on.fetch([keys[name] for name in self.key_names], keys.rows)
        last = np.full(keys.rows, kernels.NEVER, np.int64)
        if known is not None:
            last[found] = known.ints("time")
        fresh = kernels.fresh(groups.codes, table.ints("time"), last, self.within)
        passed = np.flatnonzero(fresh)
        if len(passed):
            changed = np.zeros(keys.rows, np.bool_)
            changed[groups.codes[passed]] = True
            state = Table({**keys.columns, "time": Fixed(INT64, last)}, keys.rows)
            self._passed_on.put(owned(state.take(np.flatnonzero(changed))))
        rows = table.take(passed)
        fates = {"passed": len(passed), "deduplicated": table.rows - len(passed)}
        return Released(self._emit(self._passed(rows), rows), fates)

    def _expire(self) -> None:
        if not self.within or self.watermark - self._swept < max(1, self.within // SHARE):
            return
        self._swept = self.watermark
        if self._passed_on.numbers:
            self._passed_on.retain(lambda table: table.ints("time") + self.within >= self.watermark)

    def _restored(self, numbers: list[int]) -> None:
        self._passed_on.restored(numbers)
