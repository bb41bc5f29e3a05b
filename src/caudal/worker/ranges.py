"""Aggregates over ranges of rows that slide: what steps make of the frame of a row, or of a window of so many rows.

Sums, means and deviations of floats are exact and rounded once, as on the local engine: values are integers in units of
the smallest bit among them. Integers wrap. NaN equals NaN and is the largest number, -0 equals 0.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array


class Ranges:
    """Ranges of rows: `first[q]` to `stop[q]`, none of them empty. Both bounds only rise: a row is taken in and let go once."""

    def __init__(self, first: Any, stop: Any) -> None:
        self.first = first
        self.stop = stop

    def total(self, flags: Any) -> Any:
        """Return how many rows of each range have a flag."""
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(flags, dtype=np.int64)])
        return sums[self.stop] - sums[self.first]

    def moves(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield for each range which rows leave, and which come: from and to, of both."""
        begin = end = 0
        for first, stop in zip(self.first.tolist(), self.stop.tolist()):
            yield (begin, first, end, stop) if first < end else (begin, end, first, stop)
            begin, end = first, stop


def over_ranges(
    ranges: Ranges, function: str, options: dict[str, Any], values: Any, takes: Any, gives: Any, ties: Any = None
) -> pa.Array:
    """Return an aggregate over each range. `values`: its argument, of type `takes`; None where it has none.

    `ties`: for what depends on order, by what the rows of a range are sorted before, where their own order is not meant.
    """
    if function == "count":
        return pa.array(ranges.stop - ranges.first, arrow_of(gives))
    held = _Held(values, takes, ranges, ties)
    known = _AGGREGATES.get(function)
    return known(held, gives) if known else _gathered(held, function, gives, options)


def order_key(value: Any) -> Any:
    """Return by what values of one type, not null, are sorted: NaN last, text by bytes."""
    if isinstance(value, float):
        return (1, 0.0) if value != value else (0, value)
    return value.encode() if isinstance(value, str) else value


class _Held:
    """An argument's values in ranges. `present`: whether there is a value; `counts`: how many a range has."""

    def __init__(self, values: pa.Array, spec: Any, ranges: Ranges, ties: Any) -> None:
        self.values = values
        self.spec = spec
        self.ranges = ranges
        self.ties = ties
        self.rows = len(values)
        self.present = values.is_valid().to_numpy(zero_copy_only=False)
        self.counts = ranges.total(self.present)

    def picked(self, index: Any, known: Any, gives: Any) -> pa.Array:
        """Return the values at these rows, null where it is not known that there is one."""
        return as_array(self.values.take(pa.array(np.where(known, index, 0), mask=~known)), gives)

    def numbers(self) -> Any:
        """Return the values with 0 in the place of nulls."""
        values = self.values.fill_null(False if self.spec == "bool" else 0) if self.values.null_count else self.values
        return values.to_numpy(zero_copy_only=False)

    def listed(self) -> tuple[Any, Any]:
        """Return (the rows with a value of each range, one range behind the other, where each begins and ends)."""
        places = np.flatnonzero(self.present)
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.present, dtype=np.int64)])
        starts, stops = before[self.ranges.first], before[self.ranges.stop]
        index = [places[a:b] for a, b in zip(starts.tolist(), stops.tolist())]
        if self.ties is not None:
            index = [np.array(sorted(rows.tolist(), key=self.ties.__getitem__), np.int64) for rows in index]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(stops - starts)])
        return np.concatenate(index) if index else np.empty(0, np.int64), offsets


def _count_if(held: _Held, gives: Any) -> pa.Array:
    return pa.array(held.ranges.total(held.numbers()), arrow_of(gives))


def _count_distinct(held: _Held, gives: Any) -> pa.Array:
    values = [_one_identity(v) for v in held.values.to_pylist()]
    there: dict[Any, int] = {}
    counts: list[int] = []
    for begin, left, come, stop in held.ranges.moves():
        for value in values[begin:left]:
            if value is not None:
                there[value] -= 1
                if not there[value]:
                    del there[value]
        for value in values[come:stop]:
            if value is not None:
                there[value] = there.get(value, 0) + 1
        counts.append(len(there))
    return pa.array(counts, arrow_of(gives))


def _one_identity(value: Any) -> Any:
    return ("NaN" if value != value else value + 0.0) if isinstance(value, float) else value


def _first(held: _Held, gives: Any) -> pa.Array:
    if held.ties is not None:
        index, offsets = held.listed()
        return held.picked(_at(index, offsets[:-1]), held.counts > 0, gives)
    # the next row with a value, from each on
    index = np.where(held.present, np.arange(held.rows), held.rows)
    following = np.minimum.accumulate(index[::-1])[::-1][held.ranges.first]
    return held.picked(following, held.counts > 0, gives)


def _last(held: _Held, gives: Any) -> pa.Array:
    if held.ties is not None:
        index, offsets = held.listed()
        return held.picked(_at(index, offsets[1:] - 1), held.counts > 0, gives)
    latest = np.maximum.accumulate(np.where(held.present, np.arange(held.rows), -1))
    return held.picked(latest[held.ranges.stop - 1], held.counts > 0, gives)


def _at(index: Any, places: Any) -> Any:
    """Return the index at these places, which are beyond it where there is nothing."""
    return index[np.clip(places, 0, len(index) - 1)] if len(index) else np.zeros(len(places), np.int64)


def _collect(held: _Held, gives: Any) -> pa.Array:
    index, offsets = held.listed()
    items = held.values.take(pa.array(index))
    return as_array(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items), gives)


