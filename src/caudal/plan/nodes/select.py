"""The rows with other columns."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.nodes.base import Computed, Named, Node, Result, named_schema, show_named
from caudal.plan.python import calls


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Select(Node):
    """One row for each row, with just these columns."""

    kind: ClassVar[str] = "select"
    row_wise: ClassVar[bool] = True
    input: Node
    columns: Named

    def derive(self) -> tuple[Schema, bool]:
        if not self.columns:
            raise PlanError("select takes at least one column")
        return named_schema(self.columns, self.input.schema), self.input.timed

    def results(self) -> Mapping[str, Result]:
        return {name: Computed(expr) for name, expr in self.columns}

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        return {self.input: set().union(*(expr.columns() for _, expr in self._left(used)))}

    def trimmed(self, used: Set[str]) -> Select:
        left = self._left(used)
        return replace(self, columns=left) if left != self.columns else self

    def _left(self, used: Set[str]) -> Named:
        """Return the columns that are used, one at least: rows must still pass, if only to be counted."""
        left = tuple((name, expr) for name, expr in self.columns if name in used or calls(expr))
        return left or self.columns[:1]

    def describe(self) -> str:
        return show_named(self.columns)
