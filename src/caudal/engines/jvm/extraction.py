"""Calls of Python functions, taken out of expressions: what is left is total, and is written as SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from caudal.core.types import DataType, Field, Schema
from caudal.plan.expr import Call, Column, Expr
from caudal.plan.python import PythonCall


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that became a column: the arguments read columns of the input and of calls before it."""

    column: str
    call: PythonCall
    args: tuple[Expr, ...]
    dtype: DataType


@dataclass(slots=True)
class Extracted:
    """Expressions without calls, and the calls in stages: what a stage reads, the ones before it have computed."""

    exprs: list[Expr] = field(default_factory=list)
    stages: list[list[Taken]] = field(default_factory=list)
    schema: Schema = field(default_factory=lambda: Schema(()))
    """Columns of the input and of all calls."""


def extract_calls(exprs: Iterable[Expr], schema: Schema) -> Extracted:
    """Return the expressions with each call replaced by a column, one that stands twice once, the innermost first."""
    out = Extracted(schema=schema)
    known: dict[tuple[object, ...], tuple[Column, int]] = {}

    def replaced(expr: Expr) -> tuple[Expr, int]:
        """Return the expression without calls, and the first stage behind those that it reads."""
        if isinstance(expr, PythonCall):
            key = expr.key()
            if key not in known:
                inner = [replaced(arg) for arg in expr.args]
                stage = max((at for _, at in inner), default=0)
                column = Column(f"__c{len(known)}")
                dtype = expr.dtype(schema)
                while len(out.stages) <= stage:
                    out.stages.append([])
                out.stages[stage].append(Taken(column.name, expr, tuple(arg for arg, _ in inner), dtype))
                out.schema = Schema([*out.schema, Field(column.name, dtype)])
                known[key] = (column, stage + 1)
            return known[key]
        if isinstance(expr, Call):
            inner = [replaced(arg) for arg in expr.args]
            stage = max((at for _, at in inner), default=0)
            return Call(expr.function, tuple(arg for arg, _ in inner), expr.options), stage
        return expr, 0

    out.exprs = [replaced(expr)[0] for expr in exprs]
    return out
