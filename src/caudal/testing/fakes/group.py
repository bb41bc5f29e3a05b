"""A group in memory: partitions of a topic that a test gives to workers and takes away, and where each of them stands."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from caudal.columnar import ipc
from caudal.ports.group import Change, Given, Renewed, Stand, Unstable
from caudal.ports.records import Block, Decoded
from caudal.ports.source import End, Nothing, Revoked
from caudal.ports.transaction import Outcome
from caudal.testing.fakes.broker import Broker, BrokerSink, BrokerTransaction
from caudal.testing.fakes.topic import Message, TopicPartition


class LivePartition(TopicPartition):
    """A partition that has nothing for now, where it might end."""

    live = True

    def read(self, size: int) -> Block | Nothing | End:
        """Return about so many bytes of messages."""
        got = super().read(size)
        return Nothing() if isinstance(got, End) else got


class GrowingPartition:
    """A partition of a repartition topic: what transactions have written to it; keeps `ports.source.Partition`."""

    live = True
    patient = True
    start = 0

    def __init__(self, name: str, written: list[Any]) -> None:
        self.name = name
        self._written = written
        self._at = 0

    def head(self) -> bytes:
        """Messages have no head."""
        return b""

    def seek(self, position: int) -> None:
        """Read on from an offset."""
        self._at = position

    def read(self, size: int) -> Block | Nothing | End:
        """Return about so many bytes of messages."""
        messages = [Message(self._at + i, value) for i, value in enumerate(self._written[self._at :])]
        if not messages:
            return Nothing()
        taken = TopicPartition(self.name, messages).read(size)
        assert isinstance(taken, Block)
        self._at = taken.end
        return taken

    def close(self) -> None:
        """Nothing is held."""


class FakeRepartition(BrokerSink):
    """The way into a repartition topic: a list of messages for each partition."""

    def encode(self, table: Any) -> Any:
        """Return the partition and the message."""
        return table.schema.metadata[b"to"].decode(), ipc.to_bytes(table)

    def write(self, payload: Any) -> None:
        """Write a message into the transaction."""
        assert self._transaction is not None
        partition, message = payload
        self._transaction.send(f"{self._topic}/{partition}", [message])


class Coordinator:
    """Keeps the group. `owners`: to whom each partition is given, by the worker's name; `stands`: where it stands."""

    def __init__(self, broker: Broker, partitions: Mapping[str, Sequence[Message]]) -> None:
        self.broker = broker
        self.partitions = partitions
        self.owners: dict[str, str] = {}
        self.stands: dict[str, Stand] = {}
        self.members: dict[str, FakeGroup] = {}
        self.lock = threading.Condition()
        """Each of its answers is one step; who waits for it hears of each commit, and of what is released."""
        self.released: list[tuple[str, str]] = []
        self.between: dict[str, int] = {}
        """Partitions of repartition topics, and up to where they may be deleted."""

    def join(self, worker: str) -> FakeGroup:
        """Let a worker join; it is given nothing yet."""
        self.members[worker] = FakeGroup(self, worker)
        return self.members[worker]

    def give(self, worker: str, *partitions: str) -> None:
        """Give partitions to a worker, once their owners have released them."""
        with self.lock:
            for name in partitions:
                assert name not in self.owners, f"{name} is {self.owners.get(name)}'s"
                self.owners[name] = worker
                self.members[worker].pending.append(Given(name))
            self.members[worker].renew()

    def take(self, *partitions: str, lost: bool = False) -> None:
        """Take partitions away."""
        with self.lock:
            for name in partitions:
                member = self.members[self.owners[name]]
                member.pending.append(Revoked(name, lost))
                if lost:
                    member.renew()
                    del self.owners[name]

    def expel(self, worker: str) -> None:
        """The worker seems dead: what was given to it is nobody's."""
        with self.lock:
            self.owners = {name: owner for name, owner in self.owners.items() if owner != worker}


