"""The cluster as an administrator's client sees it: what topics there are, who may use them, where their partitions end."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, TypeVar

from caudal.connectors.kafka.client import PATIENCE, Access, Log, code_of, library, made, outdated, passes, reason
from caudal.connectors.kafka.places import Place
from caudal.core.errors import InputError, nearest
from caudal.core.naming import natural_key
from caudal.observe.log import log
from caudal.ports.transaction import Unanswered

_T = TypeVar("_T")
_STEP = 2.0
"""Seconds of one attempt to reach a cluster, so that a refusal is seen early."""


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """A partition of a topic."""

    topic: str
    number: int

    @property
    def name(self) -> str:
        """Its name as a source's partition."""
        return f"{self.topic}/{self.number}"

    @classmethod
    def named(cls, name: str) -> Part:
        """Return the partition of this name."""
        topic, _, number = name.rpartition("/")
        return cls(topic, int(number))


class NoAnswer(InputError, Unanswered):
    """No broker answers."""


class Cluster:
    """A connection to ask and to administer with. Thread-safe. Errors name the address, or the topic."""

    def __init__(self, access: Access) -> None:
        """Raises `OptionError` for settings that the client does not take. Nothing is connected yet."""
        self.access = access
        self.log = Log()
        self._library = library()
        self._admin = made(self._library.admin.AdminClient, access.configured(self.log))

    def check(self) -> None:
        """Raise `InputError` unless the cluster answers within `PATIENCE` seconds."""
        self._retried(lambda seconds: self._admin.list_topics(timeout=seconds))

    def topics(self) -> list[str]:
        """Return the topics that can be seen, but for those of the cluster itself."""
        found = self._retried(lambda seconds: self._admin.list_topics(timeout=seconds))
        return sorted((name for name in found.topics if not name.startswith("__")), key=natural_key)

    def matching(self, pattern: str) -> list[str]:
        """Return the topics whose whole name matches a regular expression."""
        return [name for name in self.topics() if re.fullmatch(pattern, name)]

    def partitions(self, topics: Iterable[str], right: str = "") -> dict[str, int]:
        """Return how many partitions topics have. `right`: what must be allowed, "READ" or "WRITE".

        Raises `InputError` for a topic that is not there, or that may not be used so. Creates none.
        """
        wanted = list(topics)
        if not wanted:
            return {}
        names = self._library.TopicCollection(wanted)
        operations = bool(right)
        futures = self._retried(lambda seconds: self._described(names, operations, seconds))
        found: dict[str, int] = {}
        for topic, described in futures.items():
            if isinstance(described, BaseException):
                raise self._no_topic(topic, described) from None
            allowed = {operation.name for operation in described.authorized_operations or ()}
            if right and allowed and right not in allowed:
                raise self._denied(topic, f"the right to {right.lower()} it is missing")
            found[topic] = len(described.partitions)
        return found

    def bounds(self, parts: Sequence[Part]) -> dict[Part, tuple[int, int]]:
        """Return the first offset and the end (the high watermark) of partitions."""
        spec = self._library.admin.OffsetSpec
        first, end = (
            self._offsets({p: spec.earliest() for p in parts}),
            self._offsets({p: spec.latest() for p in parts}),
        )
        return {part: (first[part], end[part]) for part in parts}

    def ends(self, parts: Sequence[Part], seconds: float) -> dict[Part, int]:
        """Return the ends of those partitions that answer within so many seconds. Never raises."""
        latest = self._library.admin.OffsetSpec.latest
        try:
            return self._asked({part: latest() for part in parts}, seconds)[0]
        except self._library.KafkaException:
            return {}

    def unfinished(self, topics: Iterable[str]) -> list[Part]:
        """Return the partitions of topics in which a transaction is open: what is committed ends before what is there."""
        counts = self.partitions(topics)
        parts = [Part(topic, number) for topic, count in counts.items() for number in range(count)]
        latest = dict.fromkeys(parts, self._library.admin.OffsetSpec.latest())
        stable = self._offsets(latest, isolation_level=self._library.IsolationLevel.READ_COMMITTED)
        ends = self._offsets(latest)
        return [part for part in parts if stable[part] < ends[part]]

    def found(self, place: Place, parts: Sequence[Part]) -> dict[Part, int]:
        """Return the offsets that a place comes to; where none was given for a partition, its first (no place: its end)."""
        if place.word == "time":
            spec = self._library.admin.OffsetSpec.for_timestamp(place.time)
            at = self._offsets(dict.fromkeys(parts, spec))
            late = [part for part, offset in at.items() if offset < 0]  # nothing as late as that
            return at | {part: end for part, (_, end) in self.bounds(late).items()} if late else at
        bounds = self.bounds(parts)
        if place.word == "offsets":
            return {part: _given(place, part, bounds[part]) for part in parts}
        return {part: bounds[part][place.word == "latest"] for part in parts}

    def ensure_topic(self, topic: str, partitions: int, config: dict[str, str] | None = None) -> bool:
        """Create a topic unless it is there; return whether it was created. Raises `InputError`.

        It has as many replicas as the cluster says.
        """
        new = self._library.admin.NewTopic(topic, num_partitions=partitions, config=config or {})
        (future,) = self._admin.create_topics([new], operation_timeout=PATIENCE).values()
        created = True
        try:
            future.result(timeout=PATIENCE)
        except self._library.KafkaException as error:
            created = code_of(error) != self._library.KafkaError.TOPIC_ALREADY_EXISTS
            if created:
                what = f"cannot create the topic '{topic}'"
                raise InputError(what, location=self._where, detail=reason(error)) from None
        except FutureTimeout:
            raise self._unreachable() from None
        until = time.monotonic() + PATIENCE
        while topic not in self.topics() and time.monotonic() < until:
            time.sleep(0.05)  # brokers hear of a new topic a moment later, of one that another has just made too
        return created

    def trim(self, ends: dict[Part, int]) -> None:
        """Delete what is before these offsets of partitions. What cannot be is logged; never raises."""
        request = [self._library.TopicPartition(part.topic, part.number, end) for part, end in ends.items()]
        try:
            for future in self._admin.delete_records(request, request_timeout=PATIENCE).values():
                future.result(timeout=PATIENCE)
        except (self._library.KafkaException, FutureTimeout) as error:
            log.info("kafka: what was read of repartition topics stays for now: %s", error)

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def _where(self) -> str:
        return self.access.domain

    def _offsets(self, specs: dict[Part, Any], **how: Any) -> dict[Part, int]:
        def ask(seconds: float) -> dict[Part, int]:
            found, failed = self._asked(specs, seconds, **how)
            if failed is not None:
                raise failed
            return found

        return self._retried(ask) if specs else {}

    def _asked(self, specs: dict[Part, Any], seconds: float, **how: Any) -> tuple[dict[Part, int], Any]:
        """Return the offsets that were answered, and an error where not all were."""
        partition = self._library.TopicPartition
        request = {partition(part.topic, part.number): spec for part, spec in specs.items()}
        futures = self._admin.list_offsets(request, request_timeout=seconds, **how)
        found: dict[Part, int] = {}
        failed = None
        until = time.monotonic() + seconds + 1
        for key, future in futures.items():
            try:
                offset = future.result(max(0.0, until - time.monotonic())).offset
                if offset == self._library.OFFSET_INVALID:  # so the client says that nobody answered in time
                    raise FutureTimeout
                found[Part(key.topic, key.partition)] = offset
            except self._library.KafkaException as error:
                failed = error
            except FutureTimeout:
                failed = self._library.KafkaException(self._library.KafkaError(self._library.KafkaError._TIMED_OUT))
        return found, failed

    def _described(self, names: Any, operations: bool, seconds: float) -> dict[str, Any]:
        futures = self._admin.describe_topics(names, include_authorized_operations=operations, request_timeout=seconds)
        found: dict[str, Any] = {}
        for topic, future in futures.items():
            try:
                found[topic] = future.result(timeout=seconds + 1)
            except self._library.KafkaException as error:
                if passes(code_of(error)):
                    raise
                found[topic] = error
        return found

    def _retried(self, ask: Callable[[float], _T]) -> _T:
        """Return what is answered, asked again until it is or the patience ends. Raises `InputError`."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return ask(max(0.1, min(_STEP, until - time.monotonic())))
            except self._library.KafkaException as error:
                if self.log.refused:
                    hint = "are user=, the password, sasl= and tls= those of the cluster?"
                    raise InputError(
                        "kafka lets nobody in", location=self._where, detail=self.log.refused, hint=hint
                    ) from None
                if not passes(code_of(error)):
                    raise InputError(
                        "kafka does not answer as asked", location=self._where, detail=reason(error)
                    ) from None
                if outdated(code_of(error)):
                    self._admin = made(self._library.admin.AdminClient, self.access.configured(self.log))
            except FutureTimeout:
                pass
            self._admin.poll(0)  # what went wrong is told then
            if time.monotonic() >= until:
                raise self._unreachable() from None

    def _unreachable(self) -> InputError:
        hint = "is a broker running there? is servers= right, and tls= as its listener wants it?"
        return NoAnswer(f"no broker answers at {self.access.servers}", detail=self.log.last, hint=hint)

    def _no_topic(self, topic: str, error: BaseException) -> InputError:
        if code_of(error) == self._library.KafkaError.TOPIC_AUTHORIZATION_FAILED:
            return self._denied(topic, reason(error))
        if code_of(error) != self._library.KafkaError.UNKNOWN_TOPIC_OR_PART:
            return InputError(f"the topic '{topic}' cannot be used", location=self._where, detail=reason(error))
        return InputError(f"there is no topic '{topic}'", location=self._where, hint=nearest(topic, self.topics()))

    def _denied(self, topic: str, why: str) -> InputError:
        hint = "an administrator grants rights: kafka-acls --add --allow-principal ..."
        return InputError(f"the topic '{topic}' is denied to this user", location=self._where, detail=why, hint=hint)


def _given(place: Place, part: Part, bounds: tuple[int, int]) -> int:
    first, end = bounds
    offset = place.offset(part.topic, part.number)
    if offset is None:
        return first
    if not first <= offset <= end:
        raise InputError(f"{part.name} has no offset {offset}", hint=f"it has those from {first} to {end}")
    return offset
