"""Lookups: the columns that a table has of a row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from caudal.columnar.column import Bools, Column, Fixed, Ints, Nested, Text, from_arrow
from caudal.columnar.morsel import Morsel
from caudal.engines.local.counters import Counters
from caudal.engines.local.tables import Held
from caudal.plan.nodes import Lookup


def lookup(node: Lookup, held: Held, counters: Counters) -> Callable[[Morsel, object], Morsel]:
    """Return what a lookup does to a morsel."""
    name, how = node.name, node.how
    taken = [*node.columns]

    def run(morsel: Morsel, letters: object) -> Morsel:
        indexed = held.version.indexed  # one version, whatever comes meanwhile
        found = indexed.find([morsel.columns[each] for each in node.on], morsel.rows, morsel.time)
        met = found >= 0
        if how != "left":
            keep = met if how == "inner" else ~met
            kept = int(np.count_nonzero(keep))
            if kept < morsel.rows:
                counters.add(name, "filtered", morsel.rows - kept)
                rows = np.flatnonzero(keep)
                morsel, found, met = morsel.take(rows), found.take(rows), met.take(rows)
        all_met = how != "left" or bool(met.all())
        columns = {each: morsel.columns[each] for each in node.input.schema.names}
        at = found if all_met else np.where(met, found, 0)
        for new, old in taken:
            columns[new] = _taken(indexed.columns[old], at, None if all_met else met)
        return morsel.with_columns(columns)

    return run


def _taken(column: Column, rows: Ints, met: Bools | None) -> Column:
    """Return the values of these rows of the table, null where it has none."""
    got = column.take(rows)
    if met is None:
        return got
    if isinstance(got, Nested):
        array = got.to_arrow().to_pylist()
        import pyarrow as pa

        return from_arrow(
            pa.array([v if there else None for v, there in zip(array, met.tolist())], got.array.type), got.dtype
        )
    assert isinstance(got, Fixed | Text)
    got.valid = met if got.valid is None else met & got.valid
    return got
