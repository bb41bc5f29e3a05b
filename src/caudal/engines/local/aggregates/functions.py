"""The aggregate functions: each keeps a fixed number of state columns, one row a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar import grouping, sorting
from caudal.columnar.column import Column, Fixed, Ints, Nested, Text, arrow_type, from_arrow
from caudal.columnar.grouping import Groups
from caudal.core.types import FLOAT64, INT64, DataType, list_of
from caudal.engines.local.aggregates import exact, kernels
from caudal.engines.local.aggregates.deviation import deviations
from caudal.engines.local.lists import Lists, order_by_group
from caudal.plan.aggregates import FUNCTIONS
from caudal.worker.aggregates import approx_count_distinct as sketch
from caudal.worker.coercion import as_array

NONE = np.empty(0, np.bool_)


@dataclass(slots=True)
class Rows:
    """The rows of a morsel as an aggregate sees them.

    `argument`: the evaluated argument, None for count. `order_by`: the evaluated columns that break ties of time.
    `time`, `position`: int64 arrays, `origin`: the ordinal of source and partition, or of each row's, `branch`: the way into
    the operator, where order matters. `ranks[ordinal]` gives the pinned order of origins where they are several.
    """

    argument: Column | None
    order_by: Sequence[Column] = ()
    time: Ints | None = None
    origin: int | Ints = 0
    position: Ints | None = None
    branch: int | Ints = 0
    ranks: Ints | None = None


class Aggregator:
    """One aggregate of one operator. `ranks[ordinal]` gives the pinned order of origins."""

    def __init__(self, dtype: DataType, argument: DataType | None) -> None:
        self.dtype = dtype
        self.argument = argument

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        """Return the state of each group over these rows."""
        raise NotImplementedError

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        """Return the state of each group over the states of its rows."""
        raise NotImplementedError

    def result(self, states: list[Column], ranks: Ints) -> Column:
        """Return the result of each state."""
        raise NotImplementedError


class Count(Aggregator):
    """Rows, or rows that are true."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        if rows.argument is None:
            return [_int(kernels.count(groups.codes, len(groups)))]
        values = rows.argument
        assert isinstance(values, Fixed)
        return [_int(kernels.count_true(groups.codes, values.values, values.valid_or_all(), len(groups)))]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return [_int(kernels.sum_int(groups.codes, _values(states[0]), NONE, len(groups))[0])]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        return states[0]


class SumInt(Aggregator):
    """Wrapping sums of integers and durations."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        return self._sum(rows.argument, groups)

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return self._sum(states[0], groups)

    def _sum(self, column: Column | None, groups: Groups) -> list[Column]:
        assert isinstance(column, Fixed)
        values = column.values.astype(np.int64, copy=False)
        sums, seen = kernels.sum_int(groups.codes, values, column.valid_or_all(), len(groups))
        return [Fixed(INT64, sums, _mask(seen))]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        return Fixed(self.dtype, _values(states[0]), states[0].valid)


class MeanInt(Aggregator):
    """Means of integers from exact 128-bit sums: high halves, low halves, counts."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        column = rows.argument
        assert isinstance(column, Fixed)
        values = column.values.astype(np.int64, copy=False)
        parts = kernels.sum_halves(groups.codes, values, column.valid_or_all(), len(groups))
        return [_int(p) for p in parts]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return [_int(kernels.sum_int(groups.codes, _values(s), NONE, len(groups))[0]) for s in states]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        high, low, n = (_values(s) for s in states)
        groups = len(n)
        # Two limbs of 32 bits a group, at the place of the units: value = high * 2**32 + low.
        units = exact.BIAS // 32
        numbers = np.tile(np.array([units, units + 1], np.int64), groups)
        limbs = np.empty(2 * groups, np.int64)
        limbs[0::2] = low & 0xFFFFFFFF
        limbs[1::2] = high + (low >> 32)
        # The high part may need more than one limb; its sign stands in the last limb as `rounded` expects.
        start = np.arange(groups, dtype=np.int64) * 2
        length = np.full(groups, 2, np.int64)
        return Fixed(FLOAT64, exact.rounded(start, length, numbers, limbs, np.maximum(n, 1)), _mask(n > 0))


