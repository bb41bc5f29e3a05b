"""What a run learnt of a source: which fields its records name, which are dead and why, what their times are like."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from caudal.core.errors import nearest
from caudal.core.shown import shown
from caudal.core.types import Place
from caudal.observe.notices import Notice

EARLIEST = 631_152_000_000
"""The year 1990 in milliseconds: what lies before it was counted in another unit, or is no time of an event."""

REASONS = 3
"""How many kinds of dead letters are kept to be told."""

CELLS = 8
"""Cells of the histogram of lateness for each power of two."""

KEPT = 0.999
"""The share of rows that a disorder should keep which is proposed."""

_UNITS = {"s": 1000.0, "ms": 1.0, "us": 1e-3, "ns": 1e-6}
_ROUND = [
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1000 * s for s in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *(60_000 * m for m in (1, 2, 3, 5, 10, 15, 20, 30, 45)),
    *(3_600_000 * h for h in (1, 2, 3, 6, 12)),
]
"""Durations that people write, in milliseconds; beyond them whole days."""


def latest() -> int:
    """Return the end of the next year, in milliseconds: no event that was logged lies behind it."""
    year = time.gmtime().tm_year + 2
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000


@dataclass(slots=True)
class SourceReport:
    """What is known of one source.

    `records`: rows and dead letters; `dead`: those, with the first kinds of `reasons`; `fields`: what the schema declares,
    `unnamed`: those that no record named; `names`: those that the first records do have. `rows`: accepted ones; `behind`:
    those below their W_p, by `lateness`: how many rows stood how far behind the newest one (see `cell_of`). `early`, `ahead`:
    rows before 1990 and beyond the next year, `odd` the first such time, in a column that counts `unit` ("" for text).
    `dead_partitions`: of each partition of which no record is a row how many there were, and what is wrong with the first.
    `whole`: whether that is all of the source, not its first records. `notices`: what else a sample of it tells.
    """

    source: str
    disorder: int = 0
    unit: str = ""
    records: int = 0
    dead: int = 0
    reasons: list[str] = field(default_factory=list[str])
    first: str = ""
    unnamed: tuple[Place, ...] = ()
    names: frozenset[str] = frozenset()
    rows: int = 0
    behind: int = 0
    lateness: dict[int, int] = field(default_factory=dict[int, int])
    early: int = 0
    ahead: int = 0
    odd: int | None = None
    dead_partitions: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    whole: bool = True
    notices: Sequence[Notice] = ()

    @property
    def all_dead(self) -> bool:
        """Whether there were records, and none of them became a row."""
        return self.records > 0 and self.dead >= self.records

    @property
    def _of(self) -> str:
        return f"{'' if self.whole else 'first '}{self.records:,} records"

    def dead_text(self) -> str:
        """Return which share of the records is dead, and why."""
        first = f"; the first begins with '{self.first}'" if self.all_dead and self.first else ""
        which = ("all " if self.whole else "all of the ") if self.all_dead else f"{self.dead:,} of the "
        return f"{which}{self._of} are dead letters: {'; '.join(self.reasons)}{first}"

    def partitions_text(self) -> str:
        """Return which partitions hold nothing but dead letters, those with most first."""
        found = sorted(self.dead_partitions.items(), key=lambda each: (-each[1][0], each[0]))
        named = ", ".join(f"{shown(name)} ({count:,})" for name, (count, _) in found[:3])
        more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
        why = "; ".join(dict.fromkeys(shown(why[:200]) for _, (_, why) in found[:3]))
        return f"all records of {named}{more} are dead letters: {why}"

    def unnamed_text(self, places: Iterable[Place]) -> str:
        """Return which fields no record names, each with the nearest name that records do have."""
        listed = [f"'{'.'.join(p)}'{self._near(p)}" for p in places]
        shown_ = ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
        return f"none of the {self._of} has the field{'s' if len(listed) > 1 else ''} {shown_}"

    def _near(self, place: Place) -> str:
        known = self.names
        hint = nearest(".".join(place), known) if known else ""
        return f" ({shown(hint)})" if hint.startswith("did you mean") else ""

    def time_text(self) -> str:
        """Return how many event times are those of no event, and which unit they are likely to be counted in."""
        parts = ((self.early, "before 1990"), (self.ahead, "beyond the next year"))
        where = " and ".join(f"{count:,} {'lies' if count == 1 else 'lie'} {what}" for count, what in parts if count)
        text = f"of its event times {where}, the first {_instant(self.odd)}"
        unit = self.likely_unit
        hint = f'are they in {_NAMES[unit]}? then say unit="{unit}"' if unit else "is event_time= the right column?"
        return f"{text}: {hint}"

    @property
    def likely_unit(self) -> str | None:
        """The unit by which its implausible times would be of these decades, None where there is none."""
        return None if self.odd is None else likely_unit(self.odd, self.unit)

    def proposed(self) -> int:
        """Return the disorder in milliseconds that keeps all but one in a thousand rows, whatever the windows."""
        most = self._lateness_beyond(int(self.rows * (1 - KEPT)))
        # so few of all that none need be kept: what an operator lost were most of the rows that it took
        return rounded(max(most or self._lateness_beyond(0), self.disorder))

    def _lateness_beyond(self, spared: int) -> int:
        """Return the least lateness that at most so many rows lie beyond."""
        for cell in sorted(self.lateness, reverse=True):
            spared -= self.lateness[cell]
            if spared < 0:
                return top_of(cell)
        return 0


_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def likely_unit(odd: int, unit: str) -> str | None:
    """Return the unit by which an implausible time would be one of these decades; None where there is none.

    >>> likely_unit(1_700_000_000, "ms")
    's'
    """
    if unit not in _UNITS:
        return None
    end = latest()
    counted = odd / _UNITS[unit]
    return next((u for u, scale in _UNITS.items() if u != unit and EARLIEST <= counted * scale < end), None)


def cell_of(lateness: int) -> int:
    """Return the cell of the histogram that a lateness of at least 1 ms is counted in: eight for each power of two."""
    power = lateness.bit_length() - 1
    return power * CELLS + (((lateness << 3) >> power) & (CELLS - 1))


def top_of(cell: int) -> int:
    """Return the largest lateness of a cell.

    >>> all(n <= top_of(cell_of(n)) <= n * 9 / 8 for n in range(1, 5000))
    True
    """
    power, part = divmod(cell, CELLS)
    return max(1, (((part + 9) << power) - 1) >> 3)


def rounded(milliseconds: int) -> int:
    """Return the next duration that people would write.

    >>> [duration.show(rounded(n)) for n in (0, 730, 47_000, 250_000, 100_000_000)]
    ['0ms', '1s', '1m', '5m', '2d']
    """
    if milliseconds <= 0:
        return 0
    day = 86_400_000
    return next((n for n in _ROUND if n >= milliseconds), -(-milliseconds // day) * day)


def _instant(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "-"
    try:
        return f"{datetime.fromtimestamp(milliseconds // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"in the year {1970 + milliseconds // 31_556_952_000:,}"


def show_share(part: int, whole: int) -> str:
    """Return a share for people.

    >>> show_share(840, 4504)
    '18.7 %'
    """
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def merged(empty: SourceReport, parts: Iterable[tuple[SourceReport, Mapping[str, int]]]) -> SourceReport:
    """Return what several have learnt of parts of one source; beside each report, how many records of which partition it is of."""
    whole = replace(empty)
    whole.reasons, whole.lateness, whole.dead_partitions = [], {}, {}
    unnamed: set[Place] | None = None
    alive: set[str] = set()
    for part, taken in parts:
        for name in ("records", "dead", "rows", "behind", "early", "ahead"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        whole.reasons += [r for r in part.reasons if r not in whole.reasons and len(whole.reasons) < REASONS]
        whole.first, whole.names = whole.first or part.first, whole.names or part.names
        whole.unit = whole.unit or part.unit
        whole.odd = part.odd if whole.odd is None else whole.odd
        if part.records:
            unnamed = {*part.unnamed} if unnamed is None else unnamed & {*part.unnamed}
        for cell, count in part.lateness.items():
            whole.lateness[cell] = whole.lateness.get(cell, 0) + count
        alive |= {name for name, count in taken.items() if count and name not in part.dead_partitions}
        for name, (count, why) in part.dead_partitions.items():
            before, first = whole.dead_partitions.get(name, (0, why))
            whole.dead_partitions[name] = before + count, first
    whole.unnamed = tuple(sorted(unnamed or ()))
    whole.dead_partitions = {name: each for name, each in whole.dead_partitions.items() if name not in alive}
    return whole
