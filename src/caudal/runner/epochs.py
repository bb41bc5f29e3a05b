"""The epochs of a job's outputs: all sinks prepare, one point decides, all publish.

Until the decision nothing is visible that can be held back, so that a disk that is full for one sink leaves the targets of
the others as they were. Today a job has one epoch, which ends with its data; what decides is the transaction where a
sink has one, else that all have prepared.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping

from caudal.core.errors import OptionError, RunError
from caudal.ports.engine import Execution
from caudal.ports.sink import Sink, TransactionalSink
from caudal.ports.transaction import Fenced, Transaction
from caudal.runner.sharing import SharedSink


class Epochs:
    """Brings the sinks of one job, by operator id, from their beginning to their end. Used by one thread."""

    def __init__(self, sinks: Mapping[str, Sink], pipeline: str) -> None:
        """Begin anew. Raises `OptionError` for sinks that cannot be committed at once, `RunError` where one cannot begin."""
        self.sinks = dict(sinks)
        """What the engine is to write to."""
        self._epoch = 1
        self._transaction = enlisted(sinks, f"{pipeline}.0")
        try:
            if self._transaction is not None:
                self._transaction.begin(self._epoch)
            for sink in sinks.values():
                sink.recover(0, None)
        except BaseException as error:
            self.abort()
            if isinstance(error, Fenced):
                raise taken_over(error) from error
            raise

    def start(self, execution: Execution) -> None:
        """The engine is ready: nothing more is to be done."""

    def leave(self, names: Collection[str]) -> None:
        """Discard what these sinks hold, and end without them; what they share with others stays."""
        left = [self.sinks.pop(name) for name in names]
        shared = {id(sink.target) for sink in self.sinks.values() if isinstance(sink, SharedSink)}
        for name, sink in zip(names, left, strict=True):
            if isinstance(sink, SharedSink) and id(sink.target) in shared:
                self.sinks[name] = sink
            else:
                sink.abort()

    def end(self) -> None:
        """The end of data: the rows of all sinks become visible. Raises `RunError`; before the decision nothing has."""
        receipts = {name: sink.prepare(self._epoch, last=True) for name, sink in self.sinks.items()}
        self._commit()
        for name, sink in self.sinks.items():
            sink.publish(self._epoch, receipts[name])
        for sink in self.sinks.values():
            sink.finish()

    def drain(self) -> dict[str, str]:
        """A stop before the end of data: return where each sink has put its rows."""
        where = {name: sink.drain() for name, sink in self.sinks.items()}
        self._commit()
        return where

    def abort(self) -> None:
        """A failure: discard what was not published. Never raises."""
        for sink in self.sinks.values():
            sink.abort()
        if self._transaction is not None:
            self._transaction.abort()
            self._transaction.close()

    def _commit(self) -> None:
        if self._transaction is None:
            return
        token = secrets.token_hex(16)
        try:
            self._transaction.token(token)
            outcome = self._transaction.commit()
            if outcome == "unknown":
                outcome = "committed" if self._transaction.recall() == token else "aborted"
        except Fenced as fenced:
            raise taken_over(fenced) from fenced
        if outcome != "committed":
            raise RunError(f"the outputs could not be committed to {self._transaction.domain}")
        self._transaction.close()


def enlisted(sinks: Mapping[str, Sink], name: str) -> Transaction | None:
    """Return the transaction of the sinks that take part in one; None where none does."""
    taking_part = [sink for sink in sinks.values() if isinstance(sink, TransactionalSink)]
    domains = sorted({sink.domain for sink in taking_part})
    if len(domains) > 1:
        raise OptionError(
            f"outputs in {' and '.join(domains)} cannot be committed at once",
            hint="a worker has one transaction: write to one of them, and copy from there",
        )
    transaction = taking_part[0].transaction(name) if taking_part else None
    for sink in taking_part:
        assert transaction is not None
        sink.enlist(transaction)
    return transaction


def taken_over(fenced: Fenced) -> RunError:
    """Return the error of a run whose place another has taken."""
    return RunError(
        "another run has taken this one's place",
        detail=str(fenced),
        hint="a pipeline of one name has one writer at a time: give one of them another name",
    )
