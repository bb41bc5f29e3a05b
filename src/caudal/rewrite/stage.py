"""Event time behind operators: the source, what stands between, and the operator that gives the time become one source.

So files are chosen by that time, partitions are idle by it, and what is late is decided as at any source.
"""

from __future__ import annotations

from dataclasses import fields

from caudal.core.errors import PlanError
from caudal.plan.expr import col, lit
from caudal.plan.nodes import DeadLetters, Filter, Node, Retimed, Source, Staged
from caudal.plan.plan import Plan


def stage(plan: Plan) -> Plan:
    """Return the plan with a `Staged` source in place of each `Retimed` and all that is before it.

    Raises `PlanError` where something else reads the source, or what stands between.
    """
    staged: dict[str, Staged] = {}
    consumers = plan.consumers()
    for node in plan.nodes:
        if isinstance(node, Retimed):
            new = _staged(node, consumers)
            staged[node.name] = staged[node.source.name] = new
    if not staged:
        return plan

    def change(node: Node, new: dict[Node, Node]) -> Node:
        if isinstance(node, Retimed):
            return staged[node.name]
        if isinstance(node, DeadLetters) and node.input.name in staged:
            above = staged[node.input.name]
            wanted = above.last.name if node.input is above else above.name
            letters = DeadLetters(name=f"{node.name} of both", input=above)
            return Filter(name=node.name, input=letters, predicate=col("operator") == lit(wanted))
        return node

    return plan.rebuild(change)


def _staged(node: Retimed, consumers: dict[Node, list[Node]]) -> Staged:
    above: Node = node.input
    while True:
        others = [each for each in consumers[above] if not isinstance(each, DeadLetters)]
        if len(others) > 1:
            raise PlanError(
                f"{above.name} is read by {', '.join(each.name for each in others)}, and with_event_time needs it for itself",
                location=node.name,
                hint="read the rows behind with_event_time, or give each its own cd.source(...)",
            )
        if isinstance(above, Source):
            break
        (above,) = above.inputs
    source = node.source
    given = {f.name: getattr(source, f.name) for f in fields(Source) if f.init}
    given |= {"disorder": node.disorder, "idle": node.idle, "max_future": node.max_future}
    return Staged(**given, retimed=node)
