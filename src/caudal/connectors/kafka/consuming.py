"""A consumer: its partitions, each with a feed, and the thread that polls it, so that it stays a member of its group."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from caudal.connectors.kafka import foreign
from caudal.connectors.kafka.batch import Batch, Wanted
from caudal.connectors.kafka.blocks import BlockFeed
from caudal.connectors.kafka.client import Access, Log, code_of, library, made, reason
from caudal.connectors.kafka.cluster import Part
from caudal.connectors.kafka.objects import ObjectFeed
from caudal.core.errors import CaudalError, RunError
from caudal.core.shown import shown
from caudal.observe.log import log

READERS = ("auto", "blocks", "objects")
_AHEAD = 64 << 20
"""Bytes that are fetched ahead of what is read, of all partitions together."""
_POLL = 0.02
"""Seconds between two polls. None waits within: the client lets nobody else call a consumer that is polled."""
_EMPTY = 0.002
"""Seconds between two polls that bring messages."""
_DEALT = 10_000
"""Messages of one poll where they are dealt out."""
_SEEKING = 10.0
"""Seconds that a seek may take."""


class Feed(Protocol):
    """How one partition is read."""

    def take(self, size: int, seconds: float) -> Batch | None:
        """Return about `size` bytes of messages, waiting so long for the first; None where nothing came."""
        ...

    @property
    def position(self) -> int:
        """Where the partition stands behind what was taken; below 0 where that is not known."""
        ...

    def clear(self) -> None:
        """Forget what has been taken in before a seek."""
        ...

    def close(self) -> None:
        """Forget everything; idempotent."""
        ...


class Consuming:
    """One consumer of the client's. Feeds are read by any thread, each by one at a time."""

    def __init__(self, access: Access, wanted: Wanted, *, reader: str = "auto", expected: int = 1, **more: Any) -> None:
        """`expected`: how many partitions there will be about; `more`: settings of the client's.

        Raises `OptionError` for settings that it does not take, `RunError` where `reader` is "blocks" and they cannot be read so.
        """
        self.log = Log()
        self.failed = ""
        """Why nothing more may be read, "" while all is well."""
        self.turns = 0
        """How often its group has given or taken partitions."""
        self.refused = ""
        """Why its group does not want it any more, though it may want another one, "" while it does."""
        self.fenced = False
        """Whether another has joined its group under its name."""
        self.outdated = False
        """Whether the brokers do not know the protocol of groups that it speaks."""
        self.after_poll: Callable[[Any], None] = lambda _: None
        """Called after each poll, by the thread that polls."""
        self._library = library()
        self._wanted = wanted
        name = f"caudal-{secrets.token_hex(4)}"
        ahead = max(1024, (_AHEAD >> 10) // max(1, expected))
        settings: dict[str, Any] = {
            "client_id": name,
            "group_id": name,
            "enable_auto_commit": False,
            "enable_auto_offset_store": False,
            "auto_offset_reset": "error",
            "isolation_level": "read_committed",
            "enable_partition_eof": True,
            "queued_min_messages": 1_000_000,
            "fetch_message_max_bytes": min(4 << 20, ahead << 10),
            "check_crcs": True,
            **more,
        }
        self.consumer = made(self._library.Consumer, access.configured(self.log, **settings) | _ahead(access, ahead))
        self._handle = (
            0 if reader == "objects" else foreign.handle_of(self.consumer, str(access.settings.get("client.id", name)))
        )
        if reader == "blocks" and not self._handle:
            self.consumer.close()
            raise RunError(
                "messages cannot be read in blocks with this version of confluent-kafka",
                hint='reader="objects" reads them',
            )
        if reader == "auto" and not self._handle:
            log.warning(
                "kafka: messages are read one by one, as confluent-kafka %s is not known", self._library.version()
            )
        self._feeds: dict[Part, Feed] = {}
        self._lock = threading.Lock()
        """Guards the feeds."""
        self._polling = threading.Lock()
        """Held while messages are polled that are dealt out."""
        self._held: set[Part] = set()
        self._member = False
        """Whether it takes part in a group: what is assigned by hand needs no right to one."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="caudal-kafka-poll", daemon=True)

    @property
    def in_blocks(self) -> bool:
        """Whether messages are read in blocks."""
        return bool(self._handle)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def feed(self, part: Part, wanted: Wanted | None = None) -> Feed:
        """Return the feed of a partition that is about to be assigned. `wanted`: of its messages, None for what is wanted of all."""
        feed: Feed
        if self._handle:
            feed = BlockFeed(self._handle, part, wanted or self._wanted)
        else:
            feed = ObjectFeed(wanted or self._wanted)
        with self._lock:
            self._feeds[part] = feed
        return feed

    def subscribe(self, topics: Sequence[str], **callbacks: Any) -> None:
        """Join the group; the callbacks are called by the thread that polls."""
        self._member = True
        self.consumer.subscribe(list(topics), **callbacks)

    def assign(self, part: Part, offset: int) -> Feed:
        """Assign a partition by hand, to be read from an offset on."""
        feed = self.feed(part)
        self.consumer.incremental_assign([self._library.TopicPartition(part.topic, part.number, offset)])
        return feed

    def seek(self, part: Part, offset: int) -> None:
        """Read a partition on from an offset; nothing for one that has been taken away meanwhile, which is told elsewhere."""
        until = time.monotonic() + _SEEKING
        with self._lock:
            feed = self._feeds.get(part)
        while feed is not None and (code := self._seek(part, offset)) is not None:
            with self._lock:
                if self._feeds.get(part) is not feed:
                    return
            # it is being assigned
            if code not in (self._library.KafkaError._STATE, self._library.KafkaError._UNKNOWN_PARTITION):
                raise RunError(f"cannot read {part.name} from {offset}", detail=self._library.KafkaError(code).str())
            if time.monotonic() > until:
                raise RunError(f"cannot read {part.name} from {offset}: it is not assigned")
            time.sleep(0.005)
        if feed is not None:
            with self._polling:
                feed.clear()

    def _seek(self, part: Part, offset: int) -> int | None:
        """Seek; return the code of an error, None for none."""
        if self._handle:
            return foreign.seek(self._handle, part.topic, part.number, offset, int(_SEEKING * 1000)) or None
        try:
            with self._polling:
                self.consumer.seek(self._library.TopicPartition(part.topic, part.number, offset))
        except self._library.KafkaException as error:
            return code_of(error)
        return None

    def drop(self, part: Part, feed: Feed | None = None, *, assigned: bool = True) -> None:
        """Read a partition no more; idempotent. `feed`: only by this one, where it may have been assigned anew since."""
        with self._lock:
            known = self._feeds.get(part)
            if known is None or (feed is not None and known is not feed):
                return
            feed = self._feeds.pop(part)
        if assigned and not self._closing.is_set():
            try:
                self.consumer.incremental_unassign([self._library.TopicPartition(part.topic, part.number)])
            except self._library.KafkaException as error:
                log.debug("kafka: %s: %s", part.name, reason(error))
        feed.close()

    def close(self) -> None:
        """Close the consumer, leaving its group; idempotent."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            feeds, self._feeds = [*self._feeds.values()], {}
        for feed in feeds:
            feed.close()
        self.consumer.close()

    # -- the thread that polls -----------------------------------------------------------------------------------

    def _poll(self) -> None:
        pause = _POLL if self._handle else _EMPTY
        while not self._closing.is_set():
            try:
                busy = self._serve() if self._handle else self._deal()
                self.after_poll(self.consumer)
            except CaudalError as error:  # of a callback
                self.failed = self.failed or str(error)
                busy = False
            except self._library.KafkaException as error:
                log.debug("kafka: %s", reason(error))
                busy = False
            except Exception as error:  # the thread must not end in silence: the job ends instead
                self.failed = self.failed or f"kafka: {type(error).__name__}: {shown(str(error))}"
                busy = False
            if not busy:
                self._closing.wait(pause)

    def _serve(self) -> bool:
        """Serve all but messages, which have queues of their own; return whether there was anything."""
        stray = self.consumer.poll(0)
        if stray is not None and stray.error() is None:
            self.failed = f"a message of {stray.topic()}/{stray.partition()} came at {stray.offset()} where none can"
        elif stray is not None:
            self._heard(stray.error())
        return stray is not None

    def _heard(self, error: Any) -> None:
        """Take note of an error of the group, or of the consumer itself: what is no partition's comes here."""
        errors = self._library.KafkaError
        if error.code() == errors._FATAL and "ConsumerGroupHeartbeat" in error.str() and "not supported" in error.str():
            self.outdated = True
        elif self._member and error.code() == errors.GROUP_AUTHORIZATION_FAILED:
            self.failed = self.failed or f"the cluster lets this worker read no more: {shown(error.str())}"
        elif self._member and error.code() == errors._FATAL:
            self.refused = self.refused or shown(error.str())
            self.fenced = errors(errors.FENCED_INSTANCE_ID).str() in error.str()
        else:
            log.debug("kafka: %s", error.str())

    def _deal(self) -> bool:
        """Deal out messages; return whether there were any."""
        with self._polling:
            self._hold()
            messages = self.consumer.consume(_DEALT, 0)
            by_part: defaultdict[Part, list[Any]] = defaultdict(list)
            for message in messages:
                if message.error() is not None and message.topic() is None:
                    self._heard(message.error())
                elif message.topic() is not None:
                    by_part[Part(message.topic(), message.partition())].append(message)
            with self._lock:
                feeds = {part: feed for part, feed in self._feeds.items() if isinstance(feed, ObjectFeed)}
            if not feeds:
                return False
            names = [self._library.TopicPartition(part.topic, part.number) for part in feeds]
            positions = self.consumer.position(names)
            for (part, feed), position in zip(feeds.items(), positions, strict=True):
                feed.deal(by_part.get(part, []), position.offset)
            return bool(messages)

    def _hold(self) -> None:
        """Fetch no more of partitions of which enough waits, and go on with others."""
        with self._lock:
            wanted = {part for part, feed in self._feeds.items() if isinstance(feed, ObjectFeed) and feed.full}
            there = set(self._feeds)
        for change, parts in ((self.consumer.pause, wanted - self._held), (self.consumer.resume, self._held - wanted)):
            names = [self._library.TopicPartition(part.topic, part.number) for part in parts & there]
            try:
                if names:
                    change(names)
            except self._library.KafkaException as error:  # it is not assigned any more
                log.debug("kafka: %s", reason(error))
        self._held = wanted


def _ahead(access: Access, kilobytes: int) -> dict[str, Any]:
    name = "queued.max.messages.kbytes"
    return {} if name in access.settings else {name: kilobytes}
