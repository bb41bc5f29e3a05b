"""What the shards of a group are: which partitions each has, which stage of the plan it runs, where its rows go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from caudal.plan.nodes import RepartitionSource
from caudal.plan.plan import Plan
from caudal.ports.engine import BoundSource
from caudal.ports.source import Unchanging
from caudal.runner.migration import Fits
from caudal.runner.stages import Stages, repartition


class Nothing(Unchanging):
    """A source without partitions: for rows that another stage has."""

    def partitions(self) -> list[Any]:
        """Return none."""
        return []

    def close(self) -> None:
        """There is nothing."""


@dataclass(frozen=True, slots=True)
class Part:
    """One stage as it runs. `readers`: of the formats of what its partitions are read by, by operator id.

    `missing`: the operator ids of sources that have nothing here.
    """

    plan: Plan
    readers: Mapping[str, object]
    fits: Fits
    missing: tuple[str, ...] = ()

    @property
    def sinks(self) -> tuple[str, ...]:
        """The operator ids of its sinks, topics between stages among them."""
        return tuple(sink.name for sink in self.plan.sinks)

    def sources(self, sources: Mapping[str, Any], convicts: Any) -> dict[str, BoundSource]:
        """Return the sources that it is bound to, where its partitions are those of these. `convicts`: see `BoundSource`."""
        bound = {name: BoundSource(Nothing(), None) for name in self.missing}
        return {
            **{name: BoundSource(sources[name], reader, convicts) for name, reader in self.readers.items()},
            **bound,
        }


@dataclass(slots=True)
class Layout:
    """The shards of a group.

    `readers`: of the formats of sources, by their operator ids; `sources`: how many partitions the topics of each have; `counts`: how many
    shards each stage has. `prefix`: of the names of repartition topics; `allow_dropped`: see `Fits`.
    """

    stages: Stages
    logical: Plan
    readers: Mapping[str, object]
    sources: Mapping[str, Mapping[str, int]]
    counts: Mapping[str, int]
    prefix: str
    allow_dropped: bool = False
    topics: dict[str, int] = field(init=False)
    """How many partitions each repartition topic has."""
    _parts: dict[str, Part] = field(init=False)
    _stage_of: dict[str, str] = field(init=False)
    """The stage that reads each topic."""
    _source_of: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        between = {self.topic(name): name for name in self.stages.topics}
        self.topics = {topic: self.counts[name] for topic, name in between.items()}
        self._source_of = {topic: name for name, topics in self.sources.items() for topic in topics}
        read = {
            topic: stage
            for stage, sources in self.stages.sources.items()
            for source in sources
            for topic in self.sources[source.name]
        }
        self._stage_of = {**read, **between}
        self._parts = {name: self._part(name) for name in self.stages.names}

    def topic(self, stage: str) -> str:
        """Return the name of the topic that a stage reads which is none of a source's."""
        return f"{self.prefix}.{self.stages.topics[stage].slug}"

    def shard(self, partition: str) -> str:
        """Return the shard that a partition "topic/number" belongs to."""
        topic, _, number = partition.rpartition("/")
        return self.stages.shard(self._stage_of[topic], int(number))

    def shards(self, stage: str) -> list[str]:
        """Return all shards of a stage."""
        return [self.stages.shard(stage, number) for number in range(self.counts[stage])]

    def partitions(self, shard: str) -> set[str]:
        """Return all partitions of a shard."""
        stage, number = self.stages.stage(shard), int(shard.rpartition(".")[2])
        if stage in self.stages.topics:
            return {f"{self.topic(stage)}/{number}"}
        topics = [each for source in self.stages.sources[stage] for each in self.sources[source.name].items()]
        return {f"{name}/{number}" for name, count in topics if number < count}

    def source(self, partition: str) -> str:
        """Return the operator id of the source that reads a partition."""
        topic = partition.rpartition("/")[0]
        return self._source_of[topic] if topic in self._source_of else repartition(self._stage_of[topic])

    def by_source(self, partitions: Iterable[str]) -> dict[str, list[str]]:
        """Return partitions by the operator ids of the sources that read them."""
        found: dict[str, list[str]] = {}
        for name in partitions:
            found.setdefault(self.source(name), []).append(name)
        return found

    def part(self, shard: str) -> Part:
        """Return the stage that a shard runs."""
        return self._parts[self.stages.stage(shard)]

    def reads(self, shard: str) -> bool:
        """Whether a shard has partitions of sources."""
        return self.stages.stage(shard) in self.stages.sources

    def between(self, partition: str) -> bool:
        """Whether a partition is one of a topic between stages."""
        return partition.rpartition("/")[0] in self.topics

    def sinks(self) -> dict[str, str]:
        """Return the topics between stages by the operator ids of the sinks that write to them."""
        return {repartition(self._stage_of[topic]): topic for topic in self.topics}

    def _part(self, stage: str) -> Part:
        plan = self.stages.part(stage, self.counts)
        if stage in self.stages.topics:
            readers: dict[str, object] = {repartition(stage): None}
        else:
            readers = {source.name: self.readers.get(source.name) for source in self.stages.sources[stage]}
        missing = tuple(s.name for s in plan.sources if isinstance(s, RepartitionSource) and s.name not in readers)
        return Part(plan, readers, Fits.of(self.logical, plan, allow_dropped=self.allow_dropped), missing)
