"""Predicate push-down: filter before columns are computed.

A filter moves below a select or with_columns when all it reads comes through unchanged. It never passes another
filter (their counts in the ledger would change), a node that somebody else reads too, nor a Python function (which
would be called for other rows, and fail on others).
"""

from __future__ import annotations

from dataclasses import replace

from caudal.plan.expr import Call, Column, Expr
from caudal.plan.nodes import Filter, Node, Select, WithColumns
from caudal.plan.plan import Plan


def push_predicates(plan: Plan) -> Plan:
    """Return the plan with each filter as early as it can stand."""
    while True:
        consumers = plan.consumers()
        move = next((m for n in plan.nodes if (m := _movable(n, consumers))), None)
        if move is None:
            return plan
        filter_, below, predicate = move

        def change(
            node: Node, new: dict[Node, Node], at: Filter = filter_, under: Node = below, p: Expr = predicate
        ) -> Node:
            if node.name != at.name or not isinstance(node, Filter):
                return node
            (source,) = under.inputs
            return replace(under, input=Filter(name=at.name, input=new[source], predicate=p))  # type: ignore[arg-type]

        plan = plan.rebuild(change)


def _movable(node: Node, consumers: dict[Node, list[Node]]) -> tuple[Filter, Node, Expr] | None:
    if not isinstance(node, Filter) or node.functions:
        return None
    below = node.input
    if not isinstance(below, Select | WithColumns) or len(consumers[below]) != 1 or below.functions:
        return None
    computed = dict(below.columns)
    renamed: dict[str, str] = {}
    for name in node.predicate.columns():
        origin = computed.get(name)
        if origin is None:
            if isinstance(below, Select):
                return None
            renamed[name] = name
        elif isinstance(origin, Column):
            renamed[name] = origin.name
        else:
            return None
    return node, below, _rename(node.predicate, renamed)


def _rename(expr: Expr, names: dict[str, str]) -> Expr:
    if isinstance(expr, Column):
        return Column(names[expr.name])
    if isinstance(expr, Call):
        return replace(expr, args=tuple(_rename(a, names) for a in expr.args))
    return expr
