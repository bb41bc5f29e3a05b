"""The oracle: a plan interpreted row by row, from what its pipeline means and from nothing else.

It knows no morsel, no thread, no watermark of an operator: what is late hangs on the row and its partition alone, and a
bounded run closes every window, so a window operator can take all its rows at once. It is as slow as that sounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from caudal.plan import nodes as n
from caudal.plan.expr import Expr
from caudal.plan.plan import Plan, side_port
from caudal.plan.windows import Hopping, Session
from caudal.testing.folding import fold
from caudal.testing.scalars import evaluate, identity, natural, ordering

LIMIT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a partition: its position, and its values by declared column; None for what is no row.

    `reason` is the dead letter's code where `values` is None.
    """

    position: int
    values: Mapping[str, Any] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row under way. `watermark` is the W_p of its source row, None when it cannot be late."""

    values: dict[str, Any]
    time: int | None
    watermark: int | None
    source: str
    partition: str
    position: int


@dataclass(slots=True)
class Fates:
    """The ledger's numbers of one operator; no row is buffered, since all windows close."""

    taken: int = 0
    passed: int = 0
    absorbed: int = 0
    filtered: int = 0
    late: int = 0
    dead: int = 0
    partly_late: int = 0
    emitted: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """Rows by sink id, in no order that matters; fates by operator id."""

    rows: dict[str, list[dict[str, Any]]] = field(repr=False)
    fates: dict[str, Fates] = field(repr=False)


Inputs = Mapping[str, Mapping[str, Sequence[Record]]]
"""Source id -> partition name -> records in order."""


def records(rows: Iterable[Mapping[str, Any] | None]) -> list[Record]:
    """Return records whose positions are their numbers, as the memory connector gives them."""
    return [Record(i, row, "" if row is not None else "type") for i, row in enumerate(rows)]


def interpret(plan: Plan, inputs: Inputs) -> Outcome:
    """Return what a bounded run of the (logical) plan over this input must give.

    Rows of dead letters carry the columns source, partition, position, operator and reason only.
    """
    emitted: dict[n.Node, dict[str, list[Row]]] = {}
    fates: dict[str, Fates] = {}
    outcome = Outcome({}, fates)
    for node in plan.nodes:
        name = plan.ids[node]
        rows = [row for i in node.inputs for row in emitted[i][side_port(node)]]
        entry = fates[name] = Fates(taken=len(rows))
        emitted[node] = ports = _run(node, name, rows, entry, inputs)
        if isinstance(node, n.Sink):
            outcome.rows[name] = [row.values for row in rows]
        else:
            entry.emitted = {port: len(out) for port, out in ports.items()}
    return outcome


def _run(node: n.Node, name: str, rows: list[Row], entry: Fates, inputs: Inputs) -> dict[str, list[Row]]:
    if isinstance(node, n.Source):
        return _source(node, name, inputs[name], entry)
    if isinstance(node, n.WindowAggregate):
        return _window(node, name, rows, entry)
    if isinstance(node, n.Filter):
        schema = node.input.schema
        kept = [row for row in rows if evaluate(node.predicate, row.values, schema) is True]
        entry.filtered = len(rows) - len(kept)
    elif isinstance(node, n.Select):
        kept = [_with(row, _columns(node.columns, row, node)) for row in rows]
    elif isinstance(node, n.WithColumns):
        kept = [_with(row, {**row.values, **_columns(node.columns, row, node)}) for row in rows]
    else:
        assert isinstance(node, n.Union | n.Late | n.DeadLetters | n.Sink), node.kind
        names = node.schema.names
        kept = rows
        if not isinstance(node, n.DeadLetters | n.Sink):
            kept = [_with(row, {c: row.values[c] for c in names}) for row in rows]
    entry.passed = len(kept)
    return {"out": kept}


def _with(row: Row, values: dict[str, Any]) -> Row:
    return Row(values, row.time, row.watermark, row.source, row.partition, row.position)


def _columns(columns: n.Named, row: Row, node: n.Select | n.WithColumns) -> dict[str, Any]:
    return {name: evaluate(expr, row.values, node.input.schema) for name, expr in columns}


def _source(
    node: n.Source, name: str, partitions: Mapping[str, Sequence[Record]], entry: Fates
) -> dict[str, list[Row]]:
    out: list[Row] = []
    dead: list[Row] = []
    for partition, given in partitions.items():
        highest: int | None = None
        for record in given:
            entry.taken += 1
            values, reason, time = record.values, record.reason, None
            if values is not None:
                values = {f.name: values.get(f.name) for f in node.declared}
                if node.event_time is not None:
                    time = instant(evaluate(node.event_time, values, node.declared), node.unit)
                    if time is None:
                        values, reason = None, "event_time"
            if values is None:
                letter = {
                    "source": name,
                    "partition": partition,
                    "position": record.position,
                    "operator": name,
                    "reason": reason,
                }
                dead.append(Row(letter, None, None, name, partition, record.position))
                continue
            watermark = None
            if time is not None:
                highest = time if highest is None else highest
                watermark = highest - node.disorder
                highest = max(highest, time)
            out.append(Row(dict(values), time, watermark, name, partition, record.position))
    entry.passed, entry.dead = len(out), len(dead)
    return {"out": out, "dead": dead}


