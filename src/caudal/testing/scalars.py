"""Values as the oracle sees them: plain Python. Evaluation row by row, the pinned order, equality of keys.

None is null. Times are int milliseconds. Nothing here is fast, and nothing is shared with an engine.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
import struct
from collections.abc import Callable, Mapping
from functools import cmp_to_key
from typing import Any

from caudal.core.types import DataType, Schema
from caudal.plan.expr import Call, Column, Expr, Literal
from caudal.plan.python import PythonCall
from caudal.testing import calling


def evaluate(expr: Expr, row: Mapping[str, Any], schema: Schema) -> Any:
    """Return the value of an expression over one row.

    Raises `NotImplementedError` for a function it does not know, `Failing` where a Python function raises. Every
    argument is computed, those of a branch that is not taken too.
    """
    if isinstance(expr, Column):
        return row[expr.name]
    if isinstance(expr, Literal):
        return list(expr.value) if isinstance(expr.value, tuple) else expr.value
    if isinstance(expr, PythonCall):
        given = [evaluate(a, row, schema) for a in expr.args]
        known = [p.dtype for p in expr.function.parameters]
        types = [t or a.infer(schema) for t, a in zip([*known, *[None] * len(given)], expr.args)]
        return calling.scalar(expr.function, given, types, expr.infer(schema))
    assert isinstance(expr, Call)
    types, result = expr.signature(schema)
    values = [widen(evaluate(a, row, schema), t) for a, t in zip(expr.args, types)]
    name = expr.function
    if name == "alias":
        return values[0]
    if name in _NULLABLE:
        return _NULLABLE[name](values)
    if name == "hash":
        return None if values[0] is None else _hash(values[0], dict(expr.options)["seed"])
    if name not in _STRICT:
        raise NotImplementedError(f"the oracle does not know the function {name}")
    if any(v is None for v in values):
        return None
    return fit(_STRICT[name](*values), result)


def _hash(value: Any, seed: int) -> int:
    """Return the first eight bytes of MD5 over the seed and the value's canonical text."""
    if isinstance(value, float):
        text = (b"7ff8" + b"0" * 12) if math.isnan(value) else struct.pack(">d", value + 0.0).hex().encode()
    elif isinstance(value, str | bytes):
        text = value.encode() if isinstance(value, str) else value
    else:
        text = str(value).lower().encode()
    digest = hashlib.md5(f"{seed}:".encode() + text, usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def widen(value: Any, dtype: DataType) -> Any:
    """Return an argument as a value of the type that it is computed in."""
    return float(value) if dtype.is_float and value is not None else value


def fit(value: Any, dtype: DataType) -> Any:
    """Return an integer result wrapped to its type; anything else as it is."""
    bits = {"int32": 32, "int64": 64, "duration": 64, "timestamp": 64}.get(dtype.name)
    if bits is None or value is None:
        return value
    return (value + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))


def compare(a: Any, b: Any) -> int:
    """Return -1, 0 or 1 in the pinned order: null first, NaN last and equal to itself, text by bytes, -0 equal to 0."""
    if a is None or b is None:
        return (a is not None) - (b is not None)
    x, y = (v.encode() if isinstance(v, str) else v for v in (a, b))
    nan_x, nan_y = (isinstance(v, float) and math.isnan(v) for v in (x, y))
    if nan_x or nan_y:
        return nan_x - nan_y
    return (x > y) - (x < y)


ordering = cmp_to_key(compare)
"""A sort key for the pinned order of single values."""


def identity(value: Any) -> Any:
    """Return a hashable stand-in, equal just for values that are one key: all NaN are one, and so are -0 and 0."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value + 0.0
    if isinstance(value, list):
        return tuple(identity(v) for v in value)
    if isinstance(value, dict):
        return tuple((k, identity(v)) for k, v in value.items())
    return value


def natural(name: str) -> list[tuple[int, int, bytes]]:
    """Return a sort key for partition names: runs of digits compare as numbers and before text, text by bytes."""
    parts: list[tuple[int, int, bytes]] = []
    run = ""
    for i, letter in enumerate(name):
        run += letter
        digit = "0" <= letter <= "9"
        following = name[i + 1] if i + 1 < len(name) else None
        if following is None or ("0" <= following <= "9") != digit:
            parts.append((0, int(run), run.encode()) if digit else (1, 0, run.encode()))
            run = ""
    return parts


def _divide(a: float, b: float) -> float | None:
    return None if b == 0 else a / b


def _floor_div(a: Any, b: Any) -> Any:
    if b == 0:
        return None
    if isinstance(a, int):
        return a // b
    quotient = a / b
    return float(math.floor(quotient)) if math.isfinite(quotient) else quotient


def _floor_mod(a: Any, b: Any) -> Any:
    return None if b == 0 else a % b


def _and(values: list[Any]) -> bool | None:
    return False if False in values else None if None in values else True


def _or(values: list[Any]) -> bool | None:
    return True if True in values else None if None in values else False


def _case(values: list[Any]) -> Any:
    for condition, value in zip(values[0:-1:2], values[1:-1:2]):
        if condition:
            return value
    return values[-1]


def _is_in(values: list[Any]) -> bool | None:
    wanted, *given = values
    if wanted is None:
        return None
    if any(v is not None and compare(wanted, v) == 0 for v in given):
        return True
    return None if None in given else False


_PORT, _ZONE = ":([0-9]{1,5})", r"%[!-$&-.0-Z\\^-~]+"
_HEX_TEXT = "[0-9A-Fa-f:.]+"
_NAMED = re.compile(
    rf"\[({_HEX_TEXT})({_ZONE})?\](?:{_PORT})?|([0-9A-Fa-f:]*[0-9]+(?:[.][0-9]+){{3}}){_PORT}|({_HEX_TEXT})({_ZONE})?"
)


def _canonical(text: str) -> str:
    found = _NAMED.fullmatch(text.strip(" \t\n\v\f\r"))
    if found is None:
        return text
    inner, inner_zone, inner_port, quad, quad_port, bare, bare_zone = found.groups()
    if int(inner_port or quad_port or 0) > 65535:
        return text
    try:
        address = ipaddress.ip_address(inner or quad or bare)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text if inner_zone or bare_zone else str(address)
    number = int(address)
    return str(ipaddress.IPv4Address(number % 2**32)) if number >> 32 == 0xFFFF else str(address)


_NULLABLE: dict[str, Callable[[list[Any]], Any]] = {
    "and": _and,
    "or": _or,
    "is_null": lambda v: v[0] is None,
    "is_not_null": lambda v: v[0] is not None,
    "coalesce": lambda v: next((x for x in v if x is not None), None),
    "case": _case,
    "is_in": _is_in,
}
_STRICT: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _divide,
    "floor_div": _floor_div,
    "floor_mod": _floor_mod,
    "neg": lambda a: -a,
    "eq": lambda a, b: compare(a, b) == 0,
    "ne": lambda a, b: compare(a, b) != 0,
    "lt": lambda a, b: compare(a, b) < 0,
    "le": lambda a, b: compare(a, b) <= 0,
    "gt": lambda a, b: compare(a, b) > 0,
    "ge": lambda a, b: compare(a, b) >= 0,
    "not": lambda a: not a,
    "is_nan": math.isnan,
    "lower": str.lower,
    "length": len,
    "canonical": _canonical,
}
