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
from functools import partial
from itertools import repeat
from time import monotonic
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import (
    Misfit,
    Misshapen,
    arrow_of,
    as_array,
    columns_of,
    fitter,
    has_times,
    recorder,
    several,
    short,
    shown_call,
)
from caudal.worker.compiled import compiled_scalar, compiled_window, explained, machine_values
from caudal.worker.failures import Failed, FunctionMistake, mistaken, raised
from caudal.worker.frames import (
    NOTHING,
    OWNER,
    UNITS,
    as_long,
    checked_frame,
    checked_series,
    cut,
    divided,
    frame_batch,
    frame_of,
    owners_of,
    sided,
)
from caudal.worker.outcomes import moved_to, rows_outcome, scalar_outcome
from caudal.worker.values import stored, tuples

Scalar = Callable[..., pa.StructArray]


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
    function: Any, kind: str, takes: Sequence[str], given: dict[str, Any], output: dict[str, Any], sides: Any = None
) -> Callable[[pa.StructArray, int | None, int | None], pa.StructArray]:
    """Return the function over the rows of one window, in pinned order, and its bounds: the rows that it makes.

    A compiled function gets arrays of the columns that it takes, without the rows where one of them is null; others a
    frame of all columns with window_start and window_end, or one for each of two `sides`
    (see `sided`). Where it raises there is one result with the reason.
    """
    compiled = compiled_window(function, output) if kind == "jit" else None
    call = sided(function, sides)

    def run(rows: pa.StructArray, start: int | None, end: int | None) -> pa.StructArray:
        if compiled is not None:
            made = _compiled_rows(function, compiled, columns_of(rows, {n: given[n] for n in takes}), given, output)
        else:
            columns = columns_of(rows, given, times=True)
            for name, bound in (("window_start", start), ("window_end", end)):
                columns[name] = pa.array([bound] * len(rows), pa.int64()).cast(arrow_of("timestamp", True))
            try:
                result = call(frame_of(_series(columns)))
                take = _frame_columns if kind == "batch" else _loose_columns
                made = take(function, result, output)
            except BaseException as error:  # also SystemExit: it is this window that fails, not the job
                made = raised(0, error)
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

        listed = dicts(columns_of(rows, given), given, len(rows))
        made, owner, failed = rowwise(function, listed, take, lambda row: short(row, 200), timeout)
        return rows_outcome(_by_column(made, output), owner, failed, len(rows))[1]

    return run


# -- plain Python, row by row


def _row_scalar(function: Any, arguments: Sequence[Any], returns: Any, timeout: int) -> Any:
    fit = fitter(returns)
    code = getattr(function, "__code__", None)
    names = code.co_varnames[: code.co_argcount] if code is not None else ()
    shown = partial(shown_call, names)

    def run(columns: Sequence[pa.Array], rows: int) -> tuple[pa.Array, list[Failed]]:
        values = tuples(columns, arguments, rows)
        made, owner, failed = rowwise(function, values, lambda given: [fit(function(*given))], shown, timeout)
        listed = [None] * rows
        for row, value in zip(owner.tolist(), made):
            listed[row] = value
        return stored(listed, returns), failed

    return run


def _row_map(function: Any, given: dict[str, Any], output: dict[str, Any], many: bool, timeout: int) -> Any:
    fit = recorder(output, "column")
    take: Any = (lambda row: several(fit, function(row))) if many else lambda row: [fit(function(row))]

    def run(columns: dict[str, pa.Array], rows: int) -> tuple[dict[str, pa.Array], Any, list[Failed]]:
        made, owner, failed = rowwise(function, dicts(columns, given, rows), take, lambda row: short(row, 200), timeout)
        return _by_column(made, output), owner, failed

    return run


