"""Rows written by a connector."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import ClassVar

from caudal.core.types import STRING, Field, Schema
from caudal.plan.nodes.base import LATER, Node, Pairs


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Sink(Node):
    """Rows written by a connector, encoded by a format. It emits nothing.

    `identity`: the name of a text column that is written behind the others and holds the row's identity, "" for none.
    `pipelines`: in a plan of several pipelines those that it is of; `known`: the operators above it that these call otherwise:
    (id in the plan, id in the pipeline).
    """

    kind: ClassVar[str] = "sink"
    shape: ClassVar[str] = "end"
    input: Node
    connector: str
    options: Pairs
    format: str = ""
    format_options: Pairs = ()
    identity: str = ""
    pipelines: tuple[str, ...] = field(default=(), metadata=LATER)
    known: Pairs = field(default=(), metadata=LATER)

    @property
    def moves(self) -> str:
        return "encoded on any core, written by one at a time"

    def needs(self, used: Set[str]) -> dict[Node, Set[str]]:
        return {self.input: set(self.input.schema.names)}

    def derive(self) -> tuple[Schema, bool]:
        extra = [Field(self.identity, STRING)] if self.identity else []
        return Schema([*self.input.schema, *extra]), self.input.timed

    def describe(self) -> str:
        parts = [self.connector, *(f"{k}={v!r}" for k, v in self.options if isinstance(v, str | int | bool | float))]
        return " ".join([*parts, f"format={self.format}"] if self.format else parts)
