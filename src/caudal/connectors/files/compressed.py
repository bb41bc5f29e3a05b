"""Compressed files: each is read once, unless it holds what was read already."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable

from caudal.connectors.files.growing import Growing
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.losses import Losses
from caudal.connectors.files.paths import Found, Identity
from caudal.connectors.files.remembering import Remembered
from caudal.connectors.files.source import Opener
from caudal.connectors.files.streams import Stream
from caudal.core.errors import RunError
from caudal.core.unpacking import BrokenStream

SETTLE = 10.0
"""Seconds for which a compressed file must not have changed before it is read."""

_PIECE = 256 * 1024
_STEP = 32 << 20
"""Bytes that are decoded in one look."""


class Unpacking:
    """A compressed file and the incarnations that it may have been made of by a rotation.

    `made_of`: once decided, the one whose content it holds, None if there is none. `begin`: where what is to be read of
    it begins, -1 where all of it was read, or will be from the file itself.
    """

    def __init__(self, stream: Stream, kin: Iterable[Growing]) -> None:
        self.made_of: Growing | None = None
        self.begin = -1
        self.stream = stream
        self._given: Iterable[Growing] | None = kin  # taken when it is first compared: until then more may be read
        self._kin: list[Growing] = []
        self.size = 0
        """Bytes that have been decoded."""
        self._piece = bytearray(_PIECE)

    def undecided(self) -> bool:
        """Decode and compare some more; return whether more is needed.

        Raises `BrokenStream` and `RunError` where the file is not there any more, or cannot be read.
        """
        if self._given is not None:
            self._kin, self._given = [growing for growing in self._given if growing.trace.head], None
        stop = self.size + _STEP
        while self._kin and self.size < stop:
            try:
                count = self.stream.readinto(memoryview(self._piece)) or 0
            except BrokenStream as broken:
                if broken.reason in ("removed", "replaced"):
                    raise
                count = 0
            if not count:
                return self._decide()
            piece = bytes(self._piece[:count])
            self._kin = [growing for growing in self._kin if self._agrees(growing, piece)]
            self.size += count
        return bool(self._kin) or self._decide()

    def close(self) -> None:
        """Let the file go."""
        self.stream.close()

    def _agrees(self, growing: Growing, piece: bytes) -> bool:
        begin, end = self.size, self.size + len(piece)
        for start, known in growing.trace.probes():
            low, high = max(start, begin), min(start + len(known), end)
            if low < high and piece[low - begin : high - begin] != known[low - start : high - start]:
                return False
        return True

    def _decide(self) -> bool:
        self.made_of = max(self._kin, key=lambda growing: growing.offset, default=None)
        if self.made_of is None:
            self.begin = 0
        elif _over(self.made_of) and self.size > self.made_of.offset:
            self.begin = self.made_of.trace.line
        return False


def _over(growing: Growing) -> bool:
    """Return whether nothing more comes of its file: it has ended, was truncated, or cannot be opened where it was."""
    if growing.ended or growing.truncated:
        return True
    return not growing.read_at(1, 0) and not growing.handle.waits


class Unpacker:
    """The compressed files that are found: compares each with what was read, once it has settled, and reads what is new."""

    def __init__(self, opener: Opener, remembered: Remembered, losses: Losses) -> None:
        self._opener = opener
        self._remembered = remembered
        self._losses = losses
        self.pending: dict[Identity, tuple[str, Unpacking]] = {}
        """Those of which it is not decided yet what they are, each with where it was found."""
        self._missing: set[Identity] = set()
        """Those of them that the last look did not find any more."""

    def meet(self, file: Found, kind: str, *, starting: bool = False) -> LinePartition | None:
        """Return the partition of a compressed file, None where nothing of it is to be read, or it cannot be said yet.

        It is compared with what was read, from the look behind the one that has found it: all that was compressed
        before has been looked at by then.
        """
        met = file.identity in self.pending
        settled = file.size and time.time() - file.modified / 1e9 >= SETTLE
        try:
            if not met:
                kin = self._remembered.incarnations.kin(file.path)
                self.pending[file.identity] = file.path, Unpacking(self._opener.held(file, kind), kin)
            checking = self.pending[file.identity][1]
            if not (met or starting) or not settled or checking.undecided():
                return None
        except (BrokenStream, RunError):  # it has been renamed or replaced since we looked: at the next look
            self._drop(file.identity)
            return None
        del self.pending[file.identity]
        if checking.made_of is not None:
            self._finish(checking.made_of, file, checking.size)
        partition = None
        if checking.begin < 0:
            checking.close()
        else:
            partition = self._opener.unpacked(file, kind, checking.stream, checking.begin)
            partition.name = self._remembered.name(file)
            self._remembered.packed[partition.name] = file, partition
        self._remembered.settle(file)
        return partition

    def vanished(self, there: Collection[Identity]) -> None:
        """Tell of compressed files that are gone, and held what was not read."""
        before, self._missing = self._missing, self.pending.keys() - there
        for identity in before & self._missing:  # one that is just being renamed is at no path for a moment
            path, checking = self.pending[identity]
            try:
                undecided, unread = checking.undecided(), checking.begin >= 0
            except (BrokenStream, RunError):  # it was not held
                undecided, unread = False, True
            if not undecided:
                self._drop(identity)
                if unread:
                    self._losses.copy_gone(path)

    def close(self) -> None:
        """Let go of all that is pending."""
        for identity in list(self.pending):
            self._drop(identity)

    def _drop(self, identity: Identity) -> None:
        if identity in self.pending:
            self.pending.pop(identity)[1].close()

    def _finish(self, original: Growing, file: Found, size: int) -> None:
        """A compressed file holds what was read of an incarnation: if nothing more comes of its own file, that ends."""
        if _over(original) and not original.ended:
            self._losses.lost(original, original.unread(copied=size))
            original.finish()
        self._remembered.incarnations.found_copy(original, file.identity)
