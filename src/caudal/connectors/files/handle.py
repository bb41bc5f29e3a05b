"""An open file that may be closed for others' sake, and is opened again where it is still the same one."""

from __future__ import annotations

import itertools
import os

from caudal.connectors.files.descriptors import SCARCE
from caudal.connectors.files.paths import Identity

_uses = itertools.count()


class Handle:
    """A descriptor of the file that stood at `path`. While it is held, renaming and removing do not concern it.

    Once given back, the file is opened again at its path of then, if its identity is the same.
    """

    def __init__(self, path: str, missing: Identity | None = None) -> None:
        """Open the file at `path`; raises `OSError`. `missing`: it was this one once, and is not opened."""
        self.path = path
        self.waits = False
        """Whether it waits for a descriptor."""
        self.used = next(_uses)
        self._fd = -1
        if missing is not None:
            self.identity = missing
            return
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        self.identity: Identity = (status.st_dev, status.st_ino)

    @property
    def open(self) -> bool:
        """Whether it holds a descriptor."""
        return self._fd >= 0

    def use(self) -> None:
        """Note that it is used now."""
        self.used = next(_uses)

    def status(self) -> os.stat_result | None:
        """Return the file's status, None where it is neither open nor at its path."""
        try:
            if self._fd >= 0:
                return os.fstat(self._fd)
            status = os.stat(self.path)
        except OSError:
            return None
        return status if (status.st_dev, status.st_ino) == self.identity else None

    def at_its_path(self) -> bool:
        """Return whether it is what stands at its path; raises `OSError`."""
        status = os.stat(self.path)
        return (status.st_dev, status.st_ino) == self.identity

    def read(self, count: int, offset: int) -> bytes:
        """Return what stands at an offset; raises `OSError`, as when it is not open."""
        return os.pread(self._fd, count, offset)

    def read_behind(self, before: bytearray, view: memoryview, offset: int) -> int:
        """Read what stands at an offset into `before`, and what follows into `view`; return the number of all bytes."""
        return os.preadv(self._fd, [before, view], offset)

    def reopen(self) -> bool:
        """Open the file again where it is not; return whether it is open now."""
        if self._fd >= 0:
            return True
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
        return True

    def become(self, fd: int) -> int:
        """Hold this descriptor instead; return the size of its file."""
        self.close()
        self._fd = fd
        return os.fstat(fd).st_size

    def close(self) -> None:
        """Give the descriptor back; idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
