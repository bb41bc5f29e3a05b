"""A file that grows by what was committed, each row of it once."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from caudal.connectors.files.staging import Staged, failed, locked, pattern_of, sweep, sync_folder, write_all
from caudal.core.errors import RunError
from caudal.observe.log import log
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Receipt

if TYPE_CHECKING:
    import pyarrow as pa

_PIECE = 1 << 20
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
_BEFORE = 4096
"""Bytes before an epoch's rows that tell a target from others."""


class CommittedFile:
    """A file to which the rows of an epoch are appended once that was committed, in one piece.

    Until then they are in a staged file beside it, which the receipt names, with where in which file they belong. A run that
    goes on completes an append that was cut short; nothing is ever taken back, since others may have read it. How far the target is
    committed stands in `<target>.committed`, in bytes, replaced behind each append: who reads no further sees whole epochs.

    The target is this sink's alone. One that is moved away (a rotation by renaming) gets what was begun before; the next epoch begins
    a new one. One that was shortened, or written to by somebody else, is an error: its rows can no longer be told.
    """

    delivery: Delivery = "exactly-once"

    def __init__(self, where: str, target: str, encoder: Encoder) -> None:
        self.where = where
        self._path = target
        self._folder, self._name = os.path.split(target)
        self._encoder = encoder
        self._lines = io.BytesIO()
        self._staged: Staged | None = None
        self._kept = False
        """A receipt names the staged file."""
        self._size, self._hash = 0, _digest()
        self._target = _Target.open(target)
        self._base, self._before = 0, ""
        """Where the rows of the next epoch begin, and the digest of what stands there."""

    def recover(self, epoch: int, receipt: Receipt) -> None:
        try:
            if receipt is not None:
                self._complete(receipt)
            sweep(self._folder, self._name)
            self._begin()
        except BaseException as error:
            with contextlib.suppress(OSError):
                if self._target.created and not self._target.size:
                    os.unlink(self._path)  # the next run is not to take it for the one that is missing
            self.abort()
            if isinstance(error, OSError):
                raise failed(self.where, error) from error
            raise

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        try:
            if self._staged is None:
                self._turn()
            self._encoder.write(payload)
            self._stage()
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def flush(self) -> None:
        """Nothing is visible before it is committed."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        try:
            if last:
                self._encoder.end()
            self._stage()
            receipt = {"file": "", "size": self._size, "hash": self._hash.hexdigest(), "base": self._base}
            receipt |= {"inode": self._target.inode, "before": self._before}
            if self._staged is not None:
                self._staged.sync()
                sync_folder(self._folder)
                receipt["file"] = self._staged.file
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        self._kept = True
        return receipt

    def publish(self, epoch: int, receipt: Receipt) -> None:
        if self._staged is None or self._staged.file != receipt["file"]:
            return  # it has been published, or there is nothing to
        try:
            self._append(self._target, receipt)
            self._go_on_behind(receipt["base"] + receipt["size"])
        except OSError as error:
            raise failed(self.where, error) from error
        self._staged.discard()
        self._staged, self._kept = None, False
        self._size, self._hash = 0, _digest()

    def finish(self) -> None:
        try:
            if self._target.is_at(self._path):
                return
            self._target.close()
            if (there := _Target.at(self._path)) is not None:
                self._target = there
                self._tell(there.size)
            else:
                os.unlink(f"{self._path}.committed")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise failed(self.where, error) from error
        finally:
            self.abort()

    def drain(self) -> str:
        self.publish(0, self.prepare(0, last=True))
        self.finish()
        return self.where

    def abort(self) -> None:
        self._target.close()
        if self._staged is None:
            return
        if self._kept:
            self._staged.close()  # it may have been committed: whoever goes on decides
        else:
            self._staged.discard()

    # -- the next epoch's rows ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Write on behind what stands in the target."""
        self._lines = io.BytesIO()
        self._go_on_behind(self._target.size)
        if self._base and os.pread(self._target.fd, 1, self._base - 1) != b"\n":
            self._lines.write(b"\n")  # the half line is somebody else's
        self._encoder.begin(cast(BinaryIO, self._lines), append=self._base > 0)

    def _go_on_behind(self, base: int) -> None:
        self._base, self._before = base, self._target.before(base)
        self._tell(base)

    def _turn(self) -> None:
        """Begin a new target where the old one was moved away, or removed."""
        if self._target.is_at(self._path):
            return
        log.info("%s was moved away: a new one is begun", self.where)
        self._target.close()
        self._target = _Target.open(self._path)
        self._begin()

    def _stage(self) -> None:
        data = self._lines.getvalue()
        if not data:
            return
        self._lines.seek(0)
        self._lines.truncate()
        if self._staged is None:
            self._staged = Staged.new(self._folder, self._name)
        write_all(self._staged.fd, data)
        self._size += len(data)
        self._hash.update(data)

    # -- what was committed ------------------------------------------------------------------------------------------

    def _complete(self, receipt: Receipt) -> None:
        """Bring the target to the end of an epoch that was committed."""
        if receipt["file"] and not pattern_of(self._name).fullmatch(receipt["file"]):  # a receipt comes from a store
            raise self._gone(receipt)
        if self._target.is_of(receipt):
            self._append(self._target, receipt)
            return
        moved = _moved(self._folder, self._name, receipt["inode"])
        if moved is not None:
            try:
                self._append(moved, receipt)
            finally:
                moved.close()
        elif receipt["file"] and os.path.lexists(os.path.join(self._folder, receipt["file"])):
            raise RunError(
                f"cannot go on writing {self.where}: it was replaced by another file, or removed",
                detail=f"{receipt['size']} bytes that were committed are not known to be in it: {receipt['file']}",
                hint=f"put back the file in which they belong behind {receipt['base']} bytes, into its folder under any name; "
                "or append them yourself and remove that file",
            )
        else:
            log.info("%s was moved away: a new one is begun", self.where)

    def _append(self, target: _Target, receipt: Receipt) -> None:
        """Append what a receipt names, as far as that has not happened. Raises `RunError` where something else stands there."""
        base, size, there = receipt["base"], receipt["size"], target.size
        whole = base + size
        if there < base:
            raise self._shrunk(there, whole)
        if target.before(base) != receipt["before"] or (there > whole and target.is_at(self._path)):
            raise self._foreign(there, whole)
        if there < whole:
            self._copy(target, receipt, there - base)
        elif target.digest(base, size) != receipt["hash"]:
            raise self._foreign(there, whole)
        if size:
            os.fsync(target.fd)
        if there < whole != target.size:
            raise self._foreign(target.size, whole)

    def _copy(self, target: _Target, receipt: Receipt, done: int) -> None:
        """Append a staged file behind its first `done` bytes, which stand there."""
        path = os.path.join(self._folder, receipt["file"])
        try:
            staged = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise self._gone(receipt) from error
        try:
            ours = self._staged is not None and self._staged.file == receipt["file"]
            if not ours and not (locked(staged) and _hash_of(staged, 0, receipt["size"]) == receipt["hash"]):
                raise self._gone(receipt)
            if done and _hash_of(staged, 0, done) != target.digest(receipt["base"], done):
                raise self._foreign(target.size, receipt["base"] + receipt["size"])
            while done < receipt["size"]:
                data = os.pread(staged, min(_PIECE, receipt["size"] - done), done)
                if not data:
                    raise self._gone(receipt)
                write_all(target.fd, data)
                done += len(data)
        finally:
            os.close(staged)

    def _tell(self, size: int) -> None:
        """Note how far the target is committed, for its readers."""
        staged = Staged.new(self._folder, self._name)
        try:
            write_all(staged.fd, b"%d\n" % size)
            os.replace(staged.path, f"{self._path}.committed")
        except BaseException:
            staged.discard()
            raise
        staged.close()

    # -- what is wrong -----------------------------------------------------------------------------------------------

    def _shrunk(self, there: int, whole: int) -> RunError:
        return RunError(
            f"cannot go on writing {self.where}: it was shortened by somebody else",
            detail=f"it has {there} bytes, {whole} were committed",
            hint="rotate it by renaming, not by copying and truncating; "
            "to go on, move it to another folder: a new file is begun",
        )

    def _foreign(self, there: int, whole: int) -> RunError:
        return RunError(
            f"cannot go on writing {self.where}: somebody else has written to it",
            detail=f"it has {there} bytes, {whole} were committed, and what stands at their end is not what was written",
            hint="give each job a target of its own; to go on, move it to another folder: a new file is begun",
        )

    def _gone(self, receipt: Receipt) -> RunError:
        return RunError(
            f"cannot go on writing {self.where}: what was written for it is gone",
            detail=f"{receipt['file']} of {receipt['size']} bytes",
            hint="was it removed, or does another run write there? begin anew, without the earlier state",
        )


