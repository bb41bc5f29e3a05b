"""A file that is appended to, and may be renamed, truncated or removed while it is read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from caudal.connectors.files.paths import Identity
from caudal.connectors.files.streams import reason_of
from caudal.core.errors import InputError, RunError

FINGERPRINT = 1024
"""How many of a file's first bytes tell it from another one."""

RETIRE = 60.0
"""Seconds of silence after which a file that has been replaced or removed is taken to have ended."""


class Growing:
    """One incarnation of a followed file: an inode, from its beginning until it is truncated, or replaced and silent.

    It keeps its descriptor, so renaming and removing do not concern it. Its end is not the last byte: `readinto`
    returns None there, and 0 only once the incarnation has ended, which its source decides (see `follow`): the two
    work in different threads, hence the lock.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic, retire: float = RETIRE) -> None:
        self.path = path
        self.offset = 0
        self.prefix = b""
        """The first bytes that have been seen, at most FINGERPRINT; where others stand now is another file."""
        self.truncated = False
        """It has been seen to be truncated; nothing comes until the source says `finish` or `continue_in`."""
        self.ended = False
        self._clock = clock
        self._retire = retire
        self._quiet_since: float | None = None
        self._finishing = False
        self._changed = -1
        self._seen = 0
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        self.identity: Identity = (status.st_dev, status.st_ino)

    # -- the contract of streams.Stream ----------------------------------------------------------------------------

    def hint(self) -> int:
        with self._lock:
            return 0 if self.ended else max(0, os.fstat(self._fd).st_size - self.offset)

    def readinto(self, view: memoryview) -> int | None:
        with self._lock:
            if self.ended:
                return 0
            if self.truncated:
                return None
            try:
                count = os.preadv(self._fd, [view], self.offset)
            except OSError as error:
                raise RunError(f"cannot read {self.path}: {reason_of(error)}") from error
            if count == 0:
                return self._at_last_byte()
            if self._is_another():
                return None
            self.offset += count
            if self.offset > self._seen:
                self._notice(self.offset)
            if self._quiet_since is not None:
                self._quiet_since = self._clock()
            return count

    def seek(self, position: int) -> None:
        size = os.fstat(self._fd).st_size
        if position > size:
            raise InputError(
                f"{self.path} is shorter than the position to read on from",
                detail=f"it has {size} bytes, the position is {position}",
                hint="was the file rotated or truncated since the last run?",
            )
        self.offset = position
        self._notice(size)

    def close(self) -> None:
        with self._lock:
            self._end()

    # -- for its source --------------------------------------------------------------------------------------------

    def reread(self) -> FromStart:
        """Return a stream of the bytes that are there, from the first."""
        with self._lock:
            return FromStart(-1 if self.ended else os.dup(self._fd))

    def size(self) -> int:
        """Return how many bytes there are now."""
        with self._lock:
            return self.offset if self.ended else os.fstat(self._fd).st_size

    def look(self) -> None:
        """See whether it was truncated, and what it begins with, before it has been read."""
        with self._lock:
            if self.ended or self.truncated or self._finishing:
                return
            size = os.fstat(self._fd).st_size
            if size < self._seen or self._is_another():
                self.truncated = True
            elif size > self._seen:
                self._notice(size)

    def superseded(self) -> None:
        """Another file has taken its place and is being written: end once it has been silent for long enough."""
        if self._quiet_since is None:
            self._quiet_since = self._clock()

    def finish(self) -> None:
        """It was truncated, and what it held behind `offset` is gone: end."""
        self.close()

    def continue_in(self, path: str) -> None:
        """It was truncated after it had been copied to `path`: read on there, to its last byte, then end."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with self._lock:
            os.close(self._fd)
            self._fd = fd
            self._finishing = True
            self.truncated = False

    def after_last_line(self) -> int:
        """Return the offset behind the last newline that is there."""
        at = os.fstat(self._fd).st_size
        while at > 0:
            start = max(0, at - 64 * 1024)
            newline = os.pread(self._fd, at - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            at = start
        return 0

    def begins_with(self, path: str, size: int, verified: int) -> bool:
        """Return whether the `size` bytes of the file at `path` are this one's first; `verified` are known to be."""
        with open(path, "rb", buffering=0) as other:
            other.seek(verified)
            while verified < size:
                theirs = other.read(min(1 << 20, size - verified))
                if not theirs or os.pread(self._fd, len(theirs), verified) != theirs:
                    return False
                verified += len(theirs)
        return True

    def _notice(self, size: int) -> None:
        self._seen = size
        if len(self.prefix) < FINGERPRINT:
            self.prefix = os.pread(self._fd, min(FINGERPRINT, size), 0)

    def _end(self) -> None:
        self.ended = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _is_another(self) -> bool:
        if self.prefix and os.pread(self._fd, len(self.prefix), 0) != self.prefix:
            self.truncated = True
        return self.truncated

    def _at_last_byte(self) -> int | None:
        status = os.fstat(self._fd)
        if status.st_size < self._seen and not self._finishing:
            self.truncated = True
            return None
        if status.st_mtime_ns != self._changed:
            if self._is_another():
                return None
            self._changed = status.st_mtime_ns
        if status.st_nlink == 0:
            self.superseded()
        silent = self._quiet_since is not None and self._clock() - self._quiet_since >= self._retire
        if silent or self._finishing:
            self._end()
            return 0
        return None


class FromStart:
    """The bytes of an open file (-1: of none) from the first one to the last that is there; owns the descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._offset = 0

    def hint(self) -> int:
        return 0 if self._fd < 0 else max(0, os.fstat(self._fd).st_size - self._offset)

    def readinto(self, view: memoryview) -> int:
        count = 0 if self._fd < 0 else os.preadv(self._fd, [view], self._offset)
        self._offset += count
        return count

    def seek(self, position: int) -> None:
        self._offset = position

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
