"""A transactional id as one process uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from caudal.checkpoint.simulator.broker import Broker, Offsets
from caudal.checkpoint.simulator.clock import BUSY, FENCED, Act, NoAnswer, Refused, Routine
from caudal.checkpoint.simulator.groups import Group, Metadata


class Producer:
    """One transaction after the other under a transactional id.

    `doubtful`: something may be under way that was asked before, or another has opened the id: it is to be opened anew.
    """

    def __init__(self, broker: Broker, group: Group, name: str) -> None:
        self.name = name
        self.doubtful = True
        self._broker = broker
        self._group = group
        self._epoch = 0
        self._busy = False

    def enter(self) -> Routine:
        """Wait until nobody else in the process uses the producer."""
        while self._busy:
            yield 0.05
        self._busy = True

    def leave(self) -> None:
        """Let others use it."""
        self._busy = False

    def open(self) -> Routine:
        """Open the id anew: fences off all who had it open, ends their transaction, and refuses what is still on its way."""
        self._epoch = yield from self._ask(partial(self._broker.init, self.name))
        self.doubtful = False

    def settle(self) -> Routine:
        """Open the id anew where it is in doubt."""
        if self.doubtful:
            yield from self.open()

    def write(self, outputs: Sequence[Any], sent: Mapping[str, Sequence[Any]]) -> Routine:
        """Write in the transaction."""
        if outputs or sent:
            yield from self._ask(partial(self._broker.write, self.name, self._epoch, outputs, sent))

    def add_offsets(self, offsets: Offsets, metadata: Metadata) -> Routine:
        """Let the transaction commit offsets, as this member of the group."""
        check = partial(self._group.check, metadata)
        yield from self._ask(partial(self._broker.add_offsets, self.name, self._epoch, offsets, check))

    def commit(self) -> Routine:
        """End the transaction: it is committed when this returns."""
        yield from self._ask(partial(self._broker.end, self.name, self._epoch, True))

    def abort(self) -> Routine:
        """End the transaction without effect; where that fails, the id is opened anew before it is used again."""
        try:
            yield from self._ask(partial(self._broker.end, self.name, self._epoch, False))
        except (NoAnswer, Refused):
            self.doubtful = True

    def _ask(self, act: Act) -> Routine:
        while True:
            try:
                return (yield act)
            except NoAnswer:
                self.doubtful = True
                raise
            except Refused as refused:
                if refused.reason != BUSY:
                    self.doubtful |= refused.reason == FENCED
                    raise
            yield 0.05
