"""The window of a stream: what was read of it and not handed out yet."""

from __future__ import annotations

import time

from caudal.columnar.column import Bytes
from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.streams import Stream
from caudal.core.unpacking import BrokenStream
from caudal.ports.records import MAX_PAYLOAD, PADDING, Dead

HEAD = 64 * 1024
_LEAST_READ = 64 * 1024


class Window:
    """The bytes `raw[lo:hi]`; `cut` is where their last whole line ends, `position` the offset of `lo` in the stream.

    What is handed out are views of it, and the next read goes behind it or, when there is little room, to another buffer
    that takes the rest along. Of a line that is longer than it may be only the beginning is held, as `skipped`. `handed`: bytes
    before `lo` that are still there. `nuls`: how many were dropped at the head of the line that begins at `lo`.
    """

    def __init__(self, stream: Stream, buffers: Buffers, longest: int) -> None:
        self.longest = longest
        """Bytes of the longest line that is held."""
        self._stream = stream
        self._buffers = buffers
        self.raw: bytearray = bytearray()
        self.array: Bytes | None = None
        self.reset(0)

    def reset(self, position: int) -> None:
        """Hold nothing; the stream stands at this offset."""
        self.lo = self.hi = self.cut = 0
        self.position = position
        self.skipped: Dead | None = None
        self.skipped_bytes = 0
        self.nuls = 0
        self.ended = False
        self.broken: BrokenStream | None = None
        self.read_at = 0
        self.handed = 0

    def fill(self, size: int) -> bool:
        """Read until there are `size` bytes, or what there is; return False when there was nothing yet.

        There is no whole record in the window when this is called.
        """
        if self.skipped is None and self.hi - self.lo > self.longest and self.cut <= self.lo:
            self._drop_nuls()
        rest = self.hi - self.lo
        if self.skipped is not None or self.hi - max(self.cut, self.lo) > self.longest:
            self.skip(self.hi)
            rest = 0
        hint = self._stream.hint()
        wanted = max(size, _LEAST_READ, 2 * rest)
        if hint is not None:
            wanted = min(wanted, rest + hint + 1)  # one more, so that the end is seen in the same round
        self._make_room(wanted, rest)
        view = memoryview(self.raw)
        before, target = self.hi, self.lo + wanted
        while self.hi < target:
            try:
                count = self._stream.readinto(view[self.hi : target])
            except BrokenStream as broken:
                self.broken, count = broken, 0
            if not count:
                self.ended = count == 0
                break
            self.hi += count
        if self.hi > before:
            self.read_at = time.time_ns() // 1_000_000
            newline = self.raw.rfind(b"\n", before, self.hi)
            if newline >= 0:
                self.cut = newline + 1
        return self.hi > before or self.ended

    def _drop_nuls(self) -> None:
        """Drop what the window holds of NULs at the head of a line that is longer than it."""
        behind = self.behind_nuls(self.lo, self.hi)
        if behind > self.lo:
            self.nuls += behind - self.lo
            self.handed = 0
            self.lo = self.cut = behind

    def behind_nuls(self, start: int, stop: int) -> int:
        """Return where the line that begins at `start` begins behind its NULs."""
        return stop - len(self.raw[start:stop].lstrip(b"\0")) if self.raw[start] == 0 else start

    def let_go(self) -> None:
        """Give the buffer back: of many partitions, most have nothing in their windows most of the time."""
        self.raw, self.array = bytearray(), None
        self.lo = self.hi = self.cut = self.handed = 0

    def _make_room(self, wanted: int, rest: int) -> None:
        if self.lo + wanted <= len(self.raw) - PADDING:
            return
        self.handed = 0
        raw, array = self._buffers.take(wanted)
        raw[:rest] = memoryview(self.raw)[self.lo : self.hi]
        self.raw, self.array = raw, array
        self.lo, self.hi, self.cut = 0, rest, max(0, self.cut - self.lo)

    def skip(self, stop: int) -> None:
        """Drop the window up to `stop`, which lies within a line that is no record; keep the line's beginning."""
        if self.skipped is None:
            self.skipped = Dead(self.position, "", "")
            self.skipped_bytes = 0
        dead = self.skipped
        missing = MAX_PAYLOAD - len(dead.payload)
        dead.payload += bytes(self.raw[self.lo : min(stop, self.lo + missing)])
        self.skipped_bytes += stop - self.lo
        self.handed = 0
        self.lo = self.cut = stop

    def lines(self, limit: int) -> bytes:
        """Return whole lines that it begins with, at least one; none where the first is longer than `limit`."""
        first = self.raw.find(b"\n", self.lo, self.cut) + 1
        if first <= 0 or first - self.lo > limit + 1:  # longer, it is no record, nor a header
            return b""
        stop = max(first, self.raw.rfind(b"\n", self.lo, min(self.cut, self.lo + HEAD)) + 1)
        return bytes(self.raw[self.lo : stop])
