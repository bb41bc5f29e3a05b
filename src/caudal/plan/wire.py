"""The plan's JSON form, versioned: what is stored, compared and sent.

Version 1: {"caudal": 1, "name": ..., "nodes": [{"kind", "inputs": [numbers], ...fields}], "sinks": [numbers]}.
Values that JSON cannot hold (frames handed to the memory connector) are refused. A Python function stands as module,
qualified name and source hash (`wire_expr`); whoever reads the plan needs the module.
"""

from __future__ import annotations

import json
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, Field, Schema, list_of, parse_type, struct_of
from caudal.plan import nodes as n
from caudal.plan import operators as o
from caudal.plan import wire_expr
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import Expr
from caudal.plan.plan import Plan, node_fields
from caudal.plan.python import PythonFunction
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Order, Session, Sliding, Window

VERSION = 1
KINDS: dict[str, type[n.Node]] = {
    c.kind: c
    for c in (
        n.Source,
        n.Filter,
        n.Select,
        n.WithColumns,
        n.Union,
        n.WindowAggregate,
        n.Late,
        n.DeadLetters,
        n.Sink,
        n.Fused,
        o.Map,
        o.FlatMap,
        o.Shuffle,
        o.Copies,
        o.WindowApply,
        o.WindowTop,
        o.Running,
        o.Deduplicate,
        o.Reduce,
    )
}


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
        built: list[n.Node] = []
        for entry in data["nodes"]:
            built.append(_read_node(entry, built))
        sinks = tuple(built[i] for i in data["sinks"])
        return Plan(data["name"], sinks)  # type: ignore[arg-type]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise PlanError(
            "the plan's JSON does not have the right shape", detail=f"{type(error).__name__}: {error}"
        ) from error


def _node(node: n.Node, inputs: list[int]) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": node.kind, "inputs": inputs}
    for name, value in node_fields(node).items():
        if name in ("input", "streams"):
            continue
        if name == "steps":
            out["steps"] = [_node(step, []) for step in value]
        elif name == "aggregates":
            out[name] = [[label, _aggregate(a)] for label, a in value]
        else:
            out[name] = _value(value, f"{node.kind}.{name}")
    return out


def _aggregate(a: Aggregate) -> dict[str, Any]:
    argument = None if a.argument is None else wire_expr.to_json(a.argument)
    return {"function": a.function, "argument": argument, "order_by": [wire_expr.to_json(e) for e in a.order_by]}


def _value(value: Any, where: str) -> Any:
    if isinstance(value, Expr):
        return wire_expr.to_json(value)
    if isinstance(value, Schema):
        return [_field(f) for f in value]
    if isinstance(value, Hopping):
        return {"hopping": [value.size, value.step, value.offset]}
    if isinstance(value, Session):
        return {"session": value.gap}
    if isinstance(value, Cumulative):
        return {"cumulative": [value.size, value.step, value.offset]}
    if isinstance(value, CountWindow):
        return {"rows": [value.size, value.step], "order": _value(value.order, where)}
    if isinstance(value, Sliding):
        return {"sliding": [value.size, value.rows], "order": _value(value.order, where)}
    if isinstance(value, Order):
        return {"by": [wire_expr.to_json(e) for e in value.by], "arrival": value.arrival}
    if isinstance(value, PythonFunction):
        return wire_expr.function_to_json(value)
    if isinstance(value, tuple | list):
        return [_value(v, where) for v in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise PlanError(
        f"{where} holds a {type(value).__name__}, which a stored plan cannot", hint="use the files connector"
    )


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


def _read_node(entry: dict[str, Any], built: list[n.Node], over: n.Node | None = None) -> n.Node:
    cls = KINDS.get(entry["kind"])
    if cls is None:
        raise PlanError(f"unknown kind of node '{entry['kind']}'")
    values: dict[str, Any] = {}
    inputs = [over] if over is not None else [built[i] for i in entry["inputs"]]
    if cls is n.Union:
        values["streams"] = tuple(inputs)
    elif cls is not n.Source:
        (values["input"],) = inputs
    for name, value in entry.items():
        if name not in ("kind", "inputs"):
            values[name] = _read_value(name, value, values)
    return cls(**values)


def _read_value(name: str, value: Any, values: dict[str, Any]) -> Any:
    if name in ("predicate", "event_time"):
        return None if value is None else wire_expr.from_json(value)
    if name in ("columns", "keys"):
        return tuple((label, wire_expr.from_json(e)) for label, e in value)
    if name == "aggregates":
        return tuple((label, _read_aggregate(a)) for label, a in value)
    if name in ("window", "frame"):
        return _read_window(value)
    if name == "order":
        return _read_order(value)
    if name == "function":
        return wire_expr.function_from_json(value)
    if name == "by":
        return tuple((wire_expr.from_json(e), descending) for e, descending in value)
    if name in ("declared", "output"):
        return Schema([_read_field(f) for f in value])
    if name == "projection":
        return None if value is None else tuple(value)
    if name in ("options", "format_options"):
        return tuple((key, _freeze(v)) for key, v in value)
    if name == "steps":
        steps: list[n.Node] = []
        for entry in value:
            steps.append(_read_node(entry, [], steps[-1] if steps else values["input"]))
        return tuple(steps)
    return value


def _freeze(value: Any) -> Any:
    return tuple(_freeze(v) for v in value) if isinstance(value, list) else value


def _read_aggregate(data: dict[str, Any]) -> Aggregate:
    argument = None if data["argument"] is None else wire_expr.from_json(data["argument"])
    return Aggregate(data["function"], argument, tuple(wire_expr.from_json(e) for e in data["order_by"]))


def _read_window(data: dict[str, Any]) -> Window:
    if "session" in data:
        return Session(data["session"])
    if "cumulative" in data:
        return Cumulative(*data["cumulative"])
    if "rows" in data:
        return CountWindow(*data["rows"], order=_read_order(data["order"]))
    if "sliding" in data:
        return Sliding(*data["sliding"], order=_read_order(data["order"]))
    return Hopping(*data["hopping"])


def _read_order(data: dict[str, Any]) -> Order:
    return Order(tuple(wire_expr.from_json(e) for e in data["by"]), data["arrival"])


def dumps(plan: Plan) -> str:
    """Return the plan as JSON text."""
    return json.dumps(to_json(plan), ensure_ascii=False, allow_nan=False)


def loads(text: str) -> Plan:
    """Return the plan of a JSON text; raises `PlanError`."""
    try:
        return from_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise PlanError("the plan is not JSON", detail=str(error)) from error
