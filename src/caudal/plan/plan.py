"""A plan: a named graph of nodes that ends in sinks, with an id for every operator."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from caudal.core.errors import PlanError
from caudal.core.naming import cut
from caudal.plan.nodes import Node, Sink, Source


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """Sinks and everything upstream of them.

    `nodes` are in topological order: inputs first, in the order in which the sinks reach them. `ids` maps each node to
    its operator id: the `name=` given, else kind and a short hash of kind and upstream ids, so that an id survives
    rewrites, changed thresholds and new branches elsewhere.
    """

    name: str
    sinks: tuple[Sink, ...]
    nodes: tuple[Node, ...] = field(init=False)
    ids: dict[Node, str] = field(init=False, repr=False)

    def __repr__(self) -> str:
        ends = cut(", ".join(self.ids[sink] for sink in self.sinks), 120)
        return f"Pipeline({self.name!r}: {len(self.nodes)} operators, into {ends})"

    def __post_init__(self) -> None:
        if not self.name or not isinstance(self.name, str):
            raise PlanError("a pipeline needs a name", hint='cd.Pipeline("dos", alerts.to(...))')
        if not self.sinks:
            raise PlanError("a pipeline needs at least one sink", hint='end a stream with .to("console")')
        for sink in self.sinks:
            if not isinstance(sink, Sink):
                raise PlanError(
                    f"a pipeline takes sinks, not {type(sink).__name__}", hint='end the stream with .to("files", ...)'
                )
        nodes = _topological(self.sinks)
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "ids", _ids(nodes))

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources, in topological order."""
        return tuple(n for n in self.nodes if isinstance(n, Source))

    def consumers(self) -> dict[Node, list[Node]]:
        """Return for each node the nodes that read it, in topological order (a node twice if it reads twice)."""
        out: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                out[source].append(node)
        return out

    def pinned(self) -> Plan:
        """Return the same plan with every operator's id as its name, so that rewrites keep ids."""
        new: dict[Node, Node] = {}
        for node in self.nodes:
            new[node] = replace(with_inputs(node, [new[i] for i in node.inputs]), name=self.ids[node])
        return Plan(self.name, tuple(_sink(new[s]) for s in self.sinks))

    def rebuild(self, change: Callable[[Node, dict[Node, Node]], Node]) -> Plan:
        """Return a plan in which each node, inputs first, is replaced by change(node with its new inputs, old -> new).

        Nodes that do not change stay the same objects.
        """
        new: dict[Node, Node] = {}
        for node in self.nodes:
            new[node] = change(with_inputs(node, [new[i] for i in node.inputs]), new)
        return Plan(self.name, tuple(_sink(new[s]) for s in self.sinks))


def _sink(node: Node) -> Sink:
    assert isinstance(node, Sink)
    return node


def with_inputs(node: Node, inputs: Sequence[Node], *, even: bool = False) -> Node:
    """Return the node over other inputs, some of which may carry more columns (`even`); itself when they are the same."""
    if all(a is b for a, b in zip(node.inputs, inputs, strict=True)):
        return node
    return node.even(inputs) if even else node.over(inputs)


def _topological(sinks: Sequence[Node]) -> tuple[Node, ...]:
    done: dict[Node, None] = {}
    stack: list[tuple[Node, bool]] = [(s, False) for s in reversed(sinks)]
    while stack:
        node, expanded = stack.pop()
        if node in done:
            continue
        if expanded:
            done[node] = None
        else:
            stack.append((node, True))
            stack.extend((i, False) for i in reversed(node.inputs))
    return tuple(done)


def _ids(nodes: Sequence[Node]) -> dict[Node, str]:
    ids: dict[Node, str] = {}
    taken: dict[str, Node] = {}
    for node in nodes:
        if node.name:
            if node.name in taken:
                raise PlanError(
                    f"two operators are named '{node.name}'", hint="names are operator ids: make them differ"
                )
            ids[node] = node.name
            taken[node.name] = node
    for node in nodes:
        if node in ids:
            continue
        upstream = "/".join([node.kind, *(ids[i] for i in node.inputs)])
        base = f"{node.kind}-{hashlib.md5(upstream.encode(), usedforsecurity=False).hexdigest()[:4]}"
        candidate, number = base, 2
        while candidate in taken:
            candidate, number = f"{base}-{number}", number + 1
        ids[node] = candidate
        taken[candidate] = node
    return ids
