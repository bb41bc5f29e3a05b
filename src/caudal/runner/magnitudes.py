"""How large the numbers were that went into a float: the scale by which two ways of adding may differ.

A sum of floats that cancels is small beside what it is made of, so its own size says nothing of its error. The
reference run computes the sum of magnitudes beside each sum, mean and deviation, wherever only filters and selections
lie between that and the output.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Column
from caudal.plan.nodes import Node, Select, Sink, WindowAggregate, passed_on
from caudal.plan.plan import Plan
from caudal.runner.lineage import adds

_HIDDEN = "__caudal_magnitude_"


def with_magnitudes(plan: Plan) -> tuple[Plan, dict[str, dict[str, str]]]:
    """Return the plan with hidden columns that hold sums of magnitudes, and by sink id which belongs to which column."""
    pinned = plan.pinned()
    safe = _safe(pinned)

    def change(node: Node, _: Any) -> Node:
        if isinstance(node, WindowAggregate) and node.name in safe:
            schema = node.input.schema
            extra = [
                (_HIDDEN + name, Aggregate("sum", _magnitude(aggregate)))
                for name, aggregate in node.aggregates
                if adds(aggregate, schema)
            ]
            return replace(node, aggregates=(*node.aggregates, *extra)) if extra else node
        if isinstance(node, Select):
            hidden = {name for name in node.input.schema.names if name.startswith(_HIDDEN)}
            # a magnitude goes the way of its column, and takes its new name
            extra = [
                (_HIDDEN + name, Column(_HIDDEN + expr.name))
                for name, expr in node.columns
                if isinstance(expr, Column) and _HIDDEN + expr.name in hidden
            ]
            return replace(node, columns=(*node.columns, *extra)) if extra else node
        return node

    changed = pinned.rebuild(change)
    behind: dict[str, dict[str, str]] = {}
    for sink in changed.sinks:
        names = sink.input.schema.names
        behind[sink.name] = {name: _HIDDEN + name for name in names if _HIDDEN + name in names and _kept(sink, name)}
    return changed, behind


def _magnitude(aggregate: Aggregate) -> Any:
    assert aggregate.argument is not None
    return aggregate.argument.cast("float64").abs()  # sums of integers would wrap


def _safe(plan: Plan) -> set[str]:
    """Return the ids of the aggregates whose rows meet nothing but filters, selections and sinks."""
    readers = plan.consumers()
    safe: dict[Node, bool] = {}
    for node in reversed(plan.nodes):
        safe[node] = all(isinstance(reader, Sink) or (reader.row_wise and safe[reader]) for reader in readers[node])
    return {node.name for node in plan.nodes if safe[node]}


def _kept(sink: Sink, column: str) -> bool:
    """Whether no step above the sink computes the column anew: its magnitude would be that of an older value."""
    node = sink.input
    while node.row_wise:
        passed = passed_on(node)
        if column not in passed:
            return False
        column = passed[column]
        (node,) = node.inputs
    return True
