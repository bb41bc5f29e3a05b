"""What tells the rows of an output apart: the operator that they come from, and the columns that hold its keys."""

from __future__ import annotations

from dataclasses import dataclass

from caudal.plan.nodes import Node, Sink, passed_on
from caudal.plan.plan import Plan


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
    while node.row_wise:
        passed = passed_on(node)
        names = {out: passed[above] for out, above in names.items() if above in passed}
        (node,) = node.inputs
    written = {above: out for out, above in reversed(names.items())}
    whole = all(name in written for name in node.row_key)
    columns = tuple((name, written[name]) for name in node.row_key) if whole else ()
    return Origin(plan.ids[node], node.makes, node.identified, columns)
