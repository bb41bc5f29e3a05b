"""Operators between the records of a source and the event time of its rows: they run where records are decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from caudal.columnar.morsel import Morsel
from caudal.expressions import bind
from caudal.expressions.lists import exploded
from caudal.plan.nodes import Explode, Filter, Select, Staged
from caudal.plan.nodes.retimed import Stage
from caudal.ports.records import Decoded

Fates = dict[tuple[str, str], int]
"""How many rows had which fate, by operator."""


@dataclass(slots=True)
class Made:
    """Rows in place of records, and what became of those that are none; `records`: how many there were, `letters` of them dead."""

    decoded: Decoded
    records: int
    letters: int
    fates: Fates = field(default_factory=lambda: defaultdict(int))


class Staging:
    """Runs them; used by any thread. No row fails here."""

    def __init__(self, node: Staged) -> None:
        self._steps = [_step(each) for each in node.stages]
        self._names = node.last.source.schema.names

    def run(self, decoded: Decoded) -> Made:
        """Return the rows that are made of records, each with its record's position and its number among those of the record."""
        made = Made(decoded, decoded.rows + len(decoded.dead), len(decoded.dead))
        columns = {name: decoded.columns[name] for name in self._names}
        morsel = Morsel(columns, decoded.rows, position=decoded.position)
        for step in self._steps:
            morsel = step(morsel, made.fates)
        assert morsel.position is not None
        made.decoded = replace(
            decoded, columns=morsel.columns, rows=morsel.rows, position=morsel.position, ordinal=morsel.ordinal
        )
        return made


def _step(node: Stage) -> Callable[[Morsel, Fates], Morsel]:
    schema, names = node.input.schema, node.schema.names
    if isinstance(node, Filter):
        condition: Any = bind(node.predicate, schema)

        def filtered(morsel: Morsel, fates: Fates) -> Morsel:
            passed, known = condition.decided(morsel)
            fates[node.name, "filtered"] += morsel.rows - int(np.count_nonzero(passed))
            fates[node.name, "undecided"] += 0 if known is None else int(np.count_nonzero(~known))
            return morsel.filter(passed)

        return filtered
    if isinstance(node, Explode):

        def spread(morsel: Morsel, fates: Fates) -> Morsel:
            owner, made = exploded(node, morsel.columns[node.column])
            fates[node.name, "emitted"] += len(owner)
            fates[node.name, "filtered"] += morsel.rows - len(np.unique(owner))
            beside = {n: morsel.columns[n].take(owner) for n in names if n not in made}
            return morsel.spread(owner, {n: made[n] if n in made else beside[n] for n in names})

        return spread
    bound = [(name, bind(expr, schema)) for name, expr in node.columns]
    whole = isinstance(node, Select)

    def computed(morsel: Morsel, fates: Fates) -> Morsel:
        new = {name: compute(morsel) for name, compute in bound}
        return morsel.with_columns(new if whole else {n: new[n] if n in new else morsel.columns[n] for n in names})

    return computed
