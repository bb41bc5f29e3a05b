"""polars frames and columns that a function takes and returns: made, divided, and checked against what is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import Misfit, Misshapen, nearest_name, type_text
from caudal.worker.failures import FunctionMistake

OWNER = "_row"
"""The column by which a flat map says what input row (UInt32, from 0) each row of its result is made from."""

UNITS = {"ms": 1, "us": 1_000, "ns": 1_000_000}
"""The units of polars' times, by how many make a millisecond."""

_SMALL = ("Int8", "Int16", "UInt8", "UInt16")
_ACCEPTED = {
    "bool": {"Boolean"},
    "int32": {*_SMALL, "Int32"},
    "int64": {*_SMALL, "Int32", "UInt32", "Int64"},
    "float32": {*_SMALL, "Float16", "Float32"},
    "float64": {*_SMALL, "Int32", "UInt32", "Int64", "UInt64", "Float16", "Float32", "Float64"},
    "string": {"String"},
    "binary": {"Binary"},
}
_T = TypeVar("_T")


class NOTHING:
    """The result of a row that failed: a class, which is one and the same wherever a function is sent."""


def divided(rows: int, made: Callable[[int, int], _T], failed: Callable[[int, BaseException], None]) -> Iterator[_T]:
    """Yield what is `made` of the rows in order: of all at once, or in halves where the function fails on them.

    Rows that it fails on alone are told to `failed`, with `NOTHING` for their result.
    """
    pieces = [(0, rows)] if rows else []
    while pieces:
        start, stop = pieces.pop()
        try:
            result = made(start, stop)
        except BaseException as error:  # also SystemExit: it is a row that fails, not the job
            if stop - start > 1:
                middle = (start + stop) // 2
                pieces += [(middle, stop), (start, middle)]
                continue
            failed(start, error)
            result = cast(Any, NOTHING)
        yield result


def cut(series: list[Any], start: int, stop: int, rows: int) -> list[Any]:
    """Return rows [start, stop) of columns that have so many."""
    return series if stop - start == rows else [s.slice(start, stop - start) for s in series]


def frame_of(series: list[Any]) -> Any:
    """Return a frame of columns."""
    import polars as pl

    return pl.DataFrame(series)


def sided(function: Any, sides: Any) -> Any:
    """Return a function of two frames as one of the frame that holds the rows of both; without `sides` the function itself.

    `sides`: the column that says "left" or "right", then the columns of each frame: (its name there, the column). Behind these both
    have window_start and window_end.
    """
    if sides is None:
        return function

    def run(frame: Any) -> Any:
        import polars as pl

        side, *columns = sides
        bounds = [pl.col("window_start"), pl.col("window_end")]
        mine = frame[side] == "left"
        frames = (
            frame.filter(kept).select([*(pl.col(name).alias(called) for called, name in names), *bounds])
            for kept, names in zip((mine, ~mine), columns)
        )
        return function(*frames)

    return run


def checked_frame(function: Any, result: Any, declared: Iterable[str], besides: tuple[str, ...] = ()) -> Any:
    """Return a frame that was returned, which has these columns and no others; raises `FunctionMistake`."""
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        hint = "end with .collect()" if isinstance(result, pl.LazyFrame) else "return a DataFrame"
        raise FunctionMistake(function, f"returned {_what(result)}, not a polars DataFrame", hint)
    wanted = (*declared, *besides)
    for name in wanted:
        if name not in result.columns:
            hint = nearest_name(name, result.columns, "known")
            if name == OWNER:
                hint = "keep the column '_row': it says which input row a row is made from"
            raise FunctionMistake(function, f"returned a frame without the column '{name}'", hint)
    for name in result.columns:
        if name not in wanted:
            message = f"returned a frame with the column '{name}', which its schema does not have"
            raise FunctionMistake(function, message, f"{nearest_name(name, wanted)}; .select(...) leaves columns out")
    return result


def checked_series(function: Any, result: Any, spec: Any, rows: int, name: str = "") -> Any:
    """Return a Series of this type (or all nulls) and length that was returned; raises `FunctionMistake`."""
    import polars as pl

    if isinstance(result, np.ndarray) and result.ndim == 1:
        result = pl.Series(result)
    if not isinstance(result, pl.Series):
        message = f"returned {_what(result)}, not a polars Series"
        raise FunctionMistake(function, message, "return a Series as long as the columns")
    if len(result) != rows:
        hint = "one value for each row: a batch function is row-wise"
        raise FunctionMistake(function, f"returned {len(result)} values for {rows} rows", hint)
    if result.dtype != pl.Null and not _accepted(result.dtype, spec):
        where = f" in the column '{name}'" if name else ""
        hint = "cast it to the declared type, or declare another"
        raise FunctionMistake(function, f"returned {result.dtype}{where} where {type_text(spec)} is declared", hint)
    return result


