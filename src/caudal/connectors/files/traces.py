"""What was read of a file, kept small: enough to tell later whether other bytes are the same ones."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from typing import Any

HEAD = 1024
"""How many of a file's first bytes are remembered."""
TAIL = 4096
"""How many of the bytes just before the reading position are remembered."""
_MARK = 64
_MARKS = 64
_KEPT = 256
"""How many of the first and of the last bytes go along into another process, where there are more than `HEAD`."""

Read = Callable[[int, int], bytes]
"""From a number of bytes and an offset to what stands there: less at the end."""


class Trace:
    """Samples of the bytes [0, end): the first, the last, and some where reads ended, so nobody can foresee which.

    `head` may reach beyond `end`: it is what has been seen. `line`: where the last whole line ends.
    """

    __slots__ = ("_marks", "end", "head", "line", "tail")

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        self.end = 0
        self.line = 0
        self._marks: list[tuple[int, bytes]] = []

    def take(self, data: memoryview) -> None:
        """Go on by the bytes that were read at `end`."""
        last = bytes(data[-TAIL:])
        behind = last.rfind(b"\n") + 1 + len(data) - len(last) if b"\n" in last else bytes(data).rfind(b"\n") + 1
        if behind:
            self.line = self.end + behind
        self.end += len(data)
        self.tail = last if len(last) == TAIL else (self.tail + last)[-TAIL:]
        self._marks.append((self.end, self.tail[-_MARK:]))
        if len(self._marks) > _MARKS:
            del self._marks[::2]

    def begin(self, read: Read, end: int, line: int) -> None:
        """Begin at `end`, taking what stands before it as read."""
        self.end, self.line, self._marks = end, line, []
        self.tail = read(min(TAIL, end), max(0, end - TAIL))

    def shrink(self) -> None:
        """Keep less, once nothing is read any more."""
        self.tail = self.tail[-HEAD:]
        self._marks = self._marks[:: max(1, len(self._marks) // 16)]

    def export(self) -> dict[str, Any]:
        """Return the most of it in little room, as plain values."""
        tail = self.tail if self.end <= HEAD else self.tail[-_KEPT:]
        marks = self._marks[:: max(1, len(self._marks) // 4)]
        return {
            "head": b64encode(self.head[:_KEPT]).decode(),
            "tail": b64encode(tail).decode(),
            "end": self.end,
            "line": self.line,
            "marks": [[stop, b64encode(mark).decode()] for stop, mark in marks],
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> Trace:
        """Return what was exported."""
        trace = cls()
        trace.head, trace.tail = b64decode(values["head"]), b64decode(values["tail"])
        trace.end, trace.line = values["end"], values["line"]
        trace._marks = [(stop, b64decode(mark)) for stop, mark in values["marks"]]
        return trace

    def back_to(self, position: int) -> None:
        """Forget what was read behind a position."""
        before = position - (self.end - len(self.tail))
        self.tail = self.tail[: max(0, before)]
        self._marks = [(stop, mark) for stop, mark in self._marks if stop <= position]
        self.end = self.line = position

    def probes(self) -> Iterator[tuple[int, bytes]]:
        """Yield what is remembered, each with its offset."""
        yield 0, self.head
        for stop, mark in self._marks:
            yield stop - len(mark), mark
        yield self.end - len(self.tail), self.tail

    def agrees(self, read: Read, size: int) -> bool:
        """Return whether other content of this size is the same, as far as both reach and is remembered."""
        for start, known in self.probes():
            count = min(len(known), size - start)
            if count > 0 and read(count, start) != known[:count]:
                return False
        return True

    def goes_on_in(self, read: Read, size: int) -> bool:
        """Return whether content of this size begins with all that was read."""
        return size >= self.end and self.agrees(read, size)

    # -- is what was read still there? -----------------------------------------------------------------------------

    def same_head(self, read: Read, size: int) -> bool:
        """Return whether the file, once of this size, begins as it did; remember more of its beginning where there is more."""
        head = read(min(HEAD, max(size, len(self.head))), 0)
        if head[: len(self.head)] != self.head or len(head) < min(HEAD, size):
            return False
        self.head = head
        return True

    def as_read(self, read: Read, size: int) -> bool:
        """Return whether the file, once of this size, begins as it did, and has what was read before the position."""
        return self.same_head(read, size) and read(len(self.tail), self.end - len(self.tail)) == self.tail

    def begins_as_read(self, read: Read, data: memoryview) -> bool:
        """Return whether the file begins as it did, and with these bytes, which were read just before, behind that.

        So its head is never one thing and what was read another, should it be truncated between the two calls.
        """
        if self.end < HEAD:
            begun = self.tail + bytes(data[: HEAD - self.end])
            if not begun.startswith(self.head[: len(begun)]):
                return False
            self.head = max(self.head, begun, key=len)
        return self.same_head(read, self.end + len(data))
