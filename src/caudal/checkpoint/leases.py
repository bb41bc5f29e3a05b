"""Leases: who works under which name. A name has one holder at a time, as far as clocks and file systems can tell.

In a directory a lease is a lock of its file, which ends with its process. In an object store it is an object with a time, which
its holder renews; after `VALID` seconds without that it is anybody's.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Protocol

from caudal.checkpoint.store import Absent, Store

FOLDER = "workers"
VALID = 15.0
"""Seconds for which an object says that its holder lives."""
_RENEW = 4.0


class Lease(Protocol):
    """A name that is held. Used by one thread."""

    name: str

    def renew(self) -> bool:
        """Say that the holder lives, where that has to be said; False where another holds the name. Raises `StoreError`."""
        ...

    def release(self) -> None:
        """Let others have the name; idempotent."""
        ...


class ObjectLease:
    """A name held by an object with a time; see `Lease`."""

    def __init__(self, store: Store, name: str) -> None:
        self.name = name
        self._store = store
        self._own = secrets.token_hex(8)
        self._renewed = 0.0

    def renew(self) -> bool:
        """Put the object anew, now and then."""
        now = time.monotonic()
        if now - self._renewed < _RENEW:
            return True
        if self._holder() not in ("", self._own):
            return False
        told = {"holder": self._own, "until": time.time() + VALID}
        self._store.replace(_path(self.name), json.dumps(told).encode())
        self._renewed = now
        return True

    def release(self) -> None:
        """Remove the object, where it is this one's."""
        if self._renewed and self._holder() == self._own:
            self._store.delete([_path(self.name)])
        self._renewed = 0.0

    def _holder(self) -> str:
        try:
            told = json.loads(self._store.read(_path(self.name)))
        except Absent:
            return ""
        return told["holder"] if told["until"] > time.time() else ""


def leased(store: Store, name: str) -> Lease | None:
    """Return the lease of a name, None where another holds it. Raises `StoreError`."""
    own = getattr(store, "lease", None)
    if own is not None:
        return own(_path(name), name)
    lease = ObjectLease(store, name)
    return lease if lease.renew() else None


def slot(store: Store) -> Lease:
    """Return the lease of the first name that nobody holds: w0, w1 ... Raises `StoreError`."""
    number = 0
    while True:
        lease = leased(store, f"w{number}")
        if lease is not None:
            return lease
        number += 1


def _path(name: str) -> str:
    return f"{FOLDER}/{name}"
