"""gzip and zstd, decoded as they are read: never whole, never more than the cap."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

from caudal.connectors.files.streams import Stream
from caudal.core.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SUFFIXES = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}

_CHUNK = 32 * 1024
_PIECE = 256 * 1024
_MAX_ZSTD_BLOCK = 128 * 1024

Pieces = Iterator[bytes | None]
"""Decoded bytes in pieces of at most `_PIECE`; None where the source has nothing yet. Raises `Broken`."""


class Broken(Exception):
    """The stream ends here although it should not: a reason code and a line for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def by_magic(first: bytes) -> str:
    """Return the compression that the first four bytes show: "gzip", "zstd" or "none".

    >>> by_magic(b"GET / HTTP/1.1")
    'none'
    """
    if first.startswith(GZIP_MAGIC):
        return "gzip"
    if first.startswith(ZSTD_MAGIC) or (len(first) >= 4 and first[1:4] == b"\x2a\x4d\x18" and first[0] >> 4 == 5):
        return "zstd"
    return "none"


def by_suffix(path: str) -> str:
    """Return the compression that the name promises.

    >>> by_suffix("access.log.2.gz")
    'gzip'
    """
    return next((kind for suffix, kind in SUFFIXES.items() if path.lower().endswith(suffix)), "none")


class Decompressed:
    """The decoded stream of a compressed one; positions are offsets in it, so `seek` decodes and skips.

    Beyond `limit` bytes it is `Broken` ("too_large"), a damaged stream is so ("corrupt"), and one that ends in the
    middle ("truncated"); what comes before that is returned first and does not depend on the sizes of reads.
    """

    def __init__(self, source: Stream, kind: str, limit: int) -> None:
        self._source = source
        self._decode = DECODERS[kind]
        self._limit = limit
        self._restart()

    def _restart(self) -> None:
        self._pieces: Pieces | None = self._decode(self._source)
        self._piece = memoryview(b"")
        self._at = 0
        self._broken: Broken | None = None

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
            except Broken:
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
        except Broken as broken:
            self._broken = broken
            raise
        if piece is None:
            return False
        room = self._limit - self._at
        if len(piece) > room:
            self._broken = Broken("too_large", f"more than max_decoded ({self._limit}) bytes when decompressed")
            piece = piece[:room]
            if not piece:
                raise self._broken
        self._piece = memoryview(piece)
        return True


class Detected:
    """A pipe whose compression shows in its first bytes."""

    def __init__(self, pipe: Stream, limit: int) -> None:
        self._pipe = pipe
        self._limit = limit
        self._ahead = b""
        self._inner: Stream | None = None

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        while self._inner is None:
            first = bytearray(4 - len(self._ahead))
            count = self._pipe.readinto(memoryview(first))
            if count is None:
                return None
            self._ahead += first[:count]
            undecided = (m.startswith(self._ahead) and m != self._ahead for m in (GZIP_MAGIC, ZSTD_MAGIC))
            if count == 0 or not any(undecided):
                kind = by_magic(self._ahead)
                stream = _Prefixed(self._ahead, self._pipe)
                self._inner = stream if kind == "none" else Decompressed(stream, kind, self._limit)
        return self._inner.readinto(view)

    def seek(self, position: int) -> None:
        self._pipe.seek(position)

    def close(self) -> None:
        self._pipe.close()


class _Prefixed:
    def __init__(self, ahead: bytes, stream: Stream) -> None:
        self._ahead = ahead
        self._stream = stream

    def hint(self) -> None:
        return None

    def readinto(self, view: memoryview) -> int | None:
        if not self._ahead:
            return self._stream.readinto(view)
        count = min(len(view), len(self._ahead))
        view[:count] = self._ahead[:count]
        self._ahead = self._ahead[count:]
        return count

    def seek(self, position: int) -> None:
        self._stream.seek(position)

    def close(self) -> None:
        self._stream.close()


