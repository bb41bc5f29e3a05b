"""A file that is appended to, and may be renamed, truncated or removed while it is read."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from caudal.connectors.files.descriptors import Descriptors
from caudal.connectors.files.handle import Handle
from caudal.connectors.files.paths import Identity, settled
from caudal.connectors.files.streams import reason_of
from caudal.connectors.files.traces import Trace
from caudal.core.errors import InputError
from caudal.core.unpacking import BrokenStream

RETIRE = 60.0
"""Seconds of silence after which a file that has been replaced or removed is taken to have ended."""

_AT_ONCE = 4 << 20
"""Bytes of a copy that are read as soon as it is found."""


class _Silence:
    """The silence of a file that has been replaced: it is over when nothing has been written for so many seconds."""

    def __init__(self, clock: Callable[[], float], limit: float) -> None:
        self._clock = clock
        self._limit = limit
        self._since: float | None = None

    def begin(self) -> None:
        """Begin to wait, unless it has begun."""
        self._since = self._clock() if self._since is None else self._since

    def broken(self) -> None:
        """Something was written: wait anew, where it has begun."""
        self._since = None if self._since is None else self._clock()

    @property
    def over(self) -> bool:
        """Whether it has lasted long enough."""
        return self._since is not None and self._clock() - self._since >= self._limit


class Growing:
    """One incarnation of a followed file: an inode, from its beginning until it is truncated, or replaced and silent.

    Its end is not the last byte: `readinto` returns None there, and 0 only once the incarnation has ended, which its
    source decides (see `follow`): the two work in different threads, hence the lock. It is read on only where what
    stands before the position is what was read there. While it holds its descriptor, renaming and removing do not
    concern it; where descriptors are scarce it gives that back and opens its file again, if its identity is the same.
    """

    def __init__(
        self,
        path: str | Handle,
        descriptors: Descriptors,
        *,
        clock: Callable[[], float] = time.monotonic,
        retire: float = RETIRE,
    ) -> None:
        """Open the file at `path`; raises `OSError`."""
        self.handle = path if isinstance(path, Handle) else Handle(path)
        """The file, and where it was last found."""
        self.names = [self.handle.path]
        """The paths it has had."""
        self.trace = Trace()
        self.truncated_at: float | None = None
        """When it was seen to be truncated, None if it never was."""
        self.ended = False
        self.copied: Identity | None = None
        """The file that is its copy."""
        self.failure = ""
        """Why it could not be read on, where that ended it."""
        self._descriptors = descriptors
        self._clock = clock
        self._silence = _Silence(clock, retire)
        self._finishing = False
        self._cut = False
        self._rest = b""
        self._changed = -1
        self._hinted: os.stat_result | None = None
        self._looked, self._seen = (-1, -1), 0
        self._lock = threading.Lock()
        descriptors.add(self)

    @property
    def used(self) -> int:
        """See `descriptors.Holder`."""
        return self.handle.used

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
            self._hinted = status = None if self.ended or self.truncated else self.handle.status()
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
            hinted, self._hinted = self._hinted, None
            if self.truncated or self._as_it_was(hinted) or not self._opened():
                return self._retired()
            tail = self.trace.tail
            before = bytearray(len(tail))
            try:
                count = self.handle.read_behind(before, view, self.offset - len(tail)) - len(tail)
            except OSError as error:
                self.failure = f"cannot read {self.handle.path}: {reason_of(error)}"
                self._end()
                return self._after_the_end()
            if count < 0 or before != tail:
                return self._truncate()
            if count and not self.trace.begins_as_read(self.handle.read, view[:count]):
                self._seen = max(self._seen, self.offset + count)
                return self._truncate()
            if count == 0:
                return self._at_last_byte()
            self.trace.take(view[:count])
            self._seen = max(self._seen, self.offset)
            self.handle.use()
            self._silence.broken()
            return count

    def seek(self, position: int) -> None:
        with self._lock:
            status = self.handle.status()
            size = 0 if status is None or not self._opened(anyhow=True) else status.st_size
            if size < position <= self._seen:  # truncated since its head was looked at
                self.trace.end = self.trace.line = position
                self.truncated_at = self._clock()
                return
            if position > size:
                raise _shorter(self.handle.path, size, position)
            self.trace.begin(self.handle.read, position, position)
            self.trace.same_head(self.handle.read, size)
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
            if not self.handle.open:
                return True
            if self._finishing or not self.handle.at_its_path():
                return False
            self.handle.close()  # what changed since the last byte was read is seen by its time
            return True
        except OSError:
            return False
        finally:
            self._lock.release()

    # -- for its source --------------------------------------------------------------------------------------------

    def size(self) -> int:
        """Return how many bytes there are now."""
        with self._lock:
            status = None if self.ended else self.handle.status()
            return self.offset if status is None else status.st_size

    def read_at(self, count: int, offset: int) -> bytes:
        """Return what stands at an offset, b"" where that cannot be read now."""
        with self._lock:
            return self.handle.read(count, offset) if not self.ended and self._opened(anyhow=True) else b""

    def look(self) -> None:
        """See whether it was truncated, and what it begins with, before it has been read."""
        with self._lock:
            if self.ended or self.truncated or self._finishing:
                return
            status = self.handle.status()
            if status is None or (status.st_size, status.st_mtime_ns) == self._looked:
                return
            if status.st_size >= self._seen and not self._opened(anyhow=True):
                return  # at the next look
            self._looked = (status.st_size, _certain(status))
            if status.st_size < self._seen or not self.trace.as_read(self.handle.read, status.st_size):
                self._truncate()
            else:
                self._seen = status.st_size

    def superseded(self) -> None:
        """Another file has taken its place and is being written: end once it has been silent for long enough."""
        self._silence.begin()

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
            self._seen = self.handle.become(fd)
            self._finishing = True
            if self._seen - self.offset <= _AT_ONCE:  # before the copy is written over in its turn
                self._rest = self.handle.read(_AT_ONCE, self.offset)
            self._descriptors.add(self)

    # -- with the lock held ----------------------------------------------------------------------------------------

    def _as_it_was(self, hinted: os.stat_result | None) -> bool:
        """Return whether the last `hint` has shown that nothing happened since the last byte was read."""
        if hinted is None or self._finishing or not self.handle.open:
            return False
        return hinted.st_size == self.offset and hinted.st_mtime_ns == self._changed and hinted.st_nlink > 0

    def _opened(self, *, anyhow: bool = False) -> bool:
        """Open the file again where it is not; not where it is as it was when it was closed, but for `anyhow`."""
        if self.handle.open:
            return True
        status = self.handle.status()
        if status is None:
            self.superseded()  # for all that can be seen: it is looked for elsewhere
            return False
        if not anyhow and status.st_size == self.offset and status.st_mtime_ns == self._changed:
            return False
        if not self.handle.reopen():
            return False
        self._descriptors.add(self)
        return True

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
        self.handle.close()
        self._descriptors.remove(self)

    def _at_last_byte(self) -> int | None:
        status = self.handle.status()
        assert status is not None  # it is open
        size, changed = status.st_size, status.st_mtime_ns
        if size < self._seen or (changed != self._changed and not self.trace.as_read(self.handle.read, size)):
            return self._truncate()
        self._changed = _certain(status)
        if status.st_nlink == 0:
            self.superseded()
        return self._finished() if self._finishing else self._retired()

    def _retired(self) -> int | None:
        if self.truncated or not self._silence.over:
            return None
        self._end()
        return 0


def _certain(status: os.stat_result) -> int:
    """Return when a file was last changed, -1 where a further change in the same tick of the clock would not show."""
    return status.st_mtime_ns if settled(status.st_mtime_ns) else -1


def _shorter(path: str, size: int, position: int) -> InputError:
    return InputError(
        f"{path} is shorter than the position to read on from",
        detail=f"it has {size} bytes, the position is {position}",
        hint="was the file rotated or truncated since the last run?",
    )


def after_last_line(growing: Growing) -> int:
    """Return the offset behind the last newline that is there."""
    at = growing.size()
    while at > 0:
        start = max(0, at - 64 * 1024)
        newline = growing.read_at(at - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0


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
