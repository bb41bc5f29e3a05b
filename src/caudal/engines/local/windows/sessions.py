"""Session windows: runs of rows of a key, at most a gap apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.column import Fixed
from caudal.columnar.grouping import Groups, key_hashes
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64
from caudal.engines.local.dividing import Share, divided
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import OPEN, Part, Partial, Released, late_by_time
from caudal.engines.local.table import Table
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
        hashes = key_hashes(keys, morsel.rows)
        rows = Table({HASH: Fixed(INT64, hashes), **dict(zip(self.key_names, keys))}, morsel.rows)
        groups, start, last = self._sessions(rows, morsel.time, morsel.time)
        count = np.bincount(groups.codes, minlength=len(groups))
        extra = {HASH: hashes[groups.first], "start": start, "last": last, "rows": count}
        table = self._table(morsel, groups, keys, extra)
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
        ranges = self.dividing.ranges(self.blocks.rows)
        tables = [self.blocks.remove(number) for number in list(self.blocks.tables)]
        shares = [share for share in divided(tables, ranges) if share.size]
        self._earliest = OPEN
        made: list[Part] = []
        absorbed = 0
        for kept, done in self.dividing.map(self._ended, shares):
            if kept is not None:
                self.blocks.add(kept)
                self._earliest = min(self._earliest, int(kept.ints("last").min()) + self.gap)
            if done is not None:
                absorbed += int(done.ints("rows").sum())
                made.append(self._result_of(done))
        if not made:
            return Released()
        self._buffered -= absorbed
        return self._released(made, {"absorbed": absorbed})

    def _ended(self, share: Share) -> tuple[Table | None, Table | None]:
        """Return (sessions that go on, sessions that the watermark has passed) of some rows, folded."""
        table = share.table()
        groups, start, last = self._sessions(table, table.ints("start"), table.ints("last"))
        rows = np.zeros(len(groups), np.int64)
        np.add.at(rows, groups.codes, table.ints("rows"))
        hashes = table.ints(HASH)[groups.first]
        folded = self._fold(table, groups, {HASH: hashes, "start": start, "last": last, "rows": rows})
        ended = last + self.gap < self.watermark
        left, gone = np.flatnonzero(~ended), np.flatnonzero(ended)
        return (folded.take(left) if len(left) else None), (folded.take(gone) if len(gone) else None)

    def _result_of(self, done: Table) -> Part:
        return lambda: self._results(done, done.ints("start"), done.ints("last") + self.gap)

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
        self._hash_anew()
        lasts = [int(t.ints("last").min()) for t in self.blocks.tables.values()]
        self._earliest = min(lasts) + self.gap if lasts else OPEN
