"""The value that so many percent of the values do not exceed, by nearest rank."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from caudal.worker.coercion import arrow_of


def percentile(takes: Any, gives: Any, p: float) -> Callable[[Any, Any], Any]:
    """Return the fold that gives of n values the one of rank ceil(p / 100 * n), at least the first; null of none.

    Values are in Arrow's order: NaN above all numbers, text by bytes. `p` counts as the decimal that it is written as.
    """
    part = Fraction(str(p)) / 100

    def fold(values: Any, starts: Any) -> Any:
        counts = np.diff(starts)
        group = np.repeat(np.arange(len(counts)), counts)
        table = pa.table({"group": group, "value": values})
        keys = [("group", "ascending"), ("value", "ascending")]
        order = pc.sort_indices(table, sort_keys=keys).to_numpy()  # type: ignore[attr-defined]
        ranks = {int(n): max(-(-part.numerator * int(n) // part.denominator), 1) - 1 for n in np.unique(counts)}
        at = starts[:-1] + np.array([ranks[int(n)] for n in counts], np.int64)
        empty = counts == 0
        index = pa.array(order[np.where(empty, 0, at)] if len(order) else np.zeros(len(counts), np.int64), mask=empty)
        made = pa.concat_arrays([values.take(index)]).cast(arrow_of(gives))
        return pc.add(made, pa.scalar(0.0, made.type)) if pa.types.is_floating(made.type) else made  # type: ignore[attr-defined]

    return fold
