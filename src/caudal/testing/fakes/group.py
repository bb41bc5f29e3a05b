"""A group in memory: partitions of a topic that a test gives to workers and takes away, and where each of them stands."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from caudal.columnar import ipc
from caudal.core.errors import RunError
from caudal.ports.group import Change, Given, Renewed, Stand, Unstable
from caudal.ports.records import Block, Decoded
from caudal.ports.source import End, Nothing, Revoked
from caudal.ports.transaction import Outcome
from caudal.testing.fakes.broker import Broker, BrokerSink, BrokerTransaction
from caudal.testing.fakes.topic import Message, TopicPartition

ONE: Mapping[str, Sequence[str]] = {"in": ()}


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


class FakePlacing:
    """Messages with a JSON object each, placed by the CRC-32 of one of its texts; keeps `ports.group.Placing`."""

    def __init__(self, partitions: Mapping[str, Sequence[Message]], column: str) -> None:
        self._partitions = partitions
        self._column = column
        self._counts: Mapping[str, int] = {}

    @staticmethod
    def place(key: str, partitions: int) -> int:
        """Return the partition of a key."""
        return zlib.crc32(key.encode()) % partitions

    def numbers(self, keys: Any, partitions: int) -> Sequence[int]:
        """Return the partition of each value."""
        return [self.place(key, partitions) for key in keys.to_pylist()]

    def hold(self, counts: Mapping[str, int]) -> None:
        """Hold rows to so many partitions."""
        self._counts = counts

    def behind(self, stands: Mapping[str, int]) -> Mapping[str, int]:
        """Return the offset behind the last message that has its place elsewhere."""
        found: dict[str, int] = {}
        for name, at in stands.items():
            topic, _, number = name.rpartition("/")
            for message in self._partitions[name]:
                key = json.loads(message.value)[self._column]
                if message.offset >= at and self.place(key, self._count(topic)) != int(number):
                    found[name] = message.offset + 1
        return found

    def check(self, partition: str, rows: Decoded) -> None:
        """Raise `RunError` for a row of another partition's."""
        topic, _, number = partition.rpartition("/")
        count = self._counts.get(topic) or self._count(topic)
        for key in rows.columns[self._column].to_list():
            if self.place(key, count) != int(number):
                raise RunError(f"a record of {partition} is of partition {self.place(key, count)}")

    def _count(self, topic: str) -> int:
        return sum(name.rpartition("/")[0] == topic for name in self._partitions)


class Coordinator:
    """Keeps the group. `owners`: to whom each partition is given, by the worker's name; `stands`: where it stands."""

    def __init__(
        self, broker: Broker, partitions: Mapping[str, Sequence[Message]], sources: Mapping[str, Sequence[str]] = ONE
    ) -> None:
        """`sources`: the topics of each, by operator id; of one, none: all there are."""
        self.broker = broker
        self.sources = sources
        self.partitions = partitions
        self.owners: dict[str, str] = {}
        self.stands: dict[str, Stand] = {}
        self.members: dict[str, FakeGroup] = {}
        self.lock = threading.Condition()
        """Each of its answers is one step; who waits for it hears of each commit, and of what is released."""
        self.released: list[tuple[str, str]] = []
        self.placed_by: Mapping[str, str] = {}
        """The column by which messages of a source are placed, but for those of which nobody knows."""
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
        self.topics: frozenset[str] | None = None
        """The repartition topics that it takes partitions of, beside the source's; None: it takes none yet."""
        self._coordinator = coordinator
        self._placing = {
            source: FakePlacing(coordinator.partitions, column) for source, column in coordinator.placed_by.items()
        }

    def share(self, topics: Mapping[str, int]) -> None:
        """Make repartition topics."""
        self.topics = frozenset(topics)
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

    def bounds(self, partitions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Return where partitions begin and end."""
        known = self._coordinator.partitions
        ends = {name: len(self._coordinator.broker.rows.get(name, ())) for name in partitions if name not in known}
        given = {name: known[name] for name in partitions if name in known}
        bounds = {name: (each[0].offset, each[-1].offset + 1) if each else (0, 0) for name, each in given.items()}
        return {name: bounds.get(name, (0, ends.get(name, 0))) for name in partitions}

    def placing(self) -> Mapping[str, FakePlacing]:
        """Return how messages are placed, where a test has said so."""
        return self._placing

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return of each source how many partitions each of its topics has."""
        counts = Counter(name.rpartition("/")[0] for name in self._coordinator.partitions)
        return {
            source: {topic: counts[topic] for topic in topics or counts}
            for source, topics in self._coordinator.sources.items()
        }

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
        return {name: known[name][0].offset if known.get(name) else 0 for name in partitions}

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to what a test relies on; see `Coordinator.placing`."""
        topic = partition.rpartition("/")[0]
        for source, placing in self._placing.items():
            if topic in (self._coordinator.sources[source] or (topic,)):
                placing.check(partition, rows)

    def ends(self) -> Mapping[str, int]:
        """Return the ends."""
        return {name: each[-1].offset + 1 for name, each in self._coordinator.partitions.items() if each}

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
        """Leave: what it still has is nobody's."""
        self.closed = True
        self._coordinator.expel(self.worker)


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
