"""The user's functions over Arrow arrays, as the local engine calls them: what fails costs its row, or its window.

Kinds: "jit" (compiled), "batch" (polars columns or frames; where it raises, rows are halved until single rows do),
"row" (plain Python values, one row after the other). Types are those of `fitting`. A result against the declaration
costs its row as an exception does (reason "result"); a compiled function of another type ends the job.
"""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.compiled import compiled_scalar, compiled_window, explained, machine_values
from caudal.worker.fitting import (
    Failed,
    FunctionMistake,
    Misfit,
    UnknownKey,
    arrow_of,
    as_array,
    columns_of,
    fitter,
    has_times,
    mistaken,
    moved_to,
    nearest_name,
    python_values,
    raised,
    recorder,
    rows_outcome,
    scalar_outcome,
    short,
    stored,
    type_text,
)

Scalar = Callable[..., pa.StructArray]
OWNER = "_row"
"""The column by which a flat map says what input row (UInt32, from 0) each row of its result is made from."""

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
_UNITS = {"ms": 1, "us": 1_000, "ns": 1_000_000}


class TookTooLong(BaseException):
    """A call of a row function has taken longer than its time-out."""


def scalar(
    function: Any, kind: str, arguments: Sequence[Any], returns: Any, pass_nulls: bool = False, timeout: int = 0
) -> Scalar:
    """Return the function over argument arrays: a struct for each row, of value, reason, message and detail.

    A null argument gives null unless `pass_nulls`. Where there are no arguments, `rows=` says how many rows there are.
    `timeout`: milliseconds that one call of a row function may take, 0 for any: give or take an eighth. It is kept
    where the worker calls in its main thread, and never inside of a call that does not come back to Python.
    """
    call: Any
    if kind == "jit":
        call = compiled_scalar(function, arguments, returns, pass_nulls)
    elif kind == "batch":
        call = _batch_scalar(function, returns)
    else:
        call = _row_scalar(function, arguments, returns, timeout)
    times = kind == "batch"

    def run(*arrays: Any, rows: int | None = None) -> pa.StructArray:
        columns = [as_array(a, spec, times) for a, spec in zip(arrays, arguments)]
        count = len(columns[0]) if rows is None else rows
        if pass_nulls or not any(c.null_count for c in columns):
            values, failed = call(columns, count)
            return scalar_outcome(values, failed, count)
        known = np.ones(count, np.bool_)
        for column in columns:
            known &= column.is_valid().to_numpy(zero_copy_only=False)
        numbers = np.flatnonzero(known)
        values, failed = call([c.take(pa.array(numbers)) for c in columns], len(numbers))
        places = pa.array(np.maximum(np.cumsum(known) - 1, 0), mask=~known)
        return scalar_outcome(values.take(places), moved_to(failed, numbers), count)

    return run


def mapped(
    function: Any, kind: str, given: dict[str, Any], output: dict[str, Any], many: bool, timeout: int = 0
) -> Callable[[pa.StructArray], pa.ListArray]:
    """Return the function as a map of rows (`many`: a flat map): for each row the list of what it makes of it.

    Results are structs of the columns of `output`, and __reason, __message and __detail: null, or why there is none.
    What a flat map gave before it raised is left out.
    """
    if kind == "batch":
        call = _batch_map(function, output, many)
    else:
        call = _row_map(function, given, output, many, timeout)

    def run(rows: pa.StructArray) -> pa.ListArray:
        made, owner, failed = call(columns_of(rows, given, times=kind == "batch"), len(rows))
        starts, results = rows_outcome(made, owner, failed, len(rows))
        return pa.ListArray.from_arrays(pa.array(starts, pa.int32()), results)

    return run


