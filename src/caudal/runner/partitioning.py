"""What state may be kept by source partition: that of operators all of whose rows of a key are in one partition.

That is so where the keys contain, unmodified, the column that the partitions are made by (`partitioned_by=`).
"""

from __future__ import annotations

from collections.abc import Iterator

from caudal.plan.expr import Column, Expr
from caudal.plan.nodes import Computed, Key, Keyed, Node, Source
from caudal.plan.plan import Plan


def apart(plan: Plan) -> list[tuple[str, str]]:
    """Return (operator id, why) of the operators whose state cannot be kept by source partition; [] where all can."""
    return [(plan.ids[node], why) for node in plan.nodes if isinstance(node, Keyed) and (why := _why(node))]


def _why(node: Keyed) -> str:
    for source in _sources(node):
        column = dict(source.options).get("partitioned_by", "")
        if not column:
            return f"nothing says by which column {source.name or source.connector} is partitioned"
        if not node.keys:
            return "it has no key: all rows come together"
        if not any(_is(expr, node.input, source, column) for _, expr in node.keys):
            return f"its keys do not contain {column}, by which {source.name or source.connector} is partitioned"
    return ""


def _sources(node: Node) -> Iterator[Source]:
    if isinstance(node, Source):
        yield node
    for each in node.inputs:
        yield from _sources(each)


def _is(expr: Expr, over: Node, source: Source, column: str) -> bool:
    """Whether an expression over a node's rows is that column of the source, wherever they come from that source."""
    if not isinstance(expr, Column):
        return False
    if over is source:
        return expr.name == column
    result = over.results().get(expr.name)
    ways = [each for each in over.rows_of if source in set(_sources(each))]
    if isinstance(result, Computed | Key):
        return all(_is(result.expr, each, source, column) for each in ways)
    return False
