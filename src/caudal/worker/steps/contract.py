"""The contract of keyed steps, and what many of them need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of
from caudal.worker.failures import Failed

END = 1 << 62
"""The watermark at the end of data."""

NEVER = -(1 << 62)
"""The watermark before all data."""


@dataclass(slots=True)
class Rows:
    """Rows of several keys, those of one behind the other: rows `starts[k]` to `starts[k + 1]` are of key k, in order.

    `starts`: int64, one more than there are keys; `columns`: Arrow arrays; `time`: their event times as int64 milliseconds,
    None where there are none.
    """

    starts: Any
    columns: list[Any]
    time: Any = None

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def keys(self) -> int:
        """How many keys there are; some may have no rows."""
        return len(self.starts) - 1

    @property
    def key(self) -> Any:
        """The number of each row's key."""
        return np.repeat(np.arange(self.keys), np.diff(self.starts))

    def of_key(self, k: int) -> Rows:
        """Return the rows of one key."""
        start, stop = int(self.starts[k]), int(self.starts[k + 1])
        time = None if self.time is None else self.time[start:stop]
        return Rows(np.array([0, stop - start]), [c.slice(start, stop - start) for c in self.columns], time)


@dataclass(slots=True)
class Made:
    """What a step makes.

    `of`: int64, ascending: the row that each result is made of, whose own columns, event time and W_p it gets;
    `columns`: the columns that the step makes, of each result; `state`: what is kept of each key, any number of rows;
    `failed`: (row, reason, message, detail) of rows that no result can be made of: they become dead letters.
    `wake`: int64, for each key the watermark at which the step is to be called again though no row has come, `END` for
    none; None for none at all. It lies above the watermark of the call.
    """

    of: Any
    columns: list[Any]
    state: Rows
    failed: list[Failed] = field(default_factory=list)
    wake: Any = None


@dataclass(frozen=True)
class Step:
    """A step. `run(state, rows, watermark)`: `state` holds what was kept of the same keys, in the same order.

    What it makes depends on the rows and their order, not on how they are cut into calls, nor on the watermark, which says
    only what is over: no row below it will come. `keeps`: the types of the columns that it keeps; `fails`: whether rows
    may fail.
    """

    keeps: Sequence[Any]
    run: Callable[[Rows, Rows, int], Made]
    fails: bool = False

    def nothing(self, keys: int) -> Rows:
        """Return the state of keys of which nothing is kept."""
        return Rows(np.zeros(keys + 1, np.int64), [pa.nulls(0, arrow_of(kind)) for kind in self.keeps])


def each_key(run: Callable[[Rows, Rows, int], Made]) -> Callable[[Rows, Rows, int], Made]:
    """Return what runs a function of the rows of one key over those of several."""

    def over(state: Rows, rows: Rows, watermark: int) -> Made:
        made = [run(state.of_key(k), rows.of_key(k), watermark) for k in range(rows.keys)]
        shifts = rows.starts[:-1].tolist()
        failed = [(f[0] + at, f[1], f[2], f[3]) for one, at in zip(made, shifts) for f in one.failed]
        return Made(
            np.concatenate([np.asarray(one.of, np.int64) + at for one, at in zip(made, shifts)]),
            joined([one.columns for one in made]),
            Rows(
                np.concatenate([np.zeros(1, np.int64), np.cumsum([len(one.state) for one in made])]),
                joined([one.state.columns for one in made]),
            ),
            failed,
            None if any(one.wake is None for one in made) else np.concatenate([one.wake for one in made]),
        )

    return over


def joined(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """Return columns one behind the other, part by part."""
    return [pa.concat_arrays([part[i] for part in parts]) for i in range(len(parts[0]))] if parts else []


def behind(state: Rows, rows: Rows) -> tuple[Rows, Any]:
    """Return for each key what was kept and then its rows, with where each of the rows stands there.

    Both must have the same columns.
    """
    kept, new = np.diff(state.starts), np.diff(rows.starts)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept + new)])
    index = np.empty(len(state) + len(rows), np.int64)
    at = np.arange(len(rows)) + np.repeat(starts[:-1] + kept - rows.starts[:-1], new)
    before = np.arange(len(state)) + np.repeat(starts[:-1] - state.starts[:-1], kept)
    index[before] = np.arange(len(state))
    index[at] = len(state) + np.arange(len(rows))
    columns = [pa.concat_arrays([a, b]).take(pa.array(index)) for a, b in zip(state.columns, rows.columns)]
    return Rows(starts, columns), at


def last(rows: Rows, count: int) -> Rows:
    """Return the last rows of each key, at most `count`."""
    starts, stops = rows.starts[:-1], rows.starts[1:]
    left = np.minimum(stops - starts, count)
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(left)])
    index = pa.array(np.arange(begins[-1]) + np.repeat(stops - left - begins[:-1], left))
    return Rows(begins, [column.take(index) for column in rows.columns])
