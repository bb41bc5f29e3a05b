"""Later values: what a row some rows behind of its key has, if it comes in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import END, Made, Rows, Step, behind


def lead(takes: dict[str, Any], gives: dict[str, Any], n: int, within: int) -> Step:
    """Return the step that gives each row when the row `n` behind it has come, at most `within` ms later, with that one's value.

    It takes the columns that it makes; the last is the value. A row that none came behind in time comes out at its time and
    `within`, with null.
    Kept are rows that have not come out, with their times: they stand behind all that have.
    """
    kinds = [*takes.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        given = [as_array(column, kind) for column, kind in zip(rows.columns, kinds, strict=True)]
        whole, at = behind(state, Rows(rows.starts, [pa.array(np.asarray(rows.time, np.int64)), *given]))
        time = whole.columns[0].to_numpy(zero_copy_only=False)
        over = np.minimum(time, END - within) + within
        stops = np.repeat(whole.starts[1:], np.diff(whole.starts))
        every = np.arange(len(whole))
        there = every + n < stops
        successor = np.where(there, every + n, 0)
        met = there & (time[successor] <= over) if len(whole) else there
        alone = ~met & (over < watermark)
        row = np.full(len(whole), -1, np.int64)
        row[at] = np.arange(len(rows))
        pairs, lone = np.flatnonzero(met), np.flatnonzero(alone)
        owner = whole.key
        index = np.concatenate([pairs, lone])
        value = np.concatenate([successor[pairs], np.zeros(len(lone), np.int64)])
        none = np.arange(len(index)) >= len(pairs)
        columns = [column.take(pa.array(index)) for column in whole.columns[1:-1]]
        columns.append(whole.columns[-1].take(pa.array(value, pa.int64(), mask=none)))
        kept = np.flatnonzero(~met & ~alone)
        left = Rows(np.searchsorted(kept, whole.starts), [column.take(pa.array(kept)) for column in whole.columns])
        wake = np.full(whole.keys, END, np.int64)
        np.minimum.at(wake, owner[kept], np.minimum(over[kept] + 1, END))
        return Made(
            np.concatenate([row[successor[pairs]], -1 - owner[lone]]),
            columns,
            left,
            wake=wake,
            at=np.concatenate([time[pairs], over[lone]]),
        )

    return Step(["int64", *kinds], run)
