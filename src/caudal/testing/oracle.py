"""The oracle: a plan interpreted row by row, from what its pipeline means and from nothing else.

It knows no morsel, no thread, no watermark of an operator: what is late depends on the row and its partition alone, and a
bounded run closes every window, so a window operator can take all its rows at once. It is as slow as that sounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from caudal.plan import nodes as n
from caudal.plan.plan import Plan
from caudal.testing import calling
from caudal.testing.calling import Failing
from caudal.testing.keyed_operators import sequenced
from caudal.testing.lookup import looked_up, rows_of
from caudal.testing.rows import Fates, Ports, Row, dead_letter
from caudal.testing.scalars import evaluate
from caudal.testing.windowing import windowed

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
    emitted: dict[n.Node, Ports] = {}
    fates: dict[str, Fates] = {}
    outcome = Outcome({}, fates)
    for node in plan.nodes:
        name = plan.ids[node]
        rows = [row for i in node.inputs for row in emitted[i][node.port]]
        entry = fates[name] = Fates(taken=len(rows))
        emitted[node] = ports = _run(node, name, rows, entry, inputs)
        if isinstance(node, n.Sink):
            outcome.rows[name] = [row.values for row in rows]
        else:
            entry.emitted = {port: len(out) for port, out in ports.items()}
    return outcome


def _run(node: n.Node, name: str, rows: list[Row], entry: Fates, inputs: Inputs) -> Ports:
    if isinstance(node, n.Source):
        return _source(node, name, inputs[name], entry)
    if isinstance(node, n.WindowAggregate | n.WindowApply | n.WindowTop):
        return windowed(node, name, rows, entry)
    if isinstance(node, n.Keyed):
        return sequenced(node, name, rows, entry)
    out: list[Row] = []
    ports: Ports = {"out": out}
    if node.has_dead:
        ports["dead"] = []
    if isinstance(node, n.Retimed):
        _retimed(node, name, rows, ports)
        entry.dead = len(ports["dead"])
        entry.passed = len(out)
        return {"out": ports["out"], "dead": ports["dead"]}
    if isinstance(node, n.Punctual):
        out += [_punctual(node, row) for row in rows]
        entry.passed = len(out)
        return ports
    table = rows_of(node.table) if isinstance(node, n.Lookup) else []
    for row in rows:
        try:
            made = looked_up(node, row, table) if isinstance(node, n.Lookup) else _made(node, row)
        except Failing as failing:
            ports["dead"].append(dead_letter(name, failing.reason, row))
            entry.dead += 1
            continue
        if isinstance(node, n.Filter | n.Lookup | n.Explode):
            entry.filtered += not made
        out += [row.having(values) for values in made]
    entry.passed = entry.taken - entry.filtered - entry.dead
    return ports


def _retimed(node: n.Retimed, name: str, rows: list[Row], ports: Ports) -> None:
    """Give rows their event time, and the W_p that their partition has before each."""
    highest: dict[tuple[str, str], int] = {}
    for row in rows:
        partition = row.source, row.partition
        given = evaluate(node.event_time, row.values, node.input.schema)
        time = instant(given, node.unit)
        if time is None:
            ports["dead"].append(dead_letter(name, "event_time", row))
            continue
        before = highest.setdefault(partition, time)
        ports["out"].append(Row(row.values, time, before - node.disorder, row.source, row.partition, row.position))
        highest[partition] = max(before, time)


def _punctual(node: n.Punctual, row: Row) -> Row:
    """Return a row that is not late: where it was, its time is that which its partition had passed."""
    assert row.time is not None
    time = row.time if row.watermark is None else max(row.time, row.watermark)
    return Row({**row.values, node.into: row.time}, time, row.watermark, row.source, row.partition, row.position)


def _made(node: n.Node, row: Row) -> list[dict[str, Any]]:
    """Return what a stateless operator makes of a row; raises `Failing`."""
    values = row.values
    if isinstance(node, n.Filter):
        return [values] if evaluate(node.predicate, values, node.input.schema) is True else []
    if isinstance(node, n.Select | n.WithColumns):
        columns = {name: evaluate(expr, values, node.input.schema) for name, expr in node.columns}
        return [columns if isinstance(node, n.Select) else {**values, **columns}]
    if isinstance(node, n.Explode):
        return [_element(node, values, item) for item in values[node.column] or ()]
    if isinstance(node, n.Map):
        return calling.mapped(node, values)
    if isinstance(node, n.Copies):
        return [{**values, node.column: instance} for instance in range(node.instances)]
    if isinstance(node, n.DeadLetters | n.Sink | n.Shuffle):
        return [values]
    if not isinstance(node, n.Union | n.Late):
        raise NotImplementedError(f"the oracle does not know the operator {node.kind}")
    return [
        {name: values[name] for name in node.schema.names if name in values}
    ]  # letters lack what is text for people


def _element(node: n.Explode, values: dict[str, Any], item: Any) -> dict[str, Any]:
    """Return the row of an element of a list."""
    beside = {name: value for name, value in values.items() if name != node.column}
    fields = node.input.schema.dtype(node.column).item
    if fields is not None and fields.name == "struct" and not node.into:
        return {**beside, **{f.name: None if item is None else item[f.name] for f in fields.fields}}
    return {**beside, node.into or node.column: item}


def _source(node: n.Source, name: str, partitions: Mapping[str, Sequence[Record]], entry: Fates) -> Ports:
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
                    given_time = evaluate(node.event_time, values, node.declared)
                    time = instant(given_time, node.unit, node.timezone, highest)
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


def instant(value: Any, unit: str, timezone: str = "", highest: int | None = None) -> int | None:
    """Return event time in milliseconds; None where there is none: null, no time, or beyond 2**53 ms.

    `timezone`: where text without an offset is local, UTC if empty; `highest`: the partition's largest time so far.
    """
    if value is None:
        return None
    if isinstance(value, str):
        leap = re.fullmatch(r"(.{16}:)60(?:[.,][0-9]+)?(.*)", value)
        try:
            parsed = datetime.fromisoformat(f"{leap[1]}59.999{leap[2]}" if leap else value)
        except ValueError:
            return None
        if parsed.tzinfo is None and timezone:
            return _local(parsed, timezone, highest)
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


def _local(naive: datetime, timezone: str, highest: int | None) -> int:
    """Return the instant of a local time: a doubled one's nearer to `highest`, a missing one moved on by the gap."""
    aware = naive.replace(tzinfo=ZoneInfo(timezone))
    first, second = ((aware.replace(fold=fold).astimezone(UTC) - _EPOCH) // _MS for fold in (0, 1))
    if second <= first or highest is None:
        return first
    return min(first, second, key=lambda reading: abs(reading - highest))
