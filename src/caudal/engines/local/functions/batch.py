"""Functions that take columns: polars Series or frames in and out, called in the thread that runs the stage.

Columns are handed over without copies where they are no text. Times are Datetime("ms", "UTC") and Duration("ms").
Batch functions are row-wise by contract: so where one raises, or returns a result of another length or type, the rows
are halved until single rows do, and those have failed; all others have their values. `SystemExit` and
`KeyboardInterrupt` that a function raises count as exceptions of a row, as does `MemoryError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from caudal.columnar.column import (
    NUMPY_TYPES,
    Column,
    Fixed,
    Ints,
    Nested,
    Text,
    arrow_type,
    concat,
    from_list,
    writable,
)
from caudal.columnar.column import constant as repeated
from caudal.core.errors import nearest
from caudal.core.types import DataType, Schema
from caudal.engines.local.functions.outcome import BadResult, Failed, Rows, Values, raised
from caudal.expressions.kernel import full, validity
from caudal.plan.python import PythonFunction

if TYPE_CHECKING:
    import polars as pl

ROW = "_row"
"""The column by which a flat map says what input row (UInt32, from 0) each row of its result is made from."""

_INTEGERS = ("Int8", "Int16", "UInt8", "UInt16")
_ACCEPTED = {
    "bool": {"Boolean"},
    "int32": {*_INTEGERS, "Int32"},
    "int64": {*_INTEGERS, "Int32", "UInt32", "Int64"},
    "float32": {*_INTEGERS, "Float16", "Float32"},
    "float64": {*_INTEGERS, "Int32", "UInt32", "Int64", "UInt64", "Float16", "Float32", "Float64"},
    "string": {"String"},
    "binary": {"Binary"},
}
_PER_MILLISECOND = {"ms": 1, "us": 1_000, "ns": 1_000_000}

_T = TypeVar("_T")


def batch_scalar(
    function: PythonFunction, types: Sequence[DataType], returns: DataType
) -> Callable[[Sequence[Column], int], Values]:
    """Return the function as one over columns of these types: one Series an argument in, a Series as long out.

    Rows with a null argument are taken out before the call and give null, unless `function.pass_nulls`. A numpy array
    is taken for a Series; ints and floats widen to the declared type; times in finer units are floored. Where no row is
    left the function is not called. Raises `PlanError` for no arguments at all: nothing would say how many rows there
    are.
    """
    if not types:
        raise function.error(
            "a batch function needs an argument", detail="its columns say how many rows there are", hint="use @cd.row"
        )

    def run(args: Sequence[Column], rows: int) -> Values:
        args = [full(arg, rows) for arg in args]
        valid = None if function.pass_nulls else validity(args)
        numbers = None if valid is None else np.flatnonzero(valid)
        if numbers is not None:
            args = [arg.take(numbers) for arg in args]
        count = rows if numbers is None else len(numbers)
        series = [_series("", arg) for arg in args]
        failed: list[Failed] = []

        def made(start: int, stop: int) -> Column:
            return _column(function, function.call(*_cut(series, start, stop, count)), returns, stop - start)

        nothing = repeated(None, returns, 1)
        parts = [nothing if part is _NOTHING else part for part in _divided(count, made, failed)]
        column = concat(parts) if parts else from_list([], returns)
        if numbers is None or valid is None:
            return Values(column, failed)
        numbered = [Failed(int(numbers[f.row]), f.reason, f.message, f.detail) for f in failed]
        return Values(_spread(column, valid, returns), numbered)

    return run


def batch_map(
    function: PythonFunction, schema_in: Schema, schema_out: Schema, flat: bool
) -> Callable[[Mapping[str, Column], int], Rows]:
    """Return the function as a map of frames: a frame with the columns of `schema_in` in, one of `schema_out` out.

    A map gives as many rows as it takes, row i from row i. A flat map gives any number: its frame has the column "_row"
    (UInt32) besides, which must come back in the frame it returns and says which input row each row is made from; the
    result is sorted by it, equal ones in the order given. Columns of the result may stand in any order; nulls are passed
    as they are. Raises `PlanError` where a schema has a column "_row" of its own. Rows for which it gives
    anything but a DataFrame with these columns, types and lengths have failed.
    """
    if flat and (ROW in schema_in or ROW in schema_out):
        raise function.error(f"a flat map has the column '{ROW}' itself", hint="rename that column")

    def run(columns: Mapping[str, Column], rows: int) -> Rows:
        import polars as pl

        series = [_series(name, columns[name]) for name in schema_in.names]
        if flat:
            series.append(pl.Series(ROW, np.arange(rows, dtype=np.uint32)))
        failed: list[Failed] = []
        parts: list[dict[str, Column]] = []
        owners: list[Ints] = []

        def made(start: int, stop: int) -> tuple[dict[str, Column], Ints]:
            result = function.call(_frame(_cut(series, start, stop, rows)))
            found = _columns(function, result, schema_out, (ROW,) if flat else ())
            if flat:
                return found, _owner(function, result, start, stop)
            return found, _as_long(function, len(result), stop - start, np.arange(start, stop))

        for part in _divided(rows, made, failed):
            if part is not _NOTHING:
                parts.append(part[0])
                owners.append(part[1])
        done = _joined(parts, schema_out)
        owner = np.concatenate(owners) if owners else np.empty(0, np.int64)
        if np.any(owner[1:] < owner[:-1]):
            order = np.argsort(owner, kind="stable")
            owner = owner[order]
            done = {name: column.take(order) for name, column in done.items()}
        return Rows(done, owner, failed)

    return run


def batch_windows(function: PythonFunction, schema_out: Schema) -> Callable[[Sequence[Mapping[str, Column]]], Rows]:
    """Return the function over whole windows: a frame with the rows of each in, one of `schema_out` and any length out.

    `owner` of the result is the window's number; a window for which the function raises, or gives anything but a
    DataFrame with the columns and types of `schema_out`, is failed, by its number.
    """

    def run(windows: Sequence[Mapping[str, Column]]) -> Rows:
        import polars as pl

        failed: list[Failed] = []
        results: list[Any] = []
        fine: Any = None  # the schema of a frame that was looked at: its like need not be
        lengths = np.zeros(len(windows), np.int64)
        for i, frame in enumerate(_frames(windows)):
            try:
                result = function.call(frame)
                if not isinstance(result, pl.DataFrame) or result.schema != fine:
                    _columns(function, result, schema_out, ())
                    fine = result.schema
            except BaseException as error:  # also SystemExit: it is this window that fails, not the job
                failed.append(raised(i, error))
                continue
            results.append(result)
            lengths[i] = len(result)
        columns = [_columns(function, result, schema_out, ()) for result in _stacked(results)]
        return Rows(_joined(columns, schema_out), np.repeat(np.arange(len(windows)), lengths), failed)

    return run


def _frames(windows: Sequence[Mapping[str, Column]]) -> Iterator[pl.DataFrame]:
    """Yield the frame of each window: a slice of one that is made for all, as making one costs more than small windows do."""
    if windows:
        lengths = [len(next(iter(window.values()))) for window in windows]
        whole = _frame([_series(name, concat([window[name] for window in windows])) for name in windows[0]])
        for stop, length in zip(np.cumsum(lengths).tolist(), lengths):
            yield whole.slice(stop - length, length)


def _stacked(results: list[Any]) -> list[Any]:
    """Return frames of the same columns and types as one; whatever else was returned as it is."""
    import polars as pl

    alike = all(isinstance(r, pl.DataFrame) and r.schema == results[0].schema for r in results)
    return [pl.concat(results)] if results and alike else results


# -- calls


_NOTHING: Any = object()  # the result of a row that failed


def _divided(rows: int, made: Callable[[int, int], _T], failed: list[Failed]) -> Iterator[_T]:
    """Yield what is `made` of the rows in order: of all at once, or in halves where the function fails on them.

    Rows that it fails on alone are put into `failed`, with `_NOTHING` for their result.
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
            failed.append(raised(start, error))
            result = _NOTHING
        yield result


