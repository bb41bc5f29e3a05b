"""A partition of newline-ended records: cuts a byte stream into blocks of whole lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.streams import Stream
from caudal.connectors.files.window import HEAD, Window
from caudal.core.unpacking import BrokenStream
from caudal.observe.notices import Notice
from caudal.ports.framing import Framer
from caudal.ports.records import MAX_PAYLOAD, Block, Dead
from caudal.ports.source import End, Nothing

_FRAMED = 1024 * 1024
_SETTLED = "{count} times lines were read as they stood: a quote that was open had waited for its end for `idle`"
_NOTHING = Nothing()


class LinePartition:
    """One stream's lines, in order; see `window` for what is held of them.

    A line longer than `max_record` ends the block before it, is passed over without being held, and
    becomes one dead letter. NULs that a line begins with, as a log has that was truncated under its writer, are no part of
    it: where there are more than `max_record` of them they are dropped, and its block holds that line alone.

    With a framer blocks end where records end that go over several lines: the window may then begin before its whole lines end, while a
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
        self._stream = stream
        self._buffers = buffers
        self._max_record = max_record
        self._reopened = reopened
        self.repeatable = reopened is not None  # a pipe is read once
        self._notices = list(notices)
        self._head: bytes | None = None
        self._framer: Framer | None = None
        self._window = Window(stream, buffers, max_record)
        self._reset(0)

    def _reset(self, position: int) -> None:
        self._window.reset(position)
        self._failed = ""
        self._undecided = -1
        self._settled = False

    # -- the contract of ports.source.Partition ------------------------------------------------------------------

    def head(self) -> bytes:
        if self._reopened is None:
            if self._head is None and self._window.position == 0:
                self._head = self._peek(final=True)
            return self._head or b""
        probe = LinePartition(self.name, self._reopened(), self._buffers, max_record=self._max_record, where=self.where)
        try:
            return probe._peek(final=not self.live) or b""
        finally:
            probe.close()

    def seek(self, position: int) -> None:
        window = self._window
        ahead = position - window.position
        if -window.handed <= ahead <= window.hi - window.lo and not (window.nuls or window.skipped or self._failed):
            window.lo += ahead
            window.handed = 0
            self._undecided = -1
            window.cut = max(window.cut, window.lo)
            window.position = position
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
        window = self._window
        while True:
            if window.cut > window.lo and (block := self._block(max(1, size))) is not None:
                return block
            if window.ended:
                return self._last()
            more = window.fill(max(1, size))
            if window.skipped is not None and window.cut > window.lo:
                return self._pass_over()
            if not more:
                if window.lo == window.hi and window.skipped is None:
                    window.let_go()
                return _NOTHING

    def frame(self, framer: Framer) -> None:
        self._framer = framer
        self._window.longest = max(self._max_record, _FRAMED)  # a record over several lines must be seen to be too long

    def settle(self) -> bool:
        self._settled = self._undecided >= 0 and self._window.cut > self._window.lo
        return self._settled

    @property
    def exhausted(self) -> bool:
        """Whether the next `read` returns the end, without looking further."""
        window = self._window
        told = window.broken is None or bool(self._failed)
        return window.ended and told and window.lo == window.hi and window.skipped is None

    def close(self) -> None:
        self._stream.close()
        self._window.let_go()
        self._window.ended = True

    def _block(self, size: int) -> Block | None:
        """Hand out whole records of the window, about `size` bytes of them; None where there is none yet."""
        window = self._window
        stop = window.cut
        size = 1 if window.nuls else size  # its bytes stand closer together than in the stream
        if stop - window.lo > size:
            newline = window.raw.rfind(b"\n", window.lo, window.lo + size)
            stop = (newline if newline >= 0 else window.raw.find(b"\n", window.lo + size, window.cut)) + 1
        if self._framer is not None and window.raw.find(self._framer.mark, window.lo, stop) >= 0:
            return self._framed(self._framer, stop - window.lo)
        return self._checked(stop)

    def _framed(self, framer: Framer, size: int) -> Block | None:
        window = self._window
        final = window.ended or self._settled
        if not final and self._undecided == window.hi:
            return None
        assert window.array is not None
        whole = self._settled or window.broken is not None  # the rest of the last line is none of a record's
        stop = window.cut if whole else window.hi
        end, behind = framer.cut(window.array, window.lo, stop, size, self._max_record, final=final)
        if end > window.lo:
            block = self._checked(end)
        elif behind > end:
            content = behind - (window.raw[behind - 1] == 10)
            payload = bytes(window.raw[end : min(content, end + MAX_PAYLOAD)])
            dead = _too_long(self._max_record, window.position, content - end, payload)
            block = self._taken(end, behind, [dead])
        else:
            self._undecided = window.hi
            return None
        if self._settled:
            block.notices.append(Notice("settled", "", _SETTLED))
            self._settled = window.cut > window.lo
        self._undecided = -1
        window.cut = max(window.cut, window.lo)
        return block

    def _checked(self, stop: int) -> Block:
        """Hand out [lo, stop), but end before a line beyond `max_record`, which becomes the block's dead letter."""
        window = self._window
        line, limit = window.lo, self._max_record + 1
        while stop - line > limit:
            newline = window.raw.rfind(b"\n", line, line + limit)
            if newline < 0:
                end = window.raw.find(b"\n", line + limit, stop)
                content = end if end >= 0 else stop
                begin = window.behind_nuls(line, content)
                if content - begin <= self._max_record:
                    line = content + 1
                    continue
                position = window.position + line - window.lo
                payload = bytes(window.raw[begin : min(content, begin + MAX_PAYLOAD)])
                dead = _too_long(self._max_record, position, content - begin, payload)
                return self._taken(line, end + 1 if end >= 0 else stop, [dead])
            line = newline + 1
        if stop - line == limit and window.raw[stop - 1] != 10 and window.raw[line]:  # the last line, without a newline
            payload = bytes(window.raw[line : min(stop, line + MAX_PAYLOAD)])
            dead = _too_long(self._max_record, window.position + line - window.lo, stop - line, payload)
            return self._taken(line, stop, [dead])
        return self._taken(stop, stop, [])

    def _taken(self, stop: int, behind: int, dead: list[Dead]) -> Block:
        window = self._window
        assert window.array is not None
        start, position = window.lo, window.position
        window.handed = 0 if window.nuls else behind - start
        window.position += window.nuls + behind - start
        window.nuls = 0
        window.lo = behind
        return Block(window.array, start, stop, position, window.position, window.read_at, dead)

    def _last(self) -> Block | End:
        """After the end: the dead letter of a stream that broke, or a line without a newline; then the end."""
        window = self._window
        if window.broken is not None:
            return self._break(window.broken)
        if window.hi > window.lo and window.skipped is None:
            window.cut = window.hi
            return self._checked(window.hi)
        if window.skipped is not None:
            return self._pass_over()
        return End(self._failed)

    # -- records that are none -----------------------------------------------------------------------------------

    def _pass_over(self) -> Block:
        """The line that is dropped has ended, by a newline in the window or with the stream."""
        window = self._window
        cut = window.cut
        end = window.raw.find(b"\n", window.lo, cut)
        window.skip(end if end >= 0 else window.hi)
        skipped, length = window.skipped, window.skipped_bytes
        assert skipped is not None
        assert window.array is not None
        begin = window.position
        window.position += window.nuls + length
        window.nuls = 0
        if end >= 0:
            window.position += 1
            window.lo, window.cut = end + 1, cut
        window.skipped = None
        dead = _too_long(self._max_record, skipped.position, length, skipped.payload)
        return Block(window.array, 0, 0, begin, window.position, window.read_at, [dead])

    def _break(self, broken: BrokenStream) -> Block:
        """The stream broke: one dead letter, with what there is of the line that it broke in."""
        window = self._window
        window.skip(window.hi)
        dead = window.skipped
        assert dead is not None
        assert window.array is not None
        dead.reason, dead.message, dead.detail = broken.reason, broken.message, self.where
        dead.truncated = window.skipped_bytes > MAX_PAYLOAD
        if broken.fails:
            self._failed = f"{self.where}: {broken.message}, after {window.position} bytes of whole lines"
        window.broken = None
        window.skipped = None
        return Block(window.array, 0, 0, window.position, window.position, window.read_at, [dead])

    # -- the beginning -------------------------------------------------------------------------------------------

    def _peek(self, *, final: bool) -> bytes | None:
        """Read ahead, without handing out, and return the beginning; None while there is no whole line yet.

        `final`: at the end of the stream a line without a newline counts.
        """
        window = self._window
        while window.cut == window.lo and not window.ended and window.hi - window.lo <= self._max_record:
            if not window.fill(HEAD):
                return None
        if window.ended and window.broken is None and final and window.hi - window.lo <= min(HEAD, self._max_record):
            return bytes(window.raw[window.lo : window.hi])
        return window.lines(self._max_record)


def _too_long(limit: int, position: int, length: int, payload: bytes) -> Dead:
    message = f"a record of {length} bytes is longer than max_record ({limit})"
    return Dead(position, "too_long", message, payload=payload[:MAX_PAYLOAD], truncated=length > MAX_PAYLOAD)
