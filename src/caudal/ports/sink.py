"""The contract of a sink connector: where rows go, and when they become visible.

A job's outputs go through *epochs*, numbered from 1. An epoch has one commit point (today the end of data; with
checkpoints a manifest or a transaction), and a sink belongs to one of two kinds:

- A `Sink` *stages*. Rows are written; `prepare` makes those of the epoch durable without showing them; then comes the
  commit point; `publish` shows them, and may be repeated. What `prepare` returns, its receipt, is kept with the commit
  point: after a crash `recover` is given that of the last epoch that was committed, publishes it if that has not happened,
  and discards what was staged later.
- A `TransactionalSink` enlists in the one `Transaction` of its worker (see `ports.transaction`), which holds the rows, the
  positions of sources and what is sent to other workers. Its commit is the commit point, and shows them all.

The calls come in this order, in one thread but for `encode`:

    recover(epoch, receipt)  (write* [flush])*  prepare  ...  publish  ...  prepare(last)  publish  finish
                                                                           or  drain      or  abort
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from caudal.core.types import Schema
from caudal.ports.format import Encoder
from caudal.ports.records import Options

if TYPE_CHECKING:
    import pyarrow as pa

    from caudal.ports.group import GroupTransaction
    from caudal.ports.transaction import Transaction

Delivery = Literal["exactly-once", "at-least-once", "at-most-once"]
"""What a target holds of each row when a run goes on after a crash from its last committed epoch: the row once, at least
once (rows of the epoch that was not committed may stand there twice), or at most once (rows of epochs that were
committed are gone with the process)."""

Receipt = Any
"""What is needed to publish an epoch, in another process too: plain values as JSON has them. Never a secret, and no code."""


class Sink(Protocol):
    """An opened target. `encode` may be called by any thread; all else is called in order, by one."""

    where: str
    """What the summary names: a path, "console", "memory"."""
    delivery: Delivery
    """What it can promise."""

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """Begin: called once, before the first write. Go on behind `epoch`, the last one that was committed.

        Publish what its receipt names unless that has happened, and discard what was staged for later ones. 0 and None: the
        job begins anew, so all that dead runs have staged for this target is discarded. Raises `RunError` where what
        was staged is gone.
        """
        ...

    def encode(self, table: pa.Table) -> Any:
        """Return rows in the form that `write` takes."""
        ...

    def write(self, payload: Any) -> None:
        """Write rows; raises `RunError` (disk full, broken pipe) with the target's name."""
        ...

    def flush(self) -> None:
        """Make what was written visible to readers of a live target; nothing where rows are staged."""
        ...

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Make all rows written so far durable, without showing them; return the receipt. Epochs rise.

        `last`: it is the end of data, nothing is written any more. Raises `RunError`; the epoch is not committed then.
        """
        ...

    def publish(self, epoch: int, receipt: Receipt) -> None:
        """The epoch was committed: show its rows. Idempotent, also in another process. Raises `RunError`."""
        ...

    def finish(self) -> None:
        """The last epoch is published: release everything.

        Where that was not the end of data (`last`), what it takes to go on behind it stays.
        """
        ...

    def drain(self) -> str:
        """A clean stop before end of data: keep what was not published aside and return where; the target is untouched."""
        ...

    def abort(self) -> None:
        """A failure: discard what no epoch has published. Idempotent, never raises; takes nothing back after `publish`.

        Where the job keeps receipts (`staged`), what the last one names stays: it may have been committed.
        """
        ...


class Immediate:
    """A sink whose rows are visible once they are written, or flushed: nothing is staged, so nothing is held back.

    To inherit from. What it says fits a target that cannot take rows back (a console, a socket, a log that grows): what was
    written since the last committed epoch is there, and is written again by a run that goes on from that.
    """

    where: str
    delivery: Delivery = "at-least-once"

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """There is nothing staged."""

    def flush(self) -> None:
        """Every write is visible."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Make sure that what was written is on its way."""
        self.flush()

    def publish(self, epoch: int, receipt: Receipt) -> None:
        """All of it is visible already."""

    def finish(self) -> None:
        """Release everything; nothing is held."""

    def drain(self) -> str:
        """End as at the end of data: what was written stays."""
        self.prepare(0, last=True)
        self.finish()
        return self.where

    def abort(self) -> None:
        """What others have read cannot be taken back."""


@runtime_checkable
class TransactionalSink(Sink, Protocol):
    """A sink whose rows are shown by its worker's transaction.

    Its `prepare` waits until the transaction has taken all rows, its receipt is None; `publish` and `recover` have nothing to
    do, since an open transaction ends with its worker; `abort` leaves the rows to the transaction's.
    """

    domain: str
    """The system whose transactions it takes part in, with its address: sinks of one domain share a transaction."""

    def transaction(self, name: str) -> Transaction:
        """Open the worker's transaction in this domain. `name` is its own: whoever opened it before is fenced off."""
        ...

    def enlist(self, transaction: Transaction | GroupTransaction) -> None:
        """Write through this transaction from now on; before `recover`."""
        ...


@runtime_checkable
class ShardedSink(Sink, Protocol):
    """A target that the workers of a group share: each shard has a sink of its own, and this one only stands for them.

    What such a sink stages goes with its shard's snapshot: a next owner, on another machine, publishes what a receipt names, and does so
    although the owner before, who was given up, may still live, and publish it too. A receipt's rows never change.
    """

    def shard(self, shard: str, writer: str) -> Sink:
        """Return the sink of a shard. `writer`: this worker's name, under which nobody else writes any more."""
        ...

    def mark(self) -> str:
        """Leave a mark at the target, for others to know it by; return the mark. Raises `RunError`."""
        ...

    def sees(self, mark: str) -> bool:
        """Whether the target, as this worker reaches it, has this mark."""
        ...

    def unmark(self, mark: str) -> None:
        """Take a mark away; never raises."""
        ...


@runtime_checkable
class ShardingConnector(Protocol):
    """The sink side of a connector whose targets workers of a group can share."""

    sink_options: Options

    def sharded(
        self, options: Options, encoder: Callable[[], Encoder], schema: Schema, name: str
    ) -> ShardedSink | None:
        """Open a target for a group, None where these options name one that cannot be shared so.

        `encoder` makes encoders; `name` is part of what is written to tell it from other sinks with the same target, "" for a sole one.
        """
        ...


class SinkConnector(Protocol):
    """A connector's sink side. Options are checked against `sink_options` (name -> default)."""

    sink_options: Options

    def sink(
        self, options: Options, encoder: Encoder | None, schema: Schema, *, live: bool, staged: bool = False
    ) -> Sink:
        """Open the target. `live`: the job follows its source, so whole lines are appended instead of a rename at the end.

        `staged`: the job keeps the receipts of its epochs and goes on behind them, and wants each row once: what can be staged
        is, and what a receipt names outlives `abort` and `finish`. The sink's `delivery` says whether that is so.
        Raises `InputError` when the target cannot be written, before anything is read. Nothing of an earlier run's is
        discarded yet: that is `recover`'s.
        """
        ...
