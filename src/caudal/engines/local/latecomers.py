"""Keys whose rows come too late: somebody who can choose when his rows arrive must not be able to choose not to be counted.

Late rows are rare as a rule. So they are counted by key in a table of a fixed size, in which a new key takes the place of
the one with the fewest; of the keys in it, rows that are in time are counted from then on, in a sample of each morsel.
Keys most of whose rows are late are logged as they are found, in one line a minute at most, and told of at the end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence, Set
from typing import Any

import numpy as np

from caudal.columnar.column import Column
from caudal.columnar.grouping import group
from caudal.columnar.morsel import Morsel
from caudal.observe.log import log
from caudal.observe.notices import Notice

KEYS = 256
"""Keys that are kept."""

SAMPLE = 1024
"""Rows of a morsel that are looked at for those keys at most: what is late may not slow down what is in time."""

LEAST = 5
"""Late rows of a key before it is told of."""

SHOWN = 3
"""Keys that are told of."""

PAUSE = 60.0
"""Seconds between two lines of the log."""

Key = tuple[Any, ...]


class Latecomers:
    """Counts the late rows of one operator by key; thread-safe."""

    def __init__(
        self, operator: str, keys: Sequence[Callable[[Morsel], Column]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._operator = operator
        self._keys = keys
        self._clock = clock
        self._logged: set[Key] = set()
        self._quiet_until = clock()
        self._lock = threading.Lock()
        self._late: dict[Key, int] = {}
        self._in_time: dict[Key, int] = {}

    def add(self, morsel: Morsel, late: Morsel | None) -> None:
        """Take in the rows of a morsel, of which some are late."""
        if not self._keys:
            return
        if late is not None:
            counted = self._counted(late, KEYS)
            with self._lock:
                for key, count in counted.items():
                    self._put(key, count)
        if not self._late:
            return
        stride = -(-morsel.rows // SAMPLE)
        sampled = morsel if stride == 1 else morsel.take(np.arange(0, morsel.rows, stride))
        among = self._counted(sampled, SAMPLE)
        gone = {} if late is None else self._counted(late, KEYS)
        with self._lock:
            for key in among.keys() & self._late.keys():
                in_time = stride * among[key] - gone.get(key, 0)
                self._in_time[key] = self._in_time.get(key, 0) + max(0, in_time)
            found = [] if late is None or self._clock() < self._quiet_until else self._found(besides=self._logged)
            if found:
                self._quiet_until = self._clock() + PAUSE
                self._logged.update(key for _, key in found)
        if found:
            log.warning("%s: %s", self._operator, _told(found))

    def _found(self, besides: Set[Key] = frozenset()) -> list[tuple[int, Key]]:
        """Return the keys most of whose rows were late, with how many, those with most first."""
        found = [
            (count, key)
            for key, count in self._late.items()
            if count >= LEAST and count > self._in_time.get(key, 0) and key not in besides
        ]
        return sorted(found, key=lambda each: -each[0])

    def _put(self, key: Key, count: int) -> None:
        if key not in self._late and len(self._late) >= KEYS:
            fewest = min(self._late, key=self._late.__getitem__)
            del self._late[fewest]
            self._in_time.pop(fewest, None)
            self._logged.discard(fewest)
        self._late[key] = self._late.get(key, 0) + count

    def _counted(self, morsel: Morsel, most: int) -> dict[Key, int]:
        """Return how many rows each key has, of the `most` keys that have most."""
        columns = [key(morsel) for key in self._keys]
        groups = group(columns, [], morsel.rows)
        sizes = np.bincount(groups.codes, minlength=len(groups))
        top = np.argsort(sizes)[::-1][:most]
        values = zip(*(column.take(groups.first[top]).to_list() for column in columns), strict=True)
        return dict(zip(values, sizes[top].tolist(), strict=True))

    def notices(self) -> list[Notice]:
        """Return a warning that names the keys most of whose rows were late, those with most first; [] for none."""
        with self._lock:
            found = self._found()
        if not found:
            return []
        return [Notice("late_key", self._operator, _told(found), sum(count for count, _ in found), "warning")]


def _told(found: Sequence[tuple[int, Key]]) -> str:
    named = ", ".join(f"{_shown(key)} ({count:,})" for count, key in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"most rows of a key came too late and were not counted: {named}{more}; a larger disorder= counts them"


def _shown(key: Key) -> str:
    return ", ".join("null" if value is None else str(value) for value in key)[:120]
