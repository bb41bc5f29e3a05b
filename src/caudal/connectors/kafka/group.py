"""A worker's membership in a group: the partitions that it is given, where they stand, and what it commits as.

While partitions are taken away the client lets nobody else call the consumer (see `member`): where partitions stand is asked of the
cluster by another connection, and a partition is sought past the client's objects.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.connectors.kafka import rebalancing
from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import Access, code_of, library, reason
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.consuming import Consuming
from caudal.connectors.kafka.ends import EndsWatch
from caudal.connectors.kafka.member import Member
from caudal.connectors.kafka.partition import KafkaPartition
from caudal.connectors.kafka.placement import Placement
from caudal.connectors.kafka.placing import KafkaPlacing
from caudal.connectors.kafka.rebalancing import Rebalancing
from caudal.connectors.kafka.repartition import RepartitionTopic, Trimming, ensure
from caudal.connectors.kafka.source import Asked
from caudal.connectors.kafka.standing import Standing
from caudal.connectors.kafka.transaction import KafkaTransaction
from caudal.core.errors import InputError, RunError
from caudal.observe.log import log
from caudal.ports.group import Change, Given, Membership, Stand, Unstable
from caudal.ports.records import Decoded
from caudal.ports.transaction import Outcome

_AGAIN = 1.0
"""Seconds between two attempts to join a group that refuses: it still knows another member under this name, say."""
_PATIENCE = 120.0
"""Seconds within which a group lets a worker in: some sessions."""
_NO_COLUMNS = Columns({})


@dataclass(frozen=True, slots=True)
class Topics:
    """One of a group's sources: what it reads, the columns beside payloads, what its records are held to."""

    asked: Asked
    columns: Columns
    placement: Placement | None

    @property
    def wanted(self) -> Wanted:
        """What is wanted of its messages."""
        return Wanted(self.columns.key, self.columns.headers, self.asked.longest)


