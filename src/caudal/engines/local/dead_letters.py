"""Dead letters as rows of a dead port."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Ints, from_list
from caudal.columnar.morsel import Morsel
from caudal.engines.local.counters import Counters
from caudal.expressions.functions.outcome import Failed
from caudal.ingest.accepting import letter_values
from caudal.observe.notices import Notice
from caudal.plan.nodes import DEAD_FIELDS
from caudal.plan.python import PythonFunction
from caudal.ports.records import Dead
from caudal.worker.failures import RESULT

Origin = Callable[[int], tuple[str, str]]
"""From the ordinal of a partition to (source or operator id, partition name)."""


def dead_letters(dead: Sequence[Dead], origin: Origin, partition: int | Ints, operator: str) -> Morsel:
    """Return dead letters (at least one) as a morsel of the dead port of `operator`; `partition`: see `Morsel`."""
    places = [origin(ordinal) for ordinal in np.full(len(dead), partition, np.int64).tolist()]
    rows = letter_values(dead, [source for source, _ in places], [name for _, name in places], operator)
    columns = {f.name: from_list(rows[f.name], f.dtype) for f in DEAD_FIELDS}
    position = np.array([d.position for d in dead], np.int64)
    return Morsel(columns, len(dead), position=position, partition=partition)


def failed_rows(
    morsel: Morsel,
    failed: Sequence[Failed],
    operator: str,
    origin: Origin,
    shown: Sequence[str],
    *,
    windows: bool = False,
) -> Morsel:
    """Return the dead letters of rows that a function failed on; `shown` names the columns that the payload holds.

    `windows`: the rows stand for whole windows, which have no position.
    """
    rows = np.array([f.row for f in failed], np.int64)
    values = {name: morsel.columns[name].take(rows).to_list() for name in shown}
    out = []
    for i, (row, failure) in enumerate(zip(rows.tolist(), failed)):
        payload = json.dumps({n: v[i] for n, v in values.items()}, ensure_ascii=False, default=_plain).encode()
        position = -1 if windows or morsel.position is None or morsel.order else int(morsel.position[row])
        dead = Dead.of(position, failure.reason, failure.message, payload, failure.detail)
        dead.event_time = None if morsel.time is None else int(morsel.time[row])
        out.append(dead)
    partition = morsel.partition if isinstance(morsel.partition, int) else morsel.partition[rows]
    return dead_letters(out, origin, partition, operator)


def told(counters: Counters, operator: str, function: PythonFunction, failed: Sequence[Failed]) -> None:
    """Keep why a function fails; say, with `--quiet` too, that it returns what it does not declare: somebody is at work."""
    counters.failing.setdefault(operator, failed[0].message)
    wrong = sum(f.reason == RESULT for f in failed)
    if wrong:
        text = f"{function.name}() returned what its declaration excludes: {{count}} dead letters with the reason '{RESULT}'"
        counters.notices.add(Notice("bad_result", operator, text, wrong, "warning"))


def keep(failed: Sequence[Failed], rows: int) -> Ints:
    """Return the numbers of the rows that did not fail."""
    left = np.ones(rows, np.bool_)
    left[[f.row for f in failed]] = False
    return np.flatnonzero(left)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
