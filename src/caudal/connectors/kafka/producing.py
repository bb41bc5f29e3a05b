"""A producer: rows on their way, and what became of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from caudal.connectors.kafka import partitioners
from caudal.connectors.kafka.client import Access, Log, code_of, library, made, passes, reason
from caudal.connectors.kafka.cluster import Part
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.transaction import Unanswered

_T = TypeVar("_T")
_AT_ONCE = 10_000
"""Messages that are handed to the client at once."""
_AHEAD = 64 << 20
"""Bytes that are on their way before more are taken."""
_QUEUED = 100_000
"""Messages that are on their way before more are taken."""
_FLUSH = 330.0
"""Seconds within which the client delivers a message or gives it up, and some more."""


class TimedOut(Exception):
    """A call of the client's has not come back."""


def guarded(call: Callable[[], _T], seconds: float) -> _T:
    """Return what a call returns, or raise what it raises; `TimedOut` where it does neither in time, and goes on by itself."""
    done = threading.Event()
    result: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            result.append(call())
        except BaseException as error:  # whatever it is, who has called is told
            failed.append(error)
        done.set()

    threading.Thread(target=run, name="caudal-kafka-call", daemon=True).start()
    if not done.wait(seconds):
        raise TimedOut
    if failed:
        raise failed[0]
    return result[0]


class Producing:
    """One producer of the client's. Used by one thread at a time."""

    def __init__(self, access: Access, partitioner: str, **more: Any) -> None:
        """`more`: settings of the client's. Raises `OptionError` for settings that it does not take."""
        self.log = Log()
        self._library = library()
        self._where = access.domain
        self._failed: list[tuple[int, str, str]] = []
        self._bytes = 0
        self._fatal: Any = None
        settings: dict[str, Any] = {
            "enable_idempotence": True,
            "acks": "all",
            "partitioner": partitioners.NAMES[partitioner],
            "linger_ms": 20,
            "batch_num_messages": 100_000,
            "queue_buffering_max_messages": 1_000_000,
            "queue_buffering_max_kbytes": 2_000_000,
            "delivery_report_only_error": True,
            **more,
        }
        self.client = made(self._library.Producer, access.configured(self.log, **settings))

    def send(
        self,
        topic: str,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None] | None,
        partition: int | None = None,
    ) -> None:
        """Hand messages over, in order; to a partition where one is named. Raises `RunError` for one that was, or will be, refused."""
        to: dict[str, Any] = {} if partition is None else {"partition": partition}
        # what becomes of messages that were given up is told late, and is nothing to those behind them
        heard = partial(self._delivered, self._failed)
        for first in range(0, len(values), _AT_ONCE):
            part = values[first : first + _AT_ONCE]
            some: list[dict[str, Any]] = [{"value": value} for value in part]
            if keys is not None:
                for message, key in zip(some, keys[first : first + _AT_ONCE], strict=True):
                    if key is not None:
                        message["key"] = key
            self._room(sum(len(value or b"") for value in part))
            try:
                queued = self.client.produce_batch(topic, some, on_delivery=heard, **to)
            except self._library.KafkaException as error:
                self._fatal = error.args[0]
                raise self._refused(topic, code_of(error), reason(error)) from None
            if queued < len(some):
                wrong = next(message["_error"] for message in some if "_error" in message)
                self._fatal = wrong if wrong.fatal() else self._fatal
                raise self._refused(topic, wrong.code(), wrong.str())
            self.client.poll(0)
            self.check()

    def settle(self, seconds: float = _FLUSH) -> None:
        """Wait until all that was handed over is delivered. Raises `RunError` where that fails."""
        deadline = time.monotonic() + seconds
        while len(self.client) and time.monotonic() < deadline:
            self.client.flush(0.2)
            self.check()
        self._bytes = 0
        self.check()
        if len(self.client):
            why = self.log.last
            raise Unanswered(f"{len(self.client)} messages could not be delivered to {self._where}", detail=why)

    def check(self) -> None:
        """Raise `RunError` for a message that was refused, or given up."""
        if self._failed:
            code, text, topic = self._failed[0]
            raise self._refused(topic, code, text)

    def fatal(self) -> Any:
        """Return the error that the client has met last where it is fatal, else None."""
        return self._fatal

    def discard(self) -> None:
        """Give up what is on its way; never raises."""
        try:
            self.client.purge()
            self.client.poll(0)
        except self._library.KafkaException:
            pass
        self._failed = []
        self._bytes = 0

    def touch(self, parts: Sequence[Part], put: Callable[[], None], seconds: float) -> None:
        """Abort a transaction that holds these partitions, and what `put` puts in: each hears of its end, even of what is refused.

        Raises `KafkaException`.
        """
        self.client.begin_transaction()
        try:
            put()
            for part in parts:
                self.client.produce(part.topic, None, partition=part.number)
            self.client.flush(seconds)
        except self._library.KafkaException as error:
            log.debug("kafka: %s", reason(error))
        self.client.abort_transaction(seconds)
        self.discard()

    def _room(self, size: int) -> None:
        """Wait until so many bytes more may be on their way."""
        if self._bytes + size > _AHEAD or len(self.client) > _QUEUED:
            self.settle()
        self._bytes += size

    def _delivered(self, failed: list[tuple[int, str, str]], error: Any, message: Any) -> None:
        """Take note of a message that was not delivered among those of its time."""
        if error is not None:
            self._fatal = error if error.fatal() else self._fatal
            failed.append((error.code(), error.str(), message.topic()))

    def _refused(self, topic: str, code: int, text: str) -> RunError:
        errors = self._library.KafkaError
        if code == errors.MSG_SIZE_TOO_LARGE:
            hint = (
                'raise the topic\'s max.message.bytes, and config={"message.max.bytes": ...}, or write less into a row'
            )
            return RunError(f"a row is larger than a message of the topic '{topic}' may be", detail=text, hint=hint)
        kind = Unanswered if passes(code) else RunError
        return kind(f"the topic '{topic}' of {self._where} took a row not: {text}", detail=self.log.last)
