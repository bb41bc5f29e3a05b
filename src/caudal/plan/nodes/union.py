"""The rows of several streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.plan.expr import Column
from caudal.plan.nodes.base import Node
from caudal.plan.nodes.select import Select


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Union(Node):
    """The rows of all inputs, which must have the same columns and types."""

    kind: ClassVar[str] = "union"
    streams: tuple[Node, ...]

    @property
    def inputs(self) -> tuple[Node, ...]:
        return self.streams

    def over(self, inputs: Sequence[Node]) -> Union:
        return replace(self, streams=tuple(inputs))

    def even(self, inputs: Sequence[Node]) -> Union:
        """Return the union over inputs that are given the same columns again, where one carries more than is used."""
        wanted = [n for n in inputs[0].schema.names if all(n in s.schema for s in inputs)]
        streams = []
        for i, stream in enumerate(inputs):
            if list(stream.schema.names) != wanted:
                stream = Select(name=f"{self.name}.{i}", input=stream, columns=tuple((n, Column(n)) for n in wanted))
            streams.append(stream)
        return self.over(streams)

    def derive(self) -> tuple[Schema, bool]:
        if len(self.streams) < 2:
            raise PlanError("union takes at least two streams")
        first = self.streams[0].schema
        wanted = [(f.name, f.dtype) for f in first]
        for other in self.streams[1:]:
            if [(f.name, f.dtype) for f in other.schema] != wanted:
                raise PlanError(
                    "union takes streams of the same columns",
                    detail=f"{first}  against  {other.schema}",
                    hint="bring them to one shape with select(...)",
                )
        if len({s.timed for s in self.streams}) > 1:
            raise PlanError("union of a stream with event time and one without", hint="give both sources event_time=")
        return first, self.streams[0].timed
