"""A folder of files that are whole when they appear, each with the rows of an hour, or of so many bytes."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from caudal.connectors.files.growth import gone
from caudal.connectors.files.staging import (
    Staged,
    failed,
    locked,
    mark_of,
    pattern_of,
    show,
    sweep,
    sync_folder,
    unlink,
    write_all,
)
from caudal.core import duration
from caudal.core.errors import InputError, OptionError, PlanError, RunError
from caudal.core.sizes import size_of_text
from caudal.ports.format import Encoder
from caudal.ports.sink import Delivery, Receipt

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = ".manifest.jsonl"
"""What names the parts of a folder, a line each, in the order in which they were published."""

_SHORTEST = 1000
"""Milliseconds of the shortest period: names of parts have seconds."""


@dataclass(frozen=True, slots=True)
class Roll:
    """When a part ends: `period` milliseconds of the wall clock after which it does, or `size` bytes; the other is 0."""

    period: int = 0
    size: int = 0

    @classmethod
    def of(cls, given: object) -> Roll:
        """Return what "1h" or "64MB" means; raises `OptionError`."""
        if isinstance(given, str | timedelta):
            try:
                if (period := duration.parse(given)) >= _SHORTEST:
                    return cls(period=period)
            except PlanError:
                size = size_of_text(given) if isinstance(given, str) and not given.isdecimal() else None
                if size is not None:
                    return cls(size=size)
        raise OptionError(
            f"option 'roll' of files takes a time from 1s on or a size, not {given!r}", hint='roll="1h", or roll="64MB"'
        )


class Parts:
    """Files `<stem>-<number>.<suffix>` in a folder, by time `<stem>-<start>-<number>.<suffix>`, whole when they appear.

    A part is written to a staged file. It ends when its period is over by the wall clock, or it has so many bytes; a format that
    ends with a footer also ends it with each epoch. `publish` renames the parts that have ended with their epochs; where nothing
    is kept of epochs a live job shows them as they end, at a flush. A part that was published is never written to or replaced:
    numbers go on where the folder ends. `.manifest.jsonl` names the parts; it is locked as long as the sink is open, so
    that a folder has one writer.
    """

    def __init__(
        self,
        where: str,
        folder: str,
        encoder: Encoder,
        roll: Roll,
        *,
        live: bool,
        staged: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`folder` is there. `staged`: the job keeps receipts. `clock`: the wall clock in seconds. Raises `InputError`, `OSError`."""
        self.where = where
        self.delivery: Delivery = "at-least-once" if live and not staged else "exactly-once"
        self._folder = folder
        self._encoder = encoder
        self._roll = roll
        self._live = live
        self._keeps = staged
        self._clock = clock
        self._suffix: str = getattr(encoder, "suffix", "")
        self._stem = stem_of(folder, self._suffix)
        self._open: Staged | None = None
        self._since = 0
        """The period of the open part."""
        self._changed = self._made = False
        """Since the last epoch rows were written, or a file was made."""
        self._ended: list[dict[str, Any]] = []
        """Parts that have ended and are not published: file, name, size, mark."""
        self._promised: Receipt = None
        self._manifest = _Manifest(os.path.join(folder, MANIFEST), where)
        self._next = 1 + max(map(self._number, [*os.listdir(folder), *self._manifest.names]), default=0)

    def recover(self, epoch: int, receipt: Receipt) -> None:
        try:
            if receipt is not None:
                self._show(receipt["parts"])
                if receipt["open"] is not None:
                    self._go_on(receipt["open"])
            sweep(self._folder, self._stem)
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError):
                raise failed(self.where, error) from error
            raise

    def encode(self, table: pa.Table) -> Any:
        return self._encoder.encode(table)

    def write(self, payload: Any) -> None:
        try:
            self._turn()
            if self._open is None:
                self._begin()
            self._changed = True
            self._encoder.write(payload)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def flush(self) -> None:
        """Show the parts that have ended, where no epoch does."""
        if self._live and not self._keeps:
            try:
                self._turn()
                self._publish(list(self._ended))
            except OSError as error:
                self.abort()
                raise failed(self.where, error) from error

    def prepare(self, epoch: int, *, last: bool) -> Receipt:
        try:
            self._turn()
            if last or getattr(self._encoder, "whole", False):
                self._end()
            opened = None
            if self._open is not None:
                opened = self._promised["open"] if self._promised is not None and not self._changed else None
                if opened is None:
                    status = self._open.sync()
                    opened = {
                        "file": self._open.file,
                        "size": status.st_size,
                        "inode": status.st_ino,
                        "since": self._since,
                    }
            if self._made:
                sync_folder(self._folder)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        self._changed = self._made = False
        self._promised = {"parts": list(self._ended), "open": opened, "last": last}
        return self._promised

    def publish(self, epoch: int, receipt: Receipt) -> None:
        try:
            self._publish(receipt["parts"])
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error

    def finish(self) -> None:
        if self._promised is None and self._open is not None:
            self._open.discard()
        self._let_go()

    def drain(self) -> str:
        receipt = self.prepare(0, last=True)
        if self._live:
            self.publish(0, receipt)
            self.finish()
            return self.where
        aside = f"{self._folder}.partial"
        try:
            os.makedirs(aside, exist_ok=True)
            for name in os.listdir(aside):  # of a stop before
                if self._number(name):
                    os.unlink(os.path.join(aside, name))
            for part in receipt["parts"]:
                os.replace(os.path.join(self._folder, part["file"]), os.path.join(aside, part["name"]))
            sync_folder(aside)
        except OSError as error:
            self.abort()
            raise failed(self.where, error) from error
        self._ended = []
        self.finish()
        return f"{self.where}.partial"

    def abort(self) -> None:
        names: set[str] = set()
        if self._keeps and self._promised is not None:
            names = {part["file"] for part in [*self._promised["parts"], self._promised["open"]] if part}
        if self._open is not None and self._open.file not in names:
            self._open.discard()
        for part in self._ended:
            if part["file"] not in names:
                unlink(os.path.join(self._folder, part["file"]))
        self._let_go()

    # -- parts -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._open = Staged.new(self._folder, self._stem)
        self._since, self._made = self._period(), True
        self._encoder.begin(self._open.out, append=False)

    def _go_on(self, opened: Receipt) -> None:
        """Write on in the part that a receipt names, behind what was committed of it."""
        staged = Staged.again(self._folder, self._stem, opened["file"], opened["size"], opened["inode"])
        if staged is None:
            raise gone(self.where, opened)
        self._open, self._since = staged, opened["since"]
        self._promised = {"parts": [], "open": opened, "last": False}
        self._encoder.begin(staged.out, append=True)

    def _period(self) -> int:
        return int(self._clock() * 1000) // self._roll.period * self._roll.period if self._roll.period else 0

    def _turn(self) -> None:
        """End the part that is full, or whose time is over."""
        if self._open is None:
            return
        full = self._roll.size and self._open.out.tell() >= self._roll.size
        if full or self._since != self._period():
            self._end()

    def _end(self) -> None:
        if self._open is None:
            return
        self._encoder.end()
        status = self._open.sync()
        self._ended.append(
            {"file": self._open.file, "name": self._name(), "size": status.st_size, "mark": mark_of(status)}
        )
        self._open.close()
        self._open, self._changed = None, True
        self._next += 1

    def _name(self) -> str:
        if not self._roll.period:
            return f"{self._stem}-{self._next:06}{self._suffix}"
        start = datetime.fromtimestamp(self._since / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
        return f"{self._stem}-{start}-{self._next:06}{self._suffix}"

    def _number(self, name: str) -> int:
        """Return the number of a part of this name, 0 where it is none's."""
        found = re.fullmatch(
            re.escape(self._stem) + r"-(?:\d{8}T\d{6}Z-)?(\d{6,18})" + re.escape(self._suffix), name, re.ASCII
        )
        return int(found[1]) if found else 0

    def _publish(self, parts: list[dict[str, Any]]) -> None:
        self._show(parts)
        files = {part["file"] for part in parts}
        self._ended = [part for part in self._ended if part["file"] not in files]

    def _show(self, parts: list[dict[str, Any]]) -> None:
        """Rename parts to their names and put them into the manifest, unless that has happened."""
        new = [part for part in parts if not self._manifest.has(part)]
        for part in new:
            if not pattern_of(self._stem).fullmatch(part["file"]) or not self._number(part["name"]):
                raise gone(self.where, part)  # a receipt comes from a store
            staged, target = os.path.join(self._folder, part["file"]), os.path.join(self._folder, part["name"])
            if os.path.lexists(staged) and os.path.lexists(target):
                raise RunError(
                    f"cannot write {self.where}: there is another file {part['name']}", hint="remove it, and run again"
                )
            if not show(staged, target, part["size"], part["mark"]):
                raise gone(self.where, part)
            self._next = max(self._next, self._number(part["name"]) + 1)
        if new:
            sync_folder(self._folder)
            self._manifest.add(new)

    def _let_go(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
        self._manifest.close()


class _Manifest:
    """The parts that were published, a JSON object a line: `part`, `bytes`, and `of`, the staged file that it was."""

    def __init__(self, path: str, where: str) -> None:
        """Open and lock it; raises `InputError` where another holds it, `OSError`."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            if not locked(self._fd):
                raise InputError(
                    f"cannot write parts to {where}: another run does", hint="give each job a folder of its own"
                )
            self._read()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        self.names: set[str] = set()
        self._known: set[tuple[str, str]] = set()
        with os.fdopen(os.dup(self._fd), "rb") as file:
            file.seek(0)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.ftruncate(
                self._fd, whole
            )  # a line that was cut short: whoever died there is gone, and its part is named again
        for line in data[:whole].splitlines():
            try:
                entry = json.loads(line)
                self.names.add(entry["part"])
                self._known.add((entry["part"], entry["of"]))
            except (ValueError, TypeError, KeyError):
                continue  # not by this sink

    def has(self, part: dict[str, Any]) -> bool:
        """Return whether a part was published."""
        return (part["name"], part["file"]) in self._known

    def add(self, parts: list[dict[str, Any]]) -> None:
        """Put parts in."""
        lines = [json.dumps({"part": p["name"], "bytes": p["size"], "of": p["file"]}) + "\n" for p in parts]
        write_all(self._fd, "".join(lines).encode())
        os.fsync(self._fd)
        self._known.update((part["name"], part["file"]) for part in parts)

    def close(self) -> None:
        """Let it go; never raises."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def part_like(folder: str, suffix: str) -> str:
    """Return what parts of a folder are called."""
    return f"{stem_of(folder, suffix)}-000001{suffix}"


def stem_of(folder: str, suffix: str) -> str:
    """Return what the names of parts in a folder begin with."""
    name = os.path.basename(folder)
    return name.removesuffix(suffix) or name
