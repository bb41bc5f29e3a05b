"""What the bytes of a file are made of: compressions and encodings, told by the first bytes and undone as a stream.

Decoders are generators over a function that reads; nothing is ever held whole. The module stands alone: scripts take it.
"""

from __future__ import annotations

import codecs
import shlex
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

ReadBytes = Callable[[int], bytes | None]
"""Returns up to so many bytes: b"" at the end, None where there are none yet."""

DecodedPieces = Iterator[bytes | None]
"""Decoded bytes in pieces of at most 256 KiB; None where the source has nothing yet. Raises `BrokenStream`."""

FIRST_BYTES = 1024
"""How many of a file's first bytes tell what it is."""

UNPACK_CHUNK = 32 * 1024
UNPACK_PIECE = 256 * 1024
_MOST_ZSTD_BLOCK = 128 * 1024
_UNPACK_STEP = 512
_MOST_XZ_MEMORY = 1 << 30

COMPRESSIONS = ("gzip", "zstd", "xz", "bz2")
_MAGIC_BYTES = {
    "gzip": (b"\x1f\x8b",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
    "xz": (b"\xfd7zXZ\0", b"\x5d\0\0"),
    "bz2": tuple(b"BZh%d" % level + block for level in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90")),
}
_PACKED_SUFFIXES = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".zst": "zstd",
    ".zstd": "zstd",
    ".xz": "xz",
    ".lzma": "xz",
    ".bz2": "bz2",
    ".bzip2": "bz2",
}
_FOREIGN_BYTES = (
    (b"PK\x03\x04", "a zip archive", "unzip -p {}"),
    (b"PK\x05\x06", "a zip archive", "unzip -p {}"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z x -so {}"),
    (b"Rar!\x1a\x07", "a rar archive", "unrar p -inul {}"),
    (b"\x04\x22\x4d\x18", "compressed by lz4", "lz4 -dc {}"),
    (b"\x02\x21\x4c\x18", "compressed by lz4", "lz4 -dc {}"),
    (b"\xff\x06\0\0sNaPpY", "compressed by snappy", "snzip -dc {}"),
    (b"\x1f\x9d", "compressed by compress", "gzip -dc {}"),
    (b"\x1f\xa0", "compressed by lzh", "gzip -dc {}"),
    (b"\x1f\x1e", "compressed by pack", "gzip -dc {}"),
    (b"\x89LZO\0\r\n", "compressed by lzop", "lzop -dc {}"),
    (b"LZIP\1", "compressed by lzip", "lzip -dc {}"),
    (b"\xff\xfe\0\0", "UTF-32 text", "iconv -f UTF-32 -t UTF-8 {}"),
    (b"\0\0\xfe\xff", "UTF-32 text", "iconv -f UTF-32 -t UTF-8 {}"),
    (b"PAR1\x15", "Parquet", ""),
)
_FOREIGN_SUFFIXES = {
    ".br": ("compressed by brotli", "brotli -dc {}"),
    ".snappy": ("compressed by snappy", "snzip -dc {}"),
    ".deflate": ("compressed by deflate", "zlib-flate -uncompress < {}"),
}
_TAR_SUFFIXES = (".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tgz", ".tzst", ".txz", ".tbz", ".tbz2")
_BYTE_ORDER_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class BrokenStream(Exception):
    """The stream ends here although it should not: a reason code and a line for people.

    `fails`: whether the partition has failed by that; else only the line that it ends in is lost.
    """

    def __init__(self, reason: str, message: str, *, fails: bool = True) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.fails = fails


def compression_of(first: bytes) -> str:
    """Return the compression that the first bytes show: "gzip", "zstd", "xz", "bz2" or "none".

    >>> compression_of(b"GET / HTTP/1.1")
    'none'
    """
    return next((kind for kind, magic in _MAGIC_BYTES.items() if first.startswith(magic)), "none")


def compression_named(path: str) -> str:
    """Return the compression that a name promises.

    >>> compression_named("access.log.2.gz")
    'gzip'
    """
    return next((kind for suffix, kind in _PACKED_SUFFIXES.items() if path.lower().endswith(suffix)), "none")


def compression_found(first: bytes, path: str) -> str:
    """Return how a file is compressed: its first bytes decide; what is nearly as its name promises is that, damaged.

    >>> compression_found(b"GET / HTTP/1.1", "access.log.gz"), compression_found(b"", "access.log.gz")
    ('none', 'gzip')
    """
    shown, named = compression_of(first), compression_named(path)
    return named if shown == "none" and named != "none" and _resembles_kind(first, named) else shown


def _resembles_kind(first: bytes, kind: str) -> bool:
    """Whether the first bytes are the beginning of what a kind begins with, or differ from it in less than half."""
    for magic in _MAGIC_BYTES[kind]:
        alike = sum(a == b for a, b in zip(first, magic))
        if 2 * alike >= len(magic) or alike == len(first):
            return True
    return False


def may_become_known(first: bytes) -> bool:
    """Whether more bytes could still show a compression, an encoding or what is not read."""
    known = [*_BYTE_ORDER_MARKS, *(m for m, _, _ in _FOREIGN_BYTES), *(m for ms in _MAGIC_BYTES.values() for m in ms)]
    return any(magic.startswith(first) and magic != first for magic in known)


def encoding_of(first: bytes) -> str:
    """Return the encoding that a byte order mark shows: "utf-16-le", "utf-16-be" or "utf-8".

    >>> encoding_of(b"\\xff\\xfea\\0"), encoding_of(b"\\xef\\xbb\\xbfa")
    ('utf-16-le', 'utf-8')
    """
    return _BYTE_ORDER_MARKS.get(first[:2], "utf-8")


def foreign(first: bytes, path: str) -> tuple[str, str]:
    """Return what a file is that is not read, and what to do with it; two empty texts for a file that is.

    >>> foreign(b"PK\\x03\\x04...", "logs.zip")
    ('a zip archive', "unpack it and read standard input: unzip -p logs.zip | caudal run ... with the path '-'")
    """
    what, command = next(((w, c) for magic, w, c in _FOREIGN_BYTES if first.startswith(magic)), ("", ""))
    name = path.lower()
    if not what and (first[257:262] == b"ustar" or (compression_of(first) != "none" and name.endswith(_TAR_SUFFIXES))):
        what, command = "a tar archive", "tar -xOf {}"
    if not what and name.endswith(tuple(_FOREIGN_SUFFIXES)) and not _seems_text(first):
        what, command = next(v for s, v in _FOREIGN_SUFFIXES.items() if name.endswith(s))
    if what and not command:
        return what, 'read it with format="parquet"'
    hint = f"unpack it and read standard input: {command.format(shlex.quote(path))} | caudal run ... with the path '-'"
    return (what, hint) if what else ("", "")


def seems_utf16(first: bytes) -> bool:
    """Whether every other byte is zero, as in UTF-16 without a byte order mark.

    >>> seems_utf16("ip,n,agent".encode("utf-16-be")), seems_utf16(bytes(64))
    (True, False)
    """
    pairs = len(first) // 2
    zeros = [first[start : 2 * pairs : 2].count(0) for start in (0, 1)]
    return pairs >= 4 and max(zeros) >= 0.7 * pairs and min(zeros) <= 0.1 * pairs


def _seems_text(first: bytes) -> bool:
    text = first.decode("utf-8", "replace")
    strange = sum((c < " " and c not in "\t\r\n") or c == "\ufffd" for c in text)
    return 20 * strange <= len(text)


def unpacked_pieces(read: ReadBytes, kind: str) -> DecodedPieces:
    """Return what a compressed stream holds; members, frames and streams behind one another are one."""
    if kind == "gzip":
        return _gunzip(read)
    return _unzstd(read) if kind == "zstd" else _unpack_members(read, kind)


def _gunzip(read: ReadBytes) -> DecodedPieces:
    """Decode gzip members behind one another (RFC 1952); zero bytes behind the last one are padding."""
    member, members, fresh = zlib.decompressobj(wbits=31), 0, True
    while (data := read(UNPACK_CHUNK)) != b"":
        if data is None:
            yield None
            continue
        while data:
            if fresh and members:
                data = data.lstrip(b"\0")
                if not data:
                    break
            fresh = False
            data = yield from _inflate(member, data)
            if member.eof:
                member, members, fresh = zlib.decompressobj(wbits=31), members + 1, True
    if not (fresh and members):
        raise BrokenStream("truncated", "the gzip stream ends in the middle")


def _inflate(member: Any, data: bytes) -> Generator[bytes, None, bytes]:
    """Feed a member; return what is behind its end."""
    before, given, rest = member.copy(), 0, data
    while True:
        try:
            out = member.decompress(rest, UNPACK_PIECE)
        except zlib.error as error:
            # What a failed call had decoded is lost, and depends on how the input was cut: take it byte by byte.
            good = _salvaged_of(before, data)
            for start in range(given, len(good), UNPACK_PIECE):
                yield good[start : start + UNPACK_PIECE]
            raise BrokenStream("corrupt", f"the gzip stream is damaged ({error})") from error
        given += len(out)
        if out:
            yield out
        if member.eof:
            return member.unused_data
        rest = member.unconsumed_tail
        if not rest and len(out) < UNPACK_PIECE:
            return b""


def _salvaged_of(member: Any, data: bytes) -> bytes:
    good = bytearray()
    try:
        for i in range(len(data)):
            good += member.decompress(data[i : i + 1])
    except zlib.error:
        pass
    return bytes(good)


def _unpack_members(read: ReadBytes, kind: str) -> DecodedPieces:
    """Decode xz (or lzma) and bzip2 streams behind one another; zero bytes behind one are padding.

    These decoders cannot be copied, so that what a failed call had decoded cannot be had again: they are asked for little
    at a time, and what is lost before the damage is less than `_UNPACK_STEP` bytes, however the input is cut.
    """
    new = _new_bz2 if kind == "bz2" else _new_xz
    member, members, fresh = new(), 0, True
    while (data := read(UNPACK_CHUNK)) != b"":
        if data is None:
            yield None
            continue
        while data:
            if fresh and members:
                data = data.lstrip(b"\0")
                if not data:
                    break
            fresh = False
            broken: Exception | None = None
            good: list[bytes] = []
            held = 0
            while not member.eof and (data or not member.needs_input):
                try:
                    good.append(member.decompress(data, _UNPACK_STEP))
                except (OSError, EOFError, ValueError, MemoryError, *_lzma_errors(kind)) as error:
                    broken = error
                    break
                data = b""
                held += len(good[-1])
                if held >= UNPACK_PIECE - _UNPACK_STEP:
                    yield b"".join(good)
                    good, held = [], 0
            if held:
                yield b"".join(good)
            if broken is not None:
                raise BrokenStream("corrupt", f"the {kind} stream is damaged ({broken})") from broken
            if member.eof:
                data, member, members, fresh = member.unused_data, new(), members + 1, True
    if not (fresh and members):
        raise BrokenStream("truncated", f"the {kind} stream ends in the middle")


def _new_bz2() -> Any:
    import bz2

    return bz2.BZ2Decompressor()


def _new_xz() -> Any:
    import lzma

    return lzma.LZMADecompressor(memlimit=_MOST_XZ_MEMORY)


def _lzma_errors(kind: str) -> tuple[type[Exception], ...]:
    if kind != "xz":
        return ()
    import lzma

    return (lzma.LZMAError,)


def _unzstd(read: ReadBytes) -> DecodedPieces:
    """Decode zstd frames behind one another (RFC 8878), skippable ones skipped, one block at a time.

    The library's own readers either take an end in the middle of a frame for its end, or decode all that they are
    given at once; so the frame is walked here, and each block (at most 128 KiB decoded) handed over by itself.
    """
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    taker = _ZstdTaker(read)
    frames = 0
    while True:
        magic = yield from taker.take(4, may_end=frames > 0)
        if not magic:
            return
        frames += 1
        if magic != _MAGIC_BYTES["zstd"][0]:
            if compression_of(magic) != "zstd":
                raise BrokenStream("corrupt", "the zstd stream is damaged (no frame where one should begin)")
            left = int.from_bytes((yield from taker.take(4)), "little")
            while left:
                left -= len((yield from taker.take(min(left, UNPACK_CHUNK))))
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
                if kind != 1 and length > _MOST_ZSTD_BLOCK:
                    raise BrokenStream("corrupt", "the zstd stream is damaged (a block beyond the format's limit)")
                out = frame.decompress(head + (yield from taker.take(1 if kind == 1 else length)))
                if out:
                    yield out
            if descriptor >> 2 & 1:
                frame.decompress((yield from taker.take(4)))
        except zstandard.ZstdError as error:
            raise BrokenStream("corrupt", f"the zstd stream is damaged ({error})") from error


class _ZstdTaker:
    def __init__(self, read: ReadBytes) -> None:
        self._read = read
        self._data = b""

    def take(self, count: int, *, may_end: bool = False) -> Generator[None, None, bytes]:
        """Return exactly `count` bytes, or b"" at an end that is allowed; yields None while there is nothing yet."""
        while len(self._data) < count:
            got = self._read(UNPACK_CHUNK)
            if got is None:
                yield None
            elif not got:
                if may_end and not self._data:
                    return b""
                raise BrokenStream("truncated", "the zstd stream ends in the middle")
            else:
                self._data += got
        taken, self._data = self._data[:count], self._data[count:]
        return taken


def transcoded_pieces(read: ReadBytes, encoding: str) -> DecodedPieces:
    """Return UTF-16 text as UTF-8, without its byte order mark, and with all that is not well-formed.

    A surrogate without its other half becomes the three bytes that UTF-8 would give it, the last byte of an odd number
    stays that byte: neither is UTF-8, so each reader finds them, and nothing is lost.
    """
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    begun = False
    while (data := read(UNPACK_CHUNK)) != b"":
        if data is None:
            yield None
            continue
        text = decoder.decode(data)
        if text and not begun:
            begun, text = True, text.removeprefix("\ufeff")
        if text:
            yield text.encode("utf-8", "surrogatepass")
    left = decoder.getstate()[0]
    if len(left) >= 2:
        yield left[:2].decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    if len(left) % 2:
        yield left[-1:]
