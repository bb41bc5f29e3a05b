"""Interval joins: pairs of rows of two sides that are near in event time, and rows that have no partner.

The rows of both sides come as one stream, each with the columns of its own side. A pair is made by its later row. Rows of a key that
are kept stand in the order of their times, so the partners of a row lie side by side and are found by search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import END, Made, Rows, Step, behind, numbered

_OWN = ["bool", "bool", "int64", "bool"]
"""What is kept of a row before its columns: whether it is of the right side, may have a partner, its time, whether it has had one."""


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
        row = np.full(len(whole), -1, np.int64)
        row[at] = np.arange(len(rows))
        if how in ("semi", "anti"):
            later, left_of, right_of = _first(key, time, right, free & (right | ~had), lower, upper)
        else:
            later, left_of, right_of = _pairs(key, time, right, free, row >= 0, lower, upper)
        had[left_of] = had[right_of] = True
        whole.columns[3] = pa.array(had)

        over = time + np.where(right, -lower, upper)
        gone = over < watermark
        may = ~had & np.where(right, lone_right, lone_left)
        lone = np.flatnonzero(gone & may)
        at_lone = time[lone] + np.where(right[lone], max(-lower, 0), max(upper, 0))
        order = np.lexsort([lone, ~right[lone], at_lone, key[lone]])  # a missing side stands first
        lone, at_lone = lone[order], at_lone[order]
        if how == "anti":
            later, left_of, right_of = later[:0], left_of[:0], right_of[:0]
        made = [
            _column(column, right_of if theirs else left_of, lone, right[lone] != theirs)
            for column, theirs in zip(whole.columns[4:], of_right, strict=True)
        ]
        index = np.flatnonzero(~gone & (right | ~had) if how in ("semi", "anti") else ~gone)
        left = Rows(np.searchsorted(index, whole.starts), [column.take(pa.array(index)) for column in whole.columns])
        return Made(
            np.concatenate([row[later], -1 - key[lone]]),
            made,
            left,
            wake=_wake(whole.keys, key, over, index, index[may[index]]),
            at=np.concatenate([time[later], at_lone]),
            nth=np.concatenate([numbered(later), np.zeros(len(lone), np.int64)]),
        )

    return Step([*_OWN, *types], run)


def _taken(rows: Rows, types: Sequence[Any]) -> list[Any]:
    """Return the columns of rows as they are kept."""
    side, free, *columns = rows.columns
    time, had = pa.array(np.asarray(rows.time, np.int64)), pa.array(np.zeros(len(rows), np.bool_))
    return [side, free, time, had, *(as_array(column, kind) for column, kind in zip(columns, types, strict=True))]


def _column(column: Any, paired: Any, lone: Any, missing: Any) -> Any:
    """Return the values of pairs, and behind them of rows alone, null where they are of the other side."""
    index = np.concatenate([paired, np.where(missing, 0, lone)])
    return column.take(pa.array(index, pa.int64(), mask=np.concatenate([np.zeros(len(paired), np.bool_), missing])))


def _pairs(key: Any, time: Any, right: Any, free: Any, new: Any, lower: int, upper: int) -> tuple[Any, Any, Any]:
    """Return the pairs that new rows make with those before them: of each the later row, the left, the right; in the order of rows."""
    where = [np.flatnonzero(free & ~right), np.flatnonzero(free & right)]
    found: list[tuple[Any, Any, Any]] = []
    place, asked = _places(key, time)
    for mine, theirs, first, last in ((0, 1, lower, upper), (1, 0, -upper, -lower)):
        rows, others = where[mine][new[where[mine]]], where[theirs]
        begin = np.searchsorted(place[others], asked(rows, first), "left")
        end = np.searchsorted(place[others], asked(rows, last), "right")
        end = np.minimum(end, np.searchsorted(others, rows))  # those that come behind it find it themselves
        count = np.maximum(end - begin, 0)
        later = np.repeat(rows, count)
        partner = others[np.arange(len(later)) + np.repeat(begin - (np.cumsum(count) - count), count)]
        found.append((later, partner, later) if mine else (later, later, partner))
    later, left, of_right = (np.concatenate([a, b]) for a, b in zip(*found, strict=True))
    order = np.argsort(later, kind="stable")
    return later[order], left[order], of_right[order]


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


def _first(key: Any, time: Any, right: Any, free: Any, lower: int, upper: int) -> tuple[Any, Any, Any]:
    """Return of each left row that has had no partner the first pair, as `_pairs` gives pairs; never all of them, which may be many."""
    left, others = np.flatnonzero(free & ~right), np.flatnonzero(free & right)
    place, asked = _places(key, time)
    begin = np.searchsorted(place[others], asked(left, lower), "left")
    some = begin < np.searchsorted(place[others], asked(left, upper), "right")
    left, partner = left[some], others[begin[some]]
    later = np.maximum(left, partner)
    order = np.argsort(later, kind="stable")
    return later[order], left[order], partner[order]


def _wake(keys: int, key: Any, over: Any, kept: Any, waits: Any) -> Any:
    """Return when each key is to be looked at again: as the first row comes out alone, else as the last row may go."""
    wake = np.full(keys, END, np.int64)
    last = np.full(keys, -END, np.int64)
    np.maximum.at(last, key[kept], over[kept])
    some = last > -END
    wake[some] = np.minimum(last[some] + 1, END)
    np.minimum.at(wake, key[waits], np.minimum(over[waits] + 1, END))
    return wake