def window(
    function: Any, kind: str, takes: Sequence[str], given: dict[str, Any], output: dict[str, Any]
) -> Callable[[pa.StructArray, int | None, int | None], pa.StructArray]:
    """Return the function over the rows of one window, in pinned order, and its bounds: the rows that it makes.

    A compiled function gets arrays of the columns that it takes, without the rows where one of them is null; others a
    frame of all columns with window_start and window_end. Where it raises there is one result with the reason.
    """
    compiled = compiled_window(function, output) if kind == "jit" else None

    def run(rows: pa.StructArray, start: int | None, end: int | None) -> pa.StructArray:
        if compiled is not None:
            made = _compiled_rows(function, compiled, columns_of(rows, {n: given[n] for n in takes}), given, output)
        else:
            columns = columns_of(rows, given, times=True)
            for name, bound in (("window_start", start), ("window_end", end)):
                columns[name] = pa.array([bound] * len(rows), pa.int64()).cast(arrow_of("timestamp", True))
            try:
                result = function(_frame(_series(columns)))
                take = _frame_columns if kind == "batch" else _loose_columns
                made = take(function, result, output)
            except BaseException as error:  # also SystemExit: it is this window that fails, not the job
                made = raised(0, error, function)
        failed = [made] if isinstance(made, tuple) else []
        columns = _no_rows(output) if isinstance(made, tuple) else made
        count = len(next(iter(columns.values()))) if columns else 0
        return rows_outcome(columns, np.zeros(count, np.int64), failed, 1)[1]

    return run


def reduced(
    function: Any, given: dict[str, Any], output: dict[str, Any], timeout: int = 0
) -> Callable[..., pa.StructArray]:
    """Return the function as a fold of the rows of one key, in pinned order: the state behind each of them.

    It gets the state (None at first) and the row, both dicts. A row that it fails on leaves the state as it was. Beside the
    rows the fold takes the values of a state to begin with.
    """
    fit = recorder(output, "column")
    # a failed row leaves the state as it was, so the function works on a copy
    duplicate: Any = copy.deepcopy if any(isinstance(s, list | dict) for s in output.values()) else dict

    def run(rows: pa.StructArray, first: list[Any] | None = None) -> pa.StructArray:
        state: list[dict[str, Any] | None] = [None if first is None else dict(zip(output, first))]

        def take(row: Any) -> list[list[Any]]:
            values = fit(function(None if state[0] is None else duplicate(state[0]), row))
            state[0] = dict(zip(output, values))
            return [values]

        dicts = _dicts(columns_of(rows, given), given, len(rows))
        made, owner, failed = _rowwise(function, dicts, take, lambda row: short(row, 200), timeout)
        return rows_outcome(_by_column(made, output), owner, failed, len(rows))[1]

    return run


# -- plain Python, row by row


def _row_scalar(function: Any, arguments: Sequence[Any], returns: Any, timeout: int) -> Any:
    fit = fitter(returns)
    code = getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()

    def shown(values: Any) -> str:
        named = zip([*names, *repeat("", len(values))], values)
        return ", ".join(f"{n}={short(v)}" if n else short(v) for n, v in named) or "nothing"

    def run(columns: Sequence[pa.Array], rows: int) -> tuple[pa.Array, list[Failed]]:
        values = _tuples(columns, arguments, rows)
        made, owner, failed = _rowwise(function, values, lambda given: [fit(function(*given))], shown, timeout)
        listed = [None] * rows
        for row, value in zip(owner.tolist(), made):
            listed[row] = value
        return stored(listed, returns), failed

    return run


def _row_map(function: Any, given: dict[str, Any], output: dict[str, Any], many: bool, timeout: int) -> Any:
    fit = recorder(output, "column")

    def several(row: Any) -> list[list[Any]]:
        result = function(row)
        if result is None:
            return []
        if isinstance(result, Mapping | str | bytes) or not isinstance(result, Iterable):
            raise Misfit(result, "an iterable of dicts (or None)", "return [row] for a single row")
        return [fit(one) for one in result]

    take: Any = several if many else lambda row: [fit(function(row))]

    def run(columns: dict[str, pa.Array], rows: int) -> tuple[dict[str, pa.Array], Any, list[Failed]]:
        made, owner, failed = _rowwise(
            function, _dicts(columns, given, rows), take, lambda row: short(row, 200), timeout
        )
        return _by_column(made, output), owner, failed

    return run


