"""What the printer and the functions agree on.

A maker takes a `Site` and returns text. An argument that must stand twice goes through a SQL function of the library,
which Spark inlines with its arguments computed once: text would else grow with the power of the depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from caudal.core.types import DataType
from caudal.engines.spark.expressions.library import Library
from caudal.plan import expr as e


@dataclass(frozen=True, slots=True)
class Site:
    """A call as it stands in an expression: types of the (widened) arguments and of the result, options, texts of the
    arguments, the arguments themselves, and what collects the functions that the text calls."""

    function: str
    types: tuple[DataType, ...]
    result: DataType
    options: dict[str, Any]
    args: tuple[str, ...]
    given: tuple[e.Expr, ...]
    library: Library

    def constant(self, at: int) -> Any:
        """Return the value of an argument that is a constant, else None."""
        given = self.given[at]
        return given.value if isinstance(given, e.Literal) else None

    def sql(self, name: str, parameters: str, result: str, body: str) -> str:
        """Return the call of a SQL function of the library with this site's arguments."""
        return f"{self.library.sql(name, parameters, result, body)}({', '.join(self.args)})"


MAKERS: dict[str, Callable[[Site], str]] = {}


def shows(*names: str) -> Callable[[Callable[[Site], str]], Callable[[Site], str]]:
    """Register what writes these functions."""

    def register(make: Callable[[Site], str]) -> Callable[[Site], str]:
        MAKERS.update(dict.fromkeys(names, make))
        return make

    return register
