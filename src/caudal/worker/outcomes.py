"""Results as Arrow structs, with why a row has none beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.failures import Failed

REASON, MESSAGE, DETAIL = "__reason", "__message", "__detail"
"""Columns beside those of results: null, or why a row has none."""


def scalar_outcome(values: pa.Array, failed: list[Failed], rows: int) -> pa.StructArray:
    """Return values with why some are missing: fields value, reason, message, detail."""
    said: list[Any] = [pa.nulls(rows, pa.string())] * 3
    if failed:
        keep = np.ones(rows, np.bool_)
        keep[[f[0] for f in failed]] = False
        values = values.take(pa.array(np.arange(rows), mask=~keep))
        said = [_at_rows(failed, part, rows) for part in (1, 2, 3)]
    return pa.StructArray.from_arrays([values, *said], ["value", "reason", "message", "detail"])


def rows_outcome(
    made: Mapping[str, pa.Array], owner: Any, failed: list[Failed], rows: int
) -> tuple[Any, pa.StructArray]:
    """Return where the results of each input row begin (one more than rows), and all results in a row.

    `owner`: the input row of each result, ascending. A row that failed has one result: why.
    """
    counts = np.bincount(owner, minlength=rows) if len(owner) else np.zeros(rows, np.int64)
    counts[[f[0] for f in failed]] = 1
    starts = np.zeros(rows + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    total = int(starts[-1])
    places = starts[[f[0] for f in failed]] if failed else np.empty(0, np.int64)
    source = np.zeros(total, np.int64)
    empty = np.zeros(total, np.bool_)
    empty[places] = True
    source[~empty] = np.arange(len(owner))
    index = pa.array(source, mask=empty)
    columns = {name: column.take(index) if failed else column for name, column in made.items()}
    shifted = [(int(at), f[1], f[2], f[3]) for at, f in zip(places, failed)]
    for number, name in enumerate((REASON, MESSAGE, DETAIL), 1):
        columns[name] = _at_rows(shifted, number, total)
    return starts, pa.StructArray.from_arrays(list(columns.values()), list(columns))


def moved_to(failed: list[Failed], numbers: Any) -> list[Failed]:
    """Return failures under the numbers that their rows have among all."""
    return [(int(numbers[row]), reason, message, detail) for row, reason, message, detail in failed]


def _at_rows(failed: list[Failed], part: int, rows: int) -> pa.Array:
    if not failed:
        return pa.nulls(rows, pa.string())
    texts: list[str | None] = [None] * rows
    for failure in failed:
        texts[failure[0]] = str(failure[part])
    return pa.array(texts, pa.string())
