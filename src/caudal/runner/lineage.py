"""Which columns of an output cannot be the same in two runs: those that come from the clock, or from sums of floats.

What comes from `now()` is left out of a comparison. Sums, means and deviations of floats are exact on one engine and
added naively on another: they are compared with a tolerance, and where a filter or a key hangs on one, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from caudal.core.types import Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.plan.nodes import DeadLetters, Filter, Keyed, Late, Node, Select, WindowAggregate, WithColumns
from caudal.plan.operators import Map, Reduce, Running, WindowApply, WindowTop
from caudal.plan.plan import Plan
from caudal.plan.windows import CountWindow, Sliding


@dataclass(slots=True)
class Lineage:
    """Columns of a stream by where they come from.

    `volatile`: from the clock; `inexact`: floats that come from a sum of floats; `hanging`: what decides rows, keys or
    values of another type by one of these, a line each.
    """

    volatile: set[str] = field(default_factory=set)
    inexact: set[str] = field(default_factory=set)
    hanging: dict[str, None] = field(default_factory=dict)

    def note(self, what: str, expressions: Iterable[Expr]) -> None:
        """Note that something hangs on expressions, where they come from the clock or from sums."""
        for expr in expressions:
            volatile, inexact = self.of(expr)
            if volatile:
                self.hanging[f"{what} hangs on the clock: {expr}"] = None
            if inexact:
                self.hanging[f"{what} hangs on a sum of floats: {expr}"] = None

    def of(self, expr: Expr) -> tuple[bool, bool]:
        """Whether an expression comes from the clock, and whether from a sum of floats."""
        reads = expr.columns()
        return expr.is_volatile or bool(reads & self.volatile), bool(reads & self.inexact)

    def taking(self, name: str, expr: Expr, schema: Schema, above: Lineage, what: str) -> None:
        """Note a column that is made of an expression over the columns `above`."""
        volatile, inexact = above.of(expr)
        if volatile:
            self.volatile.add(name)
        elif inexact and expr.dtype(schema).is_float:
            self.inexact.add(name)
        elif inexact:
            above_note = Lineage(inexact=above.inexact)
            above_note.note(f"column '{name}' of {what}", (expr,))
            self.hanging.update(above_note.hanging)


def lineages(plan: Plan) -> dict[str, Lineage]:
    """Return the lineage of what each sink takes, by sink id."""
    found: dict[Node, Lineage] = {}
    for node in plan.nodes:
        # a late row is an input row of the operator that found it late
        above = [found[up.inputs[0] if isinstance(node, Late) else up] for up in node.inputs]
        found[node] = _of(node, above, plan.ids[node])
    return {plan.ids[sink]: found[sink] for sink in plan.sinks}


def _of(node: Node, above: list[Lineage], name: str) -> Lineage:
    if not above or isinstance(node, DeadLetters):
        return Lineage()
    first = above[0]
    out = Lineage(hanging={line: None for each in above for line in each.hanging})
    kept = set(node.schema.names)
    if not isinstance(node, Select | WindowAggregate | Map | WindowApply | Reduce):
        out.volatile = {name for each in above for name in each.volatile if name in kept}
        out.inexact = {name for each in above for name in each.inexact if name in kept}
    what = f"{node.kind} '{name}'"
    if isinstance(node, Filter):
        _carry(out, first, what, (node.predicate,))
    elif isinstance(node, Select | WithColumns):
        for column, expr in node.columns:
            out.volatile.discard(column)
            out.inexact.discard(column)
            out.taking(column, expr, node.input.schema, first, what)
    elif isinstance(node, Map):
        _made(out, node.output, first, what)
    elif isinstance(node, Keyed):
        _keyed(out, node, first, what)
    return out


def _keyed(out: Lineage, node: Keyed, above: Lineage, what: str) -> None:
    _carry(out, above, what, (expr for _, expr in node.keys))
    window: Any = getattr(node, "window", None) or getattr(node, "frame", None)
    if isinstance(window, CountWindow | Sliding):
        _carry(out, above, what, window.order.by)
    if isinstance(node, WindowAggregate | Running):
        for column, aggregate in node.aggregates:
            _aggregated(out, column, aggregate, node.input.schema, above, what)
    elif isinstance(node, WindowTop):
        _carry(out, above, what, (expr for expr, _ in node.by))
    elif isinstance(node, WindowApply | Reduce):
        _made(out, node.output, above, what)


def _aggregated(out: Lineage, column: str, aggregate: Aggregate, schema: Schema, above: Lineage, what: str) -> None:
    _carry(out, above, f"column '{column}' of {what}", aggregate.order_by)
    if aggregate.argument is None:
        return
    out.taking(column, aggregate.argument, schema, above, what)
    if column not in out.volatile and adds(aggregate, schema):
        out.inexact.add(column)
    elif column in out.inexact and aggregate.function in ("count_distinct", "collect"):
        out.inexact.discard(column)
        _carry(out, above, f"column '{column}' of {what}", (aggregate.argument,))


def adds(aggregate: Aggregate, schema: Schema) -> bool:
    """Whether an aggregate's result is a float that depends on how its values are added."""
    return aggregate.function in ("mean", "stddev", "sum") and aggregate.dtype(schema).is_float


def _made(out: Lineage, output: Schema, above: Lineage, what: str) -> None:
    """Columns that a function makes of whole rows: of the clock or of sums where any column is."""
    names = set(output.names)
    if above.volatile:
        out.volatile |= names
    elif above.inexact:
        out.inexact |= {field.name for field in output if field.dtype.is_float}
        if not all(field.dtype.is_float for field in output):
            out.hanging[f"{what} may hang on a sum of floats"] = None


def _carry(out: Lineage, above: Lineage, what: str, expressions: Iterable[Expr]) -> None:
    probe = Lineage(above.volatile, above.inexact)
    probe.note(what, expressions)
    out.hanging.update(probe.hanging)
