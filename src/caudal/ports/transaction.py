"""The contract of a transaction: what a worker commits at once, or not at all.

A worker has one at a time, in one system. Everything that an epoch leaves behind goes into it: the rows of its
transactional sinks, and a token that names the epoch's state, with the positions of its sources. What the system knows of the
last commit is then all that a worker needs to go on from, or another in its stead.
"""

from __future__ import annotations

from typing import Literal, Protocol

from caudal.core.errors import RunError

Outcome = Literal["committed", "aborted", "unknown"]
"""What became of a transaction. "unknown": the answer was lost (a time-out, a broken connection); it may be either, or become
either later, until `Transaction.recall` has been asked."""


class Fenced(Exception):
    """Another has opened the transaction under the same name, or owns the partitions: nothing of this worker's counts any more.

    The worker ends; it must not try again.
    """


class Unanswered(RunError):
    """The system does not answer for now. What was asked of it may have happened: `Transaction.recall` tells, once it answers."""


class Transaction(Protocol):
    """The transaction of one worker, one epoch after another. Used by one thread at a time; sinks write through it."""

    domain: str
    """See `ports.sink.TransactionalSink.domain`."""

    def begin(self, epoch: int) -> None:
        """Begin an epoch: what is written from now on belongs to it. Raises `Fenced`."""
        ...

    def token(self, token: str) -> None:
        """Put its token into the epoch: at most 3,000 characters of ASCII, on one line. Raises `Fenced`."""
        ...

    def commit(self) -> Outcome:
        """Commit the epoch. Raises `Fenced`; a connection that breaks is the outcome "unknown", never an exception."""
        ...

    def abort(self) -> None:
        """Discard the epoch. Idempotent, never raises."""
        ...

    def recall(self) -> str:
        """Return the token that was last committed, once and for all; "": none was, as far as the system knows.

        That is ambiguous (what it knew may have expired), so whoever expects state from earlier epochs fails there.
        Opens the transaction anew first, so that a commit that is still under way can no longer happen: after an outcome
        "unknown", the token says whether the epoch was committed.
        """
        ...

    def close(self) -> None:
        """Let it go, aborting what is open. Idempotent, never raises."""
        ...