class KafkaGroup:
    """Keeps `ports.group.Group`."""

    def __init__(self, access: Access, sources: Mapping[str, Topics], membership: Membership) -> None:
        """Join. Raises `InputError`, within seconds, for what cannot be read; `RunError`."""
        self.domain = access.domain
        self._access = access
        self._sources = sources
        self._of = {topic: source for source in sources.values() for topic in source.asked.topics}
        self._group = membership.group
        self._membership = membership
        self._open = rebalancing.open_seconds(access)
        self._library = library()
        self._cluster = Cluster(access)
        self._cluster.check()
        self._counts = {name: self._count(name, source) for name, source in sources.items()}
        self._standing = Standing(access, self._group, self._first)
        self._changes: list[Change] = []
        """What members that were left behind had heard."""
        self._between: frozenset[str] = frozenset()
        """The repartition topics."""
        self._topics: set[str] = set()
        """What its workers write to."""
        self._trimming = Trimming(self._cluster)
        self._refused_since: float | None = None
        self._writer = ""
        """The name of this worker's transaction."""
        self._stood: Mapping[str, Stand] | None = None
        """Where partitions stood by commits under that name once the group had refused this worker, None while that is not known."""
        self._let_in = False
        self._member = self._as(rebalancing.first(access))
        self._watch = EndsWatch(self._cluster, lambda: self._member.reading())

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return of each source how many partitions each of its topics has."""
        return self._counts

    def reads(self, target: str) -> bool:
        """Whether what is written to a target would be read here."""
        return any(source.asked.reads(self.domain, target) for source in self._sources.values())

    def share(self, topics: Mapping[str, int]) -> None:
        """Join, with these repartition topics."""
        ensure(self._cluster, topics)
        self._between = frozenset(topics)
        self._member.join(self._flat, self._between)
        self._watch.start()

    def repartition(self, topic: str) -> RepartitionTopic:
        """Return the way into a repartition topic."""
        return RepartitionTopic(self._access, topic)

    def trim(self, ends: Mapping[str, int]) -> None:
        """What is before these offsets may go."""
        self._trimming({Part.named(name): end for name, end in ends.items()})

    def bounds(self, partitions: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        """Return where partitions begin and end."""
        return {
            part.name: found for part, found in self._cluster.bounds([Part.named(name) for name in partitions]).items()
        }

    def placing(self) -> Mapping[str, KafkaPlacing]:
        """Return how the records of each source are placed."""
        return {
            name: KafkaPlacing(self._access, self._cluster, source.placement)
            for name, source in self._sources.items()
            if source.placement is not None
        }

    def changes(self) -> Sequence[Change]:
        """Return what was given and taken since the last call, in this order."""
        member, consuming = self._member, self._member.consuming
        if consuming.failed:
            raise RunError(consuming.failed)
        if consuming.fenced and member.protocol.classic:  # who joins there fences off whoever has the name
            raise self._held()
        if consuming.outdated:
            self._fall_back()
        elif consuming.refused and time.monotonic() - member.joined_at >= _AGAIN:
            self._join_again(consuming.refused)
        changes, self._changes = [*self._changes, *self._member.changes()], []
        if any(isinstance(change, Given) for change in changes):
            self._refused_since, self._let_in = None, True
        return changes

    def found(self, partitions: Sequence[str]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand; waits a second for a transaction that hides it."""
        return self._standing.found([Part.named(name) for name in partitions])

    def start(self, partitions: Sequence[str]) -> Mapping[str, int]:
        """Return where partitions begin."""
        parts = [Part.named(name) for name in partitions]
        found: dict[Part, int] = dict.fromkeys(parts, 0)
        for source in self._sources.values():
            if asked := [part for part in parts if self._of.get(part.topic) is source]:
                found |= self._cluster.found(source.asked.start, asked)
        return {part.name: at for part, at in found.items()}

    def expel(self, writer: str) -> None:
        """Fence a writer off, and end what it has open."""
        log.info("kafka: the transaction of %s is ended", writer)
        foreign = self._opened(writer)
        foreign.sweep()
        foreign.close()

    def partition(self, name: str) -> KafkaPartition:
        """Return a partition; one that was taken away in the meantime has ended."""
        member, part = self._member, Part.named(name)
        feed = member.feed(name)
        columns = _NO_COLUMNS if part.topic in self._between else self._of[part.topic].columns
        made = KafkaPartition(member.consuming, part, columns, self._watch, start=0, feed=feed or _Gone())
        if feed is None:
            made.close()
        return made

    def release(self, partition: str) -> None:
        """All that was read of a partition is committed."""
        self._member.release(partition)

    def transaction(self, name: str) -> GroupedTransaction:
        """Open this worker's transaction."""
        self._writer = name
        return self._opened(name)

    def _opened(self, name: str) -> GroupedTransaction:
        return GroupedTransaction(
            self._access, name, self._first, self._open, standing=self._standing, topics=self._topics
        )

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to the partitioner that the pipeline relies on."""
        placement = self._of[Part.named(partition).topic].placement
        if placement is not None:
            placement.check(partition, rows)

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end, the high watermarks."""
        return {part.name: end for part, end in self._watch.known().items()}

    def close(self) -> None:
        """Leave the group; idempotent. What is still held is given up at once."""
        self._watch.close()
        self._member.close()
        self._standing.close()

    # -- the sources ---------------------------------------------------------------------------------------------

    @property
    def _first(self) -> str:
        """A topic that is there."""
        return next(iter(self._of))

    @property
    def _flat(self) -> Mapping[str, int]:
        """How many partitions each topic has."""
        return {topic: count for topics in self._counts.values() for topic, count in topics.items()}

    def _count(self, name: str, source: Topics) -> Mapping[str, int]:
        """Return how many partitions the topics of a source have, and hold it to these."""
        try:
            counts = self._cluster.partitions(source.asked.topics, "READ")
            source.asked.start.check(counts)
        except InputError as error:
            raise error.at(name) from error.__cause__
        if source.placement is not None:
            source.placement.counts(counts)
        return counts

    # -- joining -------------------------------------------------------------------------------------------------

    def _as(self, protocol: Rebalancing) -> Member:
        wanted = {topic: source.wanted for topic, source in self._of.items()}
        consuming = Consuming(
            rebalancing.shared(self._access),
            wanted[self._first],
            reader=self._of[self._first].asked.reader,
            expected=sum(self._flat.values()),
            group_id=self._group,
            **protocol.settings(self._access, self._membership),
        )
        return Member(self._cluster, consuming, protocol, wanted)

    def _join_again(self, why: str) -> None:
        """Join as a new member: the group refuses this one, whose session it took for dead, or still knows the one before."""
        now = time.monotonic()
        if self._refused_since is None:
            self._refused_since = now
            log.warning("kafka: the group '%s' does not let this worker in yet, which asks again: %s", self._group, why)
        if not self._let_in:
            self._look_for_another()
        if now - self._refused_since > _PATIENCE:
            raise RunError(
                f"the group '{self._group}' does not let this worker in",
                detail=why,
                hint="a worker of its name may run with another --checkpoint, or in another job: give one a --worker or --group of its own",
            )
        self._as_another(self._member.protocol)

    def _look_for_another(self) -> None:
        """Raise `RunError` where somebody commits under this worker's name, which has not committed anything yet itself.

        Somebody dead does not: opening this worker's transaction has ended what it had left open.
        """
        try:
            found = self._standing.found([Part(topic, n) for topic, count in self._flat.items() for n in range(count)])
        except RunError:
            return
        if isinstance(found, Unstable):
            return
        stands = {name: each for name, each in found.items() if each is not None}
        mine = {name: stand for name, stand in stands.items() if f'"{self._writer}"' in stand.token}
        if self._stood is not None and any(self._stood.get(name) != stand for name, stand in mine.items()):
            raise self._held()
        self._stood = mine if self._stood is None else self._stood

    def _held(self) -> RunError:
        return RunError(
            f"another worker runs under the name {self._membership.worker}, in the group '{self._group}'",
            hint="each worker of a group has a --worker name of its own; one group, one --checkpoint",
        )

    def _fall_back(self) -> None:
        """Join by the classic protocol: the brokers do not know the newer one."""
        if not rebalancing.falls_back(self._access):
            raise RunError(
                "the brokers do not know the group protocol of KIP-848",
                location=self.domain,
                hint='config={"group.protocol": "consumer"} asks for it: leave it out, and the classic one is spoken',
            )
        log.info("kafka: the brokers do not know KIP-848: the group '%s' speaks the classic protocol", self._group)
        self._as_another(rebalancing.CLASSIC)

    def _as_another(self, protocol: Rebalancing) -> None:
        self._changes += self._member.leave_behind()
        self._member = self._as(protocol)
        self._member.join(self._flat, self._between)


