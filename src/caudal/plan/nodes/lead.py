"""Later values beside each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes.base import NO_TIME, Aggregated, Result, refuse_calls
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Lead(Keyed):
    """A row for each row, once it is known: its own columns, and in `into` what `value` is `n` rows behind it, of its key.

    `within`: how long after it that row may be at most, in milliseconds.
    """

    kind: ClassVar[str] = "lead"
    value: Expr
    n: int
    within: int
    into: str
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.n, int) or isinstance(self.n, bool) or self.n < 1:
            raise PlanError(f"lead goes on a number of rows, not {self.n!r}", hint="n=1 is the row behind")
        source = self.input.schema
        if not self.into:
            raise PlanError("lead has no name for its column", hint='into="next" names it')
        if self.into in source:
            raise PlanError(f"there is a column '{self.into}' already", hint='into="next" names the new one')
        if self.within < 1:
            raise PlanError("lead needs a time greater than zero to wait", hint='within="10m"')
        if not self.input.timed or self.order.arrival:
            raise PlanError("lead waits in event time, and there is none", hint=NO_TIME)
        refuse_unordered(self, self.order)
        refuse_calls([self.value])
        self.key_fields()
        return Schema([*source, Field(self.into, self.value.dtype(source))]), True

    @property
    def ordering(self) -> Order:
        return self.order

    @property
    def step(self) -> KeyedStep:
        own = tuple((name, Column(name)) for name in self.input.schema.names)
        options = (("n", self.n), ("within", self.within))
        return KeyedStep(
            "lead", (*own, (self.into, self.value)), tuple(self.schema), options, gathers=True, alone=TIMERS
        )

    def results(self) -> Mapping[str, Result]:
        own = {name: Aggregated(Aggregate("first", Column(name))) for name in self.input.schema.names}
        return own | {self.into: Aggregated(Aggregate("last", self.value))}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}{self.into}={self.value} {self.n} behind, within {duration.show(self.within)}, {self.order}"
