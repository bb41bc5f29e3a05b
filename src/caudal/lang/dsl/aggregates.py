"""Aggregates by name. What `__all__` lists, the facade has too."""

from __future__ import annotations

from typing import Any

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.lang.dsl.windows import condition, expression, ties
from caudal.plan.aggregates import Aggregate
from caudal.plan.averages import Ewma
from caudal.plan.called import answered
from caudal.plan.expr import Expr

__all__ = (  # noqa: RUF022 - the order of the reference page
    "count",
    "count_if",
    "sum",
    "mean",
    "stddev",
    "min",
    "max",
    "percentile",
    "approx_count_distinct",
    "count_distinct",
    "first",
    "last",
    "collect",
    "ewma",
)


@answered
def count(*, of: str = "") -> Aggregate:
    """The number of rows."""
    return Aggregate("count", of=of)


@answered
def count_if(predicate: Expr | str, *, of: str = "") -> Aggregate:
    """The number of rows for which a condition (an expression, or SQL text) is true."""
    return Aggregate("count_if", condition(predicate), of=of)


@answered
def sum(value: Expr | str, *, of: str = "") -> Aggregate:
    """The sum: int64 (wrapping) of integers, float64 (exact, rounded once) of floats; null without a value."""
    return Aggregate("sum", expression(value), of=of)


@answered
def min(value: Expr | str, *, of: str = "") -> Aggregate:
    """The smallest value; NaN counts as largest, text compares by bytes."""
    return Aggregate("min", expression(value), of=of)


@answered
def max(value: Expr | str, *, of: str = "") -> Aggregate:
    """The largest value; NaN counts as largest, text compares by bytes."""
    return Aggregate("max", expression(value), of=of)


@answered
def mean(value: Expr | str, *, of: str = "") -> Aggregate:
    """The mean as float64, rounded once."""
    return Aggregate("mean", expression(value), of=of)


@answered
def stddev(value: Expr | str, *, of: str = "") -> Aggregate:
    """The standard deviation of the sample as float64; null for fewer than two values."""
    return Aggregate("stddev", expression(value), of=of)


@answered
def percentile(value: Expr | str, p: float, *, of: str = "") -> Aggregate:
    """The value that `p` percent (0 to 100) of the values do not exceed, by nearest rank: one of them, never between two.

    Exact: all values of a window are kept until it closes. As numpy's method "inverted_cdf", with `p` taken as it is
    written: of 100 values the 7th percentile is the seventh smallest. NaN is above all numbers, text is ordered by bytes.
    """
    return Aggregate("percentile", expression(value), options=(("p", p),), of=of)


@answered
def first(value: Expr | str, *, order_by: Any = None, of: str = "") -> Aggregate:
    """The first value that is not null, by event time, then `order_by`, then source, partition and position."""
    return Aggregate("first", expression(value), ties(order_by), of=of)


@answered
def last(value: Expr | str, *, order_by: Any = None, of: str = "") -> Aggregate:
    """The last value that is not null, in the order of `first`."""
    return Aggregate("last", expression(value), ties(order_by), of=of)


@answered
def count_distinct(value: Expr | str, *, of: str = "") -> Aggregate:
    """The exact number of different values that are not null."""
    return Aggregate("count_distinct", expression(value), of=of)


@answered
def approx_count_distinct(value: Expr | str, *, of: str = "") -> Aggregate:
    """About how many different values there are that are not null: with a standard error of 1.6 %, hardly any where they are few.

    HyperLogLog over the values' hashes: a group keeps 32 kB at most, however many values there are, where `count_distinct` keeps all of
    them. The same on every engine and for any morsels; Flink and Spark gather the hashes of a window.
    """
    return Aggregate("approx_count_distinct", expression(value).hash(0), of=of)


@answered
def collect(value: Expr | str, *, order_by: Any = None, of: str = "") -> Aggregate:
    """All values that are not null as a list, in the order of `first`."""
    return Aggregate("collect", expression(value), ties(order_by), of=of)


@answered
def ewma(
    value: Expr | str,
    *,
    alpha: float | None = None,
    span: float | None = None,
    half_life: duration.Duration | None = None,
) -> Ewma:
    """The exponentially weighted moving average as float64: what is usual for a key. For `.running(...)`: it has no window.

    By rows: `alpha` (above 0, at most 1) is the weight of the newest value, m + alpha * (x - m), from the first value on;
    `span=n` is alpha = 2 / (n + 1). By event time: `half_life="10m"` is the mean of all values so far, of which each weighs
    half as much for every 10 minutes that it is old; values of one time weigh the same.

    Nulls are skipped, null before the first value; NaN and infinities stay, as in a mean.
    """
    given = [name for name, one in (("alpha", alpha), ("span", span), ("half_life", half_life)) if one is not None]
    if len(given) != 1:
        raise PlanError("ewma() takes one of alpha, span and half_life", hint='cd.ewma("bytes", span=20)')
    if half_life is not None:
        return Ewma(expression(value), half_life=duration.parse(half_life, what="half-life"))
    number = span if alpha is None else alpha
    if not isinstance(number, int | float) or isinstance(number, bool):
        raise PlanError(f"{given[0]} is a number, not {number!r}", hint='cd.ewma("bytes", span=20)')
    if alpha is None and not 1 <= number < float("inf"):
        raise PlanError(f"a span is a number of rows, 1 or more, not {number!r}", hint="span=20")
    if alpha is not None and not 0 < number <= 1:
        raise PlanError(f"alpha is above 0 and at most 1, not {number!r}", hint="alpha=0.1")
    return Ewma(expression(value), alpha=float(number) if span is None else 2 / (number + 1))
