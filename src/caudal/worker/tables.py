"""Functions from one row to several: the rows of a window or of a key go in as a list, what is made of them comes out.

All take Arrow arrays, one for each argument, and give a list of structs for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.worker.steps.contract import END, Made, Rows, Step

Listing = Callable[..., Any]
"""A function of Arrow arrays of one length that gives a list array of structs of that length."""


def each_row(function: Callable[[Any], Any], names: list[str]) -> Listing:
    """Return what gives, for each row of columns of these names, the rows that `function` makes of it, numbered."""

    def run(*columns: Any) -> Any:
        made = function(_struct(columns, names))
        items = made.flatten()
        counts = made.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        numbers = pa.array(np.arange(len(items), dtype=np.int64) - starts)
        return pa.ListArray.from_arrays(_offsets(counts), _positional([numbers, *_parts(items)]))

    return run


def elements(fields: bool) -> Listing:
    """Return what gives, for each list, its elements, numbered; `fields`: those of a struct apart."""

    def run(lists: Any) -> Any:
        lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
        items = lists.flatten()
        counts = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        numbers = np.arange(len(items), dtype=np.int64) - np.repeat(np.cumsum(counts) - counts, counts)
        parts = _parts(items) if fields else [items]
        return pa.ListArray.from_arrays(_offsets(counts), _positional([pa.array(numbers), *parts]))

    return run


def each_window(function: Callable[[Any, Any, Any], Any], names: list[str]) -> Listing:
    """Return what gives, for each list of rows (number, columns of these names) and its bounds, the rows made of it."""

    def run(rows: Any, starts: Any, ends: Any) -> Any:
        made = []
        for group, start, end in zip(_groups(rows), starts.to_pylist(), ends.to_pylist()):
            items = function(_struct(group[1:], names), start, end)
            made.append([pa.array(np.arange(len(items), dtype=np.int64)), *_parts(items)])
        return _listed(made)

    return run


def over_keys(step: Step, passed: int, time: int | None, placed: bool = False) -> Listing:
    """Return what gives, for each key's rows (number, columns that are passed on, arguments), what a step makes of them.

    `passed`: how many columns are passed on; `time`: which of them is the event time, None where there is none. Behind
    those come what the step makes and, where rows may fail, why one has: reason, message, detail. `placed`: and then two
    columns by which results can be put in their places: the number of the place among those of the key, and that of the
    result in it. Nothing is passed on to results that are made of no row but their own event time.
    """

    def run(lists: Any) -> Any:
        lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
        counts = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        number, *columns = _parts(lists.flatten())
        keys = np.repeat(np.arange(len(counts)), counts)
        order = pa.array(np.lexsort((number.to_numpy(zero_copy_only=False), keys)))
        columns = [column.take(order) for column in columns]
        times = None if time is None else columns[time].to_numpy(zero_copy_only=False)
        made = step.run(step.nothing(len(counts)), Rows(starts, columns[passed:], times), END).whole()
        of, results = with_failed(step, made)
        # rows of one key stand behind one another, those that failed behind the others
        alone = of < 0
        owner = np.where(alone, -1 - of, keys[np.maximum(of, 0)]) if len(keys) else -1 - of
        sorted_ = np.argsort(owner, kind="stable")
        index = pa.array(of[sorted_], mask=alone[sorted_])
        given = [column.take(index) for column in columns[:passed]]
        if time is not None and alone.any():
            given[time] = pc.coalesce(given[time], pa.array(made_at(made, len(of))[sorted_]))  # type: ignore[attr-defined]
        given += [column.take(pa.array(sorted_)) for column in results]
        if placed:
            nth = numbers_of(made, len(of))[sorted_]
            given += [pa.array(np.cumsum(nth == 0)), pa.array(nth)]
        return pa.ListArray.from_arrays(_offsets(np.bincount(owner, minlength=len(counts))), _positional(given))

    return run


def made_at(made: Made, rows: int) -> Any:
    """Return the event times of so many results, and of what failed behind them, where they are of no row."""
    at = np.zeros(rows, np.int64)
    if made.at is not None:
        at[: len(made.of)] = made.at
    if made.failed_at is not None:
        at[len(made.of) :] = made.failed_at
    return at


def numbers_of(made: Made, rows: int) -> Any:
    """Return the numbers of so many results among those of their place; those that failed have a place of their own."""
    nth = np.zeros(rows, np.int64)
    if made.nth is not None:
        nth[: len(made.of)] = made.nth
    return nth


def with_failed(step: Step, made: Made) -> tuple[Any, list[Any]]:
    """Return which row each result is of, and the results' columns: those of failed rows are nulls, and say why."""
    if not step.fails:
        return made.of, made.columns
    count, failed = len(made.of), made.failed
    of = np.concatenate([made.of, np.array([row for row, *_ in failed], np.int64)])
    nulls = [pa.concat_arrays([column, pa.nulls(len(failed), column.type)]) for column in made.columns]
    said = [pa.array([None] * count + [why[part] for why in failed], pa.string()) for part in (1, 2, 3)]
    return of, [*nulls, *said]


def folded(fold: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Return what folds the values of each list (`worker.aggregates`)."""

    def run(lists: Any) -> Any:
        lists = lists.combine_chunks() if isinstance(lists, pa.ChunkedArray) else lists
        counts = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
        return fold(lists.flatten(), np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int64))

    return run


def in_order(rows: Any) -> Any:
    """Return the values of each list of (number, value), by number."""
    made = [group[1] for group in _groups(rows)]
    counts = np.array([len(values) for values in made], np.int64)
    values = pa.concat_arrays(made) if made else pa.array([], rows.type.value_type.field(1).type)
    return pa.ListArray.from_arrays(_offsets(counts), values)


def _groups(rows: Any) -> Iterable[list[Any]]:
    """Yield the columns of each list of structs, sorted by the first of them: a number."""
    rows = rows.combine_chunks() if isinstance(rows, pa.ChunkedArray) else rows
    items = rows.flatten()
    columns = _parts(items)
    stop = 0
    for count in rows.value_lengths().fill_null(0).to_pylist():
        start, stop = stop, stop + count
        number = columns[0].slice(start, count).to_numpy(zero_copy_only=False)
        order = pa.array(np.argsort(number, kind="stable"))
        yield [column.slice(start, count).take(order) for column in columns]


def _struct(columns: Iterable[Any], names: list[str]) -> Any:
    listed = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.StructArray.from_arrays(listed, names) if listed else pa.array([], pa.struct([]))


def _parts(items: Any) -> list[Any]:
    """Return the columns of a struct array, a null struct as nulls."""
    return [items.field(i) for i in range(items.type.num_fields)] if not items.null_count else items.flatten()


def _positional(columns: list[Any]) -> Any:
    return pa.StructArray.from_arrays(columns, [str(i) for i in range(len(columns))])


def _listed(made: list[list[Any]]) -> Any:
    """Return a list array of structs of these groups, each given by its columns."""
    counts = np.array([len(columns[0]) for columns in made], np.int64)
    whole = [pa.concat_arrays([columns[i] for columns in made]) for i in range(len(made[0]))]
    return pa.ListArray.from_arrays(_offsets(counts), _positional(whole))


def _offsets(counts: Any) -> Any:
    return pa.array(np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]).astype(np.int32))
