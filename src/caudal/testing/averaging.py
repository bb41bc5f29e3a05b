"""Moving averages as the oracle sees them: over all rows of the key so far, from what the average is."""

from __future__ import annotations

import math
from typing import Any

from caudal.plan.averages import Ewma as Average
from caudal.plan.nodes import Ewma
from caudal.testing.rows import Key, Row, keys_of
from caudal.testing.scalars import evaluate


def averaged(node: Ewma, rows: list[Row]) -> list[Row]:
    """Return what comes of rows in pinned order."""
    seen: dict[Key, list[Row]] = {}
    out: list[Row] = []
    for row in rows:
        key, keys = keys_of(node, row)
        so_far = seen.setdefault(key, [])
        so_far.append(row)
        made: dict[str, Any] = {}
        for (name, _), average in zip(node.values, node.averages(), strict=True):
            given = [(r.time or 0, evaluate(average.value, r.values, node.input.schema)) for r in so_far]
            made[name] = _average(average, [(time, float(value)) for time, value in given if value is not None])
        out.append(row.having({**keys, **row.values, **made}))
    return out


def _average(average: Average, values: list[tuple[int, float]]) -> float | None:
    """Return the sum of weighted values over the sum of weights, each weighed by how far back it is."""
    if not values:
        return None
    last = values[-1][0]
    if average.half_life:
        weights = [0.5 ** ((last - time) / average.half_life) for time, _ in values]
    else:
        back = range(len(values) - 1, -1, -1)
        weights = [(1 - average.alpha) ** k * (average.alpha if i else 1.0) for i, k in enumerate(back)]
    special = {str(value) for _, value in values if not math.isfinite(value)}
    if special:
        return float(special.pop()) if len(special) == 1 else math.nan
    return math.fsum(w * v for w, (_, v) in zip(weights, values, strict=True)) / math.fsum(weights)
