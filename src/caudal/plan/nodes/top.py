"""The first rows of whole windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes.base import Result, Role, passed, refuse_calls
from caudal.plan.nodes.keyed import RESERVED, Windowed, refuse_reserved, windowed_fields
from caudal.plan.steps import KeyedStep

Ranking = tuple[tuple[Expr, bool], ...]
"""What rows are ranked by: (expression, whether the largest comes first), ties by the next."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowTop(Windowed):
    """The rows of each key and window in the order of `by`, only the first `limit` of them (0: all).

    Rows that tie stand in pinned order. Keys, window_start and window_end stand before the rows' own columns.
    """

    kind: ClassVar[str] = "top"
    made_later: ClassVar[bool] = True
    by: Ranking
    limit: int = 0

    def derive(self) -> tuple[Schema, bool]:
        if self.limit < 0:
            raise PlanError(f"top cannot give {self.limit} rows", hint="top(10, by='bytes')")
        if not self.by:
            raise PlanError("top and sort need by=", hint="for example by='bytes'")
        for expr, _ in self.by:
            refuse_calls((expr,))
            if expr.dtype(self.input.schema).is_nested:
                raise PlanError(f"rows cannot be ranked by a {expr.dtype(self.input.schema)}", detail=f"by {expr}")
        refuse_reserved(self.input.schema.names)
        fields = windowed_fields(self, self.window)
        taken = {f.name for f in fields}
        return Schema([*fields, *(f for f in self.input.schema if f.name not in taken)]), self.input.timed

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield from Windowed.roles(self)
        for expr, _ in self.by:
            yield Role.RANK, expr

    @property
    def step(self) -> KeyedStep | None:
        schema = self.input.schema
        heads = {*(name for name, _ in self.keys), *RESERVED}
        passed = [f for f in schema if f.name not in heads]
        given = tuple((f.name, Column(f.name)) for f in passed)
        ranks = tuple((f"\0{i}", expr) for i, (expr, _) in enumerate(self.by))
        descending = [down for _, down in self.by]
        return self.counted("count_top", (*given, *ranks), passed, ("descending", descending), ("limit", self.limit))

    def results(self) -> Mapping[str, Result]:
        rows = passed(self.input.schema)
        return {name: (rows | self.windowed())[name] for name in self.schema.names}

    def reads(self) -> frozenset[str]:
        """Return the input columns that keys, ranking and window read, and those that are passed on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        ranked = ", ".join(f"{expr}{' descending' if descending else ''}" for expr, descending in self.by)
        return f"{self.show_keys()}in {self.window}: {f'first {self.limit} ' if self.limit else ''}by {ranked}"