class _Exact(Aggregator):
    """Exact sums of doubles or integers (and of their squares): lists of limbs, and the count of values."""

    squares = False

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        column = rows.argument
        assert isinstance(column, Fixed)
        whole = column.values.dtype.kind == "i"
        accumulate = exact.accumulate_integers if whole else exact.accumulate
        values = np.ascontiguousarray(column.values.astype(np.int64 if whole else np.float64, copy=False))
        valid = column.valid_or_all()
        order, offsets = order_by_group(groups.codes, len(groups))
        n = kernels.count_valid(groups.codes, valid, len(groups))
        states = [_int(n), _limbs(accumulate(order, offsets, values, valid, False))]
        if self.squares:
            states.append(_limbs(accumulate(order, offsets, values, valid, True)))
        return states

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        order, offsets = order_by_group(groups.codes, len(groups))
        out: list[Column] = [_int(kernels.sum_int(groups.codes, _values(states[0]), NONE, len(groups))[0])]
        for state in states[1:]:
            assert isinstance(state, Lists)
            numbers, limbs = (_values(c) for c in state.children)
            out.append(_limbs(exact.merge(order, offsets, state.start, state.length, numbers, limbs)))
        return out


class SumFloat(_Exact):
    """Sums of doubles, rounded once."""

    def result(self, states: list[Column], ranks: Ints) -> Column:
        n = _values(states[0])
        return Fixed(FLOAT64, _rounded(states[1], np.ones(len(n), np.int64)), _mask(n > 0))


class MeanFloat(_Exact):
    """Means of doubles, rounded once."""

    def result(self, states: list[Column], ranks: Ints) -> Column:
        n = _values(states[0])
        return Fixed(FLOAT64, _rounded(states[1], np.maximum(n, 1)), _mask(n > 0))


class StdDev(_Exact):
    """The sample's standard deviation, from exact sums of x and of its square; null for fewer than two values."""

    squares = True

    def result(self, states: list[Column], ranks: Ints) -> Column:
        n = _values(states[0])
        return Fixed(FLOAT64, deviations(n, *_parts(states[1]), *_parts(states[2])), _mask(n > 1))


class Extreme(Aggregator):
    """The smallest or largest value in the pinned order: NaN last, text by bytes."""

    largest = False

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        assert rows.argument is not None
        return [self._best(rows.argument, groups)]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return [self._best(states[0], groups)]

    def _best(self, column: Column, groups: Groups) -> Column:
        valid = column.valid_or_all()
        if isinstance(column, Text):
            parts = (column.data, column.start, column.length)
            best = kernels.best_text(groups.codes, *parts, valid, len(groups), self.largest)
        else:
            best = kernels.best_int(groups.codes, sorting.ordered(column), valid, len(groups), self.largest)
        return take_best(column, best)

    def result(self, states: list[Column], ranks: Ints) -> Column:
        return sorting.one_zero(states[0])


class Largest(Extreme):
    """The largest value."""

    largest = True


class _Ordered(Aggregator):
    """State of what depends on order: time, origin, position, branch, the order_by columns, the value."""

    def _columns(self, rows: Rows) -> list[Column]:
        assert rows.argument is not None
        assert rows.time is not None
        assert rows.position is not None
        origin = np.full(len(rows.time), rows.origin, np.int64)
        branch = np.full(len(rows.time), rows.branch, np.int64)
        return [_int(rows.time), _int(origin), _int(rows.position), _int(branch), *rows.order_by, rows.argument]


class First(_Ordered):
    """The first value that is not null, in event time and the pinned order of ties."""

    latest = False

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        return self._best(self._columns(rows), groups, rows.ranks)

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return self._best(states, groups, ranks)

    def _best(self, columns: list[Column], groups: Groups, ranks: Ints | None) -> list[Column]:
        value = columns[-1]
        has = np.ones(len(value), np.bool_) if value.valid is None else value.valid
        best = kernels.best_order(groups.codes, sort_keys(columns[:-1], ranks), has, len(groups), self.latest)
        return [take_best(c, best) for c in columns]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        return states[-1]


