"""Stateless neighbours as one chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Computed, Node, Own, Result, passed_on
from caudal.plan.nodes.filter import Filter
from caudal.plan.nodes.select import Select
from caudal.plan.nodes.with_columns import WithColumns
from caudal.plan.python import PythonFunction

Step = Filter | Select | WithColumns
"""The stateless operators that map rows of one input."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Fused(Node):
    """Stateless neighbours that run as one chain, made by a rewrite pass. `steps` are the logical operators, in order."""

    kind: ClassVar[str] = "chain"
    input: Node
    steps: tuple[Step, ...]

    def derive(self) -> tuple[Schema, bool]:
        return self.steps[-1].schema, self.steps[-1].timed

    def results(self) -> Mapping[str, Result]:
        """Return the columns that come through all steps as they are as what is passed on of the input; all others are made here."""
        came = {name: name for name in self.schema.names}
        for step in reversed(self.steps):
            passes = passed_on(step)
            came = {name: passes[at] for name, at in came.items() if at in passes}
        return {name: Computed(Column(came[name])) if name in came else Own() for name in self.schema.names}

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return tuple(f for step in self.steps for f in step.functions)

    def details(self) -> Iterator[str]:
        for step in self.steps:
            yield f"{step.name or step.kind}: {step.kind} {step.describe()}"

    def describe(self) -> str:
        return " | ".join(f"{s.kind} {s.describe()}" for s in self.steps)
