"""Files that are written beside their target, under hidden names of its own, until they are shown."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from typing import Any, BinaryIO, cast

from caudal.connectors.files.streams import reason_of
from caudal.core.errors import RunError

_BUFFER = 256 * 1024


class Staged:
    """One such file, `.<name>.<random>.tmp`, locked as long as its process lives. All but `discard` and `close` raise `OSError`."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.out: BinaryIO = cast(BinaryIO, io.BufferedWriter(_Raw(fd), _BUFFER))

    @classmethod
    def new(cls, folder: str, name: str, mode: int | None = None) -> Staged:
        """Create one for what becomes `name`, with these permissions."""
        path, fd = _created(folder, name)
        staged = cls(path, fd)
        try:
            if mode is not None:
                os.fchmod(fd, mode)
        except BaseException:
            staged.discard()
            raise
        return staged

    @classmethod
    def again(cls, folder: str, name: str, file: str, size: int, inode: int) -> Staged | None:
        """Go on behind the first `size` bytes of one that an earlier run has left; None where it is not there as it was left."""
        if not pattern_of(name).fullmatch(file):
            return None
        path = os.path.join(folder, file)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        status = os.fstat(fd)
        if status.st_ino != inode or status.st_size < size or not locked(fd):
            os.close(fd)
            return None
        try:
            os.ftruncate(fd, size)
            os.lseek(fd, 0, os.SEEK_END)
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd)

    @property
    def file(self) -> str:
        """Its name."""
        return os.path.basename(self.path)

    def sync(self) -> os.stat_result:
        """Make what was written durable; its folder is synced apart."""
        self.out.flush()
        os.fsync(self.fd)
        return os.fstat(self.fd)

    def close(self) -> None:
        """Let it go, and leave it there; never raises."""
        if self.fd < 0:
            return
        fd, self.fd = self.fd, -1
        raw = cast(Any, self.out).raw
        raw.lost = True  # what is buffered was wanted by nobody
        try:
            self.out.close()
        except (OSError, ValueError):
            pass
        os.close(fd)

    def discard(self) -> None:
        """Let it go, and remove it; never raises."""
        self.close()
        try:
            os.unlink(self.path)
        except OSError:
            pass


class _Raw(io.RawIOBase):
    """What a buffer writes to: a descriptor that belongs to somebody else."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.lost = False
        self._fd = fd

    def fileno(self) -> int:
        return self._fd

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return os.lseek(self._fd, offset, whence)

    def write(self, data: Any, /) -> int:
        return memoryview(data).nbytes if self.lost else os.write(self._fd, data)


def failed(where: str, error: OSError) -> RunError:
    """Return what is told of a target that cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return RunError(
        f"cannot write {where}: {reason_of(error)}",
        hint="make room on the disk, or write elsewhere, and run again" if full else "",
    )


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write all of it; raises `OSError`."""
    view = memoryview(data)
    written = 0
    while written < len(view):
        written += os.write(fd, view[written:])


def mark_of(status: os.stat_result) -> list[int]:
    """Return what tells a file that is written no more from others, under any name: inodes alone are used again."""
    return [status.st_ino, status.st_mtime_ns]


def pattern_of(name: str) -> re.Pattern[str]:
    """Return what the names of files look like that become `name`."""
    return re.compile(re.escape(f".{name[:200]}.") + r"[0-9a-f]{8}\.tmp")


def locked(fd: int) -> bool:
    """Lock a file; return whether nobody else has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def show(staged: str, target: str, size: int, mark: list[int]) -> bool:
    """Rename a staged file to its target, unless that has happened; return whether it is there. Raises `OSError`."""
    for path in (staged, target):
        try:
            status = os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            continue
        if mark_of(status) == mark and status.st_size == size:
            if path == staged:
                os.replace(staged, target)
            return True
    return False


def sweep(folder: str, name: str) -> None:
    """Remove what killed runs have left of their work on a target; what a living process works on is locked."""
    pattern = pattern_of(name)
    try:
        left = [each for each in os.listdir(folder) if pattern.fullmatch(each)]
    except OSError:
        return
    for each in left:
        path = os.path.join(folder, each)
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.unlink(path)
        except OSError:
            pass
        finally:
            os.close(fd)


def unlink(path: str) -> None:
    """Remove a file; never raises."""
    try:
        os.unlink(path)
    except OSError:
        pass


def sync_folder(folder: str) -> None:
    """Make the names in a folder durable; raises `OSError`."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _created(folder: str, name: str) -> tuple[str, int]:
    """Create a locked file for what becomes `name`; return its path and descriptor."""
    while True:
        path = os.path.join(folder, f".{name[:200]}.{secrets.token_hex(4)}.tmp")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
        except OSError:  # a file system without locks: nothing is swept there either
            return path, fd
        if os.fstat(fd).st_nlink:
            return path, fd
        os.close(fd)  # swept before it was locked
