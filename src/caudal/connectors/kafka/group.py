"""A worker's membership in a group: the partitions that it is given, where they stand, and what it commits as.

Callbacks come in the thread that polls. One that takes partitions away waits there until all that was read of them is committed, so that
whoever gets them next goes on behind that; heartbeats go on meanwhile. While it waits the client lets nobody else call the
consumer: where partitions stand is asked of the cluster by another connection, and a partition is sought past the client's objects.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import Access, code_of, library, reason
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.consuming import Consuming, Feed
from caudal.connectors.kafka.ends import EndsWatch
from caudal.connectors.kafka.partition import KafkaPartition
from caudal.connectors.kafka.placement import Placement
from caudal.connectors.kafka.repartition import RepartitionTopic, Trimming, ensure
from caudal.connectors.kafka.source import Asked
from caudal.connectors.kafka.standing import Standing
from caudal.connectors.kafka.transaction import KafkaTransaction
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.group import Change, Given, Membership, Renewed, Stand, Unstable
from caudal.ports.records import Decoded
from caudal.ports.source import Revoked
from caudal.ports.transaction import Outcome

_RELEASE = 60.0
"""Seconds that the job has to commit what was read of partitions that are taken away."""
_AGAIN = 1.0
"""Seconds between two attempts to join a group that refuses: it still knows another member under this name, say."""
_PATIENCE = 120.0
"""Seconds within which a group lets a worker in: some sessions."""
_REFRESH = 0.2
"""Seconds between two looks at which generation the group is in."""
_OPEN = 6
"""Seconds after which the cluster aborts the open transaction of a worker that is gone: about a session."""
_NO_COLUMNS = Columns({})
_BETWEEN = Wanted(key=False, headers=False, longest=1 << 30)
"""What is wanted of the messages of repartition topics, however long they are."""


class KafkaGroup:
    """Keeps `ports.group.Group`."""

    def __init__(
        self, access: Access, asked: Asked, columns: Columns, placement: Placement | None, membership: Membership
    ) -> None:
        """Join. Raises `InputError`, within seconds, for what cannot be read; `RunError`."""
        self.domain = access.domain
        self._access = access
        self._asked = asked
        self._columns = columns
        self._placement = placement
        self._group = membership.group
        self._library = library()
        self._cluster = Cluster(access)
        self._cluster.check()
        self._counts = self._cluster.partitions(asked.topics, "READ")
        if placement is not None:
            placement.counts(self._counts)
        self._standing = Standing(access, self._group, asked.topics[0])
        self._changed = threading.Condition()
        self._changes: list[Change] = []
        self._feeds: dict[str, Feed] = {}
        """Those of the partitions that are this worker's."""
        self._releasing: set[str] = set()
        self._metadata: Any = None
        self._refreshed = 0.0
        self._closing = False
        self._between: frozenset[str] = frozenset()
        """The repartition topics."""
        self._trimming = Trimming(self._cluster)
        self._refused_since: float | None = None
        self._joined_at = 0.0
        self._protocol = _protocol(access, membership)
        self._consuming = self._consumer()
        self._watch = EndsWatch(self._cluster, self._reading)

    def counts(self) -> Mapping[str, int]:
        """Return how many partitions each topic of the source has."""
        return self._counts

    def share(self, topics: Mapping[str, int]) -> None:
        """Join, with these repartition topics."""
        ensure(self._cluster, topics)
        self._between = frozenset(topics)
        self._join()
        self._watch.start()

    def repartition(self, topic: str) -> RepartitionTopic:
        """Return the way into a repartition topic."""
        return RepartitionTopic(self._access, topic)

    def trim(self, ends: Mapping[str, int]) -> None:
        """What is before these offsets may go."""
        self._trimming({_part(name): end for name, end in ends.items()})

    def changes(self) -> Sequence[Change]:
        """Return what was given and taken since the last call, in this order."""
        if self._consuming.failed:
            raise RunError(self._consuming.failed)
        if self._consuming.refused and time.monotonic() - self._joined_at >= _AGAIN:
            self._join_again()
        with self._changed:
            changes, self._changes = self._changes, []
        return changes

    def found(self, partitions: Sequence[str]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand; waits a second for a transaction that hides it."""
        return self._standing.found([_part(name) for name in partitions])

    def start(self, partitions: Sequence[str]) -> Mapping[str, int]:
        """Return where partitions begin."""
        parts = [_part(name) for name in partitions]
        asked = [part for part in parts if part.topic not in self._between]
        found = self._cluster.found(self._asked.start, asked) if asked else {}
        return {part.name: found.get(part, 0) for part in parts}

    def expel(self, writer: str) -> None:
        """Fence a writer off, and end what it has open."""
        log.info("kafka: the transaction of %s is ended", writer)
        KafkaTransaction(self._access, writer, self._asked.topics[0], "murmur2").close()

    def partition(self, name: str) -> KafkaPartition:
        """Return a partition; one that was taken away in the meantime has ended."""
        with self._changed:
            feed = self._feeds.get(name)
        columns = _NO_COLUMNS if _part(name).topic in self._between else self._columns
        made = KafkaPartition(self._consuming, _part(name), columns, self._watch, start=0, feed=feed or _Gone())
        if feed is None:
            made.close()
        return made

    def release(self, partition: str) -> None:
        """All that was read of a partition is committed."""
        with self._changed:
            self._releasing.discard(partition)
            self._changed.notify_all()

    def transaction(self, name: str) -> GroupedTransaction:
        """Open this worker's transaction."""
        return GroupedTransaction(self._access, name, self._asked.topics[0], "murmur2")

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to the partitioner that the pipeline relies on."""
        if self._placement is not None:
            self._placement.check(partition, rows)

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end, the high watermarks."""
        return {part.name: end for part, end in self._watch.known().items()}

    def close(self) -> None:
        """Leave the group; idempotent. What is still held is given up at once."""
        with self._changed:
            self._closing = True
            self._releasing.clear()
            self._changed.notify_all()
        self._watch.close()
        self._consuming.close()
        self._standing.close()

    # -- joining -------------------------------------------------------------------------------------------------

    def _consumer(self) -> Consuming:
        columns, asked = self._columns, self._asked
        consuming = Consuming(
            self._access,
            Wanted(columns.key, columns.headers, asked.longest),
            reader=asked.reader,
            expected=sum(self._counts.values()),
            group_id=self._group,
            **self._protocol,
        )
        consuming.after_poll = self._refresh
        return consuming

    def _join(self) -> None:
        topics = [*self._asked.topics, *sorted(self._between)]
        self._joined_at = time.monotonic()
        self._consuming.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        self._consuming.start()

    def _join_again(self) -> None:
        """Join as a new member: the group refuses this one, whose session it took for dead, or still knows the one before."""
        why = self._consuming.refused
        now = time.monotonic()
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since > _PATIENCE:
            raise RunError(f"the group '{self._group}' does not let this worker in", detail=why)
        log.info("kafka: joining the group anew: %s", why)
        with self._changed:
            self._changes += [Revoked(name, lost=True) for name in self._feeds]
            self._feeds, self._metadata = {}, None
        threading.Thread(target=self._consuming.close, name="caudal-kafka-close", daemon=True).start()
        self._consuming = self._consumer()
        self._join()

    # -- in the thread that polls --------------------------------------------------------------------------------

    def _assigned(self, consumer: Any, given: list[Any]) -> None:
        self._consuming.turns += 1
        if not given:
            self._renew(consumer)
            return
        self._refused_since = None
        names = [f"{each.topic}/{each.partition}" for each in given]
        feeds = {name: self._feed(_part(name)) for name in names}
        # where each ends, so that nothing is fetched before it was sought where it stands; as a number, for what the client finds out
        # by itself may come late, and would move it from where it was sought meanwhile
        ends = self._ends([_part(name) for name in names])
        consumer.incremental_assign(
            [self._library.TopicPartition(part.topic, part.number, end) for part, end in ends.items()]
        )
        with self._changed:
            self._feeds |= feeds
            self._changes += [Given(name) for name in names]
        self._renew(consumer)

    def _ends(self, parts: list[Part]) -> dict[Part, int]:
        """Return where partitions end; waits until the cluster says so, or the worker closes. Raises `RunError`."""
        ends: dict[Part, int] = {}
        until = time.monotonic() + _RELEASE
        while missing := [part for part in parts if part not in ends]:
            ends |= self._cluster.ends(missing, 2.0)
            if self._closing:
                return dict.fromkeys(parts, int(self._library.OFFSET_END))
            if time.monotonic() > until:
                raise RunError(f"the cluster does not say where {missing[0].name} ends", location=self.domain)
        return {part: ends[part] for part in parts}

    def _feed(self, part: Part) -> Feed:
        return self._consuming.feed(part, _BETWEEN if part.topic in self._between else None)

    def _revoked(self, consumer: Any, given: list[Any]) -> None:
        self._consuming.turns += 1
        names = [f"{each.topic}/{each.partition}" for each in given]
        with self._changed:
            if not self._closing:
                self._releasing |= {name for name in names if name in self._feeds}
                self._changes += [Revoked(name) for name in names if name in self._feeds]
                if not self._changed.wait_for(lambda: self._closing or not self._releasing, _RELEASE):
                    log.warning("kafka: given up before they were committed: %s", ", ".join(sorted(self._releasing)))
                    self._changes += [Revoked(name, lost=True) for name in sorted(self._releasing)]
                self._releasing.clear()
        self._let_go(consumer, given, names)

    def _lost(self, consumer: Any, given: list[Any]) -> None:
        self._consuming.turns += 1
        names = [f"{each.topic}/{each.partition}" for each in given]
        with self._changed:
            self._changes += [Revoked(name, lost=True) for name in names if name in self._feeds]
        self._let_go(consumer, given, names)

    def _let_go(self, consumer: Any, given: list[Any], names: list[str]) -> None:
        with self._changed:
            for name in names:
                self._feeds.pop(name, None)
        for name in names:
            self._consuming.drop(_part(name), assigned=False)
        consumer.incremental_unassign(given)
        self._renew(consumer)

    def _refresh(self, consumer: Any) -> None:
        """Take note of the group's generation, which goes on while partitions stay."""
        now = time.monotonic()
        if now - self._refreshed >= _REFRESH:
            self._refreshed = now
            self._renew(consumer)

    def _renew(self, consumer: Any) -> None:
        try:
            metadata = consumer.consumer_group_metadata()
        except (self._library.KafkaException, RuntimeError) as error:  # it is no member for now
            log.debug("kafka: %s", reason(error))
            return
        if metadata is None or bytes(metadata) == self._metadata:
            return
        with self._changed:
            self._metadata = bytes(metadata)
            self._changes.append(Renewed(metadata))

    def _reading(self) -> list[Part]:
        with self._changed:
            return [_part(name) for name in self._feeds]


class GroupedTransaction(KafkaTransaction):
    """The transaction of a worker of a group; keeps `ports.group.GroupTransaction`."""

    timeout = float(_OPEN)

    def begin(self, epoch: int) -> None:
        """Begin an epoch."""
        self._refused = False
        super().begin(epoch)

    def stands(self, stands: Mapping[str, Stand], member: Any) -> None:
        """Put in where partitions stand."""
        offsets = [
            self._library.TopicPartition(part.topic, part.number, stand.offset, stand.token)
            for part, stand in ((_part(name), stand) for name, stand in stands.items())
        ]
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

    def renew(self) -> None:
        """Open it anew."""
        self._abandon()
        self._begun = False
        self._open()
        self._lost = False

    def _fence(self, error: Any) -> None:
        errors = self._library.KafkaError
        if code_of(error) in (errors.ILLEGAL_GENERATION, errors.UNKNOWN_MEMBER_ID, errors.STALE_MEMBER_EPOCH):
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


def _part(name: str) -> Part:
    topic, _, number = name.rpartition("/")
    return Part(topic, int(number))


def _protocol(access: Access, membership: Membership) -> dict[str, Any]:
    """Return the settings of the group: KIP-848, unless the user's say otherwise; joined topics are given alike."""
    classic = access.settings.get("group.protocol") == "classic"
    made: dict[str, Any] = {} if not membership.static else {"group_instance_id": membership.worker}
    if classic:
        return {**made, "partition_assignment_strategy": "range"}
    return {**made, "group_protocol": "consumer", "group_remote_assignor": "range"}
