"""Streams of decoded bytes: decompressed and transcoded as they are read, never whole, never more than the cap."""

from __future__ import annotations

import sys
from collections.abc import Callable

from caudal.connectors.files.streams import Stream
from caudal.core.errors import InputError
from caudal.core.unpacking import (
    FIRST_BYTES,
    BrokenStream,
    DecodedPieces,
    ReadBytes,
    compression_of,
    encoding_of,
    foreign,
    may_become_known,
    transcoded_pieces,
    unpacked_pieces,
)

Decode = Callable[[ReadBytes], DecodedPieces]


class Decoded:
    """What a decoder makes of a stream; positions are offsets in that, so `seek` decodes and skips.

    Beyond `limit` bytes it is `BrokenStream` ("too_large"), a damaged stream is so ("corrupt"), and one that ends in the
    middle ("truncated"); what comes before that is returned first and does not depend on the sizes of reads.
    """

    def __init__(self, source: Stream, decode: Decode, limit: int = sys.maxsize) -> None:
        self._source = source
        self._decode = decode
        self._limit = limit
        self._restart()

    def _restart(self) -> None:
        self._pieces: DecodedPieces | None = self._decode(_read(self._source))
        self._piece = memoryview(b"")
        self._at = 0
        self._broken: BrokenStream | None = None

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        if not self._piece and not self._next():
            return 0 if self._pieces is None else None
        count = min(len(view), len(self._piece))
        view[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        self._at += count
        return count

    def seek(self, position: int) -> None:
        if position < self._at:
            self._source.seek(0)
            self._restart()
        while self._at < position:
            try:
                found = bool(self._piece) or self._next()
            except BrokenStream:
                found = False
            if not found:
                raise InputError(
                    "the compressed stream ends before the position to read on from",
                    detail=f"it has {self._at} decoded bytes, the position is {position}",
                    hint="was the file replaced since the last run?",
                )
            count = min(position - self._at, len(self._piece))
            self._piece = self._piece[count:]
            self._at += count

    def close(self) -> None:
        self._source.close()

    def _next(self) -> bool:
        if self._broken is not None:
            raise self._broken
        if self._pieces is None:
            return False
        try:
            piece = next(self._pieces)
        except StopIteration:
            self._pieces = None
            return False
        except BrokenStream as broken:
            self._broken = broken
            raise
        if piece is None:
            return False
        room = self._limit - self._at
        if len(piece) > room:
            self._broken = BrokenStream("too_large", f"more than max_decoded ({self._limit}) bytes when decompressed")
            piece = piece[:room]
            if not piece:
                raise self._broken
        self._piece = memoryview(piece)
        return True


def _read(stream: Stream) -> ReadBytes:
    chunk = bytearray()

    def read(count: int) -> bytes | None:
        nonlocal chunk
        if len(chunk) < count:
            chunk = bytearray(count)
        got = stream.readinto(memoryview(chunk)[:count])
        return None if got is None else bytes(memoryview(chunk)[:got])

    return read


class Detected:
    """A stream that is decoded as its first bytes show.

    `detect` gets up to `FIRST_BYTES`, as soon as more of them could not change its mind or there are no more, and
    returns what the rest is read through: the stream that begins with them again, or another one over it.
    """

    def __init__(self, source: Stream, detect: Callable[[bytes, Stream], Stream]) -> None:
        self._source = source
        self._detect = detect
        self._ahead = b""
        self._inner: Stream | None = None

    def hint(self) -> int | None:
        return self._source.hint() if self._inner is None else self._inner.hint()

    def readinto(self, view: memoryview) -> int | None:
        inner = self._inner or self._decided()
        return None if inner is None else inner.readinto(view)

    def seek(self, position: int) -> None:
        if position == 0 or self._inner is None:
            self._source.seek(0)
            self._ahead, self._inner = b"", None
        if position:
            inner = self._inner or self._decided()
            if inner is not None:
                inner.seek(position)

    def close(self) -> None:
        self._source.close()

    def _decided(self) -> Stream | None:
        while self._inner is None:
            first = bytearray(FIRST_BYTES - len(self._ahead))
            count = self._source.readinto(memoryview(first))
            if count is None:
                return None
            self._ahead += first[:count]
            if count == 0 or len(self._ahead) >= FIRST_BYTES or not may_become_known(self._ahead):
                self._inner = self._detect(self._ahead, _Prefixed(self._ahead, self._source))
        return self._inner


class _Prefixed:
    """A stream of which the beginning was read already."""

    def __init__(self, ahead: bytes, stream: Stream) -> None:
        self._ahead = ahead
        self._rest = ahead
        self._stream = stream

    def hint(self) -> int | None:
        hint = self._stream.hint()
        return None if hint is None else hint + len(self._rest)

    def readinto(self, view: memoryview) -> int | None:
        if not self._rest:
            return self._stream.readinto(view)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def seek(self, position: int) -> None:
        self._stream.seek(max(position, len(self._ahead)))
        self._rest = self._ahead[position:]

    def close(self) -> None:
        self._stream.close()


def decompressed(stream: Stream, kind: str, limit: int) -> Stream:
    """Return what a compressed stream holds: text as UTF-8, at most `limit` bytes before it is transcoded."""
    return text_of(Decoded(stream, lambda read: unpacked_pieces(read, kind), limit))


def as_utf8(stream: Stream, encoding: str) -> Stream:
    """Return the text of a stream in UTF-8."""
    return stream if encoding == "utf-8" else Decoded(stream, lambda read: transcoded_pieces(read, encoding))


def text_of(stream: Stream) -> Stream:
    """Return the text of a stream in UTF-8, whose byte order mark tells its encoding."""
    return Detected(stream, lambda first, again: as_utf8(again, encoding_of(first)))


def told_by_first_bytes(stream: Stream, where: str, limit: int) -> Stream:
    """Return what a stream holds, however it is compressed; `BrokenStream` ("compression") where caudal cannot read that."""

    def detect(first: bytes, again: Stream) -> Stream:
        what, hint = foreign(first, where)
        if what:
            return Decoded(again, lambda read: _refuse(f"this is {what}: {hint}"))
        kind = compression_of(first)
        return as_utf8(again, encoding_of(first)) if kind == "none" else decompressed(again, kind, limit)

    return Detected(stream, detect)


def _refuse(message: str) -> DecodedPieces:
    raise BrokenStream("compression", message)
    yield
