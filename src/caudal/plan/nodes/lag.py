"""Earlier values beside each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import Aggregated, Result, passed, refuse_calls
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Lag(Keyed):
    """A row for each row: its own columns, and in `into` what `value` was `n` rows before it, of its key."""

    kind: ClassVar[str] = "lag"
    value: Expr
    n: int
    into: str
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.n, int) or isinstance(self.n, bool) or self.n < 1:
            raise PlanError(f"lag goes back a number of rows, not {self.n!r}", hint="n=1 is the row before")
        source = self.input.schema
        if not self.into:
            raise PlanError("lag has no name for its column", hint='into="previous" names it')
        if self.into in source:
            raise PlanError(f"there is a column '{self.into}' already", hint='into="previous" names the new one')
        refuse_unordered(self, self.order)
        refuse_calls([self.value])
        self.key_fields()
        return Schema([*source, Field(self.into, self.value.dtype(source))]), self.input.timed

    @property
    def ordering(self) -> Order | None:
        return self.order

    @property
    def step(self) -> KeyedStep:
        made = (Field(self.into, self.schema.dtype(self.into)),)
        return KeyedStep("lag", (("value", self.value),), made, (("n", self.n),))

    def results(self) -> Mapping[str, Result]:
        return passed(self.input.schema) | {self.into: Aggregated(Aggregate("last", self.value))}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}{self.into}={self.value} {self.n} before, {self.order}"
