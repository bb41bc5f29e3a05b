"""Snapshots in a directory."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from caudal.checkpoint.store import Absent, Entry, Exists, StoreError
from caudal.core.errors import OptionError

_LOCK = ".lock"
_TEMPORARY = ".tmp-"


class DirectoryStore:
    """A directory; keeps `store.Store`.

    A file is written under a temporary name, synced, and linked or renamed into place, and then its folder is synced.
    """

    def __init__(self, path: str, url: str = "", *, create: bool = True, shared: bool = False) -> None:
        """`shared`: other processes write to it too."""
        self.exclusive = not shared  # but for file systems without locks, as `hold` finds out
        self.url = url or path
        self.root = os.path.abspath(os.path.expanduser(path))
        self._lock = -1
        self._folders: set[str] = set()
        if os.path.exists(self.root) and not os.path.isdir(self.root):
            raise OptionError(f"{self.url} is no directory", hint="checkpoints are kept in a directory of their own")
        if not create and not os.path.isdir(self.root):
            raise OptionError(f"there is no directory {self.url}")
        try:
            if create:
                os.makedirs(self.root, mode=0o700, exist_ok=True)
        except OSError as error:
            raise OptionError(f"cannot make the directory {self.url}: {error.strerror}") from error

    def create(self, name: str, data: bytes | memoryview) -> None:
        self._write(name, data, self._link)

    def replace(self, name: str, data: bytes) -> None:
        self._write(name, data, os.replace)

    def read(self, name: str, start: int = 0, length: int = -1) -> bytes:
        with self._failing(name):
            fd = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
            with os.fdopen(fd, "rb") as file:
                file.seek(start)
                return file.read(length)

    def list(self, prefix: str) -> list[Entry]:
        with self._failing(prefix or "."):
            return sorted(self._walk(prefix), key=lambda entry: entry.name)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with self._failing(name):
                try:
                    os.unlink(self.path(name))
                except FileNotFoundError:
                    pass

    def hold(self) -> None:
        fd = os.open(os.path.join(self.root, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise OptionError(
                f"another job keeps its checkpoints in {self.url}",
                hint="one job, one place: wait for it, or name another",
            ) from None
        except OSError:  # a file system without locks: two jobs meet at the next commit
            self.exclusive = False
        self._lock = fd
        self._sweep()

    def lease(self, path: str, name: str) -> FileLease | None:
        """Return the lease of a name by the lock of a file, None where another process holds it; see `leases`."""
        with self._failing(path):
            self._make(os.path.dirname(self.path(path)))
            fd = os.open(self.path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                return None
        return FileLease(name, fd)

    def close(self) -> None:
        if self._lock >= 0:
            fd, self._lock = self._lock, -1
            os.close(fd)

    def path(self, name: str) -> str:
        """Return the path of what has this name; see `store.OnDisk`."""
        return os.path.join(self.root, *name.split("/")) if name else self.root

    def _write(self, name: str, data: bytes | memoryview, place: Callable[[str, str], None]) -> None:
        path = self.path(name)
        folder = os.path.dirname(path)
        temporary = os.path.join(folder, _TEMPORARY + secrets.token_hex(6))
        with self._failing(name):
            if folder not in self._folders:
                self._make(folder)
            try:
                fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                try:
                    view = memoryview(data)
                    while len(view):
                        view = view[os.write(fd, view) :]
                    os.fsync(fd)
                finally:
                    os.close(fd)
                place(temporary, path)
            finally:
                try:
                    os.unlink(temporary)
                except OSError:
                    pass
            _sync(folder)

    def _link(self, temporary: str, path: str) -> None:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise Exists(f"{os.path.basename(path)} is in {self.url} already") from None

    def _make(self, folder: str) -> None:
        """Make a folder that survives a crash, with all above it."""
        missing: list[str] = []
        at = folder
        while not os.path.isdir(at):
            missing.append(at)
            at = os.path.dirname(at)
        for each in reversed(missing):
            os.makedirs(each, mode=0o700, exist_ok=True)
            _sync(os.path.dirname(each))
        self._folders.add(folder)

    def _walk(self, prefix: str) -> Iterator[Entry]:
        top = self.path(prefix.rstrip("/"))
        for folder, _, files in os.walk(top):
            for file in files:
                if file.startswith("."):
                    continue
                path = os.path.join(folder, file)
                try:
                    status = os.stat(path)
                except FileNotFoundError:
                    continue
                yield Entry(os.path.relpath(path, self.root).replace(os.sep, "/"), status.st_size, status.st_mtime)

    def _sweep(self) -> None:
        """Remove what killed processes have left half written; this one holds the directory."""
        for folder, _, files in os.walk(self.root):
            for file in files:
                if file.startswith(_TEMPORARY):
                    try:
                        os.unlink(os.path.join(folder, file))
                    except OSError:
                        pass

    @contextmanager
    def _failing(self, name: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise Absent(f"there is no {name} in {self.url}") from error
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise StoreError(
                f"cannot use {name} in {self.url}: {error.strerror or error}",
                hint="make room on the disk and run again: nothing that was committed is lost" if full else "",
            ) from error


class FileLease:
    """A name held by the lock of a file; see `leases.Lease`."""

    def __init__(self, name: str, fd: int) -> None:
        self.name = name
        self._fd = fd

    def renew(self) -> bool:
        """The lock lasts as long as its process."""
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
