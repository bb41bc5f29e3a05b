"""Adaptive morsels: how many rows make a task, learnt from what rows cost.

A task should take a few milliseconds: ten rows of 8 ms each spread over all cores, ten million cheap rows are not cut
to dust.
"""

from __future__ import annotations

import itertools

from caudal.columnar.morsel import Morsel

TASK_SECONDS = 0.004
"""The time that a task should take: long against the cost of starting one, short against a user's patience."""

CHEAP = 2048
"""Rows a task from which on nothing is cut: the cost of a row is then small against that of a morsel."""

FIRST = 64
"""Rows of the largest piece while the cost of a row is not known and may be large."""

WHOLE = 1 << 30


class Slicer:
    """Cuts the morsels of one stream. `costly`: they go to functions of the user's, so nothing is known of their cost."""

    def __init__(self, costly: bool) -> None:
        self.costly = costly
        self.fixed = 0
        self.cost = 0.0
        self._rows = WHOLE

    def learn(self, rows: int, seconds: float) -> None:
        """Learn from a task of so many rows.

        One slow task (a kernel that is loaded, a busy machine) moves the estimate little; small morsels tell nothing
        about cheap rows.
        """
        measured = seconds / rows
        if not self.cost:
            self.cost = measured if self.costly else min(measured, TASK_SECONDS / 4096)
        else:
            self.cost += 0.25 * (min(measured, 4 * self.cost) - self.cost)
        wanted = int(TASK_SECONDS / self.cost) if self.cost else WHOLE
        self._rows = max(1, wanted) if wanted < CHEAP else WHOLE

    def split(self, morsel: Morsel) -> list[Morsel]:
        """Cut a morsel so that a costly chain runs on all cores."""
        size = self.fixed or self._rows
        if self.costly and not self.cost and not self.fixed:
            return [morsel.slice(a, b) for a, b in itertools.pairwise(_growing(morsel.rows))]
        if morsel.rows <= size:
            return [morsel]
        count = -(-morsel.rows // size)
        bounds = [morsel.rows * i // count for i in range(count + 1)]
        return [morsel.slice(a, b) for a, b in itertools.pairwise(bounds)]


def _growing(rows: int) -> list[int]:
    """Return bounds of pieces of 1, 1, 2, 4 ... rows: the first tell the cost before the larger ones are long."""
    bounds, size = [0], 1
    while bounds[-1] < rows:
        bounds.append(min(rows, bounds[-1] + size))
        size = min(FIRST, bounds[-1])
    return bounds if rows else [0, 0]