class _Target:
    """An open target. All of it raises `OSError`."""

    def __init__(self, fd: int, *, created: bool = False) -> None:
        self.fd = fd
        self.inode = os.fstat(fd).st_ino
        self.created = created

    @classmethod
    def open(cls, path: str) -> _Target:
        """Open the one at a path, or create it."""
        while (there := cls.at(path)) is None:
            try:
                return cls(os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), created=True)
            except FileExistsError:
                continue  # it has just been made
        return there

    @classmethod
    def at(cls, path: str) -> _Target | None:
        """Open the one at a path; None where there is none."""
        try:
            return cls(os.open(path, _FLAGS))
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
        return self.digest(base - count, count)

    def digest(self, start: int, count: int) -> str:
        return _hash_of(self.fd, start, count)

    def close(self) -> None:
        """Let it go; never raises."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _moved(folder: str, name: str, inode: int) -> _Target | None:
    """Return the file in a folder that a target has become; None where there is none."""
    with os.scandir(folder) as entries:
        found = [e.path for e in entries if e.inode() == inode and e.is_file(follow_symlinks=False) and e.name != name]
    return _Target.at(found[0]) if found else None


def _digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=16)


def _hash_of(fd: int, start: int, count: int) -> str:
    digest = _digest()
    while count > 0 and (data := os.pread(fd, min(_PIECE, count), start)):
        digest.update(data)
        start, count = start + len(data), count - len(data)
    return digest.hexdigest()
