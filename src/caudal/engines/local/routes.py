"""Routes: from an output port of a source or a stateful operator through stateless chains to terminals.

A route is a tree, since streams fan out; a morsel runs through the whole tree on one core. Every edge to a terminal gets
exactly one delivery for each morsel that enters the route, even when no row is left, so that terminals can keep order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from caudal.columnar.morsel import Morsel
from caudal.plan.nodes import DeadLetters, Filter, Fused, Late, Node, Select, Step, Union, WithColumns

if TYPE_CHECKING:
    from caudal.engines.local.counters import Counters
    from caudal.engines.local.terminals import Terminal

StepRun = Callable[[Morsel], Morsel]


@dataclass(eq=False, slots=True)
class Edge:
    """One way into a terminal.

    `path`: the inputs taken at the unions on the way, nearest to the terminal first; `branch`: its rank among the ways
    into the terminal by path, which orders copies of one row.
    """

    terminal: Terminal
    number: int
    path: tuple[int, ...] = ()
    branch: int = 0


@dataclass(slots=True)
class Branch:
    """Steps, then terminals and further branches."""

    steps: list[StepRun] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)

    def run(self, morsel: Morsel | None) -> Iterator[tuple[Edge, Morsel | None]]:
        """Yield what each edge receives: rows, or None when none are left."""
        if morsel is not None and morsel.rows:
            for step in self.steps:
                morsel = step(morsel)
                if not morsel.rows:
                    break
        rows = morsel if morsel is not None and morsel.rows else None
        for edge in self.edges:
            yield edge, rows
        for branch in self.branches:
            yield from branch.run(rows)

    def all_edges(self) -> Iterator[Edge]:
        """Yield every edge of the tree."""
        yield from self.edges
        for branch in self.branches:
            yield from branch.all_edges()


def build(
    node: Node,
    port: Callable[[Node], bool],
    consumers: dict[Node, list[Node]],
    terminal: Callable[[Node, tuple[int, ...]], Edge | None],
    bind: Callable[..., Any],
    counters: Counters,
) -> Branch:
    """Return the route from `node` to all terminals below it; `port` says which consumers read this port."""
    root = Branch()
    for consumer in consumers[node]:
        if port(consumer):
            _follow(root, node, consumer, consumers, terminal, bind, counters)
    return root


def _follow(
    parent: Branch,
    source: Node,
    node: Node,
    consumers: dict[Node, list[Node]],
    terminal: Callable[[Node, tuple[int, ...]], Edge | None],
    bind: Callable[..., Any],
    counters: Counters,
    path: tuple[int, ...] = (),
) -> None:
    edge = terminal(node, path)
    if edge is not None:
        parent.edges.append(edge)
        return
    if isinstance(node, Union):
        path = (node.streams.index(source), *path)
    branch = Branch()
    parent.branches.append(branch)
    if isinstance(node, Filter | Select | WithColumns):
        branch.steps = _steps((node,), bind, counters)
    elif isinstance(node, Fused):
        branch.steps = _steps(node.steps, bind, counters)
    else:
        assert isinstance(node, Union | Late | DeadLetters), node.kind
        names = node.schema.names
        branch.steps = [lambda morsel: morsel.with_columns({n: morsel.columns[n] for n in names})]
    for consumer in consumers[node]:
        if consumer.kind not in ("late", "dead"):
            _follow(branch, node, consumer, consumers, terminal, bind, counters, path)


def _steps(steps: tuple[Step, ...], bind: Callable[..., Any], counters: Counters) -> list[StepRun]:
    """Return the runtime of a chain; neighbouring filters share one gathering of rows."""
    out: list[StepRun] = []
    filters: list[Filter] = []
    for step in steps:
        if isinstance(step, Filter):
            filters.append(step)
            continue
        if filters:
            out.append(_filters(filters, bind, counters))
            filters = []
        out.append(_select(step, bind))
    if filters:
        out.append(_filters(filters, bind, counters))
    return out


def _filters(filters: list[Filter], bind: Callable[..., Any], counters: Counters) -> StepRun:
    masks = [(f.name, bind(f.predicate, f.input.schema).mask) for f in filters]

    def run(morsel: Morsel) -> Morsel:
        left = morsel.rows
        keep = None
        for name, mask in masks:
            passed = mask(morsel)
            keep = passed if keep is None else keep & passed
            now = int(np.count_nonzero(keep))
            if now != left:
                counters.add(name, "filtered", left - now)
                left = now
            if not left:
                break
        return morsel if left == morsel.rows or keep is None else morsel.take(np.flatnonzero(keep))

    return run


def _select(step: Select | WithColumns, bind: Callable[..., Any]) -> StepRun:
    bound = [(name, bind(expr, step.input.schema)) for name, expr in step.columns]
    names = step.schema.names
    whole = isinstance(step, Select)

    def run(morsel: Morsel) -> Morsel:
        new = {name: compute(morsel) for name, compute in bound}
        columns = new if whole else {n: new[n] if n in new else morsel.columns[n] for n in names}
        return morsel.with_columns(columns)

    return run
