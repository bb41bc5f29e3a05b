"""Each row several times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import INT64, Field, Schema
from caudal.plan.nodes.base import Node, Own, Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Copies(Node):
    """Each row once for each of `instances` instances, whose number stands in `column` (Storm's all grouping)."""

    kind: ClassVar[str] = "all"
    multiplies: ClassVar[bool] = True
    input: Node
    instances: int
    column: str

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.instances, int) or isinstance(self.instances, bool) or self.instances < 1:
            raise PlanError(f"rows cannot go to {self.instances!r} instances", hint="write .all(3), a whole number")
        return Schema([*self.input.schema, Field(self.column, INT64)]), self.input.timed

    def results(self) -> Mapping[str, Result]:
        return {**Node.results(self), self.column: Own()}

    def describe(self) -> str:
        return f"to {self.instances} instances, numbered in '{self.column}'"
