"""What the shards of a group are: which partitions each has, which stage of the plan it runs, where its rows go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from caudal.plan.nodes import RepartitionSource
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource
from caudal.ports.source import Unchanging
from caudal.runner.migration import Fits
from caudal.runner.stages import FIRST, Stages, repartition


class Nothing(Unchanging):
    """A source without partitions: for rows that another stage has."""

    def partitions(self) -> list[Any]:
        """Return none."""
        return []

    def close(self) -> None:
        """There is nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One stage as it runs. `source`: the operator id of what its partitions are read by, `reader` that of its format.

    `missing`: the operator ids of sources that have nothing here.
    """

    plan: Plan
    source: str
    reader: object
    fits: Fits
    missing: tuple[str, ...] = ()

    @property
    def sinks(self) -> tuple[str, ...]:
        """The operator ids of its sinks, topics between stages among them."""
        return tuple(sink.name for sink in self.plan.sinks)

    def sources(self, source: Any, convicts: Any) -> dict[str, BoundSource]:
        """Return the sources that it is bound to, where its partitions are those of this one. `convicts`: see `BoundSource`."""
        bound = {name: BoundSource(Nothing(), None) for name in self.missing}
        return {self.source: BoundSource(source, self.reader, convicts), **bound}


@dataclass(slots=True)
class Layout:
    """The shards of a group whose source has these topics. `prefix`: of the names of repartition topics; `allow_dropped`: see `Fits`."""

    stages: Stages
    logical: Plan
    reader: object
    source: Mapping[str, int]
    counts: Mapping[str, int]
    prefix: str
    allow_dropped: bool = False
    topics: dict[str, int] = field(init=False)
    """How many partitions each repartition topic has."""
    _parts: dict[str, Part] = field(init=False)
    _stage_of: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self._stage_of = {self.topic(name): name for name in self.stages.topics}
        self.topics = {topic: self.counts[name] for topic, name in self._stage_of.items()}
        self._parts = {name: self._part(name) for name in self.stages.names}

    def topic(self, stage: str) -> str:
        """Return the name of the topic that a stage reads."""
        return f"{self.prefix}.{self.stages.topics[stage].slug}"

    def shard(self, partition: str) -> str:
        """Return the shard that a partition "topic/number" belongs to."""
        topic, _, number = partition.rpartition("/")
        return self.stages.shard(self._stage_of.get(topic, FIRST), int(number))

    def partitions(self, shard: str) -> set[str]:
        """Return all partitions of a shard."""
        topic = self.stages.topic(shard)
        number = int(shard.rpartition(".")[2])
        if topic is not None:
            return {f"{self.topic(topic.operator)}/{number}"}
        return {f"{name}/{number}" for name, count in self.source.items() if number < count}

    def part(self, shard: str) -> Part:
        """Return the stage that a shard runs."""
        topic = self.stages.topic(shard)
        return self._parts[FIRST if topic is None else topic.operator]

    def between(self, partition: str) -> bool:
        """Whether a partition is one of a topic between stages."""
        return partition.rpartition("/")[0] in self._stage_of

    def sinks(self) -> dict[str, str]:
        """Return the topics between stages by the operator ids of the sinks that write to them."""
        return {repartition(stage): topic for topic, stage in self._stage_of.items()}

    def _part(self, stage: str) -> Part:
        plan = self.stages.part(stage, self.counts)
        own = repartition(stage) if stage != FIRST else ""
        others = [s for s in plan.sources if isinstance(s, RepartitionSource) and s.name != own]
        (source,) = [s for s in plan.sources if s not in others]
        missing = tuple(s.name for s in others)
        reader = self.reader if stage == FIRST else None
        return Part(plan, source.name, reader, Fits.of(self.logical, plan, allow_dropped=self.allow_dropped), missing)
