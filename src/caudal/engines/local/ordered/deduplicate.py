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
from caudal.engines.local.ordered.sharding import Portion
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import OPEN, Bind
from caudal.engines.local.table import Table
from caudal.plan.nodes import Deduplicate

SHARE = 8


class PassedOn(LatestRows):
    """When a row of each key was passed on. `swept`: the watermark at which old ones were dropped last."""

    swept = -OPEN


class DeduplicateOperator(OrderedOperator):
    """State: for each key the time of the last row that was passed on, or of the last at all.

    With `within`, a time that the watermark has left that far behind is dropped whenever the watermark has moved by an
    eighth of it: a key is looked at a bounded number of times, and the state is that of the last `within`.
    """

    kind = "deduplicate"

    def __init__(self, node: Deduplicate, operator: str, bind: Bind, ranks: Callable[[], Ints], *rest: Any) -> None:
        super().__init__(node, operator, bind, ranks, *rest)
        self.within = node.within
        self.seen = node.seen

    def _shard(self) -> PassedOn:
        return PassedOn(self.blocks, self.key_names)

    def _columns(self, morsel: Morsel, keys: Sequence[Column]) -> dict[str, Column]:
        return self._own_columns(morsel)

    def _given(self, table: Table) -> Table:
        return Table({name: table[name] for name in (*self.key_names, HASH, "time")}, table.rows)

    def _portion(self, kept: PassedOn, table: Table) -> Portion:
        groups = self._group(table, [])
        keys = Table({name: table[name] for name in (*self.key_names, HASH)}, table.rows).take(groups.first)
        found, known = kept.fetch([keys[name] for name in self.key_names], keys.rows)
        last = np.full(keys.rows, kernels.NEVER, np.int64)
        if known is not None:
            last[found] = known.ints("time")
        fresh = kernels.fresh(groups.codes, table.ints("time"), last, self.within, self.seen)
        passed = np.flatnonzero(fresh)
        if len(passed) or self.seen:
            changed = np.full(keys.rows, self.seen, np.bool_)
            changed[groups.codes[passed]] = True
            state = Table({**keys.columns, "time": Fixed(INT64, last)}, keys.rows)
            kept.put(owned(state.take(np.flatnonzero(changed))))
        return Portion(passed, {}, {"passed": len(passed), "deduplicated": table.rows - len(passed)})

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        return self._passed(table)

    def _expire(self, kept: PassedOn) -> None:
        if not self.within or self.watermark - kept.swept < max(1, self.within // SHARE):
            return
        kept.swept = self.watermark
        if kept.numbers:
            kept.retain(lambda table: table.ints("time") + self.within >= self.watermark)
