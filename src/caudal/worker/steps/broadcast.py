"""Broadcast: rows with the newest of another stream's rows beside them, as of their event time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import as_array
from caudal.worker.steps.contract import Made, Rows, Step, behind


def broadcast(takes: dict[str, Any], gives: dict[str, Any], inner: bool, anti: bool = False) -> Step:
    """Return the step that gives each row the columns of the newest setting of its key before it, null where there is none.

    It takes whether a row is a setting, a setting's own time, and whether it is a tombstone: from it on there is none; and then a
    setting's columns, which are what it makes. The newest is that with the latest time of its own; of one time, the last in order.
    `inner`: rows without a setting go; `anti`: those with one. Kept is the newest setting of each key, tombstones too: a
    late one may be older.
    """
    types = [*takes.values()]

    def run(state: Rows, rows: Rows, watermark: int) -> Made:
        given = [as_array(column, kind) for column, kind in zip(rows.columns, types, strict=True)]
        whole, at = behind(state, Rows(rows.starts, given))
        known, gone = (whole.columns[i].fill_null(False).to_numpy(zero_copy_only=False) for i in (0, 2))
        count = len(whole)
        order = np.argsort(whole.columns[1].fill_null(0).to_numpy(zero_copy_only=False), kind="stable")
        rank = np.empty(count, np.int64)
        rank[order] = np.arange(count)
        # a number that grows by key and, within one, by age; that of the newest setting so far
        newest = np.maximum.accumulate(np.where(known, whole.key * count + rank, -1)) if count else rank

        def found(places: Any, keys: Any) -> tuple[Any, Any]:
            """Return which row is the newest setting at these places, and where there is none."""
            best = newest[places]
            none = best < keys * count
            return order[np.where(none, 0, best - keys * count)] if count else best, none

        setting = known[at]
        index, none = found(at, rows.key)
        none |= gone[index]
        of = np.flatnonzero(~setting & (none if anti else ~none if inner else True))
        taken = pa.array(index[of], mask=none[of])
        some = np.flatnonzero(np.diff(whole.starts) > 0)
        last, never = found(whole.starts[some + 1] - 1, some)
        kept = np.zeros(whole.keys, np.int64)
        kept[some] = ~never
        left = pa.array(last[~never])
        return Made(
            of,
            [column.take(taken) for column in whole.columns[3:]],
            Rows(np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)]), [c.take(left) for c in whole.columns]),
        )

    return Step(types, run)
