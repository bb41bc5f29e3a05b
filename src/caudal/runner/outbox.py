"""Outboxes: what a job gives to its sinks waits here until the epoch that it belongs to is committed.

So the engine need not stand still while an epoch is stored and committed, and an epoch whose commit failed can be sent again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from caudal.ports.sink import Delivery, Sink

if TYPE_CHECKING:
    import pyarrow as pa

ROOM = 256 << 20
"""Bytes that may wait in all outboxes of a job: then an epoch is begun early, and behind it the engine waits."""


class Room:
    """The room that the outboxes of one job share."""

    def __init__(self, limit: int = ROOM) -> None:
        self.limit = limit
        self.used = 0
        self.waits = False
        """Whether somebody waits for room."""
        self.hurry = threading.Event()
        """Set when an epoch should begin early."""
        self._changed = threading.Condition()
        self._open = True

    def take(self, size: int) -> None:
        """Take room; waits for more only while an epoch is under way, whose end gives some back."""
        with self._changed:
            while self.used > self.limit and not self._open:
                self.waits = True
                self._changed.wait()
            self.waits = False
            self.used += size
            if self.used > self.limit // 2:
                self.hurry.set()

    def give(self, size: int) -> None:
        """Give room back."""
        with self._changed:
            self.used -= size
            self._changed.notify_all()

    def under_way(self, going: bool) -> None:
        """An epoch has been cut and is being committed, or no more is: then nobody waits, so that the next one can be cut."""
        with self._changed:
            self._open = not going
            self._changed.notify_all()


class Outbox:
    """Stands before one sink; the engine takes it for that. Written by one thread at a time, cut while nobody writes."""

    def __init__(self, sink: Sink, room: Room) -> None:
        self.sink = sink
        self.where: str = sink.where
        self.delivery: Delivery = sink.delivery
        self._room = room
        self._later: list[Any] = []
        self._later_size = 0
        self._epoch: list[Any] = []
        self._epoch_size = 0

    @property
    def empty(self) -> bool:
        """Whether the epoch that was cut has nothing for this sink."""
        return not self._epoch

    def encode(self, table: pa.Table) -> Any:
        """Return the rows as the sink takes them."""
        return table.nbytes, self.sink.encode(table)

    def write(self, payload: Any) -> None:
        """Keep rows."""
        size, rows = payload
        self._room.take(size)
        self._later.append(rows)
        self._later_size += size

    def flush(self) -> None:
        """Nothing is visible before its commit."""

    def cut(self) -> None:
        """What is here belongs to the epoch that begins to be committed; what comes, to the next one."""
        self._epoch += self._later
        self._epoch_size += self._later_size
        self._later, self._later_size = [], 0

    def pour(self) -> None:
        """Write the epoch's rows to the sink; they are kept, in case they must be written again."""
        for rows in self._epoch:
            self.sink.write(rows)

    def done(self) -> None:
        """The epoch was committed: forget its rows."""
        self._epoch = []
        size, self._epoch_size = self._epoch_size, 0
        self._room.give(size)

    def forget(self) -> None:
        """Nothing of what is here will be written."""
        self._epoch, self._later = [], []
        size, self._epoch_size, self._later_size = self._epoch_size + self._later_size, 0, 0
        self._room.give(size)

    # the life of the sink itself is the driver's, which holds it

    def recover(self, epoch: int, receipt: Any) -> None:
        """Nothing: see `sink`."""

    def prepare(self, epoch: int, *, last: bool) -> Any:
        """Nothing: see `sink`."""

    def publish(self, epoch: int, receipt: Any) -> None:
        """Nothing: see `sink`."""

    def finish(self) -> None:
        """Nothing: see `sink`."""

    def drain(self) -> str:
        """Nothing: see `sink`."""
        return self.where

    def abort(self) -> None:
        """Nothing: see `sink`."""
