"""A file that appears whole, at the end of data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from caudal.connectors.files.growth import gone
from caudal.connectors.files.staging import Staged, failed, mark_of, pattern_of, show, sweep, sync_folder
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Receipt

if TYPE_CHECKING:
    import pyarrow as pa


class BoundedFile:
    """A file that replaces its target in one step at the end of data.

    Rows go to a staged file beside it, which is locked as long as its process lives; those that killed runs have left are
    removed when a run begins anew. `prepare` makes that durable, `publish` of the last epoch renames it over the target, which
    until then is as it was; a drained run leaves it as `<target>.partial`; a failure leaves nothing, save what a receipt
    names that is kept (`staged`). A target that is a link stays one.

    A receipt names the staged file, with what tells it from others, and its length. A run that goes on behind an epoch
    cuts the file there and writes on.
    """

    delivery: Delivery = "exactly-once"

    def __init__(self, where: str, target: str, encoder: Encoder, mode: int | None, *, staged: bool = False) -> None:
        """`mode`: the permissions of the target that is there. `staged`: the job keeps receipts (see `SinkConnector.sink`)."""
        self.where = where
        self._target = target
        self._encoder = encoder
        self._folder, self._name = os.path.split(target)
        self._keeps = staged
        self._promised: Receipt = None
        """The last receipt that names the staged file."""
        self._changed = False
        self._staged = Staged.new(self._folder, self._name, mode)
        try:
            encoder.begin(self._staged.out, append=False)
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
                raise failed(self.where, error) from error
            raise
        sweep(self._folder, self._name)

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        self._changed = True
        try:
            self._encoder.write(payload)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def flush(self) -> None:
        """Nothing is visible before the end."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        if self._promised is not None and not self._changed and not last:
            return self._promised
        try:
            if last:
                self._encoder.end()
            status = self._staged.sync()
            if self._promised is None:
                sync_folder(self._folder)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        self._changed = False
        self._promised = {
            "file": self._staged.file,
            "size": status.st_size,
            "mark": mark_of(status),
            "last": last,
        }
        return self._promised

    def publish(self, epoch: int, receipt: Receipt) -> None:
        if not receipt["last"]:
            return  # the target is replaced once, by all rows
        try:
            self._show(receipt)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def finish(self) -> None:
        if self._promised is None:
            self._staged.discard()
        else:
            self._staged.close()  # what is there still is gone on with; of a last epoch nothing is

    def drain(self) -> str:
        self.prepare(0, last=True)
        try:
            os.replace(self._staged.path, f"{self._target}.partial")
            sync_folder(self._folder)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        self.finish()
        return f"{self.where}.partial"

    def abort(self) -> None:
        if self._keeps and self._promised is not None:
            self._staged.close()
        else:
            self._staged.discard()

    def _show(self, receipt: Receipt) -> None:
        """Rename what a receipt names over the target, unless that has happened."""
        staged = os.path.join(self._folder, receipt["file"])
        ours = pattern_of(self._name).fullmatch(receipt["file"])  # a receipt comes from a store
        if not ours or not show(staged, self._target, receipt["size"], receipt["mark"]):
            raise gone(self.where, receipt)
        sync_folder(self._folder)

    def _go_on(self, receipt: Receipt) -> None:
        """Write on in the file that a receipt names, behind what was committed of it."""
        size, inode = receipt["size"], receipt["mark"][0]
        staged = Staged.again(self._folder, self._name, receipt["file"], size, inode)
        if staged is None:
            raise gone(self.where, receipt)
        self._staged.discard()
        self._staged, self._promised = staged, receipt
        self._encoder.begin(staged.out, append=True)
