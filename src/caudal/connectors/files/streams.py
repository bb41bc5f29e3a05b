"""Byte streams: a file read at offsets, and a pipe."""

from __future__ import annotations

import os
import resource
import select
import threading
from typing import Protocol

from caudal.core.errors import InputError, RunError
from caudal.core.unpacking import BrokenStream

MAX_OPEN = 512
"""How many files one source keeps open between reads, at most; the others are opened for each read."""


def budget() -> threading.Semaphore:
    """Return how many files a source may keep open: no more than a quarter of what the process may."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return threading.Semaphore(MAX_OPEN if soft == resource.RLIM_INFINITY else max(1, min(MAX_OPEN, soft // 4)))


class Stream(Protocol):
    """Bytes in order. Used by one thread at a time."""

    def hint(self) -> int | None:
        """Return how many bytes can be read now, None when that is not known."""
        ...

    def readinto(self, view: memoryview) -> int | None:
        """Read some bytes into the (non-empty) view and return how many: 0 at the end, None when there are none yet.

        Raises `BrokenStream` for data that cannot be decoded, once all that can be has been returned;
        `RunError` when the device fails.
        """
        ...

    def seek(self, position: int) -> None:
        """Read on from this offset; raises `InputError` where there is no way to it."""
        ...

    def close(self) -> None:
        """Release what is held; idempotent."""
        ...


def reason_of(error: OSError) -> str:
    """Return what the system says about a failed call."""
    return error.strerror or str(error)


class Plain:
    """A regular file that is not followed: the bytes that there were when it was found, read at offsets.

    It is opened at the first read and stays open while the budget allows; else it is opened for each read. A file that
    is shorter by then, gone, or another one is `BrokenStream`, with what is missing, never a silent mixture of two. Of a file
    that has grown only the line is read to its end in which it ended; `size` None reads to the end, whatever that is.
    """

    def __init__(
        self,
        path: str,
        budget: threading.Semaphore,
        identity: tuple[int, int],
        size: int | None,
        *,
        modified: int = -1,
        first: bytes = b"",
    ) -> None:
        """`modified`: nanoseconds of the last change when it was found; `first`: some of what it began with then."""
        self._path = path
        self._budget = budget
        self._fd = -1
        self._identity = identity
        self._size = size
        self._modified = modified
        self._first = first
        self._offset = 0

    def hold(self) -> None:
        """Open it now, where the budget allows: from then on it may be renamed or removed. Raises as `readinto` does."""
        with self._opened():
            pass

    def hint(self) -> int | None:
        return None if self._size is None else max(0, self._size - self._offset)

    def readinto(self, view: memoryview) -> int:
        if (
            self._size is not None and len(self._first) == self._size and self._first.endswith(b"\n")
        ):  # a small file, read when it was found
            count = len(view[: self._size - self._offset])
            view[:count] = self._first[self._offset : self._offset + count]
            self._offset += count
            return count
        with self._opened() as fd:
            try:
                count = self._read(fd, view)
            except OSError as error:
                raise RunError(f"cannot read {self._path}: {reason_of(error)}") from error
        self._offset += count
        return count

    def _read(self, fd: int, view: memoryview) -> int:
        if self._size is None:
            return os.preadv(fd, [view], self._offset)
        left = self._size - self._offset
        if left > 0:
            count = os.preadv(fd, [view[:left]], self._offset)
            if not count:
                missing = f"{left} of {self._size} bytes are missing"
                raise BrokenStream("cut_short", f"the file was cut short while it was read: {missing}")
            return count
        self._check(fd)
        if self._offset and os.pread(fd, 1, self._offset - 1) in (b"\n", b""):
            return 0
        count = os.preadv(fd, [view], self._offset)
        newline = bytes(view[:count]).find(b"\n")
        return newline + 1 or count

    def seek(self, position: int) -> None:
        if self._size is not None and position > self._size:
            raise InputError(
                f"{self._path} is shorter than the position to read on from",
                detail=f"it has {self._size} bytes, the position is {position}",
                hint="was the file replaced or truncated since the last run?",
            )
        self._offset = position

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._budget.release()

    def _opened(self) -> _Opened:
        if self._fd >= 0:
            return _Opened(self._fd, keep=True)
        try:
            fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise BrokenStream(
                "removed", f"the file was removed before it was read to its end{self._left()}"
            ) from error
        except OSError as error:
            raise RunError(f"cannot read {self._path}: {reason_of(error)}") from error
        try:
            self._check(fd)
        except BaseException:
            os.close(fd)
            raise
        keep = self._budget.acquire(blocking=False)
        if keep:
            self._fd = fd
        return _Opened(fd, keep=keep)

    def _check(self, fd: int) -> None:
        """Raise `BrokenStream` where the file is another one, or has been written anew, since it was found."""
        status = os.fstat(fd)
        same = self._identity == (status.st_dev, status.st_ino)
        if same and status.st_mtime_ns != self._modified and self._size is not None:
            first = self._first[: min(self._size, status.st_size)]
            same = os.pread(fd, len(first), 0) == first
        if not same:
            raise BrokenStream("replaced", f"the file was replaced while it was being read{self._left()}")

    def _left(self) -> str:
        return "" if self._size is None else f": {self._size - self._offset} of {self._size} bytes are missing"


class _Opened:
    def __init__(self, fd: int, *, keep: bool) -> None:
        self._fd = fd
        self._keep = keep

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        if not self._keep:
            os.close(self._fd)


class Pipe:
    """Standard input, a named pipe, a device: read as it comes, without waiting."""

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        try:
            if not self._poll.poll(0):
                return None
            return os.readv(self._fd, [view])
        except BlockingIOError:
            return None
        except OSError as error:
            raise RunError(f"cannot read {self._name}: {reason_of(error)}") from error

    def seek(self, position: int) -> None:
        raise InputError(
            f"{self._name} cannot be read again from position {position}",
            hint="only files can be continued after a restart; write the stream to a file first",
        )

    def close(self) -> None:
        """Leave the descriptor to its owner: standard input is the process'."""
