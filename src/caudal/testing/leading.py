"""Later values as the oracle sees them: for each row the key's rows behind it."""

from __future__ import annotations

from typing import Any

from caudal.plan.nodes import Lead
from caudal.testing.rows import Row, by_key, keys_of
from caudal.testing.scalars import evaluate, ordering


def leads(node: Lead, rows: list[Row]) -> list[Row]:
    """Return what comes of rows in pinned order: with the row that is met, or when none can be any more."""
    found: list[tuple[tuple[Any, ...], Row]] = []
    for several in by_key(node, rows).values():
        key = [ordering(value) for value in keys_of(node, several[0][1])[1].values()]
        for i, (nth, row) in enumerate(several):
            assert row.time is not None
            place, met = several[i + node.n] if i + node.n < len(several) else (0, None)
            if met is not None and met.time is not None and met.time - row.time <= node.within:
                value = evaluate(node.value, met.values, node.input.schema)
                found.append(((met.time, 0, place), met.having({**row.values, node.into: value})))
            else:
                end = row.time + node.within
                found.append(((end, 1, *key, nth), Row({**row.values, node.into: None}, end, None, "", "", 0)))
    return [row for _, row in sorted(found, key=lambda one: one[0])]
