"""The rows of a key over input that goes on: put in order once the watermark has passed them, and taken one step further.

Between Spark and Python a row is a line of JSON, a list of its values: integers, NaN and bytes stay what they are, as they
would not in a data frame. What a step keeps of a key is a list of rows too.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from caudal.worker.fitting import arrow_of, as_array

Row = list[Any]
Step = Callable[[list[Row], list[Row]], tuple[list[Row], list[Row]]]
"""From what was kept and the rows that follow, in order, to the rows that are made and what to keep."""


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


def walking(step: Step, time: int | None, order: list[int], epoch: int) -> Callable[[Any, Any, Any], Iterator[Any]]:
    """Return what Spark calls for each key with new rows or with a watermark that it has waited for.

    `time`: where in a row its event time is, None for rows that are taken as they come; `order`: by what they are sorted.
    `epoch`: see `streaming.epoch_of`.
    """
    import pandas as pd

    def run(_: Any, frames: Any, state: Any) -> Iterator[Any]:
        waiting, kept = (_row(lines) for lines in (state.get if state.exists else ("[]", "[]")))
        for frame in frames:
            waiting += [_row(line) for line in frame["row"]]
        due = waiting
        if time is not None:
            watermark = state.getCurrentWatermarkMs() - epoch
            due = [row for row in waiting if row[time] < watermark]
            waiting = [row for row in waiting if row[time] >= watermark]
        if due:
            made, kept = step(kept, sorted(due, key=lambda row: [_key(row[i]) for i in order]))
            yield pd.DataFrame({"made": [_line(row) for row in made]}, dtype="object")
        state.update((_line(waiting if time is not None else []), _line(kept)))
        if waiting and time is not None:
            state.setTimeoutTimestamp(min(row[time] for row in waiting) + epoch)

    return run


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


def deduplicating(time: int | None, within: int, passed: list[int]) -> Step:
    """Return the step that passes the first row, and each whose last one that passed is more than `within` ms ago."""

    def step(kept: list[Row], rows: list[Row]) -> tuple[list[Row], list[Row]]:
        made: list[Row] = []
        for row in rows:
            if not kept or (within and time is not None and row[time] - kept[0][0] > within):
                kept = [[row[time] if time is not None else None]]
                made.append([row[i] for i in passed])
        return made, kept

    return step


def running_on(
    function: Callable[[Any, Any], Any],
    time: int | None,
    arguments: list[tuple[int, Any] | None],
    size_ms: int,
    count: int,
    passed: list[int],
) -> Step:
    """Return the step that gives aggregates over the frame up to each row: `function` of times and argument arrays."""

    def step(kept: list[Row], rows: list[Row]) -> tuple[list[Row], list[Row]]:
        whole = [*kept, *rows]
        times = pa.array([None if time is None else row[time] for row in whole], pa.int64())
        given = [a and as_array(pa.array([row[a[0]] for row in whole], arrow_of(a[1])), a[1]) for a in arguments]
        results = [array.slice(len(kept)).to_pylist() for array in function(times, given)]
        made = [[*(row[i] for i in passed), *(column[n] for column in results)] for n, row in enumerate(rows)]
        if count:
            return made, whole[max(0, len(whole) - count + 1) :]
        assert time is not None
        last = whole[-1][time]
        return made, [row for row in whole if row[time] > last - size_ms]

    return step


def reducing(function: Callable[..., Any], columns: list[tuple[str, int, Any]], passed: list[int]) -> Step:
    """Return the step of a fold: the state behind each row. `columns`: name, place in a row and type of what it takes."""

    def step(kept: list[Row], rows: list[Row]) -> tuple[list[Row], list[Row]]:
        arrays = [as_array(pa.array([row[i] for row in rows], arrow_of(kind)), kind) for _, i, kind in columns]
        given = pa.StructArray.from_arrays(arrays, [name for name, _, _ in columns])
        states = [list(state.values()) for state in function(given, kept[0] if kept else None).to_pylist()]
        made = [[*(row[i] for i in passed), *state] for row, state in zip(rows, states)]
        good = [state for state in states if state[-3] is None]
        return made, [good[-1][:-3]] if good else kept

    return step
