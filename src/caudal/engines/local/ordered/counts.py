"""Windows of rows: each key's rows are numbered from 0, and window i holds those from i * step on, `size` of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar import sorting
from caudal.columnar.column import Column, Fixed, Ints
from caudal.core.types import INT64, TIMESTAMP, DataType
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.ordered import kernels
from caudal.engines.local.ordered.keyed import LatestRows, owned
from caudal.engines.local.ordered.running import OrderedAggregates
from caudal.engines.local.ordered.sharding import Portion
from caudal.engines.local.state import HASH, Blob
from caudal.engines.local.stateful import NEVER_LATE, Released
from caudal.engines.local.table import Table, concat_tables
from caudal.plan.windows import CountWindow

FORGET = 1 << 12
"""Keys whose windows have all closed beyond which, and beyond those with open ones, they are forgotten."""

NUMBERS = ("ring", "pane", "rows", "start")
"""Columns of a pane beside keys, partial aggregates, and time and W_p of its last row: see `CountOperator`."""


class Panes(LatestRows):
    """The panes of keys. `closed_keys`: how many keys have been left without an open window, about."""

    closed_keys = 0


class CountOperator(OrderedAggregates):
    """State: panes of rows that open windows share, as many rows wide as windows' bounds are apart at least.

    Of a pane: `pane`, its number; `rows`, how many it has; `start`, the time of its first row. At most `ring` panes of a
    key are needed at once, so pane p takes the place of pane p - ring.
    """

    kind = "counts"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        window = self.node.window  # type: ignore[union-attr]
        assert isinstance(window, CountWindow)
        self.size, self.step = window.size, window.step
        self.width = math.gcd(window.size, window.step)
        self.ring = window.size // self.width
        self._open = 0
        self._last = (0, NEVER_LATE)

    def _shard(self) -> Panes:
        return Panes(self.blocks, [*self.key_names, "ring"])

    def _kept_types(self) -> dict[str, DataType]:
        return dict.fromkeys(NUMBERS, INT64)

    def _step(self, table: Table) -> Released:
        self._last = int(table.ints("time")[-1]), int(table.ints("watermark")[-1])
        released = super()._step(table)
        self._open += table.rows - released.fates["absorbed"]
        return released

    def _given(self, table: Table) -> Table:
        return Table({name: table[name] for name in [*self._state_names(table), "watermark"]}, table.rows)

    def _portion(self, kept: Panes, table: Table) -> Portion:
        rows = self._numbered(table)
        before, whole = 0, rows
        panes = self._known(kept, rows)
        if panes is not None:
            before, whole = panes.rows, concat_tables([panes, rows])
        order, offsets = self._by_key(whole)
        ordered = whole.take(order)
        first, number, total, base = _numbers(ordered, offsets, self.width)
        fresh = order >= before
        ends = number - self.size + 1
        closing = np.flatnonzero(fresh & (ends >= 0) & (ends % self.step == 0))
        begin = kernels.beginnings(first[closing], ends[closing], number)
        sequence = np.argsort(order[closing], kind="stable")
        made = self._closed(ordered, begin, closing, sequence)
        # the first row of the first window that is open
        oldest = np.where(total < self.size, 0, ((total - self.size) // self.step + 1) * self.step)
        self._keep(kept, ordered, offsets, number, fresh, oldest, total)
        return Portion(order[closing][sequence] - before, made.columns, {"absorbed": int((oldest - base).sum())})

    def _result(self, table: Table, made: dict[str, Column]) -> dict[str, Column]:
        return made

    def _by_key(self, table: Table) -> tuple[Ints, Ints]:
        groups = self._group(table, [])
        return order_by_group(groups.codes, len(groups))

    def _numbered(self, table: Table) -> Table:
        """Return the rows as panes of one row, whose number is not yet known."""
        ones = np.ones(table.rows, np.int64)
        none = Fixed(INT64, ones * -1)
        return Table(
            {**table.columns, "ring": none, "pane": none, "rows": Fixed(INT64, ones), "start": table["time"]},
            table.rows,
        )

    def _known(self, kept: Panes, rows: Table) -> Table | None:
        """Return the panes that open windows of these rows' keys hold, by key in order."""
        first = self._group(rows, []).first
        keys = [rows[name].take(np.repeat(first, self.ring)) for name in self.key_names]
        ring = np.tile(np.arange(self.ring, dtype=np.int64), len(first))
        _, panes = kept.fetch([*keys, Fixed(INT64, ring)], len(ring))
        return None if panes is None else self._needed(panes)

    def _needed(self, panes: Table) -> Table | None:
        """Return those of the panes that open windows hold, by key and number."""
        groups = self._group(panes, [])
        order = np.lexsort([panes.ints("pane"), groups.codes]).astype(np.int64, copy=False)
        number = panes.ints("pane") * self.width
        total = np.zeros(len(groups), np.int64)
        np.maximum.at(total, groups.codes, number + panes.ints("rows"))
        oldest = np.where(total < self.size, 0, ((total - self.size) // self.step + 1) * self.step)
        order = order[number[order] >= oldest[groups.codes[order]]]
        return panes.take(order) if len(order) else None

    def _closed(self, ordered: Table, begin: Ints, last: Ints, sequence: Ints) -> Table:
        """Return results over the rows from `begin` to `last`, in the order of `sequence`."""
        node = self.node
        end = ordered.take(last)
        columns: dict[str, Column] = {name: end[k] for (name, _), k in zip(node.keys, self.key_names)}
        valid = None if self.timed else np.zeros(len(last), np.bool_)
        columns["window_start"] = Fixed(TIMESTAMP, ordered.ints("start")[begin], valid)
        columns["window_end"] = Fixed(TIMESTAMP, end.ints("time"), valid)
        columns.update(self._results_of(ordered, begin, last + 1))
        return Table(columns, len(last)).take(sequence)

    def _keep(
        self, kept: Panes, ordered: Table, offsets: Ints, number: Ints, fresh: Any, oldest: Ints, total: Ints
    ) -> None:
        """Put away the panes that got rows, and those that no window holds any more."""
        per_key = np.diff(offsets)
        pane = number // self.width
        # a row opens a stretch where its pane begins, or its key
        opens = np.ones(len(pane), np.bool_)
        opens[1:] = pane[1:] != pane[:-1]
        opens[offsets[:-1]] = True
        begin = np.flatnonzero(opens)
        stop = np.append(begin[1:], len(pane))
        changed = np.logical_or.reduceat(fresh, begin)
        key = np.repeat(np.arange(len(per_key)), per_key)[begin]
        # of panes that are needed no more, only those are put away that take the place of what would seem needed
        needed = pane[begin] * self.width >= oldest[key]
        last_of_key = np.append(key[1:] != key[:-1], True)
        keep = changed & (needed | last_of_key)
        begin, stop, key = begin[keep], stop[keep], key[keep]
        last = ordered.take(stop - 1)
        columns = {name: last[name] for name in [*self.key_names, HASH, "time", "watermark"]}
        columns["ring"] = Fixed(INT64, pane[begin] % self.ring)
        columns["pane"] = Fixed(INT64, pane[begin])
        rows = np.cumsum(ordered.ints("rows"))
        columns["rows"] = Fixed(INT64, rows[stop - 1] - rows[begin] + ordered.ints("rows")[begin])
        columns["start"] = Fixed(INT64, ordered.ints("start")[begin])
        columns.update(self._folded(ordered, begin, stop))
        kept.put(owned(Table(columns, len(begin))))
        kept.closed_keys += int((oldest == total).sum())
        if kept.closed_keys > FORGET and 2 * kept.closed_keys > kept.rows:
            # only where windows do not overlap can a key be without an open one
            kept.closed_keys = 0
            kept.retain(lambda panes: panes.ints("rows") < self.size)

    def _end(self) -> Released:
        """Close every window that holds a row.

        What is cut short by the end of data has the time and W_p of the last row of all: nothing downstream has closed
        what that falls into, while the last row of a key may lie far behind.
        """
        found = [panes for kept in self.shards.states if (panes := kept.all()) is not None]
        panes = self._needed(concat_tables(found)) if found else None
        if panes is None:
            return Released()
        for kept in self.shards.states:
            kept.retain(lambda table: np.zeros(table.rows, np.bool_))
        order, offsets = self._by_key(panes)
        ordered = panes.take(order)
        _, number, total, base = _numbers(ordered, offsets, self.width)
        windows = -(-(total - base) // self.step)
        key = np.repeat(np.arange(len(windows)), windows)
        nth = np.arange(len(key)) - np.repeat(np.cumsum(windows) - windows, windows)
        begin = kernels.beginnings(offsets[:-1][key], base[key] + nth * self.step, number)
        last = offsets[1:][key] - 1
        ranks = [sorting.rank(ordered[name].take(last)) for name in self.key_names]
        sequence = np.lexsort([nth, *reversed(ranks), ordered.ints("time")[last]]).astype(np.int64, copy=False)
        absorbed, self._open = self._open, 0
        results = self._emit(self._closed(ordered, begin, last, sequence).columns, ordered.take(last[sequence]))
        if results is not None and results.time is not None:
            time, watermark = self._last
            results.time = np.full(results.rows, time, np.int64)
            results.watermark = None if watermark == NEVER_LATE else np.full(results.rows, watermark, np.int64)
        return Released(results, {"absorbed": absorbed})

    def buffered(self) -> int:
        return super().buffered() + self._open

    def _values(self) -> dict[str, Any]:
        return {**super()._values(), "open": self._open, "last": list(self._last)}

    def _load(self, values: dict[str, Any]) -> None:
        super()._load(values)
        self._open = -1 if values["open"] is None else int(values["open"])
        time, watermark = values["last"]
        self._last = int(time), int(watermark)

    def restore(self, blobs: Sequence[Blob], types: dict[str, DataType]) -> None:
        super().restore(blobs, types)
        if self._open < 0:
            found = self.shards.states[0].all()
            needed = None if found is None else self._needed(found)
            self._open = 0 if needed is None else int(needed.ints("rows").sum())


def _numbers(ordered: Table, offsets: Ints, width: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (first row of its key and number of each row; rows and first number that is there of each key)."""
    rows = ordered.ints("rows")
    pane = ordered.ints("pane")[offsets[:-1]]
    base = np.maximum(pane, 0) * width
    before = np.cumsum(rows) - rows
    first = np.repeat(offsets[:-1], np.diff(offsets))
    number = before - before[first] + np.repeat(base, np.diff(offsets))
    last = offsets[1:] - 1
    return first, number, number[last] + rows[last], base
