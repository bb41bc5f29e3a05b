"""Some of the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import BOOL, Schema
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import Node, Role


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Filter(Node):
    """The rows for which `predicate` is true; null is not true."""

    kind: ClassVar[str] = "filter"
    row_wise: ClassVar[bool] = True
    input: Node
    predicate: Expr

    def derive(self) -> tuple[Schema, bool]:
        dtype = self.predicate.dtype(self.input.schema)
        if dtype != BOOL:
            raise PlanError(
                f"a filter takes a bool, not {dtype}", detail=str(self.predicate), hint="compare it with something"
            )
        return self.input.schema, self.input.timed

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield Role.FILTER, self.predicate

    def describe(self) -> str:
        return str(self.predicate)
