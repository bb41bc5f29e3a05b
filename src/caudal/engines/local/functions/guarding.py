"""Guarding: functions that are called in the process of the job, without the calls that kill it, and looked on where somebody does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Bools, Column, Ints, constant, from_arrow
from caudal.core.types import DataType
from caudal.engines.local.functions.binding import Frames, RowMap, Scalar
from caudal.expressions.functions.outcome import Failed, Rows, Values
from caudal.expressions.kernel import full
from caudal.plan.python import ROW, PythonFunction
from caudal.ports.calls import POISON, Call, Calls

if TYPE_CHECKING:
    import polars as pl

_T = TypeVar("_T")

_NOT_MADE = Call("", pa.table({}), "it was not called")


def scalar(calls: Calls, site: str, function: PythonFunction, run: Scalar, types: Sequence[DataType]) -> Scalar:
    """Return a function of columns of these types without what is not to be called; see `binding.Functions.scalar`."""
    guard = _Guard(calls, site)
    if function.kind == ROW or guard.idle:
        return run
    returns = function.returns
    assert returns is not None

    def made(table: pa.Table, lengths: Sequence[int] | None) -> None:
        run([from_arrow(table.column(i), dtype) for i, dtype in enumerate(types)], table.num_rows)

    def guarded(args: Sequence[Column], rows: int) -> Values:
        columns: Mapping[str, Column] = {str(i): full(arg, rows) for i, arg in enumerate(args)}
        held = guard.rows(columns, rows)
        left = _left(held, rows)
        kept = _taken(columns, held, left)
        values = guard.watched(lambda: run([*kept.values()], len(left)), len(left), lambda: _table(kept))
        if not held:
            return values
        place = np.zeros(rows, np.int64)
        place[left] = np.arange(len(left))
        column = values.column.take(place) if len(left) else constant(None, returns, rows)
        return Values(column, _merged(held, values.failed, left))

    guard.site(made)
    return guarded


def rows(calls: Calls, site: str, function: PythonFunction, run: RowMap, types: Mapping[str, DataType]) -> RowMap:
    """Return a function that makes rows of rows with these columns; see `binding.Functions.rows`."""
    guard = _Guard(calls, site)
    if function.kind == ROW or guard.idle:
        return run

    def made(table: pa.Table, lengths: Sequence[int] | None) -> None:
        run({name: from_arrow(table[name], dtype) for name, dtype in types.items()}, table.num_rows)

    def guarded(columns: Mapping[str, Column], count: int) -> Rows:
        held = guard.rows(columns, count)
        left = _left(held, count)
        kept = _taken(columns, held, left)
        out = guard.watched(lambda: run(kept, len(left)), len(left), lambda: _table(kept))
        return out if not held else Rows(out.columns, left[out.owner], _merged(held, out.failed, left))

    guard.site(made)
    return guarded


def windows(calls: Calls, site: str, function: PythonFunction, run: Frames, types: Mapping[str, DataType]) -> Frames:
    """Return a function over windows with these columns; see `binding.Functions.windows`."""
    guard = _Guard(calls, site)
    if function.kind == ROW or guard.idle:
        return run

    def made(table: pa.Table, lengths: Sequence[int] | None) -> None:
        run(_frames({name: from_arrow(table[name], dtype) for name, dtype in types.items()}, lengths or ()))

    def guarded(frames: Sequence[Mapping[str, Column]]) -> Rows:
        held = guard.windows(frames)
        left = _left(held, len(frames))
        kept = [frames[number] for number in left.tolist()]
        out = guard.watched(lambda: run(kept), len(kept), lambda: _together(kept), lambda: [*map(_length, kept)])
        return out if not held else Rows(out.columns, left[out.owner], _merged(held, out.failed, left))

    guard.site(made)
    return guarded


class _Guard:
    """What stands before the calls of one site. Used by any thread."""

    def __init__(self, calls: Calls, site: str) -> None:
        self._calls = calls
        self._site = site
        self._skipped = site.partition("/")[0] in calls.skipped
        self._withheld = [(each, _frame(each.args)) for each in calls.withheld.get(site, ())]

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do."""
        calls = self._calls
        return calls.watching is None and calls.sites is None and not (self._skipped or self._withheld)

    def site(self, made: Callable[[pa.Table, Sequence[int] | None], None]) -> None:
        """Tell how the function is called."""
        if self._calls.sites is not None:
            self._calls.sites[self._site] = made

    def rows(self, columns: Mapping[str, Column], count: int) -> list[Failed]:
        """Return the rows that are not to be called with, in order."""
        if self._skipped:
            return [_failed(row, _NOT_MADE) for row in range(count)]
        found: dict[int, Call] = {}
        if self._withheld:
            given = _table(columns)
            frame = _frame(given)
            for call, args in self._withheld:
                found |= dict.fromkeys(np.flatnonzero(_same(frame, args)).tolist(), call)
        return [_failed(row, call) for row, call in sorted(found.items())]

    def windows(self, frames: Sequence[Mapping[str, Column]]) -> list[Failed]:
        """Return the windows that are not to be called with, in order."""
        if self._skipped:
            return [_failed(number, _NOT_MADE) for number in range(len(frames))]
        found: list[Failed] = []
        for number, each in enumerate(frames) if self._withheld else ():
            alike = [(call, args) for call, args in self._withheld if len(args) == _length(each)]
            frame = _frame(_table(each)) if alike else None
            found += [_failed(number, call) for call, args in alike if frame is not None and frame.equals(args)][:1]
        return found

    def watched(
        self,
        run: Callable[[], _T],
        count: int,
        args: Callable[[], pa.Table],
        lengths: Callable[[], list[int] | None] = lambda: None,
    ) -> _T:
        """Call the function with so many rows or windows, while somebody looks on where one does."""
        watching = self._calls.watching
        if watching is None or not count:
            return run()
        watching.begins(self._site, args(), lengths())
        try:
            return run()
        finally:
            watching.done()


