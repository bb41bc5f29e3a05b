"""Aggregates over windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Field, Schema
from caudal.plan.nodes.base import Aggregated, Aggregates, Result, refuse_calls
from caudal.plan.nodes.keyed import RESERVED, Windowed, refuse_reserved, windowed_fields
from caudal.plan.steps import KeyedStep, folding


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowAggregate(Windowed):
    """One row for each key and window that has a row: keys, window_start, window_end, aggregates."""

    kind: ClassVar[str] = "window"
    aggregates: Aggregates

    def derive(self) -> tuple[Schema, bool]:
        if not self.aggregates:
            raise PlanError("agg takes at least one aggregate", hint="for example agg(total=cd.count())")
        source = self.input.schema
        fields = windowed_fields(self, self.window)
        fields += [Field(name, aggregate.dtype(source)) for name, aggregate in self.aggregates]
        refuse_reserved(n for n, _ in self.aggregates)
        refuse_calls(e for _, a in self.aggregates for e in a.expressions())
        return Schema(fields), self.input.timed

    @property
    def order_sensitive(self) -> bool:
        """Whether a result depends on the order of rows, so that positions must be carried."""
        return not self.window.in_time or any(a.order_sensitive for _, a in self.aggregates)

    @property
    def row_key(self) -> tuple[str, ...]:
        return (*(name for name, _ in self.keys), *RESERVED)

    @property
    def step(self) -> KeyedStep | None:
        given, made, functions, needs = folding(self.aggregates, self.input.schema, self.ordering)
        return self.counted("count_aggregate", given, made, ("functions", functions), needs=needs)

    def results(self) -> Mapping[str, Result]:
        return self.windowed() | {name: Aggregated(aggregate) for name, aggregate in self.aggregates}

    def describe(self) -> str:
        return f"{self.show_keys()}in {self.window}: " + ", ".join(f"{n}={a}" for n, a in self.aggregates)
