"""The bytes of a file as lines: unpacked, in UTF-8, cut at newlines, those of a record together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, cast

from caudal.core.scalars import Unreadable
from caudal.core.unpacking import (
    FIRST_BYTES,
    BrokenStream,
    compression_found,
    encoding_of,
    foreign,
    transcoded_pieces,
    unpacked_pieces,
)

MOST_PAYLOAD = 4096
"""Bytes that a dead letter keeps of a record."""

_HEAD_BYTES = 64 * 1024
_READ_BYTES = 128 * 1024
_FRAMED_LINE = 1024 * 1024


class LineStream:
    """Cuts pieces of a file into lines; what is longer than `most` bytes, and where the stream breaks, is a dead letter."""

    def __init__(self, pieces: Iterator[bytes], most: int, where: str) -> None:
        self._pieces = pieces
        self._limit = self._most = most
        self._where = where
        self._broken: BrokenStream | None = None
        self._ended = False
        self._ahead = b""
        self._position = 0
        self._rest = b""
        self._nuls = 0
        self._length = 0
        self.failed = ""

    def head(self) -> bytes:
        """Return the beginning: whole lines, up to 64 KiB, and the last one without a newline if that is all there is."""
        wanted = _HEAD_BYTES
        while len(self._ahead) < wanted and not self._ended:
            self._ahead += self._next()
        # With all of a short file at hand its last line counts; of a longer one only whole lines do.
        if self._ended and self._broken is None and len(self._ahead) <= min(_HEAD_BYTES, self._most):
            return self._ahead
        while b"\n" not in self._ahead and not self._ended and len(self._ahead) <= self._most:
            self._ahead += self._next()
        first = self._ahead.find(b"\n") + 1
        if not 0 < first <= self._most + 1:  # the first line decides: longer, it is no record, nor a header
            return b""
        return self._ahead[: max(first, self._ahead.rfind(b"\n", 0, _HEAD_BYTES) + 1)]

    def blocks(self, skip: int) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield (position, lines, dead letters behind them) from byte `skip` on, which lies in the head."""
        self._position = skip
        yield from self._feed(self._ahead[skip:])
        self._ahead = b""
        while not self._ended:
            yield from self._feed(self._next())
        if self._broken is not None:
            self.failed = f"{self._where}: {self._broken.message}, after {self._position} bytes of whole lines"
            broken = self._broken
            cut = self._length > MOST_PAYLOAD
            payload = self._rest[:MOST_PAYLOAD]
            yield self._position, [], [(self._position, broken.reason, broken.message, self._where, payload, cut)]
        elif self._length:
            yield from self._runs([self._rest], self._length)

    def records(self, skip: int, frames: Any) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield as `blocks` does, with the lines of a record joined as `frames.cut(lines, final=)` says."""
        self._most = max(self._limit, _FRAMED_LINE)  # a record over several lines must be seen to be too long
        held: list[bytes] = []
        start = skip
        for position, lines, dead in self.blocks(skip):
            start = start if held else position
            found, used = frames.cut([*held, *lines] if held else lines, final=bool(dead))
            held = [*held, *lines][used:]
            yield from self._fitting(start, found, self._limit, dead)
            start += sum(map(len, found)) + len(found)
        if held:
            yield from self._fitting(start, frames.cut(held, final=True)[0], self._limit, [])

    def _next(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self._ended = True
        except BrokenStream as broken:
            self._broken = broken
            self._ended = True
        return b""

    def _feed(self, piece: bytes) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        cut = piece.rfind(b"\n")
        if cut < 0:
            self._length += len(piece)
            if self._length <= self._most or len(self._rest) < MOST_PAYLOAD:
                self._rest += piece
            self._drop()
            return
        first = piece.find(b"\n")
        length = self._length + first
        lines = [self._rest + piece[:first]]
        if self._nuls:  # the line stands further on than its bytes
            yield from self._runs(lines, length)
            self._position += self._nuls
            self._nuls, self._rest, self._length = 0, b"", 0
            yield from self._feed(piece[first + 1 :])
            return
        if cut > first:
            lines += piece[first + 1 : cut].split(b"\n")
        self._rest = piece[cut + 1 :]
        self._length = len(self._rest)
        yield from self._runs(lines, length)
        self._drop()

    def _drop(self) -> None:
        """Drop what is not held of a line that is longer than it may be: NULs at its head, which are no part of it, and its rest."""
        if self._length > self._most:
            held = self._rest.lstrip(b"\0")
            nuls = len(self._rest) - len(held)
            self._nuls += nuls
            self._length -= nuls
            self._rest = held if self._length <= self._most else held[:MOST_PAYLOAD]

    def _runs(self, lines: list[bytes], length: int) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield whole lines, of which the first is `length` bytes long (and may not be held whole)."""
        position = self._position
        self._position += length + sum(map(len, lines)) - len(lines[0]) + len(lines)
        if length <= self._most and max(map(len, lines)) <= self._most:
            yield position, lines, []
            return
        yield from self._fitting(position, lines, self._most, [], length)

    def _fitting(
        self, position: int, lines: list[bytes], most: int, dead: list[Any], length: int = -1
    ) -> Iterator[tuple[int, list[bytes], list[Any]]]:
        """Yield lines, those longer than `most` as dead letters, before `dead`; the first is `length` bytes if it is not whole."""
        run: list[bytes] = []
        start = at = position
        for i, line in enumerate(lines):
            size = length if i == 0 and length >= 0 else len(line)
            held = line.lstrip(b"\0") if size > most else line
            record = size - (len(line) - len(held))  # without the NULs at its head
            if record <= most:
                run.append(line)
            else:
                message = f"a record of {record} bytes is longer than max_record ({self._limit})"
                yield start, run, [(at, "too_long", message, "", held[:MOST_PAYLOAD], record > MOST_PAYLOAD)]
                run, start = [], at + size + 1
            at += size + 1
        if run or dead:
            yield start, run, dead


