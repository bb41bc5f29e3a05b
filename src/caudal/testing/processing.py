"""Functions of state, rows and timers as the oracle calls them: each key's rows from first to last, timers between them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any

from caudal.core.types import TIMESTAMP
from caudal.plan.nodes import Process
from caudal.testing import calling
from caudal.testing.calling import Failing, plain, python
from caudal.testing.rows import Row, by_key, dead_letter, keys_of
from caudal.testing.scalars import ordering

Placed = tuple[tuple[Any, ...], Row]


class Timers:
    """The timers of a key. `now` is the time of the row, or of those that are `due`."""

    def __init__(self) -> None:
        self.moments: dict[str, int] = {}
        self.at = 0
        self.due: list[str] = []

    @property
    def now(self) -> datetime:
        """The time of the call."""
        return python(self.at, TIMESTAMP)

    def set(self, time: datetime | int, name: str = "") -> None:
        """Set a timer."""
        at = plain(time, TIMESTAMP) if isinstance(time, datetime) else time
        if (self.due and at <= self.at) or abs(at) > 2**53:
            raise ValueError("not later, or no event time")
        self.moments[name] = max(at, self.at)

    def cancel(self, name: str = "") -> None:
        """Forget a timer."""
        self.moments.pop(name, None)

    def get(self, name: str = "") -> datetime | None:
        """Return for when a timer is set."""
        return python(self.moments.get(name), TIMESTAMP)


def processed(node: Process, operator: str, rows: list[Row], dead: list[Row]) -> list[Row]:
    """Return what comes of rows in pinned order; dead letters are added to the last argument, those of timers without a source."""
    found: list[Placed] = []
    failed: list[Placed] = []
    for several in by_key(node, rows).values():
        _of_key(node, operator, several, found, failed)
    dead += [row for _, row in sorted(failed, key=lambda one: one[0])]
    return [row for _, row in sorted(found, key=lambda one: one[0])]


def _of_key(
    node: Process, operator: str, rows: list[tuple[int, Row]], found: list[Placed], failed: list[Placed]
) -> None:
    names = keys_of(node, rows[0][1])[1]
    order = tuple(ordering(value) for value in names.values())
    state: dict[str, Any] = dict.fromkeys(node.state.names)
    timers, left, in_a_row = Timers(), list(rows), 0
    while left or timers.moments:
        first = min(timers.moments.values(), default=None)
        if first is None or (left and _time(left[0][1]) <= first):
            (place, row), in_a_row = left.pop(0), 0
            timers.at, timers.due, given = _time(row), [], [row.values]
            where: tuple[Any, ...] = (timers.at, 0, place)
            make: Callable[[dict[str, Any]], Row] = row.having
            letter: Row | None = row
        else:
            in_a_row += 1
            timers.at, timers.due = first, sorted(n for n, at in timers.moments.items() if at == first)
            timers.moments = {n: at for n, at in timers.moments.items() if at > first}
            where, given, letter = (first, 1, *order), [], None
            make = _made_at(first)
        before = dict(timers.moments)
        try:
            if in_a_row > 1000:
                before = {}
                raise Failing("for ever")
            changed = copy.deepcopy(state)
            made = calling.processed(node, changed, given, timers)
        except Failing as failing:
            timers.moments = before
            failed.append((where, dead_letter(operator, failing.reason, letter)))
            continue
        state = changed
        found += [(where, make({**names, **values})) for values in made]


def _made_at(time: int) -> Callable[[dict[str, Any]], Row]:
    return lambda values: Row(values, time, None, "", "", 0)


def _time(row: Row) -> int:
    assert row.time is not None
    return row.time