def _extreme(largest: bool) -> Callable[[_Held, Any], pa.Array]:
    """Return the aggregate that gives the smallest or the largest value, of equal ones the first."""

    def run(held: _Held, gives: Any) -> pa.Array:
        keys = [None if v is None else order_key(v) for v in held.values.to_pylist()]
        best: deque[int] = deque()  # rows of the range that nothing behind them beats; the first is the best
        index: list[int] = []
        for _, left, come, stop in held.ranges.moves():
            while best and best[0] < left:
                best.popleft()
            for i in range(come, stop):
                key = keys[i]
                if key is not None:
                    while best and (keys[best[-1]] < key if largest else keys[best[-1]] > key):
                        best.pop()
                    best.append(i)
            index.append(best[0] if best else 0)
        return held.picked(np.array(index, np.int64), held.counts > 0, gives)

    return run


# -- sums


def _sum(held: _Held, gives: Any) -> pa.Array:
    if held.spec in ("int32", "int64", "duration"):
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(held.numbers(), dtype=np.int64)])
        return pa.array(sums[held.ranges.stop] - sums[held.ranges.first], arrow_of(gives), mask=held.counts == 0)
    return _by_exact(held, gives, lambda count, total, _, unit: _nearest(total, 1, unit))


def _mean(held: _Held, gives: Any) -> pa.Array:
    return _by_exact(held, gives, lambda count, total, _, unit: _nearest(total, count, unit))


def _stddev(held: _Held, gives: Any) -> pa.Array:
    def deviation(count: int, total: int, squares: int, unit: int) -> float | None:
        if count < 2:
            return None
        return _exact_root(Fraction(count * squares - total * total, count * (count - 1)) * Fraction(2) ** (2 * unit))

    return _by_exact(held, gives, deviation, squares=True)


def _by_exact(
    held: _Held, gives: Any, result: Callable[[int, int, int, int], float | None], *, squares: bool = False
) -> pa.Array:
    """Return what `result` makes of (count, sum, sum of squares, unit) of each range; sums are in units of 2**unit.

    A deviation (`squares`) is NaN beside a NaN or an infinity.
    """
    numbers = held.numbers()
    odd: list[Any] = []
    if numbers.dtype.kind == "f":
        numbers = numbers.astype(np.float64)
        tests = (np.isnan(numbers), numbers == np.inf, numbers == -np.inf)
        odd = [held.ranges.total(held.present & test) for test in tests]
        values, unit = _in_units(np.where(held.present & np.isfinite(numbers), numbers, 0.0))
    else:
        values, unit = numbers.tolist(), 0
    odd_counts: Iterable[Any] = zip(*(o.tolist() for o in odd)) if odd else [(0, 0, 0)] * len(held.counts)
    total = square = 0
    made: list[float | None] = []
    for (begin, left, come, stop), count, (nans, above, below) in zip(
        held.ranges.moves(), held.counts.tolist(), odd_counts
    ):
        enter, leave = values[come:stop], values[begin:left]
        total += sum(enter) - sum(leave)
        if squares:
            square += sum([v * v for v in enter]) - sum([v * v for v in leave])
        if not count:
            made.append(None)
        elif nans or above or below:
            alike = not nans and not (above and below) and not squares
            made.append(
                (None if squares and count < 2 else math.nan) if not alike else math.inf if above else -math.inf
            )
        else:
            made.append(result(count, total, square, unit))
    return pa.array(made, arrow_of(gives))


def _in_units(numbers: Any) -> tuple[list[int], int]:
    """Return finite doubles as integers, and of what power of two."""
    parts, exponents = np.frexp(numbers)
    used = exponents[numbers != 0]
    unit = int(used.min()) - 53 if len(used) else 0
    whole = np.ldexp(parts, 53).astype(np.int64).tolist()
    return [w << s if w else 0 for w, s in zip(whole, np.maximum(exponents - 53 - unit, 0).tolist())], unit


def _nearest(total: int, count: int, unit: int) -> float:
    """Return the double nearest to total / count * 2**unit; beyond the largest one, infinity."""
    if unit < 0:
        count <<= -unit
    else:
        total <<= unit
    try:
        return total / count
    except OverflowError:
        return math.inf if total > 0 else -math.inf


def _exact_root(value: Fraction) -> float:
    """Return the double nearest to the square root of an exact value that is not negative."""
    if not value:
        return 0.0
    # 80 bits of the root and one that says whether anything is left decide every rounding
    shift = 160 - (value.numerator.bit_length() - value.denominator.bit_length())
    shift += shift % 2
    scaled = value * Fraction(2) ** shift
    whole = scaled.numerator // scaled.denominator
    bits = math.isqrt(whole)
    left = bits * bits != whole or whole * scaled.denominator != scaled.numerator
    return _nearest(2 * bits + left, 1, -shift // 2 - 1)


def _gathered(held: _Held, function: str, gives: Any, options: dict[str, Any]) -> pa.Array:
    """Return what a fold over gathered values makes of each range (`worker.aggregates`): that over ranges where there is one."""
    module = import_module(f"caudal.worker.aggregates.{function}")
    if held.ties is None and hasattr(module, "sliding"):
        return module.sliding(held.spec, gives, **options)(held.values, held.ranges, held.counts)
    fold = getattr(module, function)(held.spec, gives, **options)
    index, offsets = held.listed()
    return fold(held.values.take(pa.array(index)), offsets)


_AGGREGATES: dict[str, Callable[[_Held, Any], pa.Array]] = {
    "count_if": _count_if,
    "sum": _sum,
    "min": _extreme(largest=False),
    "max": _extreme(largest=True),
    "mean": _mean,
    "stddev": _stddev,
    "first": _first,
    "last": _last,
    "count_distinct": _count_distinct,
    "collect": _collect,
}
