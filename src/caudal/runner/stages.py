"""Stages: the parts of a plan between repartition topics, each of which a group of workers shares by partition.

The first stage reads the source, and keeps state by its partitions: that of operators whose keys contain, unmodified, the column
that the partitions are made by (`partitioned_by=`), for then all rows of a key are in one partition. An operator with other keys
begins a stage of its own, behind a topic that is partitioned by these. What follows stays in its stage as long as its keys contain
those that the stage is partitioned by.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from caudal.core.errors import OptionError
from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Computed, Key, Keyed, Named, Node, RepartitionSink, RepartitionSource, Sink, Source, Union
from caudal.plan.nodes.base import show_named
from caudal.plan.plan import Plan, with_inputs

FIRST = ""
"""The stage that reads the source."""

MOST = 128
"""Partitions that a repartition topic may have: each takes whole key groups."""

_NEVER = 1 << 62
"""Milliseconds: whether a repartition partition is idle is told by what it holds."""

_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""What of an operator's id is no part of a topic's name, or of a shard's."""


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
        clean = _NO_NAME.sub("-", self.operator)[:60]
        if clean == self.operator and not clean.isdigit():
            return clean
        return f"{clean}-{hashlib.md5(self.operator.encode(), usedforsecurity=False).hexdigest()[:6]}"


class Stages:
    """The stages of a plan as it runs, with one source. `topics`: those between them, in the order of the plan.

    `alone`: why workers cannot share this plan's input, "" where they can.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.topics: dict[str, Topic] = {}
        self.alone = ""
        self._of: dict[Node, frozenset[str]] = {}
        self._roots: dict[str, Node] = {}
        for node in plan.nodes:
            self._of[node] = self._stages_of(node)

    @property
    def names(self) -> tuple[str, ...]:
        """All stages, the first one first."""
        return (FIRST, *self.topics)

    def topic(self, shard: str) -> Topic | None:
        """Return the topic that a shard reads; None for the source's."""
        slug, dot, _ = shard.rpartition(".")
        return next(topic for topic in self.topics.values() if topic.slug == slug) if dot else None

    def shard(self, stage: str, number: int) -> str:
        """Return the name of the shard behind the partitions of one number."""
        return str(number) if stage == FIRST else f"{self.topics[stage].slug}.{number}"

    def counts(self, source: int, wanted: int = 0) -> dict[str, int]:
        """Return how many shards each stage has. `source`: partitions of the source; `wanted`: those of repartition topics, 0: as many.

        Raises `OptionError` for more than there are key groups.
        """
        if not 0 <= wanted <= MOST:
            raise OptionError(
                f"a repartition topic has 1 to {MOST} partitions, not {wanted}",
                hint="state moves in 128 key groups, and each partition takes one at least",
            )
        many = wanted or min(source, MOST)
        return {FIRST: source, **{name: many if topic.keys else 1 for name, topic in self.topics.items()}}

    def rows(self, stage: str) -> str:
        """Return what the rows of the topic that a stage reads are: the columns' names and types, and the keys."""
        (above,) = self._roots[stage].inputs
        columns = ", ".join(f"{field.name} {field.dtype.spec}" for field in above.schema.fields)
        return f"{columns} by {', '.join(name for name, _ in self.topics[stage].keys) or 'nothing'}"

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
            head = (
                "by partition of the source" if topic is None else f"by partition of the topic GROUP.JOB.{topic.slug}"
            )
            keys = "" if topic is None else f", which has {topic.by}, since {topic.why}"
            lines.append(f"  {head}{keys}: {', '.join(kept) or 'nothing that keeps state'}")
        return "\n".join(lines)

    # -- where an operator belongs -------------------------------------------------------------------------------

    def _stages_of(self, node: Node) -> frozenset[str]:
        if isinstance(node, Source):
            self._roots[FIRST] = node
            return frozenset([FIRST])
        above: frozenset[str] = frozenset().union(*(self._of[each] for each in node.inputs))
        if not isinstance(node, Keyed):
            return above
        why = self._apart(node, above)
        if not why:
            return above
        self.topics[node.name] = Topic(node.name, node.keys, why)
        self._roots[node.name] = node
        self.alone = self.alone or _unordered(node)
        return frozenset([node.name])

    def _apart(self, node: Keyed, above: frozenset[str]) -> str:
        """Return why an operator cannot keep its state by the partitions of its input, "" where it can."""
        if len(above) > 1:
            return "its rows come from several stages"
        (stage,) = above
        root = self._roots[stage]
        if isinstance(root, Source):
            column = dict(root.options).get("partitioned_by", "")
            where = root.name or root.connector
            if not column:
                return f"nothing says by which column {where} is partitioned"
            if not node.keys:
                return "it has no key: all rows come together"
            if not any(_is(expr, node.input, root, column) for _, expr in node.keys):
                return f"its keys do not contain {column}, by which {where} is partitioned"
            return ""
        assert isinstance(root, Keyed)
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
    if any(isinstance(each, Union) for each in _above(node)):
        return f"{node.name}: it takes rows in order, and they are those of a union"
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