def _rowwise(
    function: Any, given: Iterable[Any], take: Callable[[Any], list[Any]], shown: Callable[[Any], str], timeout: int
) -> tuple[list[Any], Any, list[Failed]]:
    """Return what `take` makes of each row, which row each result is of, and the rows that raised."""
    made: list[Any] = []
    counts: list[int] = []
    failed: list[Failed] = []
    with _watched(timeout) as begun:
        for row, argument in enumerate(given):
            results: list[Any] = []
            try:
                if isinstance(argument, OverflowError):
                    raise argument
                begun[0] = monotonic()
                results = take(argument)
                begun[0] = 0.0
            except (Misfit, UnknownKey) as error:
                begun[0] = 0.0
                failed.append(raised(row, mistaken(function, error, shown(argument)), function))
            except TookTooLong:
                begun[0] = 0.0
                failed.append((row, "timeout", f"took longer than {timeout / 1000:g}s", ""))
            except BaseException as error:  # also SystemExit: it is this row that fails, not the job
                begun[0] = 0.0
                failed.append(raised(row, error, function))
            made += results
            counts.append(len(results))
    return made, np.repeat(np.arange(len(counts)), counts), failed


@contextmanager
def _watched(timeout: int) -> Generator[list[float]]:
    """Yield a place for the time since which a call runs (0: none does); one that takes too long is ended.

    A timer ticks, as setting one for each call would take longer than most calls. Only the main thread gets signals.
    """
    begun = [0.0]
    if not timeout or threading.current_thread() is not threading.main_thread():
        yield begun
        return

    def tick(*_: object) -> None:
        if begun[0] and monotonic() - begun[0] >= timeout / 1000:
            raise TookTooLong

    before = signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, *[max(timeout / 8000, 0.001)] * 2)
    try:
        yield begun
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _tuples(columns: Sequence[pa.Array], specs: Sequence[Any], rows: int) -> Iterator[Any]:
    """Return the Python values of each row. An `OverflowError` stands for a row with a time that is out of range."""
    try:
        lists = [python_values(c, spec) for c, spec in zip(columns, specs)]
    except OverflowError:
        return _one_by_one(columns, specs, rows)
    return zip(*lists) if lists else repeat((), rows)


def _one_by_one(columns: Sequence[pa.Array], specs: Sequence[Any], rows: int) -> Iterator[Any]:
    for row in range(rows):
        try:
            yield tuple([python_values(c.slice(row, 1), spec)[0] for c, spec in zip(columns, specs)])
        except OverflowError as error:
            yield OverflowError(f"a time that Python has no datetime for: {error}")


def _dicts(columns: dict[str, pa.Array], given: dict[str, Any], rows: int) -> Iterator[Any]:
    for values in _tuples(list(columns.values()), list(given.values()), rows):
        yield values if isinstance(values, OverflowError) else dict(zip(given, values))


def _by_column(made: list[list[Any]], output: dict[str, Any]) -> dict[str, pa.Array]:
    lists: Any = zip(*made) if made else repeat((), len(output))
    return {name: stored(list(values), spec) for (name, spec), values in zip(output.items(), lists)}


# -- polars, whole columns


_NOTHING: Any = object()  # the result of a row that failed


def _batch_scalar(function: Any, returns: Any) -> Any:
    def run(columns: Sequence[pa.Array], rows: int) -> tuple[pa.Array, list[Failed]]:
        series = _series({str(i): c for i, c in enumerate(columns)})
        series = [s.alias("") for s in series]
        failed: list[Failed] = []

        def made(start: int, stop: int) -> pa.Array:
            return _taken(function, function(*_cut(series, start, stop, rows)), returns, stop - start)

        nothing = pa.nulls(1, arrow_of(returns))
        parts = [nothing if part is _NOTHING else part for part in _divided(function, rows, made, failed)]
        return pa.concat_arrays(parts) if parts else pa.nulls(0, arrow_of(returns)), failed

    return run


