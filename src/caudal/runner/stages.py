"""Stages: the parts of a plan between repartition topics, each of which a group of workers shares by partition.

Each source begins a stage, which keeps state by its partitions: that of operators whose keys contain, unmodified, the column
that the partitions are made by (`partitioned_by=`), for then all rows of a key are in one partition. An operator with other keys,
or over rows of several stages, begins a stage of its own, behind a topic that is partitioned by these. What follows stays in its
stage as long as its keys contain those that the stage is partitioned by.

Sources that an operator's rows come from begin one stage together where their partitions of one number have the same keys: no topic is
needed then.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from caudal.core.errors import OptionError
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Computed, Key, Keyed, Named, Node, RepartitionSink, RepartitionSource, Sink, Source
from caudal.plan.nodes.base import show_named
from caudal.plan.plan import Plan, with_inputs

FIRST = ""
"""The stage that reads all sources. Of several stages that read sources each has the operator id of its first one."""

MOST = 128
"""Partitions that a repartition topic may have: each takes whole key groups."""

_NEVER = 1 << 62
"""Milliseconds: whether a repartition partition is idle is told by what it holds."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""What of an operator's id is no part of a topic's name, or of a shard's."""


Sources = tuple[Source, ...]
Together = Callable[[Sources], bool]


@dataclass(frozen=True, slots=True)
class Topic:
    """A repartition topic: the operator that reads it, the keys that it is partitioned by, and why it is needed."""

    operator: str
    keys: Named
    why: str

    @property
    def by(self) -> str:
        """What its partitions are made by, in words."""
        return f"partitions by {show_named(self.keys)}" if self.keys else "one partition"

    @property
    def slug(self) -> str:
        """The operator's id as a part of a topic's name."""
        return slug_of(self.operator)