class FakeGroup:
    """One membership; keeps `ports.group.Group`."""

    def __init__(self, coordinator: Coordinator, worker: str) -> None:
        self.domain = coordinator.broker.domain
        self.worker = worker
        self.pending: list[Change] = []
        self.generation = 0
        self.closed = False
        self._coordinator = coordinator

    def share(self, topics: Mapping[str, int]) -> None:
        """Make repartition topics."""
        with self._coordinator.lock:
            for topic, count in topics.items():
                for number in range(count):
                    self._coordinator.between.setdefault(f"{topic}/{number}", 0)

    def repartition(self, topic: str) -> FakeRepartition:
        """Return the way into a repartition topic."""
        return FakeRepartition(self._coordinator.broker, topic)

    def trim(self, ends: Mapping[str, int]) -> None:
        """Take note of what may go."""
        with self._coordinator.lock:
            self._coordinator.between |= ends

    def counts(self) -> Mapping[str, int]:
        """Return how many partitions each topic of the source has."""
        counts: dict[str, int] = {}
        for name in self._coordinator.partitions:
            topic = name.rpartition("/")[0]
            counts[topic] = counts.get(topic, 0) + 1
        return counts

    def changes(self) -> Sequence[Change]:
        """Return what came and went."""
        with self._coordinator.lock:
            changes, self.pending = self.pending, []
            return changes

    def renew(self) -> None:
        """Come to a new generation."""
        self.generation += 1
        self.pending.append(Renewed(self.generation))

    def found(self, partitions: Sequence[str]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand, unless a transaction that is under way may still move them."""
        with self._coordinator.lock:
            for transaction in self._coordinator.broker.under_way:
                moves = isinstance(transaction, FakeTransaction) and transaction.moves & set(partitions)
                if moves and not transaction.renewed:
                    return Unstable()
            return {name: self._coordinator.stands.get(name) for name in partitions}

    def start(self, partitions: Sequence[str]) -> Mapping[str, int]:
        """Begin at the first message."""
        known = self._coordinator.partitions
        return {name: known[name][0].offset if name in known else 0 for name in partitions}

    def check(self, partition: str, rows: Decoded) -> None:
        """Nothing is relied on."""

    def ends(self) -> Mapping[str, int]:
        """Return the ends."""
        return {name: messages[-1].offset + 1 for name, messages in self._coordinator.partitions.items()}

    def expel(self, writer: str) -> None:
        """End what the writer has under way."""
        FakeTransaction(self._coordinator, self, writer)

    def partition(self, name: str) -> LivePartition | GrowingPartition:
        """Return a reader."""
        if name in self._coordinator.between:
            return GrowingPartition(name, self._coordinator.broker.rows.setdefault(name, []))
        return LivePartition(name, self._coordinator.partitions[name])

    def release(self, partition: str) -> None:
        """Give up."""
        with self._coordinator.lock:
            if self._coordinator.owners.get(partition) == self.worker:
                del self._coordinator.owners[partition]
            self._coordinator.released.append((self.worker, partition))
            self._coordinator.lock.notify_all()

    def transaction(self, name: str) -> FakeTransaction:
        """Open the worker's transaction."""
        return FakeTransaction(self._coordinator, self, name)

    def close(self) -> None:
        """Leave."""
        self.closed = True


class FakeTransaction(BrokerTransaction):
    """A transaction that moves partitions; keeps `ports.group.GroupTransaction`."""

    def __init__(self, coordinator: Coordinator, group: FakeGroup, name: str) -> None:
        broker = coordinator.broker
        broker.under_way = [each for each in broker.under_way if each.name != name]
        super().__init__(broker, name)
        self._coordinator = coordinator
        self._group = group
        self._stands: dict[str, Stand] = {}
        self._member: Any = None

    @property
    def moves(self) -> set[str]:
        """The partitions that it moves."""
        return set(self._stands)

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        super().begin(epoch)
        self._stands = {}

    def stands(self, stands: Mapping[str, Stand], member: Any) -> None:
        """Put partitions in."""
        self._check()
        assert all(stand.token.isascii() for stand in stands.values())
        self._stands, self._member = dict(stands), member

    def commit(self) -> Outcome:
        """Commit, unless the generation is an old one, or the group has given the worker up."""
        with self._coordinator.lock:
            owned = {name for name, owner in self._coordinator.owners.items() if owner == self._group.worker}
            if self._member != self._group.generation or not self._stands.keys() <= owned:
                self.abort()
                return "aborted"
            return super().commit()

    def apply(self) -> None:
        """Do what a commit asks for."""
        with self._coordinator.lock:
            super().apply()
            self._coordinator.stands |= self._stands
            self._coordinator.lock.notify_all()

    def renew(self) -> None:
        """Open it anew."""
        self._check()
        self.renewed = True
        broker = self._coordinator.broker
        broker.under_way = [each for each in broker.under_way if each is not self]
