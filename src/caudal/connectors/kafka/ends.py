"""Watching where partitions end: a thread asks the cluster again and again, and knows when it was last answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from caudal.connectors.kafka.cluster import Cluster, Part
from caudal.core.errors import CaudalError
from caudal.observe.log import log
from caudal.observe.notices import Notice

EVERY = 0.5
"""Seconds between two questions."""
FRESH = 1.5
"""Seconds after which an answer says nothing any more."""
_LATELY = 10.0
"""Seconds after which an answer is too old to tell how far behind a job is."""
_PATIENT = 5.0
"""Seconds without an answer after which that is told."""
_LOOK = 5.0
"""Seconds between two looks for new topics and partitions."""


class EndsWatch:
    """Knows the ends of partitions; keeps `partition.Ends`. Thread-safe."""

    def __init__(
        self, cluster: Cluster, parts: Callable[[], Sequence[Part]], look: Callable[[], None] | None = None
    ) -> None:
        """`parts`: those that are read at the time; `look`: asks for new ones, now and then, and may raise `CaudalError`."""
        self._cluster = cluster
        self._parts = parts
        self._look = look
        self._lock = threading.Lock()
        self._known: dict[Part, tuple[int, float]] = {}
        self._answered = time.monotonic()
        self._silent_since: float | None = None
        self._told: list[Notice] = []
        self._closing = threading.Event()
        names = {"ends": self._watch} if look is None else {"ends": self._watch, "look": self._looking}
        self._threads = [
            threading.Thread(target=target, name=f"caudal-kafka-{name}", daemon=True) for name, target in names.items()
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def at_end(self, part: Part, position: int) -> bool:
        """Whether a leader that answered just now has nothing behind this position."""
        with self._lock:
            end, asked = self._known.get(part, (-1, 0.0))
        return 0 <= end <= position and time.monotonic() - asked < FRESH

    def bounds(self, part: Part) -> tuple[int, int]:
        """Return the first offset and the end; waits. Raises `InputError`."""
        return self._cluster.bounds([part])[part]

    def known(self) -> dict[Part, int]:
        """Return the ends that were heard of lately."""
        since = time.monotonic() - _LATELY
        with self._lock:
            return {part: end for part, (end, asked) in self._known.items() if asked >= since}

    def told(self) -> list[Notice]:
        """Return what happened since the last call."""
        with self._lock:
            told, self._told = self._told, []
        return told

    def waiting(self) -> str:
        """Return what is waited for, "" for nothing."""
        with self._lock:
            since = self._silent_since
        if since is None or time.monotonic() - since < _PATIENT:
            return ""
        why = self._cluster.log.last
        return f"no answer from {self._cluster.access.domain} for {time.monotonic() - since:.0f} s" + (
            f" ({why})" if why else ""
        )

    def close(self) -> None:
        """Ask no more; idempotent."""
        self._closing.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(FRESH)  # one that waits for an answer ends by itself

    def _watch(self) -> None:
        while not self._closing.wait(EVERY):
            parts = list(self._parts())
            asked = time.monotonic()
            found = self._cluster.ends(parts, FRESH) if parts else {}
            self._note(found, asked, silent=bool(parts) and not found)

    def _looking(self) -> None:
        assert self._look is not None
        while not self._closing.wait(_LOOK):
            try:
                self._look()
            except CaudalError as error:
                log.debug("kafka: %s", error)

    def _note(self, found: dict[Part, int], asked: float, *, silent: bool) -> None:
        with self._lock:
            self._known.update({part: (end, asked) for part, end in found.items()})
            if silent:
                self._silent_since = asked if self._silent_since is None else self._silent_since
                return
            since, self._silent_since = self._silent_since, None
            if since is not None and asked - since >= _PATIENT:
                text = f"{{count}} times without an answer for more than {_PATIENT:.0f} s"
                self._told.append(Notice("silent", self._cluster.access.domain, text, level="warning"))
