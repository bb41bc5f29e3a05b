"""Judging: what a file that was found is, by its identity and its content, and what is to be read of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from caudal.connectors.files.compressed import Unpacker
from caudal.connectors.files.decoded import text_of
from caudal.connectors.files.descriptors import Descriptors
from caudal.connectors.files.growing import FromStart, Growing, after_last_line
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.losses import Losses
from caudal.connectors.files.paths import Found, Identity, Paths
from caudal.connectors.files.remembering import Remembered, Settled
from caudal.connectors.files.source import ForeignFile, Opener
from caudal.connectors.files.streams import reason_of
from caudal.connectors.files.traces import HEAD
from caudal.connectors.files.waiting import Waiting
from caudal.core.errors import InputError
from caudal.observe.log import log

Verdict = Literal["known", "left", "later"]
"""Of a file beside: nothing of it is to be read; nor is it, since it was never what is followed; that cannot be said yet."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A file beside a followed one that has not been read, or not from `begin` on. `first`: what it begins with."""

    file: Found
    first: bytes
    kind: str
    """How it is compressed."""
    begin: int = 0


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
        self.unpacker = Unpacker(opener, remembered, losses)

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
            if starting and at_end:
                self._remembered.settle(file)
                return None
            return self.unpacker.meet(file, kind, starting=starting)
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

    def _growing(self, path: str) -> Growing:
        return Growing(path, self.descriptors, clock=self._clock, retire=self._retire)

    def incarnation(
        self, file: Found, begin: int, first: bytes, *, at_end: bool, missed: bool = False
    ) -> LinePartition | None:
        """Return the partition of a file that began with `first` when it was judged; None where it does not any more."""
        growing = self._growing(file.path)
        growing.look()
        if growing.handle.identity != file.identity or not growing.trace.head.startswith(first):
            growing.close()
            return None  # replaced or written over since we looked
        self._remembered.known[file.identity] = growing
        origins = self._remembered.origins(file.path)  # what it was called when nobody looked
        growing.names = [*origins, file.path] if missed else [file.path, *origins]
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

    # -- files beside followed ones ----------------------------------------------------------------------------------

    def judge_beside(self, file: Found, *, turned: bool) -> Missed | Verdict:
        """Return what a file beside a followed one is. `turned`: it has appeared or changed while that began anew."""
        try:
            with open(file.path, "rb", buffering=0) as opened:
                status = os.fstat(opened.fileno())
                return self._judge_beside(Found.of(file.path, file.name, status), opened.fileno(), turned=turned)
        except ForeignFile:
            if turned:
                self._losses.foreign(file.path)
            return "known"
        except (OSError, InputError) as error:
            if turned and os.path.exists(file.path):
                why = f"cannot read {file.path}: {reason_of(error)}" if isinstance(error, OSError) else str(error)
                self._waiting.meet(file.path, f"waiting: {why}")
            return "later"

    def _judge_beside(self, file: Found, fd: int, *, turned: bool) -> Missed | Verdict:
        def read(count: int, offset: int) -> bytes:
            return os.pread(fd, count, offset)

        first, incarnations = read(HEAD, 0), self._remembered.incarnations
        kind = self._opener.kind(file.path)
        if kind != "none":
            return Missed(file, first, kind) if turned else "left"
        if not file.size:
            return "known"
        before = incarnations.left.get(file.identity)
        if before is not None and before.trace.goes_on_in(read, file.size):
            was_read = self._remembered.known.get(file.identity) is before and file.size > before.offset
            return Missed(file, first, kind, before.trace.line) if was_read else "known"
        original = incarnations.original(file, read, file.size)
        if original is None:
            if not turned:
                return "left"
            return "later" if self._doubtful(file, first) else Missed(file, first, kind)
        if original.ended:
            incarnations.found_copy(original, file.identity)
            more = turned and file.size > original.offset
            return Missed(file, first, kind, original.trace.line) if more else "known"
        if original.truncated:
            self._copied(file, fd, original)
            return "known"
        return "later"

    def missed(self, missed: Missed) -> LinePartition | None:
        """Return the partition of a file that was missed, None where it is to be judged again, or nothing of it is to be read."""
        if missed.kind != "none":
            return self.unpacker.meet(missed.file, missed.kind)
        return self.incarnation(missed.file, missed.begin, missed.first, at_end=False, missed=True)

    def leave(self, file: Found) -> None:
        """Remember a file that is left unread like one that was read to its end: so it is known when it is compressed."""
        try:
            if not file.size or self._opener.kind(file.path) != "none":
                return
            growing = self._growing(file.path)
            try:
                growing.seek(growing.size())
                original = self._remembered.incarnations.original(file, growing.read_at, file.size)
            finally:
                growing.close()
        except (OSError, InputError):
            return
        if original is None:  # else it may be a copy in the making
            growing.names = [*self._remembered.origins(file.path), file.path]
            self._remembered.partitions[growing] = ""
            self._remembered.incarnations.recall(growing)

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
