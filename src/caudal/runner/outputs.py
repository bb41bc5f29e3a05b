"""What tells the rows of an output apart: the operator that they come from, and the columns that hold its keys."""

from __future__ import annotations

from dataclasses import dataclass

from caudal.plan.expr import Column
from caudal.plan.nodes import Filter, Keyed, Late, Node, Select, Sink, WindowAggregate, WithColumns
from caudal.plan.operators import Shuffle
from caudal.plan.plan import Plan
from caudal.plan.windows import CountWindow


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of an output are made.

    `operator`: its id; `makes`: what decides which rows there are, in words, equal where two operators are alike;
    `keys`: the output's columns with its keys and window bounds, by name in the operator: together they are one row,
    () where a key and window can have several rows, or where a column of them is not written. `identified`: whether a row
    is known by its source record, or by key and window, and not by how many came before it.
    """

    operator: str
    makes: str
    identified: bool
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The key columns by their names in the output."""
        return tuple(column for _, column in self.keys)


def origin(plan: Plan, sink: Sink) -> Origin:
    """Return where the rows of a sink come from: the nearest operator above that does more than map rows."""
    names = {name: name for name in sink.input.schema.names}  # in the output -> above
    node: Node = sink.input
    while isinstance(node, Filter | Select | WithColumns | Shuffle):
        if isinstance(node, Select):
            taken = {name: expr.name for name, expr in node.columns if isinstance(expr, Column)}
            names = {out: taken[above] for out, above in names.items() if above in taken}
        elif isinstance(node, WithColumns):
            made = {name for name, _ in node.columns}
            names = {out: above for out, above in names.items() if above not in made}
        node = node.input
    if not isinstance(node, Keyed):
        return Origin(plan.ids[node], node.kind, _identified(node))
    window = getattr(node, "window", None) or getattr(node, "frame", "")
    makes = f"{node.kind} {node.show_keys()}{window}"
    if not isinstance(node, WindowAggregate):
        return Origin(plan.ids[node], makes, _identified(node))
    written = {above: out for out, above in reversed(names.items())}
    keys = [*(name for name, _ in node.keys), "window_start", "window_end"]
    whole = all(name in written for name in keys)
    columns = tuple((name, written[name]) for name in keys) if whole else ()
    return Origin(plan.ids[node], makes, _identified(node), columns)


def _identified(node: Node) -> bool:
    if isinstance(node, Late):
        return _identified(node.input.inputs[0])
    if isinstance(node, Keyed):
        window = getattr(node, "window", None)
        return window is not None and not isinstance(window, CountWindow)
    return all(_identified(above) for above in node.inputs)
