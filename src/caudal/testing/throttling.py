"""Throttling as the oracle sees it: each key's rows one by one, over all moments at which something may come out."""

from __future__ import annotations

from typing import Any

from caudal.plan.nodes import Throttle
from caudal.testing.rows import Row, by_key, keys_of
from caudal.testing.scalars import ordering


def throttled(node: Throttle, rows: list[Row]) -> list[Row]:
    """Return what comes of rows in pinned order."""
    found: list[tuple[tuple[Any, ...], Row]] = []
    for several in by_key(node, rows).values():
        key = [ordering(value) for value in keys_of(node, several[0][1])[1].values()]
        waiting: list[Row] = []
        end: int | None = None
        for place, row in [*several, (0, None)]:
            while end is not None and (row is None or _time(row) > end):
                if waiting:
                    values = {**waiting[-1].values, node.into: len(waiting) - 1}
                    found.append(((end, 1, *key), Row(values, end, None, "", "", 0)))
                end = end + node.every if waiting else None
                waiting = []
            if row is None:
                continue
            if end is None:
                found.append(((_time(row), 0, place), row.having({**row.values, node.into: 0})))
                end = _time(row) + node.every
            else:
                waiting.append(row)
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _time(row: Row) -> int:
    assert row.time is not None
    return row.time
