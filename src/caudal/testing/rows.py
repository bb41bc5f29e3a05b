"""Rows under way in the oracle, what became of them, and the pinned order in which operators take them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from caudal.core.types import Schema
from caudal.plan.expr import Expr
from caudal.plan.nodes import Keyed
from caudal.testing.scalars import evaluate, identity, natural, ordering

Key = tuple[Any, ...]
"""Stand-ins for the values of keys, equal just for what is one key."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row under way. `watermark` is the W_p of its source row, None when it cannot be late."""

    values: dict[str, Any]
    time: int | None
    watermark: int | None
    source: str
    partition: str
    position: int

    def having(self, values: dict[str, Any]) -> Row:
        """Return the row with other values in the same place."""
        return Row(values, self.time, self.watermark, self.source, self.partition, self.position)

    @property
    def late(self) -> bool:
        """Whether its partition had passed its time: what late means where there are no fixed windows."""
        return self.watermark is not None and self.time is not None and self.time < self.watermark


@dataclass(slots=True)
class Fates:
    """The ledger's numbers of one operator; no row is buffered, since all windows close."""

    taken: int = 0
    passed: int = 0
    absorbed: int = 0
    filtered: int = 0
    late: int = 0
    dead: int = 0
    deduplicated: int = 0
    partly_late: int = 0
    emitted: dict[str, int] = field(default_factory=dict)


Ports = dict[str, list[Row]]
"""What an operator emits, by output port."""


def pinned(rows: Iterable[Row], order_by: Sequence[Expr], schema: Schema) -> list[Row]:
    """Return rows by event time, then order_by, source, partition and position.

    Rows that are made of one row stand in the order made.
    """

    def key(row: Row) -> tuple[Any, ...]:
        named = tuple(ordering(evaluate(e, row.values, schema)) for e in order_by)
        return (ordering(row.time), *named, row.source.encode(), natural(row.partition), row.position)

    return sorted(rows, key=key)


def keys_of(node: Keyed, row: Row) -> tuple[Key, dict[str, Any]]:
    """Return the key of a row, and its values by name."""
    values = {name: evaluate(expr, row.values, node.input.schema) for name, expr in node.keys}
    return tuple(identity(v) for v in values.values()), values


def by_key(node: Keyed, rows: Sequence[Row]) -> dict[Key, list[tuple[int, Row]]]:
    """Return the rows of each key, each with its place among all."""
    own: dict[Key, list[tuple[int, Row]]] = {}
    for place, row in enumerate(rows):
        own.setdefault(keys_of(node, row)[0], []).append((place, row))
    return own


def late_row(row: Row, operator: str) -> Row:
    """Return a row as it goes to the late output."""
    known = {
        "late_time": row.time,
        "late_source": row.source,
        "late_partition": row.partition,
        "late_position": row.position,
        "late_operator": operator,
        "late_watermark": row.watermark,
    }
    return row.having({**row.values, **known})


def dead_letter(operator: str, reason: str, row: Row | None = None) -> Row:
    """Return the letter of a row, or of a whole window, that an operator could not take."""
    values: dict[str, Any] = {
        "source": operator,
        "partition": "",
        "position": None,
        "operator": operator,
        "reason": reason,
    }
    if row is None:
        return Row(values, None, None, operator, "", 0)
    values |= {"source": row.source, "partition": row.partition, "position": row.position}
    return Row(values, None, None, row.source, row.partition, row.position)
