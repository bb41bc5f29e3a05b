"""Files that grow, appear, and are rotated while they are read.

What a file is, is decided by device, inode and content, never by its name alone:

- *Renamed* (`access.log` becomes `access.log.1`): the same file, read on where it is. A new `access.log` is the next
  incarnation, the partition `access.log#2`. The old one ends when the new one has data and it has been silent for a
  minute, since writers take a while to change over; should it grow after that, the rest is an incarnation of its own.
- *Renamed, copied and truncated, or compressed, more than once between two looks*: files beside a watched one whose names
  are what rotations make of its, and that have appeared or changed about when it began anew, are incarnations that were
  missed. What lies beside at the start is left unread, and remembered as if it had been read.
- *Truncated* (copytruncate): the size shrinks, or the first bytes, or those before the position, are not what was read.
  What a copy has behind the last byte read is read from there; then the incarnation ends, and the file is read from
  its beginning as the next one. Bytes that are known to have been there and are in no copy are counted in a warning.
- *Copied*: a new file that says what a followed one says waits until it can be told what it is (see `rotation`).
- *Compressed*: a compressed file is read once, when it has not changed for some seconds, to its end; of one that was made
  of a followed file by rotation, and whose decoded content is what was read there, only the rest (see `compressed`).

No file ends the run: one that cannot be read waits, and is told once.
"""

from __future__ import annotations

import heapq
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caudal.connectors.files.descriptors import SCARCE
from caudal.connectors.files.growing import RETIRE, Growing
from caudal.connectors.files.judging import Judge, Missed
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.losses import Losses
from caudal.connectors.files.paths import Found, Identity, Paths, identity_of
from caudal.connectors.files.recalling import Recalling, Resumed, exported
from caudal.connectors.files.remembering import Remembered, Settled
from caudal.connectors.files.rotation import COPY_WAIT
from caudal.connectors.files.source import Opener
from caudal.connectors.files.streams import reason_of
from caudal.connectors.files.waiting import Waiting
from caudal.core.errors import InputError
from caudal.core.naming import natural_key
from caudal.observe.notices import Notice
from caudal.ports.source import Assigned, Change, Partition

_CLOSELY = 10
"""Every so many polls all files are looked at, even if no folder has changed."""

_SHARE = 20
"""How many times the processor time of a look is waited at least until the next one."""
_QUICK = 0.02
"""Seconds of processor time below which a look is not spared."""

_TURNING = 2 * COPY_WAIT
"""Seconds before and after a rotation in which files that appear beside are taken for incarnations that were missed."""


