"""Whether a compressed file holds what was read already: decoded once, a piece at each look, and compared."""

from __future__ import annotations

from collections.abc import Iterable

from caudal.connectors.files.growing import Growing
from caudal.connectors.files.streams import Stream
from caudal.core.errors import CaudalError
from caudal.core.unpacking import BrokenStream

_PIECE = 256 * 1024
_STEP = 32 << 20
"""Bytes that are decoded in one look."""


class Unpacking:
    """A compressed file and the incarnations that it may have been made of by a rotation.

    `made_of`: once decided, the one whose content it holds, None if there is none. `begin`: where what was not read of
    that begins, -1 where all of it was read, or will be from the file itself.
    """

    def __init__(self, stream: Stream, kin: Iterable[Growing]) -> None:
        self.made_of: Growing | None = None
        self.begin = -1
        self._stream = stream
        self._kin = [growing for growing in kin if growing.trace.head]
        self.size = 0
        """Bytes that have been decoded."""
        self._piece = bytearray(_PIECE)

    def undecided(self) -> bool:
        """Decode and compare some more; return whether more is needed."""
        stop = self.size + _STEP
        while self._kin and self.size < stop:
            try:
                count = self._stream.readinto(memoryview(self._piece)) or 0
            except (BrokenStream, CaudalError):
                count = 0
            if not count:
                return self._decide()
            piece = bytes(self._piece[:count])
            self._kin = [growing for growing in self._kin if self._agrees(growing, piece)]
            self.size += count
        return bool(self._kin) or self._decide()

    def close(self) -> None:
        """Let the file go."""
        self._stream.close()

    def _agrees(self, growing: Growing, piece: bytes) -> bool:
        begin, end = self.size, self.size + len(piece)
        for start, known in growing.trace.probes():
            low, high = max(start, begin), min(start + len(known), end)
            if low < high and piece[low - begin : high - begin] != known[low - start : high - start]:
                return False
        return True

    def _decide(self) -> bool:
        self.close()
        self.made_of = max(self._kin, key=lambda growing: growing.offset, default=None)
        if self.made_of is not None and self.made_of.ended and self.size > self.made_of.offset:
            self.begin = self.made_of.trace.line
        return False
