"""Expressions of several values, as functions: `cd.coalesce(a, b)`."""

from __future__ import annotations

from typing import Any

from caudal.plan.called import answered
from caudal.plan.expr import Expr, call, lit


def coalesce(*values: Any) -> Expr:
    """Return the first value that is not null."""
    return lit(values[0]) if len(values) == 1 else call("coalesce", *values)


def greatest(*values: Any) -> Expr:
    """Return the greatest value; null if any is null."""
    return call("greatest", *values)


def least(*values: Any) -> Expr:
    """Return the least value; null if any is null."""
    return call("least", *values)


def concat(*values: Any) -> Expr:
    """Return the texts behind one another; null if any is null."""
    return call("concat", *values)


@answered
def int_div(a: Any, b: Any) -> Expr:
    """Return the quotient cut towards zero (// rounds down)."""
    return call("int_div", a, b)


@answered
def int_mod(a: Any, b: Any) -> Expr:
    """Return the remainder with the sign of `a` (% has that of `b`)."""
    return call("int_mod", a, b)


@answered
def now() -> Expr:
    """Return the wall clock. It is the only way to it in an expression."""
    return call("now")
