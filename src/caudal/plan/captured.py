"""What earlier events of a pattern had: an aggregate over the rows that an event took, in the condition of a later one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Call, Column, Expr, Literal


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Captured(Expr):
    """An aggregate over the rows that an earlier event took (`aggregate.of`). It has a value in an event's condition alone."""

    aggregate: Aggregate

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Raise `PlanError`: it has none."""
        raise PlanError(f"the expression {self} has no name", hint="give it one with .alias('...')")

    def infer(self, schema: Schema) -> DataType:
        """Raise `PlanError`: no row has a value for it, only a row beside a pattern that has begun."""
        raise PlanError(
            f"{self} reads an earlier event of a pattern",
            hint='it stands in the condition of a later one: cd.event("big", col("bytes") > 10 * cd.first("bytes", of="small"))',
        )

    def dtype_over(self, schema: Schema) -> DataType:
        """Return the type of its value, over the columns that an event's rows have."""
        return replace(self.aggregate, of="").dtype(schema)

    def key(self) -> tuple[Any, ...]:
        """Return a hashable value, equal for expressions that are written alike."""
        made = self.aggregate
        return ("captured", made.function, made.of, made.options, *(each.key() for each in made.expressions()))

    def walk(self) -> Iterator[Expr]:
        """Yield this node and all below it, parents first."""
        yield self
        for each in self.aggregate.expressions():
            yield from each.walk()


def captured(expr: Expr) -> list[Captured]:
    """Return what an expression reads of earlier events."""
    return [part for part in expr.walk() if isinstance(part, Captured)]


def substituted(expr: Expr, change: Callable[[Captured], Expr]) -> Expr:
    """Return the expression with another in the place of each that reads an earlier event."""
    if isinstance(expr, Captured):
        return change(expr)
    if not isinstance(expr, Call) or not captured(expr):
        return expr
    return Call(expr.function, tuple(substituted(arg, change) for arg in expr.args), expr.options)


def of_the_row(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return the expression with another in the place of each part that reads no earlier event, the largest such parts."""
    if not captured(expr):
        return change(expr)
    if isinstance(expr, Captured):
        argument = expr.aggregate.argument
        return expr if argument is None else Captured(replace(expr.aggregate, argument=of_the_row(argument, change)))
    if isinstance(expr, Call):
        return Call(expr.function, tuple(of_the_row(arg, change) for arg in expr.args), expr.options)
    return expr


_OPERATORS = ("add", "sub", "mul", "div", "neg", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not")
COMPUTED = frozenset((*_OPERATORS, "is_null", "is_not_null", "coalesce", "alias"))
"""What a condition may do with what it reads of earlier events: a step computes it for each pattern that has begun."""

Program = tuple[Any, ...]
"""A condition for the step: ("row", number) of what is computed of a row, ("of", number) of what is read of earlier events,
("value", constant), or (function, whether its arguments are floats, type of its result, *programs)."""


@dataclass(slots=True)
class Reading:
    """What conditions read, numbered: `rows`, expressions over a row; `earlier`, of earlier events, typed by `schema`."""

    schema: Schema
    rows: list[Expr]
    earlier: list[Captured]

    def program(self, expr: Expr) -> Program:
        """Return a condition as the step takes it; raises `PlanError` for what it cannot compute."""
        typed = Schema(
            [*self.schema, *(Field(f"\0{i}", e.dtype_over(self.schema)) for i, e in enumerate(self.earlier))]
        )
        return self._program(expr, typed)

    def read(self, expr: Expr) -> None:
        """Number what a condition reads of earlier events."""
        self.earlier += captured(expr)

    def typed(self, expr: Expr) -> DataType:
        """Return the type of a condition that reads earlier events."""
        found = {id(each): each.dtype_over(self.schema) for each in captured(expr)}
        names = {number: f"\0{i}" for i, number in enumerate(found)}
        schema = Schema([*self.schema, *(Field(names[number], dtype) for number, dtype in found.items())])
        return substituted(expr, lambda each: Column(names[id(each)])).dtype(schema)

    def _program(self, expr: Expr, typed: Schema) -> Program:
        if isinstance(expr, Captured):
            return ("of", next(i for i, each in enumerate(self.earlier) if each is expr))
        if isinstance(expr, Literal):
            return ("value", expr.value)
        if not captured(expr):
            self.rows.append(expr)
            return ("row", len(self.rows) - 1)
        assert isinstance(expr, Call)
        if expr.function not in COMPUTED:
            raise PlanError(
                f"{expr.function}() cannot be computed of an earlier event",
                detail=f"in {expr}",
                hint="comparisons, + - * / and, or, not can; what is of the row alone may be anything",
            )
        whole = substituted(expr, lambda each: Column(f"\0{next(i for i, e in enumerate(self.earlier) if e is each)}"))
        assert isinstance(whole, Call)
        types, result = whole.signature(typed)
        floats = tuple(each.is_float for each in types)
        return (expr.function, floats, str(result), *(self._program(arg, typed) for arg in expr.args))


def parted(condition: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the parts of a condition that must all hold: those of the row alone, and those that read earlier events."""
    if isinstance(condition, Call) and condition.function == "and":
        alone: list[Expr] = []
        beside: list[Expr] = []
        for arg in condition.args:
            more = parted(arg)
            alone += more[0]
            beside += more[1]
        return alone, beside
    return ([], [condition]) if captured(condition) else ([condition], [])
