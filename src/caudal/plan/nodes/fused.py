"""Stateless neighbours as one chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.types import Schema
from caudal.plan.nodes.base import Node
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

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return tuple(f for step in self.steps for f in step.functions)

    def details(self) -> Iterator[str]:
        for step in self.steps:
            yield f"{step.name or step.kind}: {step.kind} {step.describe()}"

    def describe(self) -> str:
        return " | ".join(f"{s.kind} {s.describe()}" for s in self.steps)