def instant(value: Any, unit: str) -> int | None:
    """Return event time in milliseconds; None where there is none: null, no time, or beyond 2**53 ms."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return None
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return (aware - _EPOCH) // _MS
    if isinstance(value, float):
        scaled = value * {"": 1e3, "s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6}[unit]
        if not abs(scaled) <= LIMIT:
            return None
        exact = Fraction(scaled)
        time = math.floor(abs(exact) + Fraction(1, 2)) * (-1 if exact < 0 else 1)
    else:
        time = math.floor(
            value * {"": Fraction(1), "s": 1000, "ms": 1, "us": Fraction(1, 10**3), "ns": Fraction(1, 10**6)}[unit]
        )
    return time if -LIMIT <= time <= LIMIT else None


def _window(node: n.WindowAggregate, name: str, rows: list[Row], entry: Fates) -> dict[str, list[Row]]:
    schema = node.input.schema
    late: list[Row] = []
    cells: dict[tuple[Any, ...], list[Row]] = {}
    keys: dict[tuple[Any, ...], list[Any]] = {}
    members: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        assert row.time is not None
        values = [evaluate(expr, row.values, schema) for _, expr in node.keys]
        key = tuple(identity(v) for v in values)
        if isinstance(node.window, Session):
            if row.watermark is not None and row.time < row.watermark:
                late.append(row)
            else:
                keys.setdefault(key, values)
                members.setdefault(key, []).append(row)
            continue
        windows = spans(node.window, row.time)
        counted = [w for w in windows if row.watermark is None or row.watermark < w[1]]
        if not counted:
            late.append(row)
            continue
        entry.partly_late += len(counted) < len(windows)
        keys.setdefault(key, values)
        for span in counted:
            cells.setdefault((key, *span), []).append(row)
    if isinstance(node.window, Session):
        cells = {
            (key, *span): part for key, all_rows in members.items() for span, part in _sessions(all_rows, node.window)
        }
    results = [_result(node, name, keys[key], start, end, part) for (key, start, end), part in cells.items()]
    entry.late = len(late)
    entry.absorbed = len(rows) - len(late)
    return {"out": _ranked(node, results), "late": [_late(row, name) for row in late]}


def spans(window: Hopping, time: int) -> list[tuple[int, int]]:
    """Return the windows [start, end) that hold an instant."""
    newest = (time - window.offset) // window.step * window.step + window.offset
    starts = (newest - i * window.step for i in range(window.size // window.step))
    return [(start, start + window.size) for start in starts if start <= time < start + window.size]


def _sessions(rows: list[Row], window: Session) -> Iterable[tuple[tuple[int, int], list[Row]]]:
    def time(row: Row) -> int:
        assert row.time is not None
        return row.time

    runs: list[list[Row]] = []
    for row in sorted(rows, key=time):
        if runs and time(row) - time(runs[-1][-1]) <= window.gap:
            runs[-1].append(row)
        else:
            runs.append([row])
    return [((time(run[0]), time(run[-1]) + window.gap), run) for run in runs]


def _result(node: n.WindowAggregate, name: str, keys: list[Any], start: int, end: int, rows: list[Row]) -> Row:
    schema = node.input.schema
    values: dict[str, Any] = {label: value for (label, _), value in zip(node.keys, keys)}
    values.update(window_start=start, window_end=end)
    for label, aggregate in node.aggregates:
        argument = aggregate.argument
        ordered = _pinned(rows, aggregate.order_by, node)
        values[label] = fold(
            aggregate.function, [1 if argument is None else evaluate(argument, row.values, schema) for row in ordered]
        )
    return Row(values, end - 1, None, name, "", 0)


def _pinned(rows: list[Row], order_by: Sequence[Expr], node: n.WindowAggregate) -> list[Row]:
    """Return rows by event time, then order_by, source, partition and position."""

    def key(row: Row) -> tuple[Any, ...]:
        named = tuple(ordering(evaluate(e, row.values, node.input.schema)) for e in order_by)
        return (row.time, *named, row.source.encode(), natural(row.partition), row.position)

    return sorted(rows, key=key)


def _ranked(node: n.WindowAggregate, results: list[Row]) -> list[Row]:
    """Return results in the operator's order, (end, key), which numbers them."""
    names = [label for label, _ in node.keys]

    def key(row: Row) -> tuple[Any, ...]:
        return (row.time, *(ordering(row.values[label]) for label in names))

    ordered = sorted(results, key=key)
    return [Row(r.values, r.time, r.watermark, r.source, r.partition, i) for i, r in enumerate(ordered)]


def _late(row: Row, operator: str) -> Row:
    values = {
        **row.values,
        "late_time": row.time,
        "late_source": row.source,
        "late_partition": row.partition,
        "late_position": row.position,
        "late_operator": operator,
        "late_watermark": row.watermark,
    }
    return _with(row, values)
