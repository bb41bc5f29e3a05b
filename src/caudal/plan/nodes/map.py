"""What a function makes of each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.nodes.base import Called, Node, Result
from caudal.plan.python import JIT, ROW, PythonFunction


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Map(Node):
    """One row for each row: what a function makes of it. The row keeps its event time, whatever its columns say."""

    kind: ClassVar[str] = "map"
    input: Node
    function: PythonFunction
    output: Schema

    def derive(self) -> tuple[Schema, bool]:
        if not len(self.output):
            raise PlanError(f"{self.kind} needs the schema of what the function gives", hint='schema={"x": "float64"}')
        if self.function.kind == JIT:
            raise self.function.error(
                "a compiled function takes scalars, not rows",
                hint="call it in an expression: .with_columns(y=f(col('x')))",
            )
        self.function.check_takes("row" if self.function.kind == ROW else "frame")
        return self.output, self.input.timed

    @property
    def functions(self) -> tuple[PythonFunction, ...]:
        return (self.function,)

    def results(self) -> Mapping[str, Result]:
        return dict.fromkeys(self.output.names, Called(self.input.schema.names))

    def describe(self) -> str:
        return f"{self.function.name} ({self.function.kind} function)"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class FlatMap(Map):
    """Any number of rows for each row, all with its event time."""

    kind: ClassVar[str] = "flat_map"
    multiplies: ClassVar[bool] = True
