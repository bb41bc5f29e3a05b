"""Interval joins: pairs of rows of two sides that are near in event time, and rows that have no partner.

The rows of both sides come as one stream, each with the columns of its own side. A pair is made by its later row. Rows of a key that
are kept stand in the order of their times, so the partners of a row lie side by side and are found by search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import END, Made, Rows, Several, Step, behind

_OWN = ["bool", "bool", "int64", "bool"]
"""What is kept of a row before its columns: whether it is of the right side, may have a partner, its time, whether it has had one."""


Pair = Callable[[Any, Any], tuple[Any, Any]]


def join(
    takes: dict[str, Any], gives: dict[str, Any], lower: int, upper: int, how: str, of_right: Sequence[bool]
) -> Step:
    """Return the step that pairs rows l and r of a key where lower <= time of r - time of l <= upper, in milliseconds.

    It takes whether a row is of the right side, whether it may have a partner, and then the columns that it makes; `of_right`: whether
    each of these is of the right side. `how`: "inner", "left", "right", "full", "semi" or "anti".

    A row is kept while a partner may come: a left one up to its time and `upper`, a right one up to its time less `lower`.
    """
    types = [*takes.values()][2:]
    alone = {"left": (True, False), "anti": (True, False), "right": (False, True), "full": (True, True)}
    lone_left, lone_right = alone.get(how, (False, False))

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        whole, at = behind(state, Rows(rows.starts, _taken(rows, types)))
        right, free, time, had = (column.to_numpy(zero_copy_only=False) for column in whole.columns[:4])
        right, free, had = right.astype(np.bool_), free.astype(np.bool_), had.astype(np.bool_)
        key = whole.key
        if how in ("semi", "anti"):
            counts, pair = _first(key, time, right, free & (right | ~had), at, lower, upper, had)
        else:
            counts, pair = _partners(key, time, right, free, at, lower, upper, had)
        whole.columns[3] = pa.array(had)

        over = time + np.where(right, -lower, upper)
        gone = over < watermark
        may = ~had & np.where(right, lone_right, lone_left)
        lone = np.flatnonzero(gone & may)
        at_lone = time[lone] + np.where(right[lone], max(-lower, 0), max(upper, 0))
        order = np.lexsort([lone, ~right[lone], at_lone, key[lone]])  # a missing side stands first
        lone, at_lone = lone[order], at_lone[order]
        made = [
            column.take(pa.array(lone, mask=right[lone] != theirs))
            for column, theirs in zip(whole.columns[4:], of_right, strict=True)
        ]
        pairs = _Pairs(len(whole), whole.columns[4:], of_right, pair)
        index = np.flatnonzero(~gone & (right | ~had) if how in ("semi", "anti") else ~gone)
        left = Rows(np.searchsorted(index, whole.starts), [column.take(pa.array(index)) for column in whole.columns])
        return Made(
            -1 - key[lone],
            made,
            left,
            wake=_wake(whole.keys, key, over, index, index[may[index]]),
            at=at_lone,
            nth=np.zeros(len(lone), np.int64),
            several=Several(
                np.zeros_like(counts) if how == "anti" else counts, pairs.columns, pairs.sizes, pairs.widest
            ),
        )

    return Step([*_OWN, *types], run)


def _taken(rows: Rows, types: Sequence[Any]) -> list[Any]:
    """Return the columns of rows as they are kept."""
    side, free, *columns = rows.columns
    time, had = pa.array(np.asarray(rows.time, np.int64)), pa.array(np.zeros(len(rows), np.bool_))
    return [side, free, time, had, *(as_array(column, kind) for column, kind in zip(columns, types, strict=True))]


class _Pairs:
    """Pairs of kept rows, made when they are asked for. `pair`: gives the left rows and the right ones of results by row and number."""

    def __init__(self, rows: int, columns: list[Any], of_right: Sequence[bool], pair: Pair) -> None:
        self._rows = rows
        self._columns = [*zip(columns, of_right, strict=True)]
        self._pair = pair

    def columns(self, rows: Any, nth: Any) -> list[Any]:
        """Return the columns of pairs; see `Several`."""
        left, right = (pa.array(side) for side in self._pair(rows, nth))
        return [column.take(right if theirs else left) for column, theirs in self._columns]

    def sizes(self, rows: Any, nth: Any) -> Any:
        """Return about how many bytes pairs take; see `Several`."""
        left, right = self._pair(rows, nth)
        of_left, of_right = self._sizes
        return of_left[left] + of_right[right]

    def widest(self) -> int:
        """Return about how many bytes the largest pair may take."""
        return sum(int(size) if isinstance(size, int) else int(size.max(initial=0)) for _, size in self._sized)

    @cached_property
    def _sizes(self) -> tuple[Any, Any]:
        """How many bytes each kept row takes in a pair as the left one, and as the right one."""
        sums = np.zeros((2, self._rows), np.int64)
        for theirs, size in self._sized:
            sums[int(theirs)] += size
        return sums[0], sums[1]

    @cached_property
    def _sized(self) -> list[tuple[bool, Any]]:
        """Whether each column is of the right side, and how many bytes its values take: one number where it is about the same."""
        return [(theirs, _size(column)) for column, theirs in self._columns]


def _size(column: Any) -> Any:
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        known = pc.fill_null(pc.binary_length(column), 0)  # type: ignore[attr-defined]
        return 4 + known.to_numpy(zero_copy_only=False).astype(np.int64)
    return column.nbytes // max(1, len(column))


def _partners(
    key: Any, time: Any, right: Any, free: Any, at: Any, lower: int, upper: int, had: Any
) -> tuple[Any, Pair]:
    """Return how many pairs each row at these places makes with those before it, and which; mark all that `had` a partner."""
    sides = [np.flatnonzero(free & ~right), np.flatnonzero(free & right)]
    both = np.concatenate(sides)
    place, asked = _places(key, time)
    begin, count = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
    for mine, first, last in ((0, lower, upper), (1, -upper, -lower)):
        some = np.flatnonzero(free[at] & (right[at] == bool(mine)))
        rows, others = at[some], sides[1 - mine]
        low = np.searchsorted(place[others], asked(rows, first), "left")
        high = np.searchsorted(place[others], asked(rows, last), "right")
        high = np.minimum(high, np.searchsorted(others, rows))  # those that come behind it find it themselves
        begin[some] = low if mine else low + len(sides[0])
        count[some] = np.maximum(high - low, 0)
    some = np.flatnonzero(count)
    had[at[some]] = True
    room = len(both) + 1
    reached = np.bincount(begin[some], minlength=room) - np.bincount(begin[some] + count[some], minlength=room)
    had[both[np.cumsum(reached)[:-1] > 0]] = True

    def pair(rows: Any, nth: Any) -> tuple[Any, Any]:
        later, partner = at[rows], both[begin[rows] + nth]
        return np.where(right[later], partner, later), np.where(right[later], later, partner)

    return count, pair


def _places(key: Any, time: Any) -> tuple[Any, Any]:
    """Return numbers that grow by key and then by time, and what gives that of a row's key at so long from its time."""
    if not len(time):
        return time, lambda rows, shift: rows
    begin, end = int(time.min()), int(time.max())
    width = end - begin + 3
    if width * (int(key[-1]) + 1) < END:

        def asked(rows: Any, shift: int) -> Any:
            return key[rows] * width + 1 + np.clip(_moved(time[rows], shift) - begin, -1, width - 2)

        return key * width + 1 + (time - begin), asked
    times = np.unique(time)

    def ranked(rows: Any, shift: int) -> Any:
        # by ranks the place of a time that there is not lies between two
        wanted = _moved(time[rows], shift)
        rank = 2 * np.searchsorted(times, wanted, "left") + 1
        there = np.isin(wanted, times)
        return key[rows] * (2 * len(times) + 2) + np.where(there, rank, rank - 1)

    return key * (2 * len(times) + 2) + 2 * np.searchsorted(times, time) + 1, ranked


