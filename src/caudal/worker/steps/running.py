"""Running aggregates: each row comes out with the aggregates over the rows of its key in the frame up to it.

Sums, means and deviations of floats are exact and rounded once, as on the local engine: values are integers in units of
the smallest bit among them. Integers wrap. NaN equals NaN and is the largest number, -0 equals 0.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.steps.contract import Made, Rows, Step, each_key, joined


def running(
    takes: dict[str, Any], gives: dict[str, Any], functions: list[tuple[str, str, dict[str, Any]]], size: int, rows: int
) -> Step:
    """Return the step that gives aggregates over the frame up to each row.

    The frame of a row: the rows up to it that are less than `size` ms older, or the last `rows`, or (both 0) all.
    `functions`: name, function and options of each aggregate; `takes` has the types of their arguments, where they have one. Kept
    are the rows of the last frame: their times, and the arguments.
    """
    named = [*takes]
    keeps = ["int64", *takes.values()]

    @each_key
    def run(state: Rows, rows_: Rows, watermark: int) -> Made:
        before, count = len(state), len(state) + len(rows_)
        time = np.zeros(len(rows_), np.int64) if rows_.time is None else rows_.time
        given = [pa.array(time), *(as_array(c, kind) for c, kind in zip(rows_.columns, takes.values()))]
        whole = joined([state.columns, given]) if before else given
        first = _frame_starts(whole[0], count, size, rows)
        made: list[pa.Array] = []
        for name, function, options in functions:
            if function == "count":
                values = pa.array(np.arange(1, count + 1) - first, arrow_of(gives[name]))
            else:
                frames = _Frames(whole[1 + named.index(name)], takes[name], first)
                known = _AGGREGATES.get(function)
                values = known(frames, gives[name]) if known else _gathered(frames, function, gives[name], options)
            made.append(values.slice(before))
        left = count
        if rows:
            left = min(count, rows - 1)
        elif size and count:
            moments = whole[0].to_pylist()
            left = sum(1 for moment in moments if moment > moments[-1] - size)
        kept = Rows(np.array([0, left]), [column.slice(count - left) for column in whole])
        return Made(np.arange(len(rows_)), made, kept)

    return Step(keeps, run)


def _frame_starts(time: pa.Array, count: int, size_ms: int, rows: int) -> Any:
    """Return the first row of each row's frame."""
    if rows:
        return np.maximum(np.arange(count) - rows + 1, 0)
    if size_ms:
        # compared as Python's integers: a difference of int64 can wrap
        times, starts, at = time.to_pylist(), np.zeros(count, np.int64), 0
        for i, moment in enumerate(times):
            while times[at] <= moment - size_ms:
                at += 1
            starts[i] = at
        return starts
    return np.zeros(count, np.int64)


class _Frames:
    """An argument's values and the frame of each row: rows first[i] to i.

    `present`: whether there is a value; `counts`: how many the frame has.
    """

    def __init__(self, values: pa.Array, spec: Any, first: Any) -> None:
        self.values = values
        self.spec = spec
        self.first = first
        self.rows = len(values)
        self.present = values.is_valid().to_numpy(zero_copy_only=False)
        self.counts = self.total(self.present)

    def total(self, flags: Any) -> Any:
        """Return how many rows of each frame have a flag."""
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(flags, dtype=np.int64)])
        return sums[1:] - sums[self.first]

    def picked(self, index: Any, known: Any, gives: Any) -> pa.Array:
        """Return the values at these rows, null where it is not known that there is one."""
        return as_array(self.values.take(pa.array(np.where(known, index, 0), mask=~known)), gives)

    def moves(self) -> Iterator[tuple[int, int, int]]:
        """Yield for each row (itself, the first row that leaves its frame, the first that stays)."""
        before = 0
        for i, first in enumerate(self.first.tolist()):
            yield i, before, first
            before = first

    def numbers(self) -> Any:
        """Return the values with 0 in the place of nulls."""
        values = self.values.fill_null(False if self.spec == "bool" else 0) if self.values.null_count else self.values
        return values.to_numpy(zero_copy_only=False)


def _count_if(frames: _Frames, gives: Any) -> pa.Array:
    return pa.array(frames.total(frames.numbers()), arrow_of(gives))


def _count_distinct(frames: _Frames, gives: Any) -> pa.Array:
    values = [_one_identity(v) for v in frames.values.to_pylist()]
    held: dict[Any, int] = {}
    counts: list[int] = []
    for i, before, first in frames.moves():
        for value in values[before:first]:
            if value is not None:
                held[value] -= 1
                if not held[value]:
                    del held[value]
        if values[i] is not None:
            held[values[i]] = held.get(values[i], 0) + 1
        counts.append(len(held))
    return pa.array(counts, arrow_of(gives))


