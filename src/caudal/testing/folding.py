"""Aggregates as the oracle sees them: over the whole list of a window's rows, exact where the meaning is exact."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from caudal.core.types import INT64, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.testing.rows import Row
from caudal.testing.scalars import compare, evaluate, fit, identity, ordering


def fold(function: str, values: Sequence[Any], **options: Any) -> Any:
    """Return an aggregate of values in the pinned order of their rows (for `count`: one entry a row, whatever it is).

    `options`: what else the aggregate was given.

    Nulls are skipped; without a value the result is null, a count 0.
    """
    if function == "count":
        return len(values)
    present = [v for v in values if v is not None]
    if function == "count_if":
        return sum(1 for v in present if v is True)
    if function == "count_distinct":
        return len({identity(v) for v in present})
    if function == "approx_count_distinct":
        return _sketched(present)
    if function == "collect":
        return present
    return _FOLDS[function](present, **options) if present else None


def aggregated(
    aggregates: Iterable[tuple[str, Aggregate]], rows: Sequence[Row], schema: Schema, *, arrival: bool = False
) -> dict[str, Any]:
    """Return aggregates over rows that stand in their operator's order; `order_by` breaks ties of time before that.

    With `arrival` all rows are of one time.
    """
    values: dict[str, Any] = {}
    for name, aggregate in aggregates:
        argument = aggregate.argument
        ordered = rows
        if aggregate.order_by:
            ordered = sorted(rows, key=lambda row, by=aggregate.order_by: _place(row, by, schema, arrival))
        given = [1 if argument is None else evaluate(argument, row.values, schema) for row in ordered]
        values[name] = fold(aggregate.function, given, **dict(aggregate.options))
    return values


def _place(row: Row, order_by: Iterable[Expr], schema: Schema, arrival: bool) -> tuple[Any, ...]:
    return (ordering(None if arrival else row.time), *(ordering(evaluate(e, row.values, schema)) for e in order_by))


def _percentile(values: Sequence[Any], p: float) -> Any:
    best = sorted(values, key=ordering)
    at = next(k for k in range(1, len(best) + 1) if Fraction(100 * k, len(best)) >= Fraction(str(p)))
    return best[at - 1] + 0.0 if isinstance(best[at - 1], float) else best[at - 1]


def _sketched(hashes: Sequence[int]) -> int:
    """Return what 4,096 registers of HyperLogLog say of hashes, by Ertl's estimate."""
    far = [0] * 4096
    for value in hashes:
        bits = f"{value % 2**64:064b}"
        far[int(bits[:12], 2)] = max(far[int(bits[:12], 2)], (bits[12:] + "1").index("1") + 1)
    seen = [far.count(k) for k in range(54)]
    if seen[0] == 4096:
        return 0
    none, whole = seen[0] / 4096, 1 - seen[53] / 4096
    low = none + sum(2.0**k * none ** (2 ** (k + 1)) for k in range(24))
    high = 0.0
    if seen[53] and whole:
        high = (1 - whole - sum((1 - whole ** (0.5**k)) ** 2 * 0.5**k for k in range(1, 60))) / 3
    total = 4096 * high * 0.5**52 + sum(seen[k] * 0.5**k for k in range(1, 53)) + 4096 * low
    return round(4096 * 4096 / (2 * math.log(2)) / total)


def _sum(values: Sequence[Any]) -> Any:
    if isinstance(values[0], int):
        return fit(sum(values), INT64)
    special = _special(values)
    return nearest(sum(map(Fraction, values), Fraction(0))) if special is None else special


def _mean(values: Sequence[Any]) -> float:
    special = _special(values)
    return nearest(sum(map(Fraction, values), Fraction(0)) / len(values)) if special is None else special


def _stddev(values: Sequence[Any]) -> float | None:
    if len(values) < 2:
        return None
    if _special(values) is not None:
        return math.nan
    exact = [Fraction(v) for v in values]
    mean = sum(exact, Fraction(0)) / len(exact)
    return root(sum(((v - mean) ** 2 for v in exact), Fraction(0)) / (len(exact) - 1))


def _special(values: Sequence[Any]) -> float | None:
    """Return what a sum with a NaN or an infinity comes to, None without one."""
    odd = {str(v) for v in values if isinstance(v, float) and not math.isfinite(v)}
    if not odd:
        return None
    return float(odd.pop()) if len(odd) == 1 else math.nan


def _extreme(sign: int) -> Callable[[Sequence[Any]], Any]:
    def best(values: Sequence[Any]) -> Any:
        found = values[0]
        for value in values[1:]:
            if compare(value, found) * sign > 0:
                found = value
        return found

    return best


_FOLDS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": _mean,
    "stddev": _stddev,
    "min": _extreme(-1),
    "max": _extreme(1),
    "percentile": _percentile,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


def nearest(value: Fraction) -> float:
    """Return the double nearest to an exact value, ties to even; beyond the largest double, infinity."""
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def root(value: Fraction) -> float:
    """Return the double nearest to the square root of an exact value that is not negative, ties to even.

    Found among all doubles, which are in the order of their bits, by what it is: the square of the middle between it and the
    next decides.
    """
    low, high = 0, _bits(math.inf)
    while high - low > 1:
        middle = (low + high) // 2
        if Fraction(_double(middle)) ** 2 <= value:
            low = middle
        else:
            high = middle
    below = Fraction(_double(low))
    above = Fraction(2) ** 1024 if _double(high) == math.inf else Fraction(_double(high))
    between = ((below + above) / 2) ** 2
    up = value > between or (value == between and low % 2 == 1)
    return _double(high if up else low)


def _bits(value: float) -> int:
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def _double(bits: int) -> float:
    return float(struct.unpack("<d", struct.pack("<q", bits))[0])