def rowwise(
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
            except (Misfit, Misshapen) as error:
                begun[0] = 0.0
                failed.append(raised(row, mistaken(function, error, shown(argument))))
            except TookTooLong:
                begun[0] = 0.0
                failed.append((row, "timeout", f"took longer than {timeout / 1000:g}s", ""))
            except BaseException as error:  # also SystemExit: it is this row that fails, not the job
                begun[0] = 0.0
                failed.append(raised(row, error))
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


def dicts(columns: dict[str, pa.Array], given: dict[str, Any], rows: int) -> Iterator[Any]:
    """Return each row as a dict of Python values; an `OverflowError` for one with a time that is out of range."""
    for values in tuples(list(columns.values()), list(given.values()), rows):
        yield values if isinstance(values, OverflowError) else dict(zip(given, values))


def _by_column(made: list[list[Any]], output: dict[str, Any]) -> dict[str, pa.Array]:
    lists: Any = zip(*made) if made else repeat((), len(output))
    return {name: stored(list(values), spec) for (name, spec), values in zip(output.items(), lists)}


# -- polars, whole columns


def _batch_scalar(function: Any, returns: Any) -> Any:
    def run(columns: Sequence[pa.Array], rows: int) -> tuple[pa.Array, list[Failed]]:
        series = _series({str(i): c for i, c in enumerate(columns)})
        series = [s.alias("") for s in series]
        failed: list[Failed] = []

        def made(start: int, stop: int) -> pa.Array:
            return _taken(function, function(*cut(series, start, stop, rows)), returns, stop - start)

        nothing = pa.nulls(1, arrow_of(returns))
        parts = [nothing if part is NOTHING else part for part in divided(rows, made, _noted(failed))]
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
            result = function(frame_of(cut(series, start, stop, rows)))
            found = _frame_columns(function, result, output, (OWNER,) if many else ())
            if many:
                return found, owners_of(function, result, start, stop)
            as_long(function, len(result), stop - start)
            return found, np.arange(start, stop)

        for part in divided(rows, made, _noted(failed)):
            if part is not NOTHING:
                parts.append(part[0])
                owners.append(part[1])
        parts = parts or [_no_rows(output)]
        whole = {name: pa.concat_arrays([part[name] for part in parts]) for name in output}
        owner = np.concatenate(owners)
        order = np.argsort(owner, kind="stable")
        return {name: column.take(pa.array(order)) for name, column in whole.items()}, owner[order], failed

    return run


def _noted(failed: list[Failed]) -> Callable[[int, BaseException], None]:
    """Return what puts rows that a function failed on into a list."""
    return lambda row, error: failed.append(raised(row, error))


def _series(columns: Mapping[str, pa.Array]) -> list[Any]:
    import polars as pl

    return [pl.Series(name, column) for name, column in columns.items()]


def _frame_columns(
    function: Any, result: Any, output: dict[str, Any], besides: tuple[str, ...] = ()
) -> dict[str, pa.Array]:
    """Return the columns of a frame that was returned, in the order of `output`."""
    frame = checked_frame(function, result, output, besides)
    return {name: _taken(function, frame[name], spec, len(frame), name) for name, spec in output.items()}


def _taken(function: Any, result: Any, spec: Any, rows: int, name: str = "") -> pa.Array:
    """Return a Series that was returned as an array of this type and length."""
    return _from_polars(checked_series(function, result, spec, rows, name), spec)


def _from_polars(series: Any, spec: Any) -> pa.Array:
    """Return the values of a Series whose type is accepted; times in finer units are floored."""
    import polars as pl

    if series.dtype == pl.Null:
        return pa.nulls(len(series), arrow_of(spec))
    if spec in ("timestamp", "duration"):
        series = series.to_physical() // UNITS[series.dtype.time_unit]
    elif str(series.dtype) == "Float16":
        series = series.cast(pl.Float32)
    values = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    if has_times(spec) and isinstance(spec, list | dict):
        values = as_array(values, spec, times=True)
    return as_array(values, spec)


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
        return raised(0, made)
    if isinstance(made, BaseException):
        return explained(function, 0, arrays)
    return {name: pa.array(part).cast(arrow_of(spec)) for (name, spec), part in zip(output.items(), made)}


def _loose_columns(function: Any, result: Any, output: dict[str, Any]) -> dict[str, pa.Array]:
    """Return the columns of a frame that a plain function returned: integers of any width, times of any zone."""
    schema = pa.schema([(name, arrow_of(spec, times=True)) for name, spec in output.items()])
    try:
        batch = frame_batch(result, schema, output)
    except (Misfit, Misshapen) as error:
        raise mistaken(function, error, "a frame") from None
    return {name: as_array(batch.column(name), spec) for name, spec in output.items()}
