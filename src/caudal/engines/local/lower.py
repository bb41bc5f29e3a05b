"""Lowering: a rewritten plan becomes a job of intakes, routes and terminals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caudal.columnar.column import Column
from caudal.columnar.morsel import Morsel
from caudal.core.errors import PlanError
from caudal.engines.local.counters import Counters
from caudal.engines.local.expressions import bind
from caudal.engines.local.identity import identities
from caudal.engines.local.intake import Intake
from caudal.engines.local.job import Job, Settings
from caudal.engines.local.origins import Origins
from caudal.engines.local.routes import Edge, build
from caudal.engines.local.terminals import SinkTerminal, WindowTerminal
from caudal.engines.local.windows.operator import WindowOperator
from caudal.engines.local.windows.panes import PaneOperator
from caudal.engines.local.windows.sessions import SessionOperator
from caudal.plan.nodes import DeadLetters, Late, Node, Sink, Source, WindowAggregate
from caudal.plan.plan import Plan
from caudal.plan.windows import Hopping, Session
from caudal.ports.engine import Bindings

OPERATORS: dict[type, type[WindowOperator]] = {Hopping: PaneOperator, Session: SessionOperator}


def lower(plan: Plan, bindings: Bindings, settings: Settings, live: bool) -> Job:
    """Return a job that is ready to start; partitions are taken in, nothing is read yet."""
    counters, origins = Counters(), Origins()
    job = Job(settings, counters, origins)
    consumers = plan.consumers()
    edges: list[Edge] = []
    made: dict[Node, Any] = {}
    ordered = _numbered(plan)
    live = live or any(p.live for bound in bindings.sources.values() for p in bound.source.partitions())

    def terminal(node: Node, path: tuple[int, ...]) -> Edge | None:
        if isinstance(node, Sink):
            if node not in made:
                sink = bindings.sinks[node.name]
                identify = _identify(plan.name, origins) if node.identity else None
                made[node] = SinkTerminal(node.name, counters, sink, node.schema.names, live, identify)
                job.sinks[node.name] = made[node]
        elif isinstance(node, WindowAggregate):
            if node not in made:
                made[node] = _window(job, node, node in ordered)
        else:
            return None
        edges.append(Edge(made[node], len(edges) + 1, path))
        return edges[-1]

    def route(node: Node, kinds: type | tuple[type, ...] | None) -> Any:
        def reads(consumer: Node) -> bool:
            side = isinstance(consumer, Late | DeadLetters)
            return not side if kinds is None else isinstance(consumer, kinds)

        return build(node, reads, consumers, terminal, bind, counters)

    for node in plan.nodes:
        if isinstance(node, Source | WindowAggregate):
            job.routes[node.name] = route(node, None)
        if isinstance(node, Source):
            job.dead_routes[node.name] = route(node, DeadLetters)
        elif isinstance(node, WindowAggregate):
            job.late_routes[node.name] = route(node, Late)
            job.emissions[node.name] = (origins.number(node.name, ""), 0)
    _rank(edges)
    for node in plan.sources:
        bound = bindings.sources[node.name]
        judged = any(isinstance(e.terminal, WindowTerminal) for e in job.routes[node.name].all_edges())
        intake = Intake(node, node.name, bound.source, bound.reader, bind, counters, judged)
        if settings.morsel_rows:
            intake.slice_rows = settings.morsel_rows
        job.intakes.append(intake)
        for edge in job.routes[node.name].all_edges():
            if isinstance(edge.terminal, WindowTerminal):
                edge.terminal.endless = edge.terminal.endless or bound.source.live
        for partition in bound.source.partitions():
            job.add_partition(intake, partition)
    return job


def _rank(edges: list[Edge]) -> None:
    ways: dict[Any, list[Edge]] = {}
    for edge in edges:
        ways.setdefault(edge.terminal, []).append(edge)
    for several in ways.values():
        for branch, edge in enumerate(sorted(several, key=lambda e: e.path)):
            edge.branch = branch


def _identify(pipeline: str, origins: Origins) -> Callable[[Morsel], Column]:
    return lambda morsel: identities(morsel, pipeline, origins.names.__getitem__)


def _window(job: Job, node: WindowAggregate, numbered: bool) -> WindowTerminal:
    kind = OPERATORS.get(type(node.window))
    if kind is None:
        raise PlanError(f"the local engine has no {type(node.window).__name__} windows", location=node.name)
    operator = kind(node, node.name, bind, job.origins.ranks, numbered)
    terminal = WindowTerminal(node.name, job.counters, operator, job.emitter(node.name), job.settings.clock, job.grown)
    job.windows[node.name] = terminal
    return terminal


def _numbered(plan: Plan) -> set[Node]:
    """Return the windows whose results must stand in pinned order: an operator that depends on order reads them."""
    found: set[Node] = set()
    wanted: set[Node] = set()
    for node in reversed(plan.nodes):
        if isinstance(node, WindowAggregate):
            if node in wanted:
                found.add(node)
            if node.order_sensitive:
                wanted.update(node.inputs)
        elif node in wanted:
            wanted.update(node.inputs)
    return found
