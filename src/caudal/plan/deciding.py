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

Origin = tuple[str, Place, str]
"""(source, place in its schema, the operator in which its nulls became something else, "" where they are nulls still)."""

_Columns = Mapping[str, frozenset[Origin]]
_Found = dict[tuple[str, Place], "Decides"]
_NONE: frozenset[Origin] = frozenset()

_SWALLOWING = ("count_distinct", "approx_count_distinct", "collect", "count_if")
"""Aggregates that are something, not null, where each of their values is null."""


@dataclass(frozen=True, slots=True)
class Decides:
    """Where a field decides.

    `always`: in an event time. `reached`: the operators in which it does wherever a row reaches them: by a key, by what is
    counted, by a condition of which null is false. `filters`: the names of filters whose condition is null with it, `parts` of
    them beside other conditions that must hold too: those may leave it nothing to decide.
    """

    always: bool = False
    reached: frozenset[str] = frozenset()
    filters: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()


def deciding(plan: Plan) -> dict[str, dict[Place, Decides]]:
    """Return, by source, the places of its schema that a filter or a key depends on, and where."""
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
    part = isinstance(predicate, Call) and predicate.function == "and"
    for source, place, swallowed in reads(predicate, above, name):
        before = found.get((source, place), Decides())
        if swallowed:
            found[source, place] = replace(before, reached=before.reached | {swallowed})
        else:
            parts = before.parts | {name} if part else before.parts
            found[source, place] = replace(before, filters=before.filters | {name}, parts=parts)


def _reached(name: str, origins: frozenset[Origin], found: _Found) -> None:
    for source, place, _ in origins:
        before = found.get((source, place), Decides())
        found[source, place] = replace(before, reached=before.reached | {name})


def _made(node: Node, above: list[_Columns], found: _Found) -> _Columns:
    """Return where the columns of a node come from; put what it decides by into `found`."""
    if isinstance(node, Source):
        declared = {name: frozenset({(node.name, (name,), "")}) for name in node.declared.names}
        for _, expr in node.roles():
            for source, place, _ in reads(expr, declared, node.name):
                found[source, place] = replace(found.get((source, place), Decides()), always=True)
        return {name: declared[name] for name in node.schema.names}
    if isinstance(node, Fused):
        (first,) = above
        for step in node.steps:
            first = _made(step, [first], found)
        return first
    for each in above:
        for role, expr in node.roles():
            if role == Role.FILTER:
                _filtered(node.name, expr, each, found)
            elif role != Role.ORDER:
                _reached(node.name, reads(expr, each, node.name), found)
    results = node.results()
    for result in results.values():
        if isinstance(result, Aggregated) and result.aggregate.function == "count_if":
            _reached(node.name, _all(_origins(result, each, node.name) for each in above), found)
    return {name: _all(_origins(result, each, node.name) for each in above) for name, result in results.items()}


def _origins(result: Result, above: _Columns, name: str) -> frozenset[Origin]:
    """Return the places that a column of the operator of this name is made of."""
    if isinstance(result, Computed | Key):
        return reads(result.expr, above, name)
    if isinstance(result, Aggregated):
        aggregate = result.aggregate
        argument = _NONE if aggregate.argument is None else reads(aggregate.argument, above, name)
        return _swallowed(argument, name) if aggregate.function in _SWALLOWING else argument
    return _all(above.get(column, _NONE) for column in result.columns) if isinstance(result, Called) else _NONE


def _swallowed(origins: frozenset[Origin], name: str) -> frozenset[Origin]:
    """Return places whose nulls become something else in the operator of this name."""
    return frozenset((source, place, before or name) for source, place, before in origins)


def reads(expr: Expr, above: _Columns, name: str) -> frozenset[Origin]:
    """Return the places that an expression of the operator of this name reads: of a struct just the field it takes."""
    if isinstance(expr, Column):
        return above.get(expr.name, _NONE)
    if isinstance(expr, Call) and expr.function == "field":
        (inside,) = expr.args
        field = str(dict(expr.options)["name"])
        whole = reads(inside, above, name)
        if _plain(inside):
            return frozenset((source, (*place, field), swallowed) for source, place, swallowed in whole)
        return whole
    args: tuple[Expr, ...] = getattr(expr, "args", ())
    parts = [reads(each, above, name) for each in args]
    if isinstance(expr, Call) and (expr.function == "is_null" or (expr.function == "coalesce" and len(args) > 1)):
        return _NONE  # logs of several kinds: one has this field, another that
    if isinstance(expr, Call) and expr.function == "case":
        # conditions of which null is as false is: all but the last have one
        parts = [_swallowed(part, name) if i % 2 == 0 and i < len(parts) - 1 else part for i, part in enumerate(parts)]
    return _all(parts)


def _plain(expr: Expr) -> bool:
    """Whether an expression is a column, or a field of one."""
    if isinstance(expr, Call) and expr.function == "field":
        return _plain(expr.args[0])
    return isinstance(expr, Column)


def _all(parts: Iterable[frozenset[Origin]]) -> frozenset[Origin]:
    return frozenset().union(*parts)
