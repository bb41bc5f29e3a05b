"""A partition of newline-ended records: cuts a byte stream into blocks of whole lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.streams import Stream
from caudal.core.unpacking import BrokenStream
from caudal.observe.notices import Notice
from caudal.ports.framing import Framer
from caudal.ports.records import MAX_PAYLOAD, PADDING, Block, Dead
from caudal.ports.source import End, Nothing

HEAD = 64 * 1024
_FRAMED = 1024 * 1024
_SETTLED = "{count} times lines were read as they stood: a quote that was open had waited for its end for `idle`"
_LEAST_READ = 64 * 1024
_NOTHING = Nothing()


class LinePartition:
    """One stream's lines, in order.

    The window `raw[lo:hi]` holds what was read and not handed out; `cut` is where its last whole line ends. Blocks
    are views of it, and the next read goes behind it or, when there is little room, to another buffer that takes the
    rest along. A line longer than `max_record` ends the block before it, is passed over without being held, and
    becomes one dead letter. NULs that a line begins with, as a log has that was truncated under its writer, are no part of
    it: where there are more than `max_record` of them they are dropped, and its block holds that line alone.

    With a framer blocks end where records end that go over several lines: lo may then stand before `cut`, while a
    record waits for its rest. At the end of the stream, or once `settle` is called, it is decided with what is there.

    `reopened` gives another stream of the same bytes from the beginning, for `head`; None where there is none
    (pipes): then the beginning is looked at before it is handed out, and remembered. `notices` go with the first block.
    """

    def __init__(
        self,
        name: str,
        stream: Stream,
        buffers: Buffers,
        *,
        max_record: int,
        where: str,
        live: bool = False,
        reopened: Callable[[], Stream] | None = None,
        notices: Sequence[Notice] = (),
    ) -> None:
        self.name = name
        self.live = live
        self.where = where
        self.start = 0
        """Where reading begins."""
        self._stream = stream
        self._buffers = buffers
        self._max_record = max_record
        self._reopened = reopened
        self._notices = list(notices)
        self._head: bytes | None = None
        self._framer: Framer | None = None
        self._raw, self._array = bytearray(), None
        self._reset(0)

    def _reset(self, position: int) -> None:
        self._lo = self._hi = self._cut = 0
        self._position = position
        self._skipped: Dead | None = None
        self._skipped_bytes = 0
        self._nuls = 0
        self._ended = False
        self._broken: BrokenStream | None = None
        self._failed = ""
        self._read_at = 0
        self._undecided = -1
        self._settled = False
        self._handed = 0

    # -- the contract of ports.source.Partition ------------------------------------------------------------------

    def head(self) -> bytes:
        if self._reopened is None:
            if self._head is None and self._position == 0:
                self._head = self._peek(final=True)
            return self._head or b""
        probe = LinePartition(self.name, self._reopened(), self._buffers, max_record=self._max_record, where=self.where)
        try:
            return probe._peek(final=not self.live) or b""
        finally:
            probe.close()

    def seek(self, position: int) -> None:
        ahead = position - self._position
        if -self._handed <= ahead <= self._hi - self._lo and not (self._nuls or self._skipped or self._failed):
            self._lo += ahead
            self._handed = 0
            self._undecided = -1
            self._cut = max(self._cut, self._lo)
            self._position = position
            return
        self._stream.seek(position)
        self._reset(position)

    def read(self, size: int) -> Block | Nothing | End:
        got = self._next(size)
        if self._notices and isinstance(got, Block):
            got.notices += self._notices
            self._notices = []
        return got

    def _next(self, size: int) -> Block | Nothing | End:
        while True:
            if self._cut > self._lo and (block := self._block(max(1, size))) is not None:
                return block
            if self._ended:
                return self._last()
            more = self._fill(max(1, size))
            if self._skipped is not None and self._cut > self._lo:
                return self._pass_over()
            if not more:
                if self._lo == self._hi and self._skipped is None:
                    self._let_go()
                return _NOTHING

    def frame(self, framer: Framer) -> None:
        self._framer = framer

    def settle(self) -> bool:
        self._settled = self._undecided >= 0 and self._cut > self._lo
        return self._settled

    @property
    def exhausted(self) -> bool:
        """Whether the next `read` returns the end, without looking further."""
        told = self._broken is None or bool(self._failed)
        return self._ended and told and self._lo == self._hi and self._skipped is None

    def close(self) -> None:
        self._stream.close()
        self._raw, self._array = bytearray(), None
        self._lo = self._hi = self._cut = 0
        self._ended = True

    # -- the window --------------------------------------------------------------------------------------------

    def _fill(self, size: int) -> bool:
        """Read until there are `size` bytes, or what there is; return False when there was nothing yet.

        There is no whole record in the window when this is called.
        """
        if self._skipped is None and self._hi - self._lo > self._longest and self._cut <= self._lo:
            self._drop_nuls()
        rest = self._hi - self._lo
        if self._skipped is not None or self._hi - max(self._cut, self._lo) > self._longest:
            self._skip(self._hi)
            rest = 0
        hint = self._stream.hint()
        wanted = max(size, _LEAST_READ, 2 * rest)
        if hint is not None:
            wanted = min(wanted, rest + hint + 1)  # one more, so that the end is seen in the same round
        self._make_room(wanted, rest)
        view = memoryview(self._raw)
        before, target = self._hi, self._lo + wanted
        while self._hi < target:
            try:
                count = self._stream.readinto(view[self._hi : target])
            except BrokenStream as broken:
                self._broken, count = broken, 0
            if not count:
                self._ended = count == 0
                break
            self._hi += count
        if self._hi > before:
            self._read_at = time.time_ns() // 1_000_000
            newline = self._raw.rfind(b"\n", before, self._hi)
            if newline >= 0:
                self._cut = newline + 1
        return self._hi > before or self._ended

    def _drop_nuls(self) -> None:
        """Drop what the window holds of NULs at the head of a line that is longer than it."""
        behind = self._behind_nuls(self._lo, self._hi)
        if behind > self._lo:
            self._nuls += behind - self._lo
            self._handed = 0
            self._lo = self._cut = behind

    def _behind_nuls(self, start: int, stop: int) -> int:
        return stop - len(self._raw[start:stop].lstrip(b"\0")) if self._raw[start] == 0 else start

    def _let_go(self) -> None:
        """Give the buffer back: of many partitions, most have nothing in their windows most of the time."""
        self._raw, self._array = bytearray(), None
        self._lo = self._hi = self._cut = self._handed = 0

    def _make_room(self, wanted: int, rest: int) -> None:
        if self._lo + wanted <= len(self._raw) - PADDING:
            return
        self._handed = 0
        raw, array = self._buffers.take(wanted)
        raw[:rest] = memoryview(self._raw)[self._lo : self._hi]
        self._raw, self._array = raw, array
        self._lo, self._hi, self._cut = 0, rest, max(0, self._cut - self._lo)

    def _block(self, size: int) -> Block | None:
        """Hand out whole records of the window, about `size` bytes of them; None where there is none yet."""
        stop = self._cut
        size = 1 if self._nuls else size  # its bytes stand closer together than in the stream
        if stop - self._lo > size:
            newline = self._raw.rfind(b"\n", self._lo, self._lo + size)
            stop = (newline if newline >= 0 else self._raw.find(b"\n", self._lo + size, self._cut)) + 1
        if self._framer is not None and self._raw.find(self._framer.mark, self._lo, stop) >= 0:
            return self._framed(self._framer, stop - self._lo)
        return self._checked(stop)

    def _framed(self, framer: Framer, size: int) -> Block | None:
        final = self._ended or self._settled
        if not final and self._undecided == self._hi:
            return None
        assert self._array is not None
        whole = self._settled or self._broken is not None  # the rest of the last line is none of a record's
        stop = self._cut if whole else self._hi
        end, behind = framer.cut(self._array, self._lo, stop, size, self._max_record, final=final)
        if end > self._lo:
            block = self._checked(end)
        elif behind > end:
            content = behind - (self._raw[behind - 1] == 10)
            payload = bytes(self._raw[end : min(content, end + MAX_PAYLOAD)])
            dead = self._too_long(self._position, content - end, payload)
            block = self._taken(end, behind, [dead])
        else:
            self._undecided = self._hi
            return None
        if self._settled:
            block.notices.append(Notice("settled", "", _SETTLED))
            self._settled = self._cut > self._lo
        self._undecided = -1
        self._cut = max(self._cut, self._lo)
        return block

    def _checked(self, stop: int) -> Block:
        """Hand out [lo, stop), but end before a line beyond `max_record`, which becomes the block's dead letter."""
        line, limit = self._lo, self._max_record + 1
        while stop - line > limit:
            newline = self._raw.rfind(b"\n", line, line + limit)
            if newline < 0:
                end = self._raw.find(b"\n", line + limit, stop)
                content = end if end >= 0 else stop
                begin = self._behind_nuls(line, content)
                if content - begin <= self._max_record:
                    line = content + 1
                    continue
                position = self._position + line - self._lo
                payload = bytes(self._raw[begin : min(content, begin + MAX_PAYLOAD)])
                dead = self._too_long(position, content - begin, payload)
                return self._taken(line, end + 1 if end >= 0 else stop, [dead])
            line = newline + 1
        if stop - line == limit and self._raw[stop - 1] != 10 and self._raw[line]:  # the last line, without a newline
            payload = bytes(self._raw[line : min(stop, line + MAX_PAYLOAD)])
            dead = self._too_long(self._position + line - self._lo, stop - line, payload)
            return self._taken(line, stop, [dead])
        return self._taken(stop, stop, [])

    def _taken(self, stop: int, behind: int, dead: list[Dead]) -> Block:
        assert self._array is not None
        start, position = self._lo, self._position
        self._handed = 0 if self._nuls else behind - start
        self._position += self._nuls + behind - start
        self._nuls = 0
        self._lo = behind
        return Block(self._array, start, stop, position, self._position, self._read_at, dead)

    def _last(self) -> Block | End:
        """After the end: the dead letter of a stream that broke, or a line without a newline; then the end."""
        if self._broken is not None:
            return self._break(self._broken)
        if self._hi > self._lo and self._skipped is None:
            self._cut = self._hi
            return self._checked(self._hi)
        if self._skipped is not None:
            return self._pass_over()
        return End(self._failed)

    @property
    def _longest(self) -> int:
        """Bytes of the longest line that is held: a record over several lines must be seen to be too long."""
        return self._max_record if self._framer is None else max(self._max_record, _FRAMED)

    # -- records that are none -----------------------------------------------------------------------------------

    def _too_long(self, position: int, length: int, payload: bytes) -> Dead:
        message = f"a record of {length} bytes is longer than max_record ({self._max_record})"
        return Dead(position, "too_long", message, payload=payload[:MAX_PAYLOAD], truncated=length > MAX_PAYLOAD)

    def _skip(self, stop: int) -> None:
        """Drop the window up to `stop`, which lies within a line that is no record; keep the line's beginning."""
        if self._skipped is None:
            self._skipped = Dead(self._position, "", "")
            self._skipped_bytes = 0
        dead = self._skipped
        missing = MAX_PAYLOAD - len(dead.payload)
        dead.payload += bytes(self._raw[self._lo : min(stop, self._lo + missing)])
        self._skipped_bytes += stop - self._lo
        self._handed = 0
        self._lo = self._cut = stop

    def _pass_over(self) -> Block:
        """The line that is dropped has ended, by a newline in the window or with the stream."""
        cut = self._cut
        end = self._raw.find(b"\n", self._lo, cut)
        self._skip(end if end >= 0 else self._hi)
        skipped, length = self._skipped, self._skipped_bytes
        assert skipped is not None
        assert self._array is not None
        begin = self._position
        self._position += self._nuls + length
        self._nuls = 0
        if end >= 0:
            self._position += 1
            self._lo, self._cut = end + 1, cut
        self._skipped = None
        dead = self._too_long(skipped.position, length, skipped.payload)
        return Block(self._array, 0, 0, begin, self._position, self._read_at, [dead])

    def _break(self, broken: BrokenStream) -> Block:
        """The stream broke: one dead letter, with what there is of the line that it broke in."""
        self._skip(self._hi)
        dead = self._skipped
        assert dead is not None
        assert self._array is not None
        dead.reason, dead.message, dead.detail = broken.reason, broken.message, self.where
        dead.truncated = self._skipped_bytes > MAX_PAYLOAD
        if broken.fails:
            self._failed = f"{self.where}: {broken.message}, after {self._position} bytes of whole lines"
        self._broken = None
        self._skipped = None
        return Block(self._array, 0, 0, self._position, self._position, self._read_at, [dead])

    # -- the beginning -------------------------------------------------------------------------------------------

    def _peek(self, *, final: bool) -> bytes | None:
        """Read ahead, without handing out, and return the beginning; None while there is no whole line yet.

        `final`: at the end of the stream a line without a newline counts.
        """
        while self._cut == self._lo and not self._ended and self._hi - self._lo <= self._max_record:
            if not self._fill(HEAD):
                return None
        if self._ended and self._broken is None and final and self._hi - self._lo <= min(HEAD, self._max_record):
            return bytes(self._raw[self._lo : self._hi])
        return self._lines()

    def _lines(self) -> bytes:
        first = self._raw.find(b"\n", self._lo, self._cut) + 1
        if first <= 0 or first - self._lo > self._max_record + 1:  # longer, it is no record, nor a header
            return b""
        stop = max(first, self._raw.rfind(b"\n", self._lo, min(self._cut, self._lo + HEAD)) + 1)
        return bytes(self._raw[self._lo : stop])