_LEFT = 64
"""How many of the files that lie beside a followed one at the start are remembered by what they hold."""


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
        self._poll = poll / 1000
        self._clock = clock
        self._opener = opener
        self._retire = retire
        self._looking = threading.Lock()
        self._begin()
        self._next_look = self._next_close_look = clock() + self._poll
        self._first = self._look(starting=True, at_end=at_end)
        if paths.stdin:
            self._first.append(opener.stdin())

    def _begin(self) -> None:
        """Know nothing yet."""
        clock = self._clock
        self._remembered = Remembered(clock)
        self._waiting = Waiting(clock)
        self._losses = Losses()
        self._judge = Judge(
            self._paths, self._opener, self._remembered, self._waiting, self._losses, clock, self._retire
        )
        self._pended: set[Growing] = set()
        self._opened: list[LinePartition] = []
        self._unread: set[Identity] = set()
        """Files that were found and are not read yet: empty, perhaps copies, compressed and in the making."""

    # -- the contract of ports.source.Source -------------------------------------------------------------------------

    def partitions(self) -> Sequence[Partition]:
        return self._first

    def changes(self) -> Sequence[Change]:
        if self._clock() < self._next_look or not self._looking.acquire(blocking=False):
            return []  # another thread is looking
        try:
            now, begun = self._clock(), time.thread_time()
            closely = now >= self._next_close_look
            pressing = (
                self._unread
                or self._judge.suspected
                or self._judge.unpacker.pending
                or any(g.truncated for g in self._remembered.incarnations.live)
            )
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
        return identity_of(path) in self._remembered.known or self._paths.cover(path)

    def close(self) -> None:
        for partition in [*self._first, *self._opened]:
            partition.close()
        self._judge.unpacker.close()

    # -- the contract of ports.source.Remembering --------------------------------------------------------------------

    def memory(self) -> dict[str, Any]:
        with self._looking:
            return exported(self._remembered, self._judge)

    def recall(self, memory: Any, positions: Mapping[str, int]) -> None:
        """A restart is a long pause between two looks: what has happened since the last one is found by the next one."""
        stdin = [partition for partition in self._first if partition.name == "stdin"]
        for partition in self._first[: len(self._first) - len(stdin)]:
            partition.close()
        with self._looking:
            self._judge.unpacker.close()
            self._begin()
            found = self._find(starting=False) or []
            recalling = Recalling(self._opener, self._judge, self._remembered, self._losses, self._clock, self._retire)
            again = recalling.take_up(memory, positions, found, self._paths.patterns)
            self._opened += again
            self._first = [*again, *self._look()]
            if self._judge.suspected or self._judge.unpacker.pending:  # they may be gone once the job asks for changes
                self._first += self._look()
            self._first.sort(key=lambda partition: natural_key(partition.name))
            self._first += stdin

    # -- the contract of ports.source.Telling ------------------------------------------------------------------------

    def told(self) -> list[Notice]:
        return self._losses.take()

    def waiting(self) -> str:
        return str(self._waiting)

    # -- looking around ----------------------------------------------------------------------------------------------

    def _look(self, *, starting: bool = False, at_end: bool = False) -> list[Partition]:
        self._waiting.begin()
        self._judge.begin()
        self._losses.retired(self._remembered.incarnations.look())
        found = self._find(starting=starting)
        if found is None:
            self._give_up()
            return []
        nowhere = [path for path in self._paths.patterns if not os.path.exists(path)]
        self._remembered.note_turns(found, nowhere, self._clock(), starting=starting)
        new: list[LinePartition] = []
        # those that are known by their path first, so that a copy of what has just begun to be written finds it
        for file in sorted(found, key=lambda file: file.path not in self._remembered.at):
            self._try(file, new, starting=starting, at_end=at_end)
        watched = self._remembered.names.keys() | set(self._paths.patterns)
        beside = self._remembered.beside.find(watched, {file.path for file in found})
        if starting:
            self._leave(beside)
        else:
            self._look_beside(beside, {file.identity for file in found}, new)
        self._give_up()
        self._unread = {file.identity for file in found} - self._remembered.known.keys()
        self._remembered.forget(found)
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
            partition = self._judge.meet(file, starting=starting, at_end=at_end)
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

    # -- what rotations leave beside a file that is watched by its path or a glob -------------------------------------

    def _leave(self, found: Iterable[tuple[str, Found]]) -> None:
        """Leave what is there at the start unread; what was written last may be compressed next."""
        beside: dict[str, list[Found]] = {}
        for original, file in found:
            self._remembered.beside.note(file)
            if file.identity not in self._remembered.known:
                beside.setdefault(original, []).append(file)
        for files in beside.values():
            for file in heapq.nlargest(_LEFT, files, key=lambda file: file.modified):
                self._judge.leave(file)

    def _look_beside(self, found: Iterable[tuple[str, Found]], seen: set[Identity], new: list[LinePartition]) -> None:
        """Find renamed files, copies and missed incarnations among files that no path leads to."""
        now, beside = self._clock(), self._remembered.beside
        missed: list[Missed] = []
        for original, file in found:
            known = self._remembered.known.get(file.identity)
            if file.identity in seen or known == Settled((file.size, file.modified)):
                continue  # it has just been renamed, from where a path leads to it
            seen.add(file.identity)
            if isinstance(known, Growing) and known.truncated_at is None and not known.ended:
                self._remembered.incarnations.moved(known, file.path)
                continue
            if not beside.changed(file):
                continue
            since = beside.since(file, now)
            turned = self._remembered.turned.get(original, -math.inf) >= since - _TURNING
            turned = turned or file.identity in self._judge.unpacker.pending
            named = replace(file, name=self._paths.name(original))
            verdict = self._judge.judge_beside(named, turned=turned)
            if isinstance(verdict, Missed):
                self._remembered.names[original] = named.name
                missed.append(verdict)
            elif verdict == "known":
                beside.note(file)
            elif verdict == "left" and now - since >= _TURNING:
                self._judge.leave(file)
                beside.note(file)
        for each in sorted(missed, key=lambda each: (each.kind != "none", each.file.modified)):
            self._try_missed(each, new)
        self._judge.unpacker.vanished(seen)

    def _try_missed(self, missed: Missed, new: list[LinePartition]) -> None:
        file = missed.file
        try:
            partition = self._judge.missed(missed)
        except (OSError, InputError):
            partition = None
        if partition is not None:
            new.append(partition)
        elif missed.kind == "none":  # renamed or written over since we looked: at the next look
            self._judge.suspected[file.identity] = missed.first
        if partition is not None or self._remembered.known.get(file.identity) == Settled((file.size, file.modified)):
            self._remembered.beside.note(file)

    # -- what has ended ----------------------------------------------------------------------------------------------

    def _give_up(self) -> None:
        """End what was truncated and left no copy."""
        late = self._clock() - COPY_WAIT
        pending = {growing for growing in self._remembered.incarnations.pending if growing.truncated}
        for growing in pending & self._pended:
            if growing.truncated_at is not None and growing.truncated_at <= late:
                self._losses.lost(growing, growing.unread())
                if growing.names[0] in self._judge.copying and not growing.unread():
                    self._losses.copy_gone(growing.names[0])
                elif isinstance(growing, Resumed) and not growing.unread():
                    self._losses.gone(growing.names[0])
                growing.finish()
        self._pended = pending
