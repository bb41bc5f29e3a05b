"""Files as targets: one that appears whole at the end, and one that grows by whole lines."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from caudal.connectors.files.streams import reason_of
from caudal.core.errors import InputError, OptionError, RunError
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Immediate, Receipt, Sink

if TYPE_CHECKING:
    import pyarrow as pa

_BUFFER = 256 * 1024


def open_sink(path: object, encoder: Encoder | None, *, live: bool) -> Sink:
    """Open a target; raises `InputError` when it cannot be written, `OptionError` for what is no path.

    A target that exists and is no regular file (a device, a named pipe) is written to as it is, live or not.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise OptionError(f"option 'path' of files takes a path to write to, not {path!r}")
    if encoder is None:
        raise OptionError("files are written in a format", hint='name one: format="json"')
    target = target_of(text)
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        try:
            mode = os.stat(target).st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise InputError(f"cannot write {text}: it is a directory")
        if mode is not None and not os.access(target, os.W_OK):
            raise InputError(f"cannot write {text}: permission denied")
        if live or (mode is not None and not stat.S_ISREG(mode)):
            return AppendedFile(text, target, encoder)
        return BoundedFile(text, target, encoder, None if mode is None else stat.S_IMODE(mode))
    except OSError as error:
        raise InputError(f"cannot write {text}: {reason_of(error)}") from error


def target_of(path: str) -> str:
    """Return the file that a path leads to, there or not: all spellings of one, links included, are the same."""
    given = os.path.expanduser(path)
    target = os.path.realpath(given)
    if os.path.exists(given) and not os.path.exists(target):
        return given  # a link of the process file system, such as /dev/stdout, that only the kernel can follow
    return target


def _failed(where: str, error: OSError) -> RunError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return RunError(
        f"cannot write {where}: {reason_of(error)}",
        hint="make room on the disk, or write elsewhere, and run again" if full else "",
    )


class BoundedFile:
    """A file that replaces its target in one step at the end of data.

    Rows go to `.<name>.<random>.tmp` beside it, which is locked as long as its process lives; those that killed runs
    have left are removed when a run begins anew. `prepare` makes that durable, `publish` of the last epoch renames it over
    the target, which until then is as it was; a drained run leaves it as `<target>.partial`; a failure leaves nothing.
    A target that is a link stays one.

    A receipt names the temporary file, with what tells it from others, and its length. A run that goes on behind an epoch
    cuts the file there and writes on.
    """

    delivery: Delivery = "exactly-once"

    def __init__(self, where: str, target: str, encoder: Encoder, mode: int | None) -> None:
        self.where = where
        self._target = target
        self._encoder = encoder
        folder, name = os.path.split(target)
        self._folder, self._name = folder, name
        self._temporary, fd = _temporary(folder, name)
        self._out: BinaryIO = os.fdopen(fd, "wb", buffering=_BUFFER)
        try:
            if mode is not None:
                os.fchmod(fd, mode)
            encoder.begin(self._out, append=False)
        except BaseException:
            self.abort()
            raise

    def recover(self, epoch: int, receipt: Receipt) -> None:
        try:
            if receipt is not None and receipt["last"]:
                self._show(receipt)
            elif receipt is not None:
                self._go_on(receipt)
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise _failed(self.where, error) from error
            raise
        _sweep(self._folder, self._name)

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        try:
            self._encoder.write(payload)
        except OSError as error:
            self.abort()
            raise _failed(self.where, error) from error

    def flush(self) -> None:
        """Nothing is visible before the end."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        try:
            if last:
                self._encoder.end()
            self._out.flush()
            os.fsync(self._out.fileno())
            _sync_folder(self._folder)
            status = os.fstat(self._out.fileno())
        except OSError as error:
            self.abort()
            raise _failed(self.where, error) from error
        return {"file": os.path.basename(self._temporary), "size": status.st_size, "mark": _mark(status), "last": last}

    def publish(self, epoch: int, receipt: Receipt) -> None:
        if not receipt["last"]:
            return  # the target is replaced once, by all rows
        try:
            self._show(receipt)
        except OSError as error:
            self.abort()
            raise _failed(self.where, error) from error

    def finish(self) -> None:
        self.abort()  # of what was published nothing is left under the temporary name

    def drain(self) -> str:
        self.prepare(0, last=True)
        try:
            os.replace(self._temporary, f"{self._target}.partial")
            _sync_folder(self._folder)
        except OSError as error:
            self.abort()
            raise _failed(self.where, error) from error
        self.finish()
        return f"{self.where}.partial"

    def abort(self) -> None:
        try:
            self._out.close()
        except (OSError, ValueError):
            pass
        try:
            os.unlink(self._temporary)
        except OSError:
            pass

    def _show(self, receipt: Receipt) -> None:
        """Rename what a receipt names over the target, unless that has happened."""
        staged = self._staged(receipt)
        for path in (staged, self._target):
            try:
                status = os.stat(path, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if _mark(status) == receipt["mark"] and status.st_size == receipt["size"]:
                if path == staged:
                    os.replace(staged, self._target)
                    _sync_folder(self._folder)
                return
        raise self._gone(receipt)

    def _go_on(self, receipt: Receipt) -> None:
        """Write on in the file that a receipt names, behind what was committed of it."""
        try:
            fd = os.open(self._staged(receipt), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise self._gone(receipt) from error
        status = os.fstat(fd)
        if status.st_ino != receipt["mark"][0] or status.st_size < receipt["size"] or not _locked(fd):
            os.close(fd)
            raise self._gone(receipt)
        self.abort()
        os.ftruncate(fd, receipt["size"])
        os.lseek(fd, 0, os.SEEK_END)
        self._temporary = self._staged(receipt)
        self._out = os.fdopen(fd, "wb", buffering=_BUFFER)
        self._encoder.begin(self._out, append=True)

    def _staged(self, receipt: Receipt) -> str:
        """Return the path of the file that a receipt names, which must be one of this target's."""
        if not _of(self._name).fullmatch(receipt["file"]):
            raise self._gone(receipt)
        return os.path.join(self._folder, receipt["file"])

    def _gone(self, receipt: Receipt) -> RunError:
        return RunError(
            f"cannot go on writing {self.where}: what was written for it is gone",
            detail=f"{receipt['file']} of {receipt['size']} bytes",
            hint="was it removed, or does another run write there? begin anew, without the earlier state",
        )


