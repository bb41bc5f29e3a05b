"""Files that grow, appear, and are rotated while they are read.

What a file is, is decided by device, inode and content, never by its name alone:

- *Renamed* (`access.log` becomes `access.log.1`): the same file, read on where it is. A new `access.log` is the next
  incarnation, the partition `access.log#2`. The old one ends when the new one has data and it has been silent for a
  minute, since writers take a while to change over; should it grow after that, the rest is an incarnation of its own.
- *Renamed, or copied and truncated, more than once between two looks*: files beside a watched one whose names are what
  rotations make of its, and that have appeared or changed since the last look, are incarnations that were missed.
- *Truncated* (copytruncate): the size shrinks, or the first bytes, or those before the position, are not what was read.
  What a copy has behind the last byte read is read from there; then the incarnation ends, and the file is read from
  its beginning as the next one. Bytes that are known to have been there and are in no copy are counted in a warning.
- *Copied*: a new file that says what a followed one says waits until it can be told what it is (see `rotation`).
- *Compressed*: a compressed file is read once, when it has not changed for some seconds, to its end; one that was made
  of a followed file by rotation, and whose decoded content is what was read there, is not read (see `compressed`).

No file ends the run: one that cannot be read waits, and is told once.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from caudal.connectors.files.beside import Beside
from caudal.connectors.files.compressed import Unpacking
from caudal.connectors.files.decoded import text_of
from caudal.connectors.files.descriptors import SCARCE, Descriptors
from caudal.connectors.files.gone import Gone
from caudal.connectors.files.growing import RETIRE, FromStart, Growing, after_last_line
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.paths import Found, Identity, Paths, identity_of
from caudal.connectors.files.rotation import COPY_WAIT, Incarnations
from caudal.connectors.files.source import ForeignFile, Opener
from caudal.connectors.files.streams import reason_of
from caudal.connectors.files.traces import HEAD
from caudal.connectors.files.waiting import Waiting
from caudal.core.errors import InputError
from caudal.core.naming import natural_key
from caudal.observe.log import log
from caudal.observe.notices import Notice
from caudal.ports.source import Assigned, Change, Partition

SETTLE = 10.0
"""Seconds for which a compressed file must not have changed before it is read."""

_CLOSELY = 10
"""Every so many polls all files are looked at, even if no folder has changed."""

_SHARE = 20
"""How many times the processor time of a look is waited at least until the next one."""
_QUICK = 0.02
"""Seconds of processor time below which a look is not spared."""

_TURNING = 2 * COPY_WAIT
"""Seconds after a rotation in which files beside are taken for incarnations that were missed."""

_KEPT = 1000
"""How many files are remembered at least, beside those that are there, before those that are gone are forgotten."""


@dataclass(slots=True)
class _Settled:
    """A file of which nothing is to be read as long as it stays as it is: a copy, a compressed one, a pipe."""

    stamp: tuple[int, int]


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
        self._descriptors = Descriptors()
        self._incarnations = Incarnations(clock)
        self._known: dict[Identity, Growing | _Settled] = {}
        self._at: dict[str, Growing] = {}
        """The last incarnation at each path."""
        self._names: dict[str, str] = {}
        """The partition's name for each path."""
        self._turned: dict[str, float] = {}
        """When a path was last seen to begin a new incarnation, or to be truncated."""
        self._beside = Beside()
        self._gone = Gone(clock)
        self._suspects: dict[Identity, bytes] = {}
        self._suspected: dict[Identity, bytes] = {}
        """What may be a missed incarnation, if the next look still thinks so."""
        self._pended: set[Growing] = set()
        self._copying: set[str] = set()
        """Paths of which rotations make copies."""
        self._unpacking: dict[Identity, Unpacking] = {}
        self._numbers: dict[str, int] = {}
        self._opened: list[LinePartition] = []
        self._looking = threading.Lock()
        self._next_look = self._next_close_look = clock() + self._poll
        self._unread: set[Identity] = set()
        """Files that were found and are not read yet: empty, perhaps copies, compressed and in the making."""
        self._waiting = Waiting(clock)
        self._told: list[Notice] = []
        self._first = self._look(starting=True, at_end=at_end)
        if paths.stdin:
            self._first.append(opener.stdin())

    # -- the contract of ports.source.Source -------------------------------------------------------------------------

    def partitions(self) -> Sequence[Partition]:
        return self._first

    def changes(self) -> Sequence[Change]:
        if self._clock() < self._next_look or not self._looking.acquire(blocking=False):
            return []  # another thread is looking
        try:
            now, begun = self._clock(), time.thread_time()
            closely = now >= self._next_close_look
            pressing = self._unread or self._suspected or any(g.truncated for g in self._incarnations.live)
            found = self._look() if closely or pressing or not self._paths.steady() else []
            took = time.thread_time() - begun
            pause = _SHARE * took if took > _QUICK and self._poll else 0.0
            self._next_look = now + max(self._poll, pause)
            if closely or pressing or found:
                self._next_close_look = now + max(_CLOSELY * self._poll, pause)
            return [Assigned(partition) for partition in found]
        finally:
            self._looking.release()

    def released(self, name: str, position: int) -> None:
        """Nothing was revoked: a file that is gone ends by itself."""

    def reads(self, path: str) -> bool:
        """Return whether a file at `path` is or would be read: such a file must not be a sink's target."""
        return identity_of(path) in self._known or self._paths.cover(path)

    def close(self) -> None:
        for partition in [*self._first, *self._opened]:
            partition.close()

    # -- the contract of ports.source.Telling ------------------------------------------------------------------------

    def told(self) -> list[Notice]:
        told, self._told = self._told, []
        return told

    def waiting(self) -> str:
        return str(self._waiting)

    # -- looking around ----------------------------------------------------------------------------------------------

    def _look(self, *, starting: bool = False, at_end: bool = False) -> list[Partition]:
        self._waiting.begin()
        self._suspects, self._suspected = self._suspected, {}
        self._retired(self._incarnations.look())
        found = self._find(starting=starting)
        if found is None:
            self._give_up()
            return []
        self._note_turns(found, starting=starting)
        new: list[LinePartition] = []
        # those that are known by their path first, so that a copy of what has just begun to be written finds it
        for file in sorted(found, key=lambda file: file.path not in self._at):
            self._try(file, new, starting=starting, at_end=at_end)
        self._look_beside(found, new, starting=starting)
        self._give_up()
        self._unread = {file.identity for file in found} - self._known.keys()
        self._forget(found)
        self._opened += new
        self._waiting.end(starting=starting)
        new.sort(key=lambda partition: natural_key(partition.name))
        return list[Partition](new)

    def _find(self, *, starting: bool) -> list[Found] | None:
        """Return the files there are; None where that cannot be told now."""
        try:
            found, missing = self._paths.find()
        except InputError as error:  # a folder that may not be read
            self._waiting.meet("", f"waiting: {error}")
            self._waiting.end(starting=starting)
            return None
        for path in missing:
            self._waiting.meet(path, f"waiting for {path}: there is no file")
        return found

    def _try(self, file: Found, new: list[LinePartition], *, starting: bool, at_end: bool) -> None:
        try:
            partition = self._meet(file, starting=starting, at_end=at_end)
        except FileNotFoundError:
            return  # renamed or removed since we looked
        except (OSError, InputError) as error:
            if not os.path.exists(file.path):
                return
            scarce = isinstance(error, OSError) and error.errno in SCARCE
            why = reason_of(error) if isinstance(error, OSError) else str(error)
            text = f"waiting for {file.path}: {why}" if scarce else f"waiting: {why}"
            self._waiting.meet(file.path, text)
            return
        if partition is not None:
            new.append(partition)

    def _meet(self, file: Found, *, starting: bool = False, at_end: bool = False) -> LinePartition | None:
        """Return the partition that a file which was found has to be read as, None when there is none (yet)."""
        known = self._known.get(file.identity)
        if isinstance(known, _Settled):
            if not file.regular or known.stamp == (file.size, file.modified):
                return None
        elif known is not None and not known.ended and known.truncated_at is None:
            self._incarnations.moved(known, file.path)
            self._at[file.path] = known
            return None
        if not file.regular:
            self._settle(file)
            return self._opener.lines(file)
        if not starting and not file.size:
            return None
        fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            file = Found.of(file.path, file.name, status)
            if known is not self._known.get(file.identity) or not (starting or file.size):
                return None  # replaced or truncated since we looked
            return self._judge(file, fd, known, starting=starting, at_end=at_end)
        finally:
            os.close(fd)

    def _judge(
        self, file: Found, fd: int, known: Growing | _Settled | None, *, starting: bool, at_end: bool
    ) -> LinePartition | None:
        def read(count: int, offset: int) -> bytes:
            return os.pread(fd, count, offset)

        begin, first = 0, read(HEAD, 0)
        if isinstance(known, Growing) and known.truncated_at is None and known.trace.goes_on_in(read, file.size):
            if file.size == known.offset:
                return None
            begin = known.trace.line
        try:
            kind = self._opener.kind(file.path)
        except ForeignFile as error:
            if starting and file.path in self._paths.patterns:
                raise
            self._settle(file)
            log.warning("%s", error)
            return None
        if kind != "none":
            return self._compressed(file, kind, skip=starting and at_end)
        own = file.path in self._at and not any(True for _ in self._incarnations.kin(file.path))
        if not starting and not begin and not own:
            original = self._incarnations.original(file, read, file.size)
            if original is not None:
                if not original.ended:
                    return self._twin(file, fd, first, original)
                self._settle(file)
                self._incarnations.found_copy(original, file.identity)
                if file.size <= original.offset:
                    return None
                begin = original.trace.line
            elif any(True for _ in self._incarnations.kin(file.path)) and self._doubtful(file, first):
                return None
        return self._incarnation(file, begin, first, at_end=starting and at_end)

    def _twin(self, file: Found, fd: int, first: bytes, original: Growing) -> LinePartition | None:
        """A file says what a followed one says, or said until it was truncated: then it is its copy."""
        if original.truncated:
            self._copied(file, fd, original)
            return None
        if self._incarnations.waits(file, lambda count, offset: os.pread(fd, count, offset), file.size, original):
            text = f"waiting with {file.path}: so far it says what {original.handle.path} says, and may be a copy of it"
            self._waiting.meet(file.path, text, logging.INFO)
            return None
        return self._incarnation(file, 0, first, at_end=False)

    def _copied(self, file: Found, fd: int, original: Growing) -> None:
        rest = os.dup(fd) if file.size > original.offset else -1  # raises before anything is noted
        original.copied = file.identity
        self._copying.add(original.names[0])
        self._settle(file)
        self._lost(original, original.unread(copied=file.size))
        if rest >= 0:
            original.continue_in(rest)
            log.info("%s was truncated: the rest of it is read from %s", original.handle.path, file.path)
        else:
            original.finish()

    def _incarnation(
        self, file: Found, begin: int, first: bytes, *, at_end: bool, missed: bool = False
    ) -> LinePartition | None:
        """Return the partition of a file that began with `first` when it was judged; None where it does not any more."""
        growing = Growing(file.path, self._descriptors, clock=self._clock, retire=self._retire)
        growing.look()
        if growing.handle.identity != file.identity or not growing.trace.head.startswith(first):
            growing.close()
            return None  # replaced or written over since we looked
        self._known[file.identity] = growing
        self._incarnations.add(growing)
        if missed:
            growing.superseded()
        else:
            if file.path in self._at:
                self._at[file.path].superseded()
            self._at[file.path] = growing
        partition = LinePartition(
            self._name(file),
            text_of(growing),
            self._opener.buffers,
            max_record=self._opener.max_record,
            where=file.path,
            live=True,
            reopened=lambda: text_of(FromStart(growing)),
        )
        partition.start = after_last_line(growing) if at_end else begin
        partition.seek(partition.start)
        return partition

    def _compressed(self, file: Found, kind: str, *, skip: bool) -> LinePartition | None:
        if time.time() - file.modified / 1e9 < SETTLE:
            return None
        checking, begin = None, -1
        if not skip:
            checking = self._unpacking.get(file.identity)
            if checking is None:
                kin = self._incarnations.kin(file.path)
                checking = self._unpacking[file.identity] = Unpacking(self._opener.stream(file, kind), kin)
            if checking.undecided():
                return None
            del self._unpacking[file.identity]
            begin = checking.begin
        self._settle(file)
        if skip or (checking is not None and checking.made_of is not None and begin < 0):
            return None
        partition = self._opener.lines(file)
        partition.name = self._name(file)
        if begin > 0:
            partition.start = begin
            partition.seek(begin)
        return partition

    def _settle(self, file: Found) -> None:
        self._known[file.identity] = _Settled((file.size, file.modified))

    def _name(self, file: Found) -> str:
        number = self._numbers[file.name] = self._numbers.get(file.name, 0) + 1
        return file.name if number == 1 else f"{file.name}#{number}"

    # -- what rotations leave beside a file that is watched by its path or a glob -------------------------------------

    def _note_turns(self, found: list[Found], *, starting: bool) -> None:
        """Note which paths begin anew: where another file stands now, or none, or the file that stands there was truncated."""
        now = self._clock()
        for path in self._at.keys() - {file.path for file in found}:
            self._turned[path] = now  # whatever it was is beside, and what has come and gone since the last look too
        for file in found:
            self._names[file.path] = file.name
            if not starting and file.identity not in self._known:
                self._turned[file.path] = now
        for growing in self._incarnations.pending:
            self._turned[growing.handle.path] = now

    def _look_beside(self, found: list[Found], new: list[LinePartition], *, starting: bool) -> None:
        """Find renamed files, copies and missed incarnations among files that no path leads to."""
        now, seen = self._clock(), {file.identity for file in found}
        missed: list[tuple[Found, bytes]] = []
        watched = self._names.keys() | set(self._paths.patterns)
        for original, file in self._beside.find(watched, {file.path for file in found}):
            known = self._known.get(file.identity)
            if file.identity in seen or known == _Settled((file.size, file.modified)):
                continue  # it has just been renamed, from where a path leads to it
            if isinstance(known, Growing) and known.truncated_at is None:
                if not known.ended:
                    self._incarnations.moved(known, file.path)
                continue  # should it be written over, that is yet to be seen
            if not starting and file.size and self._beside.changed(file):
                turned = now - self._turned.get(original, -_TURNING) < _TURNING
                verdict, first = self._judge_beside(file, turned=turned)
                if verdict == "later":
                    continue  # nothing is noted, so the next look judges again
                if verdict == "missed":
                    missed.append((replace(file, name=self._names[original]), first))
                    continue
            self._beside.note(file)
        for file, first in sorted(missed, key=lambda pair: pair[0].modified):
            try:
                partition = self._incarnation(file, 0, first, at_end=False, missed=True)
            except OSError:
                partition = None
            if partition is None:  # renamed or written over since we looked: at the next look
                self._suspected[file.identity] = first
                continue
            self._beside.note(file)
            new.append(partition)

    def _judge_beside(self, file: Found, *, turned: bool) -> tuple[str, bytes]:
        """Return "known" for a file of which nothing is to be read, "missed", or "later" when that cannot be said.

        And what it begins with.
        """
        try:
            with open(file.path, "rb", buffering=0) as opened:
                fd = opened.fileno()
                file, first = Found.of(file.path, file.name, os.fstat(fd)), os.pread(fd, HEAD, 0)
                if self._opener.kind(file.path) != "none":
                    return "known", first
                original = self._incarnations.original(file, lambda count, at: os.pread(fd, count, at), file.size)
                if original is None:
                    return "known" if not turned else "later" if self._doubtful(file, first) else "missed", first
                if original.ended:
                    self._incarnations.found_copy(original, file.identity)
                    return "known", first
                if original.truncated:
                    self._copied(file, fd, original)
                    return "known", first
        except (OSError, InputError):
            pass
        return "later", b""

    def _doubtful(self, file: Found, first: bytes) -> bool:
        """Return whether this is the first look that takes a file for a missed incarnation.

        It may be a copy of what has been written since the look began, and is met only at the next one.
        """
        before = self._suspects.get(file.identity)
        if before is not None and first.startswith(before):
            return False
        if before is not None:
            self._copy_gone(file.path)
        self._suspected[file.identity] = first
        return True

    # -- what has ended ----------------------------------------------------------------------------------------------

    def _retired(self, ended: list[Growing]) -> None:
        for growing in ended:
            if growing.failure:
                self._tell(growing.names[0], "unreadable", growing.failure, 1)
            self._lost(growing, growing.unread())

    def _give_up(self) -> None:
        """End what was truncated and left no copy."""
        late = self._clock() - COPY_WAIT
        pending = {growing for growing in self._incarnations.pending if growing.truncated}
        for growing in pending & self._pended:
            if growing.truncated_at is not None and growing.truncated_at <= late:
                self._lost(growing, growing.unread())
                if growing.names[0] in self._copying and not growing.unread():
                    self._copy_gone(growing.names[0])
                growing.finish()
        self._pended = pending

    def _lost(self, growing: Growing, count: int) -> None:
        if count:
            text = "{count} bytes were truncated or removed before they were read, and stand in no copy"
            self._tell(growing.names[0], "truncated", text, count)

    def _copy_gone(self, path: str) -> None:
        text = "copies that were gone before they were read: {count}; what was written since the last look is lost"
        self._tell(path, "copy_gone", text, 1)

    def _tell(self, path: str, code: str, text: str, count: int) -> None:
        self._told.append(Notice(code, path, text, count, "warning"))

    def _forget(self, found: list[Found]) -> None:
        """Forget what is known of files that are gone."""
        remembered = [self._known.keys(), self._beside.noted, self._incarnations.left]
        there = {file.identity for file in found} | self._beside.there
        if sum(map(len, remembered)) <= len(remembered) * len(there) + _KEPT:
            return
        paths = {file.path for file in found}
        there |= {growing.handle.identity for growing in self._incarnations.live}
        gone = self._gone.among(itertools.chain(*remembered), there)
        self._known = {identity: known for identity, known in self._known.items() if identity not in gone}
        self._beside.forget(gone)
        self._incarnations.forget(gone)
        self._at = {path: growing for path, growing in self._at.items() if path in paths or not growing.ended}
        self._names = {path: name for path, name in self._names.items() if path in paths or path in self._at}
        self._turned = {path: at for path, at in self._turned.items() if path in self._names}
        for identity in self._unpacking.keys() & gone:
            self._unpacking.pop(identity).close()