class GroupedTransaction(KafkaTransaction):
    """The transaction of a worker of a group; keeps `ports.group.GroupTransaction`."""

    def __init__(
        self, access: Access, name: str, mark: str, timeout: float, *, standing: Standing, topics: set[str]
    ) -> None:
        """`standing`: of the group; `topics`: what its workers write to, which grows."""
        super().__init__(access, name, mark, "murmur2", timeout)
        self._topics = topics
        self._shared = standing
        self._last: tuple[str, Stand] | None = None
        """Where one of the partitions of the last epoch would stand."""

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._refused = False
        super().begin(epoch)

    def stands(self, stands: Mapping[str, Stand], member: Any) -> None:
        """Put in where partitions stand."""
        offsets = [
            self._library.TopicPartition(part.topic, part.number, stand.offset, stand.token)
            for part, stand in ((Part.named(name), stand) for name, stand in stands.items())
        ]
        self._last = next(iter(stands.items()))
        if member is None:
            self._refused = True
            return
        try:
            self._called(lambda: self._client.send_offsets_to_transaction(offsets, member, 10.0))
        except Refused as refused:
            log.info("kafka: %s", refused)
            self._refused = True

    def commit(self) -> Outcome:
        """Commit the epoch, unless the group has refused it."""
        if self._refused:
            self.abort()
            return "aborted"
        return super().commit()

    def _group(self) -> Standing:
        return self._shared

    def _stood(self) -> bool:
        if self._last is None:
            return False
        name, stand = self._last
        found = self._shared.found([Part.named(name)])
        return not isinstance(found, Unstable) and found[name] == stand

    def _fence(self, error: Any) -> None:
        errors = self._library.KafkaError
        if code_of(error) in (
            *(errors.ILLEGAL_GENERATION, errors.UNKNOWN_MEMBER_ID, errors.STALE_MEMBER_EPOCH),
            *(errors.FENCED_INSTANCE_ID, errors.REBALANCE_IN_PROGRESS),
        ):
            raise Refused(reason(error)) from None
        super()._fence(error)


class Refused(Exception):
    """The group is in a newer generation, or does not know this member."""


class _Gone:
    """The feed of a partition that is this worker's no more."""

    position = -1

    def take(self, size: int, seconds: float) -> None:
        """There is nothing."""

    def clear(self) -> None:
        """There is nothing."""

    def close(self) -> None:
        """There is nothing."""
