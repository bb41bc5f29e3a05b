"""The hidden columns of a lowered stream, and the order of rows that they pin.

A row carries its event time, its W_p (null: it cannot be late) and its place: source, partition, position and, among
rows that are made of one row, its number.
"""

from __future__ import annotations

import re

from caudal.core.errors import PlanError
from caudal.plan.nodes import (
    DeadLetters,
    Deduplicate,
    Keyed,
    Late,
    Node,
    Reduce,
    Running,
    Source,
    WindowAggregate,
    WindowApply,
    WindowTop,
)
from caudal.plan.plan import Plan
from caudal.plan.windows import CountWindow

TIME, WATERMARK, SOURCE, PARTITION, POSITION, NUMBER = "__t", "__w", "__s", "__p", "__o", "__n"
PLACE = (SOURCE, PARTITION, POSITION, NUMBER)
"""The columns that order rows of one time, in this order."""

HIDDEN = frozenset({TIME, WATERMARK, *PLACE})
"""All hidden columns."""

BRANCHES = 1 << 20
"""How many rows can be made of one row and still be told apart."""

_RESERVED = re.compile(r"__([a-z]\d*|reason|message|detail|rows)")


def check_names(plan: Plan) -> None:
    """Raise `PlanError` for a column whose name the lowering needs for itself."""
    for node in plan.nodes:
        for name in node.schema.names:
            if _RESERVED.fullmatch(name):
                raise PlanError(
                    f"the column name '{name}' is taken on this engine",
                    location=plan.ids[node],
                    hint="names of two underscores and a letter are hidden columns there: rename it",
                )


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
        if passes_on or (isinstance(node, Keyed) and takes_in_order(node)):
            needed.update(node.inputs)
    return needed


def takes_in_order(node: Keyed) -> bool:
    """Whether an operator's results depend on the pinned order of its rows."""
    if isinstance(node, WindowAggregate):
        return node.order_sensitive
    return isinstance(node, WindowApply | WindowTop | Running | Deduplicate | Reduce) or isinstance(
        getattr(node, "window", None), CountWindow
    )


def _makes_places(node: Node) -> bool:
    """Whether a node gives its rows places of its own."""
    return isinstance(node, Source | Keyed)
