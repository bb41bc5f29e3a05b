"""The plan's JSON form, versioned: what is stored, compared and sent.

Version 1: {"caudal": 1, "name": ..., "nodes": [{"kind", "inputs": [numbers], ...fields}], "sinks": [numbers]}.
Values that JSON cannot hold (frames handed to the memory connector) are refused. A Python function stands as module,
qualified name and source hash (`wire_expr`); whoever reads the plan needs the module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, Field, Schema, list_of, parse_type, struct_of
from caudal.plan import wire_expr, wire_pattern
from caudal.plan.nodes import Node, Table
from caudal.plan.plan import Plan
from caudal.plan.windows import Order, Window

VERSION = 1


def to_json(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain JSON values; raises `PlanError` for an option that JSON cannot hold."""
    number = {node: i for i, node in enumerate(plan.nodes)}
    return {
        "caudal": VERSION,
        "name": plan.name,
        "nodes": [_node(node, [number[i] for i in node.inputs]) for node in plan.nodes],
        "sinks": [number[s] for s in plan.sinks],
    }


def from_json(data: Any) -> Plan:
    """Return the plan; raises `PlanError` for another version, an unknown kind or a shape that does not fit."""
    if not isinstance(data, dict) or "caudal" not in data:
        raise PlanError("this is not a plan", hint='a plan is a JSON object with "caudal": 1')
    if data["caudal"] != VERSION:
        raise PlanError(
            f"plan version {data['caudal']!r} is not supported", hint=f"this caudal reads version {VERSION}"
        )
    try:
        built: list[Node] = []
        for entry in data["nodes"]:
            built.append(_read_node(entry, built))
        sinks = tuple(built[i] for i in data["sinks"])
        return Plan(data["name"], sinks)  # type: ignore[arg-type]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(
            "the plan's JSON does not have the right shape", detail=f"{type(error).__name__}: {error}"
        ) from error


def _node(node: Node, inputs: list[int]) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": node.kind, "inputs": inputs}
    for each in _stored(type(node)):
        value = getattr(node, each.name)
        if not (each.metadata.get("later") and value == each.default):
            out[each.name] = _codec(each.type, f"{node.kind}.{each.name}").write(value)
    return out


def dumps_node(node: Node) -> str:
    """Return a node that has no inputs as JSON text; raises `PlanError` as `to_json` does."""
    return json.dumps(_node(node, []), ensure_ascii=True, allow_nan=False)


def loads_node(text: str) -> Node:
    """Return the node of such a text."""
    return _read_node(json.loads(text), [])


def describe(node: Node) -> dict[str, Any]:
    """Return the JSON form of a node without its name and its inputs: what it does, whatever it is called and stands behind."""
    out = _node(node, [])
    return {name: value for name, value in out.items() if name not in ("name", "inputs")}


def _stored(cls: type[Node]) -> list[Any]:
    """Return the fields of a node that stand in its JSON: all that it is constructed with, but for its inputs."""
    return [each for each in fields(cls) if each.init and each.type not in _INPUTS]


_INPUTS = ("Node", "tuple[Node, ...]")


