"""Projection push-down: compute and decode only the columns that somebody uses."""

from __future__ import annotations

from caudal.plan.nodes import Node, Sink
from caudal.plan.plan import Plan, with_inputs


def push_projection(plan: Plan) -> Plan:
    """Return the plan with unused columns left out of selects, with_columns and sources."""
    needed: dict[Node, set[str]] = {node: set() for node in plan.nodes}
    for node in reversed(plan.nodes):
        for above, columns in node.needs(needed[node]).items():
            needed[above] |= columns
    new: dict[Node, Node] = {}
    for node in plan.nodes:
        # trimmed over its old inputs: the new ones may lack what only an unused column reads
        new[node] = with_inputs(node.trimmed(needed[node]), [new[i] for i in node.inputs], even=True)
    return Plan(plan.name, tuple(s for s in (new[s] for s in plan.sinks) if isinstance(s, Sink)))
