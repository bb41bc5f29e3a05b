"""Python functions as the oracle calls them: for one row or one window at a time, in this process, uncompiled.

Columns' values are turned into what a function of the kind gets, and back. A compiled function is called as the Python
that it is written in, so a function that is tested must give the same either way; its integers wrap behind the call.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from caudal.core.types import FLOAT32, INT32, INT64, TIMESTAMP, DataType, Field, Schema
from caudal.plan.nodes import RESERVED, FlatMap, Map, Process, Reduce, WindowApply
from caudal.plan.python import BATCH, JIT, PythonFunction

Values = dict[str, Any]
BOUNDS = tuple(Field(name, TIMESTAMP) for name in RESERVED)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Failing(Exception):
    """A function has raised: its row, or its window, becomes a dead letter."""

    reason = "exception"


class Undeclared(Failing):
    """A function has returned what its declaration excludes."""

    reason = "result"


def scalar(function: PythonFunction, args: Sequence[Any], types: Sequence[DataType], returns: DataType) -> Any:
    """Return what a call in an expression gives; raises `Failing`. A null argument gives null, as it is declared."""
    if None in args and not function.pass_nulls:
        return None
    widened = [float(a) if t.is_float and a is not None else a for a, t in zip(args, types)]
    if function.kind == BATCH:
        (value,) = _listed(_called(function, *(_series("", [a], t) for a, t in zip(widened, types))))
    elif function.kind == JIT:
        value = _called(function, *widened)
    else:
        value = _called(function, *map(python, widened, types))
    if function.kind != JIT and not _declared(value, returns):
        raise Undeclared(f"{value!r:.60} is no {returns}")
    return plain(value, returns)


def mapped(node: Map, row: Values) -> list[Values]:
    """Return the rows that a map or flat_map makes of one; raises `Failing`."""
    given = node.input.schema
    if node.function.kind == BATCH:
        frame = _frame([row], given)
        if isinstance(node, FlatMap):
            frame = frame.with_row_index("_row")
        made = _called(node.function, frame).to_dicts()
    else:
        made = _called(node.function, _dict(row, given))
        if isinstance(node, FlatMap):
            made = _drained(made)
        else:
            made = [made]
    return [_row(each, node.output) for each in made]


def window(node: WindowApply, rows: Sequence[Values], bounds: Values) -> list[Values]:
    """Return the rows that a function makes of a window's rows; `bounds`: window_start and window_end."""
    given = node.input.schema
    function = node.function
    if node.sides is not None:
        side, *named = node.sides
        frames = []
        for which, names in zip(("left", "right"), named, strict=True):
            theirs = [row for row in rows if row[side] == which]
            fields = [Field(name, given.dtype(column)) for name, column in names]
            frames.append(
                _frame([{n: row[c] for n, c in names} | bounds for row in theirs], Schema([*fields, *BOUNDS]))
            )
        return [_row(each, node.output) for each in _called(function, *frames).to_dicts()]
    if function.kind != JIT:
        frame = _frame([{**row, **bounds} for row in rows], Schema([*given, *BOUNDS]))
        return [_row(each, node.output) for each in _called(function, frame).to_dicts()]
    import numpy as np

    whole = [row for row in rows if all(row[name] is not None for name in node.takes)]
    arrays = [np.array([row[n] for row in whole], _NUMPY[given.dtype(n).name]) for n in node.takes]
    made = _called(function, *arrays)
    columns = made if isinstance(made, tuple) else (made,)
    listed = [[plain(v, f.dtype) for v in c.tolist()] for c, f in zip(columns, node.output, strict=True)]
    return [dict(zip(node.output.names, values)) for values in zip(*listed, strict=True)]


def reduced(node: Reduce, state: Values | None, row: Values) -> Values:
    """Return the state behind a row; raises `Failing`."""
    before = None if state is None else _dict(state, node.output)
    return _row(_called(node.function, before, _dict(row, node.input.schema)), node.output)