class Stages:
    """The stages of a plan as it runs. `sources`: what those read that read any; `topics`: those between stages, in the order of the plan.

    `alone`: why workers cannot share this plan's input, "" where they can; what is given is known already.
    """

    def __init__(self, plan: Plan, alone: str = "", together: Together | None = None) -> None:
        """`together`: whether sources have as many partitions each, None: that is not known yet, so they are taken not to have."""
        self._plan = plan
        self._given = alone
        self._together = together
        groups: list[Sources] = [(source,) for source in plan.sources]
        while met := self._walk(groups):
            first = next(group for group in groups if group[0] in met)
            groups = [met if group is first else group for group in groups if group is first or group[0] not in met]

    def known(self, together: Together) -> Stages:
        """Return the stages of the same plan, where that is known."""
        return Stages(self._plan, self._given, together)

    @property
    def names(self) -> tuple[str, ...]:
        """All stages, those that read sources first."""
        return (*self.sources, *self.topics)

    def stage(self, shard: str) -> str:
        """Return the stage that a shard runs."""
        slug = shard.rpartition(".")[0]
        return next(name for name in self.names if slug == (slug_of(name) if name else ""))

    def shard(self, stage: str, number: int) -> str:
        """Return the name of the shard behind the partitions of one number."""
        return shard_of(stage, number)

    def counts(self, topics: Mapping[str, Mapping[str, int]], wanted: int = 0) -> dict[str, int]:
        """Return how many shards each stage has.

        `topics`: of each source how many partitions its topics have; `wanted`: those of repartition topics, 0: as many as most.
        Raises `OptionError` for more than there are key groups.
        """
        if not 0 <= wanted <= MOST:
            raise OptionError(
                f"a repartition topic has 1 to {MOST} partitions, not {wanted}",
                hint="state moves in 128 key groups, and each partition takes one at least",
            )
        read = {
            stage: max((count for source in sources for count in topics[source.name].values()), default=0)
            for stage, sources in self.sources.items()
        }
        many = wanted or min(max(read.values()), MOST)
        return {**read, **{name: many if topic.keys else 1 for name, topic in self.topics.items()}}

    def rows(self, stage: str) -> str:
        """Return what the rows of the topic that a stage reads are: the columns' names and types, and the keys."""
        (above,) = self._roots[stage].inputs
        columns = ", ".join(f"{field.name} {field.dtype.spec}" for field in above.schema.fields)
        return f"{columns} by {', '.join(name for name, _ in self.topics[stage].keys) or 'nothing'}"

    def above(self, stage: str) -> frozenset[str]:
        """Return the stages that write to the topic that a stage reads."""
        (above,) = self._roots[stage].inputs
        return self._of[above]

    def placing(self, stage: str) -> dict[str, tuple[int, ...]]:
        """Return which of the keys of each of its operators tell the partition that a row belongs to."""
        kept = [node for node in self._plan.nodes if isinstance(node, Keyed) and stage in self._of[node]]
        if stage in self.sources:
            return {node.name: (_common(node, _among(self.sources[stage], node)),) for node in kept}
        root = self._roots[stage]
        names = [name for name, _ in self.topics[stage].keys]
        return {node.name: tuple(_key(node, root, name) for name in names) for node in kept}

    def part(self, stage: str, counts: Mapping[str, int]) -> Plan:
        """Return the plan of one stage: sources and sinks of topics stand where it begins and ends."""
        new: dict[Node, Node] = {}
        sinks: list[Sink] = []
        for node in self._plan.nodes:
            if node.name in self.topics:
                (above,) = node.inputs
                if stage in self._of[above]:
                    sinks.append(self._sink(node, new[above], counts))
                if node.name == stage:
                    new[node] = node.over([self._source(node, above, counts)])
            elif stage in self._of[node]:
                inputs = [new[each] if each in new else _nothing(each) for each in node.inputs]
                new[node] = with_inputs(node, inputs)
                if isinstance(node, Sink):
                    sinks.append(_as_sink(new[node]))
        return Plan(self._plan.name, tuple(sinks))

    def to_text(self) -> str:
        """Return what a group of workers makes of the plan, for people: a stage a line, with the operators that keep state in it."""
        if self.alone:
            return f"  one worker reads all partitions: {self.alone}"
        lines = []
        for name in self.names:
            topic = self.topics.get(name)
            kept = [node.name for node in self._plan.nodes if isinstance(node, Keyed) and name in self._of[node]]
            head = f"by partition of {self._read(name) if topic is None else f'the topic GROUP.JOB.{topic.slug}'}"
            keys = "" if topic is None else f", which has {topic.by}, since {topic.why}"
            lines.append(f"  {head}{keys}: {', '.join(kept) or 'nothing that keeps state'}")
        return "\n".join(lines)

    def _read(self, stage: str) -> str:
        """Return what a stage reads, in words."""
        sources = [source.name for source in self.sources[stage]]
        if len(self._plan.sources) == 1:
            return "the source"
        return f"the source {sources[0]}" if len(sources) == 1 else f"the sources {', '.join(sources)} together"

    # -- where an operator belongs -------------------------------------------------------------------------------

    def _walk(self, groups: Sequence[Sources]) -> Sources:
        """Find the stages, where these sources begin one together; return further ones that may, as it turns out, () for none."""
        self.sources = {FIRST if len(groups) == 1 else group[0].name: group for group in groups}
        self.topics: dict[str, Topic] = {}
        self.alone = self._given
        self._of: dict[Node, frozenset[str]] = {}
        self._roots: dict[str, Keyed] = {}
        for node in self._plan.nodes:
            above: frozenset[str] = frozenset().union(*(self._of[each] for each in node.inputs))
            if isinstance(node, Source):
                above = frozenset(stage for stage, sources in self.sources.items() if node in sources)
            elif isinstance(node, Keyed) and (why := self._apart(node, above)):
                met = self._meeting(node, above)
                if met and self._together is not None and self._together(met):
                    return met
                if met and self._together is None:
                    names = " and ".join(source.name for source in met)
                    why += f" (there is none where the topics of {names} have as many partitions each)"
                self.topics[node.name] = Topic(node.name, node.keys, why)
                self._roots[node.name] = node
                self.alone = self.alone or _unordered(node)
                above = frozenset([node.name])
            self._of[node] = above
        return ()

    def _meeting(self, node: Keyed, above: frozenset[str]) -> Sources:
        """Return the sources of several stages whose rows of one key are in partitions of one number, if there are as many; () for none."""
        if len(above) == 1 or not above <= self.sources.keys():
            return ()
        found = tuple(s for s in self._plan.sources if any(s in self.sources[stage] for stage in above))
        options = [dict(source.options) for source in found]
        placed = {
            each.get("partitioner") for each in options if each.get("partitioned_by") and not each.get("unchecked")
        }
        alike = len(placed) == 1 and all(each.get("partitioned_by") and not each.get("unchecked") for each in options)
        return found if alike and _common(node, _among(found, node)) >= 0 else ()

    def _apart(self, node: Keyed, above: frozenset[str]) -> str:
        """Return why an operator cannot keep its state by the partitions of its input, "" where it can."""
        if len(above) > 1:
            return "its rows come from several stages"
        (stage,) = above
        if stage in self.sources:
            return _apart_from(node, _among(self.sources[stage], node))
        root = self._roots[stage]
        for name, _ in root.keys:
            if not any(_is(expr, node.input, root, name) for _, expr in node.keys):
                return f"its keys do not contain {name}, by which the rows behind {root.name} are partitioned"
        return ""

    # -- where stages meet ---------------------------------------------------------------------------------------

    def _sink(self, node: Node, above: Node, counts: Mapping[str, int]) -> RepartitionSink:
        topic = self.topics[node.name]
        return RepartitionSink(
            name=repartition(node.name),
            input=above,
            connector="repartition",
            options=(),
            keys=topic.keys,
            partitions=counts[node.name],
        )

    def _source(self, node: Node, above: Node, counts: Mapping[str, int]) -> RepartitionSource:
        writers = [self.shard(stage, n) for stage in sorted(self._of[above]) for n in range(counts[stage])]
        return _source(repartition(node.name), above, tuple(writers))