@dataclass(frozen=True, slots=True)
class _Codec:
    """How values of a type are written and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _codec(kind: Any, where: str) -> _Codec:
    """Return the codec of a field by its annotation; it raises `PlanError` with the place for a value that is none for JSON."""
    if kind == "tuple[Step, ...]":
        return _Codec(lambda steps: [_node(step, []) for step in steps], lambda steps: steps)
    return _CODECS.get(kind) or _Codec(lambda value: _plain(value, where), _frozen)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, tuple | list):
        return [_plain(v, where) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str | int) for key in value):
        return {str(key): _plain(v, where) for key, v in value.items()}
    raise PlanError(
        f"{where} holds a {type(value).__name__}, which a stored plan cannot", hint="use the files connector"
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(v) for key, v in value.items()}
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _window(window: Any) -> dict[str, Any]:
    values = [getattr(window, each.name) for each in fields(window) if each.name != "order"]
    out: dict[str, Any] = {window.tag: values if len(values) > 1 else values[0]}
    return out if window.ordering is None else {**out, "order": _order(window.ordering)}


def _order(order: Order) -> dict[str, Any]:
    return {"by": [wire_expr.to_json(e) for e in order.by], "arrival": order.arrival}


def _field(field: Field) -> dict[str, Any]:
    out: dict[str, Any] = {"name": field.name, "type": _type(field.dtype)}
    for extra in ("unit", "time_format"):
        if getattr(field, extra):
            out[extra] = getattr(field, extra)
    if field.path:
        out["path"] = list(field.path)
    if field.any_json:
        out["any_json"] = True
    return out


def _type(dtype: DataType) -> Any:
    if dtype.item is not None:
        return [_type(dtype.item)]
    if dtype.name == "struct":
        return {"fields": [_field(f) for f in dtype.fields]}
    return dtype.name


def _read_field(data: Any) -> Field:
    return Field(
        data["name"],
        _read_type(data["type"]),
        tuple(data.get("path", ())),
        data.get("unit", ""),
        data.get("time_format", ""),
        data.get("any_json", False),
    )


def _read_type(data: Any) -> DataType:
    if isinstance(data, list):
        return list_of(_read_type(data[0]))
    if isinstance(data, dict):
        return struct_of([_read_field(f) for f in data["fields"]])
    return parse_type(data)


def _read_node(entry: dict[str, Any], built: list[Node], over: Node | None = None) -> Node:
    cls = Node.kinds.get(entry["kind"])
    if cls is None:
        raise PlanError(f"unknown kind of node '{entry['kind']}'")
    inputs = [over] if over is not None else [built[i] for i in entry["inputs"]]
    values: dict[str, Any] = {}
    for each in fields(cls):
        if each.type == "Node":
            (values[each.name],) = inputs
        elif each.type in _INPUTS:
            values[each.name] = tuple(inputs)
    kinds = {each.name: each.type for each in _stored(cls)}
    for name, value in entry.items():
        if name not in ("kind", "inputs"):
            values[name] = _codec(kinds[name], name).read(value)
    if "steps" in values:
        steps: list[Node] = []
        for step in values["steps"]:
            steps.append(_read_node(step, [], steps[-1] if steps else values["input"]))
        values["steps"] = tuple(steps)
    return cls(**values)


def _read_window(data: dict[str, Any]) -> Window:
    (tag,) = data.keys() - {"order"}
    values = data[tag] if isinstance(data[tag], list) else [data[tag]]
    made: Any = Window.tags[tag]
    return made(*values, **({"order": _read_order(data["order"])} if "order" in data else {}))


def _read_order(data: dict[str, Any]) -> Order:
    return Order(tuple(wire_expr.from_json(e) for e in data["by"]), data["arrival"])


def _table(table: Table) -> dict[str, Any]:
    if any(
        isinstance(value, list | tuple) and not all(isinstance(v, str) for v in value)
        for _, value in table.rows.options
    ):
        raise PlanError(f"{table.label} holds rows, which a stored plan cannot", hint="use the files connector")
    made = {each.name: getattr(table, each.name) for each in fields(Table)}
    return {**made, "rows": _node(table.rows, []), "key": list(table.key)}


def _read_table(data: dict[str, Any]) -> Table:
    values: dict[str, Any] = {**data, "rows": _read_node(data["rows"], []), "key": tuple(data["key"])}
    return Table(**values)


def _optional(codec: _Codec) -> _Codec:
    return _Codec(
        lambda value: None if value is None else codec.write(value),
        lambda value: None if value is None else codec.read(value),
    )


def _each(codec: _Codec) -> _Codec:
    """Return the codec of tuples of (name, value)."""
    return _Codec(
        lambda pairs: [[name, codec.write(value)] for name, value in pairs],
        lambda pairs: tuple((name, codec.read(value)) for name, value in pairs),
    )


_EXPR = _Codec(wire_expr.to_json, wire_expr.from_json)
_WINDOW = _Codec(_window, _read_window)
_CODECS: dict[str, _Codec] = {
    "Expr": _EXPR,
    "Expr | None": _optional(_EXPR),
    "Named": _each(_EXPR),
    "Ranking": _Codec(
        lambda pairs: [[wire_expr.to_json(expr), descending] for expr, descending in pairs],
        lambda pairs: tuple((wire_expr.from_json(expr), descending) for expr, descending in pairs),
    ),
    "Aggregates": _each(_Codec(wire_expr.aggregate_to_json, wire_expr.aggregate_from_json)),
    "Pattern": _Codec(wire_pattern.to_json, wire_pattern.from_json),
    "Schema": _Codec(lambda schema: [_field(f) for f in schema], lambda data: Schema([_read_field(f) for f in data])),
    "Window": _WINDOW,
    "Sliding": _WINDOW,
    "Table": _Codec(_table, _read_table),
    "Order": _Codec(_order, _read_order),
    "PythonFunction": _Codec(wire_expr.function_to_json, wire_expr.function_from_json),
}
"""By the annotation of a node's field; all others hold plain values."""


def dumps(plan: Plan) -> str:
    """Return the plan as JSON text."""
    return json.dumps(to_json(plan), ensure_ascii=False, allow_nan=False)


def loads(text: str) -> Plan:
    """Return the plan of a JSON text; raises `PlanError`."""
    try:
        return from_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise PlanError("the plan is not JSON", detail=str(error)) from error
