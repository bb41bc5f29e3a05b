"""Casts: a value that does not fit its target is null."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar import numbers, times, utf8
from caudal.columnar.column import NUMPY_TYPES, Column, Fixed, Text, from_list
from caudal.core.types import BINARY, BOOL, FLOAT64, INT64, STRING, TIMESTAMP, DataType
from caudal.expressions.kernel import Kernel, Site, implements, restrict

_PARSERS: dict[str, Callable[..., Any]] = {
    "bool": numbers.parse_bools,
    "int32": numbers.parse_ints,
    "int64": numbers.parse_ints,
    "float32": numbers.parse_floats,
    "float64": numbers.parse_floats,
    "timestamp": times.parse,
}


@implements("cast")
def _cast(site: Site) -> Kernel:
    source, target = site.types[0], site.result
    if source == target:
        return lambda rows, args: args[0]
    if target == STRING:
        return _to_text(source)
    if source == STRING and target == BINARY:
        return lambda rows, args: Text(BINARY, args[0].data, args[0].start, args[0].length, args[0].valid)
    if source == STRING:
        return _from_text(target)
    return lambda rows, args: convert(args[0], target, rows)


def convert(column: Fixed, target: DataType, rows: int) -> Fixed:
    """Return numbers, bools and times as another of these; floats are cut towards zero."""
    values, kind = column.values, NUMPY_TYPES[target.name]
    if target == BOOL:
        return Fixed(target, values != 0, column.valid)
    if np.issubdtype(kind, np.integer) and column.dtype.is_float:
        low, high = (-(2.0**31), 2.0**31) if kind is np.int32 else (-(2.0**63), 2.0**63)
        whole = np.trunc(values.astype(np.float64))
        ok = (whole >= low) & (whole < high)
        return Fixed(target, np.where(ok, whole, 0.0).astype(kind), restrict(column.valid, ok, rows))
    if kind is np.int32 and values.dtype == np.int64:
        return Fixed(target, values.astype(kind), restrict(column.valid, (values >= -(2**31)) & (values < 2**31), rows))
    return Fixed(target, values.astype(kind), column.valid)


def _from_text(target: DataType) -> Kernel:
    parse = _PARSERS[target.name]

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text = args[0]
        values, ok = parse(text.data, text.start, text.length, text.valid_or_all())
        found = Fixed({"int32": INT64, "float32": FLOAT64}.get(target.name, target), values, restrict(None, ok, rows))
        return found if found.dtype == target else convert(found, target, rows)

    return kernel


def _to_text(source: DataType) -> Kernel:
    return lambda rows, args: as_text(args[0], rows)


def as_text(column: Any, rows: int) -> Text:
    """Return a scalar column as text.

    true, false; decimal integers; floats as the shortest text that reads back the same, laid out as by Python's repr,
    NaN, Infinity, -Infinity, and 0.0 for -0.0; times as ISO 8601 in UTC with three decimals; binary that is UTF-8.
    """
    dtype, valid = column.dtype, column.valid
    if isinstance(column, Text):
        if dtype == STRING:
            return column
        length = column.length if valid is None else np.where(valid, column.length, 0).astype(np.int32)
        start = column.start if valid is None else np.where(valid, column.start, 0)
        ok = utf8.valid(column.data, start, length)
        return Text(STRING, column.data, column.start, column.length, restrict(valid, ok, rows))
    if dtype == TIMESTAMP:
        text: Any = times.format_iso(column.values)
    elif dtype == BOOL:
        text = from_list(["false", "true"], STRING).take(column.values.astype(np.int64))
    elif dtype.is_float:
        text = from_list([_float_text(v) for v in column.values], STRING)
    else:
        text = from_list(column.values.astype(str).tolist(), STRING)
    return Text(STRING, text.data, text.start, text.length, valid)


def _float_text(value: Any) -> str:
    if value != value:
        return "NaN"
    if np.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    # numpy knows the digits of a float32, and lays them out as its version likes.
    return repr((float(value) if value.dtype == np.float64 else float(str(value))) + 0.0)
