"""Local times to instants: what a wall clock's reading can mean in a time zone, whole columns at once.

A zone is compiled to the spans of local time between which its offset changes. In a doubled hour a reading means two
instants; which of them is chosen by what came before (`settle`). A reading that no clock showed is moved on by the gap.
Local times before 1880 or behind 2200 have the zone's first or last offset in that span.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np

from caudal.columnar.column import Bools, Ints
from caudal.columnar.compiled import kernel
from caudal.core import scalars
from caudal.core.zones import zone

_DAY = 86_400
_RULES = 2_240_524_800
"""2041: from then on zones have rules, by which no two changes lie within a fortnight."""

NEVER = np.int64(-(1 << 62))
"""No event time came before."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A compiled zone: from `starts[i]` on (local milliseconds) a reading is `early[i]` ahead of UTC, or `late[i]`.

    Where both differ, early > late: the hour is doubled. `gap[i]`: no clock showed these readings.
    """

    starts: Ints
    early: Ints
    late: Ints
    gap: Bools

    def readings(self, local: Ints) -> tuple[Ints, Ints, Bools]:
        """Return the earlier and the later instant of each reading, the same twice outside doubled hours, and the gaps."""
        at = np.searchsorted(self.starts, local, side="right") - 1
        return local - self.early[at], local - self.late[at], self.gap[at]


@lru_cache(32)
def compiled(name: str) -> Zone:
    """Return a zone by its IANA name; raises `PlanError` for an unknown one."""
    changes = _changes(name)
    first = changes[0][1] if changes else _offset(scalars.FIRST_ZONED // 1000, zone(name))
    starts, early, late, gap = [-(1 << 62)], [first], [first], [False]
    for at, before, after in changes:
        starts += [at + min(before, after), at + max(before, after)]
        early += [before, after]
        late += [min(before, after) if after < before else before, after]
        gap += [after > before, False]
    scale = np.int64(1000)
    return Zone(
        np.array([starts[0], *(s * 1000 for s in starts[1:])], np.int64),
        np.array(early, np.int64) * scale,
        np.array(late, np.int64) * scale,
        np.array(gap, np.bool_),
    )


def _changes(name: str) -> list[tuple[int, int, int]]:
    """Return (second, offset before, offset after) of each change of the offset, by looking at every day."""
    info = zone(name)
    out: list[tuple[int, int, int]] = []
    at, end = scalars.FIRST_ZONED // 1000, scalars.LAST_ZONED // 1000
    before = _offset(at, info)
    while at < end:
        then = at + (_DAY if at < _RULES else 14 * _DAY)
        while _offset(then, info) != before:  # more than one change, where it must be
            low, high = at, then
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, info) == before else (low, middle)
            found = _offset(high, info)
            out.append((high, before, found))
            at, before = high, found
        at = then
    return out


def _offset(second: int, info: Any) -> int:
    offset = datetime.fromtimestamp(second, info).utcoffset()
    assert offset is not None
    return offset.days * _DAY + offset.seconds


@kernel(error_model="numpy")
def settle(time, later, seen, limit, before):
    """Choose among the readings of event times, in order: that nearer to the largest one before, else the earlier.

    `time` (the earlier readings, changed in place) and `later` are the same outside doubled hours; `seen`: the largest
    event time of the rows before, or `NEVER`; times beyond `limit` are not accepted. `before` takes what was the
    largest at each row.
    """
    for i in range(time.size):
        before[i] = seen
        t = time[i]
        if later[i] != t and seen != NEVER and abs(later[i] - seen) < abs(t - seen):
            t = later[i]
            time[i] = t
        if t <= limit and t > seen:
            seen = t


def choose(early: Ints, late: Ints, before: Ints) -> Ints:
    """Return for times that are no event times the reading nearer to the largest event time before each."""
    nearer = (before != NEVER) & (np.abs(late - before) < np.abs(early - before))
    return np.where(nearer, late, early)
