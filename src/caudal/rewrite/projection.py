"""Projection push-down: compute and decode only the columns that somebody uses.

What a Python function computes is kept even so: whether a row becomes a dead letter must not hang on who reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from caudal.plan.expr import Column
from caudal.plan.nodes import DeadLetters, Filter, Keyed, Late, Node, Select, Sink, Source, Union, WithColumns
from caudal.plan.operators import Copies, Map
from caudal.plan.plan import Plan, with_inputs
from caudal.plan.python import calls


def push_projection(plan: Plan) -> Plan:
    """Return the plan with unused columns left out of selects, with_columns and sources."""
    needed = _needed(plan)
    new: dict[Node, Node] = {}
    for node in plan.nodes:
        inputs = [new[i] for i in node.inputs]
        # trimmed over its old inputs: the new ones may lack what only an unused column reads
        trimmed = _trimmed(node, needed[node.name])
        new[node] = _even(trimmed, inputs) if isinstance(trimmed, Union) else with_inputs(trimmed, inputs)
    return Plan(plan.name, tuple(s for s in (new[s] for s in plan.sinks) if isinstance(s, Sink)))


def _trimmed(node: Node, used: set[str]) -> Node:
    if isinstance(node, Source):
        return replace(node, projection=tuple(n for n in node.declared.names if n in used))
    if isinstance(node, WithColumns) and any(n in node.input.schema for n, _ in node.columns):
        return _arranged(node, used)
    if isinstance(node, Select | WithColumns):
        columns = tuple((n, e) for n, e in node.columns if n in used or calls(e))
        if isinstance(node, Select) and not columns:
            columns = node.columns[:1]  # rows must still pass, if only to be counted
        return replace(node, columns=columns) if columns != node.columns else node
    return node


def _arranged(node: WithColumns, used: set[str]) -> Select:
    """Return a select in place of a with_columns that replaces columns: these stay where they stood.

    What they replace is not read from the input, where nobody else uses it, and so cannot tell their place.
    """
    new = dict(node.columns)
    names = [n for n in node.schema.names if n in used or (n in new and calls(new[n]))]
    pairs = tuple((n, new.get(n, Column(n))) for n in names or [node.columns[0][0]])
    return Select(name=node.name, input=node.input, columns=pairs)


def _needed(plan: Plan) -> dict[str, set[str]]:
    needed: dict[str, set[str]] = {node.name: set() for node in plan.nodes}
    for node in reversed(plan.nodes):
        used = needed[node.name]
        for source in node.inputs:
            needed[source.name] |= _reads(node, used)
        if isinstance(node, Late) and node.whole:
            # a late row is the whole input row of the window operator
            (rows,) = node.input.inputs
            needed[rows.name] |= set(rows.schema.names)
    return needed


def _reads(node: Node, used: set[str]) -> set[str]:
    """Return the columns that the node needs from its input, if `used` of its own are needed."""
    if isinstance(node, Sink):
        return set(node.input.schema.names)
    if isinstance(node, Filter):
        return used | node.predicate.columns()
    if isinstance(node, Select):
        columns = [e for n, e in node.columns if n in used or calls(e)] or [node.columns[0][1]]
        return set().union(*(e.columns() for e in columns))
    if isinstance(node, WithColumns):
        new = {n for n, _ in node.columns}
        return (used - new).union(*(e.columns() for n, e in node.columns if n in used or calls(e)))
    if isinstance(node, Keyed):
        return set(node.reads())
    if isinstance(node, Map):
        return set(node.input.schema.names)
    if isinstance(node, Copies):
        return used - {node.column}
    if isinstance(node, DeadLetters):
        return set()
    return set(used)


def _even(node: Union, inputs: Sequence[Node]) -> Union:
    """Give the inputs of a union the same columns again where one of them carries more than is used."""
    wanted = [n for n in inputs[0].schema.names if all(n in s.schema for s in inputs)]
    streams = []
    for i, stream in enumerate(inputs):
        if list(stream.schema.names) != wanted:
            stream = Select(name=f"{node.name}.{i}", input=stream, columns=tuple((n, Column(n)) for n in wanted))
        streams.append(stream)
    return replace(node, streams=tuple(streams))
