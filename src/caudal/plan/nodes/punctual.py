"""Rows of which none is late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import TIMESTAMP, Field, Schema
from caudal.plan.nodes.base import NO_TIME, Node, Own, Result


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Punctual(Node):
    """The same rows: one whose time is below its W_p has that as its event time, so that it is not late. `into`: its own time."""

    kind: ClassVar[str] = "punctual"
    row_wise: ClassVar[bool] = True
    input: Node
    into: str

    def derive(self) -> tuple[Schema, bool]:
        if not self.input.timed:
            raise PlanError("rows are in time or late by event time, and there is none", hint=NO_TIME)
        return Schema([*self.input.schema, Field(self.into, TIMESTAMP)]), True

    def results(self) -> Mapping[str, Result]:
        return {**Node.results(self), self.into: Own()}

    def describe(self) -> str:
        return f"late rows hold from the watermark on; their own time in '{self.into}'"