class Last(First):
    """The last value that is not null."""

    latest = True


class Collect(_Ordered):
    """All values that are not null, in event time and the pinned order of ties."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        columns, codes = self._columns(rows), groups.codes
        if columns[-1].valid is not None:
            keep = np.flatnonzero(columns[-1].valid)
            columns, codes = [c.take(keep) for c in columns], codes[keep]
        columns = [c.compact() if isinstance(c, Text) else c for c in columns]
        return [Lists.regroup(columns, codes, len(groups))]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return [_regroup(states[0], groups)]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        state = states[0]
        assert isinstance(state, Lists)
        children, owner = state.flat(), state.owners()
        order = np.lexsort([*sort_keys(children[:-1], ranks)[::-1], owner])
        value = children[-1].take(order).to_arrow()
        offsets = np.zeros(len(state) + 1, np.int64)
        np.cumsum(state.length, out=offsets[1:])
        assert self.argument is not None
        return Nested(list_of(self.argument), pa.LargeListArray.from_arrays(pa.array(offsets), value))


class CountDistinct(Aggregator):
    """The number of different values that are not null: the values themselves are kept."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        column, codes = _present(rows.argument, groups.codes)
        return [self._unique(column, codes, len(groups))]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        state = states[0]
        assert isinstance(state, Lists)
        children, owner = state.flat(), state.owners()
        return [self._unique(children[0], groups.codes[owner], len(groups))]

    @staticmethod
    def _unique(column: Column, codes: Ints, groups: int) -> Lists:
        first = grouping.group([column], [codes], len(codes)).first
        column = column.take(first)
        return Lists.regroup([column.compact() if isinstance(column, Text) else column], codes[first], groups)

    def result(self, states: list[Column], ranks: Ints) -> Column:
        assert isinstance(states[0], Lists)
        return _int(states[0].length)


class ApproxCountDistinct(Aggregator):
    """About how many different hashes there are: the registers of a sketch that were chosen are kept."""

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        column, codes = _present(rows.argument, groups.codes)
        return [self._registers(codes, sketch.entries_of(_values(column)), len(groups))]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        state = states[0]
        assert isinstance(state, Lists)
        (entries,), owner = state.flat(), state.owners()
        return [self._registers(groups.codes[owner], _values(entries), len(groups))]

    @staticmethod
    def _registers(codes: Ints, entries: Ints, groups: int) -> Lists:
        found, largest = sketch.registers(codes, entries)
        length = np.bincount(found, minlength=groups)
        return Lists([_int(largest)], np.cumsum(length) - length, length)

    def result(self, states: list[Column], ranks: Ints) -> Column:
        state = states[0]
        assert isinstance(state, Lists)
        (entries,), owner = state.flat(), state.owners()
        return _int(sketch.estimates(owner, _values(entries), len(state)))


class Gathered(Aggregator):
    """All values that are not null, folded at the end (`worker.aggregates`)."""

    def __init__(self, function: str, dtype: DataType, argument: DataType | None, options: Mapping[str, Any]) -> None:
        super().__init__(dtype, argument)
        assert argument is not None
        self._takes = argument.spec
        module = import_module(f"caudal.worker.aggregates.{function}")
        self._fold = getattr(module, function)(self._takes, dtype.spec, **options)
        self._places, self._options = getattr(module, "places", None), options

    @property
    def by_place(self) -> bool:
        """Whether the result is one of the values, told by their order and how many there are."""
        return self._places is not None

    def places(self, counts: Ints) -> Ints:
        """Return of so many values in order the place of the one that is the result."""
        assert self._places is not None
        return self._places(counts, **self._options)

    def partial(self, rows: Rows, groups: Groups) -> list[Column]:
        column, codes = _present(rows.argument, groups.codes)
        return [Lists.regroup([column.compact() if isinstance(column, Text) else column], codes, len(groups))]

    def merge(self, states: list[Column], groups: Groups, ranks: Ints) -> list[Column]:
        return [_regroup(states[0], groups)]

    def result(self, states: list[Column], ranks: Ints) -> Column:
        state = states[0]
        assert isinstance(state, Lists)
        (values,) = state.flat()
        starts = np.zeros(len(state) + 1, np.int64)
        np.cumsum(state.length, out=starts[1:])
        made = self._fold(as_array(values.to_arrow(), self._takes), starts)
        return from_arrow(made.cast(arrow_type(self.dtype)), self.dtype)


