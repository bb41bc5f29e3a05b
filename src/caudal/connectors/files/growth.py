"""The target of rows that are appended behind their commit: which file it is, and how it gets what a receipt names."""

from __future__ import annotations

import hashlib
import os

from caudal.connectors.files.staging import locked, write_all
from caudal.core.errors import RunError
from caudal.ports.sink import Receipt

_PIECE = 1 << 20
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_BEFORE = 4096
"""Bytes before an epoch's rows that tell a target from others."""


class Target:
    """An open target. All of it raises `OSError`."""

    def __init__(self, fd: int, path: str, where: str, *, created: bool = False) -> None:
        self.fd = fd
        self.inode = os.fstat(fd).st_ino
        self.created = created
        """Whether it was not there before."""
        self._path = path
        self._where = where

    @classmethod
    def open(cls, path: str, where: str) -> Target:
        """Open the one at a path, or create it."""
        while (there := cls.at(path, where)) is None:
            try:
                return cls(os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), path, where, created=True)
            except FileExistsError:
                continue  # it has just been made
        return there

    @classmethod
    def at(cls, path: str, where: str) -> Target | None:
        """Open the one at a path; None where there is none."""
        try:
            return cls(os.open(path, _FLAGS), path, where)
        except FileNotFoundError:
            return None

    @property
    def size(self) -> int:
        return os.fstat(self.fd).st_size

    def is_at(self, path: str) -> bool:
        """Return whether it is what a path leads to."""
        try:
            return os.path.samestat(os.stat(path), os.fstat(self.fd))
        except FileNotFoundError:
            return False

    def is_of(self, receipt: Receipt) -> bool:
        """Return whether it is the one that a receipt speaks of: the same file, or a copy of it that took its place.

        One that was just created is not: inodes are used again.
        """
        base = receipt["base"]
        if self.created or self.inode != receipt["inode"]:
            return 0 < base <= self.size and self.before(base) == receipt["before"]
        return True

    def before(self, base: int) -> str:
        """Return the digest of what stands before an offset."""
        count = min(base, _BEFORE)
        return self._digest(base - count, count)

    def append(self, receipt: Receipt, staged: str, *, trusted: bool) -> None:
        """Append what a receipt names, as far as that has not happened. Raises `RunError` where something else stands there.

        `staged`: the file that holds it. `trusted`: it is this process' own.
        """
        base, size, there = receipt["base"], receipt["size"], self.size
        whole = base + size
        if size and not os.fstat(self.fd).st_nlink:
            raise removed(self._where, receipt)
        if there < base:
            raise self._shrunk(there, whole)
        if self.before(base) != receipt["before"]:
            raise self._foreign(there, whole)
        if there > whole and self.is_at(self._path):
            raise self._ahead(there, whole) if self._noted() == there else self._foreign(there, whole)
        if there < whole:
            self._copy(receipt, staged, there - base, trusted=trusted)
        elif self._digest(base, size) != receipt["hash"]:
            raise self._foreign(there, whole)
        if size:
            os.fsync(self.fd)
        if there < whole != self.size:
            raise self._foreign(self.size, whole)

    def _copy(self, receipt: Receipt, staged: str, done: int, *, trusted: bool) -> None:
        """Append a staged file behind its first `done` bytes, which stand there."""
        size = receipt["size"]
        try:
            fd = os.open(staged, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise gone(self._where, receipt) from error
        try:
            if not trusted and not (locked(fd) and _digest_of(fd, 0, size) == receipt["hash"]):
                raise gone(self._where, receipt)
            if done and _digest_of(fd, 0, done) != self._digest(receipt["base"], done):
                raise self._foreign(self.size, receipt["base"] + size)
            while done < size:
                data = os.pread(fd, min(_PIECE, size - done), done)
                if not data:
                    raise gone(self._where, receipt)
                write_all(self.fd, data)
                done += len(data)
        finally:
            os.close(fd)

    def _digest(self, start: int, count: int) -> str:
        return _digest_of(self.fd, start, count)

    def _noted(self) -> int:
        """Return up to where it is committed, as its job has noted beside it; -1 where nothing says so."""
        try:
            with open(f"{self._path}.committed", "rb") as file:
                return int(file.read(32))
        except (OSError, ValueError):
            return -1

    def _ahead(self, there: int, whole: int) -> RunError:
        return RunError(
            f"cannot go on writing {self._where}: the job itself has written on in it since this checkpoint",
            detail=f"it has {there} bytes, all of them committed, and had {whole} at the checkpoint; the rest would be written again",
            hint=f"to have these rows once, shorten it: truncate -s {whole} FILE; whoever has read them gets them again. "
            "Or move it to another folder: a new file is begun, with these rows once more",
        )

    def _shrunk(self, there: int, whole: int) -> RunError:
        return RunError(
            f"cannot go on writing {self._where}: it was shortened by somebody else",
            detail=f"it has {there} bytes, {whole} were committed",
            hint="rotate it by renaming, not by copying and truncating; "
            "to go on, move it to another folder: a new file is begun",
        )

    def _foreign(self, there: int, whole: int) -> RunError:
        return RunError(
            f"cannot go on writing {self._where}: somebody else has written to it",
            detail=f"it has {there} bytes, {whole} were committed, and what stands at their end is not what was written",
            hint="give each job a target of its own; to go on, move it to another folder: a new file is begun",
        )

    def close(self) -> None:
        """Let it go; never raises."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def moved_target(path: str, where: str, inode: int) -> Target | None:
    """Return the file in its folder that the target at a path has become; None where there is none. Raises `OSError`."""
    folder, name = os.path.split(path)
    with os.scandir(folder) as entries:
        found = [e.path for e in entries if e.inode() == inode and e.is_file(follow_symlinks=False) and e.name != name]
    return Target.at(found[0], where) if found else None


def removed(where: str, receipt: Receipt) -> RunError:
    """Return what is told of a target that is not there any more, and had not got all that was committed for it."""
    return RunError(
        f"cannot go on writing {where}: it was replaced by another file, or removed",
        detail=f"{receipt['size']} bytes that were committed are not known to be in it: {receipt['file']}",
        hint=f"put back the file in which they belong behind {receipt['base']} bytes, into its folder under any name; "
        "or append them yourself and remove that file",
    )


def gone(where: str, receipt: Receipt) -> RunError:
    """Return what is told of a staged file that is not there, or not what was written."""
    return RunError(
        f"cannot go on writing {where}: what was written for it is gone",
        detail=f"{receipt['file']} of {receipt['size']} bytes",
        hint="was it removed, or does another run write there? begin anew, without the earlier state",
    )


def digest() -> hashlib.blake2b:
    """Return what the rows of an epoch are hashed with."""
    return hashlib.blake2b(digest_size=16)


def _digest_of(fd: int, start: int, count: int) -> str:
    made = digest()
    while count > 0 and (data := os.pread(fd, min(_PIECE, count), start)):
        made.update(data)
        start, count = start + len(data), count - len(data)
    return made.hexdigest()
