"""Calls of Python functions, computed before rows are grouped: there nothing may fail."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caudal.core.naming import free
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr, col
from caudal.plan.nodes import Node, Select, WithColumns
from caudal.plan.python import calls
from caudal.plan.windows import Order


def lift(
    node: Node, pairs: Sequence[tuple[str, Expr]], avoid: Collection[str] = ()
) -> tuple[Node, tuple[tuple[str, Expr], ...]]:
    """Compute what calls Python functions in a with_columns before: where rows are grouped nothing may fail.

    The columns that are added have no name that there is, nor one of `avoid`; `without_lifted` takes them away again.
    """
    columns: list[tuple[str, Expr]] = []
    out: list[tuple[str, Expr]] = []
    taken = {*node.schema.names, *avoid}
    for label, expr in pairs:
        if calls(expr):
            column = free(label, taken)
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
    node, found = lift(node, parts, aggregates)
    exprs = iter(e for _, e in found)
    out: list[tuple[str, Aggregate]] = []
    for name, aggregate in aggregates.items():
        argument = None if aggregate.argument is None else next(exprs)
        out.append(
            (name, replace(aggregate, argument=argument, order_by=tuple(next(exprs) for _ in aggregate.order_by)))
        )
    return node, tuple(out)


def without_lifted(made: Node, before: Node, keep: Collection[str] = ()) -> Node:
    """Return the rows of an operator without the columns that were added to those of `before` for its sake, but for `keep`."""
    (given,) = made.inputs
    added = set(given.schema.names) - set(before.schema.names) - set(keep)
    names = [name for name in made.schema.names if name not in added]
    if len(names) == len(made.schema.names):
        return made
    return Select(input=made, columns=tuple((name, col(name)) for name in names))
