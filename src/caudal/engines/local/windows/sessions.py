"""Session windows: runs of rows of a key, at most a gap apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.grouping import Groups
from caudal.columnar.morsel import Morsel
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.stateful import OPEN, Partial, Released, late_by_time
from caudal.engines.local.table import Table, consume
from caudal.engines.local.windows import kernels
from caudal.engines.local.windows.operator import WindowOperator
from caudal.plan.windows import Session

SMALL = 1 << 14
"""Rows of state that are folded whenever a session may close; beyond it a fold waits for a share of the gap."""

SHARE = 8


class SessionOperator(WindowOperator):
    """State: blocks of (start, last, rows, keys, partial aggregates); a session may lie in several blocks.

    Folding all blocks costs the size of the state, so on a large state it is done once the watermark has moved by an
    eighth of the gap: every open session was touched within the last gap, so a row is folded a bounded number of times.
    The watermark that is forwarded is that of the last fold.
    """

    kind = "sessions"
    _extra = ("start", "last", "rows")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        window = self.node.window
        assert isinstance(window, Session)
        self.gap = window.gap
        self._buffered = 0
        self._earliest = OPEN
        self._folded_at = -OPEN

    def prepare(self, morsel: Morsel) -> Partial:
        morsel, late_rows = late_by_time(morsel)
        if not morsel.rows:
            return Partial(None, 0, late_rows, 0)
        assert morsel.time is not None
        keys = [key(morsel) for key in self._keys]
        rows = Table(dict(zip(self.key_names, keys)), morsel.rows)
        groups, start, last = self._sessions(rows, morsel.time, morsel.time)
        count = np.bincount(groups.codes, minlength=len(groups)).astype(np.int64)
        table = self._table(morsel, groups, keys, {"start": start, "last": last, "rows": count})
        return Partial(table, morsel.rows, late_rows, 0)

    def _sessions(self, table: Table, start: Any, last: Any) -> tuple[Groups, Any, Any]:
        by_key = self._group(table, [])
        by_time = kernels.sorted_order(start)
        order, offsets = order_by_group(by_key.codes[by_time], len(by_key))
        code, first, starts, lasts = kernels.sessions(by_time[order], offsets, start, last, self.gap)
        return Groups(code, first), starts, lasts

    def add(self, partial: Partial) -> None:
        if partial.table is None:
            return
        self._buffered += partial.rows
        self.blocks.add(partial.table)
        self._earliest = min(self._earliest, int(partial.table.ints("last").min()) + self.gap)

    def _due(self, watermark: int) -> bool:
        if watermark <= self._earliest or not self.blocks.tables:
            return False
        enough = watermark - self._folded_at >= max(1, self.gap // SHARE)
        return enough or self.blocks.rows <= SMALL or watermark >= OPEN

    def advance(self, watermark: int) -> Released:
        if not self._due(watermark):
            # nothing ends before the earliest possible end
            reached = watermark if not self.blocks.tables else min(watermark, self._earliest)
            self.watermark = max(self.watermark, reached)
            return Released()
        self.watermark = self._folded_at = max(self.watermark, watermark)
        table = consume([self.blocks.remove(number) for number in list(self.blocks.tables)])
        groups, start, last = self._sessions(table, table.ints("start"), table.ints("last"))
        rows = np.zeros(len(groups), np.int64)
        np.add.at(rows, groups.codes, table.ints("rows"))
        folded = self._fold(table, groups, {"start": start, "last": last, "rows": rows})
        ended = last + self.gap < watermark
        left = np.flatnonzero(~ended)
        self._earliest = OPEN
        if len(left):
            kept = folded.take(left)
            self.blocks.add(kept)
            self._earliest = int(kept.ints("last").min()) + self.gap
        done = folded.take(np.flatnonzero(ended))
        if not done.rows:
            return Released()
        absorbed = int(done.ints("rows").sum())
        self._buffered -= absorbed
        results = self._results(done, done.ints("start"), done.ints("last") + self.gap)
        return Released(results, {"absorbed": absorbed})

    @property
    def forwarded(self) -> int:
        return self.watermark if self.watermark >= OPEN else self.watermark - 1

    def buffered(self) -> int:
        return self._buffered

    def _values(self) -> dict[str, Any]:
        return {"buffered": self._buffered}

    def _load(self, values: dict[str, Any]) -> None:
        self._buffered = int(values["buffered"])

    def restore(self, blobs: Any, types: Any) -> None:
        super().restore(blobs, types)
        lasts = [int(t.ints("last").min()) for t in self.blocks.tables.values()]
        self._earliest = min(lasts) + self.gap if lasts else OPEN
