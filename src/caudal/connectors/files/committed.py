"""A file that grows by what was committed, each row of it once."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from caudal.connectors.files.growth import Target, digest, gone, moved_target, removed
from caudal.connectors.files.staging import Staged, failed, pattern_of, sweep, sync_folder, write_all
from caudal.observe.log import log
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Receipt

if TYPE_CHECKING:
    import pyarrow as pa


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
        self._size, self._hash = 0, digest()
        self._target = Target.open(target, where)
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
        self._size, self._hash = 0, digest()

    def finish(self) -> None:
        try:
            if self._target.fd < 0 or self._target.is_at(self._path):
                return  # a failure has closed it, or all is as it should be
            self._target.close()
            if (there := Target.at(self._path, self.where)) is not None:
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
        self._target = Target.open(self._path, self.where)
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
            raise gone(self.where, receipt)
        if self._target.is_of(receipt):
            self._append(self._target, receipt)
            return
        moved = moved_target(self._path, self.where, receipt["inode"])
        if moved is not None:
            try:
                self._append(moved, receipt)
            finally:
                moved.close()
        elif receipt["file"] and os.path.lexists(os.path.join(self._folder, receipt["file"])):
            raise removed(self.where, receipt)
        else:
            log.info("%s was moved away: a new one is begun", self.where)

    def _append(self, target: Target, receipt: Receipt) -> None:
        ours = self._staged is not None and self._staged.file == receipt["file"]
        target.append(receipt, os.path.join(self._folder, receipt["file"]), trusted=ours)

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