def _failed(row: int, call: Call) -> Failed:
    return Failed(row, POISON, call.message, call.detail)


def _left(held: Sequence[Failed], count: int) -> Ints:
    left = np.ones(count, np.bool_)
    left[[each.row for each in held]] = False
    return np.flatnonzero(left)


def _taken(columns: Mapping[str, Column], held: Sequence[Failed], left: Ints) -> Mapping[str, Column]:
    return {name: column.take(left) for name, column in columns.items()} if held else columns


def _merged(held: Sequence[Failed], failed: Sequence[Failed], left: Ints) -> list[Failed]:
    """Return what was withheld and what has failed of the others, in order of rows."""
    others = [Failed(int(left[each.row]), each.reason, each.message, each.detail) for each in failed]
    return sorted([*held, *others], key=lambda each: each.row)


def _table(columns: Mapping[str, Column]) -> pa.Table:
    return pa.table({name: column.to_arrow() for name, column in columns.items()})


def _together(frames: Sequence[Mapping[str, Column]]) -> pa.Table:
    return pa.concat_tables([_table(frame) for frame in frames])


def _length(frame: Mapping[str, Column]) -> int:
    return len(next(iter(frame.values()), ()))


def _frames(columns: Mapping[str, Column], lengths: Sequence[int]) -> list[Mapping[str, Column]]:
    frames: list[Mapping[str, Column]] = []
    at = 0
    for length in lengths:
        frames.append({name: column.slice(at, at + length) for name, column in columns.items()})
        at += length
    return frames


def _frame(table: pa.Table) -> pl.DataFrame:
    import polars as pl

    made: Any = pl.from_arrow(table)
    return made


def _same(frame: pl.DataFrame, one: pl.DataFrame) -> Bools:
    """Return which rows are alike in every column to a frame of one row, nulls and NaN too."""
    same = np.ones(len(frame), np.bool_)
    for name in frame.columns:
        values = frame[name]
        if values.dtype.is_nested():
            wanted = one[name].to_list()[0]
            same &= np.array([value == wanted for value in values.to_list()], np.bool_)
        else:
            same &= values.eq_missing(one[name]).to_numpy()
    return same
