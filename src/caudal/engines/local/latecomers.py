"""Keys whose rows come too late: somebody who can choose when his rows arrive must not be able to choose not to be counted.

Late rows are rare as a rule. So they are counted by key in a table of a fixed size, in which a new key takes the place of
the one with the fewest; of the keys in it, rows that are in time are counted from then on, in a sample of each morsel.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column
from caudal.columnar.grouping import group
from caudal.columnar.morsel import Morsel
from caudal.observe.notices import Notice

KEYS = 256
"""Keys that are kept."""

SAMPLE = 1024
"""Rows of a morsel that are looked at for those keys at most: what is late may not slow down what is in time."""

LEAST = 5
"""Late rows of a key before it is told of."""

SHOWN = 3
"""Keys that are told of."""

Key = tuple[Any, ...]


class Latecomers:
    """Counts the late rows of one operator by key; thread-safe."""

    def __init__(self, keys: Sequence[Callable[[Morsel], Column]]) -> None:
        self._keys = keys
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

    def _put(self, key: Key, count: int) -> None:
        if key not in self._late and len(self._late) >= KEYS:
            fewest = min(self._late, key=self._late.__getitem__)
            del self._late[fewest]
            self._in_time.pop(fewest, None)
        self._late[key] = self._late.get(key, 0) + count

    def _counted(self, morsel: Morsel, most: int) -> dict[Key, int]:
        """Return how many rows each key has, of the `most` keys that have most."""
        columns = [key(morsel) for key in self._keys]
        groups = group(columns, [], morsel.rows)
        sizes = np.bincount(groups.codes, minlength=len(groups))
        top = np.argsort(sizes)[::-1][:most]
        values = zip(*(column.take(groups.first[top]).to_list() for column in columns), strict=True)
        return dict(zip(values, sizes[top].tolist(), strict=True))

    def notices(self, operator: str) -> list[Notice]:
        """Return a warning that names the keys most of whose rows were late, those with most first; [] for none."""
        with self._lock:
            found = [(n, key) for key, n in self._late.items() if n >= LEAST and n > self._in_time.get(key, 0)]
        if not found:
            return []
        found.sort(key=lambda each: -each[0])
        named = ", ".join(f"{_shown(key)} ({count:,})" for count, key in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        text = f"most rows of a key came too late and were not counted: {named}{more}; a larger disorder= counts them"
        return [Notice("late_key", operator, text, sum(count for count, _ in found), "warning")]


def _shown(key: Key) -> str:
    return ", ".join("null" if value is None else str(value) for value in key)[:120]