def _one_identity(value: Any) -> Any:
    return ("NaN" if value != value else value + 0.0) if isinstance(value, float) else value


def _first(frames: _Frames, gives: Any) -> pa.Array:
    # the next row with a value, from each on
    index = np.where(frames.present, np.arange(frames.rows), frames.rows)
    following = np.minimum.accumulate(index[::-1])[::-1][frames.first]
    return frames.picked(following, frames.counts > 0, gives)


def _last(frames: _Frames, gives: Any) -> pa.Array:
    latest = np.maximum.accumulate(np.where(frames.present, np.arange(frames.rows), -1))
    return frames.picked(latest, frames.counts > 0, gives)


def _collect(frames: _Frames, gives: Any) -> pa.Array:
    places = np.flatnonzero(frames.present)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(frames.present, dtype=np.int64)])
    starts, stops = before[frames.first], before[1:]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(stops - starts)])
    index = [places[a:b] for a, b in zip(starts.tolist(), stops.tolist())]
    items = frames.values.take(pa.array(np.concatenate(index) if index else np.empty(0, np.int64)))
    return as_array(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), items), gives)


def _extreme(largest: bool) -> Callable[[_Frames, Any], pa.Array]:
    """Return the aggregate that gives the smallest or the largest value, of equal ones the first."""

    def run(frames: _Frames, gives: Any) -> pa.Array:
        keys = [None if v is None else _order_key(v) for v in frames.values.to_pylist()]
        best: deque[int] = deque()  # rows of the frame that nothing behind them beats; the first is the best
        index: list[int] = []
        for i, _, first in frames.moves():
            while best and best[0] < first:
                best.popleft()
            key = keys[i]
            if key is not None:
                while best and (keys[best[-1]] < key if largest else keys[best[-1]] > key):
                    best.pop()
                best.append(i)
            index.append(best[0] if best else 0)
        return frames.picked(np.array(index, np.int64), frames.counts > 0, gives)

    return run


def _order_key(value: Any) -> Any:
    if isinstance(value, float):
        return (1, 0.0) if value != value else (0, value)
    return value.encode() if isinstance(value, str) else value


# -- sums


def _sum(frames: _Frames, gives: Any) -> pa.Array:
    if frames.spec in ("int32", "int64", "duration"):
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(frames.numbers(), dtype=np.int64)])
        return pa.array(sums[1:] - sums[frames.first], arrow_of(gives), mask=frames.counts == 0)
    return _by_exact(frames, gives, lambda count, total, _, unit: _nearest(total, 1, unit))


def _mean(frames: _Frames, gives: Any) -> pa.Array:
    return _by_exact(frames, gives, lambda count, total, _, unit: _nearest(total, count, unit))


def _stddev(frames: _Frames, gives: Any) -> pa.Array:
    def deviation(count: int, total: int, squares: int, unit: int) -> float | None:
        if count < 2:
            return None
        return _exact_root(Fraction(count * squares - total * total, count * (count - 1)) * Fraction(2) ** (2 * unit))

    return _by_exact(frames, gives, deviation, squares=True)


def _by_exact(
    frames: _Frames, gives: Any, result: Callable[[int, int, int, int], float | None], *, squares: bool = False
) -> pa.Array:
    """Return what `result` makes of (count, sum, sum of squares, unit) of each frame; sums are in units of 2**unit.

    A deviation (`squares`) is NaN beside a NaN or an infinity.
    """
    numbers = frames.numbers()
    odd: list[Any] = []
    if numbers.dtype.kind == "f":
        numbers = numbers.astype(np.float64)
        odd = [
            frames.total(frames.present & test) for test in (np.isnan(numbers), numbers == np.inf, numbers == -np.inf)
        ]
        values, unit = _in_units(np.where(frames.present & np.isfinite(numbers), numbers, 0.0))
    else:
        values, unit = numbers.tolist(), 0
    odd_counts = list(zip(*(o.tolist() for o in odd))) or [(0, 0, 0)] * frames.rows
    total = square = 0
    made: list[float | None] = []
    for (i, before, first), count, (nans, above, below) in zip(frames.moves(), frames.counts.tolist(), odd_counts):
        for gone in values[before:first]:
            total -= gone
        total += values[i]
        if squares:
            square += values[i] * values[i] - sum([gone * gone for gone in values[before:first]])
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


def _gathered(frames: _Frames, function: str, gives: Any, options: dict[str, Any]) -> pa.Array:
    """Return what a fold over gathered values makes of each frame (`worker.aggregates`)."""
    fold = getattr(import_module(f"caudal.worker.aggregates.{function}"), function)(frames.spec, gives, **options)
    lists = _collect(frames, [frames.spec])
    return fold(lists.flatten(), lists.offsets.to_numpy().astype(np.int64))


_AGGREGATES: dict[str, Callable[[_Frames, Any], pa.Array]] = {
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