def decoded_pieces(file: BinaryIO, path: str, source: dict[str, Any]) -> Iterator[bytes]:
    """Yield the decoded bytes of a file in pieces, text in UTF-8. Raises `BrokenStream` behind what can be decoded."""
    size = os.fstat(file.fileno()).st_size
    first = file.read(FIRST_BYTES)
    file.seek(0)
    kind = source["compression"]
    if kind == "auto":
        what, hint = foreign(first, path)
        if what:
            raise Unreadable(f"cannot read {path}: it is {what} ({hint})")
        kind = compression_found(first, path)
    pieces = (
        _plain_pieces(file, size)
        if kind == "none"
        else _within(unpacked_pieces(file.read, kind), source["max_decoded"])
    )
    first = next(pieces, b"") if kind != "none" else first
    if kind != "none":
        while len(first) < 2 and (more := next(pieces, b"")):
            first += more
        pieces = chain([first], pieces)
    encoding = encoding_of(first)
    if encoding == "utf-8":
        yield from pieces
    else:
        yield from cast("Iterator[bytes]", transcoded_pieces(lambda _: next(pieces, b""), encoding))


def _plain_pieces(file: BinaryIO, size: int) -> Iterator[bytes]:
    at = 0
    while piece := file.read(_READ_BYTES):
        at += len(piece)
        yield piece
    if at < size:
        missing = f"{size - at} of {size} bytes are missing"
        raise BrokenStream("cut_short", f"the file was cut short while it was read: {missing}")


def _within(pieces: Iterator[bytes | None], limit: int) -> Iterator[bytes]:
    at = 0
    for piece in cast("Iterator[bytes]", pieces):
        yield piece[: limit - at]
        at += len(piece)
        if at > limit:
            raise BrokenStream("too_large", f"more than max_decoded ({limit}) bytes when decompressed")
