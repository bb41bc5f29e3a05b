"""The value that so many percent of the values do not exceed, by nearest rank."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.worker.coercion import arrow_of


def percentile(takes: Any, gives: Any, p: float) -> Callable[[Any, Any], Any]:
    """Return the fold that gives of n values the one of rank ceil(p / 100 * n), at least the first; null of none.

    Values are in Arrow's order: NaN above all numbers, text by bytes. `p` counts as the decimal that it is written as.
    """

    def fold(values: Any, starts: Any) -> Any:
        counts = np.diff(starts)
        group = np.repeat(np.arange(len(counts)), counts)
        order = _order([("group", group), ("value", values)])
        at = starts[:-1] + places(counts, p)
        empty = counts == 0
        index = order[np.where(empty, 0, at)] if len(order) else np.zeros(len(counts), np.int64)
        return _taken(values, index, empty, gives)

    return fold


def sliding(takes: Any, gives: Any, p: float) -> Callable[[Any, Any, Any], Any]:
    """Return the fold over ranges that slide (`worker.ranges.Ranges`), of which each has so many values.

    The places of a range's values, among all of them in order, are kept as a sorted list.
    """

    def fold(values: Any, ranges: Any, counts: Any) -> Any:
        order = _order([("value", values)])
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        among = np.where(values.is_valid().to_numpy(zero_copy_only=False), place, -1).tolist()
        held: list[int] = []
        found: list[int] = []
        for (begin, left, come, stop), at in zip(ranges.moves(), places(counts, p).tolist()):
            for one in among[begin:left]:
                if one >= 0:
                    del held[bisect_left(held, one)]
            for one in among[come:stop]:
                if one >= 0:
                    insort(held, one)
            found.append(held[at] if held else 0)
        index = order[np.array(found, np.int64)] if len(order) else np.zeros(len(found), np.int64)
        return _taken(values, index, counts == 0, gives)

    return fold


def places(counts: Any, p: float) -> Any:
    """Return for each number of values, in their order, the place of the one that is meant, from 0 on."""
    part = Fraction(str(p)) / 100
    several, back = np.unique(counts, return_inverse=True)
    ranks = [max(-(-part.numerator * n // part.denominator), 1) - 1 for n in several.tolist()]
    return np.array(ranks, np.int64)[back]


def _order(columns: list[tuple[str, Any]]) -> Any:
    keys = [(name, "ascending") for name, _ in columns]
    return pc.sort_indices(pa.table(dict(columns)), sort_keys=keys).to_numpy()  # type: ignore[attr-defined]


def _taken(values: Any, index: Any, empty: Any, gives: Any) -> Any:
    made = pa.concat_arrays([values.take(pa.array(index, mask=empty))]).cast(arrow_of(gives))
    return pc.add(made, pa.scalar(0.0, made.type)) if pa.types.is_floating(made.type) else made  # type: ignore[attr-defined]