def _moved(time: Any, shift: int) -> Any:
    """Return times so much later, without running over."""
    return np.clip(time, -END + abs(shift), END - abs(shift)) + shift


def _first(key: Any, time: Any, right: Any, free: Any, at: Any, lower: int, upper: int, had: Any) -> tuple[Any, Pair]:
    """Return of each left row that has had no partner the first pair, as `_partners` gives pairs."""
    left, others = np.flatnonzero(free & ~right), np.flatnonzero(free & right)
    place, asked = _places(key, time)
    begin = np.searchsorted(place[others], asked(left, lower), "left")
    some = begin < np.searchsorted(place[others], asked(left, upper), "right")
    left, partner = left[some], others[begin[some]]
    had[left] = had[partner] = True
    later = np.maximum(left, partner)
    order = np.argsort(later, kind="stable")
    left, partner = left[order], partner[order]
    count = np.bincount(np.searchsorted(at, later), minlength=len(at))
    first = np.cumsum(count) - count

    def pair(rows: Any, nth: Any) -> tuple[Any, Any]:
        return left[first[rows] + nth], partner[first[rows] + nth]

    return count, pair


def _wake(keys: int, key: Any, over: Any, kept: Any, waits: Any) -> Any:
    """Return when each key is to be looked at again: as the first row comes out alone, else as the last row may go."""
    wake = np.full(keys, END, np.int64)
    last = np.full(keys, -END, np.int64)
    np.maximum.at(last, key[kept], over[kept])
    some = last > -END
    wake[some] = np.minimum(last[some] + 1, END)
    np.minimum.at(wake, key[waits], np.minimum(over[waits] + 1, END))
    return wake
