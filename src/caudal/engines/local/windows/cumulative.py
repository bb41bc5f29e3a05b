"""Cumulative windows: they begin together and grow by a pane each, so every pane is aggregated once."""

from __future__ import annotations

import numpy as np

from caudal.columnar.column import Ints
from caudal.engines.local.state import HASH
from caudal.engines.local.table import Table
from caudal.engines.local.windows import kernels
from caudal.engines.local.windows.panes import PaneOperator


class CumulativeOperator(PaneOperator):
    """State as of `PaneOperator`. Window i is the one that ends with pane i; it begins where a size begins.

    Once a window has closed, what it held is folded to one row a key: all later windows of the size hold it too.
    """

    kind = "cumulative"
    _assign = staticmethod(kernels.assign_growing)

    def _last_window(self, pane: Ints) -> Ints:
        return pane // self.panes * self.panes + self.panes - 1

    def _reach(self, last_due: int) -> int:
        return last_due

    def _finished(self, last_due: int) -> int:
        return (last_due + 1) // self.panes * self.panes - 1

    def _carried(self, table: Table, last_due: int) -> Table | None:
        left = np.flatnonzero(table.ints("pane") > self._finished(last_due))
        if not len(left):
            return None
        table = table.take(left)
        # a row whose partition is ahead may be late for windows that are still to close
        first = np.maximum(table.ints("from"), last_due + 1)
        groups = self._group(table, [first])
        hashes = table.ints(HASH)[groups.first]
        pane = np.full(len(groups), last_due, np.int64)
        return self._fold(table, groups, {HASH: hashes, "pane": pane, "from": first[groups.first]})

    def _bounds(self, number: Ints) -> tuple[Ints, Ints]:
        window = self.window
        end = (number + 1) * window.step + window.offset
        return number // self.panes * window.size + window.offset, end

    def _last_due(self, watermark: int) -> int:
        return (watermark - self.window.offset) // self.window.step - 1
