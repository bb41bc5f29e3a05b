"""Exponentially weighted moving averages beside each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import FLOAT64, Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.averages import Ewma as Average
from caudal.plan.nodes.base import NO_TIME, Aggregated, Named, Result, passed, refuse_calls
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Ewma(Keyed):
    """A row for each row: its own columns, keys that are none of them, and averages of `values` over the key's rows up to it.

    `alphas` and `half_lives` (in milliseconds) say of each average how earlier rows fade; one of both is 0.
    """

    kind: ClassVar[str] = "ewma"
    values: Named
    alphas: tuple[float, ...]
    half_lives: tuple[int, ...]
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        source = self.input.schema
        refuse_unordered(self, self.order)
        if any(self.half_lives) and (not self.input.timed or self.order.arrival):
            raise PlanError("ewma() with a half-life fades in event time, and there is none", hint=NO_TIME)
        refuse_calls(expr for _, expr in self.values)
        for (_, expr), average in zip(self.values, self.averages(), strict=True):
            dtype = expr.dtype(source)
            if not dtype.is_numeric:
                raise PlanError(f"ewma() takes a number, not {dtype}", detail=str(average))
        fields = [*source, *(f for f in self.key_fields() if f.name not in source)]
        return Schema([*fields, *(Field(name, FLOAT64) for name, _ in self.values)]), self.input.timed

    def averages(self) -> list[Average]:
        """Return the averages; raises `PlanError` for what is none."""
        faded = zip(self.values, self.alphas, self.half_lives, strict=True)
        return [Average(expr, alpha, half_life) for (_, expr), alpha, half_life in faded]

    @property
    def ordering(self) -> Order | None:
        return self.order

    @property
    def step(self) -> KeyedStep:
        made = tuple(Field(name, FLOAT64) for name, _ in self.values)
        return KeyedStep("ewma", self.values, made, (("alphas", self.alphas), ("half_lives", self.half_lives)))

    def results(self) -> Mapping[str, Result]:
        made = {name: Aggregated(Aggregate("last", expr)) for name, expr in self.values}
        return {name: (self.keyed() | passed(self.input.schema) | made)[name] for name in self.schema.names}

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        shown = ", ".join(f"{name}={average}" for (name, _), average in zip(self.values, self.averages(), strict=True))
        return f"{self.show_keys()}{shown}, {self.order}"
