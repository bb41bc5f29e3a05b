"""Expressions: caudal's own small typed language.

Three nodes make every expression: a `Column` by name, a typed `Literal`, and a `Call` of a function of the catalogue
(`plan.functions`), which pins names, argument types and results. Python operators and SQL text build the same nodes.
Expressions are total: they never raise while a pipeline runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from caudal.core.types import BOOL, FLOAT64, INT64, STRING, DataType, Schema


class Expr:
    """An expression. Its operators build new expressions; nothing is computed before a pipeline runs."""

    __slots__ = ()

    def dtype(self, schema: Schema) -> DataType:
        """Return the type of the result over these columns; raises `PlanError` for unknown columns or mismatched types."""
        raise NotImplementedError

    def columns(self) -> frozenset[str]:
        """Return the names of the columns that the expression reads."""
        return frozenset(node.name for node in self.walk() if isinstance(node, Column))

    def walk(self) -> Iterator[Expr]:
        """Yield this node and all below it, parents first."""
        yield self

    def __bool__(self) -> bool:
        raise TypeError("an expression has no truth value: write & | ~ instead of and, or, not, and put == in parentheses")


@dataclass(frozen=True, slots=True, eq=False)
class Column(Expr):
    """The column `name` of the stream."""

    name: str

    def dtype(self, schema: Schema) -> DataType:
        return schema.dtype(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Literal(Expr):
    """A constant. `value` is a bool, int, float, str, bytes, None (with the type it stands for), or a tuple for lists."""

    value: Any
    type: DataType

    def dtype(self, schema: Schema) -> DataType:
        return self.type


@dataclass(frozen=True, slots=True, eq=False)
class Call(Expr):
    """A function of the catalogue over arguments; `options` are constants that are part of the function."""

    function: str
    args: tuple[Expr, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def walk(self) -> Iterator[Expr]:
        yield self
        for arg in self.args:
            yield from arg.walk()


def literal(value: Any) -> Literal:
    """Return a literal typed by its Python value: bool, int64, float64, string."""
    for kind, dtype in ((bool, BOOL), (int, INT64), (float, FLOAT64), (str, STRING)):
        if isinstance(value, kind):
            return Literal(value, dtype)
    raise TypeError(f"{value!r} cannot stand in an expression")
