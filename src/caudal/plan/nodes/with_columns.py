"""The rows with further columns."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import ClassVar

from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Computed, Named, Node, Result, named_schema, show_named
from caudal.plan.nodes.select import Select
from caudal.plan.python import calls


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WithColumns(Node):
    """One row for each row, with these columns added or replaced."""

    kind: ClassVar[str] = "with_columns"
    row_wise: ClassVar[bool] = True
    input: Node
    columns: Named

    def derive(self) -> tuple[Schema, bool]:
        new = {f.name: f for f in named_schema(self.columns, self.input.schema)}
        fields = [new.get(f.name, f) for f in self.input.schema]
        return Schema([*fields, *(f for f in new.values() if f.name not in self.input.schema)]), self.input.timed

    def results(self) -> Mapping[str, Result]:
        new = {name: Computed(expr) for name, expr in self.columns}
        return {name: new.get(name, Computed(Column(name))) for name in self.schema.names}

    def trimmed(self, used: Set[str]) -> Node:
        if any(name in self.input.schema for name, _ in self.columns):
            return self._arranged(used)
        columns = tuple((name, expr) for name, expr in self.columns if name in used or calls(expr))
        return replace(self, columns=columns) if columns != self.columns else self

    def _arranged(self, used: Set[str]) -> Select:
        """Return a select in place of a with_columns that replaces columns: these stay where they stood.

        What they replace is not read from the input, where nobody else uses it, and so cannot tell their place.
        """
        new = dict(self.columns)
        names = [n for n in self.schema.names if n in used or (n in new and calls(new[n]))]
        pairs = tuple((n, new.get(n, Column(n))) for n in names or [self.columns[0][0]])
        return Select(name=self.name, input=self.input, columns=pairs)

    def describe(self) -> str:
        return show_named(self.columns)
