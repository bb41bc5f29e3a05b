"""Windows by name, and what arguments are taken for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caudal.core import duration
from caudal.core.duration import Duration
from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan import instead
from caudal.plan.aggregates import Aggregate
from caudal.plan.called import answered
from caudal.plan.expr import Expr, col
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Order, Session, Sliding


@answered
def tumbling(size: Duration, *, offset: Duration = "0ms") -> Hopping:
    """Windows of one size, one behind the other, aligned to the epoch (moved by `offset`). A duration is
    text ("3s", "1h30m") or a timedelta; a number without a unit is refused."""
    length = duration.parse(size, what="window size")
    return Hopping(length, length, duration.parse(offset, what="window offset"))


@answered
def hopping(size: Duration, *, every: Duration = "", offset: Duration = "0ms") -> Hopping:
    """Windows of one size, one beginning every `every`; the size must be a multiple of the step."""
    if every == "":
        raise PlanError("a hopping window needs its step", hint='hopping("10s", every="2s"); tumbling("10s") has none')
    return Hopping(
        duration.parse(size, what="window size"),
        duration.parse(every, what="window step"),
        duration.parse(offset, what="offset"),
    )


@answered
def session(gap: Duration) -> Session:
    """Runs of rows of a key that are at most `gap` apart."""
    return Session(duration.parse(gap, what="session gap"))


@answered
def cumulative(size: Duration, *, every: Duration, offset: Duration = "0ms") -> Cumulative:
    """Windows that grow by `every` up to `size`, then begin anew: totals since the hour, every minute."""
    return Cumulative(
        duration.parse(size, what="window size"),
        duration.parse(every, what="window step"),
        duration.parse(offset, what="offset"),
    )


@answered
def rows(size: int, *, every: int = 0, order_by: Any = None, order: str = "event_time") -> CountWindow:
    """Windows of `size` rows of a key in the order of event time, one every `every` rows (0: one behind the other).

    The last ones, at the end of data, may have fewer rows. `order_by` breaks ties of time; `order="arrival"` takes rows
    as they come, over a single partition.
    """
    return CountWindow(_rows(size, "size"), _rows(every, "every") or size, ordering(order_by, order))


@answered
def sliding(size: Duration | None = None, *, rows: int = 0, order_by: Any = None, order: str = "event_time") -> Sliding:
    """For each row the rows of its key up to it, in (t - size, t] of event time, or the last `rows` of them."""
    length = 0 if size is None else duration.parse(size, what="window size")
    if not length and not rows:
        raise PlanError("a sliding window needs a size", hint='sliding("10s") or sliding(rows=100)')
    return Sliding(length, _rows(rows, "rows"), ordering(order_by, order))


def ordering(order_by: Any, order: str) -> Order:
    """Return the order in which rows are taken; `order` is "event_time" or "arrival"."""
    if order not in ("event_time", "arrival"):
        raise PlanError(f"unknown order '{order}'", hint='order="event_time" or order="arrival"')
    return Order(ties(order_by), order == "arrival")


def _rows(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        written = 'a time is written cd.sliding("10s")' if what == "rows" else "cd.rows(100), or cd.rows(100, every=10)"
        raise PlanError(f"{what} is a number of rows, not {value!r}", hint=written)
    return value


def expression(value: Any, what: str = "expression") -> Expr:
    """Return an expression; a plain string is the name of a column."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, str):
        return col(value)
    refuse_others(value)
    raise PlanError(f"{what} must be a column name or an expression, not {value!r}")


def refuse_others(value: Any) -> None:
    """Raise for an aggregate or a bare function where a row's expression belongs, saying what to write."""
    if isinstance(value, Aggregate):
        raise instead.of_aggregate(value)
    if callable(value):
        hint = "@cd.row (plain Python), @cd.batch (columns) or @cd.jit (compiled), then score(col(...))"
        raise PlanError("a bare function is no expression", hint=f"declare it with {hint}")


def condition(value: Any, schema: Schema | None = None) -> Expr:
    """Return an expression; a plain string is SQL text, whose dotted names are looked up in the schema."""
    if isinstance(value, Expr):
        return value
    if isinstance(value, str):
        from caudal.lang.sql import parse

        return parse(value, schema=schema)
    refuse_others(value)
    raise PlanError(
        f"a condition must be an expression or SQL text, not {value!r}", hint='col("code") == 401, or "code = 401"'
    )


def ties(order_by: Any) -> tuple[Expr, ...]:
    """Return the expressions that break ties of time."""
    if order_by is None:
        return ()
    if isinstance(order_by, Sequence) and not isinstance(order_by, str):
        return tuple(expression(e, "order_by") for e in order_by)
    return (expression(order_by, "order_by"),)
