"""At most a row of each key in so much time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import INT64, Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column
from caudal.plan.nodes.base import NO_TIME, Aggregated, Own, Result
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Throttle(Keyed):
    """At most a row of each key in `every` milliseconds: its own columns, and in `into` how many were held back beside it."""

    kind: ClassVar[str] = "throttle"
    every: int
    into: str
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        source = self.input.schema
        if self.every < 1:
            raise PlanError("throttle needs a time greater than zero", hint='throttle("1h")')
        if not self.input.timed or self.order.arrival:
            raise PlanError("throttle counts in event time, and there is none", hint=NO_TIME)
        if self.into in source:
            raise PlanError(f"there is a column '{self.into}' already", hint='into="suppressed" names the new one')
        refuse_unordered(self, self.order)
        self.key_fields()
        return Schema([*source, Field(self.into, INT64)]), True

    @property
    def ordering(self) -> Order:
        return self.order

    @property
    def step(self) -> KeyedStep:
        given = tuple((name, Column(name)) for name in self.input.schema.names)
        options = (("every", self.every),)
        return KeyedStep("throttle", given, tuple(self.schema), options, gathers=True, alone=TIMERS)

    def results(self) -> Mapping[str, Result]:
        own = {name: Aggregated(Aggregate("last", Column(name))) for name in self.input.schema.names}
        return own | {self.into: Own()}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}one in {duration.show(self.every)}, {self.order}"
