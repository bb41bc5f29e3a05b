"""Routes: from an output port of a source or a stateful operator through stateless chains to tasks.

A route is a tree, since streams fan out; a morsel runs through the whole tree on one core. Every edge to a task gets
exactly one envelope for each morsel that enters the route, even when no row is left, so that tasks can keep order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from caudal.columnar.morsel import Morsel
from caudal.engines.local.sections import Section, Sections, guarded
from caudal.engines.local.steps import Context, Letters, StepRun, steps
from caudal.plan.nodes import DeadLetters, Late, Node, Union

if TYPE_CHECKING:
    from caudal.engines.local.operator_tasks import OperatorTask


@dataclass(eq=False, slots=True)
class Edge:
    """One way into a task.

    `path`: the inputs taken at the unions on the way, nearest to the task first; `branch`: its rank among the ways
    into the task by path, which orders copies of one row; None: rows have brought along which way they took.
    """

    task: OperatorTask
    number: int
    path: tuple[int, ...] = ()
    branch: int | None = 0


@dataclass(slots=True)
class Branch:
    """Steps, then tasks and further branches; `sides` carry the dead letters that the steps make, by operator.

    `expensive`: the steps here or further on call functions of the user's. `section`: the pipelines that it is of, where it is not of
    all in the plan.
    """

    steps: list[StepRun] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    branches: list[Branch] = field(default_factory=list)
    sides: list[tuple[str, Branch]] = field(default_factory=list)
    calls: bool = False
    section: Section | None = None

    @property
    def expensive(self) -> bool:
        """Whether a row may cost anything: functions of the user's are called."""
        return self.calls or any(branch.expensive for branch in self.branches)

    @property
    def empty(self) -> bool:
        """Whether nothing reads this port."""
        return not (self.edges or self.branches)

    def run(self, morsel: Morsel | None) -> Iterator[tuple[Edge, Morsel | None]]:
        """Yield what each edge receives: rows, or None when none are left."""
        letters: Letters = {}
        if morsel is not None and morsel.rows and self.steps:
            morsel = guarded(self.section, self._stepped, morsel, letters)
        rows = morsel if morsel is not None and morsel.rows else None
        for edge in self.edges:
            yield edge, rows
        for branch in self.branches:
            yield from branch.run(rows)
        for operator, side in self.sides:
            yield from side.run(letters.get(operator))

    def _stepped(self, morsel: Morsel, letters: Letters) -> Morsel:
        for step in self.steps:
            morsel = step(morsel, letters)
            if not morsel.rows:
                break
        return morsel

    def all_edges(self) -> Iterator[Edge]:
        """Yield every edge of the tree."""
        yield from self.edges
        for branch in self.branches:
            yield from branch.all_edges()
        for _, side in self.sides:
            yield from side.all_edges()


class Routes:
    """Builds the routes of a plan. `task(node, path)` gives the edge into a sink or stateful operator, else None."""

    def __init__(
        self,
        consumers: dict[Node, list[Node]],
        task: Callable[[Node, tuple[int, ...]], Edge | None],
        context: Context,
        sections: Sections,
    ) -> None:
        self._sections = sections
        self._consumers = consumers
        self._task = task
        self._context = context

    def build(self, node: Node, port: type[Node] | None, first: StepRun | None = None) -> Branch:
        """Return the route from a port of `node` to all tasks below: its Late or DeadLetters, None: its rows.

        `first`: a step of the operator itself, whose dead letters are those of `node`.
        """
        root = Branch(section=self._sections.of(node))
        if first is not None:
            root.steps.append(first)
            self._fail(root, node)
        for consumer, way in self._ways(node):
            side = isinstance(consumer, Late | DeadLetters)
            if (not side) if port is None else isinstance(consumer, port):
                self._follow(root, consumer, way)
        return root

    def _ways(self, node: Node) -> Iterator[tuple[Node, tuple[int, ...]]]:
        """Yield who reads a node and, of a union, as which of its streams: one may be there several times."""
        for consumer in dict.fromkeys(self._consumers[node]):
            if isinstance(consumer, Union):
                yield from ((consumer, (i,)) for i, stream in enumerate(consumer.streams) if stream is node)
            else:
                yield consumer, ()

    def _follow(self, parent: Branch, node: Node, path: tuple[int, ...]) -> None:
        edge = self._task(node, path)
        if edge is not None:
            parent.edges.append(edge)
            return
        branch = Branch(steps(node, self._context), section=self._sections.of(node))
        parent.branches.append(branch)
        if node.functions:
            self._fail(branch, node)
        for consumer, way in self._ways(node):
            if not isinstance(consumer, Late | DeadLetters):
                self._follow(branch, consumer, (*way, *path))

    def _fail(self, branch: Branch, node: Node) -> None:
        branch.calls = bool(node.functions)
        side = self.build(node, DeadLetters)
        if not side.empty:
            branch.sides.append((node.name, side))
