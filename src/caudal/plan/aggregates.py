"""Aggregate functions of windows: their names, argument types and result types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from caudal.core.errors import NoSuchName, PlanError, nearest
from caudal.core.types import FLOAT64, INT64, DataType, Schema, list_of
from caudal.plan import instead
from caudal.plan.expr import Expr


def _scalar(dtype: DataType) -> bool:
    return not dtype.is_nested


def _ordered(dtype: DataType) -> bool:
    return not dtype.is_nested


def _same(dtype: DataType) -> DataType:
    return dtype


def _sum(dtype: DataType) -> DataType:
    return INT64 if dtype.is_integer else dtype if dtype.name == "duration" else FLOAT64


def _percentage(options: Mapping[str, Any]) -> None:
    p = options.get("p")
    if options.keys() != {"p"} or not isinstance(p, int | float) or isinstance(p, bool) or not 0 <= p <= 100:
        raise PlanError(f"percentile() takes a number from 0 to 100, not {p!r}", hint='percentile("bytes", 95)')


@dataclass(frozen=True, slots=True)
class Function:
    """What an aggregate takes and gives. `order_sensitive`: its result depends on the pinned order of rows.

    `gathered`: where an engine has no such aggregate (the local one has some), all values of a group are gathered and folded by
    the function of `caudal.worker.aggregates`, in the module of its name. `check` raises `PlanError` for options that do not fit.
    """

    name: str
    takes: str
    accepts: Callable[[DataType], bool] | None
    gives: Callable[[DataType], DataType]
    order_sensitive: bool = False
    gathered: bool = False
    check: Callable[[Mapping[str, Any]], None] = lambda options: None


FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("count", "nothing", None, lambda _: INT64),
        Function("count_if", "a bool", lambda t: t.name == "bool", lambda _: INT64),
        Function("sum", "a number or a duration", lambda t: t.is_numeric or t.name == "duration", _sum),
        Function("min", "an ordered value", _ordered, _same),
        Function("max", "an ordered value", _ordered, _same),
        Function("mean", "a number", lambda t: t.is_numeric, lambda _: FLOAT64),
        Function("stddev", "a number", lambda t: t.is_numeric, lambda _: FLOAT64),
        Function("percentile", "an ordered value", _ordered, _same, gathered=True, check=_percentage),
        Function("first", "any value", lambda _: True, _same, order_sensitive=True),
        Function("last", "any value", lambda _: True, _same, order_sensitive=True),
        Function("count_distinct", "a scalar", _scalar, lambda _: INT64),
        Function("approx_count_distinct", "hashes", lambda t: t == INT64, lambda _: INT64, gathered=True),
        Function("collect", "any value", lambda _: True, list_of, order_sensitive=True),
    )
}
"""Every aggregate skips nulls; `count` counts rows. Without any value that is not null the result is null (counts: 0)."""


def _operator(name: str) -> Callable[..., Any]:
    """Return an operator of what an aggregate is in the condition of a pattern's event."""

    def operated(self: Aggregate, *others: Any) -> Any:
        return getattr(self.as_expression(), name)(*others)

    return operated


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """An aggregate over the rows of a window: `function` over `argument`, ties of order broken by `order_by`.

    `options`: what else the function is given, by name. `of`: the event of a pattern whose rows it is over, "" for all rows.
    """

    function: str
    argument: Expr | None = None
    order_by: tuple[Expr, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    of: str = ""

    @property
    def order_sensitive(self) -> bool:
        """Whether the result depends on the order of rows."""
        return FUNCTIONS[self.function].order_sensitive

    def dtype(self, schema: Schema) -> DataType:
        """Return the result type over these columns; raises `PlanError`."""
        if self.of:
            raise PlanError(
                f"{self} is over an event of a pattern", hint="of= stands behind .match(...): .agg(...) there"
            )
        function = FUNCTIONS.get(self.function)
        if function is None:
            raise PlanError(f"unknown aggregate '{self.function}'", hint=nearest(self.function, FUNCTIONS))
        if (self.argument is None) != (function.accepts is None):
            raise PlanError(f"{self.function}() takes {function.takes}")
        for expr in self.order_by:
            if expr.dtype(schema).is_nested:
                raise PlanError(
                    f"{self.function}() cannot be ordered by a {expr.dtype(schema)}", detail=f"order_by {expr}"
                )
        if self.order_by and not function.order_sensitive:
            raise PlanError(f"{self.function}() does not depend on order", hint="leave out order_by")
        function.check(dict(self.options))
        if self.argument is None or function.accepts is None:
            return INT64
        got = self.argument.dtype(schema)
        if not function.accepts(got):
            hint = "count_if() counts where a condition is true" if got.name == "bool" else ""
            raise PlanError(f"{self.function}() takes {function.takes}, not {got}", detail=str(self), hint=hint)
        return function.gives(got)

    def expressions(self) -> tuple[Expr, ...]:
        """Return its argument, if it has one, and what breaks ties."""
        return self.order_by if self.argument is None else (self.argument, *self.order_by)

    def reads(self) -> frozenset[str]:
        """Return the names of the columns it reads."""
        return frozenset().union(*(e.columns() for e in self.expressions()))

    def as_expression(self) -> Expr:
        """Return what it is in the condition of a later event of a pattern; raises where it is over no event."""
        if not self.of:
            raise instead.of_aggregate(self)
        from caudal.plan.captured import Captured

        return Captured(self)

    __add__, __radd__ = _operator("__add__"), _operator("__radd__")
    __sub__, __rsub__ = _operator("__sub__"), _operator("__rsub__")
    __mul__, __rmul__ = _operator("__mul__"), _operator("__rmul__")
    __truediv__, __rtruediv__ = _operator("__truediv__"), _operator("__rtruediv__")
    __floordiv__, __rfloordiv__ = _operator("__floordiv__"), _operator("__rfloordiv__")
    __mod__, __rmod__, __neg__ = _operator("__mod__"), _operator("__rmod__"), _operator("__neg__")
    __and__, __rand__ = _operator("__and__"), _operator("__rand__")
    __or__, __ror__ = _operator("__or__"), _operator("__ror__")
    __lt__, __le__, __gt__, __ge__ = map(_operator, ("__lt__", "__le__", "__gt__", "__ge__"))
    __invert__, __bool__ = _operator("__invert__"), _operator("__bool__")
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return self.as_expression() == other if self.of and not isinstance(other, Aggregate) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return self.as_expression() != other if self.of and not isinstance(other, Aggregate) else NotImplemented

    def __getattr__(self, name: str) -> Any:
        if name == "alias":
            raise NoSuchName("an aggregate has no 'alias'", hint=f"name it: .agg(total=cd.{self.function}(...))")
        if name.startswith("_"):
            raise AttributeError(name)
        raise NoSuchName(
            f"an aggregate has no '{name}'", hint='compute behind it: .agg(x=...).with_columns(y=col("x") / 2)'
        )

    def __str__(self) -> str:
        inside = [] if self.argument is None else [str(self.argument)]
        inside += [f"{value!r}" for _, value in self.options]
        if self.order_by:
            inside.append("order_by " + ", ".join(str(e) for e in self.order_by))
        if self.of:
            inside.append(f"of {self.of}")
        return f"{self.function}({', '.join(inside)})"
