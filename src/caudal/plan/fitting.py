"""What the state of an operator depends on: by it a later plan finds out whether it can go on with that state.

State is kept in columns that stand for parts of an operator: its aggregates, the columns of rows that wait, the fields of what a
function reduces to. Each part has a label, its name with all that decides what is in its columns, so that parts which both plans have
are found again wherever they stand, and no part is taken for another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from caudal.plan import wire
from caudal.plan.nodes import Keyed, Reduce, Running, WindowAggregate, WindowApply
from caudal.plan.nodes.keyed import Windowed
from caudal.plan.plan import Plan

PARTS = {"a": "aggregate", "c": "column", "s": "field"}
"""The kinds of parts, by the letter that the names of their columns begin with."""


def parts(node: Keyed) -> dict[str, list[str]]:
    """Return the labels of the parts of an operator that may come and go, by kind, in order.

    A part's label is its name, and behind " = " its definition and types.
    """
    schema = node.input.schema
    found: dict[str, list[str]] = {}
    if isinstance(node, WindowAggregate | Running):
        described = dict(wire.describe(node)["aggregates"])
        takes = {name: "" if a.argument is None else a.argument.dtype(schema).spec for name, a in node.aggregates}
        gives = {name: node.schema.dtype(name).spec for name, _ in node.aggregates}
        found["a"] = [_label(name, [_plain(described[name]), takes[name], gives[name]]) for name, _ in node.aggregates]
    if not isinstance(node, Windowed):
        found["c"] = [_label(field.name, field.dtype.spec) for field in schema]
    if isinstance(node, Reduce):
        found["s"] = [_label(field.name, field.dtype.spec) for field in node.output]
    return found


def fits(node: Keyed) -> dict[str, Any]:
    """Return what the state of an operator depends on, as JSON has it: its parts, its Python functions, and all that must be the same."""
    described = wire.describe(node)
    schema = node.input.schema
    for part in ("aggregates", "output"):
        described.pop(part, None)
    types = [expr.dtype(schema).spec for _, expr in node.keys]
    same: dict[str, Any] = {**described, "keys": [[*pair, kind] for pair, kind in zip(described["keys"], types)]}
    if isinstance(node, Windowed) and not isinstance(node, WindowAggregate):
        kept = node.takes if isinstance(node, WindowApply) else schema.names
        same["rows"] = [[name, schema.dtype(name).spec] for name in kept]
    functions = {f"{f.module}.{f.qualified_name}": f.source_hash() for f in node.functions}
    made = {"same": _plain(same), "parts": parts(node), "functions": functions}
    return json.loads(json.dumps(made))


def anywhere(value: Any) -> Any:
    """Return a description without the modules of functions: a pipeline file is another one where a program of the user's imports it."""
    if isinstance(value, Mapping):
        function = "module" in value and "kind" in value
        return {name: anywhere(each) for name, each in value.items() if not (function and name == "module")}
    return [anywhere(each) for each in value] if isinstance(value, list | tuple) else value


def graph(plan: Plan) -> str:
    """Return what the counts of a ledger are counts of, as a hash: the operators, and what they read."""
    nodes = [[plan.ids[node], node.kind, [[plan.ids[i], node.port] for i in node.inputs]] for node in plan.nodes]
    return hashlib.sha256(json.dumps(sorted(nodes)).encode()).hexdigest()[:16]


def name_of(label: str) -> str:
    """Return the name of the part with this label."""
    return label.partition(" = ")[0]


def _label(name: str, definition: Any) -> str:
    return f"{name} = {json.dumps(definition)}"


def _plain(value: Any) -> Any:
    """Return a description without the hashes of functions' texts: a function that was changed is the same one."""
    if isinstance(value, Mapping):
        function = "module" in value and "source" in value
        return {name: _plain(each) for name, each in value.items() if not (function and name == "source")}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
