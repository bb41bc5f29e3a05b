"""Which fields of a source decide: what filters and keys read, by whatever columns are made of it on the way.

A detection whose deciding field is missing from the data sees nothing; a field that is only written out is not that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from caudal.core.types import Place
from caudal.plan.expr import Call, Column, Expr
from caudal.plan.nodes import DeadLetters, Filter, Fused, Keyed, Node, Select, Source, WindowAggregate, WithColumns
from caudal.plan.operators import Map, Reduce, Running, WindowApply, WindowTop
from caudal.plan.plan import Plan

Origin = tuple[str, Place]
"""(source, place in its schema)."""

_Columns = Mapping[str, frozenset[Origin]]
_Found = dict[Origin, "Decides"]
_NONE: frozenset[Origin] = frozenset()


@dataclass(frozen=True, slots=True)
class Decides:
    """Where a field decides. `always`: in a key, an event time or what is counted. `filters`: the names of filters that
    read it, `parts` of them beside other conditions that must hold too: those may leave it nothing to decide."""

    always: bool = False
    filters: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


def deciding(plan: Plan) -> dict[str, dict[Place, Decides]]:
    """Return, by source, the places of its schema that a filter or a key hangs on, and where."""
    plan = plan.pinned()
    found: _Found = {}
    columns: dict[Node, _Columns] = {}
    for node in plan.nodes:
        columns[node] = _made(node, [columns[up] for up in node.inputs], found)
    sources: dict[str, dict[Place, Decides]] = {s.name: {} for s in plan.sources}
    for (source, place), decides in found.items():
        sources[source][place] = decides
    return sources


def _filtered(node: Filter, above: _Columns, found: _Found) -> None:
    names = frozenset({node.name})
    part = isinstance(node.predicate, Call) and node.predicate.function == "and"
    for origin in reads(node.predicate, above):
        before = found.get(origin, Decides())
        found[origin] = replace(
            before, filters=before.filters | names, parts=before.parts | names if part else before.parts
        )


def _always(origins: frozenset[Origin], found: _Found) -> None:
    for origin in origins:
        found[origin] = replace(found.get(origin, Decides()), always=True)


def _made(node: Node, above: list[_Columns], found: _Found) -> _Columns:
    """Return where the columns of a node come from; put what it decides by into `found`."""
    if isinstance(node, Source):
        if node.event_time is not None:
            declared = {n: frozenset({(node.name, (n,))}) for n in node.declared.names}
            _always(reads(node.event_time, declared), found)
        return {name: frozenset({(node.name, (name,))}) for name in node.schema.names}
    if isinstance(node, DeadLetters):
        return {}
    (first, *_) = above
    if isinstance(node, Fused):
        for step in node.steps:
            first = _made(step, [first], found)
        return first
    if isinstance(node, Filter):
        _filtered(node, first, found)
        return first
    if isinstance(node, Select | WithColumns):
        made = {name: reads(expr, first) for name, expr in node.columns}
        return made if isinstance(node, Select) else {**first, **made}
    if isinstance(node, Map):
        every = _all(first.values())
        return dict.fromkeys(node.output.names, every)
    if isinstance(node, Keyed):
        return _keyed(node, first, found)
    return {name: _all(each.get(name, _NONE) for each in above) for name in node.schema.names}


def _keyed(node: Keyed, above: _Columns, found: _Found) -> _Columns:
    keys = {name: reads(expr, above) for name, expr in node.keys}
    _always(_all(keys.values()), found)
    if isinstance(node, WindowAggregate | Running):
        made: dict[str, frozenset[Origin]] = {}
        for name, aggregate in node.aggregates:
            argument = _NONE if aggregate.argument is None else reads(aggregate.argument, above)
            made[name] = argument
            if aggregate.function == "count_if":
                _always(argument, found)
    elif isinstance(node, WindowTop):
        _always(_all(reads(expr, above) for expr, _ in node.by), found)
        made = dict(above)
    elif isinstance(node, WindowApply | Reduce):
        taken = node.takes if isinstance(node, WindowApply) else above
        made = dict.fromkeys(node.output.names, _all(above[name] for name in taken))
    else:
        made = dict(above)
    rest = above if isinstance(node, Running) else {}
    return {name: (made | keys | dict(rest)).get(name, _NONE) for name in node.schema.names}


def reads(expr: Expr, above: _Columns) -> frozenset[Origin]:
    """Return the places that an expression reads: of a struct just the field it takes."""
    if isinstance(expr, Column):
        return above.get(expr.name, _NONE)
    if isinstance(expr, Call) and expr.function == "field":
        (inside,) = expr.args
        name = str(dict(expr.options)["name"])
        whole = reads(inside, above)
        if _plain(inside):
            return frozenset((source, (*place, name)) for source, place in whole)
        return whole
    args: tuple[Expr, ...] = getattr(expr, "args", ())
    parts = [reads(each, above) for each in args]
    if isinstance(expr, Call) and (expr.function == "is_null" or (expr.function == "coalesce" and len(args) > 1)):
        return _NONE  # logs of several kinds: one has this field, another that
    return _all(parts)


def _plain(expr: Expr) -> bool:
    """Whether an expression is a column, or a field of one."""
    if isinstance(expr, Call) and expr.function == "field":
        return _plain(expr.args[0])
    return isinstance(expr, Column)


def _all(parts: Iterable[frozenset[Origin]]) -> frozenset[Origin]:
    return frozenset().union(*parts)
