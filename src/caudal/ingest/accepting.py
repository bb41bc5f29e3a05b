"""Which decoded rows an engine accepts, those with an event time that is valid and not too far ahead, and what becomes of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from caudal.columnar import times, zones
from caudal.columnar.column import Bools, Column, Fixed, Ints, Text
from caudal.columnar.morsel import Morsel
from caudal.core import duration
from caudal.core.types import Place
from caudal.expressions import bind
from caudal.observe.notices import Notice
from caudal.plan.nodes import Source
from caudal.ports.engine import ALWAYS
from caudal.ports.records import Block, Dead, Decoded

MAX_LINE = 1 << 14
"""Bytes of a record that are looked at for its dead letter."""

LIMIT = 2**53
"""Milliseconds from the epoch beyond which an instant is not accepted (about the year 287,000)."""


FUTURE = 3_600_000
"""How far ahead of its arrival, in milliseconds, an event time is accepted where the source says nothing."""


@dataclass(slots=True)
class Accepted:
    """Decoded rows on their way: those with an event time, and dead letters of those without.

    `open`: times of a doubled hour depend on the rows before, so `Acceptor.settle` must be called in the partition's order;
    else it was. `later`: by column ("" is the event time), the later reading of each row's time. `lowest`, `highest`: the
    bounds of its rows' times, None and `NEVER` without any. `named`: see `Decoded`. `fates`: of operators between records and rows.
    """

    morsel: Morsel
    dead: list[Dead]
    taken: int
    block: Block | None
    arrival: int
    notices: list[Notice] = field(default_factory=list[Notice])
    later: dict[str, Ints] = field(default_factory=dict[str, Ints])
    lowest: int | None = None
    highest: int = int(zones.NEVER)
    named: frozenset[Place] | None = None
    fates: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    @property
    def own(self) -> int:
        """How many of its dead letters are records of the source."""
        return sum(not letter.operator for letter in self.dead)

    @property
    def open(self) -> bool:
        """Whether it waits for `settle`."""
        return bool(self.later)

    def take(self, rows: Ints) -> None:
        """Keep these rows only."""
        self.morsel = self.morsel.take(rows)
        self.measure()
        self.later = {name: values[rows] for name, values in self.later.items()}

    def measure(self) -> None:
        """Take note of the bounds of the rows' times."""
        time = self.morsel.time
        self.lowest, self.highest = None, int(zones.NEVER)
        if time is not None and len(time):
            self.lowest, self.highest = int(time.min()), int(time.max())


