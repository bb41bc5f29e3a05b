"""The broker: topics, transactions, and where they end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Protocol

from caudal.checkpoint.simulator.clock import BUSY, FENCED, UNSTABLE, Clock, Refused

TRANSACTION_TIMEOUT = 8.0
"""Seconds after which the broker aborts what is open."""

Offsets = Mapping[str, tuple[int, str]]
"""By partition: where to go on, and the metadata beside it."""


class Log(Protocol):
    """A partition that is read."""

    def read(self, position: int, limit: int) -> tuple[list[Any], int]:
        """Return up to `limit` records from a position, and the position behind them and behind control records."""
        ...

    def end(self) -> int:
        """Return the position behind all that can be read now."""
        ...

    def written(self) -> int:
        """Return the position behind all that there is, or will be, read or not."""
        ...

    def wake(self, position: int, action: Callable[[], None]) -> None:
        """Do this once there is something to read from this position."""
        ...


class Written:
    """A partition that others have written: values by time, None for control records."""

    def __init__(self, clock: Clock, times: Sequence[float], values: Sequence[Any]) -> None:
        self._clock = clock
        self._times = times
        self.values = values

    def read(self, position: int, limit: int) -> tuple[list[Any], int]:
        return _taken(self.values, position, self.end(), limit)

    def end(self) -> int:
        return bisect_right(self._times, self._clock.now)

    def written(self) -> int:
        return len(self._times)

    def wake(self, position: int, action: Callable[[], None]) -> None:
        if position < len(self._times):
            self._clock.after(max(0.0, self._times[position] - self._clock.now), action)


def _taken(values: Sequence[Any], position: int, end: int, limit: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while position < end:
        value = values[position]
        if value is not None:
            if len(found) == limit:
                break
            found.append(value)
        position += 1
    return found, position


class Transaction:
    """What was written in a transaction. `decided`: None, or whether it is committed, which partitions may hear of later."""

    __slots__ = ("decided", "logs", "name", "offsets", "outputs")

    def __init__(self, name: str) -> None:
        self.name = name
        self.decided: bool | None = None
        self.logs: dict[Between, int] = {}
        self.outputs: list[Any] = []
        self.offsets: dict[str, tuple[int, str]] = {}


class Between:
    """A partition that workers write in transactions and read again: a repartition topic's."""

    def __init__(self) -> None:
        self._entries: list[tuple[Transaction, Any]] = []
        self._open: dict[Transaction, int] = {}
        self._waiting: list[Callable[[], None]] = []

    def append(self, transaction: Transaction, values: Sequence[Any]) -> None:
        """Write; readers see it once the transaction is committed."""
        self._open.setdefault(transaction, len(self._entries))
        self._entries += [(transaction, value) for value in values]

    def close(self, transaction: Transaction) -> None:
        """Write the control record that ends a transaction."""
        del self._open[transaction]
        self._entries.append((transaction, None))
        waiting, self._waiting = self._waiting, []
        for action in waiting:
            action()

    def read(self, position: int, limit: int) -> tuple[list[Any], int]:
        end, found = self.end(), list[Any]()
        while position < end:
            transaction, value = self._entries[position]
            if value is not None and transaction.decided:
                if len(found) == limit:
                    break
                found.append(value)
            position += 1
        return found, position

    def end(self) -> int:
        return min(self._open.values(), default=len(self._entries))

    def written(self) -> int:
        return len(self._entries)

    def wake(self, position: int, action: Callable[[], None]) -> None:
        if position < self.end():
            action()
        else:
            self._waiting.append(action)


class Offered:
    """The committed offsets of the group."""

    def __init__(self) -> None:
        self.committed: dict[str, tuple[int, str]] = {}
        self.pending: dict[str, list[Transaction]] = {}

    def read(self, partitions: Sequence[str], stable: bool = True) -> dict[str, tuple[int, str]]:
        """Return what is committed; refused, if asked for, as long as a transaction is open on one."""
        if stable and any(self.pending.get(partition) for partition in partitions):
            raise Refused(UNSTABLE)
        return {partition: self.committed[partition] for partition in partitions if partition in self.committed}


