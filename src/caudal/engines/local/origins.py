"""Origins: the sources' partitions and the operators whose rows have a place in the pinned order."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from caudal.core.naming import natural_key


class Origins:
    """Numbers every (source or operator id, partition name); `ranks` gives their pinned order. Used by any thread."""

    def __init__(self) -> None:
        self.names: list[tuple[str, str]] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._ranks = np.zeros(0, np.int64)
        self._lock = threading.Lock()

    def number(self, operator: str, partition: str) -> int:
        """Return the ordinal of an origin, a new one if need be."""
        key = (operator, partition)
        with self._lock:
            if key not in self._numbers:
                self.names.append(key)
                self._numbers[key] = len(self.names) - 1
            return self._numbers[key]

    def become(self, other: Origins) -> None:
        """Take another's numbers, in place: who holds this object sees them."""
        self.names, self._numbers, self._ranks = other.names, other._numbers, other._ranks

    def ranks(self) -> Any:
        """Return rank by ordinal (int64)."""
        names = list(self.names)
        ranks = self._ranks
        if len(ranks) < len(names):
            order = sorted(range(len(names)), key=lambda i: (names[i][0].encode(), natural_key(names[i][1])))
            ranks = np.empty(len(names), np.int64)
            ranks[order] = np.arange(len(names))
            self._ranks = ranks
        return ranks
