"""A broker in memory: topics that transactions write to, read by whoever reads what is committed.

It keeps what `ports.transaction` says, and can be told to lose an answer, before or after it has done what was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caudal.ports.group import GroupTransaction
from caudal.ports.sink import Immediate, Receipt
from caudal.ports.transaction import Fenced, Outcome, Transaction

if TYPE_CHECKING:
    import pyarrow as pa


class Broker:
    """`rows`: what readers see, by topic. `lose`: the next commit's answer is lost, "before" or "after" it was done; "refuse": it
    is aborted.
    """

    domain = "fake://broker"

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.committed: dict[str, str] = {}
        self.holders: dict[str, BrokerTransaction] = {}
        self.lose = ""
        self.under_way: list[BrokerTransaction] = []
        """Commits that were sent and not done yet: they may still be, unless their transaction was opened anew."""

    def arrive(self) -> None:
        """Let what is under way arrive."""
        arriving, self.under_way = self.under_way, []
        for transaction in arriving:
            if self.holders.get(transaction.name) is transaction and not transaction.renewed:
                transaction.apply()


class BrokerTransaction:
    """The transaction of one name; keeps `ports.transaction.Transaction`."""

    def __init__(self, broker: Broker, name: str) -> None:
        self.domain = broker.domain
        self.name = name
        self.renewed = False
        self.pending: list[tuple[str, dict[str, Any]]] = []
        self._broker = broker
        self._next = ""
        broker.holders[name] = self

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._check()
        self.renewed = False
        self.pending, self._next = [], ""

    def send(self, topic: str, rows: list[dict[str, Any]]) -> None:
        """Write rows."""
        self._check()
        self.pending += [(topic, row) for row in rows]

    def token(self, token: str) -> None:
        """Put the token in."""
        self._check()
        assert token.isascii()
        assert len(token) <= 3000
        self._next = token

    def commit(self) -> Outcome:
        """Commit."""
        self._check()
        lose, self._broker.lose = self._broker.lose, ""
        if lose == "before":
            self._broker.under_way.append(self)
            return "unknown"
        if lose == "refuse":
            self.abort()
            return "aborted"
        self.apply()
        return "unknown" if lose else "committed"

    def apply(self) -> None:
        """Do what a commit asks for."""
        for topic, row in self.pending:
            self._broker.rows.setdefault(topic, []).append(row)
        self._broker.committed[self.name] = self._next
        self.pending = []

    def abort(self) -> None:
        """Discard the epoch."""
        self.pending = []

    def recall(self) -> str:
        """Return what was last committed; what is under way cannot happen any more."""
        self._check()
        self.renewed = True
        return self._broker.committed.get(self.name, "")

    def close(self) -> None:
        """Let it go."""
        self.abort()

    def _check(self) -> None:
        if self._broker.holders.get(self.name) is not self:
            raise Fenced(f"{self.name} was opened by another")


class BrokerSink(Immediate):
    """A topic of a broker; keeps `ports.sink.TransactionalSink`."""

    delivery = "exactly-once"

    def __init__(self, broker: Broker, topic: str) -> None:
        self.where = f"{broker.domain}/{topic}"
        self.domain = broker.domain
        self._broker = broker
        self._topic = topic
        self._transaction: BrokerTransaction | None = None

    def transaction(self, name: str) -> Transaction:
        """Open the transaction of a worker."""
        return BrokerTransaction(self._broker, name)

    def enlist(self, transaction: Transaction | GroupTransaction) -> None:
        """Write through it."""
        assert isinstance(transaction, BrokerTransaction)
        self._transaction = transaction

    def encode(self, table: pa.Table) -> Any:
        """Return the rows as dicts."""
        return table.to_pylist()

    def write(self, payload: Any) -> None:
        """Write rows into the transaction."""
        assert self._transaction is not None
        self._transaction.send(self._topic, payload)

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """All rows are taken at once."""