def _cut(series: list[pl.Series], start: int, stop: int, rows: int) -> list[pl.Series]:
    return series if stop - start == rows else [s.slice(start, stop - start) for s in series]


def _frame(series: list[pl.Series]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(series)


def _series(name: str, column: Column) -> pl.Series:
    import polars as pl

    return pl.Series(name, column.to_arrow())


# -- results


def _columns(function: PythonFunction, result: Any, schema: Schema, besides: tuple[str, ...]) -> dict[str, Column]:
    """Return the columns of a frame that was returned, in the order of the schema; raises `BadResult`."""
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        hint = "end with .collect()" if isinstance(result, pl.LazyFrame) else "return a DataFrame"
        raise _error(function, f"returned {_kind(result)}, not a polars DataFrame", hint)
    wanted = (*schema.names, *besides)
    for name in wanted:
        if name not in result.columns:
            if name == ROW:
                hint = "keep the column '_row': it says which input row a row is made from"
                raise _error(function, f"returned a frame without the column '{ROW}'", hint)
            raise _error(function, f"returned a frame without the column '{name}'", nearest(name, result.columns))
    for name in result.columns:
        if name not in wanted:
            message = f"returned a frame with the column '{name}', which its schema does not have"
            raise _error(function, message, f"{nearest(name, wanted)}; .select(...) leaves columns out")
    return {f.name: _column(function, result[f.name], f.dtype, len(result), f.name) for f in schema}


def _owner(function: PythonFunction, result: pl.DataFrame, start: int, stop: int) -> Ints:
    """Return the column "_row" of a frame that was made from rows [start, stop)."""
    series = result[ROW]
    if not series.dtype.is_integer():
        hint = "keep it as it comes, UInt32"
        raise _error(function, f"returned the column '{ROW}' as {series.dtype}, not as integers", hint)
    if not len(series):
        return np.empty(0, np.int64)
    if series.null_count():
        raise _error(function, f"returned a null in the column '{ROW}'", "each row is made from one input row")
    owner = series.to_numpy().astype(np.int64)
    if owner.min() < start or owner.max() >= stop:
        raise _error(function, f"returned a number in the column '{ROW}' that no input row has", "do not compute it")
    return owner


def _as_long(function: PythonFunction, got: int, wanted: int, owner: Ints) -> Ints:
    if got != wanted:
        hint = "row i of the result is made from row i; flat_map() gives any number of rows"
        raise _error(function, f"returned {got} rows for {wanted}", hint)
    return owner


def _column(function: PythonFunction, result: Any, dtype: DataType, rows: int, name: str = "") -> Column:
    """Return a Series that was returned as a column of this type and length; raises `BadResult`."""
    import polars as pl

    if isinstance(result, np.ndarray) and result.ndim == 1:
        result = pl.Series(result)
    if not isinstance(result, pl.Series):
        raise _error(
            function, f"returned {_kind(result)}, not a polars Series", "return a Series as long as the columns"
        )
    if len(result) != rows:
        hint = "one value for each row: a batch function is row-wise"
        raise _error(function, f"returned {len(result)} values for {rows} rows", hint)
    if result.dtype == pl.Null:
        return repeated(None, dtype, rows)
    if not _accepted(result.dtype, dtype):
        where = f" in the column '{name}'" if name else ""
        hint = "cast it to the declared type, or declare another"
        raise _error(function, f"returned {result.dtype}{where} where {dtype} is declared", hint)
    return _taken(result, dtype)


def _accepted(got: Any, wanted: DataType, units: Collection[str] = _PER_MILLISECOND) -> bool:
    """Whether values of the polars type are of the wanted one, or widen to it; times are in UTC, or name no zone."""
    import polars as pl

    if got == pl.Null:
        return True
    if isinstance(got, pl.Datetime):
        return wanted.name == "timestamp" and got.time_zone in (None, "UTC") and got.time_unit in units
    if isinstance(got, pl.Duration):
        return wanted.name == "duration" and got.time_unit in units
    if isinstance(got, pl.List):
        return wanted.item is not None and _accepted(got.inner, wanted.item, ("ms",))
    if isinstance(got, pl.Struct):
        return [f.name for f in got.fields] == [f.name for f in wanted.fields] and all(
            _accepted(a.dtype, b.dtype, ("ms",)) for a, b in zip(got.fields, wanted.fields)
        )
    return str(got) in _ACCEPTED.get(wanted.name, ())


def _taken(series: pl.Series, dtype: DataType) -> Column:
    """Return the column over the Series' buffers, without copies where nothing is widened."""
    import polars as pl

    array = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    if dtype.is_nested:
        return Nested(dtype, array.cast(arrow_type(dtype)))
    rows, first = len(array), array.offset
    buffers = array.buffers()
    valid = None if array.null_count == 0 else _bits(buffers[0], first, rows)
    if dtype.is_text:
        ends = writable(buffers[1]).view(np.int64)[first : first + rows + 1]
        data = np.empty(0, np.uint8) if buffers[2] is None else writable(buffers[2])
        return Text(dtype, data, ends[:-1].copy(), np.diff(ends).astype(np.int32), valid)
    if dtype.name == "bool":
        return Fixed(dtype, _bits(buffers[1], first, rows), valid)
    width = array.type.bit_width // 8
    values: Any = writable(buffers[1])[first * width : (first + rows) * width].view(_numpy_type(series.dtype))
    if isinstance(series.dtype, pl.Datetime | pl.Duration) and series.dtype.time_unit != "ms":
        values = values // _PER_MILLISECOND[series.dtype.time_unit]
    return Fixed(dtype, values.astype(NUMPY_TYPES[dtype.name], copy=False), valid)


def _numpy_type(dtype: pl.DataType) -> Any:
    return np.int64 if dtype.is_temporal() else np.dtype(str(dtype).lower())


def _bits(buffer: Any, first: int, rows: int) -> Any:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), count=first + rows, bitorder="little")
    return bits[first:].view(np.bool_)


def _spread(column: Column, valid: Any, dtype: DataType) -> Column:
    """Return the values of the valid rows at their places, and null elsewhere."""
    if not len(column):
        return repeated(None, dtype, len(valid))
    places = np.maximum(np.cumsum(valid, dtype=np.int64) - 1, 0)
    if isinstance(column, Nested):
        return concat([column, repeated(None, dtype, 1)]).take(np.where(valid, places, len(column)))
    spread: Any = column.take(places)
    spread.valid = valid if spread.valid is None else valid & spread.valid
    return spread


def _joined(parts: list[dict[str, Column]], schema: Schema) -> dict[str, Column]:
    if not parts:
        return {f.name: from_list([], f.dtype) for f in schema}
    return {f.name: concat([part[f.name] for part in parts]) for f in schema}


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _error(function: PythonFunction, message: str, hint: str) -> BadResult:
    return BadResult(f"{function.name}() {message}", hint)
