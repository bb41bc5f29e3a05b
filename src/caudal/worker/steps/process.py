"""A function of state, rows and timers, which makes any number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from caudal.worker.calling import dicts, rowwise
from caudal.worker.processing import BESIDE, Call, Held, Walk
from caudal.worker.steps.contract import END, Made, Rows, Step, numbered
from caudal.worker.values import stored, tuples


def process(takes: dict[str, Any], gives: dict[str, Any], function: Any, state: dict[str, Any], timeout: int) -> Step:
    """Return the step that gives what the function makes of rows and timers; see `worker.processing`.

    Kept of a key are its state and its timers, as one row. `timeout`: see `calling.scalar`.
    """
    walk = Walk(function, state, gives)
    kinds = {**state, **BESIDE}

    def run(kept: Rows, rows: Rows, watermark: int) -> Made:
        helds = _helds(walk, kept, kinds)
        of: list[int] = []
        at: list[int] = []

        def given() -> Iterator[tuple[Held, Call]]:
            values = list(dicts(dict(zip(takes, rows.columns)), takes, len(rows)))
            times, starts = rows.time.tolist(), rows.starts.tolist()
            for k, held in enumerate(helds):
                moments: list[tuple[int, int, Any]] = [
                    (r, times[r], values[r]) for r in range(starts[k], starts[k + 1])
                ]
                for r, until, row in [*moments, (-1, watermark, None)]:
                    for call in walk.calls(held, until, row):
                        of.append(-1 - k if call.row is None else r)
                        at.append(call.at)
                        yield held, call

        made, owner, failed = rowwise(function, given(), lambda one: walk.take(*one), lambda one: str(one[1]), timeout)
        return Made(
            np.array(of, np.int64)[owner],
            columns(made, gives),
            held_rows(helds, kinds),
            [(of[call], reason, message, detail) for call, reason, message, detail in failed],
            np.array([min(held.timers.values(), default=END - 1) + 1 for held in helds], np.int64),
            np.array(at, np.int64)[owner],
            numbered(owner),
            [at[call] for call, *_ in failed],
        )

    return Step([*kinds.values()], run, fails=True)


def columns(made: list[list[Any]], kinds: dict[str, Any]) -> list[Any]:
    """Return rows of fitted values as columns."""
    lists = [*zip(*made)] if made else [()] * len(kinds)
    return [stored(list(values), kind) for values, kind in zip(lists, kinds.values(), strict=True)]


def held_rows(helds: list[Held], kinds: dict[str, Any]) -> Rows:
    """Return what is kept of keys as rows, one of each that there is anything of."""
    known = np.array([not held.empty for held in helds], np.int64)
    values = [held.values() for held in helds if not held.empty]
    return Rows(np.concatenate([np.zeros(1, np.int64), np.cumsum(known)]), columns(values, kinds))


def _helds(walk: Walk, kept: Rows, kinds: dict[str, Any]) -> list[Held]:
    listed = list(tuples(kept.columns, [*kinds.values()], len(kept)))
    starts = kept.starts.tolist()
    return [Held.of(walk.names, listed[a] if b > a else None) for a, b in pairwise(starts)]
