"""Tumbling and hopping windows over panes: step-wide pieces that are aggregated once and shared by their windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.column import Ints
from caudal.columnar.grouping import group
from caudal.columnar.morsel import Morsel
from caudal.engines.local.stateful import OPEN, Partial, Released, joined
from caudal.engines.local.table import Table, consume
from caudal.engines.local.windows import kernels
from caudal.engines.local.windows.operator import WindowOperator
from caudal.plan.windows import Cumulative, Hopping

EXPANDED = 1 << 20
"""Rows of panes times windows that are folded at once."""

GROWTH = 1 << 16
"""Rows of blocks below which nothing is folded before a window closes."""

NO_WATERMARK = np.empty(0, np.int64)


class PaneOperator(WindowOperator):
    """State: blocks of (pane, first window, keys, partial aggregates), each sorted by pane; rows counted by pane.

    A row that is late for some of its windows counts from its first window on, so rows of one pane with different
    first windows are kept apart.
    """

    kind = "panes"
    _extra = ("pane", "from")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        window = self.node.window
        assert isinstance(window, Hopping | Cumulative)
        self.window = window
        self.panes = window.size // window.step
        self._tumbling = window.size == window.step
        self._pending: dict[int, int] = {}
        self._first_pane: dict[int, int] = {}
        self._folded = 0
        self._earliest = OPEN

    def prepare(self, morsel: Morsel) -> Partial:
        window = self.window
        assert morsel.time is not None
        pane = np.empty(morsel.rows, np.int64)
        first = np.empty(morsel.rows, np.int64)
        watermark = NO_WATERMARK if morsel.watermark is None else morsel.watermark
        late, partly = self._assign(morsel.time, watermark, window.size, window.step, window.offset, pane, first)
        late_rows = None
        if late:
            in_time = first <= self._last_window(pane)
            late_rows = morsel.take(np.flatnonzero(~in_time))
            keep = np.flatnonzero(in_time)
            morsel, pane, first = morsel.take(keep), pane[keep], first[keep]
        if not morsel.rows:
            return Partial(None, 0, late_rows, partly)
        keys = [key(morsel) for key in self._keys]
        salts = [pane] if self._tumbling else [pane, first]
        groups = group(keys, salts, morsel.rows)
        panes = pane[groups.first]
        table = self._table(morsel, groups, keys, {"pane": panes, "from": first[groups.first]})
        if (panes[1:] < panes[:-1]).any():
            table = table.take(kernels.sorted_order(panes))
        return Partial(table, morsel.rows, late_rows, partly, kernels.count_by(pane))

    def add(self, partial: Partial) -> None:
        if partial.table is None:
            return
        assert partial.counts is not None
        for pane, rows in zip(partial.counts[0].tolist(), partial.counts[1].tolist()):
            self._pending[pane] = self._pending.get(pane, 0) + rows
        self._put(partial.table)
        if self.blocks.rows > GROWTH + 2 * self._folded:
            self._put(self._compacted())
            self._folded = self.blocks.rows

    def _put(self, table: Table) -> None:
        self.blocks.add(table)
        self._earliest = min(self._earliest, int(table.ints("pane")[0]))

    def _compacted(self) -> Table:
        table = consume([self.blocks.remove(number) for number in list(self.blocks.tables)])
        folded = self._merged(table, table.ints("pane"))
        return folded.take(kernels.sorted_order(folded.ints("pane")))

    def _merged(self, table: Table, pane: Ints) -> Table:
        first = table.ints("from")
        groups = self._group(table, [pane] if self._tumbling else [pane, first])
        return self._fold(table, groups, {"pane": pane[groups.first], "from": first[groups.first]})

    # which windows there are: window i begins with pane i

    _assign = staticmethod(kernels.assign)

    def _last_window(self, pane: Ints) -> Ints:
        """Return the last window that holds each pane."""
        return pane

    def _reach(self, last_due: int) -> int:
        """Return the last pane that a window up to this one holds."""
        return last_due + self.panes - 1

    def _finished(self, last_due: int) -> int:
        """Return the last pane that no window behind this one holds."""
        return last_due

    def _carry(self, table: Table, last_due: int) -> None:
        """Put back what later windows need of rows up to pane `last_due`, which have been taken out."""

    def _bounds(self, number: Ints) -> tuple[Ints, Ints]:
        """Return start and end of each window."""
        start = number * self.window.step + self.window.offset
        return start, start + self.window.size

    def _last_due(self, watermark: int) -> int:
        window = self.window
        return (watermark - window.offset - window.size) // window.step

    def advance(self, watermark: int) -> Released:
        last_due = self._last_due(watermark)
        closed = self._last_due(self.watermark)
        self.watermark = max(self.watermark, watermark)
        if not self.blocks.tables or last_due <= closed:
            return Released()
        table = self._due_rows(last_due)
        if table is None:
            return Released()
        finished = self._finished(last_due)
        done = [pane for pane in self._pending if pane <= finished]
        absorbed = sum(self._pending.pop(pane) for pane in done)
        if self._tumbling:
            return Released(self._close(table, table.ints("pane")), {"absorbed": absorbed})
        parts = [self._close(*part) for part in self._windows(table, closed + 1, last_due)]
        parts = [p for p in parts if p is not None]
        self._carry(table, last_due)
        return Released(joined(parts) if parts else None, {"absorbed": absorbed})

    def _due_rows(self, last_due: int) -> Table | None:
        """Return the rows that a due window holds; take those up to pane `last_due` out."""
        due, kept = [], []
        bound = self._reach(last_due)
        for number in list(self.blocks.tables):
            panes = self.blocks.tables[number].ints("pane")
            reach = int(np.searchsorted(panes, bound, side="right"))
            if not reach:
                continue
            leave = int(np.searchsorted(panes, last_due, side="right"))
            table = self.blocks.tables[number]
            due.append(table.slice(0, reach))
            if leave:
                self.blocks.remove(number)
                if leave < table.rows:
                    kept.append(table.slice(leave, table.rows))
        for table in kept:
            self.blocks.add(table)
        tables = self.blocks.tables.values()
        self._earliest = min((int(t.ints("pane")[0]) for t in tables), default=OPEN)
        self._folded = min(self._folded, self.blocks.rows)
        return consume(due) if due else None

    def _windows(self, table: Table, lowest: int, highest: int) -> Any:
        """Yield (rows, window of each row) for the windows in [lowest, highest], in order, some windows at a time."""
        table = self._merged(table, table.ints("pane"))
        first = table.ints("from")
        last = self._last_window(table.ints("pane"))
        lowest = max(lowest, int(first.min()))
        highest = min(highest, int(last.max()))
        spans = [(lowest, highest)]
        while spans:
            a, b = spans.pop()
            if a > b:
                continue
            count = np.minimum(last, b) - np.maximum(first, a) + 1
            if int(np.maximum(count, 0).sum()) > EXPANDED and a < b:
                middle = (a + b) // 2
                spans += [(middle + 1, b), (a, middle)]
                continue
            rows, windows = kernels.expand(first, last, a, b)
            if len(rows):
                yield table.take(rows), windows

    def _close(self, table: Table, window: Ints) -> Morsel | None:
        groups = self._group(table, [window])
        folded = self._fold(table, groups, {"pane": window[groups.first]})
        return self._results(folded, *self._bounds(folded.ints("pane")))

    def buffered(self) -> int:
        return sum(self._pending.values())

    def _values(self) -> dict[str, Any]:
        return {"pending": sorted(self._pending.items())}

    def _load(self, values: dict[str, Any]) -> None:
        self._pending = {int(pane): int(rows) for pane, rows in values["pending"]}

    def restore(self, blobs: Any, types: Any) -> None:
        super().restore(blobs, types)
        self._earliest = min((int(t.ints("pane")[0]) for t in self.blocks.tables.values()), default=OPEN)
