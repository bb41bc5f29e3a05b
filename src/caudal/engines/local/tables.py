"""The tables of a process: which version of each rows meet now, and how a newer one takes its place.

A version is read and put in order beside the rows that flow; then one assignment lets it take the place of the one before, so a morsel,
which asks once, meets one version whole. What cannot be read as a whole changes nothing, and is told.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from caudal.core.errors import CaudalError
from caudal.engines.local.settings import Settings
from caudal.ingest.tables import Version, key_of, pins, read
from caudal.observe.log import log
from caudal.observe.notices import Notice, Notices
from caudal.plan.nodes import Lookup, Table

_LONGEST = 3600.0
"""Seconds that the thread which reads tables sleeps at most."""

_PATIENCE = 5.0
"""Seconds that the end of a job waits for a table that is being read."""


_OFTEN = 0.0005
"""Seconds between switches of threads while a table is read: rows wait so long for the interpreter, several times a morsel."""


@contextmanager
def _often() -> Generator[None]:
    """Let threads take turns more often; what was set is set again behind it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _OFTEN))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Held:
    """One table, and the version of it that counts."""

    def __init__(self, table: Table, as_of: tuple[str, ...], key: Any, tell: Callable[[Notice], None]) -> None:
        """Reads the first version; raises `InputError`."""
        self._table, self._as_of, self._tell = table, as_of, tell
        self.version: Version = pins.read(key, table, as_of)
        self._failing = ""
        """What is told of the last reload, if it failed."""
        self._failures: set[str] = set()
        log.info("%s: %s", table.label, self.version.told())
        tell(Notice("table", table.label, self.version.told()))

    def reload(self) -> bool:
        """Read the newest version, and let it count where it is another; return whether it does."""
        label, before = self._table.label, self.version
        try:
            newest = read(self._table, self._as_of)
        except Exception as error:  # whatever it is, rows go on to meet the version before
            text = f"failed reloads: {{count}}; version {before.name} stays: {_told(error, label)}"
            if text in self._failures and text != self._failing:  # it worked between, or failed otherwise
                log.info("%s: %s", label, text.replace("{count}", "one more"))
            self._failures.add(text)
            self._failing = text
            self._tell(Notice("table_kept", label, text, level="warning"))
            return False
        if self._failing:
            self._failing = ""
            log.info("%s can be read again", label)
        if newest.name == before.name:
            return False
        self.version = newest
        log.info("%s: %s, in the place of version %s", label, newest.told(), before.name)
        self._tell(Notice("table", label, f"{newest.told()}, in the place of version {before.name}"))
        return True


def _told(error: Exception, label: str) -> str:
    """Return why a table cannot be read, in a line."""
    if not isinstance(error, CaudalError):
        return " ".join(f"{type(error).__name__}: {error}".split())
    place = error.location.removeprefix(f"{label}, ")
    where = f", in {place}" if place and place != label else ""
    detail = f": {error.detail}" if error.detail else ""
    return " ".join(f"{error.message}{where}{detail}".split())


class Tables:
    """The tables that jobs of this process look things up in, each read once, and anew when it is due."""

    def __init__(self, settings: Settings) -> None:
        self._clock = settings.clock
        self._held: dict[str, Held] = {}
        self._due: dict[str, tuple[int, int]] = {}
        """When a table is to be read anew, and how many milliseconds are between two readings."""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._running = False

    def of(self, node: Lookup, notices: Notices, *, live: bool) -> Held:
        """Return the table of a lookup, for as long as the job runs; raises `InputError`.

        `live`: it is read anew while the job runs. A bounded run meets the version of its start.
        """
        key = key_of(node)
        with self._lock:
            if key not in self._held:
                self._held[key] = Held(node.table, node.as_of, key, notices.add)
            every = node.table.reload
            if live and every is not None and key not in self._due:
                self._due[key] = (self._clock() + every, every)
                if self._running:  # a worker is given more to do while it runs
                    self._begin()
            return self._held[key]

    def step(self) -> int | None:
        """Read anew what is due; return in how many milliseconds something will be, None for never."""
        with self._lock:
            now = self._clock()
            due = [key for key, (at, _) in self._due.items() if at <= now]
        if due:
            with _often():
                for key in due:
                    self._held[key].reload()
        with self._lock:
            now = self._clock()
            for key in due:
                every = self._due[key][1]
                self._due[key] = (now + every, every)
            return min((max(0, at - now) for at, _ in self._due.values()), default=None)

    def start(self) -> None:
        """Read tables anew from now on, in a thread of its own, where any is to be."""
        with self._lock:
            self._running = True
            if self._due:
                self._begin()

    def close(self) -> None:
        """Read no more; one that is being read is waited for, but not for long."""
        with self._lock:
            self._running = False
            thread, self._thread = self._thread, None
        self._wake.set()
        if thread is not None:
            thread.join(_PATIENCE)

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="caudal-tables", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while self._running:
            left = self.step()
            self._wake.wait(_LONGEST if left is None else min(left / 1000, _LONGEST))
            self._wake.clear()
