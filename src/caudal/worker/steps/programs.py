"""Conditions that read earlier events, computed for one row and one search: values are Python's, null is None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.ranges import Ranges, order_key, over_ranges

_BITS = {"int32": 32, "int64": 64, "duration": 64, "timestamp": 64}


def computed(program: Any, row: list[Any], earlier: Callable[[int], Any]) -> Any:
    """Return the value of a program. `row`: what was computed of the row; `earlier`: gives what was read of earlier events."""
    kind = program[0]
    if kind == "row":
        return row[program[1]]
    if kind == "of":
        return earlier(program[1])
    if kind == "value":
        return program[1]
    _, floats, result, *parts = program
    values = [computed(part, row, earlier) for part in parts]
    values = [float(v) if as_float and v is not None else v for v, as_float in zip(values, floats, strict=True)]
    if kind in _NULLABLE:
        return _NULLABLE[kind](values)
    return None if any(v is None for v in values) else _fitted(_STRICT[kind](*values), result)


def aggregate(function: str, options: dict[str, Any], kinds: tuple[Any, Any], values: list[Any]) -> Any:
    """Return an aggregate of the values of rows. `kinds`: the types of argument and result."""
    if function == "count":
        return len(values)
    if function in ("first", "last"):
        present = values if function == "first" else values[::-1]
        return next((value for value in present if value is not None), None)
    if not values:
        return {"count_if": 0, "count_distinct": 0, "approx_count_distinct": 0}.get(function)
    takes, gives = kinds
    ranges = Ranges(np.zeros(1, np.int64), np.array([len(values)], np.int64))
    array = as_array(pa.array(values, arrow_of(takes)), takes)
    return over_ranges(ranges, function, options, array, takes, gives)[0].as_py()


def _fitted(value: Any, kind: str) -> Any:
    """Return a result as its type has it: integers wrap."""
    if value is None:
        return None
    bits = _BITS.get(kind)
    if bits is not None:
        return (int(value) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    if kind == "float32":
        with np.errstate(over="ignore"):
            return float(np.float32(value))
    return value


def _and(values: list[Any]) -> bool | None:
    return False if False in values else None if None in values else True


def _or(values: list[Any]) -> bool | None:
    return True if True in values else None if None in values else False


_NULLABLE: dict[str, Callable[[list[Any]], Any]] = {
    "and": _and,
    "or": _or,
    "is_null": lambda v: v[0] is None,
    "is_not_null": lambda v: v[0] is not None,
    "coalesce": lambda v: next((x for x in v if x is not None), None),
    "alias": lambda v: v[0],
}
_STRICT: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: None if b == 0 else a / b,
    "neg": lambda a: -a,
    "not": lambda a: not a,
    "eq": lambda a, b: order_key(a) == order_key(b),
    "ne": lambda a, b: order_key(a) != order_key(b),
    "lt": lambda a, b: order_key(a) < order_key(b),
    "le": lambda a, b: order_key(a) <= order_key(b),
    "gt": lambda a, b: order_key(a) > order_key(b),
    "ge": lambda a, b: order_key(a) >= order_key(b),
}