def _among(sources: Sources, node: Node) -> Sources:
    """Return those of these sources that rows of a node come from."""
    above = _above(node)
    return tuple(source for source in sources if source in above)


def _column(source: Source) -> str:
    return dict(source.options).get("partitioned_by", "")


def _common(node: Keyed, sources: Sources) -> int:
    """Return which key of an operator is the column that the partitions of each of these sources are made by; -1: none."""
    keys = (expr for _, expr in node.keys)
    fits = (all(_is(expr, node.input, source, _column(source)) for source in sources) for expr in keys)
    return next((number for number, fit in enumerate(fits) if fit), -1)


def _apart_from(node: Keyed, sources: Sources) -> str:
    """Return why an operator cannot keep its state by the partitions of sources that begin one stage, "" where it can."""
    for source in sources:
        column, where = _column(source), source.name or source.connector
        if not column:
            return f"nothing says by which column {where} is partitioned"
        if not node.keys:
            return "it has no key: all rows come together"
        if _common(node, (source,)) < 0:
            return f"its keys do not contain {column}, by which {where} is partitioned"
    return "" if _common(node, sources) >= 0 else "no key of it is what all its sources are partitioned by"


def slug_of(operator: str) -> str:
    """Return an operator's id as a part of names: of a topic's, or a shard's."""
    clean = _NO_NAME.sub("-", operator)[:60]
    if clean == operator and not clean.isdigit():
        return clean
    return f"{clean}-{hashlib.md5(operator.encode(), usedforsecurity=False).hexdigest()[:6]}"


def shard_of(stage: str, number: int) -> str:
    """Return the name of the shard behind the partitions of one number."""
    return str(number) if stage == FIRST else f"{slug_of(stage)}.{number}"


def repartition(operator: str) -> str:
    """Return the name that both ends of an operator's repartition topic have in the plans of stages."""
    return f"repartition:{operator}"


def _as_sink(node: Node) -> Sink:
    """Return a node that is known to be a sink."""
    assert isinstance(node, Sink)
    return node


def _source(name: str, like: Node, writers: tuple[str, ...]) -> RepartitionSource:
    return RepartitionSource(
        name=name,
        connector="repartition",
        options=(),
        declared=like.schema,
        clock=like.timed,
        idle=_NEVER,
        writers=writers,
    )


def _nothing(node: Node) -> RepartitionSource:
    """Return what stands for the rows of another stage, so that ways into operators are counted as in the whole plan."""
    return _source(f"elsewhere:{node.name}", node, ())


def _unordered(node: Keyed) -> str:
    """Return why rows would not reach the operator in the order of one process, "" where they do, or where it asks for none."""
    ordering = node.ordering
    if ordering is not None and ordering.arrival:
        return f"{node.name}: it takes rows as they arrive, and they would come from several partitions"
    if not node.order_sensitive:
        return ""
    if any(isinstance(each, Keyed) for each in _above(node)):
        return f"{node.name}: it takes rows in order, and those of one time would come from several workers"
    return ""


def _above(node: Node) -> set[Node]:
    """Return all nodes above one, each looked at once however many ways lead to it."""
    found: set[Node] = set()
    waiting = list(node.inputs)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += each.inputs
    return found


def _key(node: Keyed, root: Node, column: str) -> int:
    """Return which key of an operator is a column of the root's rows; of the root itself, its key of that name."""
    if node is root:
        return [name for name, _ in node.keys].index(column)
    return next(i for i, (_, expr) in enumerate(node.keys) if _is(expr, node.input, root, column))


def _is(expr: Expr, over: Node, root: Node, column: str) -> bool:
    """Whether an expression over a node's rows is that column of the root's rows, whichever way they come from there."""
    if not isinstance(expr, Column):
        return False
    if over is root:
        return expr.name == column
    result = over.results().get(expr.name)
    ways = [each for each in over.rows_of if each is root or root in _above(each)]
    if isinstance(result, Computed | Key) and ways:
        return all(_is(result.expr, each, root, column) for each in ways)
    return False
