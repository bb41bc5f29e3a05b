"""The hidden columns of a lowered stream, and the order of rows that they pin.

A row carries its event time, its W_p (null: it cannot be late) and its place: source, partition, position and, among
rows that are made of one row, its number.
"""

from __future__ import annotations

from caudal.core.errors import PlanError
from caudal.core.types import INT64, Field, Schema
from caudal.plan.nodes import (
    DeadLetters,
    Keyed,
    Late,
    Node,
    Source,
    Staged,
)
from caudal.plan.plan import Plan

TIME, WATERMARK, SOURCE, PARTITION, POSITION, NUMBER = "__t", "__w", "__s", "__p", "__o", "__n"
PLACE = (SOURCE, PARTITION, POSITION, NUMBER)
"""The columns that order rows of one time, in this order."""

HIDDEN = frozenset({TIME, WATERMARK, *PLACE})
"""All hidden columns."""

BRANCHES = 1 << 20
"""How many rows can be made of one row and still be told apart."""


def check_names(plan: Plan) -> None:
    """Raise `PlanError` for a field of a source that is called as one of the columns that are handed over beside it."""
    for node in plan.sources:
        for name in node.schema.names:
            if name in HIDDEN:
                raise PlanError(
                    f"the field name '{name}' is taken on this engine",
                    location=node.name,
                    hint=f"a source's rows are handed over with columns {', '.join(sorted(HIDDEN))}: rename the field",
                )


def handed_over(node: Source) -> Schema:
    """Return the columns of a source's rows as they are handed over: its own and the hidden ones."""
    columns = [*node.schema]
    if node.timed:
        columns.append(Field(TIME, INT64))
    columns += [Field(WATERMARK, INT64), Field(PARTITION, INT64), Field(POSITION, INT64)]
    if isinstance(node, Staged):
        columns.append(Field(NUMBER, INT64))
    return Schema(columns)


def placed(plan: Plan, *, sides: bool = True) -> set[Node]:
    """Return the nodes whose rows must carry a place: a result, late row or dead letter downstream depends on it.

    Without `sides` late rows and dead letters are not looked at.
    """
    needed: set[Node] = set()
    for node in reversed(plan.nodes):
        if isinstance(node, Late):  # tells where its rows came from
            needed.update(node.input.inputs if sides else ())
            continue
        if isinstance(node, DeadLetters):
            needed.update(node.input.inputs if sides else ())
            continue
        passes_on = node in needed and not _makes_places(node)
        if passes_on or (isinstance(node, Keyed) and node.order_sensitive):
            needed.update(node.inputs)
    return needed


def _makes_places(node: Node) -> bool:
    """Whether a node gives its rows places of its own."""
    return isinstance(node, Source | Keyed)