class _Id:
    __slots__ = ("epoch", "open")

    def __init__(self) -> None:
        self.epoch = 0
        self.open: Transaction | None = None


class Broker:
    """Topics and the coordinator of transactions, in the older protocol: what ends a transaction names the producer's epoch alone."""

    def __init__(self, clock: Clock, random: Random, committed: Callable[[Transaction], None]) -> None:
        self.logs: dict[str, Log] = {}
        self.offsets = Offered()
        self.lag = 0.0
        """The share of transactions whose end is told to partitions with delay."""
        self.trap: Callable[[str, bool], None] | None = None
        """Called with the transactional id when offsets are in a transaction, and when it is committed."""
        self._ids: dict[str, _Id] = {}
        self._clock = clock
        self._random = random
        self._committed = committed

    def init(self, name: str) -> int:
        """Open a transactional id anew: return the producer's epoch; older ones are fenced, what they have open is aborted."""
        known = self._ids.setdefault(name, _Id())
        if known.open is not None:
            if known.open.decided is None:
                known.epoch += 1  # who has it open is fenced at once
                self._decide(known, commit=False)
            if known.open is not None:
                raise Refused(BUSY)
        known.epoch += 1
        return known.epoch

    def write(self, name: str, epoch: int, outputs: Sequence[Any], sent: Mapping[str, Sequence[Any]]) -> None:
        """Write outputs, and rows to repartition partitions, in the transaction, which is begun by the first write."""
        transaction = self._in(name, epoch)
        transaction.outputs += outputs
        for partition, values in sent.items():
            log = self.logs[partition]
            assert isinstance(log, Between)
            transaction.logs.setdefault(log, 0)
            log.append(transaction, values)

    def add_offsets(self, name: str, epoch: int, offsets: Offsets, check: Callable[[], None]) -> None:
        """Let the transaction commit offsets too; `check` refuses a member that the group does not know so."""
        transaction = self._in(name, epoch)
        check()
        transaction.offsets.update(offsets)
        for partition in offsets:
            self.offsets.pending.setdefault(partition, []).append(transaction)
        if self.trap is not None:
            self.trap(name, False)

    def end(self, name: str, epoch: int, commit: bool) -> None:
        """End whatever transaction is open now: that is all that the request says."""
        known = self._known(name, epoch)
        if known.open is None or known.open.decided is not None:
            return
        self._decide(known, commit=commit)
        if commit and self.trap is not None:
            self.trap(name, True)

    def _known(self, name: str, epoch: int) -> _Id:
        known = self._ids[name]
        if known.epoch != epoch:
            raise Refused(FENCED)
        return known

    def _in(self, name: str, epoch: int) -> Transaction:
        known = self._known(name, epoch)
        if known.open is None:
            known.open = Transaction(name)
            self._clock.after(TRANSACTION_TIMEOUT, partial(self._time_out, known, known.open))
        elif known.open.decided is not None:
            raise Refused(BUSY)
        return known.open

    def _time_out(self, known: _Id, transaction: Transaction) -> None:
        if known.open is transaction and transaction.decided is None:
            known.epoch += 1
            self._decide(known, commit=False)

    def _decide(self, known: _Id, *, commit: bool) -> None:
        assert known.open is not None
        known.open.decided = commit
        if commit:
            self._committed(known.open)
        if self._random.random() < self.lag:
            self._clock.after(3 * self._random.random() ** 2, partial(self._complete, known))
        else:
            self._complete(known)

    def _complete(self, known: _Id) -> None:
        transaction, known.open = known.open, None
        assert transaction is not None
        for log in transaction.logs:
            log.close(transaction)
        for partition, offset in transaction.offsets.items():
            self.offsets.pending[partition].remove(transaction)
            if transaction.decided:
                self.offsets.committed[partition] = offset
