"""Where a plan is cut in two because rows of a key come from several source partitions: they meet behind a repartition topic.

No user writes these nodes: they stand in the plans of stages (`runner.stages`), at both ends of the topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import ClassVar

from caudal.core.types import Schema
from caudal.plan.expr import Expr
from caudal.plan.nodes.base import Named, Role, show_named
from caudal.plan.nodes.sink import Sink
from caudal.plan.nodes.source import Source


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RepartitionSink(Sink):
    """Rows on their way to the repartition topic, by `keys`, with their event time, W_p and place; watermarks go to every partition.

    `partitions`: how many the topic has.
    """

    kind: ClassVar[str] = ""
    keys: Named
    partitions: int

    def roles(self) -> Iterator[tuple[Role, Expr]]:
        for _, expr in self.keys:
            yield Role.KEY, expr

    def derive(self) -> tuple[Schema, bool]:
        return self.input.schema, self.input.timed

    def describe(self) -> str:
        keys = f"by {show_named(self.keys)}" if self.keys else "all together"
        return f"{keys}, {self.partitions} partition{'' if self.partitions == 1 else 's'}"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RepartitionSource(Source):
    """Rows behind a repartition topic, with the event time, W_p and place that they had before it.

    `writers`: the shards that write to the topic, each of which tells how far it is; none of them holds rows back that it has not
    been heard of. Without writers it stands for rows that another stage has: it never has any.
    """

    kind: ClassVar[str] = ""
    clock: bool = True
    """Whether its rows carry event time."""
    writers: tuple[str, ...] = ()

    def derive(self) -> tuple[Schema, bool]:
        return self.declared, self.clock

    def trimmed(self, used: Set[str]) -> Source:
        return self
