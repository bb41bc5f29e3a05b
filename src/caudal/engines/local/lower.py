"""Lowering: a rewritten plan becomes a job of intakes, routes and tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from caudal.columnar.column import Column
from caudal.columnar.morsel import Morsel
from caudal.core.errors import PlanError
from caudal.engines.arrival import one_partition, takes_arrival
from caudal.engines.local.cores import Cores
from caudal.engines.local.counters import Counters
from caudal.engines.local.emission import Emission
from caudal.engines.local.identity import identities
from caudal.engines.local.intake import Intake
from caudal.engines.local.job import Job
from caudal.engines.local.operator_tasks import Flow, SinkTask, StateTask
from caudal.engines.local.ordered.counts import CountOperator
from caudal.engines.local.ordered.deduplicate import DeduplicateOperator
from caudal.engines.local.ordered.reduce import ReduceOperator
from caudal.engines.local.ordered.running import RunningOperator
from caudal.engines.local.ordered.stepped import SteppedOperator
from caudal.engines.local.origins import Origins
from caudal.engines.local.repartition import RepartitionIntake, RepartitionTask
from caudal.engines.local.routes import Edge, Routes
from caudal.engines.local.sections import Sections
from caudal.engines.local.settings import Settings
from caudal.engines.local.slicing import Slicer
from caudal.engines.local.stateful import Released, StatefulOperator
from caudal.engines.local.steps import Context, StepRun
from caudal.engines.local.windows.cumulative import CumulativeOperator
from caudal.engines.local.windows.operator import WindowOperator
from caudal.engines.local.windows.panes import PaneOperator
from caudal.engines.local.windows.sessions import SessionOperator
from caudal.engines.local.windows.whole import apply_step, top_step
from caudal.expressions import bind
from caudal.plan.nodes import (
    DeadLetters,
    Deduplicate,
    Keyed,
    Late,
    Node,
    Process,
    Reduce,
    RepartitionSink,
    RepartitionSource,
    Running,
    Sink,
    Source,
    WindowAggregate,
    WindowApply,
    WindowTop,
)
from caudal.plan.plan import Plan
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Session
from caudal.ports.engine import Bindings, BoundSource

OPERATORS: dict[type, type[WindowOperator]] = {
    Hopping: PaneOperator,
    Session: SessionOperator,
    Cumulative: CumulativeOperator,
    CountWindow: CountOperator,
}
"""What runs a window, whatever is made of its rows."""

KERNELS: dict[type[Keyed], Callable[..., StatefulOperator]] = {
    Running: RunningOperator,
    Deduplicate: DeduplicateOperator,
    Reduce: ReduceOperator,
}
"""What runs keyed steps faster than the step does; the others are walked by theirs."""


def lower(
    plan: Plan, bindings: Bindings, settings: Settings, live: bool, cores: Cores | None = None, shard: str = ""
) -> Job:
    """Return a job that is ready to start; partitions are taken in, nothing is read yet.

    `cores`: None for its own. `shard`: its name among the jobs that write to the same repartition topics.
    """
    counters, origins = Counters(), Origins()
    cores = cores or Cores(settings)
    job = Job(settings, counters, origins, cores)
    live = live or any(p.live for bound in bindings.sources.values() for p in bound.source.partitions())
    table = partial(cores.tables.of, notices=counters.notices, live=live)
    context = Context(bind, counters, cores.functions, origins.names.__getitem__, table, bindings.calls)
    edges: list[Edge] = []
    made: dict[Node, Any] = {}
    sections = job.sections = Sections(plan, settings.apart)
    ordered = _numbered(plan)

    def task(node: Node, path: tuple[int, ...]) -> Edge | None:
        if isinstance(node, RepartitionSink):
            if node not in made:
                sink = bindings.sinks[node.name]
                made[node] = RepartitionTask(node, counters, sink, bind, origins, shard)
                job.repartitions[node.name] = made[node]
        elif isinstance(node, Sink):
            if node not in made:
                sink = bindings.sinks[node.name]
                identify = _identify(plan.name, node, origins) if node.identity else None
                made[node] = SinkTask(node.name, counters, sink, node.schema.names, live, identify)
                job.sinks[node.name] = made[node]
        elif isinstance(node, Keyed):
            if node not in made:
                made[node] = _stateful(job, node, node in ordered, context)
        else:
            return None
        made[node].section = sections.of(node)
        edges.append(Edge(made[node], len(edges) + 1, path))
        return edges[-1]

    routes = Routes(plan.consumers(), task, context, sections)
    for node in plan.nodes:
        if isinstance(node, Source | Keyed):
            job.router.out[node.name] = routes.build(node, None, _first_step(node, context))
            if node.has_dead and not (isinstance(node, Keyed) and node.made_later):
                job.router.dead[node.name] = routes.build(node, DeadLetters)
        if isinstance(node, Keyed):
            job.router.late[node.name] = routes.build(node, Late)
            job.emissions[node.name] = Emission(job, node.name, origins.number(node.name, ""))
    _rank(edges)
    for node in plan.sources:
        _intake(job, node, bindings.sources[node.name])
    partitions = {intake.operator: len(intake.channels) for intake in job.reading.intakes}
    for node in plan.nodes:
        if takes_arrival(node):
            one_partition(node, node.name, partitions)
    return job


def _intake(job: Job, node: Source, bound: BoundSource) -> None:
    settings, route = job.settings, job.router.out[node.name]
    judged = any(isinstance(e.task, StateTask | RepartitionTask) for e in route.all_edges())
    slicer = Slicer(route.expensive, settings.threads)
    slicer.fixed = settings.morsel_rows
    given = (bound, job.counters, judged, slicer, settings.read_at)
    if isinstance(node, RepartitionSource):
        intake = RepartitionIntake(node, *given, origins=job.origins)
        intake.resume = lambda ordinal, mark: job.router.resume(node.name, ordinal, mark)
        for edge in route.all_edges():
            edge.branch = None
    else:
        intake = Intake(node, *given)
    job.reading.intakes.append(intake)
    for edge in route.all_edges():
        if isinstance(edge.task, StateTask):
            edge.task.tracker.endless |= bound.source.live
    for partition in bound.source.partitions():
        job.reading.add(intake, partition)


def _rank(edges: list[Edge]) -> None:
    ways: dict[Any, list[Edge]] = {}
    for edge in edges:
        ways.setdefault(edge.task, []).append(edge)
    for several in ways.values():
        for branch, edge in enumerate(sorted(several, key=lambda e: e.path)):
            edge.branch = branch


def _identify(plan: str, sink: Sink, origins: Origins) -> Callable[[Morsel], Column]:
    pipeline, known = (*sink.pipelines, plan)[0], dict(sink.known)

    def name(ordinal: int) -> tuple[str, str]:
        operator, partition = origins.names[ordinal]
        return known.get(operator, operator), partition

    return lambda morsel: identities(morsel, pipeline, name)


def _stateful(job: Job, node: Keyed, numbered: bool, context: Context) -> StateTask:
    ranks = job.origins.ranks
    made: StatefulOperator
    window = _window(node)
    if window is not None:
        made = window(node, node.name, bind, ranks, numbered)
    else:
        made = KERNELS.get(type(node), SteppedOperator)(node, node.name, bind, ranks, *_called(node, context))
    made.dividing = job.dividing
    if isinstance(made, PaneOperator):
        made.fold_rows = job.settings.fold_rows

    def emit(released: Released, watermark: int, again: Callable[[], None]) -> Flow | None:
        return job.emissions[node.name](released, watermark, again)

    task = StateTask(node.name, job.counters, made, emit, job.settings.clock, job.grown)
    job.stateful[node.name] = task
    return task


def _called(node: Keyed, context: Context) -> tuple[Any, ...]:
    """Return what calls the function of an operator that takes rows one by one."""
    if isinstance(node, Reduce):
        return (context.functions.fold(node),)
    return (context.functions.process(node),) if isinstance(node, Process) else ()


def _window(node: Node) -> Callable[..., WindowOperator] | None:
    """Return what runs a window by a kernel; None for what is no window, or is walked by its step."""
    if not isinstance(node, WindowAggregate | WindowApply | WindowTop):
        return None
    kind = OPERATORS.get(type(node.window))
    if kind is None and node.step is None:
        raise PlanError(f"the local engine has no {type(node.window).__name__} windows", location=node.name)
    return kind


def _first_step(node: Node, context: Context) -> StepRun | None:
    """Return what a stateful operator does to its results on their way out."""
    if _window(node) is None:
        return None
    if isinstance(node, WindowApply):
        return apply_step(node, context)
    return top_step(node, context) if isinstance(node, WindowTop) else None


def _numbered(plan: Plan) -> set[Node]:
    """Return the windows whose results must stand in pinned order: an operator that depends on order reads them."""
    found: set[Node] = set()
    wanted: set[Node] = set()
    for node in reversed(plan.nodes):
        if isinstance(node, Keyed):
            if node in wanted:
                found.add(node)
            if node.order_sensitive:
                wanted.update(node.inputs)
        elif node in wanted:
            wanted.update(node.inputs)
    return found
