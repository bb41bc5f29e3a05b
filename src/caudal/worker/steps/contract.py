"""The contract of keyed steps, and what many of them need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Several:
    """Results of rows, of which there may be more than memory holds: each is made when it is asked for, in any thread.

    `counts`: int64, for each row of the call how many results it has. `columns(rows, nth)`: the columns of these rows' results
    of these numbers, counted from 0; `sizes(rows, nth)`: about how many bytes each takes, `widest()` the largest.
    """

    counts: Any
    columns: Callable[[Any, Any], list[Any]]
    sizes: Callable[[Any, Any], Any]
    widest: Callable[[], int]


@dataclass(slots=True)
class Made:
    """What a step makes.

    `of`: int64, for each result the row that it is made of, whose own columns, event time and W_p it gets; -1 - k for one
    that is made of no row: at a timer of key k, or at the end of data. Those of one key stand as they were made.
    `at`: int64, the event time of each result that is made of no row; None where all are made of rows.
    `nth`: int64, the number of each result among those that stand in one place, as the rows of one window do, from 0 on;
    None where each has a place of its own.
    `columns`: the columns that the step makes, of each result; `state`: what is kept of each key, any number of rows;
    `failed`: (row, reason, message, detail) of what no result can be made of: it becomes a dead letter. The row is as in
    `of`; `failed_at` has the times of those at timers, as `at` has those of results, None where there can be none.
    `wake`: int64, for each key the watermark at which the step is to be called again though no row has come, `END` for
    none; None for none at all. It lies above the watermark of the call.
    `several`: the results of rows where these may be very many, each with the number that `nth` would have; those in `of`
    are then of no row. `whole` puts them all among the others.
    """

    of: Any
    columns: list[Any]
    state: Rows
    failed: list[Failed] = field(default_factory=list)
    wake: Any = None
    at: Any = None
    nth: Any = None
    failed_at: list[int] | None = None
    several: Several | None = None

    def whole(self) -> Made:
        """Return the same with all results in `of`."""
        if self.several is None:
            return self
        rows = np.repeat(np.arange(len(self.several.counts)), self.several.counts)
        nth, none = numbered(rows), np.zeros(len(self.of), np.int64)
        return replace(
            self,
            of=np.concatenate([rows, self.of]),
            columns=joined([self.several.columns(rows, nth), self.columns]),
            at=np.concatenate([np.zeros(len(rows), np.int64), none if self.at is None else self.at]),
            nth=np.concatenate([nth, none if self.nth is None else self.nth]),
            several=None,
        )


@dataclass(frozen=True)
class Step:
    """A step. `run(state, rows, watermark)`: `state` holds what was kept of the same keys, in the same order.

    What it makes depends on the rows and their order, not on how they are cut into calls, nor on the watermark, which says
    only what is over: no row below it will come. `keeps`: the types of the columns that it keeps; `fails`: whether rows
    may fail.

    Results have a place in the pinned order, which adapters give them: by event time; of one time, those of rows, in the
    rows' order, stand before those of timers; these stand by key, and within a key as they were made. So what a timer
    makes depends on rows up to its time alone, which is not below the watermark of the call before and below that of
    this call. What is made at the end of data stands behind everything, by `at` and key; its event time and W_p are those
    of the last row of all. A step makes such results of a key only in a call with the watermark `END`; it is called then
    for every key that anything is kept of.
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
        of = [np.asarray(one.of, np.int64) for one in made]
        return Made(
            np.concatenate([np.where(rows_ < 0, rows_ - k, rows_ + shifts[k]) for k, rows_ in enumerate(of)]),
            joined([one.columns for one in made]),
            Rows(
                np.concatenate([np.zeros(1, np.int64), np.cumsum([len(one.state) for one in made])]),
                joined([one.state.columns for one in made]),
            ),
            [
                (f[0] - k if f[0] < 0 else f[0] + at, *f[1:])
                for k, (one, at) in enumerate(zip(made, shifts))
                for f in one.failed
            ],
            *(_together([getattr(one, name) for one in made]) for name in ("wake", "at", "nth")),
        )

    return over


def _together(parts: list[Any]) -> Any:
    return None if any(part is None for part in parts) else np.concatenate(parts)


def joined(parts: Sequence[Sequence[Any]]) -> list[Any]:
    """Return columns one behind the other, part by part."""
    return [pa.concat_arrays([part[i] for part in parts]) for i in range(len(parts[0]))] if parts else []


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows stand that are put behind what was kept of their key.

    `starts`: those of the keys; `before`, `at`: the places of what was kept, and of the rows; `index`: of each place which it is, of
    what was kept and then the rows.
    """

    starts: Any
    before: Any
    at: Any
    index: Any


def places(state: Rows, rows: Rows) -> Places:
    """Return where rows stand behind what was kept."""
    kept, new = np.diff(state.starts), np.diff(rows.starts)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept + new)])
    index = np.empty(len(state) + len(rows), np.int64)
    at = np.arange(len(rows)) + np.repeat(starts[:-1] + kept - rows.starts[:-1], new)
    before = np.arange(len(state)) + np.repeat(starts[:-1] - state.starts[:-1], kept)
    index[before] = np.arange(len(state))
    index[at] = len(state) + np.arange(len(rows))
    return Places(starts, before, at, index)


def numbered(owner: Any) -> Any:
    """Return the number of each result among those of its row or call; `owner`: whose each is, equal ones side by side."""
    fresh = np.ones(len(owner), np.bool_)
    fresh[1:] = owner[1:] != owner[:-1]
    return np.arange(len(owner)) - np.flatnonzero(fresh)[np.cumsum(fresh) - 1]


def behind(state: Rows, rows: Rows) -> tuple[Rows, Any]:
    """Return for each key what was kept and then its rows, with where each of the rows stands there.

    Both must have the same columns.
    """
    found = places(state, rows)
    index = pa.array(found.index)
    columns = [pa.concat_arrays([a, b]).take(index) for a, b in zip(state.columns, rows.columns)]
    return Rows(found.starts, columns), found.at


def last(rows: Rows, count: Any) -> Rows:
    """Return the last rows of each key, at most `count`: a number, or one for each key."""
    starts, stops = rows.starts[:-1], rows.starts[1:]
    left = np.minimum(stops - starts, count)
    begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(left)])
    index = pa.array(np.arange(begins[-1]) + np.repeat(stops - left - begins[:-1], left))
    return Rows(begins, [column.take(index) for column in rows.columns])
