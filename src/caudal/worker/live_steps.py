"""The rows of a key over unbounded input: put in order once the watermark has passed them, and taken one step further.

Between Spark and Python a row is a line of JSON, a list of its values: integers, NaN and bytes stay what they are, as they
would not in a data frame. What a step keeps of a key is a list of rows too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array
from caudal.worker.steps.contract import END, NEVER, Rows, Step
from caudal.worker.tables import with_failed

Row = list[Any]


def packed(*columns: Any) -> Any:
    """Return the rows of columns as lines."""
    return pa.array([_line(row) for row in zip(*(column.to_pylist() for column in columns))], pa.string())


def unpacked(names: list[str], kinds: list[Any]) -> Callable[[Any], Any]:
    """Return what gives lines as structs of these names and types."""

    def run(lines: Any) -> Any:
        rows = [_row(line) for line in lines.to_pylist()]
        columns = [pa.array([row[i] for row in rows], arrow_of(kind)) for i, kind in enumerate(kinds)]
        return pa.StructArray.from_arrays(columns, names)

    return run


def _line(row: Sequence[Any]) -> str:
    return json.dumps(row, default=lambda value: {"__b": base64.b64encode(value).decode()})


def _row(line: str) -> Row:
    return json.loads(line, object_hook=_bytes)


def _bytes(found: dict[str, Any]) -> Any:
    return base64.b64decode(found["__b"]) if list(found) == ["__b"] else found


def live_step(
    step: Step,
    passed: list[int],
    given: list[tuple[int, Any]],
    waits: int | None,
    clock: int | None,
    order: list[int],
    epoch: int,
) -> Callable[[Any, Any, Any], Iterator[Any]]:
    """Return what Spark calls for each key with new rows or with a watermark that it has waited for.

    Of a row, `passed`: the columns that its results get; `given`: those that the step takes, with their types; `clock`: its
    event time, None where it has none; `waits`: the same where rows wait for the watermark, None for rows that are taken
    as they come; `order`: by what they are sorted. `epoch`: see `streaming.epoch_of`.
    """
    import pandas as pd

    def advanced(kept: list[Row], rows: list[Row], watermark: int) -> tuple[list[Row], list[Row], int]:
        """Return the rows that the step makes, what it keeps, and when it is to be called again."""
        columns = [as_array(pa.array([row[i] for row in rows], arrow_of(kind)), kind) for i, kind in given]
        times = None if clock is None else np.array([row[clock] for row in rows], np.int64)
        whole = Rows(np.array([0, len(rows)]), columns, times)
        made = step.run(_state(step, kept), whole, watermark)
        of, results = with_failed(step, made)
        listed = [column.to_pylist() for column in results]
        out = [[*(rows[at][i] for i in passed), *(c[n] for c in listed)] for n, at in enumerate(of.tolist())]
        left = [list(row) for row in zip(*(column.to_pylist() for column in made.state.columns))]
        return out, left, END if made.wake is None else int(made.wake[0])

    def run(_: Any, frames: Any, state: Any) -> Iterator[Any]:
        waiting, kept = (_row(lines) for lines in (state.get if state.exists else ("[]", "[]")))
        for frame in frames:
            waiting += [_row(line) for line in frame["row"]]
        due, waiting, watermark = waiting, [], NEVER
        if waits is not None:
            watermark = state.getCurrentWatermarkMs() - epoch
            waiting = [row for row in due if row[waits] >= watermark]
            due = [row for row in due if row[waits] < watermark]
        due.sort(key=lambda row: [_key(row[i]) for i in order])
        made, kept, wake = advanced(kept, due, watermark)
        if made:
            yield pd.DataFrame({"made": [_line(row) for row in made]}, dtype="object")
        if not waiting and not kept:
            state.remove()
            return
        state.update((_line(waiting), _line(kept)))
        wake = min([wake, *(row[waits] for row in waiting)])
        if waits is not None and wake < END:
            state.setTimeoutTimestamp(wake + epoch)

    return run


def _state(step: Step, kept: list[Row]) -> Rows:
    columns = [pa.array([row[i] for row in kept], arrow_of(kind)) for i, kind in enumerate(step.keeps)]
    return Rows(np.array([0, len(kept)]), [as_array(c, kind) for c, kind in zip(columns, step.keeps)])


def _key(value: Any) -> Any:
    """Return a value by which values of one type are sorted: nulls first, NaN last, text by bytes."""
    if value is None:
        return (0,)
    if isinstance(value, dict):
        return (1, *(_key(item) for item in value.values()))
    if isinstance(value, list):
        return (1, *(_key(item) for item in value))
    if isinstance(value, str):
        return (1, value.encode())
    return (2, 0.0) if value != value else (1, value)
