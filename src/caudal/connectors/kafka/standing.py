"""Where the partitions of a group stand, as the cluster says; an open transaction may hide it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from caudal.connectors.kafka.client import Access, Log, code_of, library, made, passes, reason
from caudal.connectors.kafka.cluster import Part
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.group import Stand, Unstable
from caudal.ports.transaction import Unanswered

_STABLE = 1.0
"""Seconds that an open transaction may hide where a partition stands before it is said."""
_ANSWER = 10.0
"""Seconds that a cluster may take to say where partitions stand."""
_SUSPECT = 30.0
"""Seconds after which a transaction that hides where partitions stand should long have ended; it is told so often, too."""
_GIVEN_UP = 600.0
"""Seconds after which the worker ends for it."""


class Standing:
    """Asks by a consumer that is no member: it reads what is committed, so it waits for open transactions.

    (An administrator's client could ask too; librdkafka 2.16 aborts the process, by an assertion, where answers come after its time-out.)
    """

    def __init__(self, access: Access, group: str, topic: str) -> None:
        """`topic`: one that is there, by which it is seen whether the cluster answers."""
        self._library = library()
        self._group = group
        self._topic = topic
        self._hidden: dict[tuple[Part, ...], tuple[float, float]] = {}
        """Since when it is hidden where partitions stand, and when that is to be told next, by the monotonic clock."""
        self._log = Log()
        asking = {"group_id": group, "enable_auto_commit": False, "isolation_level": "read_committed"}
        self._consumer = made(self._library.Consumer, access.configured(self._log, **asking))

    def found(self, parts: Sequence[Part]) -> Mapping[str, Stand | None] | Unstable:
        """Return where partitions stand, by their names; waits a second for a transaction that hides it.

        Raises `RunError`, `Unanswered`; `RunError` too where it has been hidden for ten minutes.
        """
        began = time.monotonic()
        while isinstance(found := self._asked(parts), Unstable):
            if time.monotonic() - began >= _STABLE:
                self._tell(tuple(parts))
                return found
            time.sleep(0.02)
        self._hidden.pop(tuple(parts), None)
        return found

    def metadata(self) -> Any:
        """Return what offsets are committed as in a group that has no members."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Ask no more; idempotent."""
        self._consumer.close()

    def _asked(self, parts: Sequence[Part]) -> Mapping[str, Stand | None] | Unstable:
        names = [self._library.TopicPartition(part.topic, part.number) for part in parts]
        until = time.monotonic() + _ANSWER
        while True:
            try:
                found = self._consumer.committed(names, timeout=_STABLE)
                wrong = next((each.error for each in found if each.error is not None), None)
                if wrong is None:
                    return {
                        f"{each.topic}/{each.partition}": Stand(each.offset, each.metadata or "")
                        if each.offset >= 0
                        else None
                        for each in found
                    }
                error = self._library.KafkaException(wrong)
            except self._library.KafkaException as failed:
                error = failed
            code = code_of(error)
            errors = self._library.KafkaError
            if code == errors.UNSTABLE_OFFSET_COMMIT or (code == errors._TIMED_OUT and self._answers()):
                return Unstable()
            if not passes(code) and not error.args[0].retriable():
                raise RunError(f"where the group '{self._group}' stands cannot be read", detail=reason(error))
            if time.monotonic() > until:
                raise Unanswered(f"where the group '{self._group}' stands cannot be read", detail=reason(error))
            time.sleep(0.05)

    def _tell(self, parts: tuple[Part, ...]) -> None:
        """Say that a transaction hangs: brokers abort each that is open for too long, but not one that they take for ended.

        (See `transaction`.)
        """
        now = time.monotonic()
        since, next = self._hidden.setdefault(parts, (now, now + _SUSPECT))
        if now < next:
            return
        self._hidden[parts] = since, now + _SUSPECT
        what = f"a transaction hides where {parts[0].name} stands in the group '{self._group}', for {now - since:.0f} s"
        hint = (
            "the cluster should have ended it, and may have lost its end with a broker: "
            "'kafka-transactions.sh find-hanging' shows it, and 'abort' of the same ends it"
        )
        if now - since >= _GIVEN_UP:
            raise RunError(what, hint=hint)
        log.warning("kafka: %s; %s", what, hint)

    def _answers(self) -> bool:
        """Whether the cluster answers at all."""
        try:
            self._consumer.list_topics(self._topic, timeout=_STABLE)
        except self._library.KafkaException:
            return False
        return True