def _batch_map(function: Any, output: dict[str, Any], many: bool) -> Any:
    def run(columns: dict[str, pa.Array], rows: int) -> tuple[dict[str, pa.Array], Any, list[Failed]]:
        import polars as pl

        series = _series(columns)
        if many:
            series.append(pl.Series(OWNER, np.arange(rows, dtype=np.uint32)))
        failed: list[Failed] = []
        parts: list[dict[str, pa.Array]] = []
        owners: list[Any] = [np.empty(0, np.int64)]

        def made(start: int, stop: int) -> tuple[dict[str, pa.Array], Any]:
            result = function(_frame(_cut(series, start, stop, rows)))
            found = _frame_columns(function, result, output, (OWNER,) if many else ())
            if many:
                return found, _owner(function, result, start, stop)
            if len(result) != stop - start:
                hint = "row i of the result is made from row i; flat_map() gives any number of rows"
                raise FunctionMistake(function, f"returned {len(result)} rows for {stop - start}", hint)
            return found, np.arange(start, stop)

        for part in _divided(function, rows, made, failed):
            if part is not _NOTHING:
                parts.append(part[0])
                owners.append(part[1])
        parts = parts or [_no_rows(output)]
        whole = {name: pa.concat_arrays([part[name] for part in parts]) for name in output}
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        return {name: column.take(pa.array(order)) for name, column in whole.items()}, owner[order], failed

    return run


def _divided(function: Any, rows: int, made: Callable[[int, int], Any], failed: list[Failed]) -> Iterator[Any]:
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
            failed.append(raised(start, error, function))
            result = _NOTHING
        yield result


def _cut(series: list[Any], start: int, stop: int, rows: int) -> list[Any]:
    return series if stop - start == rows else [s.slice(start, stop - start) for s in series]


def _series(columns: Mapping[str, pa.Array]) -> list[Any]:
    import polars as pl

    return [pl.Series(name, column) for name, column in columns.items()]


def _frame(series: list[Any]) -> Any:
    import polars as pl

    return pl.DataFrame(series)


def _frame_columns(
    function: Any, result: Any, output: dict[str, Any], besides: tuple[str, ...] = ()
) -> dict[str, pa.Array]:
    """Return the columns of a frame that was returned, in the order of `output`."""
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        hint = "end with .collect()" if isinstance(result, pl.LazyFrame) else "return a DataFrame"
        raise FunctionMistake(function, f"returned {_what(result)}, not a polars DataFrame", hint)
    wanted = (*output, *besides)
    for name in wanted:
        if name not in result.columns:
            hint = nearest_name(name, result.columns)
            if name == OWNER:
                hint = "keep the column '_row': it says which input row a row is made from"
            raise FunctionMistake(function, f"returned a frame without the column '{name}'", hint)
    for name in result.columns:
        if name not in wanted:
            message = f"returned a frame with the column '{name}', which its schema does not have"
            raise FunctionMistake(function, message, f"{nearest_name(name, wanted)}; .select(...) leaves columns out")
    return {name: _taken(function, result[name], spec, len(result), name) for name, spec in output.items()}


def _owner(function: Any, result: Any, start: int, stop: int) -> Any:
    """Return the column "_row" of a frame that was made from rows [start, stop)."""
    series = result[OWNER]
    if not series.dtype.is_integer():
        hint = "keep it as it comes, UInt32"
        raise FunctionMistake(function, f"returned the column '{OWNER}' as {series.dtype}, not as integers", hint)
    if series.null_count():
        hint = "each row is made from one input row"
        raise FunctionMistake(function, f"returned a null in the column '{OWNER}'", hint)
    owner = series.to_numpy().astype(np.int64)
    if len(owner) and (owner.min() < start or owner.max() >= stop):
        message = f"returned a number in the column '{OWNER}' that no input row has"
        raise FunctionMistake(function, message, "do not compute it")
    return owner


def _taken(function: Any, result: Any, spec: Any, rows: int, name: str = "") -> pa.Array:
    """Return a Series that was returned as an array of this type and length."""
    import polars as pl

    if isinstance(result, np.ndarray) and result.ndim == 1:
        result = pl.Series(result)
    if not isinstance(result, pl.Series):
        message = f"returned {_what(result)}, not a polars Series"
        raise FunctionMistake(function, message, "return a Series as long as the columns")
    if len(result) != rows:
        hint = "one value for each row: a batch function is row-wise"
        raise FunctionMistake(function, f"returned {len(result)} values for {rows} rows", hint)
    if result.dtype == pl.Null:
        return pa.nulls(rows, arrow_of(spec))
    if not _accepted(result.dtype, spec):
        where = f" in the column '{name}'" if name else ""
        hint = "cast it to the declared type, or declare another"
        raise FunctionMistake(function, f"returned {result.dtype}{where} where {type_text(spec)} is declared", hint)
    return _from_polars(result, spec)


