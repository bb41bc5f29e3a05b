"""Functions that take columns: polars Series or frames in and out, called in the thread that runs the stage.

Columns are handed over without copies where they are no text. Times are Datetime("ms", "UTC") and Duration("ms").
Batch functions are row-wise by contract: so where one raises, or returns a result of another length or type, the rows
are halved until single rows do, and those have failed; all others have their values. `SystemExit` and
`KeyboardInterrupt` that a function raises count as exceptions of a row, as does `MemoryError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from caudal.core.types import DataType, Schema
from caudal.expressions.functions.outcome import Failed, Rows, Values, raised
from caudal.expressions.kernel import full, validity
from caudal.plan.python import PythonFunction
from caudal.worker.frames import (
    NOTHING,
    OWNER,
    UNITS,
    as_long,
    checked_frame,
    checked_series,
    cut,
    divided,
    frame_of,
    owners_of,
    sided,
)

if TYPE_CHECKING:
    import polars as pl


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
            return _column(function, function.call(*cut(series, start, stop, count)), returns, stop - start)

        nothing = repeated(None, returns, 1)
        parts = [nothing if part is NOTHING else part for part in divided(count, made, _noted(failed))]
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
    if flat and (OWNER in schema_in or OWNER in schema_out):
        raise function.error(f"a flat map has the column '{OWNER}' itself", hint="rename that column")

    def run(columns: Mapping[str, Column], rows: int) -> Rows:
        import polars as pl

        series = [_series(name, columns[name]) for name in schema_in.names]
        if flat:
            series.append(pl.Series(OWNER, np.arange(rows, dtype=np.uint32)))
        failed: list[Failed] = []
        parts: list[dict[str, Column]] = []
        owners: list[Ints] = []

        def made(start: int, stop: int) -> tuple[dict[str, Column], Ints]:
            result = function.call(frame_of(cut(series, start, stop, rows)))
            found = _columns(function, result, schema_out, (OWNER,) if flat else ())
            if flat:
                return found, owners_of(function.name, result, start, stop)
            as_long(function.name, len(result), stop - start)
            return found, np.arange(start, stop)

        for part in divided(rows, made, _noted(failed)):
            if part is not NOTHING:
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


def batch_windows(
    function: PythonFunction, schema_out: Schema, sides: Any = None
) -> Callable[[Sequence[Mapping[str, Column]]], Rows]:
    """Return the function over whole windows: a frame with the rows of each in, one of `schema_out` and any length out.

    `owner` of the result is the window's number; a window for which the function raises, or gives anything but a
    DataFrame with the columns and types of `schema_out`, is failed, by its number. `sides`: see `worker.frames.sided`.
    """
    call = sided(function.call, sides)

    def run(windows: Sequence[Mapping[str, Column]]) -> Rows:
        import polars as pl

        failed: list[Failed] = []
        results: list[Any] = []
        fine: Any = None  # the schema of a frame that was looked at: its like need not be
        lengths = np.zeros(len(windows), np.int64)
        for i, frame in enumerate(_frames(windows)):
            try:
                result = call(frame)
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
        whole = frame_of([_series(name, concat([window[name] for window in windows])) for name in windows[0]])
        for stop, length in zip(np.cumsum(lengths).tolist(), lengths):
            yield whole.slice(stop - length, length)


def _stacked(results: list[Any]) -> list[Any]:
    """Return frames of the same columns and types as one; whatever else was returned as it is."""
    import polars as pl

    alike = all(isinstance(r, pl.DataFrame) and r.schema == results[0].schema for r in results)
    return [pl.concat(results)] if results and alike else results


def _noted(failed: list[Failed]) -> Callable[[int, BaseException], None]:
    """Return what puts rows that a function failed on into a list."""
    return lambda row, error: failed.append(raised(row, error))


def _series(name: str, column: Column) -> pl.Series:
    import polars as pl

    return pl.Series(name, column.to_arrow())


# -- results


def _columns(function: PythonFunction, result: Any, schema: Schema, besides: tuple[str, ...]) -> dict[str, Column]:
    """Return the columns of a frame that was returned, in the order of the schema; raises `FunctionMistake`."""
    frame = checked_frame(function.name, result, schema.names, besides)
    return {f.name: _column(function, frame[f.name], f.dtype, len(frame), f.name) for f in schema}


def _column(function: PythonFunction, result: Any, dtype: DataType, rows: int, name: str = "") -> Column:
    """Return a Series that was returned as a column of this type and length; raises `FunctionMistake`."""
    import polars as pl

    series = checked_series(function.name, result, dtype.spec, rows, name)
    return repeated(None, dtype, rows) if series.dtype == pl.Null else _taken(series, dtype)


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
        values = values // UNITS[series.dtype.time_unit]
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