def processed(node: Process, state: Values, rows: Sequence[Values], timers: Any) -> list[Values]:
    """Return the rows that a call makes, and change the state, which has a column's values; raises `Failing`."""
    held = _dict(state, node.state)
    given = [_dict(row, node.input.schema) for row in rows]
    made = _drained(_called(node.function, held, given, timers))
    results = [_row(each, node.output) for each in made]
    state.update(_row(held, node.state))
    return results


def python(value: Any, dtype: DataType) -> Any:
    """Return a value as a plain function gets it: times as aware datetimes, durations as timedeltas."""
    if value is None:
        return None
    if dtype.item is not None:
        return [python(v, dtype.item) for v in value]
    if dtype.name == "struct":
        return {f.name: python(value[f.name], f.dtype) for f in dtype.fields}
    if dtype.name == "timestamp":
        return _EPOCH + value * _MS
    return value * _MS if dtype.name == "duration" else value


def plain(value: Any, dtype: DataType) -> Any:
    """Return a function's result as a value of a column: times in int milliseconds, integers wrapped to their type."""
    if value is None:
        return None
    if dtype.item is not None:
        return [plain(v, dtype.item) for v in value]
    if dtype.name == "struct":
        return {f.name: plain(value.get(f.name), f.dtype) for f in dtype.fields}
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MS
    if isinstance(value, timedelta):
        return value // _MS
    if dtype == FLOAT32:
        return struct.unpack("f", struct.pack("f", value))[0]
    if dtype.is_float:
        return float(value)
    if dtype.is_integer:
        bits = 32 if dtype == INT32 else 64
        return (int(value) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
    return value


def _declared(value: Any, dtype: DataType) -> bool:
    """Whether a value is one of this type; an int is taken for a float."""
    if value is None or dtype.item is not None or dtype.name == "struct":
        return True
    kinds = {"bool": bool, "string": str, "binary": bytes, "timestamp": datetime, "duration": timedelta}
    kind = kinds.get(dtype.name, int if dtype.is_integer else int | float)
    return isinstance(value, kind) and (dtype.name == "bool" or not isinstance(value, bool))


def _called(function: PythonFunction, *args: Any) -> Any:
    try:
        return function.call(*args)
    except (Exception, SystemExit) as error:
        raise Failing(f"{type(error).__name__}: {error}") from error


def _drained(made: Iterable[Values] | None) -> list[Values]:
    """Return what a generator gives; it may raise on the way."""
    try:
        return [] if made is None else list(made)
    except (Exception, SystemExit) as error:
        raise Failing(f"{type(error).__name__}: {error}") from error


def _dict(row: Mapping[str, Any], schema: Schema) -> Values:
    return {f.name: python(row[f.name], f.dtype) for f in schema}


def _row(made: Mapping[str, Any], schema: Schema) -> Values:
    return {f.name: plain(made.get(f.name), f.dtype) for f in schema}


def _frame(rows: Sequence[Mapping[str, Any]], schema: Schema) -> Any:
    import polars as pl

    return pl.DataFrame([_series(f.name, [row[f.name] for row in rows], f.dtype) for f in schema])


def _series(name: str, values: Sequence[Any], dtype: DataType) -> Any:
    import polars as pl

    return pl.Series(name, [python(v, dtype) for v in values], _polars(dtype), strict=True)


def _listed(series: Any) -> list[Any]:
    return series.to_list() if hasattr(series, "to_list") else series.tolist()


def _polars(dtype: DataType) -> Any:
    import polars as pl

    if dtype.item is not None:
        return pl.List(_polars(dtype.item))
    if dtype.name == "struct":
        return pl.Struct([pl.Field(f.name, _polars(f.dtype)) for f in dtype.fields])
    make: dict[str, Callable[[], Any]] = {
        "bool": pl.Boolean,
        "int32": pl.Int32,
        "int64": pl.Int64,
        "float32": pl.Float32,
        "float64": pl.Float64,
        "string": pl.String,
        "binary": pl.Binary,
        "timestamp": lambda: pl.Datetime("ms", "UTC"),
        "duration": lambda: pl.Duration("ms"),
    }
    return make[dtype.name]()


_NUMPY = {
    "bool": "bool",
    "int32": "int32",
    "int64": INT64.name,
    "float32": "float32",
    "float64": "float64",
    "timestamp": "int64",
    "duration": "int64",
}
