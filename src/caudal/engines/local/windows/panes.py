"""Tumbling and hopping windows over panes: step-wide pieces that are aggregated once and shared by their windows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from caudal.columnar.column import Ints
from caudal.columnar.grouping import group, key_hashes
from caudal.columnar.morsel import Morsel
from caudal.engines.local.dividing import Range, Share, divided
from caudal.engines.local.state import HASH
from caudal.engines.local.stateful import Part, Partial, Released, joined
from caudal.engines.local.table import Table, consume
from caudal.engines.local.windows import kernels
from caudal.engines.local.windows.operator import WindowOperator
from caudal.plan.windows import Cumulative, Hopping

EXPANDED = 1 << 20
"""Rows of panes times windows that are folded at once."""

FEW = 1 << 16
"""Rows of partial results that wait before any are folded, whatever there is beside them."""

PIECES = 64
"""Partial results that wait before they are folded among themselves, however small they are: a block costs what a thousand rows do."""

SMALL = 1 << 10
"""Rows of a block that counts as small."""

MANY = 1 << 19
"""Rows of partial results beyond which they are folded."""

NO_WATERMARK = np.empty(0, np.int64)


@dataclass(slots=True)
class _Block:
    """Of which panes a block has rows; `range`: the hashes that it is folded for, None where it waits to be."""

    low: int
    high: int
    range: Range | None


class PaneOperator(WindowOperator):
    """State: blocks of (pane, first window, keys, partial aggregates); rows counted by pane.

    A row that is late for some of its windows counts from its first window on, so rows of one pane with different
    first windows are kept apart; of tumbling windows the pane tells all.

    Partial results wait until they are many. Then they are folded by ranges of hashes, and with them those that have
    been folded before and are no more: so what is folded anew never outweighs what is new, and keys that come again and
    again are few rows, however long a window stays open.
    """

    kind = "panes"
    fold_rows = 0
    """How many rows wait to be folded, for tests; 0 to choose."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        window = self.node.window
        assert isinstance(window, Hopping | Cumulative)
        self.window = window
        self.panes = window.size // window.step
        self._tumbling = window.size == window.step
        # a row of a pane that is one window counts in that or in none
        self._extra = ("pane",) if self._tumbling else ("pane", "from")
        self._pending: dict[int, int] = {}
        self._known: dict[int, _Block] = {}
        self._waiting = 0
        self._small: list[int] = []
        """Blocks that wait and have not been folded at all."""

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
        hashes = key_hashes(keys, morsel.rows)
        groups = group(keys, [pane] if self._tumbling else [pane, first], morsel.rows, hashes)
        extra = {HASH: hashes, "pane": pane, "from": first}
        table = self._table(morsel, groups, keys, {name: extra[name][groups.first] for name in (HASH, *self._extra)})
        return Partial(table, morsel.rows, late_rows, partly, kernels.count_by(pane))

    # -- blocks -------------------------------------------------------------------------------------------------

    def add(self, partial: Partial) -> None:
        if partial.table is None:
            return
        assert partial.counts is not None
        for pane, rows in zip(partial.counts[0].tolist(), partial.counts[1].tolist()):
            self._pending[pane] = self._pending.get(pane, 0) + rows
        self._small.append(self._put(partial.table, None))
        if len(self._small) >= PIECES:
            self._fold_small()
        if self._waiting > (self.fold_rows or min(MANY, FEW + 2 * (self.blocks.rows - self._waiting))):
            self._fold_waiting()

    def _put(self, table: Table, range: Range | None) -> int:
        number = self.blocks.add(table)
        self._known[number] = self._block(table, range)
        self._waiting += table.rows if range is None else 0
        return number

    def _block(self, table: Table, range: Range | None) -> _Block:
        panes = table.ints("pane")
        return _Block(int(panes.min()), int(panes.max()), range)

    def _take(self, number: int) -> Table:
        table = self.blocks.remove(number)
        self._waiting -= table.rows if self._known.pop(number).range is None else 0
        return table

    def _fold_small(self) -> None:
        """Fold what has come since the last time into one block, which waits; large ones would only be folded twice."""
        small, self._small = self._small, []
        numbers = [each for each in small if each in self._known and self.blocks.tables[each].rows < SMALL]
        if len(numbers) > 1:
            self._put(self._merged(consume([self._take(each) for each in numbers])), None)

    def _fold_waiting(self) -> None:
        """Fold what waits, by ranges of hashes; of the blocks in each range the newest, while they are no more than it."""
        ranges = self.dividing.ranges(self.blocks.rows)
        waiting, inner = self._sorted_out(ranges)
        tables = [self._take(number) for number in waiting]
        shares = [(within, share) for within, share in zip(ranges, divided(tables, ranges), strict=True) if share.size]
        for within, share in shares:
            numbers = inner[within]
            while numbers and self.blocks.tables[numbers[-1]].rows <= share.size:
                share.own.append(self._take(numbers.pop()))
        for within, table in self.dividing.map(lambda each: (each[0], self._merged(each[1].table())), shares):
            self._put(table, within)

    def _sorted_out(self, ranges: list[Range]) -> tuple[list[int], dict[Range, list[int]]]:
        """Return (the blocks that go over several ranges, the blocks that are within each), by number."""
        waiting: list[int] = []
        inner: dict[Range, list[int]] = {each: [] for each in ranges}
        for number, block in self._known.items():
            within = None if block.range is None else _range_around(ranges, block.range)
            if within is None:
                waiting.append(number)
            else:
                inner[within].append(number)
        return waiting, inner

    def _merged(self, table: Table) -> Table:
        groups = self._group(table, [table.ints(name) for name in self._extra])
        return self._fold(table, groups, {name: table.ints(name)[groups.first] for name in (HASH, *self._extra)})

    # -- which windows there are: window i begins with pane i ---------------------------------------------------

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

    def _carried(self, table: Table, last_due: int) -> Table | None:
        """Return what later windows need of rows up to pane `last_due`, which have been taken out."""
        return None

    def _bounds(self, number: Ints) -> tuple[Ints, Ints]:
        """Return start and end of each window."""
        start = number * self.window.step + self.window.offset
        return start, start + self.window.size

    def _last_due(self, watermark: int) -> int:
        window = self.window
        return (watermark - window.offset - window.size) // window.step

    # -- windows that close -------------------------------------------------------------------------------------

    def advance(self, watermark: int) -> Released:
        last_due = self._last_due(watermark)
        closed = self._last_due(self.watermark)
        self.watermark = max(self.watermark, watermark)
        if not self.blocks.tables or last_due <= closed:
            return Released()
        due = self._due_rows(last_due)
        if not due:
            return Released()
        finished = self._finished(last_due)
        done = [pane for pane in self._pending if pane <= finished]
        absorbed = sum(self._pending.pop(pane) for pane in done)
        if self._tumbling:
            made = [self._tumbled(share) for share in due]
        else:
            merged = self.dividing.map(lambda share: self._merged(share.table()), due)
            for table in merged:
                carried = self._carried(table, last_due)
                if carried is not None:
                    self._put(carried, None)
            made = [self._hopped(table, closed + 1, last_due) for table in merged]
        return self._released(made, {"absorbed": absorbed})

    def _due_rows(self, last_due: int) -> list[Share]:
        """Return the rows that a due window holds, by ranges of hashes; take those up to pane `last_due` out."""
        bound = self._reach(last_due)
        due: list[tuple[Range | None, Table]] = []
        for number, block in list(self._known.items()):
            if block.low > bound:
                continue
            table = self.blocks.tables[number]
            panes = table.ints("pane")
            # a table of its own: what is handed out is used up
            whole = Table(table.columns, table.rows)
            due.append((block.range, whole if block.high <= bound else table.take(np.flatnonzero(panes <= bound))))
            if block.low > last_due:
                continue
            self._take(number)
            if block.high > last_due:
                self._put(table.take(np.flatnonzero(panes > last_due)), block.range)
        if not due:
            return []
        widest = max(1 if range is None else range[1] - range[0] for range, _ in due)
        ranges = self.dividing.ranges(sum(table.rows for _, table in due), widest)
        waiting: list[Table] = []
        inner: list[tuple[Range, Table]] = []
        for range, table in due:
            within = None if range is None else _range_around(ranges, range)
            if within is None:
                waiting.append(table)
            else:
                inner.append((within, table))
        shares = dict(zip(ranges, divided(waiting, ranges), strict=True)) if waiting else {}
        for within, table in inner:
            if within in shares:
                shares[within].own.append(table)
            else:
                shares[within] = Share(table, None)
        return [share for share in shares.values() if share.size]

    def _tumbled(self, share: Share) -> Part:
        def part() -> Morsel | None:
            table = share.table()
            return self._close(table, table.ints("pane"))

        return part

    def _hopped(self, table: Table, lowest: int, highest: int) -> Part:
        def part() -> Morsel | None:
            made = [
                self._close(*rows) for rows in _spread(table, self._last_window(table.ints("pane")), lowest, highest)
            ]
            return joined(made) if made else None

        return part

    def _close(self, table: Table, window: Ints) -> Morsel:
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
        self._hash_anew()
        self._known = {number: self._block(table, None) for number, table in self.blocks.tables.items()}
        self._waiting = self.blocks.rows


def _range_around(ranges: list[Range], inner: Range) -> Range | None:
    """Return which of the ranges holds this one, None where it goes over several; ranges are of one size, in order."""
    size = ranges[0][1] - ranges[0][0]
    around = ranges[inner[0] // size]
    return around if inner[1] <= around[1] else None


def _spread(table: Table, last: Ints, lowest: int, highest: int) -> Iterator[tuple[Table, Ints]]:
    """Yield (rows, window of each row) for the windows in [lowest, highest], in order, some at a time; `last`: that of each row."""
    first = table.ints("from")
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
