"""Functions from one row to several: the rows of a window or of a key go in as a list, what is made of them comes out.

All take Arrow arrays, one for each argument, and give a list of structs for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

Rows = Callable[..., Any]
"""A function of Arrow arrays of one length that gives a list array of structs of that length."""


def each_row(function: Callable[[Any], Any], names: list[str]) -> Rows:
    """Return what gives, for each row of columns of these names, the rows that `function` makes of it, numbered."""

    def run(*columns: Any) -> Any:
        made = function(_struct(columns, names))
        items = made.flatten()
        counts = made.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        numbers = pa.array(np.arange(len(items), dtype=np.int64) - starts)
        return pa.ListArray.from_arrays(_offsets(counts), _positional([numbers, *_parts(items)]))

    return run


def each_window(function: Callable[[Any, Any, Any], Any], names: list[str]) -> Rows:
    """Return what gives, for each list of rows (number, columns of these names) and its bounds, the rows made of it."""

    def run(rows: Any, starts: Any, ends: Any) -> Any:
        made = []
        for group, start, end in zip(_groups(rows), starts.to_pylist(), ends.to_pylist()):
            items = function(_struct(group[1:], names), start, end)
            made.append([pa.array(np.arange(len(items), dtype=np.int64)), *_parts(items)])
        return _listed(made)

    return run


def running_rows(
    function: Callable[[Any, list[Any]], list[Any]], passed: int, given: list[str], wanted: list[str]
) -> Rows:
    """Return what gives, for each key's rows (number, time, columns, arguments), the columns and the aggregates.

    `passed`: how many columns are passed on; `given`: the arguments' names, of all `wanted` aggregates in order.
    """

    def run(rows: Any) -> Any:
        made = []
        for group in _groups(rows):
            arguments = dict(zip(given, group[2 + passed :]))
            made.append([*group[2 : 2 + passed], *function(group[1], [arguments.get(name) for name in wanted])])
        return _listed(made)

    return run


def passing(function: Callable[[Any], Any], passed: int) -> Rows:
    """Return what gives, for each key's rows (number, time, columns), the columns of those that pass."""

    def run(rows: Any) -> Any:
        made = []
        for group in _groups(rows):
            kept = pa.array(np.asarray(function(group[1]), dtype=bool))
            made.append([column.filter(kept) for column in group[2 : 2 + passed]])
        return _listed(made)

    return run


def reduced_rows(function: Callable[[Any], Any], kept: int, names: list[str]) -> Rows:
    """Return what gives, for each key's rows (number, columns that are kept, those of these names), the states."""

    def run(rows: Any) -> Any:
        made = []
        for group in _groups(rows):
            states = function(_struct(group[1 + kept :], names))
            made.append([*group[1 : 1 + kept], *_parts(states)])
        return _listed(made)

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
