"""Membership of a group: which partitions are this worker's, until when, and where each begins.

Callbacks come in the thread that polls. One that takes partitions away waits there until the engine has released them, so that whoever gets
them next goes on where they stand; heartbeats go on meanwhile. What is not released in time is given up all the same, and is
nobody's to commit any more: the metadata that a transaction commits positions with is only given out for partitions that are held.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import Access, code_of, library, reason
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.consuming import Consuming, Feed
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.source import Assigned, Change, Partition, Revoked
from caudal.ports.transaction import Fenced

_RELEASE = 60.0
"""Seconds that the engine has to release what is taken away."""
_STABLE = 60.0
"""Seconds that an open transaction of another worker may hide where a partition stands."""
_STEP = 5.0
_REFRESH = 0.5
"""Seconds between two looks at which generation the group is in."""
_MARK = b"CGMDv2:"


@dataclass(frozen=True, slots=True)
class Joined:
    """A partition as it was assigned: its feed; the offset that the group has committed (-1: none) and its metadata.

    `unstable`: an open transaction hides these still.
    """

    part: Part
    feed: Feed
    offset: int
    metadata: str
    unstable: bool = False


class Membership:
    """A member of a group. `changes` and `released` as a source's; thread-safe."""

    def __init__(
        self,
        access: Access,
        group: str,
        topics: Sequence[str],
        wanted: Wanted,
        made: Callable[[Joined], Partition],
        *,
        classic: bool = False,
        instance: str = "",
        reader: str = "auto",
        **more: Any,
    ) -> None:
        """`made` makes the partition of one that was assigned; its `start` is where it is read from. `instance`: a name that the
        member has again after a restart. `classic`: the older protocol, for brokers that lack KIP-848. `more`: settings."""
        self._library = library()
        self._made = made
        self._classic = classic
        self._changed = threading.Condition()
        self._changes: list[Change] = []
        self._held: set[Part] = set()
        """Partitions that are this worker's, those that are being released too."""
        self._releasing: dict[str, Part] = {}
        self._metadata: Any = None
        self._refreshed = 0.0
        self._closed = False
        protocol = {"partition_assignment_strategy": "range"} if classic else {}
        static = {"group_instance_id": instance} if instance else {}
        settings = {
            "group_id": group,
            "group_protocol": "classic" if classic else "consumer",
            **protocol,
            **static,
            **more,
        }
        self.consuming = Consuming(access, wanted, reader=reader, expected=len(topics), **settings)
        self.consuming.after_poll = self._refresh
        self.consuming.subscribe(topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        self.consuming.start()

    def changes(self) -> list[Change]:
        """Return what was assigned and revoked since the last call, in this order."""
        with self._changed:
            changes, self._changes = self._changes, []
        return changes

    def released(self, name: str, position: int) -> None:
        """All that was read of a revoked partition is dealt with."""
        with self._changed:
            part = self._releasing.pop(name, None)
            self._changed.notify_all()
        log.debug("kafka: %s is released at %d%s", name, position, "" if part else ", too late")

    def metadata(self, parts: Sequence[Part]) -> Any:
        """Return the group's metadata to commit positions of these partitions with; raises `Fenced` where one is no longer held."""
        with self._changed:
            gone = [part.name for part in parts if part not in self._held]
            if gone or self._metadata is None:
                raise Fenced(f"the group has given {', '.join(gone) or 'all partitions'} to others")
            return self._metadata

    def close(self) -> None:
        """Leave the group; idempotent. What is still held is given up at once."""
        with self._changed:
            self._releasing.clear()
            self._closed = True
            self._changed.notify_all()
        self.consuming.close()

    # -- in the thread that polls --------------------------------------------------------------------------------

    def _assigned(self, consumer: Any, given: list[Any]) -> None:
        parts = [Part(each.topic, each.partition) for each in given]
        if not parts:
            return
        committed, unstable = self._committed(consumer, given)
        joined = [
            Joined(
                part, self.consuming.feed(part), each.offset if each.offset >= 0 else -1, each.metadata or "", unstable
            )
            for part, each in zip(parts, committed, strict=True)
        ]
        partitions = [self._made(each) for each in joined]
        names = [
            self._library.TopicPartition(part.topic, part.number, partition.start)
            for part, partition in zip(parts, partitions, strict=True)
        ]
        (consumer.assign if self._classic else consumer.incremental_assign)(names)
        with self._changed:
            self._held.update(parts)
            self._metadata = _checked(consumer.consumer_group_metadata())
            self._changes += [Assigned(partition) for partition in partitions]

    def _revoked(self, consumer: Any, given: list[Any]) -> None:
        parts = [Part(each.topic, each.partition) for each in given]
        with self._changed:
            self._releasing |= {part.name: part for part in parts if part in self._held}
            self._changes += [Revoked(part.name) for part in parts if part in self._held]
            done = self._changed.wait_for(lambda: self._closed or not self._releasing, _RELEASE)
            if not done:
                log.warning("kafka: given up before they were released: %s", ", ".join(sorted(self._releasing)))
            self._releasing.clear()
        self._let_go(consumer, given, parts)

    def _lost(self, consumer: Any, given: list[Any]) -> None:
        parts = [Part(each.topic, each.partition) for each in given]
        with self._changed:
            self._changes += [Revoked(part.name, lost=True) for part in parts if part in self._held]
        self._let_go(consumer, given, parts)

    def _let_go(self, consumer: Any, given: list[Any], parts: list[Part]) -> None:
        with self._changed:
            self._held.difference_update(parts)
        for part in parts:
            self.consuming.drop(part, assigned=False)
        if self._classic:
            consumer.unassign()
        else:
            consumer.incremental_unassign(given)

    def _committed(self, consumer: Any, given: list[Any]) -> tuple[list[Any], bool]:
        """Return what the group has committed, once no transaction hides it; and whether one still does."""
        deadline = time.monotonic() + _STABLE
        while True:
            try:
                found = consumer.committed(given, timeout=_STEP)
                if all(each.error is None for each in found):
                    return found, False
                why = next(each.error.str() for each in found if each.error is not None)
            except self._library.KafkaException as error:
                if code_of(error) == self._library.KafkaError.GROUP_AUTHORIZATION_FAILED:
                    raise RunError("the group is denied to this user", detail=reason(error)) from None
                why = reason(error)
            if time.monotonic() > deadline:
                log.warning("kafka: where the group stands is hidden: %s", why)
                return [self._library.TopicPartition(each.topic, each.partition, -1001) for each in given], True

    def _refresh(self, consumer: Any) -> None:
        """Take note of the group's generation, which goes on while partitions stay; no callback is due at this moment."""
        now = time.monotonic()
        if now - self._refreshed < _REFRESH:
            return
        self._refreshed = now
        with self._changed:
            if not self._held:
                return
            made = consumer.consumer_group_metadata()
            if _generation(made) >= 0:
                self._metadata = made


def _generation(metadata: Any) -> int:
    """Return the generation that metadata is of; -1 for none, 0 where it does not say."""
    raw = bytes(metadata) if isinstance(metadata, bytes | bytearray) else b""
    return struct.unpack_from("<i", raw, len(_MARK))[0] if raw.startswith(_MARK) else 0


def _checked(metadata: Any) -> Any:
    if metadata is None or _generation(metadata) < 0:
        raise RunError("the group gives no generation: this worker is no member of it")
    return metadata
