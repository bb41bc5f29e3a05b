"""The keyed step of functions of state, rows and timers, whose calls are made in worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Ints, concat, from_arrow
from caudal.core.types import INT64, STRING, Field, Schema, parse_type
from caudal.engines.local.functions.columns import batch
from caudal.engines.local.functions.pool import Done, Pool
from caudal.engines.local.functions.processed import AT_TIMER, KEPT, RECORD, RESULT, STATE
from caudal.engines.local.functions.worker import PROCESS, as_json
from caudal.expressions.functions.outcome import Rows as Records
from caudal.plan.python import PythonFunction
from caudal.worker.coercion import as_array
from caudal.worker.failures import Failed
from caudal.worker.processing import BESIDE, MOST
from caudal.worker.steps.contract import END, Made, Rows, Step, numbered


def process(pool: Pool, function: PythonFunction, given: Schema, output: Schema, state: Schema) -> Step:
    """Return the step; it gives what `worker.steps.process` gives, and calls whose process dies or is late fail too."""
    kinds = {**{f.name: f.dtype.spec for f in state}, **BESIDE}
    types = {name: parse_type(kind) for name, kind in kinds.items()}
    names = [name if name in BESIDE else STATE + name for name in kinds]

    def run(kept: Rows, rows: Rows, watermark: int) -> Made:
        columns = {f.name: from_arrow(c, f.dtype) for f, c in zip(given, rows.columns, strict=True)}
        key = np.concatenate([rows.key, np.arange(rows.keys)]).astype(np.int64, copy=False)
        time = np.concatenate([rows.time, np.full(rows.keys, watermark)])
        before = pa.array(kept.starts[:-1], mask=np.diff(kept.starts) == 0)
        held = {n: from_arrow(c.take(before), t) for c, (n, t) in zip(kept.columns, types.items(), strict=True)}
        got = _records(pool, function, columns, len(rows), key, time, held, output)
        what, call, at = (_numbers(got.columns[name]) for name in RECORD[:3])
        unit = got.owner
        of = np.where(what == AT_TIMER, -1 - key[unit], unit)
        failing = got.columns[RECORD[3]].valid_or_all()
        good = np.flatnonzero((what != KEPT) & ~failing)
        last = np.flatnonzero(what == KEPT)[_last(key[unit[what == KEPT]], rows.keys)]
        left = [as_array(got.columns[n].take(last).to_arrow(), kind) for n, kind in zip(names, kinds.values())]
        failed, failed_at = _failed(got, np.flatnonzero(failing), of, at)
        for dead in got.failed:  # which only a process does that ends outside of any call
            failed.append(
                (dead.row if dead.row < len(rows) else -1 - int(key[dead.row]), dead.reason, dead.message, dead.detail)
            )
            failed_at.append(int(time[dead.row]))
        return Made(
            of[good],
            [as_array(got.columns[RESULT + f.name].take(good).to_arrow(), f.dtype.spec) for f in output],
            _rows(left),
            failed,
            _wake(left[-2]),
            at[good],
            numbered(unit[good] * (2 * MOST) + call[good]),
            failed_at,
        )

    return Step([*kinds.values()], run, fails=True)


def _records(
    pool: Pool,
    function: PythonFunction,
    columns: Mapping[str, Column],
    rows: int,
    key: Ints,
    time: Ints,
    kept: Mapping[str, Column],
    output: Schema,
) -> Records:
    """Return the records of units (see `processed`): `rows` rows, and behind them timers of keys that are due.

    Of each unit, `key` is the number of its key, `time` that of its row, or until when timers are due. Row k of `kept`,
    state and what stands beside it, is of key k.
    """
    values, before = list(columns.values()), list(kept.values())
    fields = [Field(name, STRING if name in RECORD[3:] else INT64) for name in RECORD]
    fields += [Field(RESULT + f.name, f.dtype) for f in output]
    beside = [Field(name if name in BESIDE else STATE + name, c.dtype) for name, c in kept.items()]
    task = pool.task(function, PROCESS, list(columns), values, (*fields, *beside))
    schema = pa.schema([*task.leaves][len(fields) :])

    def payload(start: int, stop: int, done: Done) -> list[Any]:
        held = before
        if done.batches:  # a process died: go on from what its predecessors left
            made, owner = done.columns(task.fields), done.owner()
            last = np.flatnonzero(_numbers(made[0]) == KEPT)
            latest = np.arange(len(before[0]), dtype=np.int64)
            latest[key[owner[last]]] = len(latest) + last
            held = [concat([a, b]).take(latest) for a, b in zip(before, made[len(fields) :])]
        return [
            batch(task.enters, values, min(start, rows), min(stop, rows)),
            np.ascontiguousarray(key[start:stop]),
            np.ascontiguousarray(time[start:stop]),
            batch(schema, held, 0, len(before[0])),
            as_json({row: calls for row, calls in done.skipped.items() if row >= start}),
        ]

    return pool.rows(task, len(key), payload)


def _numbers(column: Column) -> Ints:
    assert isinstance(column, Fixed)
    return column.values


def _last(keys: Ints, count: int) -> Ints:
    """Return where the last of each key stands."""
    found = np.zeros(count, np.int64)
    found[keys] = np.arange(len(keys))
    return found


def _failed(got: Records, rows: Ints, of: Ints, at: Ints) -> tuple[list[Failed], list[int]]:
    """Return what records say of calls that failed, and their times."""
    said = [got.columns[name].take(rows).to_list() for name in RECORD[3:]]
    return [(int(row), *why) for row, *why in zip(of[rows], *said)], at[rows].tolist()


def _rows(columns: list[Any]) -> Rows:
    """Return what is kept of keys, without that of those that nothing need be kept of."""
    some = columns[-2].value_lengths().fill_null(0).to_numpy(zero_copy_only=False) > 0
    for column in columns[:-2]:
        some = some | column.is_valid().to_numpy(zero_copy_only=False)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(some)])
    return Rows(starts, [column.filter(pa.array(some)) for column in columns])


def _wake(timers: Any) -> Ints:
    """Return the watermark at which the first timer of each key is due."""
    counts = timers.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    wake = np.full(len(counts), END, np.int64)
    at = timers.flatten().field("at").to_numpy(zero_copy_only=False)
    np.minimum.at(wake, np.repeat(np.arange(len(counts)), counts), at + 1)
    return wake
