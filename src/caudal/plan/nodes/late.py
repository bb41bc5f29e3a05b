"""Rows that came too late."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import INT64, STRING, TIMESTAMP, Field, Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Computed, Node, Own, Result
from caudal.plan.nodes.keyed import Keyed

LATE_FIELDS = (
    Field("late_time", TIMESTAMP),
    Field("late_source", STRING),
    Field("late_partition", STRING),
    Field("late_position", INT64),
    Field("late_operator", STRING),
    Field("late_watermark", TIMESTAMP),
)
"""What a late row carries beside its own columns: event time, where it came from, who found it late, and W_p."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Late(Node):
    """The late rows of a stateful operator. `whole`: the whole input row, else just what the operator reads."""

    kind: ClassVar[str] = "late"
    port: ClassVar[str] = "late"
    input: Node
    whole: bool = True

    @property
    def rows_of(self) -> tuple[Node, ...]:
        """The operator's input: a late row is one of that."""
        return self.input.inputs

    def results(self) -> Mapping[str, Result]:
        known = {field.name: Own() for field in LATE_FIELDS}
        return {name: known.get(name, Computed(Column(name))) for name in self.schema.names}

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        # what the operator reads is needed anyway
        return {above: set(above.schema.names) if self.whole else set() for above in self.rows_of}

    def derive(self) -> tuple[Schema, bool]:
        if not isinstance(self.input, Keyed):
            raise PlanError("only a stateful operator has late rows")
        reads = self.input.reads()
        # late rows that are late once more: what is known of the newest time takes the place of the older
        known = {f.name for f in LATE_FIELDS}
        rows = [f for f in self.input.input.schema if (self.whole or f.name in reads) and f.name not in known]
        return Schema([*rows, *LATE_FIELDS]), True
