"""A folder that the workers of a group write to: files that are whole when they appear, each with what one shard had in one epoch."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from caudal.connectors.files.growth import gone
from caudal.connectors.files.staging import Staged, failed, mark_of, show, sync_folder, unlink, write_all
from caudal.core.errors import RunError
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Immediate, Receipt, Sink

if TYPE_CHECKING:
    import pyarrow as pa

UNREACHABLE = 24 * 3600.0
"""Seconds after which what somebody else has staged, and no commit names, is nobody's."""
_REMEMBERED = 1000
"""Parts of a shard that its list names at least."""
_LIST = 1 << 20
"""Bytes of such a list above which it is cut."""


class SharedFolder(Immediate):
    """The folder; keeps `ports.sink.ShardedSink`. Rows are written by the sinks of its shards."""

    delivery: Delivery = "exactly-once"

    def __init__(self, where: str, folder: str, encoder: Callable[[], Encoder], stem: str) -> None:
        """`folder` is there. `stem`: what all names of its files begin with."""
        self.where = where
        self._folder = folder
        self._encoder = encoder
        self._stem = stem

    def encode(self, table: pa.Table) -> Any:
        """A shard's sink does."""
        raise NotImplementedError

    def write(self, payload: Any) -> None:
        """A shard's sink does."""
        raise NotImplementedError

    def shard(self, shard: str, writer: str) -> Sink:
        """Return the sink of a shard."""
        return ShardParts(self.where, self._folder, self._encoder(), f"{self._stem}-{plain(shard)}", plain(writer))

    def mark(self) -> str:
        """Leave a mark in the folder, by which others know it; return the mark."""
        mark = secrets.token_hex(8)
        try:
            with open(self._marked(mark), "xb") as file:
                os.fsync(file.fileno())
            sync_folder(self._folder)
        except OSError as error:
            raise failed(self.where, error) from error
        return mark

    def sees(self, mark: str) -> bool:
        """Whether the folder has this mark."""
        return re.fullmatch("[0-9a-f]{16}", mark) is not None and os.path.exists(self._marked(mark))

    def unmark(self, mark: str) -> None:
        """Take a mark away; never raises."""
        unlink(self._marked(mark))

    def _marked(self, mark: str) -> str:
        return os.path.join(self._folder, f".group-{mark}")


