"""A member of a group: what it is given and taken, and as what it commits.

Callbacks come in the thread that polls. One that takes partitions away waits there until all that was read of them is committed, so that
whoever gets them next goes on behind that; heartbeats go on meanwhile. While it waits the client lets nobody else call the
consumer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import library, reason
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.consuming import Consuming, Feed
from caudal.connectors.kafka.rebalancing import Rebalancing
from caudal.connectors.kafka.repartition import LONGEST
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.group import Change, Given, Renewed
from caudal.ports.source import Revoked

_RELEASE = 60.0
"""Seconds that the job has to commit what was read of partitions that are taken away."""
_REFRESH = 0.2
"""Seconds between two looks at which generation the group is in."""
_BETWEEN = Wanted(key=False, headers=False, longest=LONGEST)
"""What is wanted of the messages of repartition topics, however long they are."""


class Member:
    """One member. All but what the thread that polls calls may be called by any thread."""

    def __init__(
        self, cluster: Cluster, consuming: Consuming, protocol: Rebalancing, wanted: Mapping[str, Wanted]
    ) -> None:
        """`wanted`: of the messages of each topic that is none of the job's own."""
        self.consuming = consuming
        self.protocol = protocol
        self.joined_at = 0.0
        """When it joined, by the monotonic clock."""
        self._cluster = cluster
        self._wanted = wanted
        self._library = library()
        self._changed = threading.Condition()
        self._changes: list[Change] = []
        self._feeds: dict[str, Feed] = {}
        """Those of the partitions that are this member's."""
        self._topics: Mapping[str, int] = {}
        self._between: frozenset[str] = frozenset()
        self._releasing: set[str] = set()
        self._metadata = b""
        self._refreshed = 0.0
        self._closing = False
        self._behind = False
        """Whether another has taken its place: what it hears while it is being closed is of no use, and the client lets go by itself."""
        consuming.after_poll = self._refresh

    def join(self, topics: Mapping[str, int], between: frozenset[str]) -> None:
        """Join the group. `topics`: with their partitions when the worker began; `between`: repartition topics."""
        self._topics, self._between = topics, between
        self.joined_at = time.monotonic()
        self.consuming.subscribe(
            [*topics, *sorted(between)], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        self.consuming.start()

    def changes(self) -> list[Change]:
        """Return what was given and taken since the last call, in this order."""
        with self._changed:
            changes, self._changes = self._changes, []
        return changes

    def feed(self, partition: str) -> Feed | None:
        """Return the feed of a partition, None for one that is not this member's any more."""
        with self._changed:
            return self._feeds.get(partition)

    def release(self, partition: str) -> None:
        """All that was read of a partition is committed."""
        with self._changed:
            self._releasing.discard(partition)
            self._changed.notify_all()

    def reading(self) -> list[Part]:
        """Return the partitions that are this member's."""
        with self._changed:
            return [Part.named(name) for name in self._feeds]

    def leave_behind(self) -> list[Change]:
        """Close it for another that takes its place; return the rest of what came and went, with all that is lost."""
        with self._changed:
            self._behind = True
            changes, self._changes = self._changes, []
            changes += [Revoked(name, lost=True) for name in self._feeds]
            self._feeds = {}
            self._let_all_go()
        threading.Thread(target=self.consuming.close, name="caudal-kafka-close", daemon=True).start()
        return changes

    def close(self) -> None:
        """Leave the group; idempotent. What is still held is given up at once."""
        with self._changed:
            self._let_all_go()
        self.consuming.close()

    def _let_all_go(self) -> None:
        self._closing = True
        self._releasing.clear()
        self._changed.notify_all()

    # -- in the thread that polls --------------------------------------------------------------------------------

    def _assigned(self, consumer: Any, given: list[Any]) -> None:
        if self._behind:
            return
        self.consuming.turns += 1
        if not given:
            self._renew(consumer)
            return
        names = [f"{each.topic}/{each.partition}" for each in given]
        feeds = {name: self._feed(Part.named(name)) for name in names}
        # where each ends, so that nothing is fetched before it was sought where it stands; as a number, for what the client finds out
        # by itself may come late, and would move it from where it was sought meanwhile
        ends = self._ends([Part.named(name) for name in names])
        parts = [self._library.TopicPartition(part.topic, part.number, end) for part, end in ends.items()]
        self.protocol.take(consumer, parts)
        self._renew(consumer)  # first, so that where they begin can be committed; what was taken before is told already
        with self._changed:
            self._feeds |= feeds
            self._changes += [Given(name) for name in names]

    def _ends(self, parts: list[Part]) -> dict[Part, int]:
        """Return where partitions end; waits until the cluster says so, or the worker closes. Raises `RunError`."""
        # of what the topic did not have when this worker began nothing will be read, and the client may not know it yet
        new = [part for part in parts if part.number >= self._topics.get(part.topic, part.number + 1)]
        ends = dict.fromkeys(new, int(self._library.OFFSET_END))
        until = time.monotonic() + _RELEASE
        while missing := [part for part in parts if part not in ends]:
            ends |= self._cluster.ends(missing, 2.0)
            if self._closing:
                return dict.fromkeys(parts, int(self._library.OFFSET_END))
            if time.monotonic() > until:
                raise RunError(
                    f"the cluster does not say where {missing[0].name} ends", location=self._cluster.access.domain
                )
        return {part: ends[part] for part in parts}

    def _feed(self, part: Part) -> Feed:
        return self.consuming.feed(part, _BETWEEN if part.topic in self._between else self._wanted[part.topic])

    def _revoked(self, consumer: Any, given: list[Any]) -> None:
        if self._behind:
            return
        self.consuming.turns += 1
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
        if self._behind:
            return
        self.consuming.turns += 1
        names = [f"{each.topic}/{each.partition}" for each in given]
        with self._changed:
            self._changes += [Revoked(name, lost=True) for name in names if name in self._feeds]
        self._let_go(consumer, given, names)

    def _let_go(self, consumer: Any, given: list[Any], names: list[str]) -> None:
        with self._changed:
            for name in names:
                self._feeds.pop(name, None)
        for name in names:
            self.consuming.drop(Part.named(name), assigned=False)
        self.protocol.give_up(consumer, given)
        self._renew(consumer)

    def _refresh(self, consumer: Any) -> None:
        """Take note of the group's generation, which goes on while partitions stay."""
        now = time.monotonic()
        if self._feeds and now - self._refreshed >= _REFRESH and not self._behind:
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
