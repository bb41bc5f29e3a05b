"""Judging: what a file that was found is, by its identity and its content, and what is to be read of it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from caudal.connectors.files.compressed import Unpacking
from caudal.connectors.files.decoded import text_of
from caudal.connectors.files.descriptors import Descriptors
from caudal.connectors.files.growing import FromStart, Growing, after_last_line
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.losses import Losses
from caudal.connectors.files.paths import Found, Identity, Paths
from caudal.connectors.files.remembering import Remembered, Settled
from caudal.connectors.files.source import ForeignFile, Opener
from caudal.connectors.files.traces import HEAD
from caudal.connectors.files.waiting import Waiting
from caudal.core.errors import InputError
from caudal.observe.log import log

SETTLE = 10.0
"""Seconds for which a compressed file must not have changed before it is read."""


class Judge:
    """Makes partitions of files that are to be read. Used by one thread at a time."""

    def __init__(
        self,
        paths: Paths,
        opener: Opener,
        remembered: Remembered,
        waiting: Waiting,
        losses: Losses,
        clock: Callable[[], float],
        retire: float,
    ) -> None:
        self.suspects: dict[Identity, bytes] = {}
        self.suspected: dict[Identity, bytes] = {}
        """What may be a missed incarnation, if the next look still thinks so."""
        self.copying: set[str] = set()
        """Paths of which rotations make copies."""
        self._paths = paths
        self._opener = opener
        self._remembered = remembered
        self._waiting = waiting
        self._losses = losses
        self._clock = clock
        self._retire = retire
        self.descriptors = Descriptors()

    def begin(self) -> None:
        """A look begins: what the last one suspected is now a suspect."""
        self.suspects, self.suspected = self.suspected, {}

    def meet(self, file: Found, *, starting: bool = False, at_end: bool = False) -> LinePartition | None:
        """Return the partition that a file which was found has to be read as, None when there is none (yet)."""
        known = self._remembered.known.get(file.identity)
        if isinstance(known, Settled):
            if not file.regular or known.stamp == (file.size, file.modified):
                return None
        elif known is not None and not known.ended and known.truncated_at is None:
            self._remembered.incarnations.moved(known, file.path)
            self._remembered.at[file.path] = known
            return None
        if not file.regular:
            self._remembered.settle(file)
            return self._opener.lines(file)
        if not starting and not file.size:
            return None
        fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            file = Found.of(file.path, file.name, status)
            if known is not self._remembered.known.get(file.identity) or not (starting or file.size):
                return None  # replaced or truncated since we looked
            return self._judge(file, fd, known, starting=starting, at_end=at_end)
        finally:
            os.close(fd)

    def _judge(
        self, file: Found, fd: int, known: Growing | Settled | None, *, starting: bool, at_end: bool
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
            self._remembered.settle(file)
            log.warning("%s", error)
            return None
        if kind != "none":
            return self._compressed(file, kind, skip=starting and at_end)
        own = file.path in self._remembered.at and not any(True for _ in self._remembered.incarnations.kin(file.path))
        if not starting and not begin and not own:
            original = self._remembered.incarnations.original(file, read, file.size)
            if original is not None:
                if not original.ended:
                    return self._twin(file, fd, first, original)
                self._remembered.settle(file)
                self._remembered.incarnations.found_copy(original, file.identity)
                if file.size <= original.offset:
                    return None
                begin = original.trace.line
            elif any(True for _ in self._remembered.incarnations.kin(file.path)) and self._doubtful(file, first):
                return None
        return self.incarnation(file, begin, first, at_end=starting and at_end)

    def _twin(self, file: Found, fd: int, first: bytes, original: Growing) -> LinePartition | None:
        """A file says what a followed one says, or said until it was truncated: then it is its copy."""
        if original.truncated:
            self._copied(file, fd, original)
            return None
        if self._remembered.incarnations.waits(
            file, lambda count, offset: os.pread(fd, count, offset), file.size, original
        ):
            text = f"waiting with {file.path}: so far it says what {original.handle.path} says, and may be a copy of it"
            self._waiting.meet(file.path, text, logging.INFO)
            return None
        return self.incarnation(file, 0, first, at_end=False)

    def _copied(self, file: Found, fd: int, original: Growing) -> None:
        rest = os.dup(fd) if file.size > original.offset else -1  # raises before anything is noted
        original.copied = file.identity
        self.copying.add(original.names[0])
        self._remembered.settle(file)
        self._losses.lost(original, original.unread(copied=file.size))
        if rest >= 0:
            original.continue_in(rest)
            log.info("%s was truncated: the rest of it is read from %s", original.handle.path, file.path)
        else:
            original.finish()

    def incarnation(
        self, file: Found, begin: int, first: bytes, *, at_end: bool, missed: bool = False
    ) -> LinePartition | None:
        """Return the partition of a file that began with `first` when it was judged; None where it does not any more."""
        growing = Growing(file.path, self.descriptors, clock=self._clock, retire=self._retire)
        growing.look()
        if growing.handle.identity != file.identity or not growing.trace.head.startswith(first):
            growing.close()
            return None  # replaced or written over since we looked
        self._remembered.known[file.identity] = growing
        self._remembered.incarnations.add(growing)
        if missed:
            growing.superseded()
        else:
            if file.path in self._remembered.at:
                self._remembered.at[file.path].superseded()
            self._remembered.at[file.path] = growing
        name = self._remembered.partitions[growing] = self._remembered.name(file)
        partition = LinePartition(
            name,
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
            checking = self._remembered.unpacking.get(file.identity)
            if checking is None:
                kin = self._remembered.incarnations.kin(file.path)
                checking = self._remembered.unpacking[file.identity] = Unpacking(self._opener.stream(file, kind), kin)
            if checking.undecided():
                return None
            del self._remembered.unpacking[file.identity]
            begin = checking.begin
        self._remembered.settle(file)
        if skip or (checking is not None and checking.made_of is not None and begin < 0):
            return None
        partition = self._opener.lines(file)
        partition.name = self._remembered.name(file)
        self._remembered.packed[partition.name] = file, partition
        if begin > 0:
            partition.start = begin
            partition.seek(begin)
        return partition

    def judge_beside(self, file: Found, *, turned: bool) -> tuple[str, bytes]:
        """Return "known" for a file of which nothing is to be read, "missed", or "later" when that cannot be said.

        And what it begins with.
        """
        try:
            with open(file.path, "rb", buffering=0) as opened:
                fd = opened.fileno()
                file, first = Found.of(file.path, file.name, os.fstat(fd)), os.pread(fd, HEAD, 0)
                if self._opener.kind(file.path) != "none":
                    return "known", first
                original = self._remembered.incarnations.original(
                    file, lambda count, at: os.pread(fd, count, at), file.size
                )
                if original is None:
                    return "known" if not turned else "later" if self._doubtful(file, first) else "missed", first
                if original.ended:
                    self._remembered.incarnations.found_copy(original, file.identity)
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
        before = self.suspects.get(file.identity)
        if before is not None and first.startswith(before):
            return False
        if before is not None:
            self._losses.copy_gone(file.path)
        self.suspected[file.identity] = first
        return True