def _temporary(folder: str, name: str) -> tuple[str, int]:
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


def _mark(status: os.stat_result) -> list[int]:
    """Return what tells a file that is written no more from others, under any name: inodes alone are used again."""
    return [status.st_ino, status.st_mtime_ns]


def _of(name: str) -> re.Pattern[str]:
    """Return what the names of files look like that become `name`."""
    return re.compile(re.escape(f".{name[:200]}.") + r"[0-9a-f]{8}\.tmp")


def _locked(fd: int) -> bool:
    """Lock a file; return whether nobody else has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        pass
    return True


def _sweep(folder: str, name: str) -> None:
    """Remove what killed runs have left of their work on a target; what a living process works on is locked."""
    pattern = _of(name)
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


def _sync_folder(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _last_byte(path: str) -> bytes:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


class AppendedFile(Immediate):
    """A file that grows by whole lines: every write is one append, visible at once.

    What stands in the target stays. If it ends in the middle of a line, because a writer was killed, that line is
    ended with a newline, so that nothing of what follows is lost to it; it is not removed, for it may be another's.
    An append that fails half way is taken back where nobody else has appended since.
    """

    def __init__(self, where: str, target: str, encoder: Encoder) -> None:
        self.where = where
        self._encoder = encoder
        self._fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
        self._lines = io.BytesIO()
        try:
            status = os.fstat(self._fd)
            self._regular = stat.S_ISREG(status.st_mode)
            size = status.st_size if self._regular else 0
            if size and _last_byte(target) != b"\n":
                self._lines.write(b"\n")
            encoder.begin(cast(BinaryIO, self._lines), append=size > 0)
        except BaseException:
            self.abort()
            raise

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        self._encoder.write(payload)
        self.flush()

    def flush(self) -> None:
        data = memoryview(self._lines.getvalue())
        self._lines.seek(0)
        self._lines.truncate()
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            self._take_back(written)
            raise _failed(self.where, error) from error

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        if last:
            self._encoder.end()
        self.flush()
        if self._regular:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise _failed(self.where, error) from error

    def finish(self) -> None:
        self._close()

    def abort(self) -> None:
        try:
            self._close()
        except OSError:
            pass

    def _take_back(self, written: int) -> None:
        if not written or not self._regular:
            return
        try:
            end = os.lseek(self._fd, 0, os.SEEK_CUR)
            if os.fstat(self._fd).st_size == end:
                os.ftruncate(self._fd, end - written)
        except OSError:
            pass

    def _close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)
