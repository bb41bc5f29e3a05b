"""Aggregates up to each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Field, Schema
from caudal.plan.nodes.base import Aggregated, Aggregates, Result, passed, refuse_calls
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.steps import KeyedStep, folding
from caudal.plan.windows import Order, Sliding


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Running(Keyed):
    """A row for each row: its own columns (keys that are none of them too), and aggregates over the frame up to it."""

    kind: ClassVar[str] = "running"
    frame: Sliding
    aggregates: Aggregates

    def derive(self) -> tuple[Schema, bool]:
        if not self.aggregates:
            raise PlanError("aggregates are missing", hint="for example total=cd.count()")
        refuse_unordered(self, self.frame.order)
        source = self.input.schema
        fields = [*source, *(f for f in self.key_fields() if f.name not in source)]
        fields += [Field(name, aggregate.dtype(source)) for name, aggregate in self.aggregates]
        refuse_calls(e for _, a in self.aggregates for e in a.expressions())
        return Schema(fields), self.input.timed

    @property
    def ordering(self) -> Order | None:
        return self.frame.order

    @property
    def makes(self) -> str:
        return f"{self.kind} {self.show_keys()}{self.frame}"

    def results(self) -> Mapping[str, Result]:
        made = {name: Aggregated(aggregate) for name, aggregate in self.aggregates}
        return {name: (self.keyed() | passed(self.input.schema) | made)[name] for name in self.schema.names}

    @property
    def step(self) -> KeyedStep:
        frame = self.frame
        given, made, functions, needs = folding(self.aggregates, self.input.schema, self.ordering)
        endless = ("running aggregates", "a frame of all rows so far would keep them all; sliding windows are done")
        grows = None if frame.size or frame.rows else endless
        options = (("functions", functions), ("size", frame.size), ("rows", frame.rows))
        return KeyedStep("running", given, made, options, grows=grows, needs=needs)

    def reads(self) -> frozenset[str]:
        """Return the input columns that it reads and passes on: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        shown = ", ".join(f"{n}={a}" for n, a in self.aggregates)
        return f"{self.show_keys()}over {self.frame}: {shown}"