def gunzip(source: Stream) -> Pieces:
    """Decode gzip members behind one another (RFC 1952); zero bytes behind the last one are padding."""
    chunk = memoryview(bytearray(_CHUNK))
    member, members, fresh = zlib.decompressobj(wbits=31), 0, True
    while True:
        count = source.readinto(chunk)
        if count is None:
            yield None
            continue
        if count == 0:
            if fresh and members:
                return
            raise Broken("truncated", "the gzip stream ends in the middle")
        data = bytes(chunk[:count])
        while data:
            if fresh and members:
                data = data.lstrip(b"\0")
                if not data:
                    break
            fresh = False
            data = yield from _inflate(member, data)
            if member.eof:
                member, members, fresh = zlib.decompressobj(wbits=31), members + 1, True


def _inflate(member: Any, data: bytes) -> Generator[bytes, None, bytes]:
    """Feed a member; return what is behind its end."""
    before, given, rest = member.copy(), 0, data
    while True:
        try:
            out = member.decompress(rest, _PIECE)
        except zlib.error as error:
            # What a failed call had decoded is lost, and depends on how the input was cut: take it byte by byte.
            good = _salvage(before, data)
            for start in range(given, len(good), _PIECE):
                yield good[start : start + _PIECE]
            raise Broken("corrupt", f"the gzip stream is damaged ({error})") from error
        given += len(out)
        if out:
            yield out
        if member.eof:
            return member.unused_data
        rest = member.unconsumed_tail
        if not rest and len(out) < _PIECE:
            return b""


def _salvage(member: Any, data: bytes) -> bytes:
    good = bytearray()
    try:
        for i in range(len(data)):
            good += member.decompress(data[i : i + 1])
    except zlib.error:
        pass
    return bytes(good)


def unzstd(source: Stream) -> Pieces:
    """Decode zstd frames behind one another (RFC 8878), skippable ones skipped, one block at a time.

    The library's own readers either take an end in the middle of a frame for its end, or decode all that they are
    given at once; so the frame is walked here, and each block (at most 128 KiB decoded) handed over by itself.
    """
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    taker = _Taker(source)
    frames = 0
    while True:
        magic = yield from taker.take(4, may_end=frames > 0)
        if not magic:
            return
        frames += 1
        if magic != ZSTD_MAGIC:
            if by_magic(magic) != "zstd":
                raise Broken("corrupt", "the zstd stream is damaged (no frame where one should begin)")
            left = int.from_bytes((yield from taker.take(4)), "little")
            while left:
                left -= len((yield from taker.take(min(left, _CHUNK))))
            continue
        descriptor = (yield from taker.take(1))[0]
        single, dictionary = descriptor >> 5 & 1, (0, 1, 2, 4)[descriptor & 3]
        size = (single, 2, 4, 8)[descriptor >> 6]
        header = yield from taker.take(1 - single + dictionary + size)
        frame = decompressor.decompressobj()
        try:
            frame.decompress(magic + bytes([descriptor]) + header)
            last = 0
            while not last:
                head = yield from taker.take(3)
                bits = int.from_bytes(head, "little")
                last, kind, length = bits & 1, bits >> 1 & 3, bits >> 3
                if kind != 1 and length > _MAX_ZSTD_BLOCK:
                    raise Broken("corrupt", "the zstd stream is damaged (a block beyond the format's limit)")
                out = frame.decompress(head + (yield from taker.take(1 if kind == 1 else length)))
                if out:
                    yield out
            if descriptor >> 2 & 1:
                frame.decompress((yield from taker.take(4)))
        except zstandard.ZstdError as error:
            raise Broken("corrupt", f"the zstd stream is damaged ({error})") from error


class _Taker:
    def __init__(self, source: Stream) -> None:
        self._source = source
        self._chunk = memoryview(bytearray(_CHUNK))
        self._data = b""

    def take(self, count: int, *, may_end: bool = False) -> Generator[None, None, bytes]:
        """Return exactly `count` bytes, or b"" at an end that is allowed; yields None while there is nothing yet."""
        while len(self._data) < count:
            got = self._source.readinto(self._chunk)
            if got is None:
                yield None
            elif got == 0:
                if may_end and not self._data:
                    return b""
                raise Broken("truncated", "the zstd stream ends in the middle")
            else:
                self._data += bytes(self._chunk[:got])
        taken, self._data = self._data[:count], self._data[count:]
        return taken


DECODERS: dict[str, Callable[[Stream], Pieces]] = {"gzip": gunzip, "zstd": unzstd}
