"""What a function makes of state and row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Called, Result
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.python import PythonFunction
from caudal.plan.steps import KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Reduce(Keyed):
    """A row for each row: its keys, and the state of its key behind it, which a function makes of state and row."""

    kind: ClassVar[str] = "reduce"
    function: PythonFunction
    output: Schema
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError("reduce needs the schema of its state", hint='schema={"total": "int64"}')
        if self.function.kind != "row":
            raise self.function.error(
                f"reduce takes a plain function of state and row, not a {self.function.kind} function",
                hint="def f(state, row): return {...}",
            )
        self.function.check_takes("state", "row")
        refuse_unordered(self, self.order)
        return Schema([*self.key_fields(), *self.output]), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    @property
    def ordering(self) -> Order | None:
        return self.order

    def results(self) -> Mapping[str, Result]:
        return self.keyed() | dict.fromkeys(self.output.names, Called(self.input.schema.names))

    @property
    def step(self) -> KeyedStep:
        given = tuple((name, Column(name)) for name in self.input.schema.names)
        options = (("function", self.function), ("timeout", self.function.timeout))
        return KeyedStep("reduce", given, tuple(self.output), options)

    def reads(self) -> frozenset[str]:
        """Return the input columns that the function may read: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        return f"{self.show_keys()}by {self.function.name} ({self.function.kind} function), {self.order}"
