"""Where rows may be taken as they come: over a single partition, which has an order of its own."""

from __future__ import annotations

from collections.abc import Mapping

from caudal.core.errors import PlanError
from caudal.plan.nodes import Node, Source


def takes_arrival(node: Node) -> bool:
    """Whether an operator takes its rows in the order of arrival."""
    return node.ordering is not None and node.ordering.arrival


def one_partition(node: Node, name: str, partitions: Mapping[str, int]) -> None:
    """Raise `PlanError` where rows that an operator takes as they come may come on several ways.

    `partitions`: how many there are of each source that is known, by its id.
    """
    below: Node = node
    while len(below.inputs) == 1 and below.port != "late":
        (below,) = below.inputs
    count = partitions.get(below.name, 1) if isinstance(below, Source) else 0
    if count == 1 or (count == 0 and isinstance(below, Source)):
        return
    found = f"{count} partitions" if count else "several streams"
    raise PlanError(
        "order='arrival' takes the rows of a single partition",
        location=name,
        detail=f"here they come from {found}, in no order that would be the same again",
        hint="leave out order= to take rows by event time",
    )
