"""Operators that give at most a row for each row, in pinned order: running aggregates, deduplication, folds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from caudal.plan.nodes import (
    Broadcast,
    Deduplicate,
    Ewma,
    Join,
    Keyed,
    Lag,
    Lead,
    Match,
    Node,
    Process,
    Reduce,
    Running,
    Throttle,
)
from caudal.testing import calling
from caudal.testing.averaging import averaged
from caudal.testing.calling import Failing
from caudal.testing.folding import aggregated
from caudal.testing.joining import broadcast, joined
from caudal.testing.leading import leads
from caudal.testing.matching import matches
from caudal.testing.processing import processed
from caudal.testing.rows import Fates, Key, Ports, Row, dead_letter, keys_of, late_row
from caudal.testing.scalars import evaluate
from caudal.testing.silence import Silence, silences
from caudal.testing.throttling import throttled
from caudal.testing.windowing import sequence


def sequenced(node: Keyed, operator: str, rows: list[Row], entry: Fates) -> Ports:
    """Return what the operator emits on its ports, and count fates."""
    late: list[Row] = []
    dead: list[Row] = []
    order = node.ordering
    assert order is not None
    taken = sequence(node, order.arrival, order.by, rows, late)
    results = _MADE[type(node)](node, operator, taken, dead)
    out = [Row(row.values, row.time, row.watermark, operator, "", i) for i, row in enumerate(results)]
    entry.passed, entry.late, entry.dead = len(out), len(late), len(dead)
    entry.deduplicated = len(taken) - len(out) - len(dead)
    if isinstance(node, Silence | Join | Broadcast | Match | Process | Throttle | Lead):
        entry.dead = sum(letter.source != operator for letter in dead)  # what timers make is of no row
        entry.absorbed, entry.passed, entry.deduplicated = len(taken) - entry.dead, 0, 0
    ports: Ports = {"out": out, "late": [late_row(row, operator) for row in late]}
    if node.has_dead:
        ports["dead"] = dead
    return ports


def _running(node: Running, operator: str, rows: list[Row], dead: list[Row]) -> list[Row]:
    before: dict[Key, list[Row]] = {}
    out: list[Row] = []
    for row in rows:
        key, keys = keys_of(node, row)
        so_far = before.setdefault(key, [])
        so_far.append(row)
        frame = so_far
        if node.frame.rows:
            frame = so_far[-node.frame.rows :]
        elif node.frame.size:
            assert row.time is not None
            frame = [r for r in so_far if r.time is not None and r.time > row.time - node.frame.size]
        values = aggregated(node.aggregates, frame, node.input.schema, arrival=node.frame.order.arrival)
        out.append(row.having({**keys, **row.values, **values}))
    return out


def _deduplicate(node: Deduplicate, operator: str, rows: list[Row], dead: list[Row]) -> list[Row]:
    passed: dict[Key, int | None] = {}
    out: list[Row] = []
    for row in rows:
        key, _ = keys_of(node, row)
        if key in passed:
            last = passed[key]
            if not node.within or (last is not None and row.time is not None and row.time - last <= node.within):
                passed[key] = row.time if node.seen else last
                continue
        passed[key] = row.time
        out.append(row)
    return out


def _reduce(node: Reduce, operator: str, rows: list[Row], dead: list[Row]) -> list[Row]:
    states: dict[Key, dict[str, Any]] = {}
    out: list[Row] = []
    for row in rows:
        key, keys = keys_of(node, row)
        try:
            states[key] = calling.reduced(node, states.get(key), row.values)
        except Failing as failing:
            dead.append(dead_letter(operator, failing.reason, row))
            continue
        out.append(row.having({**keys, **states[key]}))
    return out


def _lag(node: Lag, operator: str, rows: list[Row], dead: list[Row]) -> list[Row]:
    seen: dict[Key, list[Any]] = {}
    out: list[Row] = []
    for row in rows:
        before = seen.setdefault(keys_of(node, row)[0], [])
        out.append(row.having({**row.values, node.into: before[-node.n] if len(before) >= node.n else None}))
        before.append(evaluate(node.value, row.values, node.input.schema))
    return out


_MADE: dict[type[Node], Callable[[Any, str, list[Row], list[Row]], list[Row]]] = {
    Running: _running,
    Deduplicate: _deduplicate,
    Reduce: _reduce,
    Lag: _lag,
    Ewma: lambda node, operator, rows, dead: averaged(node, rows),
    Lead: lambda node, operator, rows, dead: leads(node, rows),
    Process: processed,
    Throttle: lambda node, operator, rows, dead: throttled(node, rows),
    Broadcast: lambda node, operator, rows, dead: broadcast(node, rows),
    Join: lambda node, operator, rows, dead: joined(node, rows),
    Match: lambda node, operator, rows, dead: matches(node, rows),
    Silence: lambda node, operator, rows, dead: silences(node, rows),
}
"""What each makes of rows in pinned order, by their nodes; dead letters are added to the last argument."""
