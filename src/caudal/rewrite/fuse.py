"""Fusion: stateless neighbours become one chain, run on one core while the rows are in its cache."""

from __future__ import annotations

from caudal.plan.nodes import Filter, Fused, Node, Select, Step, WithColumns
from caudal.plan.plan import Plan


def fuse(plan: Plan) -> Plan:
    """Return the plan with each run of two or more stateless operators as one `Fused` node."""
    consumers = plan.consumers()

    def change(node: Node, new: dict[Node, Node]) -> Node:
        if not isinstance(node, Filter | Select | WithColumns):
            return node
        below = node.input
        if isinstance(below, Fused):
            steps: tuple[Step, ...] = (*below.steps, node)
            source = below.input
        elif isinstance(below, Filter | Select | WithColumns):
            steps, source = (below, node), below.input
        else:
            return node
        original = next(n for n in plan.nodes if n.name == below.name)
        if len(consumers[original]) != 1:
            return node
        return Fused(name=node.name, input=source, steps=steps)

    return plan.rebuild(change)
