"""Files that grow, appear, and are rotated while they are read.

What a file is, is decided by device, inode and first bytes, never by its name:

- *Renamed* (`access.log` becomes `access.log.1`): the same file, read on where it is. A new `access.log` is the next
  incarnation, the partition `access.log#2`. The old one ends when the new one has data and it has been silent for a
  minute, since writers take a while to change over; should it grow after that, the rest is an incarnation of its own.
- *Renamed more than once between two looks*: files beside a watched one that have appeared since the last look,
  together with its successor, are incarnations that were missed; they are read in the order of their last writing.
- *Truncated* (copytruncate): the size shrinks or the first bytes change. What the copy has behind the last byte read
  is read from there; then the incarnation ends, and the file is read from its beginning as the next one.
- *Copied*: a new file that is, byte for byte, a beginning of a followed one waits until it differs from it: it holds
  nothing that is not read there. So neither a copy that a rotation makes nor a backup is read twice.
- *Compressed*: a compressed file is read once, when it has not changed for some seconds, to its end; one whose
  decoded beginning is that of a followed file is that file's compressed form, and is not read.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from caudal.connectors.files.decoded import text_of
from caudal.connectors.files.growing import FINGERPRINT, RETIRE, Growing
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.paths import Found, Identity, Paths, identity_of
from caudal.connectors.files.source import ForeignFile, Opener
from caudal.core.errors import CaudalError, InputError
from caudal.core.naming import natural_key
from caudal.core.unpacking import BrokenStream
from caudal.ports.source import Partition

SETTLE = 10.0
"""Seconds for which a compressed file must not have changed before it is read."""

_CLOSELY = 10
"""Every so many polls all files are looked at, even if no folder has changed."""

_log = logging.getLogger("caudal.connectors.files")


@dataclass(slots=True)
class _Once:
    """A file that is not followed: compressed, a pipe, a copy. Its `first` bytes tell whether it is still the same."""

    first: bytes


class FollowedSource:
    """The files of some paths as long as the job runs, from their beginning or (those there at the start) their end."""

    live = True

    def __init__(
        self,
        paths: Paths,
        opener: Opener,
        *,
        at_end: bool = False,
        poll: int = 100,
        clock: Callable[[], float] = time.monotonic,
        retire: float = RETIRE,
    ) -> None:
        self._paths = paths
        self._opener = opener
        self._poll = poll / 1000
        self._clock = clock
        self._retire = retire
        self._known: dict[Identity, Growing | _Once] = {}
        self._followed: list[Growing] = []
        """All incarnations there have been; the ended ones for their first bytes."""
        self._at: dict[str, Growing] = {}
        """The last incarnation at each path."""
        self._copies: dict[Identity, int] = {}
        """New files that are beginnings of followed ones, and how much of them has been compared."""
        self._beside: set[Identity] = set()
        """What was in the followed files' folders at the last look."""
        self._folders: dict[str, tuple[int, set[Identity]]] = {}
        self._incarnations: dict[str, int] = {}
        self._opened: list[LinePartition] = []
        self._looked = self._looked_closely = clock()
        self._waiting: set[Identity] = set()
        """Files that were found and are not read yet: empty, beginnings of others, compressed and in the making."""
        self._first = self._look(starting=True, at_end=at_end)
        if paths.stdin:
            self._first.append(opener.stdin())

    # -- the contract of ports.source.Source -------------------------------------------------------------------------

    def partitions(self) -> Sequence[Partition]:
        return self._first

    def discover(self) -> Sequence[Partition]:
        now = self._clock()
        if now - self._looked < self._poll:
            return []
        self._looked = now
        closely = now - self._looked_closely >= _CLOSELY * self._poll
        truncated = any(growing.truncated and not growing.ended for growing in self._followed)
        if not (closely or truncated or self._waiting) and self._paths.steady():
            return []
        self._looked_closely = now
        try:
            return self._look()
        except InputError as error:  # a folder that may not be read
            _log.warning("%s", error)
            return []

    def reads(self, path: str) -> bool:
        """Return whether a file at `path` is or would be read: such a file must not be a sink's target."""
        return identity_of(path) in self._known or self._paths.cover(path)

    def close(self) -> None:
        for partition in [*self._first, *self._opened]:
            partition.close()

    # -- looking around ----------------------------------------------------------------------------------------------

    def _look(self, *, starting: bool = False, at_end: bool = False) -> list[Partition]:
        for growing in self._followed:
            growing.look()
        found, _ = self._paths.find()
        missed = [] if starting else self._missed(found)
        self._settle_truncated(found)
        new: list[LinePartition] = []
        for file in [*missed, *found]:
            try:
                partition = self._meet(file, starting=starting, at_end=at_end)
            except (OSError, InputError) as error:
                if starting:
                    raise
                if os.path.exists(file.path):  # else renamed or removed since we looked
                    _log.warning("cannot read %s: %s", file.path, error)
                continue
            if partition is not None:
                new.append(partition)
        for file in missed:
            if file.path in self._at:
                self._at[file.path].superseded()
        folders = {os.path.dirname(path) for path in [*self._at, *self._paths.patterns]}
        self._waiting = {file.identity for file in found} - self._known.keys()
        self._beside = set().union(*(self._inside(folder) for folder in folders)) - self._waiting
        self._opened += new
        new.sort(key=lambda partition: natural_key(partition.name))
        return list[Partition](new)

    def _meet(self, file: Found, *, starting: bool, at_end: bool) -> LinePartition | None:
        """Return the partition that a file which was found has to be read as, None when there is none (yet)."""
        known = self._known.get(file.identity)
        begin = 0
        if isinstance(known, _Once):
            if _first_bytes(file.path, len(known.first)) == known.first:
                return None
        elif known is not None and not known.ended:
            known.path = file.path
            self._at[file.path] = known
            return None
        elif known is not None and not known.truncated and file.size >= known.offset and _begins_like(file, known):
            if file.size == known.offset:
                return None
            begin = known.offset
        if not file.regular:
            self._known[file.identity] = _Once(b"")
            return self._opener.lines(file)
        if not starting and not file.size:
            return None
        try:
            kind = self._opener.kind(file.path)
        except ForeignFile as error:
            if starting and file.path in self._paths.patterns:
                raise
            self._known[file.identity] = _Once(_first_bytes(file.path, FINGERPRINT))
            _log.warning("%s", error)
            return None
        if kind != "none":
            return self._compressed(file, kind, skip=starting and at_end)
        if not starting and not isinstance(known, Growing) and self._is_copy(file):
            return None
        return self._incarnation(file, begin, at_end=starting and at_end)

    def _incarnation(self, file: Found, begin: int, *, at_end: bool) -> LinePartition | None:
        growing = Growing(file.path, clock=self._clock, retire=self._retire)
        if growing.identity != file.identity:
            growing.close()
            return None  # replaced since we looked
        growing.look()
        before = self._at.get(file.path)
        if before is not None:
            before.superseded()
        self._known[file.identity] = self._at[file.path] = growing
        self._followed.append(growing)
        partition = LinePartition(
            self._name(file),
            text_of(growing),
            self._opener.buffers,
            max_record=self._opener.max_record,
            where=file.path,
            live=True,
            reopened=lambda: text_of(growing.reread()),
        )
        partition.seek(growing.after_last_line() if at_end else begin)
        return partition

    def _compressed(self, file: Found, kind: str, *, skip: bool) -> LinePartition | None:
        if time.time() - file.modified / 1e9 < SETTLE:
            return None
        self._known[file.identity] = _Once(_first_bytes(file.path, FINGERPRINT))
        if skip or self._is_compressed_form(file, kind):
            return None
        partition = self._opener.lines(file)
        partition.name = self._name(file)
        return partition

    def _name(self, file: Found) -> str:
        number = self._incarnations[file.name] = self._incarnations.get(file.name, 0) + 1
        return file.name if number == 1 else f"{file.name}#{number}"

    # -- what is not a file of its own -------------------------------------------------------------------------------

    def _missed(self, found: list[Found]) -> list[Found]:
        """Return incarnations that came and were renamed since the last look, in the order of their last writing."""
        missed: list[Found] = []
        passed = {file.identity for file in found} | self._beside | set(self._known)
        for file in found:
            before = self._at.get(file.path)
            awaited = before is None and file.path in self._paths.patterns
            if not (awaited or (before and not before.truncated)) or file.identity in self._known:
                continue
            for sibling in _siblings(file.path):
                if sibling.identity in passed or not sibling.size:
                    continue
                try:
                    whole = self._opener.kind(sibling.path) == "none" and not self._is_copy(sibling)
                except (OSError, InputError):
                    continue
                if whole:
                    passed.add(sibling.identity)
                    missed.append(replace(sibling, name=file.name))
        return sorted(missed, key=lambda file: file.modified)

    def _settle_truncated(self, found: list[Found]) -> None:
        """Let every truncated file read the rest of its copy, when there is one, and end."""
        for growing in self._followed:
            if not growing.truncated or growing.ended:
                continue
            _log.warning("%s was truncated: it is read again from its beginning", growing.path)
            others = [f for f in [*found, *_siblings(growing.path)] if f.regular and f.identity not in self._known]
            copy = next((f for f in others if growing.prefix and _begins_like(f, growing)), None)
            if copy is not None:
                self._known[copy.identity] = _Once(growing.prefix)
            if copy is None or copy.size <= growing.offset:
                growing.finish()
            else:
                growing.continue_in(copy.path)
                del self._known[growing.identity]  # the inode is met again, as the next incarnation

    def _is_copy(self, file: Found) -> bool:
        """Return whether a new file is, so far, a beginning of a followed one."""
        for growing in self._followed:
            if growing.ended or growing.truncated or file.size > growing.size():
                continue
            verified = min(self._copies.get(file.identity, 0), file.size)
            if growing.begins_with(file.path, file.size, verified):
                self._copies[file.identity] = file.size
                return True
        self._copies.pop(file.identity, None)
        return False

    def _inside(self, folder: str) -> set[Identity]:
        """Return the files in a folder; it is listed again only when it has changed."""
        try:
            changed = os.stat(folder).st_mtime_ns
            if folder not in self._folders or self._folders[folder][0] != changed:
                with os.scandir(folder) as entries:
                    device = os.stat(folder).st_dev
                    self._folders[folder] = changed, {(device, entry.inode()) for entry in entries}
            return self._folders[folder][1]
        except OSError:
            return set()

    def _is_compressed_form(self, file: Found, kind: str) -> bool:
        beginning = bytearray(FINGERPRINT)
        stream = self._opener.stream(file, kind)
        size = 0
        try:
            while size < FINGERPRINT and (count := stream.readinto(memoryview(beginning)[size:])):
                size += count
        except (BrokenStream, CaudalError):
            pass
        finally:
            stream.close()
        first = bytes(beginning[:size])
        return any(
            growing.prefix == first if len(growing.prefix) < FINGERPRINT else first.startswith(growing.prefix)
            for growing in self._followed
            if growing.prefix
        )


def _first_bytes(path: str, count: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read(count) or b""


def _begins_like(file: Found, known: Growing) -> bool:
    return _first_bytes(file.path, len(known.prefix)) == known.prefix


def _siblings(path: str) -> list[Found]:
    """Return the files beside one that share the beginning of its name: what rotations make of it."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    found = []
    for other in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, other)
        if other.startswith(stem) and other != name and os.path.isfile(path):
            try:
                found.append(Found.of(path, other, os.stat(path)))
            except FileNotFoundError:
                pass  # it has just gone
    return found
