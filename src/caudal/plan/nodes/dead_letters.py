"""Records that are no rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import BOOL, INT64, STRING, TIMESTAMP, Field, Schema
from caudal.plan.nodes.base import Node, Own, Result

DEAD_FIELDS = (
    Field("source", STRING),
    Field("partition", STRING),
    Field("position", INT64),
    Field("operator", STRING),
    Field("reason", STRING),
    Field("message", STRING),
    Field("detail", STRING),
    Field("payload", STRING),
    Field("truncated", BOOL),
    Field("event_time", TIMESTAMP),
)
"""The columns of a dead letter."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class DeadLetters(Node):
    """The records that an operator could not take, with position and reason."""

    kind: ClassVar[str] = "dead"
    port: ClassVar[str] = "dead"
    input: Node

    @property
    def rows_of(self) -> tuple[Node, ...]:
        """None: what it holds is not made of columns."""
        return ()

    @property
    def identified(self) -> bool:
        return self.input.identified

    def results(self) -> Mapping[str, Result]:
        return {field.name: Own() for field in DEAD_FIELDS}

    def derive(self) -> tuple[Schema, bool]:
        if not self.input.has_dead:
            raise PlanError("only a source, or an operator that calls Python functions, has dead letters")
        return Schema(DEAD_FIELDS), False
