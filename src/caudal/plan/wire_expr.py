"""The JSON form of expressions.

{"column": name} | {"literal": value, "type": type} | {"call": function, "args": [...], "options": {...}}. Types are
written as "int64" or ["string"] (a list). In literals integers beyond 2**53 are decimal text,
NaN and infinities are "NaN", "Infinity", "-Infinity", binary is base64, times are milliseconds.

A call of a Python function is {"python": {"module", "name", "source", "kind", ...}, "args": [...]}. `source` is a hash of
its source text: a reader whose module has another text refuses the plan instead of computing something else.

What an earlier event of a pattern had is {"captured": aggregate}, an aggregate as windows have them, with its event as "of".
"""

from __future__ import annotations

import base64
import binascii
import math
import sys
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import DataType, list_of, parse_type
from caudal.plan.aggregates import Aggregate
from caudal.plan.captured import Captured
from caudal.plan.expr import INT64_RANGE, Call, Column, Expr, Literal
from caudal.plan.python import PythonCall, PythonFunction, declare
from caudal.plan.signature import NULL

_SAFE = 2**53
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_json(expr: Expr) -> dict[str, Any]:
    """Return the expression as plain JSON values, without NaN or integers that JSON readers round."""
    if isinstance(expr, Column):
        return {"column": expr.name}
    if isinstance(expr, Literal):
        return {"literal": _encode(expr.value), "type": _type(expr.type)}
    if isinstance(expr, PythonCall):
        return {"python": function_to_json(expr.function), "args": [to_json(arg) for arg in expr.args]}
    if isinstance(expr, Captured):
        return {"captured": aggregate_to_json(expr.aggregate)}
    assert isinstance(expr, Call)
    out: dict[str, Any] = {"call": expr.function, "args": [to_json(arg) for arg in expr.args]}
    if expr.options:
        out["options"] = {name: list(value) if isinstance(value, tuple) else value for name, value in expr.options}
    return out


def from_json(data: Any) -> Expr:
    """Return the expression; raises `PlanError` for an unknown function, option or type, and any other shape."""
    try:
        return _read(data)
    except RecursionError:
        raise PlanError("the expression's JSON is nested too deeply") from None


def _read(data: Any) -> Expr:
    if not isinstance(data, dict):
        raise _shape(data)
    names = frozenset(data)
    if names == {"column"} and isinstance(data["column"], str):
        return Column(data["column"])
    if names == {"literal", "type"}:
        dtype = _read_type(data["type"])
        return Literal(_decode(data["literal"], dtype), dtype)
    if names in ({"call", "args"}, {"call", "args", "options"}):
        options = data.get("options", {})
        if isinstance(data["call"], str) and isinstance(data["args"], list) and isinstance(options, dict):
            return Call(data["call"], tuple(_read(arg) for arg in data["args"]), tuple(options.items()))
    if names == {"captured"}:
        return Captured(aggregate_from_json(data["captured"]))
    if names == {"python", "args"} and isinstance(data["args"], list):
        return PythonCall(function_from_json(data["python"]), tuple(_read(arg) for arg in data["args"]))
    raise _shape(data)


def aggregate_to_json(aggregate: Aggregate) -> dict[str, Any]:
    """Return an aggregate as plain JSON values."""
    argument = None if aggregate.argument is None else to_json(aggregate.argument)
    order = [to_json(each) for each in aggregate.order_by]
    made: dict[str, Any] = {"function": aggregate.function, "argument": argument, "order_by": order}
    made |= {"options": dict(aggregate.options)} if aggregate.options else {}
    return made | ({"of": aggregate.of} if aggregate.of else {})


def aggregate_from_json(data: dict[str, Any]) -> Aggregate:
    """Return the aggregate."""
    argument = None if data["argument"] is None else from_json(data["argument"])
    order = tuple(from_json(each) for each in data["order_by"])
    return Aggregate(data["function"], argument, order, tuple(data.get("options", {}).items()), data.get("of", ""))


def function_to_json(function: PythonFunction) -> dict[str, Any]:
    """Return where a Python function stands and how it was declared."""
    return {
        "module": function.module,
        "name": function.qualified_name,
        "source": function.source_hash(),
        "kind": function.kind,
        "returns": None if function.returns is None else _type(function.returns),
        "nulls": "pass" if function.pass_nulls else "null",
        "timeout": function.timeout,
        "memory": function.memory,
    }


def function_from_json(data: Any) -> PythonFunction:
    """Return the function, found in a module that is already imported: nothing is imported or executed for a plan.

    Raises `PlanError` where it is not there, or its source text is another one.
    """
    if not isinstance(data, dict):
        raise _shape(data)
    found: Any = sys.modules.get(data["module"])
    for part in data["name"].split("."):
        found = getattr(found, part, None)
    if found is None:
        raise PlanError(
            f"the function {data['module']}.{data['name']} is not there",
            hint="import its module before the plan is read; functions inside functions and of pipeline files cannot be found",
        )
    if isinstance(found, PythonFunction):
        function = found
    else:
        returns = None if data["returns"] is None else _read_type(data["returns"])
        options = {"nulls": data["nulls"], "timeout": data["timeout"], "memory": data["memory"]}
        function = declare(found, data["kind"], returns=returns, **options)
    if function.source_hash() != data["source"] or function.kind != data["kind"]:
        raise function.error(
            f"{function.name}() has changed since the plan was written", hint="write the plan anew from its pipeline"
        )
    return function


def _shape(data: Any) -> PlanError:
    return PlanError(
        "this is not an expression",
        detail=repr(data)[:200],
        hint='{"column": ...}, {"literal": ..., "type": ...} or {"call": ..., "args": [...]}',
    )


def _type(dtype: DataType) -> Any:
    if dtype.item is not None:
        return [_type(dtype.item)]
    if dtype.name == "struct":
        return {f.name: _type(f.dtype) for f in dtype.fields}
    return dtype.name


def _read_type(data: Any) -> DataType:
    if isinstance(data, list) and len(data) == 1:
        return list_of(_read_type(data[0]))
    return NULL if data == "null" else parse_type(data)


def _encode(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encode(v) for v in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return next(name for name, v in _SPECIAL.items() if v == value or (v != v and value != value))
    return value


def _decode(value: Any, dtype: DataType) -> Any:
    if value is None:
        return None
    found: Any = None
    if dtype.item is not None:
        found = tuple(_decode(v, dtype.item) for v in value) if isinstance(value, list) else None
    elif dtype.name == "bool":
        found = value if isinstance(value, bool) else None
    elif dtype.is_float:
        found = _float(value)
    elif dtype.name == "string":
        found = value if isinstance(value, str) else None
    elif dtype.name == "binary":
        found = _bytes(value)
    elif dtype.is_integer or dtype.name in ("timestamp", "duration"):
        found = _int(value, dtype)
    if found is None:
        raise PlanError(f"{value!r} is not a {dtype}")
    return found


def _float(value: Any) -> float | None:
    if isinstance(value, str):
        return _SPECIAL.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _int(value: Any, dtype: DataType) -> int | None:
    if (
        isinstance(value, str)
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
        and len(value) < 21
    ):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    low, high = (-(2**31), 2**31 - 1) if dtype.name == "int32" else INT64_RANGE
    return value if low <= value <= high else None


def _bytes(value: Any) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None
