"""Adaptive morsels: how many rows make a task, learnt from what rows cost.

A task should take a few milliseconds: ten rows of 8 ms each spread over all cores, ten million cheap rows are not cut
to dust.
"""

from __future__ import annotations

import itertools

import numpy as np

from caudal.columnar.morsel import Morsel

TASK_SECONDS = 0.004
"""The time that a task should take: long against the cost of starting one, short against a user's patience."""

LONG_SECONDS = 0.025
"""The time that a task may take where much more work waits behind it: nobody waits for it alone."""

SHARES = 4
"""Tasks for each thread that a morsel is cut to, so that all threads end at about the same time."""

CHEAP = 2048
"""Rows a task from which on nothing is cut, and below which cheap rows are never cut: the cost of a row is small against that of a morsel.

On a busy machine rows seem to cost more; cut to dust they do, since an operator with state takes some milliseconds for each piece.
"""

TELLING = 256
"""Rows of the smallest task whose time tells what a cheap row costs."""

FIRST = 64
"""Rows of the largest piece while the cost of a row is not known and may be large."""

OVERHEAD = 20
"""How many times its fixed cost a task should take: a call of a worker process costs as much as many rows."""

MEMORY = 0.9
"""How much of what was learnt before a new task counts."""

WHOLE = 1 << 30


class Slicer:
    """Cuts the morsels of one stream. `expensive`: they go to functions of the user's, so nothing is known of their cost.

    `cost`: seconds a row, `base`: seconds that a task takes whatever its rows; 0 while unknown. `fixed`: rows a piece,
    for tests, 0 to choose.
    """

    def __init__(self, expensive: bool, threads: int) -> None:
        self.expensive = expensive
        self.fixed = 0
        self.cost = 0.0
        self.base = 0.0
        self._threads = threads
        self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)

    def learn(self, rows: int, seconds: float) -> None:
        """Learn from a task of so many rows: a line through what tasks took, the newest counting most.

        One slow task (a kernel that is loaded, a busy machine) moves the estimate little. Where rows are cheap a task of
        few of them says nothing of theirs: nearly all that it takes is its own.
        """
        seconds = max(0.0, seconds)  # a clock that stands still while kernels are compiled may step back a little
        if not self.expensive:
            if rows < TELLING:
                return
            measured = seconds / rows
            if not self.cost:
                self.cost = min(measured, TASK_SECONDS / 4096)
            else:
                self.cost += 0.25 * (min(measured, 4 * self.cost) - self.cost)
            return
        if self.cost:
            seconds = min(seconds, 4 * (self.base + self.cost * rows))
        n, r, s, rr, rs = (MEMORY * x for x in self._sums)
        self._sums = n, r, s, rr, rs = n + 1, r + rows, s + seconds, rr + rows * rows, rs + rows * seconds
        spread = n * rr - r * r
        slope = (n * rs - r * s) / spread if spread > 0.01 * r * r else 0.0
        # without pieces of different sizes, or with noise for a line, all of it is the rows'
        self.cost = min(slope, s / r) if slope > 0.02 * s / r else s / r
        self.base = max(0.0, (s - self.cost * r) / n)

    def size(self, waiting: int) -> int:
        """Return the rows of a piece, of so many that wait."""
        if self.fixed:
            return self.fixed
        if not self.cost:
            return FIRST if self.expensive else WHOLE
        work = waiting * self.cost
        if not self.expensive:
            wanted = int(TASK_SECONDS / self.cost)
            return max(CHEAP, wanted) if wanted < CHEAP else WHOLE
        target = min(max(work / (SHARES * self._threads), TASK_SECONDS), LONG_SECONDS)
        target = max(target, min(OVERHEAD * self.base, 2 * LONG_SECONDS))
        return max(1, int(target / self.cost))

    def split(self, morsel: Morsel) -> list[Morsel]:
        """Cut a morsel so that a expensive chain runs on all cores; not between rows that share a place.

        Nothing but the order in which they stand tells these apart, and pieces may be put together in any order.
        """
        bounds = self._bounds(morsel)
        inner, position = np.array(bounds[1:-1], np.int64), morsel.position
        if position is not None and (position[inner] == position[inner - 1]).any():
            begins = np.flatnonzero(np.concatenate([[True], position[1:] != position[:-1], [True]]))
            bounds = np.unique(begins[np.searchsorted(begins, bounds)]).tolist()
        return [morsel] if len(bounds) == 2 else [morsel.slice(a, b) for a, b in itertools.pairwise(bounds)]

    def _bounds(self, morsel: Morsel) -> list[int]:
        if self.expensive and not self.cost and not self.fixed:
            return _growing(morsel.rows, min(FIRST, max(1, morsel.rows // (SHARES * self._threads))))
        size = self.size(morsel.rows)
        if morsel.rows <= size:
            return [0, morsel.rows]
        count = -(-morsel.rows // size)
        return [morsel.rows * i // count for i in range(count + 1)]


def _growing(rows: int, largest: int) -> list[int]:
    """Return bounds of pieces of 1, 1, 2, 4 ... rows: the first tell the cost before the larger ones are long."""
    bounds, size = [0], 1
    while bounds[-1] < rows:
        bounds.append(min(rows, bounds[-1] + size))
        size = min(largest, bounds[-1])
    return bounds if rows else [0, 0]
