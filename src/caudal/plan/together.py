"""Several pipelines as one plan: what is the same in them is there once.

Nodes are the same where they do the same over the same: a source that two pipelines declare alike is read once, and so is every
operator behind it up to where they part. Each pipeline keeps its own name, the ids of its operators and its sinks: its rows, late rows,
dead letters and identities are those that it has alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from caudal.core.errors import PlanError
from caudal.plan import wire
from caudal.plan.conditional import when
from caudal.plan.expr import Expr, col
from caudal.plan.nodes import DeadLetters, Keyed, Late, Node, Sink, Source, Union, WithColumns
from caudal.plan.plan import Plan, with_inputs

_NAMING = ("source", "operator", "late_source", "late_operator")
"""Columns of late rows and dead letters that hold ids of operators."""


@dataclass(frozen=True, slots=True)
class Part:
    """A pipeline in a plan of several. `own`: its operators' ids by those that they have in that plan."""

    plan: Plan
    own: dict[str, str]


@dataclass(frozen=True, slots=True)
class Together:
    """Several pipelines, and the plan that runs them. `users`: by each node's id there, its id in each pipeline that shares it."""

    plan: Plan
    parts: tuple[Part, ...]
    users: dict[str, dict[str, str]]


def together(plans: Sequence[Plan], name: str = "", *, without: Collection[str] = ()) -> Together:
    """Return several pipelines as one; raises `PlanError` where two have one name.

    Their names are to be their operators' (`Plan.pinned`). `without`: pipelines that are left out, whose names still count: the others'
    operators are called as they were with them.
    """
    names = [plan.name for plan in plans]
    for each in names:
        if names.count(each) > 1:
            raise PlanError(
                f"two pipelines are named '{each}'", hint="names tell rows and state apart: make them differ"
            )
    kept: dict[Any, list[_Shared]] = {}
    shared = [_share(plan, kept) for plan in plans]
    called = _called([each for alike in kept.values() for each in alike])
    made = _Making(called)
    sinks: dict[Node, None] = {}
    parts: list[Part] = []
    for plan, new in zip(plans, shared, strict=True):
        if plan.name not in without:
            sinks |= dict.fromkeys(made.node(new[sink]) for sink in plan.sinks)
            parts.append(Part(plan, {called[new[node]]: plan.ids[node] for node in plan.nodes}))
    whole = Plan(name or " + ".join(names), tuple(sink for sink in sinks if isinstance(sink, Sink)))
    return Together(whole, tuple(parts), {called[node]: node.users for alike in kept.values() for node in alike})


@dataclass(eq=False, slots=True)
class _Shared:
    """A node of one or more pipelines. `users`: its id in each; `pinned`: the id that it must keep, "" for any."""

    node: Node
    above: list[_Shared]
    users: dict[str, str]
    pinned: str = ""


def _share(plan: Plan, kept: dict[Any, list[_Shared]]) -> dict[Node, _Shared]:
    """Return what stands for each node of a plan among those of all, and add what is new.

    Where rows of several origins come together, the ids of these order them: they are not shared under another id then.
    """
    meets = any(isinstance(node, Union) for node in plan.nodes)
    new: dict[Node, _Shared] = {}
    for node in plan.nodes:
        above, own = [new[each] for each in node.inputs], plan.ids[node]
        alike = kept.setdefault(_content(plan, node, above), [])
        pinned = own if meets and isinstance(node, Source | Keyed) else ""
        fits = (each for each in alike if plan.name not in each.users and (not pinned or each.pinned in ("", pinned)))
        shared = next(fits, None)
        if shared is None:
            shared = _Shared(node, above, {})
            alike.append(shared)
        shared.users[plan.name] = own
        shared.pinned = shared.pinned or pinned
        new[node] = shared
    return new


def _content(plan: Plan, node: Node, above: Sequence[_Shared]) -> Any:
    """Return a value that is equal for nodes that do the same over the same."""
    if isinstance(node, Sink) and not isinstance(above[0].node, Late | DeadLetters):
        return plan.name, node  # rows that two pipelines write are written twice
    try:
        described = repr(wire.describe(node))
    except PlanError:  # it holds what cannot be described: rows in memory
        given = {each.name: getattr(node, each.name) for each in fields(node) if each.init and each.name != "name"}
        options = tuple((name, id(value)) for name, value in given.pop("options", ()))
        described = (node.kind, repr(sorted(given.items(), key=str)), options)
    named: Any = None
    if isinstance(node, Late | DeadLetters):  # their rows hold the ids of what is above
        named = tuple((id(each), each.users[plan.name]) for each in _upward(above[0]))
    return described, tuple(map(id, above)), tuple(map(id, node.functions)), named


def _called(nodes: Sequence[_Shared]) -> dict[_Shared, str]:
    """Return what nodes are called: as in their pipelines, where these agree and no other node is called so.

    What is put behind a name sorts before all that names are made of, so that what comes together keeps its order.
    """
    claims: dict[str, list[_Shared]] = {}
    for node in nodes:
        for own in {*node.users.values()}:
            claims.setdefault(own, []).append(node)
    called: dict[_Shared, str] = {}
    for node in nodes:
        own = node.pinned or next(iter(node.users.values()))
        pipeline = next(name for name, known in node.users.items() if known == own)
        alone = {*node.users.values()} == {own} and len(claims[own]) == 1
        called[node] = own if alone else f"{own} ({pipeline})"
    return called


class _Making:
    """Makes the nodes of the plan, each once."""

    def __init__(self, called: dict[_Shared, str]) -> None:
        self._called = called
        self._made: dict[_Shared, Node] = {}

    def node(self, shared: _Shared) -> Node:
        """Return a node over those above it, under the name that it is called by."""
        for each in _upward(shared):
            if each not in self._made:
                node = with_inputs(each.node, [self._read(each, above) for above in each.above])
                if isinstance(node, Sink):
                    node = replace(node, pipelines=tuple(each.users), known=self._known(each))
                self._made[each] = replace(node, name=self._called[each])
        return self._made[shared]

    def _read(self, reader: _Shared, above: _Shared) -> Node:
        """Return what a node reads: of late rows and dead letters with the ids of the pipeline, where these differ."""
        made = self._made[above]
        known = dict(self._known(above))
        if not isinstance(above.node, Late | DeadLetters) or not known:
            return made
        names = [name for name in _NAMING if name in made.schema]
        if isinstance(above.node, Late):
            names = [name for name in names if name.startswith("late_")]
        columns = tuple((name, _renamed(name, known)) for name in names)
        return WithColumns(input=made, columns=columns, name=f"{self._called[reader]}: names")

    def _known(self, shared: _Shared) -> tuple[tuple[str, str], ...]:
        """Return (id here, id in its pipeline) of what rows above a node name as their origin, and is called otherwise there."""
        pipeline = next(iter(shared.users))
        origins = [each for each in _upward(shared) if isinstance(each.node, Source | Keyed) or each.node.has_dead]
        pairs = [(self._called[each], each.users[pipeline]) for each in origins]
        return tuple(sorted((here, own) for here, own in pairs if here != own))


def _renamed(name: str, known: dict[str, str]) -> Expr:
    value: Expr = col(name)
    for here, own in known.items():
        value = when(col(name) == here).then(own).otherwise(value)
    return value


def _upward(shared: _Shared) -> list[_Shared]:
    """Return a node behind all those that are above it, each once."""
    done: dict[_Shared, None] = {}
    stack = [(shared, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            done[node] = None
        elif node not in done:
            stack.append((node, True))
            stack.extend((each, False) for each in node.above)
    return [*done]
