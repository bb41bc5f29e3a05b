"""Expressions as SQL text: the walk that engines share. What a function is written as, each engine says itself.

A maker takes a `Site` and returns text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from caudal.core.errors import PlanError
from caudal.core.types import BOOL, DataType, Schema
from caudal.engines.jvm.relation import own
from caudal.plan import expr as e
from caudal.plan.signature import NULL

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Site(Generic[L]):
    """A call as it stands in an expression: types of the (widened) arguments and of the result, options, texts of the
    arguments, the arguments themselves, and what collects the functions that the text calls."""

    function: str
    types: tuple[DataType, ...]
    result: DataType
    options: dict[str, Any]
    args: tuple[str, ...]
    given: tuple[e.Expr, ...]
    library: L

    def constant(self, at: int) -> Any:
        """Return the value of an argument that is a constant, else None."""
        given = self.given[at]
        while isinstance(given, e.Call) and given.function == "alias":
            given = given.args[0]
        return given.value if isinstance(given, e.Literal) else None


S = TypeVar("S", bound="Site[Any]")


class Makers(dict[str, Callable[[S], str]]):
    """For each function of the catalogue what writes it."""

    def shows(self, *names: str) -> Callable[[Callable[[S], str]], Callable[[S], str]]:
        """Register what writes these functions."""

        def register(make: Callable[[S], str]) -> Callable[[S], str]:
            self.update(dict.fromkeys(names, make))
            return make

        return register


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine spells: `type_of` a type, `literal` a constant, `call(function, other fields of its site)` a call."""

    engine: str
    type_of: Callable[[DataType], str]
    literal: Callable[[Any, DataType], str]
    call: Callable[[str, dict[str, Any]], str]


class Printer(Generic[L]):
    """Writes the expressions over one schema."""

    def __init__(self, dialect: Dialect, schema: Schema, library: L) -> None:
        self._dialect = dialect
        self._schema = schema
        self._library = library

    def whole(self, expr: e.Expr, wanted: DataType) -> str:
        """Return the expression widened to a type."""
        dialect, got = self._dialect, expr.infer(self._schema)
        if got == NULL:
            return dialect.literal(None, wanted)
        if isinstance(expr, e.Literal):
            value = float(expr.value) if wanted.is_float and expr.value is not None else expr.value
            return dialect.literal(value, wanted)
        if isinstance(expr, e.Call) and expr.function == "alias":
            return self.whole(expr.args[0], wanted)
        text = self._text(expr)
        spelled = dialect.type_of(wanted)
        return text if dialect.type_of(got) == spelled else f"CAST({text} AS {spelled})"

    def _text(self, expr: e.Expr) -> str:
        if isinstance(expr, e.Column):
            return own(expr.name)
        if not isinstance(expr, e.Call):
            raise PlanError(
                f"{expr} cannot be written for {self._dialect.engine}",
                hint="its Python functions must be taken out before",
            )
        wanted, result = expr.signature(self._schema)
        fields = {
            "types": wanted,
            "result": result,
            "options": dict(expr.options),
            "args": tuple(self.whole(arg, BOOL if t == NULL else t) for arg, t in zip(expr.args, wanted)),
            "given": expr.args,
            "library": self._library,
        }
        try:
            return self._dialect.call(expr.function, fields)
        except PlanError as error:
            if not error.detail:
                error.detail = f"in {expr}"
            raise
