"""What a function makes of whole windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import LATER, Called, Result
from caudal.plan.nodes.keyed import Windowed, refuse_reserved, windowed_fields
from caudal.plan.python import JIT, PythonFunction
from caudal.plan.steps import KeyedStep

Names = tuple[tuple[str, str], ...]
Sides = tuple[str, Names, Names]
"""The column that says "left" or "right"; then for each side the columns of its frame: (its name there, the column)."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class WindowApply(Windowed):
    """What a function makes of all rows of a key and window, as a frame or as arrays: keys, bounds, its columns.

    `sides`: where the rows are those of two streams, how the function gets them as two frames.
    """

    kind: ClassVar[str] = "apply"
    made_later: ClassVar[bool] = True
    function: PythonFunction
    output: Schema
    sides: Sides | None = field(default=None, metadata=LATER)

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError("apply needs the schema of what the function gives", hint='schema={"x": "float64"}')
        names = self.input.schema.names
        if self.sides is not None:
            if self.function.kind == JIT:
                raise self.function.error(
                    "a compiled function cannot take the rows of two sides", hint="use @cd.batch, or a plain function"
                )
            self.function.check_takes("left", "right")
        elif self.function.kind != JIT:
            self.function.check_takes("frame")
        for parameter in self.function.parameters if self.function.kind == JIT else ():
            if parameter.name not in names:
                self.input.schema[parameter.name]  # raises with the nearest name
        refuse_reserved(names)
        refuse_reserved(self.output.names)
        return Schema([*windowed_fields(self, self.window), *self.output]), self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    @property
    def takes(self) -> tuple[str, ...]:
        """The input columns that the function gets: those of its parameters' names if it is compiled, else all."""
        if self.function.kind == JIT:
            return tuple(p.name for p in self.function.parameters)
        return self.input.schema.names

    @property
    def step(self) -> KeyedStep | None:
        given = tuple((name, Column(name)) for name in self.takes)
        function = (("function", self.function), ("kind", self.function.kind))
        return self.counted("count_apply", given, self.output, *function)

    def results(self) -> Mapping[str, Result]:
        return self.windowed() | dict.fromkeys(self.output.names, Called(self.takes))

    def describe(self) -> str:
        return f"{self.show_keys()}in {self.window}: {self.function.name} ({self.function.kind} function)"
