"""Interval joins as the oracle says: every row of one side held against every row of the other."""

from __future__ import annotations

from typing import Any

from caudal.plan.nodes import Broadcast, Join
from caudal.testing.rows import Row, keys_of
from caudal.testing.scalars import ordering

Found = tuple[tuple[Any, ...], Row]
"""A result and its place: event time, then the place of its later row and those of both; behind all, what is made of no row, by key."""


def joined(node: Join, rows: list[Row]) -> list[Row]:
    """Return what the operator makes of all rows of both sides, which stand in pinned order."""
    sides: dict[bool, list[tuple[int, Row]]] = {False: [], True: []}
    for place, row in enumerate(rows):
        sides[row.values[node.side] == "right"].append((place, row))
    partners: dict[int, list[tuple[int, Row]]] = {place: [] for place in range(len(rows))}
    pairs: list[tuple[int, int]] = []
    for i, left in sides[False]:
        for j, right in sides[True]:
            if _equal(node, left, right) and node.lower <= _time(right) - _time(left) <= node.upper:
                pairs.append((i, j))
                partners[i].append((j, right))
                partners[j].append((i, left))
    found: list[Found] = []
    if node.how in ("inner", "left", "right", "full"):
        for i, j in pairs:
            later = rows[max(i, j)]
            found.append(((_time(later), max(i, j), i, j), later.having(_shown(node, rows[i], rows[j]))))
    if node.how == "semi":
        for i, left in sides[False]:
            if partners[i]:
                at = min(max(i, j) for j, _ in partners[i])
                found.append(((_time(rows[at]), at, i, 0), rows[at].having(_shown(node, left, None))))
    after = len(rows)
    if node.how in ("left", "full", "anti"):
        for i, left in sides[False]:
            if not partners[i]:
                at = _time(left) + max(node.upper, 0)
                found.append(((at, after, *_key(node, left), 1, i), Row(_shown(node, left, None), at, None, "", "", 0)))
    if node.how in ("right", "full"):
        for j, right in sides[True]:
            if not partners[j]:
                at = _time(right) + max(-node.lower, 0)
                found.append(
                    ((at, after, *_key(node, right), 0, j), Row(_shown(node, None, right), at, None, "", "", 0))
                )
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def broadcast(node: Broadcast, rows: list[Row]) -> list[Row]:
    """Return each left row with the right columns of the newest right row of its key before it."""
    out: list[Row] = []
    for place, row in enumerate(rows):
        if row.values[node.side] == "right":
            continue
        key = keys_of(node, row)[0]
        before = [r for r in rows[:place] if r.values[node.side] == "right" and keys_of(node, r)[0] == key]
        newest: Row | None = None
        for each in before:
            if newest is None or not node.since or each.values[node.since] >= newest.values[node.since]:
                newest = each
        if newest is not None and node.gone and newest.values[node.gone]:
            newest = None
        if (newest is None) if node.anti else (newest is not None or not node.inner):
            beside = {name: None if newest is None else newest.values[name] for name in node.right}
            out.append(row.having({name: beside.get(name, row.values[name]) for name in node.schema.names}))
    return out


def _equal(node: Join, left: Row, right: Row) -> bool:
    mine, values = keys_of(node, left)
    theirs, _ = keys_of(node, right)
    return mine == theirs and (node.nulls or all(value is not None for value in values.values()))


def _key(node: Join, row: Row) -> list[Any]:
    return [ordering(value) for value in keys_of(node, row)[1].values()]


def _shown(node: Join, left: Row | None, right: Row | None) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name in node.schema.names:
        if name in node.left:
            shown[name] = None if left is None else left.values[name]
        elif name in node.right:
            shown[name] = None if right is None else right.values[name]
        else:
            shown[name] = (left or right or _none()).values[name]
    return shown


def _none() -> Row:
    raise AssertionError("a result is of a row")


def _time(row: Row) -> int:
    assert row.time is not None
    return row.time
