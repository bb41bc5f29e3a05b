"""Byte streams: a file read at offsets, and a pipe."""

from __future__ import annotations

import os
import select
import threading
from typing import Protocol

from caudal.core.errors import InputError, RunError

MAX_OPEN = 512
"""How many files one source keeps open between reads; the others are opened for each read."""


class Stream(Protocol):
    """Bytes in order. Used by one thread at a time."""

    def hint(self) -> int | None:
        """Return how many bytes can be read now, None when that is not known."""
        ...

    def readinto(self, view: memoryview) -> int | None:
        """Read some bytes into the (non-empty) view and return how many: 0 at the end, None when there are none yet.

        Raises `compression.Broken` for data that cannot be decoded, once all that can be has been returned;
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
    """A regular file, read at offsets.

    It is opened at the first read and stays open while the budget allows; else it is opened for each read, and a
    file that was replaced meanwhile is an error, not a silent mixture of two.
    """

    def __init__(self, path: str, budget: threading.Semaphore) -> None:
        self._path = path
        self._budget = budget
        self._fd = -1
        self._identity: tuple[int, int] | None = None
        self._offset = 0

    def hint(self) -> int:
        with self._opened() as fd:
            return max(0, os.fstat(fd).st_size - self._offset)

    def readinto(self, view: memoryview) -> int:
        with self._opened() as fd:
            try:
                count = os.preadv(fd, [view], self._offset)
            except OSError as error:
                raise RunError(f"cannot read {self._path}: {reason_of(error)}") from error
        self._offset += count
        return count

    def seek(self, position: int) -> None:
        with self._opened() as fd:
            size = os.fstat(fd).st_size
        if position > size:
            raise InputError(
                f"{self._path} is shorter than the position to read on from",
                detail=f"it has {size} bytes, the position is {position}",
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
        except OSError as error:
            raise RunError(f"cannot read {self._path}: {reason_of(error)}") from error
        status = os.fstat(fd)
        identity = (status.st_dev, status.st_ino)
        if self._identity not in (None, identity):
            os.close(fd)
            raise RunError(f"{self._path} was replaced while it was being read")
        self._identity = identity
        keep = self._budget.acquire(blocking=False)
        if keep:
            self._fd = fd
        return _Opened(fd, keep=keep)


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
