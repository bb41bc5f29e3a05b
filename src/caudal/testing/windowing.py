"""Windows as the oracle sees them: all rows of a run at once, dealt out to cells of key and window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from caudal.plan.nodes import Keyed, WindowAggregate, WindowApply, WindowTop
from caudal.plan.windows import CountWindow, Cumulative, Hopping, Session
from caudal.testing import calling
from caudal.testing.calling import Failing
from caudal.testing.folding import aggregated
from caudal.testing.rows import Fates, Key, Ports, Row, dead_letter, keys_of, late_row, pinned
from caudal.testing.scalars import evaluate, ordering

Windowed = WindowAggregate | WindowApply | WindowTop


@dataclass(frozen=True, slots=True)
class Cell:
    """A key's rows in a window, in pinned order. `time` and `watermark` are those of what comes of them."""

    keys: dict[str, Any]
    start: int | None
    end: int | None
    rows: list[Row]
    time: int | None
    watermark: int | None

    @property
    def values(self) -> dict[str, Any]:
        """The columns that every result begins with."""
        return {**self.keys, "window_start": self.start, "window_end": self.end}


def windowed(node: Windowed, operator: str, rows: list[Row], entry: Fates) -> Ports:
    """Return what a window operator emits on its ports, in the order of its windows, and count fates."""
    late: list[Row] = []
    if isinstance(node.window, CountWindow):
        cells = _counted(node, node.window, rows, late)
    else:
        cells = sorted(_timed(node, rows, late, entry), key=_closing)
    ports: Ports = {"out": [], "late": [late_row(row, operator) for row in late]}
    if isinstance(node, WindowApply):
        ports["dead"] = []
    for number, cell in enumerate(cells):
        try:
            results = list(_results(node, cell))
        except Failing as failing:
            ports["dead"].append(dead_letter(operator, failing.reason))
            continue
        # rows of one window share its place: they stay in the order made
        ports["out"] += [Row(values, cell.time, cell.watermark, operator, "", number) for values in results]
    entry.late = len(late)
    entry.absorbed = len(rows) - len(late)
    return ports


def _results(node: Windowed, cell: Cell) -> Iterator[dict[str, Any]]:
    if isinstance(node, WindowAggregate):
        order = node.window.ordering
        arrival = order is not None and order.arrival
        yield {**cell.values, **aggregated(node.aggregates, cell.rows, node.input.schema, arrival=arrival)}
    elif isinstance(node, WindowTop):
        ranked = _ranked(node, cell.rows)
        for row in ranked[: node.limit] if node.limit else ranked:
            yield {**row.values, **cell.values}
    else:
        bounds = {"window_start": cell.start, "window_end": cell.end}
        for made in calling.window(node, [row.values for row in cell.rows], bounds):
            yield {**cell.values, **made}


def _ranked(node: WindowTop, rows: list[Row]) -> list[Row]:
    for expr, descending in reversed(node.by):  # stable sorts, the last criterion first; ties stay in pinned order
        rows = sorted(
            rows,
            key=lambda row, by=expr: ordering(evaluate(by, row.values, node.input.schema)),
            reverse=descending,  # sorted() keeps the order of equals even so
        )
    return rows


def _timed(node: Windowed, rows: list[Row], late: list[Row], entry: Fates) -> Iterator[Cell]:
    window = node.window
    names: dict[Key, dict[str, Any]] = {}
    members: dict[Key, list[Row]] = {}
    held: dict[tuple[Key, tuple[int, int]], list[Row]] = {}
    for row in rows:
        assert row.time is not None
        if isinstance(window, Session):
            spans, counted = [], [] if row.late else [None]
        else:
            assert isinstance(window, Hopping | Cumulative)
            spans = windows_of(window, row.time)
            counted = [span for span in spans if row.watermark is None or row.watermark < span[1]]
        if not counted:
            late.append(row)
            continue
        entry.partly_late += len(counted) < len(spans)
        key, names[key] = _named(node, row, names)
        members.setdefault(key, []).append(row)
        for span in counted:
            if span is not None:
                held.setdefault((key, span), []).append(row)
    if isinstance(window, Session):
        held = {(key, span): run for key, part in members.items() for span, run in _sessions(part, window)}
    for (key, (start, end)), part in held.items():
        yield Cell(names[key], start, end, pinned(part, (), node.input.schema), end - 1, None)


def _named(node: Keyed, row: Row, names: dict[Key, dict[str, Any]]) -> tuple[Key, dict[str, Any]]:
    """Return the key of a row, and the values that its first row had."""
    key, values = keys_of(node, row)
    return key, names.get(key, values)


def _closing(cell: Cell) -> tuple[Any, ...]:
    """Return the sort key of windows in time: end, key, start."""
    return (cell.end, *map(ordering, cell.keys.values()), cell.start)


def windows_of(window: Hopping | Cumulative, time: int) -> list[tuple[int, int]]:
    """Return the windows [start, end) that hold an instant."""
    if isinstance(window, Cumulative):
        start = (time - window.offset) // window.size * window.size + window.offset
        ends = range(start + window.step, start + window.size + 1, window.step)
        return [(start, end) for end in ends if time < end]
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


def _counted(node: Windowed, window: CountWindow, rows: list[Row], late: list[Row]) -> list[Cell]:
    """Return windows of so many rows: the full ones in the order of the rows that close them, then the others.

    The others, cut short by the end of data, have the time and W_p of the last row of all.
    """
    names: dict[Key, dict[str, Any]] = {}
    members: dict[Key, list[Row]] = {}
    full: list[Cell] = []

    def cell(key: Key, part: list[Row]) -> Cell:
        last = part[-1]
        return Cell(names[key], part[0].time, last.time, part, last.time, last.watermark)

    taken = sequence(node, window.order.arrival, window.order.by, rows, late)
    for row in taken:
        key, names[key] = _named(node, row, names)
        part = members.setdefault(key, [])
        part.append(row)
        begun = len(part) - window.size
        if begun >= 0 and begun % window.step == 0:
            full.append(cell(key, part[begun:]))
    rest = [
        cell(key, part[start:])
        for key, part in members.items()
        for start in range(0, len(part), window.step)
        if start + window.size > len(part)
    ]
    rest.sort(key=lambda c: (ordering(c.time), *map(ordering, c.keys.values())))
    return full + [replace(c, time=taken[-1].time, watermark=taken[-1].watermark) for c in rest]


def sequence(node: Keyed, arrival: bool, by: Iterable[Any], rows: list[Row], late: list[Row]) -> list[Row]:
    """Return the rows that an operator takes in order, without those that are late: these are put into `late`."""
    if arrival:
        return rows
    late.extend(row for row in rows if row.late)
    return pinned((row for row in rows if not row.late), tuple(by), node.input.schema)
