"""A file that grows by whole lines, each visible at once."""

from __future__ import annotations

import io
import os
import stat
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from caudal.connectors.files.staging import failed
from caudal.ports.format import Encoder
from caudal.ports.sink import Immediate, Receipt

if TYPE_CHECKING:
    import pyarrow as pa


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
            raise failed(self.where, error) from error

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        if last:
            self._encoder.end()
        self.flush()
        if self._regular:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise failed(self.where, error) from error

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
