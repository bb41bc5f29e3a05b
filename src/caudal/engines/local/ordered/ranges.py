"""Aggregates over ranges of rows that slide: every bound only rises, so a row is taken in once and let go once.

`states` are those of single rows (or of what has been folded before), as `Aggregator.partial` makes them; a range is
[start[q], stop[q]). Sums are exact, so what is let go can be taken away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from caudal.columnar import grouping, sorting
from caudal.columnar.column import Bools, Column, Fixed, Ints, Text
from caudal.columnar.grouping import Groups
from caudal.core.types import INT64
from caudal.engines.local.aggregates import Aggregator, sort_keys
from caudal.engines.local.aggregates.functions import (
    ApproxCountDistinct,
    Count,
    CountDistinct,
    Extreme,
    First,
    Gathered,
    Largest,
    Last,
    MeanInt,
    SumInt,
    take_best,
)
from caudal.engines.local.lists import Lists, concat_columns
from caudal.engines.local.ordered import kernels
from caudal.worker.aggregates import approx_count_distinct as sketch
from caudal.worker.cutting import pieces

ELEMENTS = 1 << 20
"""Elements of lists that are put in order at once."""


def results(
    aggregator: Aggregator, states: Sequence[Column], start: Ints, stop: Ints, ranks: Ints, pinned: bool
) -> Column:
    """Return the aggregate over each range. `pinned`: the rows stand in the order that first, last and collect mean."""
    if isinstance(aggregator, CountDistinct):
        lists = _lists(states[0])
        (values,) = lists.flat()
        codes = grouping.group([values], [], len(values))
        at = _offsets(lists.length)
        return Fixed(INT64, kernels.different(at[start], at[stop], codes.codes, len(codes)))
    if isinstance(aggregator, ApproxCountDistinct):
        (entries,) = _lists(states[0]).flat()
        at = _offsets(_lists(states[0]).length)
        seen = kernels.sketched(at[start], at[stop], _values(entries), 1 << sketch.BITS, sketch.FARS)
        return Fixed(INT64, sketch.estimated(seen))
    if isinstance(aggregator, Gathered) and aggregator.by_place:
        (values,) = _lists(states[0]).flat()
        at = _offsets(_lists(states[0]).length)
        begin, end = at[start], at[stop]
        order = sorting.order([values])
        chosen = kernels.placed(begin, end, order, aggregator.places(end - begin))
        return sorting.one_zero(take_best(values, chosen))
    if not isinstance(states[0], Lists) or len(states) > 1:
        return aggregator.result(folded(aggregator, states, start, stop, ranks, pinned), ranks)
    at = _offsets(_lists(states[0]).length)
    parts = []
    for a, b in pieces(at[stop] - at[start], ELEMENTS) or [(0, 0)]:
        piece = folded(aggregator, states, start[a:b], stop[a:b], ranks, pinned)
        parts.append(aggregator.result(piece, ranks))
    return concat_columns(parts)


def folded(
    aggregator: Aggregator, states: Sequence[Column], start: Ints, stop: Ints, ranks: Ints, pinned: bool
) -> list[Column]:
    """Return the state of each range."""
    if isinstance(aggregator, Count | MeanInt):
        return [Fixed(INT64, _sums(_values(state), start, stop)) for state in states]
    if isinstance(aggregator, SumInt):
        (state,) = states
        if state.valid is None:
            return [Fixed(INT64, _sums(_values(state), start, stop))]
        seen = _sums(state.valid, start, stop) > 0
        return [Fixed(INT64, _sums(np.where(state.valid, _values(state), 0), start, stop), seen)]
    if isinstance(aggregator, First):
        value = states[-1]
        rank = np.arange(len(value), dtype=np.int64) if pinned else _places(states[:-1], ranks)
        at = _best(rank, value.valid_or_all(), start, stop, isinstance(aggregator, Last))
        return [take_best(state, at) for state in states]
    if isinstance(aggregator, Extreme):
        (value,) = states
        rank = sorting.rank(value) if isinstance(value, Text) else sorting.ordered(value)
        return [take_best(value, _best(rank, value.valid_or_all(), start, stop, isinstance(aggregator, Largest)))]
    if len(states) > 1:  # a count, and exact sums
        sums: list[Column] = [Fixed(INT64, _sums(_values(states[0]), start, stop))]
        for state in states[1:]:
            lists = _lists(state)
            numbers, limbs = (_values(child) for child in lists.children)
            begin, length, numbers, limbs = kernels.exact_sums(start, stop, lists.start, lists.length, numbers, limbs)
            sums.append(Lists([Fixed(INT64, numbers), Fixed(INT64, limbs)], begin, length))
        return sums
    # lists: the elements of neighbouring rows stand behind one another
    lists = _lists(states[0])
    children = lists.flat()
    at = _offsets(lists.length)
    every = np.arange(len(start), dtype=np.int64)
    return aggregator.merge([Lists(children, at[start], at[stop] - at[start])], Groups(every, every), ranks)


def _sums(values: Ints | Bools, start: Ints, stop: Ints) -> Ints:
    total = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=total[1:])
    return total[stop] - total[start]


def _best(rank: Ints, valid: Bools, start: Ints, stop: Ints, largest: bool) -> Ints:
    return kernels.best(start, stop, rank, valid, largest)


def _places(place: Sequence[Column], ranks: Ints) -> Ints:
    """Return numbers in the pinned order of rows; rows that tie stand as they came."""
    order = np.lexsort(sort_keys(place, ranks)[::-1])
    out = np.empty(len(order), np.int64)
    out[order] = np.arange(len(order))
    return out


def _offsets(length: Ints) -> Ints:
    out = np.zeros(len(length) + 1, np.int64)
    np.cumsum(length, out=out[1:])
    return out


def _lists(column: Column) -> Lists:
    assert isinstance(column, Lists)
    return column


def _values(column: Column) -> Ints:
    assert isinstance(column, Fixed)
    return column.values
