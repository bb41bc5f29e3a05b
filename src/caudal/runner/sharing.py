"""Several streams that write to one target."""

from __future__ import annotations

import threading
from typing import Any

from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Receipt


class SharedSink:
    """One of several streams that write to one target: each has its encoder, the first owns the target."""

    def __init__(self, target: Any, encoder: Encoder, lock: threading.Lock, owner: bool) -> None:
        self.where: str = target.where
        self.delivery: Delivery = target.delivery
        self.target = target
        self._encoder = encoder
        self._lock = lock
        self._owner = owner

    def encode(self, table: Any) -> Any:
        """Return the rows as bytes."""
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        """Write rows, in turn with the other streams."""
        with self._lock:
            self.target.write(payload)

    def flush(self) -> None:
        """Make what was written visible."""
        with self._lock:
            self.target.flush()

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """The owner recovers for all."""
        if self._owner:
            self.target.recover(epoch, receipt)

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """The owner prepares for all."""
        return self.target.prepare(epoch, last=last) if self._owner else None

    def publish(self, epoch: int, receipt: Receipt) -> None:
        """The owner publishes for all."""
        if self._owner:
            self.target.publish(epoch, receipt)

    def finish(self) -> None:
        """The owner finishes for all."""
        if self._owner:
            self.target.finish()

    def drain(self) -> str:
        """The owner drains for all."""
        return self.target.drain() if self._owner else self.where

    def abort(self) -> None:
        """Leave nothing behind."""
        self.target.abort()
