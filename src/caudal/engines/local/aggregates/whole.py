"""Whole rows as an aggregate: what operators keep that hand all rows of a window on, or the first of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar import sorting
from caudal.columnar.column import Column, Fixed, Ints, Text
from caudal.columnar.grouping import Groups
from caudal.core.types import INT64
from caudal.engines.local.aggregates.functions import Aggregator, Rows, sort_keys
from caudal.engines.local.lists import Lists
from caudal.plan.nodes import RESERVED, WindowApply, WindowTop

WHOLE = "\0rows"
"""The hidden column of a window result that holds its rows."""

_PLACE = 4
"""Children of a list of rows that say where a row stands: time, origin, position, branch."""


class WholeRows(Aggregator):
    """All rows of a group, in pinned order or ranked: lists of [time, origin, position, branch, *ties, *ranks, *columns].

    `ties`: how many columns break ties of time; `ranks`: for each column that ranks rows whether the largest comes first;
    `limit`: how many rows are kept, 0 for all; `arrival`: rows stand as they came, whatever their time.
    """

    def __init__(self, ties: int = 0, ranks: Sequence[bool] = (), limit: int = 0, *, arrival: bool = False) -> None:
        super().__init__(INT64, None)
        self._place = _PLACE + ties
        self._ranks = list(ranks)
        self._limit = limit
        self._arrival = arrival

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        n = len(groups.codes)
        zeros = np.zeros(n, np.int64)
        time = zeros if rows.time is None or self._arrival else rows.time
        position = np.arange(n, dtype=np.int64) if rows.position is None else rows.position
        place = [time, np.full(n, rows.origin, np.int64), position, np.full(n, rows.branch, np.int64)]
        columns = [c.compact() if isinstance(c, Text) else c for c in rows.order_by]
        children: list[Column] = [*(Fixed(INT64, p) for p in place), *columns]
        return [self._kept(Lists.regroup(children, groups.codes, len(groups)), rows.ranks)]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        state = states[0]
        assert isinstance(state, Lists)
        children, owner = state.flat(), state.owners()
        return [self._kept(Lists.regroup(children, groups.codes[owner], len(groups)), ranks)]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        state = states[0]
        assert isinstance(state, Lists)
        ordered = self._ordered(state, ranks)
        return Lists(ordered.children[self._place + len(self._ranks) :], ordered.start, ordered.length)

    def _kept(self, state: Lists, ranks: Ints | None) -> Lists:
        """Return only the rows that can be among the first `limit` of their group."""
        if not self._limit or not len(state) or int(state.length.max()) <= self._limit:
            return state
        ordered = self._ordered(state, ranks)
        first = Lists(ordered.children, ordered.start, np.minimum(ordered.length, self._limit))
        children, owner = first.flat(), first.owners()
        return Lists.regroup(children, owner, len(first))

    def _ordered(self, state: Lists, ranks: Ints | None) -> Lists:
        children, owner = state.flat(), state.owners()
        keys = [*sort_keys(children[: self._place], ranks)[::-1]]
        by: list[Any] = []
        for column, descending in zip(children[self._place :], self._ranks):
            rank = sorting.rank(column)
            by.append(-1 - rank if descending else rank)
        order = np.lexsort([*keys, *reversed(by), owner])
        offsets = np.zeros(len(state) + 1, np.int64)
        np.cumsum(state.length, out=offsets[1:])
        return Lists([c.take(order) for c in children], offsets[:-1].copy(), state.length)


def kept(node: WindowApply | WindowTop) -> tuple[str, ...]:
    """Return the input columns whose values are kept with each row."""
    if isinstance(node, WindowApply):
        return node.takes
    heads = {*(name for name, _ in node.keys), *RESERVED}
    return tuple(n for n in node.input.schema.names if n not in heads)
