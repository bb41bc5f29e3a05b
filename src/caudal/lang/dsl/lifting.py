"""Calls of Python functions, computed before rows are grouped: there nothing may fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr, col
from caudal.plan.nodes import Node, WithColumns
from caudal.plan.python import calls
from caudal.plan.windows import Order


def lift(node: Node, pairs: Sequence[tuple[str, Expr]]) -> tuple[Node, tuple[tuple[str, Expr], ...]]:
    """Compute what calls Python functions in a with_columns before: where rows are grouped nothing may fail."""
    columns: list[tuple[str, Expr]] = []
    out: list[tuple[str, Expr]] = []
    taken = set(node.schema.names)
    for label, expr in pairs:
        if calls(expr):
            column = next(c for c in (label, *(f"{label}_{i}" for i in range(1, 1000))) if c not in taken)
            taken.add(column)
            columns.append((column, expr))
            out.append((label, col(column)))
        else:
            out.append((label, expr))
    return (WithColumns(input=node, columns=tuple(columns)) if columns else node), tuple(out)


def lifted(node: Node, keys: tuple[tuple[str, Expr], ...], order: Order) -> tuple[Node, Any, Order]:
    """Return node, keys and order of which none calls a Python function."""
    node, keys = lift(node, keys)
    node, by = lift(node, [(f"order{i}", e) for i, e in enumerate(order.by)])
    return node, keys, replace(order, by=tuple(e for _, e in by))


def lifted_aggregates(node: Node, aggregates: Mapping[str, Aggregate]) -> tuple[Node, Any]:
    """Return node and aggregates of which none calls a Python function."""
    parts = [(f"{n}_of", e) for n, a in aggregates.items() for e in a.expressions()]
    node, found = lift(node, parts)
    exprs = iter(e for _, e in found)
    out: list[tuple[str, Aggregate]] = []
    for name, aggregate in aggregates.items():
        argument = None if aggregate.argument is None else next(exprs)
        out.append(
            (name, replace(aggregate, argument=argument, order_by=tuple(next(exprs) for _ in aggregate.order_by)))
        )
    return node, tuple(out)
