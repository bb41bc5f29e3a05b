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
from caudal.worker.steps.contract import END, NEVER, Made, Rows, Step
from caudal.worker.tables import made_at, numbers_of, with_failed

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
    alone: tuple[str, list[int]] | None = None,
) -> Callable[[Any, Any, Any], Iterator[Any]]:
    """Return what Spark calls for each key with new rows or with a watermark that it has waited for.

    Of a row, `passed`: the columns that its results get; `given`: those that the step takes, with their types; `clock`: its
    event time, None where it has none; `waits`: the same where rows wait for the watermark, None for rows that are taken
    as they come; `order`: by what they are sorted. `epoch`: see `streaming.epoch_of`.

    `alone`: where results may be of no row, when they are made ("timers" or "end"), and the columns that they get of the
    last row of their key. Three columns more say then where a result stands: the number of its place among those of the
    call, its own in it, and the time of one that is made of no row, null for the others.
    """
    import pandas as pd

    adapter = _Adapter(step, passed, given, clock, alone)

    def run(_: Any, frames: Any, state: Any) -> Iterator[Any]:
        waiting, kept = (_row(lines) for lines in (state.get if state.exists else ("[]", "[]")))
        for frame in frames:
            waiting += [_row(line) for line in frame["row"]]
        due, waiting, watermark = waiting, [], state.getCurrentWatermarkMs() - epoch
        if watermark >= epoch:
            watermark = END
        elif waits is None:
            watermark = NEVER
        else:
            waiting = [row for row in due if row[waits] >= watermark]
            due = [row for row in due if row[waits] < watermark]
        due.sort(key=lambda row: [_key(row[i]) for i in order])
        made, kept, wake = adapter.advanced(kept, due, watermark)
        if made:
            yield pd.DataFrame({"made": [_line(row) for row in made]}, dtype="object")
        if not waiting and not kept:
            state.remove()
            return
        state.update((_line(waiting), _line(kept)))
        # Spark calls once the watermark is past this
        wakes = [wake - 1, *(row[waits] for row in waiting if waits is not None)]
        if adapter.ends and kept:
            wakes.append(epoch - 1)
        if watermark < END and min(wakes) < epoch:
            state.setTimeoutTimestamp(min(wakes) + epoch)

    return run


class _Adapter:
    """What a step makes of the rows of one key, and what is kept of it: rows of the step's own.

    Where results may be of no row, what these get of the last row stands before that.
    """

    def __init__(
        self,
        step: Step,
        passed: list[int],
        given: list[tuple[int, Any]],
        clock: int | None,
        alone: tuple[str, list[int]] | None,
    ) -> None:
        self.step = step
        self.passed = passed
        self.given = given
        self.clock = clock
        self.alone = alone
        self.ends = alone is not None and alone[0] == "end"

    def advanced(self, kept: list[Row], rows: list[Row], watermark: int) -> tuple[list[Row], list[Row], int]:
        """Return the rows that the step makes, what is to be kept, and when it is to be called again."""
        last: Row = []
        if self.alone is not None and kept:
            last, *kept = kept
        if self.alone is not None and rows:
            last = [rows[-1][i] if i in self.alone[1] else None for i in self.passed]
        columns = [as_array(pa.array([row[i] for row in rows], arrow_of(kind)), kind) for i, kind in self.given]
        times = None if self.clock is None else np.array([row[self.clock] for row in rows], np.int64)
        whole = Rows(np.array([0, len(rows)]), columns, times)
        made = self.step.run(_state(self.step, kept), whole, watermark).whole()
        of, results = with_failed(self.step, made)
        listed = [column.to_pylist() for column in [*results, *self._places(made, of)]]
        out: list[Row] = []
        for n, at in enumerate(of.tolist()):
            own = last if at < 0 else [rows[at][i] for i in self.passed]
            out.append([*own, *(c[n] for c in listed)])
            if at < 0 and not self.ends and self.clock in self.passed:
                out[-1][self.passed.index(self.clock)] = listed[-1][n]
        left = [list(row) for row in zip(*(column.to_pylist() for column in made.state.columns))]
        return out, [last, *left] if self.alone and left else left, END if made.wake is None else int(made.wake[0])

    def _places(self, made: Made, of: Any) -> list[Any]:
        if self.alone is None:
            return []
        nth = numbers_of(made, len(of))
        return [pa.array(np.cumsum(nth == 0)), pa.array(nth), pa.array(made_at(made, len(of)), mask=of >= 0)]


def live_end(at: int, time: int | None, watermark: int, order: list[int]) -> Callable[[Any, Any, Any], Iterator[Any]]:
    """Return what Spark calls with the results of all keys: those that the end of data makes get the last row's time and W_p.

    Of a result, `at`: what is null where it is made of a row; `time`, `watermark`: event time and W_p; `order`: by what rows
    are sorted. The last row of each key is known by the result that it is made into, at the end of data if not before.
    """
    import pandas as pd

    def run(_: Any, frames: Any, state: Any) -> Iterator[Any]:
        results = [_row(line) for frame in frames for line in frame["row"]]
        known = [*(_row(state.get[0]) if state.exists else []), *results]
        if not known:
            return
        last = max(known, key=lambda row: [_key(row[i]) for i in order])
        moment = [(i, last[i]) for i in (time, watermark) if i is not None]
        state.update((_line([last]), "[]"))
        for row in results:
            for i, value in moment if row[at] is not None else ():
                row[i] = value
        yield pd.DataFrame({"made": [_line(row) for row in results]}, dtype="object")

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