def owners_of(function: Any, result: Any, start: int, stop: int) -> Any:
    """Return by which of the rows [start, stop) each row of a frame was made; raises `FunctionMistake`."""
    series = result[OWNER]
    if not series.dtype.is_integer():
        hint = "keep it as it comes, UInt32"
        raise FunctionMistake(function, f"returned the column '{OWNER}' as {series.dtype}, not as integers", hint)
    if not len(series):
        return np.empty(0, np.int64)
    if series.null_count():
        hint = "each row is made from one input row"
        raise FunctionMistake(function, f"returned a null in the column '{OWNER}'", hint)
    owner = series.to_numpy().astype(np.int64)
    if owner.min() < start or owner.max() >= stop:
        message = f"returned a number in the column '{OWNER}' that no input row has"
        raise FunctionMistake(function, message, "do not compute it")
    return owner


def as_long(function: Any, got: int, wanted: int) -> None:
    """Raise `FunctionMistake` where a map's result has not a row for each that it took."""
    if got != wanted:
        hint = "row i of the result is made from row i; flat_map() gives any number of rows"
        raise FunctionMistake(function, f"returned {got} rows for {wanted}", hint)


def _accepted(got: Any, wanted: Any, units: Iterable[str] = tuple(UNITS)) -> bool:
    """Whether values of the polars type are of the wanted one, or widen to it; times are in UTC, or name no zone."""
    import polars as pl

    if got == pl.Null:
        return True
    if isinstance(got, pl.Datetime):
        return wanted == "timestamp" and got.time_zone in (None, "UTC") and got.time_unit in units
    if isinstance(got, pl.Duration):
        return wanted == "duration" and got.time_unit in units
    if isinstance(got, pl.List):
        return isinstance(wanted, list) and _accepted(got.inner, wanted[0], ("ms",))
    if isinstance(got, pl.Struct):
        return (
            isinstance(wanted, dict)
            and [f.name for f in got.fields] == list(wanted)
            and all(_accepted(f.dtype, inner, ("ms",)) for f, inner in zip(got.fields, wanted.values()))
        )
    return isinstance(wanted, str) and str(got) in _ACCEPTED.get(wanted, ())


def _what(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


# -- frames of plain functions: integers of any width, times of any zone


def frame_batch(result: Any, schema: pa.Schema, declared: Mapping[str, Any]) -> pa.RecordBatch:
    """Return a polars frame as a record batch of this schema, which has the types that are declared.

    Raises `Misfit` or `Misshapen`.
    """
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        raise Misfit(result, "a polars DataFrame", "end with .collect()" if isinstance(result, pl.LazyFrame) else "")
    for name in result.columns:
        if name not in schema.names:
            raise Misshapen(f"returned the unknown column '{name}'", nearest_name(name, schema.names))
    for name in schema.names:
        if name not in result.columns:
            raise Misshapen(
                f"returned a frame without the column '{name}'", nearest_name(name, result.columns, "known")
            )
    table = result.to_arrow(compat_level=pl.CompatLevel.oldest())
    arrays: list[pa.Array] = []
    for wanted in schema:
        got = table.column(wanted.name).combine_chunks()
        try:
            arrays.append(_cast(got, wanted.type))
        except pa.ArrowInvalid as error:
            raise Misshapen(
                f"returned the column '{wanted.name}' of type {result.schema[wanted.name]} where "
                f"{type_text(declared[wanted.name])} is declared",
                str(error).partition("\n")[0] or f"cast it: pl.col('{wanted.name}').cast(...)",
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Return the array as the type `wanted`; raises `pa.ArrowInvalid` for another kind of values."""
    if array.type == wanted:
        return array
    if not _alike(array.type, wanted):
        raise pa.ArrowInvalid("")
    if pa.types.is_timestamp(wanted):
        import pyarrow.compute as pc

        array = pc.call_function("floor_temporal", [array], pc.RoundTemporalOptions(unit="millisecond"))
    if pa.types.is_duration(wanted):  # a cast would round to zero
        numbers = array.cast(pa.int64())
        floored = numbers.fill_null(0).to_numpy() // UNITS[array.type.unit]
        return pa.array(floored, mask=np.asarray(numbers.is_null())).cast(wanted)
    return array.cast(wanted, safe=pa.types.is_integer(wanted) or pa.types.is_nested(wanted))


def _alike(got: pa.DataType, wanted: pa.DataType) -> bool:
    if got == wanted or pa.types.is_null(got):
        return True
    if pa.types.is_floating(wanted):
        return pa.types.is_integer(got) or pa.types.is_floating(got)
    if _is_list(wanted):
        return (_is_list(got) or pa.types.is_fixed_size_list(got)) and _alike(got.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return (
            pa.types.is_struct(got)
            and [f.name for f in got] == [f.name for f in wanted]
            and all(_alike(a.type, b.type) for a, b in zip(got, wanted))
        )
    kinds = (pa.types.is_integer, pa.types.is_timestamp, pa.types.is_duration, _is_text, _is_binary)
    return any(kind(wanted) and kind(got) for kind in kinds)


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind) or pa.types.is_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_large_binary(kind) or pa.types.is_binary(kind)
