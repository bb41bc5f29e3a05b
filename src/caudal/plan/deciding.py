"""Which fields of a source decide: what filters and keys read, by whatever columns are made of it on the way.

A detection whose deciding field is missing from the data sees nothing; a field that is only written out is not that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from caudal.core.types import Place
from caudal.plan.expr import Call, Column, Expr
from caudal.plan.nodes import Aggregated, Called, Computed, Fused, Key, Node, Result, Role, Source
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
        columns[node] = _made(node, [columns[up] for up in node.rows_of], found)
    sources: dict[str, dict[Place, Decides]] = {s.name: {} for s in plan.sources}
    for (source, place), decides in found.items():
        sources[source][place] = decides
    return sources


def _filtered(name: str, predicate: Expr, above: _Columns, found: _Found) -> None:
    names = frozenset({name})
    part = isinstance(predicate, Call) and predicate.function == "and"
    for origin in reads(predicate, above):
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
        declared = {name: frozenset({(node.name, (name,))}) for name in node.declared.names}
        _decide(node, declared, found)
        return {name: declared[name] for name in node.schema.names}
    if isinstance(node, Fused):
        (first,) = above
        for step in node.steps:
            first = _made(step, [first], found)
        return first
    for each in above:
        _decide(node, each, found)
    results = node.results()
    for result in results.values():
        if isinstance(result, Aggregated) and result.aggregate.function == "count_if":
            _always(_all(_origins(result, each) for each in above), found)
    return {name: _all(_origins(result, each) for each in above) for name, result in results.items()}


def _decide(node: Node, above: _Columns, found: _Found) -> None:
    for role, expr in node.roles():
        if role == Role.FILTER:
            _filtered(node.name, expr, above, found)
        elif role != Role.ORDER:
            _always(reads(expr, above), found)


def _origins(result: Result, above: _Columns) -> frozenset[Origin]:
    """Return the places that a column is made of."""
    if isinstance(result, Computed | Key):
        return reads(result.expr, above)
    if isinstance(result, Aggregated):
        return _NONE if result.aggregate.argument is None else reads(result.aggregate.argument, above)
    return _all(above.get(name, _NONE) for name in result.columns) if isinstance(result, Called) else _NONE


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