def _accepted(got: Any, wanted: Any, units: Iterable[str] = _UNITS) -> bool:
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


def _from_polars(series: Any, spec: Any) -> pa.Array:
    """Return the values of a Series whose type is accepted; times in finer units are floored."""
    import polars as pl

    if spec in ("timestamp", "duration"):
        series = series.to_physical() // _UNITS[series.dtype.time_unit]
    elif str(series.dtype) == "Float16":
        series = series.cast(pl.Float32)
    values = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    if has_times(spec) and isinstance(spec, list | dict):
        values = as_array(values, spec, times=True)
    return as_array(values, spec)


def _what(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _no_rows(output: dict[str, Any]) -> dict[str, pa.Array]:
    return {name: pa.nulls(0, arrow_of(spec)) for name, spec in output.items()}


# -- whole windows


def _compiled_rows(
    function: Any, compiled: Any, columns: dict[str, pa.Array], given: dict[str, Any], output: dict[str, Any]
) -> dict[str, pa.Array] | Failed:
    arrays = [machine_values(column, given[name]) for name, column in columns.items()]
    whole = np.ones(len(arrays[0]) if arrays else 0, np.bool_)
    for column in columns.values():
        whole &= column.is_valid().to_numpy(zero_copy_only=False)
    arrays = [array[whole] for array in arrays]
    made = compiled(arrays)
    if isinstance(made, FunctionMistake):
        return raised(0, made, function)
    if isinstance(made, BaseException):
        return explained(function, 0, arrays)
    return {name: pa.array(part).cast(arrow_of(spec)) for (name, spec), part in zip(output.items(), made)}


def _loose_columns(function: Any, result: Any, output: dict[str, Any]) -> dict[str, pa.Array]:
    """Return the columns of a frame that a plain function returned: integers of any width, times of any zone."""
    import polars as pl

    if not isinstance(result, pl.DataFrame):
        hint = "end with .collect()" if isinstance(result, pl.LazyFrame) else ""
        raise mistaken(function, Misfit(result, "a polars DataFrame", hint), "a frame")
    for name in result.columns:
        if name not in output:
            raise FunctionMistake(function, f"returned the unknown column '{name}'", nearest_name(name, output))
    for name in output:
        if name not in result.columns:
            hint = nearest_name(name, result.columns)
            raise FunctionMistake(function, f"returned a frame without the column '{name}'", hint)
    made: dict[str, pa.Array] = {}
    for name, spec in output.items():
        series = result[name]
        try:
            if not _alike(series.dtype, spec):
                raise pa.ArrowInvalid("")
            exact = spec in ("int32", "int64") or isinstance(spec, list | dict)
            made[name] = _loosely(series, spec, exact)
        except pa.ArrowInvalid as error:
            message = f"returned the column '{name}' of type {series.dtype} where {type_text(spec)} is declared"
            hint = str(error).partition("\n")[0] or f"cast it: pl.col('{name}').cast(...)"
            raise FunctionMistake(function, message, hint) from None
    return made


def _loosely(series: Any, spec: Any, exact: bool) -> pa.Array:
    import polars as pl

    if series.dtype == pl.Null:
        return pa.nulls(len(series), arrow_of(spec))
    if spec == "timestamp" or (spec == "duration"):
        return _from_polars(series, spec)
    values = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    values = values.cast(arrow_of(spec, True), safe=exact)
    return as_array(values, spec)


def _alike(got: Any, wanted: Any) -> bool:
    import polars as pl

    if got == pl.Null or _accepted(got, wanted):
        return True
    if isinstance(wanted, list):
        return isinstance(got, pl.List | pl.Array) and _alike(got.inner, wanted[0])
    if isinstance(wanted, dict):
        return (
            isinstance(got, pl.Struct)
            and [f.name for f in got.fields] == list(wanted)
            and all(_alike(f.dtype, inner) for f, inner in zip(got.fields, wanted.values()))
        )
    if wanted in ("float32", "float64"):
        return got.is_numeric()
    if wanted in ("int32", "int64"):
        return got.is_integer()
    return isinstance(got, {"timestamp": pl.Datetime, "duration": pl.Duration}.get(wanted, ()))
