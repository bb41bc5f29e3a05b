"""Which columns of an output cannot be the same in two runs: those that come from the clock, or from sums of floats.

What comes from `now()` is left out of a comparison. Sums, means and deviations of floats are exact on one engine and
added naively on another: they are compared with a tolerance, and where a filter or a key depends on one, that is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from caudal.core.types import Field, Schema
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.plan.nodes import Aggregated, Called, Computed, Node
from caudal.plan.plan import Plan


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
        """Note that something depends on expressions, where they come from the clock or from sums."""
        for expr in expressions:
            volatile, inexact = self.of(expr)
            if volatile:
                self.hanging[f"{what} depends on the clock: {expr}"] = None
            if inexact:
                self.hanging[f"{what} depends on a sum of floats: {expr}"] = None

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
        found[node] = _of(node, [found[up] for up in node.rows_of], plan.ids[node])
    return {plan.ids[sink]: found[sink] for sink in plan.sinks}


def _of(node: Node, above: list[Lineage], name: str) -> Lineage:
    out = Lineage(hanging={line: None for each in above for line in each.hanging})
    if not above:
        return out
    whole = Lineage(
        {name for each in above for name in each.volatile}, {name for each in above for name in each.inexact}
    )
    what, schema = f"{node.kind} '{name}'", node.rows_of[0].schema
    _carry(out, whole, what, (expr for _, expr in node.roles()))
    for column, result in node.results().items():
        if isinstance(result, Computed):
            out.taking(column, result.expr, schema, whole, what)
        elif isinstance(result, Aggregated):
            _aggregated(out, column, result.aggregate, schema, whole, what)
        elif isinstance(result, Called):
            _called(out, node.schema[column], result, whole, what)
    return out


def _aggregated(out: Lineage, column: str, aggregate: Aggregate, schema: Schema, above: Lineage, what: str) -> None:
    _carry(out, above, f"column '{column}' of {what}", aggregate.order_by)
    if aggregate.argument is None:
        return
    out.taking(column, aggregate.argument, schema, above, what)
    if column not in out.volatile and adds(aggregate, schema):
        out.inexact.add(column)
    elif column in out.inexact and aggregate.function in ("count_distinct", "approx_count_distinct", "collect"):
        out.inexact.discard(column)
        _carry(out, above, f"column '{column}' of {what}", (aggregate.argument,))


def adds(aggregate: Aggregate, schema: Schema) -> bool:
    """Whether an aggregate's result is a float that depends on how its values are added."""
    return aggregate.function in ("mean", "stddev", "sum") and aggregate.dtype(schema).is_float


def _called(out: Lineage, column: Field, result: Called, above: Lineage, what: str) -> None:
    """Note a column that a function makes of whole rows: of the clock or of sums where any column is."""
    if above.volatile:
        out.volatile.add(column.name)
    elif above.inexact and column.dtype.is_float:
        out.inexact.add(column.name)
    elif above.inexact:
        out.hanging[f"{what} may depend on a sum of floats"] = None


def _carry(out: Lineage, above: Lineage, what: str, expressions: Iterable[Expr]) -> None:
    probe = Lineage(above.volatile, above.inexact)
    probe.note(what, expressions)
    out.hanging.update(probe.hanging)
