"""Expressions as Flink SQL text that computes exactly what the catalogue pins."""

from __future__ import annotations

from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import BOOL, DataType, Schema
from caudal.engines.flink import natives, natives_text, natives_time  # noqa: F401 - each registers its functions
from caudal.engines.flink.library import Library
from caudal.engines.flink.natives import Site
from caudal.engines.flink.spelling import literal, name_of, type_of
from caudal.plan import expr as e
from caudal.plan.signature import NULL

LONGEST = 500_000
"""Characters of one expression: what is longer repeats its parts too often to be worth compiling."""


def show(expr: e.Expr, schema: Schema, library: Library) -> str:
    """Return the expression over columns of these names and types as Flink SQL text.

    The text has the type `spelling.type_of(expr.dtype(schema))`, never raises for what a row holds, and means what it
    says in a table environment with `spelling.SETTINGS` on which `library.source()` was run. Calls of Python functions
    of the user's must have been taken out before. Raises `PlanError` for unknown columns, mismatched types, patterns,
    formats or networks that cannot be read, and an expression that is nested too deeply.
    """
    return _Printer(schema, library).whole(expr, expr.dtype(schema))


class _Printer:
    def __init__(self, schema: Schema, library: Library) -> None:
        self.schema = schema
        self.library = library

    def whole(self, expr: e.Expr, wanted: DataType) -> str:
        """Return the expression widened to a type."""
        got = expr.infer(self.schema)
        if got == NULL:
            return literal(None, wanted)
        if isinstance(expr, e.Literal):
            value = float(expr.value) if wanted.is_float and expr.value is not None else expr.value
            return literal(value, wanted)
        if isinstance(expr, e.Call) and expr.function == "alias":
            return self.whole(expr.args[0], wanted)
        text = self._text(expr)
        return text if type_of(got) == type_of(wanted) else f"CAST({text} AS {type_of(wanted)})"

    def _text(self, expr: e.Expr) -> str:
        if isinstance(expr, e.Column):
            return name_of(expr.name)
        if not isinstance(expr, e.Call):
            raise PlanError(f"{expr} cannot be written for Flink", hint="its Python functions must be taken out before")
        wanted, result = expr.signature(self.schema)
        if result == NULL:
            return literal(None, result)
        args = tuple(self.whole(arg, BOOL if t == NULL else t) for arg, t in zip(expr.args, wanted))
        options: dict[str, Any] = dict(expr.options)
        site = Site(expr.function, wanted, result, options, args, expr.args, self.library)
        try:
            text = natives.MAKERS[expr.function](site)
        except PlanError as error:
            if not error.detail:
                error.detail = f"in {expr}"
            raise
        if len(text) > LONGEST:
            raise PlanError(
                f"an expression is too deeply nested for Flink: {len(text)} characters of SQL",
                hint="compute its parts as columns first: .with_columns(...)",
            )
        return text
