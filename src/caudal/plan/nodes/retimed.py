"""Event time that an operator's rows have, where the source's records have none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from caudal.core import duration
from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import Node, Role
from caudal.plan.nodes.explode import Explode
from caudal.plan.nodes.filter import Filter
from caudal.plan.nodes.select import Select
from caudal.plan.nodes.source import Source, check_time
from caudal.plan.nodes.with_columns import WithColumns

Stage = Filter | Select | WithColumns | Explode
"""Operators that may stand between a source and the event time of its rows."""


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Retimed(Node):
    """The rows with an event time, W_p computed by source partition as if they were the partition's records.

    The fields are those of a source. A row without a valid time is a dead letter.
    """

    kind: ClassVar[str] = "with_event_time"
    row_wise: ClassVar[bool] = True
    input: Node
    event_time: Expr
    unit: str = ""
    time_format: str = ""
    disorder: int = 0
    idle: int | None = None
    max_future: int | None = None

    def derive(self) -> tuple[Schema, bool]:
        check_time(self.event_time, self.input.schema, self.unit, self.time_format)
        if self.source.event_time is not None:
            raise PlanError(
                "the source has event time already",
                detail=f"event_time={self.source.event_time}",
                hint="leave out event_time= there: rows have one event time",
            )
        return self.input.schema, True

    @property
    def source(self) -> Source:
        """The source whose partitions the rows are of; raises `PlanError` where there are other operators than may be between."""
        node = self.input
        while isinstance(node, Stage):
            if node.functions:
                raise PlanError(
                    f"{node.functions[0].name}() is called before with_event_time",
                    hint="call it behind with_event_time",
                )
            node = node.input
        if not isinstance(node, Source):
            raise PlanError(
                f"with_event_time cannot stand behind {node.kind}",
                hint="between it and its source may be explode, filter, select and with_columns; all else goes behind it",
            )
        return node

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        yield Role.TIME, self.event_time

    @property
    def has_dead(self) -> bool:
        return True

    @property
    def moves(self) -> str:
        return "on any core, with the reading of its source; watermarks in the order of each partition"

    def describe(self) -> str:
        return f"event_time={self.event_time} disorder={duration.show(self.disorder)}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Staged(Source):
    """A source together with what stands between it and the event time of its rows; made by the rewrites."""

    kind: ClassVar[str] = "staged"
    retimed: Node
    """The `Retimed` whose rows it gives."""

    def derive(self) -> tuple[Schema, bool]:
        return self.retimed.schema, True

    @property
    def last(self) -> Retimed:
        """The operator whose rows it gives."""
        assert isinstance(self.retimed, Retimed)
        return self.retimed

    @property
    def stages(self) -> list[Stage]:
        """The operators between the records and the event time, in order."""
        found: list[Stage] = []
        node = self.last.input
        while isinstance(node, Stage):
            found.append(node)
            node = node.input
        return found[::-1]

    @property
    def needed(self) -> frozenset[str]:
        return self.last.source.needed

    @property
    def timing(self) -> Source:
        """What says how the rows get their event time, as a source whose records they are."""
        last = self.last
        return Source(
            name=last.name,
            connector=self.connector,
            options=(),
            declared=last.input.schema,
            event_time=last.event_time,
            unit=last.unit,
            time_format=last.time_format,
            disorder=last.disorder,
            max_future=last.max_future,
        )

    def describe(self) -> str:
        return f"{self.last.source.describe()}; event time by {self.last.name}"