AGGREGATORS: dict[str, Any] = {
    "count": Count,
    "count_if": Count,
    "sum": lambda dtype, argument: (SumFloat if argument.is_float else SumInt)(dtype, argument),
    "mean": lambda dtype, argument: (MeanFloat if argument.is_float else MeanInt)(dtype, argument),
    "stddev": StdDev,
    "min": Extreme,
    "max": Largest,
    "first": First,
    "last": Last,
    "collect": Collect,
    "count_distinct": CountDistinct,
    "approx_count_distinct": ApproxCountDistinct,
}
assert AGGREGATORS.keys() >= {name for name, function in FUNCTIONS.items() if not function.gathered}


def aggregator(
    function: str, dtype: DataType, argument: DataType | None, options: Mapping[str, Any] | None = None
) -> Aggregator:
    """Return the aggregator of a function with this result type over this argument type."""
    if function not in AGGREGATORS:
        return Gathered(function, dtype, argument, options or {})
    return AGGREGATORS[function](dtype, argument)


def sort_keys(columns: Sequence[Column], ranks: Ints | None) -> Any:
    """Return the pinned order as int64 rows: time, then order_by, origin (by rank), position, and the way taken.

    `columns` are [time, origin, position, branch, *order_by]. Nulls of order_by come first.
    """
    time, origin, position, branch, *order_by = columns
    origins = _values(origin)
    keys = [
        _values(time),
        *(sorting.rank(c) for c in order_by),
        origins if ranks is None else ranks[origins],
        _values(position),
        _values(branch),
    ]
    return np.stack(keys)


def _present(column: Column | None, codes: Ints) -> tuple[Column, Ints]:
    """Return the values that are not null, and their groups."""
    assert column is not None
    if column.valid is None:
        return column, codes
    keep = np.flatnonzero(column.valid)
    return column.take(keep), codes[keep]


def _int(values: Ints) -> Column:
    return Fixed(INT64, values)


def _values(column: Column) -> Any:
    assert isinstance(column, Fixed)
    return column.values


def _mask(seen: Any) -> Any:
    return None if seen.all() else seen


def _limbs(parts: Any) -> Column:
    start, length, numbers, limbs = parts
    return Lists([_int(numbers), _int(limbs)], start, length)


def _rounded(state: Column, divisors: Ints) -> Any:
    return exact.rounded(*_parts(state), divisors)


def _parts(state: Column) -> tuple[Ints, Ints, Ints, Ints]:
    """Return (starts, lengths, limb numbers, limb values) of sums."""
    assert isinstance(state, Lists)
    numbers, limbs = (_values(c) for c in state.children)
    return state.start, state.length, numbers, limbs


def _regroup(state: Column, groups: Groups) -> Lists:
    assert isinstance(state, Lists)
    children, owner = state.flat(), state.owners()
    return Lists.regroup(children, groups.codes[owner], len(groups))


def take_best(column: Column, best: Ints) -> Column:
    """Return the values at these rows, null where the row is -1."""
    missing = best < 0
    if not missing.any():
        return _compact(column.take(best))
    if len(column) == 0:
        return from_arrow(pa.nulls(len(best), column.to_arrow().type), column.dtype)
    taken = column.take(np.maximum(best, 0))
    if isinstance(taken, Nested):
        return Nested(taken.dtype, column.to_arrow().take(pa.array(best, mask=missing)))
    taken.valid = ~missing if taken.valid is None else taken.valid & ~missing
    return _compact(taken)


def _compact(column: Column) -> Column:
    return column.compact() if isinstance(column, Text) else column
