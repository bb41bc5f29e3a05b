"""What a function makes of the rows and timers of each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import NO_TIME, Called, Result
from caudal.plan.nodes.keyed import Keyed, refuse_unordered
from caudal.plan.python import PythonFunction
from caudal.plan.steps import TIMERS, KeyedStep
from caudal.plan.windows import PINNED, Order


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Process(Keyed):
    """Any number of rows, each with its keys, that a function makes of each row of a key, and of timers that it has set.

    `state`: what is kept of each key; `output`: the columns that it makes.
    """

    kind: ClassVar[str] = "process"
    function: PythonFunction
    output: Schema
    state: Schema
    order: Order = PINNED

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError("process needs the schema of what the function gives", hint='schema={"total": "int64"}')
        if self.function.kind != "row":
            raise self.function.error(
                f"process takes a plain function of state, rows and timers, not a {self.function.kind} function",
                hint="def step(state, rows, timers): yield {...}",
            )
        self.function.check_takes("state", "rows", "timers")
        if not self.input.timed or self.order.arrival:
            raise PlanError("timers are in event time, and there is none", hint=NO_TIME)
        refuse_unordered(self, self.order)
        return Schema([*self.key_fields(), *self.output]), True

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    @property
    def ordering(self) -> Order:
        return self.order

    @property
    def step(self) -> KeyedStep:
        given = tuple((name, Column(name)) for name in self.input.schema.names)
        options = (
            ("function", self.function),
            ("state", {field.name: field.dtype.spec for field in self.state}),
            ("timeout", self.function.timeout),
        )
        return KeyedStep("process", given, tuple(self.output), options, gathers=True, alone=TIMERS)

    def results(self) -> Mapping[str, Result]:
        return self.keyed() | dict.fromkeys(self.output.names, Called(self.input.schema.names))

    def reads(self) -> frozenset[str]:
        """Return the input columns that the function may read: all."""
        return frozenset(self.input.schema.names)

    def describe(self) -> str:
        kept = f"state of {', '.join(self.state.names)}, " if len(self.state) else ""
        return f"{self.show_keys()}by {self.function.name} ({self.function.kind} function), {kept}{self.order}"