class Acceptor:
    """Decides which rows of one source are accepted, and when they were; used by all of its partitions, by any thread."""

    def __init__(self, node: Source, *, live: bool, read_at: int, operator: str = "") -> None:
        """`read_at`: the reading time of a bounded run, in milliseconds. `operator`: whose its dead letters are; "": the source's."""
        expression, time_format = node.time_text
        self._unit, self._format = node.unit, time_format
        times.check_format(time_format)
        self._time = None if expression is None else bind(expression, node.declared)
        self._operator = operator
        self._zone = zones.compiled(node.timezone) if node.timezone else None
        self._zoned = f"local time of {node.timezone}"
        self._local = [f.name for f in node.readable if f.local]
        self._future = FUTURE if node.max_future is None else node.max_future
        # where nothing is too far ahead, a limit that was asked for is one over the time of reading
        self._read_at = 0 if live or (read_at == ALWAYS and node.max_future is not None) else read_at

    def accept(self, decoded: Decoded, block: Block | None) -> Accepted:
        """Return the rows that have an event time; in any thread."""
        morsel = Morsel(dict(decoded.columns), decoded.rows, position=decoded.position, ordinal=decoded.ordinal)
        stamp = block.read_at if block is not None else decoded.read_at
        made = Accepted(morsel, [*decoded.dead], decoded.rows + len(decoded.dead), block, self._read_at or stamp)
        made.notices, made.named = [*decoded.notices], decoded.named
        for name in self._local if self._zone is not None else ():
            column = morsel.columns.get(name)
            if isinstance(column, Fixed):
                values = self._readings(made, column.values, column.valid, name)
                morsel.columns[name] = Fixed(column.dtype, values, column.valid)
        if self._time is not None:
            source = Morsel(dict(decoded.columns), decoded.rows)
            self._give_time(made, decoded, self._time(source))
        if not made.open:
            self.settle(made, int(zones.NEVER))
        return made

    def _give_time(self, made: Accepted, decoded: Decoded, column: Column) -> None:
        values, ok = instants(column, self._unit, self._format, local=self._zone is not None)
        if self._zone is not None:
            values = self._readings(made, values, ok, "")
        made.morsel.time = values
        made.measure()
        if made.lowest is not None and (made.lowest < -LIMIT or made.highest > LIMIT):
            near = (values >= -LIMIT) & (values <= LIMIT)
            ok = near if ok is None else ok & near
        if ok is not None and not ok.all():
            made.dead += self._own(no_time(decoded, column, ~ok, made.block))
            made.take(np.flatnonzero(ok))

    def _readings(self, made: Accepted, values: Ints, valid: Bools | None, name: str) -> Ints:
        """Return times as instants, the earlier readings of local ones; note the later ones where they differ."""
        assert self._zone is not None
        rows = np.flatnonzero(values >= times.LOCAL_TIME // 2)
        if valid is not None:
            rows = rows[valid[rows]]
        if not len(rows):
            return values
        early, late, gap = self._zone.readings(values[rows] - times.LOCAL_TIME)
        values = values.copy()
        values[rows] = early
        doubled = late != early
        if doubled.any():
            made.later[name] = values.copy()
            made.later[name][rows] = late
        if not name or self._time is None:
            for code, which, text in (
                ("local_time_doubled", doubled, "{count} times of a doubled hour, read as nearest to those before"),
                ("local_time_missing", gap, "{count} times that no clock showed, moved on by the gap"),
            ):
                if which.any():
                    made.notices.append(Notice(code, "", f"{text} ({self._zoned})", int(np.count_nonzero(which))))
        return values

    def settle(self, made: Accepted, seen: int) -> None:
        """Decide on doubled hours and on times too far ahead. `seen`: the largest event time of the partition before."""
        morsel = made.morsel
        limit = made.arrival + self._future if made.arrival else ALWAYS
        if made.later:
            before = np.full(morsel.rows, zones.NEVER)
            if morsel.time is not None:
                time = np.array(morsel.time)
                zones.settle(time, made.later.get("", time), np.int64(seen), np.int64(limit), before)
                morsel.time = time
                made.measure()
            for name, late in made.later.items():
                column = morsel.columns.get(name)
                if isinstance(column, Fixed):
                    chosen = zones.choose(column.values, late, before)
                    morsel.columns[name] = Fixed(column.dtype, chosen, column.valid)
            made.later = {}
        if morsel.time is not None and made.highest > limit:
            far = morsel.time > limit
            made.dead += self._own(far_future(morsel, np.flatnonzero(far), self._future, made.arrival, made.block))
            made.take(np.flatnonzero(~far))
        made.dead.sort(key=lambda letter: letter.position)

    def _own(self, letters: list[Dead]) -> list[Dead]:
        for letter in letters:
            letter.operator = self._operator
        return letters


def instants(column: Column, unit: str, time_format: str, *, local: bool = False) -> tuple[Ints, Bools | None]:
    """Return (milliseconds, which rows are valid; None when all are).

    Integers are milliseconds unless `unit` says otherwise, floored; floats are seconds by default, rounded; text is
    ISO 8601 or `time_format`. `local`: see `columnar.times.parse`.
    """
    if isinstance(column, Text):
        return times.parse(column.data, column.start, column.length, column.valid_or_all(), time_format, local=local)
    assert isinstance(column, Fixed)
    if column.dtype.is_float:
        values, ok = times.from_floats(column.values, unit)
    elif column.dtype.name == "timestamp" or (column.dtype.name == "int64" and unit in ("", "ms")):
        values, ok = column.values, None
    else:
        values, ok = times.from_ints(column.values.astype(np.int64, copy=False), unit)
    if column.valid is not None:
        ok = column.valid if ok is None else ok & column.valid
    return values, ok


def no_time(decoded: Decoded, column: Column, bad: Any, block: Block | None) -> list[Dead]:
    """Return the dead letters of rows without an event time; `column` holds what it was to be made of."""
    rows = np.flatnonzero(bad)
    out = []
    for row, value in zip(rows.tolist(), column.take(rows).to_list()):
        position = int(decoded.position[row])
        message = "the event time is null" if value is None else "the event time cannot be read"
        detail = f"value {value!r}{_element(decoded.ordinal, row)}"
        out.append(Dead.of(position, "event_time", message, _record(block, position), detail))
    return out


def _element(ordinal: Ints | None, row: int) -> str:
    """Return which of the rows of its record a row is, for people."""
    return "" if ordinal is None else f", element {int(ordinal[row])}"


def letter_values(
    dead: Sequence[Dead], sources: list[str], partitions: list[str], operator: str
) -> dict[str, list[Any]]:
    """Return dead letters, each of a source's partition, as lists of values by the columns of `DEAD_FIELDS`."""
    return {
        "source": sources,
        "partition": partitions,
        "position": [None if d.position < 0 else d.position for d in dead],
        "operator": [d.operator or operator for d in dead],
        "reason": [d.reason for d in dead],
        "message": [d.message for d in dead],
        "detail": [d.detail for d in dead],
        "payload": [d.payload.decode("utf-8", "replace") for d in dead],
        "truncated": [d.truncated for d in dead],
        "event_time": [d.event_time for d in dead],
    }


def far_future(morsel: Morsel, rows: Ints, limit: int, read_at: int, block: Block | None) -> list[Dead]:
    """Return the dead letters of rows that are more than `limit` ms ahead of the time they were read at."""
    assert morsel.time is not None
    assert morsel.position is not None
    out = []
    for row in rows.tolist():
        position, time = int(morsel.position[row]), int(morsel.time[row])
        message = f"the event time is more than {duration.show(limit)} ahead of the record's arrival"
        detail = f"{(time - read_at) / 1000:.3f} s after the read at {read_at} ms{_element(morsel.ordinal, row)}"
        dead = Dead.of(position, "far_future", message, _record(block, position), detail)
        dead.event_time = time
        out.append(dead)
    return out


def _record(block: Block | None, position: int) -> bytes:
    """Return the raw record at a position of a block."""
    return b"" if block is None else block.record(position, MAX_LINE)
