"""A file that is appended to, and may be renamed, truncated or removed while it is read."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable

from caudal.connectors.files.descriptors import SCARCE, Descriptors
from caudal.connectors.files.paths import Identity, settled
from caudal.connectors.files.streams import reason_of
from caudal.connectors.files.traces import HEAD, Read, Trace
from caudal.core.errors import InputError
from caudal.core.unpacking import BrokenStream

RETIRE = 60.0
"""Seconds of silence after which a file that has been replaced or removed is taken to have ended."""

_AT_ONCE = 4 << 20
"""Bytes of a copy that are read as soon as it is found."""

_uses = itertools.count()


class Growing:
    """One incarnation of a followed file: an inode, from its beginning until it is truncated, or replaced and silent.

    Its end is not the last byte: `readinto` returns None there, and 0 only once the incarnation has ended, which its
    source decides (see `follow`): the two work in different threads, hence the lock. It is read on only where what
    stands before the position is what was read there. While it holds its descriptor, renaming and removing do not
    concern it; where descriptors are scarce it gives that back and opens its file again, if its identity is the same.
    """

    def __init__(
        self,
        path: str,
        descriptors: Descriptors,
        *,
        clock: Callable[[], float] = time.monotonic,
        retire: float = RETIRE,
    ) -> None:
        """Open the file at `path`; raises `OSError`."""
        self.path = path
        self.names = [path]
        """The paths it has had."""
        self.trace = Trace()
        self.truncated_at: float | None = None
        """When it was seen to be truncated, None if it never was."""
        self.ended = False
        self.copied: Identity | None = None
        """The file that is its copy."""
        self.failure = ""
        """Why it could not be read on, where that ended it."""
        self.waits = False
        """Whether it waits for a descriptor."""
        self.used = next(_uses)
        self._descriptors = descriptors
        self._clock = clock
        self._retire = retire
        self._quiet_since: float | None = None
        self._finishing = False
        self._cut = False
        self._rest = b""
        self._changed = -1
        self._hinted: os.stat_result | None = None
        self._looked = (-1, -1)
        self._seen = 0
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        self.identity: Identity = (status.st_dev, status.st_ino)
        descriptors.add(self)

    @property
    def offset(self) -> int:
        """How many bytes have been read."""
        return self.trace.end

    @property
    def truncated(self) -> bool:
        """Whether it was truncated, and nothing comes until the source says `finish` or `continue_in`."""
        return self.truncated_at is not None and not self._finishing and not self.ended

    # -- the contract of streams.Stream ----------------------------------------------------------------------------

    def hint(self) -> int:
        with self._lock:
            self._hinted = status = None if self.ended or self.truncated else self._status()
            return 0 if status is None else max(0, status.st_size - self.offset)

    def readinto(self, view: memoryview) -> int | None:
        with self._lock:
            if self.ended:
                return self._after_the_end()
            if self._rest:
                count = min(len(view), len(self._rest))
                view[:count] = self._rest[:count]
                self._rest = self._rest[count:]
                self.trace.take(view[:count])
                return count
            if self._finishing and self._seen == self.offset:
                return self._finished()
            if self._as_it_was():
                return self._retired()
            if self.truncated or not self._opened():
                return self._retired()
            tail = self.trace.tail
            before = bytearray(len(tail))
            try:
                count = os.preadv(self._fd, [before, view], self.offset - len(tail)) - len(tail)
            except OSError as error:
                self.failure = f"cannot read {self.path}: {reason_of(error)}"
                self._end()
                return self._after_the_end()
            if count < 0 or before != tail:
                return self._truncate()
            if count and not self._begins_as_read(view[:count]):
                self._seen = max(self._seen, self.offset + count)
                return self._truncate()
            if count == 0:
                return self._at_last_byte()
            self.trace.take(view[:count])
            self._seen = max(self._seen, self.offset)
            self.used = next(_uses)
            if self._quiet_since is not None:
                self._quiet_since = self._clock()
            return count

    def seek(self, position: int) -> None:
        with self._lock:
            status = self._status()
            size = 0 if status is None or not self._opened(anyhow=True) else status.st_size
            if size < position <= self._seen:  # truncated since its head was looked at
                self.trace.end = self.trace.line = position
                self.truncated_at = self._clock()
                return
            if position > size:
                raise InputError(
                    f"{self.path} is shorter than the position to read on from",
                    detail=f"it has {size} bytes, the position is {position}",
                    hint="was the file rotated or truncated since the last run?",
                )
            self.trace.begin(self._pread, position, position)
            self._same_head(size)
            self._seen = max(self._seen, size)

    def close(self) -> None:
        with self._lock:
            self._cut = False
            self._end()

    # -- the contract of descriptors.Holder ------------------------------------------------------------------------

    def release(self) -> bool:
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._fd < 0:
                return True
            if self._finishing or not self._at_its_path():
                return False
            os.close(self._fd)  # what changed since the last byte was read is seen by its time
            self._fd = -1
            return True
        except OSError:
            return False
        finally:
            self._lock.release()

    # -- for its source --------------------------------------------------------------------------------------------

    def reread(self) -> FromStart:
        """Return a stream of the bytes that are there, from the first."""
        return FromStart(self)

    def size(self) -> int:
        """Return how many bytes there are now."""
        with self._lock:
            status = None if self.ended else self._status()
            return self.offset if status is None else status.st_size

    def read_at(self, count: int, offset: int) -> bytes:
        """Return what stands at an offset, b"" where that cannot be read now."""
        with self._lock:
            return self._pread(count, offset) if not self.ended and self._opened(anyhow=True) else b""

    def look(self) -> None:
        """See whether it was truncated, and what it begins with, before it has been read."""
        with self._lock:
            if self.ended or self.truncated or self._finishing:
                return
            status = self._status()
            if status is None or (status.st_size, status.st_mtime_ns) == self._looked:
                return
            if status.st_size >= self._seen and not self._opened(anyhow=True):
                return  # at the next look
            self._looked = (status.st_size, _certain(status))
            if status.st_size < self._seen or not self._as_read(status.st_size):
                self._truncate()
            else:
                self._seen = status.st_size

    def goes_on_in(self, read: Read, size: int) -> bool:
        """Return whether content of this size begins with all that was read."""
        return size >= self.offset and self.trace.agrees(read, size)

    def superseded(self) -> None:
        """Another file has taken its place and is being written: end once it has been silent for long enough."""
        if self._quiet_since is None:
            self._quiet_since = self._clock()

    def unread(self, copied: int = 0) -> int:
        """Return how many bytes it is known to have had behind those that were read, and behind `copied` ones."""
        return max(0, self._seen - max(self.offset, copied))

    def finish(self) -> None:
        """It was truncated, and nothing more of what it held can be read: end."""
        with self._lock:
            self._seen = self.offset
            self._cut = self.trace.line < self.offset
            self._end()

    def continue_in(self, fd: int) -> None:
        """It was truncated after it had been copied to this open file: read on there, to its last byte, then end."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = fd
            self._seen = os.fstat(fd).st_size
            self._finishing = True
            if self._seen - self.offset <= _AT_ONCE:  # before the copy is written over in its turn
                self._rest = self._pread(_AT_ONCE, self.offset)
            self._descriptors.add(self)

    def after_last_line(self) -> int:
        """Return the offset behind the last newline that is there."""
        at = self.size()
        while at > 0:
            start = max(0, at - 64 * 1024)
            newline = self.read_at(at - start, start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            at = start
        return 0

    # -- with the lock held ----------------------------------------------------------------------------------------

    def _pread(self, count: int, offset: int) -> bytes:
        return os.pread(self._fd, count, offset)

    def _status(self) -> os.stat_result | None:
        """Return the file's status, None where it is neither open nor at its path."""
        try:
            if self._fd >= 0:
                return os.fstat(self._fd)
            status = os.stat(self.path)
        except OSError:
            return None
        return status if (status.st_dev, status.st_ino) == self.identity else None

    def _at_its_path(self) -> bool:
        status = os.stat(self.path)
        return (status.st_dev, status.st_ino) == self.identity

    def _as_it_was(self) -> bool:
        """Return whether the last `hint` has shown that nothing happened since the last byte was read."""
        status, self._hinted = self._hinted, None
        if status is None or self._finishing or self.truncated or self._fd < 0:
            return False
        return status.st_size == self.offset and status.st_mtime_ns == self._changed and status.st_nlink > 0

    def _opened(self, *, anyhow: bool = False) -> bool:
        """Open the file again where it is not; not where it is as it was when it was closed, but for `anyhow`."""
        if self._fd >= 0:
            return True
        status = self._status()
        if status is None:
            self.superseded()  # for all that can be seen: it is looked for elsewhere
            return False
        if not anyhow and status.st_size == self.offset and status.st_mtime_ns == self._changed:
            return False
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            self.waits = error.errno in SCARCE
            return False
        status = os.fstat(fd)
        if (status.st_dev, status.st_ino) != self.identity:
            os.close(fd)
            return False
        self._fd, self.waits, self.used = fd, False, next(_uses)
        self._descriptors.add(self)
        return True

    def _same_head(self, size: int) -> bool:
        """Return whether the file, once of this size, begins as it did; remember more of its beginning where there is more."""
        known = self.trace.head
        head = self._pread(min(HEAD, max(size, len(known))), 0)
        if head[: len(known)] != known or len(head) < min(HEAD, size):
            return False
        self.trace.head = head
        return True

    def _as_read(self, size: int) -> bool:
        """Return whether the file, once of this size, begins as it did, and has what was read before the position."""
        tail = self.trace.tail
        return self._same_head(size) and self._pread(len(tail), self.offset - len(tail)) == tail

    def _begins_as_read(self, data: memoryview) -> bool:
        """Return whether the file begins as it did, and with these bytes, which were read just before, behind that.

        So its head is never one thing and what was read another, should it be truncated between the two calls.
        """
        trace = self.trace
        if trace.end < HEAD:
            read = trace.tail + bytes(data[: HEAD - trace.end])
            if not read.startswith(trace.head[: len(read)]):
                return False
            trace.head = max(trace.head, read, key=len)
        return self._same_head(trace.end + len(data))

    def _truncate(self) -> int | None:
        if self._finishing:  # the copy has been written over while it was read
            return self._finished()
        self.truncated_at = self._clock()
        return None

    def _finished(self) -> int:
        self._cut = self.trace.line < self.offset
        self._end()
        return self._after_the_end()

    def _after_the_end(self) -> int:
        if self._cut:
            self._cut = False
            raise BrokenStream("cut", "the file was truncated within this line", fails=False)
        return 0

    def _end(self) -> None:
        self.ended = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._descriptors.remove(self)

    def _at_last_byte(self) -> int | None:
        status = os.fstat(self._fd)
        if status.st_size < self._seen or (status.st_mtime_ns != self._changed and not self._as_read(status.st_size)):
            return self._truncate()
        self._changed = _certain(status)
        if status.st_nlink == 0:
            self.superseded()
        return self._finished() if self._finishing else self._retired()

    def _retired(self) -> int | None:
        if self.truncated or self._quiet_since is None or self._clock() - self._quiet_since < self._retire:
            return None
        self._end()
        return 0


def _certain(status: os.stat_result) -> int:
    """Return when a file was last changed, -1 where a further change in the same tick of the clock would not show."""
    return status.st_mtime_ns if settled(status.st_mtime_ns) else -1


class FromStart:
    """The bytes of a followed file from the first one to the last that is there; it holds no descriptor of its own."""

    def __init__(self, growing: Growing) -> None:
        self._growing = growing
        self._offset = 0

    def hint(self) -> int:
        return max(0, self._growing.size() - self._offset)

    def readinto(self, view: memoryview) -> int:
        data = self._growing.read_at(len(view), self._offset)
        view[: len(data)] = data
        self._offset += len(data)
        return len(data)

    def seek(self, position: int) -> None:
        self._offset = position

    def close(self) -> None:
        """Do nothing: it has nothing."""
