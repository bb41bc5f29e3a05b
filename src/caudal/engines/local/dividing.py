"""Dividing: the second phase of a stateful operator by ranges of its keys' hashes, on all threads that are free.

An operator is still applied by one thread at a time, its morsels in order. What it computes of its whole state (a fold, the
windows that close) it gives away in parts, each of a range of hashes: parts have no key in common, so nothing that is
computed depends on how many there are, or on who computes which.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from caudal.columnar.column import Ints
from caudal.engines.local.lists import order_by_group
from caudal.engines.local.state import HASH
from caudal.engines.local.table import Table, consume

if TYPE_CHECKING:
    from caudal.engines.local.scheduler import Scheduler

T = TypeVar("T")

DEPTH = 1 << 20
"""Parts go before all else that is queued: somebody waits for them."""

PART_ROWS = 1 << 14
"""Rows of a part, about: their groups fit into a core's cache, and cost more than it takes to divide them."""

LARGE = 1 << 19
"""Rows beyond which state is divided to as many parts as there can be."""

MOST = 128
"""Parts at most: hashes are told apart by their highest 7 bits."""

Range = tuple[int, int]
"""Hashes whose highest bits are from the first number to below the second."""

WHOLE: Range = (0, MOST)


class Dividing:
    """Divides work of operators. `shards`: into how many parts, for tests (a power of two up to 128), 0 to choose."""

    def __init__(self, scheduler: Scheduler | None = None, threads: int = 1, shards: int = 0) -> None:
        self._scheduler = scheduler
        self._threads = threads
        self._shards = shards

    def ranges(self, rows: int, least: int = 1) -> list[Range]:
        """Return the ranges that state of so many rows is divided by, each of `least` numbers at least."""
        count = self._shards
        if not count:
            # beyond, each step would divide anew what was divided before
            count = 1 << (rows // PART_ROWS).bit_length() if rows <= LARGE else MOST
        size = max(least, MOST // count)
        return [(low, low + size) for low in range(0, MOST, size)]

    def shards(self, rows: int) -> int:
        """Return by how many shards state is kept when so many rows come at once: a power of two."""
        if self._shards or self._threads < 2 or rows < 2 * PART_ROWS:
            return self._shards or 1
        return min(MOST, 1 << (self._threads - 1).bit_length())

    def map(self, function: Callable[[Any], T], parts: list[Any]) -> list[T]:
        """Return what the function gives for each part, in order; raises what it raised. Threads that are free help.

        Parts leave the list as they are taken, so that nothing holds what has been used up.
        """
        helpers = min(self._threads, len(parts)) - 1
        if helpers < 1 or self._scheduler is None:
            return [function(_taken(parts, i)) for i in range(len(parts))]
        work = _Parts(function, parts)
        for _ in range(helpers):
            self._scheduler.push(DEPTH, work.help)
        work.help()
        return work.wait()


class _Parts(Generic[T]):
    """Parts of one piece of work, which any number of threads take one by one."""

    def __init__(self, function: Callable[[Any], T], parts: list[Any]) -> None:
        self._function = function
        self._parts = parts
        self._made: list[Any] = [None] * len(parts)
        self._taken = 0
        self._left = len(parts)
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def help(self) -> None:
        """Do what nobody has taken yet."""
        while True:
            with self._changed:
                number = self._taken
                if number == len(self._parts) or self._error is not None:
                    return
                self._taken += 1
            try:
                self._made[number] = self._function(_taken(self._parts, number))
            except BaseException as error:
                self._error = self._error or error
            with self._changed:
                self._left -= 1
                if not self._left or self._error is not None:
                    self._changed.notify_all()

    def wait(self) -> list[T]:
        """Return what all have given, once they have."""
        with self._changed:
            while self._left and self._error is None:
                self._changed.wait()
        if self._error is not None:
            raise self._error
        return self._made


def _taken(parts: list[Any], number: int) -> Any:
    part, parts[number] = parts[number], None
    return part


@dataclass(slots=True)
class Share:
    """The rows of a range: some of a table that all shares have, and tables of their own."""

    source: Table
    rows: Ints | None
    own: list[Table] = field(default_factory=list[Table])

    @property
    def size(self) -> int:
        """How many rows there are."""
        return (self.source.rows if self.rows is None else len(self.rows)) + sum(table.rows for table in self.own)

    def table(self) -> Table:
        """Return the rows; once."""
        first = self.source if self.rows is None else self.source.take(self.rows)
        return consume([first, *self.own] if first.rows or not self.own else self.own)


def divided(tables: list[Table], ranges: Sequence[Range]) -> list[Share]:
    """Return the rows of the tables by ranges; the tables (at least one) are used up."""
    source = consume(tables)
    if len(ranges) == 1:
        return [Share(source, None)]
    return [Share(source, rows) for rows in rows_of(source, len(ranges))]


def rows_of(table: Table, count: int) -> list[Ints]:
    """Return the rows of a table, ascending, in each of so many ranges of hashes (a power of two up to `MOST`)."""
    place = (table.ints(HASH).view(np.uint64) >> np.uint64(57)).view(np.int64) // (MOST // count)
    order, offsets = order_by_group(place, count)
    return [order[a:b] for a, b in itertools.pairwise(offsets.tolist())]
