"""Rewrites: plan to plan, one pass a file, applied in the order of `RULES`.

Enters: a plan. Leaves: a plan that gives the same rows, ids and ledger with less work. May touch: plan, core.
Must never: reorder two filters, move anything past a stateful operator, change an operator's id.
"""

from collections.abc import Callable

from caudal.plan.plan import Plan
from caudal.rewrite.fuse import fuse
from caudal.rewrite.predicates import push_predicates
from caudal.rewrite.projection import push_projection
from caudal.rewrite.stage import stage

RULES: tuple[Callable[[Plan], Plan], ...] = (push_predicates, push_projection, stage, fuse)


def rewrite(plan: Plan) -> Plan:
    """Return the plan after all rules, with every operator's id pinned as its name."""
    plan = plan.pinned()
    for rule in RULES:
        plan = rule(plan)
    return plan


__all__ = ["RULES", "fuse", "push_predicates", "push_projection", "rewrite", "stage"]