class ShardParts:
    """The files `<stem>-<epoch>.<suffix>` of one shard.

    The rows of an epoch are staged as `.<stem>.<writer>.<random>.tmp`, and renamed once the epoch is committed: by who has committed it, or
    by the next owner of the shard. Nothing of a staged file is ever changed once a receipt names it, so a worker that was given up
    and goes on later does no harm: it shows what was committed, or nothing. `.<stem>.jsonl` names the last files that were shown, so that
    one that was taken away since is not missed.
    """

    delivery: Delivery = "exactly-once"

    def __init__(
        self,
        where: str,
        folder: str,
        encoder: Encoder,
        stem: str,
        writer: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.where = where
        self._folder = folder
        self._encoder = encoder
        self._stem = stem
        self._writer = writer
        self._clock = clock
        self._suffix: str = getattr(encoder, "suffix", "")
        self._open: Staged | None = None

    def recover(self, epoch: int, receipt: Receipt) -> None:
        """Show what was committed and is not shown yet; remove what was staged and can be nobody's any more."""
        if receipt is not None:
            self.publish(epoch, receipt)
        self._sweep("" if receipt is None else receipt["file"])

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        try:
            if self._open is None:
                self._open = Staged.new(self._folder, f"{self._stem}.{self._writer}")
                self._encoder.begin(self._open.out, append=False)
            self._encoder.write(payload)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def flush(self) -> None:
        """Nothing is visible before it is committed."""

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        """Make the epoch's rows durable; None where there are none."""
        if self._open is None:
            return None
        try:
            self._encoder.end()
            status = self._open.sync()
            sync_folder(self._folder)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        made, self._open = self._open, None
        made.close()
        name = f"{self._stem}-{epoch:09}{self._suffix}"
        return {"file": made.file, "name": name, "size": status.st_size, "mark": mark_of(status)}

    def publish(self, epoch: int, receipt: Receipt) -> None:
        if receipt is None:
            return
        name, file = receipt["name"], receipt["file"]
        if not self._named().fullmatch(name) or not self._staged().fullmatch(file):
            raise gone(self.where, receipt)  # a receipt comes from a store
        try:
            if (name, file) in self._shown():
                return
            staged, target = os.path.join(self._folder, file), os.path.join(self._folder, name)
            if os.path.lexists(staged) and os.path.lexists(target):
                raise RunError(
                    f"cannot write {self.where}: there is another file {name}", hint="remove it, and run again"
                )
            if not show(staged, target, receipt["size"], receipt["mark"]):
                raise gone(self.where, receipt)
            sync_folder(self._folder)
            self._note(name, file, receipt["size"])
        except OSError as error:
            raise failed(self.where, error) from error

    def finish(self) -> None:
        """Nothing is held."""

    def drain(self) -> str:
        """Show what was written. (Workers of a group commit before they end instead.)"""
        self.publish(0, self.prepare(0, last=True))
        return self.where

    def abort(self) -> None:
        """Discard what no receipt names: another may have been committed without an answer."""
        opened, self._open = self._open, None
        if opened is not None:
            opened.discard()

    # -- names ---------------------------------------------------------------------------------------------------------

    def _named(self) -> re.Pattern[str]:
        return re.compile(re.escape(f"{self._stem}-") + r"\d{9,18}" + re.escape(self._suffix), re.ASCII)

    def _staged(self, writer: str = r"[A-Za-z0-9_-]+") -> re.Pattern[str]:
        return re.compile(re.escape(f".{self._stem}.") + writer + r"\.[0-9a-f]{8}\.tmp", re.ASCII)

    # -- the list of what was shown ------------------------------------------------------------------------------------

    @property
    def _list(self) -> str:
        return os.path.join(self._folder, f".{self._stem}.jsonl")

    def _shown(self) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for line in self._lines():
            try:
                entry = json.loads(line)
                found.add((entry["part"], entry["of"]))
            except (ValueError, TypeError, KeyError):
                continue  # cut short by a crash: its part is named again
        return found

    def _lines(self) -> list[bytes]:
        try:
            with open(self._list, "rb") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def _note(self, name: str, file: str, size: int) -> None:
        """Put a part into the list, on a line of its own whatever stands before it; others may do so too."""
        line = json.dumps({"part": name, "bytes": size, "of": file})
        fd = os.open(self._list, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            write_all(fd, f"\n{line}\n".encode())
            os.fsync(fd)
            long = os.fstat(fd).st_size > _LIST
        finally:
            os.close(fd)
        if long:
            self._cut()

    def _cut(self) -> None:
        lines = [line for line in self._lines() if line][-_REMEMBERED:]
        new = Staged.new(self._folder, f"{self._stem}.{self._writer}")
        try:
            new.out.write(b"\n".join([*lines, b""]))
            new.sync()
            os.replace(new.path, self._list)
        finally:
            new.discard()

    def _sweep(self, kept: str) -> None:
        """Remove what this writer's dead runs have staged, and what others have that is old; but for what the last commit names."""
        own = self._staged(re.escape(self._writer))
        any_ = self._staged()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name == kept or not any_.fullmatch(entry.name):
                    continue
                try:
                    age = self._clock() - entry.stat(follow_symlinks=False).st_mtime
                except FileNotFoundError:
                    continue
                if age > UNREACHABLE or own.fullmatch(entry.name):
                    unlink(entry.path)


def plain(name: str) -> str:
    """Return a name as part of that of a file."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[-60:]
