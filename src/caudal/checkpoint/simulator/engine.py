"""What a shard does with its rows: small operators whose outputs tell whether a row was lost, doubled or met a wrong state.

`Count`: every third row of a key is an output. `Route`: the same, and rows go to the repartition topic with their window, and marks of
the watermark; late rows are outputs. `Windows`: counts by window and key, once the watermark of all sources has passed. `Join`: all
pairs of two topics. What they put out does not depend on how partitions interleave.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from caudal.checkpoint.simulator.broker import Log

DISORDER = 2
"""How far the watermark stays behind the largest event time."""
WINDOW = 5
FOREVER = 1 << 30
EVERY = 3

Row = tuple[Any, ...]


class Operator(Protocol):
    """State of a shard and what rows do to it. `out`: outputs; `sent`: rows by repartition partition."""

    out: list[Row]
    sent: dict[str, list[Row]]

    def take(self, partition: str, row: Row) -> None:
        """Take a row in."""
        ...

    def export(self) -> Any:
        """Return a copy of the state."""
        ...

    def restore(self, state: Any) -> None:
        """Take the state of a snapshot over."""
        ...


class Count:
    """Rows are (key, time, number); every third of a key is an output."""

    def __init__(self) -> None:
        self.out: list[Row] = []
        self.sent: dict[str, list[Row]] = {}
        self.counts: dict[int, int] = {}

    def take(self, partition: str, row: Row) -> None:
        key = row[0]
        count = self.counts[key] = self.counts.get(key, 0) + 1
        if count % EVERY == 0:
            self.out.append(("count", partition, key, count, row[2]))

    def export(self) -> Any:
        return dict(self.counts)

    def restore(self, state: Any) -> None:
        self.counts = dict(state)


class Route(Count):
    """Counts too; rows that are not late go on by key. Time `FOREVER` is the end of data."""

    def __init__(self, destinations: Sequence[str]) -> None:
        super().__init__()
        self.watermark = -1
        self._destinations = destinations

    def take(self, partition: str, row: Row) -> None:
        key, time, number = row
        before = self.watermark
        if time < FOREVER:
            super().take(partition, row)
            end = (time // WINDOW + 1) * WINDOW
            if end <= before:
                self.out.append(("late", partition, number, before))
            else:
                destination = self._destinations[int(key) % len(self._destinations)]
                self.sent.setdefault(destination, []).append(("row", partition, key, end))
        self.watermark = max(before, time - DISORDER)
        if self.watermark // WINDOW > before // WINDOW:
            for destination in self._destinations:
                self.sent.setdefault(destination, []).append(("mark", partition, self.watermark))

    def export(self) -> Any:
        return (dict(self.counts), self.watermark)

    def restore(self, state: Any) -> None:
        self.counts, self.watermark = dict(state[0]), state[1]


class Windows:
    """Counts rows by window and key; a window closes once the marks of all sources have passed it."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.out: list[Row] = []
        self.sent: dict[str, list[Row]] = {}
        self.open: dict[tuple[int, int], int] = {}
        self.marks = dict.fromkeys(sources, -1)

    def take(self, partition: str, row: Row) -> None:
        if row[0] == "row":
            window = (row[3], row[2])
            self.open[window] = self.open.get(window, 0) + 1
            return
        self.marks[row[1]] = max(row[2], self.marks[row[1]])
        watermark = min(self.marks.values())
        for window in sorted(window for window in self.open if window[0] <= watermark):
            self.out.append(("window", *window, self.open.pop(window)))

    def export(self) -> Any:
        return (dict(self.open), dict(self.marks))

    def restore(self, state: Any) -> None:
        self.open, self.marks = dict(state[0]), dict(state[1])


class Join:
    """All pairs of a row of the left and one of the right with the same key."""

    def __init__(self) -> None:
        self.out: list[Row] = []
        self.sent: dict[str, list[Row]] = {}
        self.rows: dict[tuple[str, int], tuple[int, ...]] = {}

    def take(self, partition: str, row: Row) -> None:
        side, number = partition[0], partition[2:]
        key, own = row[0], row[2]
        for other in self.rows.get(("r" if side == "l" else "l", key), ()):
            self.out.append(("pair", number, key, *((own, other) if side == "l" else (other, own))))
        self.rows[side, key] = (*self.rows.get((side, key), ()), own)

    def export(self) -> Any:
        return dict(self.rows)

    def restore(self, state: Any) -> None:
        self.rows = dict(state)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a shard has at a barrier: where it stands, its state, and its outbox: what it put out since the barrier before."""

    positions: Mapping[str, int]
    state: Any
    out: Sequence[Row]
    sent: Mapping[str, Sequence[Row]]
    changed: bool


class Timers(Protocol):
    """A process in which a shard runs."""

    def after(self, delay: float, action: Callable[[], None]) -> None:
        """Do this in so many seconds, unless the process is dead by then."""
        ...


class Task:
    """A shard at work. It fetches a few rows at a time, and works on them a little later."""

    PACE = 0.3
    LIMIT = 2

    def __init__(
        self, process: Timers, logs: Mapping[str, Log], operator: Operator, positions: Mapping[str, int]
    ) -> None:
        self.operator = operator
        self.positions = dict(positions)
        """By partition: behind the rows that were worked on, and behind control records."""
        self.fetched = dict(positions)
        self.running = False
        self._process = process
        self._logs = logs
        self._landing: list[tuple[str, list[Row], int]] = []
        self._cut: Mapping[str, int] = dict(positions)

    def run(self) -> None:
        """Begin to read."""
        self.running = True
        for partition in self.positions:
            self._fetch(partition)

    def halt(self) -> None:
        """Read no more; what was fetched lands."""
        self.running = False
        self.land()

    def land(self) -> None:
        """Work on what was fetched."""
        landing, self._landing = self._landing, []
        for partition, rows, position in landing:
            for row in rows:
                self.operator.take(partition, row)
            self.positions[partition] = position

    def cut(self) -> Cut:
        """Let a barrier pass, behind all rows that were fetched before it."""
        self.land()
        operator, positions = self.operator, dict(self.positions)
        cut = Cut(positions, operator.export(), operator.out, operator.sent, positions != self._cut)
        operator.out, operator.sent, self._cut = [], {}, positions
        return cut

    def _fetch(self, partition: str) -> None:
        if not self.running:
            return
        self.land()
        log, position = self._logs[partition], self.fetched[partition]
        rows, behind = log.read(position, self.LIMIT)
        if behind > position:
            self.fetched[partition] = behind
            self._landing.append((partition, rows, behind))
            self._process.after(self.PACE, partial(self._fetch, partition))
        else:
            log.wake(position, partial(self._process.after, 0.01, partial(self._fetch, partition)))
