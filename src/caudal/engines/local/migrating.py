"""State of a plan that has changed since: columns are found again by what they hold, not by where they stood.

The names of state columns tell kind and number of an operator's part, `a0.1`, `c3`, `s0`; which part that was is told by the labels
beside the state (see `plan.fitting`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from caudal.columnar.column import Column
from caudal.engines.local.state import Blob

LABELS = "columns"
"""The plain value of a state that holds the labels of its parts."""

Parts = Mapping[str, Sequence[str]]

Nothing = Callable[[str, int, int], Mapping[str, Column]]
"""nothing(kind, number, rows): the columns of a part that the state has nothing of, for so many rows."""

_NAME = re.compile(r"([a-z])(\d+)(\.\d+)?")


def migrated(blob: Blob, parts: Parts, nothing: Nothing) -> Blob:
    """Return the state with the columns of these parts: those that it has, and nothing for the others."""
    before: Parts = blob.values.get(LABELS, parts)
    if {kind: list(labels) for kind, labels in before.items()} == parts:
        return blob
    names = {
        (kind, before[kind].index(label)): number
        for kind, labels in parts.items()
        for number, label in enumerate(labels)
        if label in before.get(kind, ())
    }
    fresh = [(k, n) for k, labels in parts.items() for n, label in enumerate(labels) if label not in before.get(k, ())]

    def renamed(name: str) -> str | None:
        """Return what a column is called now, None for one that goes."""
        found = _NAME.fullmatch(name)
        if found is None or found[1] not in parts:
            return name
        number = names.get((found[1], int(found[2])))
        return None if number is None else f"{found[1]}{number}{found[3] or ''}"

    lists = {new for name in blob.values["layout"] if (new := renamed(name)) is not None}
    tables: dict[int, pa.Table] = {}
    for number, table in blob.added.items():
        columns = {new: table.column(name) for name in table.column_names if (new := renamed(name)) is not None}
        kinds = {found[1] for name in table.column_names if (found := _NAME.fullmatch(name)) is not None}
        for kind, at in fresh:
            if kind in kinds or (kind == "c" and "position" in columns):  # an operator has blocks of two kinds
                made = nothing(kind, at, table.num_rows)
                columns.update((name, column.to_arrow()) for name, column in made.items())
                lists.update(name for name, column in made.items() if hasattr(column, "children"))
        tables[number] = pa.table(columns)
    values = {**blob.values, "layout": sorted(lists), LABELS: parts}
    return Blob(blob.operator, blob.kind, blob.version, blob.whole, values, tables, blob.removed)
