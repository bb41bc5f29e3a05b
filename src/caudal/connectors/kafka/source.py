"""Topics as a source: which partitions there are, where they begin and end, and those that come while it is read."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caudal.connectors.kafka.batch import Wanted
from caudal.connectors.kafka.client import Access
from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.connectors.kafka.columns import Columns
from caudal.connectors.kafka.consuming import Consuming
from caudal.connectors.kafka.ends import EndsWatch
from caudal.connectors.kafka.partition import KafkaPartition
from caudal.connectors.kafka.placement import Placement
from caudal.connectors.kafka.places import Place
from caudal.connectors.kafka.remote import properties
from caudal.core.errors import InputError, RunError
from caudal.core.naming import natural_key
from caudal.observe.notices import Notice
from caudal.ports.records import Decoded
from caudal.ports.remote import Span, Topics
from caudal.ports.source import Assigned, Change


@dataclass(frozen=True, slots=True)
class Asked:
    """What a source is asked to read: topics by name or by a pattern, from where, until where (None: it is live)."""

    topics: tuple[str, ...]
    pattern: str
    start: Place
    until: Place | None
    longest: int
    reader: str

    def reads(self, domain: str, target: str) -> bool:
        """Whether a live job that reads this would read what it writes to a target itself; see `KafkaConnector.targets`."""
        server, _, topic = target.rpartition("/")
        if self.until is not None or server.removeprefix("kafka://") not in domain.removeprefix("kafka://").split(","):
            return False
        return topic in self.topics or bool(self.pattern and re.fullmatch(self.pattern, topic))


class KafkaSource:
    """Topics; keeps `ports.source.Source`, `Telling`, `Ending` and `Checking`, and `ports.remote.RemoteSource`."""

    def __init__(self, access: Access, asked: Asked, columns: Columns, placement: Placement | None) -> None:
        """Connect, and find all partitions. Raises `InputError`, within seconds, for what cannot be read."""
        self.live = asked.until is None
        self._access = access
        self._domain = access.domain
        self._asked = asked
        self._columns = columns
        self._placement = placement
        self._cluster = Cluster(access)
        self._lock = threading.Lock()
        self._changes: list[Change] = []
        self._counts = self._find()
        if placement is not None:
            placement.counts(self._counts)
        for place in (asked.start, asked.until):
            if place is not None:
                place.check(self._counts)
        parts = _parts(self._counts)
        starts = self._cluster.found(asked.start, parts)
        stops = {} if asked.until is None else self._stops(asked.until, parts)
        wanted = Wanted(columns.key, columns.headers, asked.longest)
        self._ends = stops
        self._consuming = Consuming(access, wanted, reader=asked.reader, expected=len(parts))
        self._watch = EndsWatch(self._cluster, self._reading, self._look if self.live else None)
        self._partitions = [
            KafkaPartition(self._consuming, part, columns, self._watch, start=starts[part], until=stops.get(part))
            for part in parts
        ]
        self._consuming.start()
        self._watch.start()

    def partitions(self) -> Sequence[KafkaPartition]:
        """Return the partitions that there were when it was opened."""
        return self._partitions

    def changes(self) -> Sequence[Change]:
        """Return the partitions that have been added to the topics since."""
        with self._lock:
            changes, self._changes = self._changes, []
        return changes

    def released(self, name: str, position: int) -> None:
        """Nothing is revoked."""

    def ends(self) -> Mapping[str, int]:
        """Return where partitions end: the high watermarks, or where a bounded source ends."""
        return {part.name: end for part, end in (self._watch.known() | self._ends).items()}

    def topics(self) -> Topics | str:
        """Return what is to be read where others do it; see `ports.remote.RemoteSource`."""
        if self.live:
            return "a source that goes on is read by caudal"
        reached = properties(self._access)
        if isinstance(reached, str):
            return reached
        spans = [
            Span(each.name, each.part.topic, each.part.number, each.start, self._ends[each.part])
            for each in self._partitions
        ]
        return Topics(reached, spans, dict(self._counts), self._columns.key, self._columns.headers)

    def told(self) -> list[Notice]:
        """Return what happened since the last call."""
        return self._watch.told()

    def waiting(self) -> str:
        """Return what is waited for."""
        return self._watch.waiting()

    def check(self, partition: str, rows: Decoded) -> None:
        """Hold rows to the partitioner that the pipeline relies on."""
        if self._placement is not None:
            self._placement.check(partition, rows)

    def reads(self, target: str) -> bool:
        """Whether what is written to a target would be read here."""
        return self._asked.reads(self._domain, target)

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._watch.close()
        self._consuming.close()

    def _find(self) -> dict[str, int]:
        asked = self._asked
        topics = list(asked.topics)
        if asked.pattern:
            topics = self._cluster.matching(asked.pattern)
            if not topics:
                raise InputError(f"no topic matches '{asked.pattern}'", location=self._cluster.access.domain)
        else:
            self._cluster.check()
        return self._cluster.partitions(topics, "READ")

    def _stops(self, until: Place, parts: list[Part]) -> dict[Part, int]:
        """Return where partitions end; where no offset was given for one, at the end that it has now."""
        if until.word != "offsets":
            return self._cluster.found(until, parts)
        ends = self._cluster.bounds(parts)
        given = {part: until.offset(part.topic, part.number) for part in parts}
        return {part: ends[part][1] if offset is None else offset for part, offset in given.items()}

    def _reading(self) -> list[Part]:
        with self._lock:
            return [partition.part for partition in self._partitions]

    def _look(self) -> None:
        """See whether partitions, or topics that match, have come."""
        topics = list(self._asked.topics) or self._cluster.matching(self._asked.pattern)
        counts = self._cluster.partitions(topics, "READ")
        new = [part for part in _parts(counts) if part.number >= self._counts.get(part.topic, 0)]
        if not new:
            return
        if self._placement is not None:
            grown = new[0].topic
            text = f"the topic '{grown}' has more partitions than when the job began, so keys have moved"
            self._consuming.failed = self._consuming.failed or text
            return
        self._counts = counts
        added = [KafkaPartition(self._consuming, part, self._columns, self._watch, start=0) for part in new]
        with self._lock:
            self._partitions = [*self._partitions, *added]
            self._changes += [Assigned(partition) for partition in added]


def _parts(counts: Mapping[str, int]) -> list[Part]:
    parts = [Part(topic, number) for topic, count in counts.items() for number in range(count)]
    return sorted(parts, key=lambda part: natural_key(part.name))


def pattern_of(text: str) -> str:
    """Return a regular expression; raises `InputError` for none."""
    try:
        re.compile(text)
    except re.error as error:
        raise InputError(f"the pattern '{text}' is no regular expression", detail=str(error)) from None
    return text


__all__ = ["Asked", "KafkaSource", "RunError", "pattern_of"]
