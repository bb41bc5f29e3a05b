"""Files that do not change: each is a partition, in blocks of lines or, by its format's reader, in rows."""

from __future__ import annotations

import os
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from caudal.connectors.files.buffers import Buffers
from caudal.connectors.files.decoded import as_utf8, decompressed, told_by_first_bytes
from caudal.connectors.files.lines import LinePartition
from caudal.connectors.files.paths import Found, Paths, identities_of_stdin, identity_of
from caudal.connectors.files.streams import Pipe, Plain, Stream, budget, reason_of
from caudal.core.errors import InputError, NotThere
from caudal.core.unpacking import (
    FIRST_BYTES,
    compression_found,
    compression_named,
    encoding_of,
    foreign,
    seems_utf16,
)
from caudal.observe.notices import Notice
from caudal.ports.format import FileReader
from caudal.ports.records import Block, Decoded
from caudal.ports.source import End, Nothing, Partition, Unchanging

_END = 64
"""Bytes of a file's beginning and end that are remembered."""


class ForeignFile(InputError):
    """A file that caudal does not read: an archive, an unknown compression."""


def first_bytes(path: str) -> bytes:
    """Return what a file begins with; raises `InputError` when it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(FIRST_BYTES) or b""
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason_of(error)}") from error


@dataclass(slots=True)
class Opener:
    """Makes partitions of files: what all files of one source share."""

    compression: str
    max_record: int
    max_decoded: int
    buffers: Buffers = field(default_factory=Buffers)
    budget: threading.Semaphore = field(default_factory=budget)

    def kind(self, path: str) -> str:
        """Return how a file is compressed: by its first bytes and its suffix, unless the option says.

        Raises `InputError` when the file cannot be read, or is of a kind that caudal does not read.
        """
        return self._look(path)[0]

    def _look(self, path: str) -> tuple[str, bytes]:
        """Return how a file is compressed and its first bytes; raises as `kind` does."""
        first = first_bytes(path)
        if self.compression != "auto":
            return self.compression, first
        what, hint = foreign(first, path)
        if what:
            raise ForeignFile(f"cannot read {path}: it is {what}", hint=hint)
        return compression_found(first, path), first

    def stream(self, found: Found, kind: str, first: bytes = b"") -> Stream:
        """Return the decoded bytes of a file, from its beginning; `first`: its first bytes."""
        encoding = encoding_of(first)
        whole = kind == "none" and encoding == "utf-8" and found.size > 0  # files of /proc have no size
        size = found.size if whole else None
        plain = Plain(found.path, self.budget, found.identity, size, modified=found.modified, first=first)
        return as_utf8(plain, encoding) if kind == "none" else decompressed(plain, kind, self.max_decoded)

    def lines(self, found: Found) -> LinePartition:
        """Return the partition of a file that does not change; raises `InputError` when it cannot be read."""
        if not found.regular:
            try:
                return self.pipe(os.open(found.path, os.O_RDONLY | os.O_CLOEXEC), found.name)
            except OSError as error:
                raise InputError(f"cannot read {found.path}: {reason_of(error)}") from error
        kind, first = self._look(found.path)
        return LinePartition(
            found.name,
            self.stream(found, kind, first),
            self.buffers,
            max_record=self.max_record,
            where=found.path,
            reopened=lambda: self.stream(found, kind, first),
            notices=self._notices(found, kind, first),
        )

    def held(self, found: Found, kind: str) -> Stream:
        """Return the decoded bytes of a compressed file that is opened at once: it may be renamed from then on.

        Raises `BrokenStream` where it is not there any more, `RunError` where it cannot be opened.
        """
        plain = Plain(found.path, self.budget, found.identity, None, modified=found.modified)
        plain.hold()
        return decompressed(plain, kind, self.max_decoded)

    def unpacked(self, found: Found, kind: str, stream: Stream, begin: int) -> LinePartition:
        """Return the partition of a compressed file from an offset on. `stream`: what is held of it."""
        stream.seek(0)
        partition = LinePartition(
            found.name,
            stream,
            self.buffers,
            max_record=self.max_record,
            where=found.path,
            reopened=lambda: self.stream(found, kind),
        )
        partition.start = begin
        partition.seek(begin)
        return partition

    def _notices(self, found: Found, kind: str, first: bytes) -> list[Notice]:
        if kind != "none" or self.compression != "auto":
            return []
        folder = os.path.dirname(found.path)
        if compression_named(found.path) != "none":
            return [
                Notice("not_compressed", folder, "files named like compressed ones that are not: {count}, read as text")
            ]
        if encoding_of(first) == "utf-8" and seems_utf16(first):
            text = (
                "files that look like UTF-16 without a byte order mark: {count}; iconv -f UTF-16 -t UTF-8 converts them"
            )
            return [Notice("utf16", folder, text, level="warning")]
        return []

    def pipe(self, fd: int, name: str) -> LinePartition:
        """Return the partition of a pipe: live, for it may pause, but it ends when its writer does."""
        pipe = Pipe(fd, name)
        if self.compression == "auto":
            stream: Stream = told_by_first_bytes(pipe, name, self.max_decoded)
        elif self.compression == "none":
            stream = pipe
        else:
            stream = decompressed(pipe, self.compression, self.max_decoded)
        return LinePartition(name, stream, self.buffers, max_record=self.max_record, where=name, live=True)

    def stdin(self) -> LinePartition:
        """Return the partition "stdin"; raises `InputError` when the process has no standard input."""
        try:
            return self.pipe(sys.stdin.fileno(), "stdin")
        except (AttributeError, OSError, ValueError) as error:
            raise InputError("there is no standard input to read") from error


class RowsPartition:
    """One file of a format that is not framed by lines; positions are row numbers."""

    live = False
    start = 0

    def __init__(self, found: Found, reader: FileReader) -> None:
        self.name = found.name
        self._path = found.path
        self._reader = reader
        self._skip = 0
        self._parts: Iterator[Decoded] | None = None

    def head(self) -> bytes:
        return b""

    def seek(self, position: int) -> None:
        self._skip = position
        self._parts = None

    def read(self, size: int) -> Block | Decoded | Nothing | End:
        if self._parts is None:
            self._parts = iter(self._reader.read(self._path, self._skip))
        return next(self._parts, None) or End()

    def close(self) -> None:
        self._parts = iter(())


class FilesSource(Unchanging):
    """The files that were there at the start; a standard input among them comes last."""

    def __init__(self, paths: Paths, opener: Opener, file_reader: FileReader | None) -> None:
        self._paths = paths
        self._opener = opener
        self._file_reader = file_reader
        self._partitions: list[Partition] = []
        self._files: dict[str, Found] = {}
        self._memory: dict[str, dict[str, Any]] = {}
        found, missing = paths.find()
        if missing:
            raise NotThere(
                f"no file at {missing[0]}" + (f" (and {len(missing) - 1} other paths)" if len(missing) > 1 else ""),
                hint="is it right, seen from the working directory? with follow=True a missing file is waited for",
            )
        self._identities = {f.identity for f in found}
        if paths.stdin:
            self._identities |= identities_of_stdin()
        self._files = {file.name: file for file in found}
        self._partitions += [self._partition(file) for file in found]
        if paths.stdin:
            self._partitions.append(opener.stdin())

    def _partition(self, file: Found) -> Partition:
        if self._file_reader is None:
            return self._opener.lines(file)
        first_bytes(file.path)  # can it be read?
        return RowsPartition(file, self._file_reader)

    def _as_it_was(self, file: Found, known: Mapping[str, Any], wanted: bool) -> Found:
        """Return a file as another run has found it; raises `InputError` where it has changed since, and is `wanted`.

        What was appended to plain text is left out.
        """
        size = known["size"]
        if not wanted or (file.size, file.modified) == (size, known["modified"]):
            return file
        if file.size < size:
            raise _changed(file.path, f"it has {file.size} bytes, it had {size}")
        plain = self._file_reader is None and self._opener.kind(file.path) == "none"
        if not plain or file.size == size or _ends(file.path, size) != known["ends"]:
            raise _changed(file.path, "it was written anew")
        return replace(file, size=size)

    def partitions(self) -> Sequence[Partition]:
        return self._partitions

    # -- the contract of ports.source.Remembering --------------------------------------------------------------------

    def memory(self) -> dict[str, Any]:
        for name, file in self._files.items():
            if name not in self._memory and file.regular:
                self._memory[name] = {
                    "size": file.size,
                    "modified": file.modified,
                    "ends": _ends(file.path, file.size),
                }
        return {"files": self._memory}

    def recall(self, memory: Any, positions: Mapping[str, int]) -> None:
        """Read on in the files that there were, as they were: what has come since is left to the next run."""
        known = memory["files"]
        for name in positions:
            if name in known and name not in self._files:
                raise _changed(name, "it is not there any more")
        for partition in self._partitions:
            if partition.name in self._files:
                partition.close()
        pipes = [partition for partition in self._partitions if partition.name not in known and partition.live]
        files = [file for file in self._files.values() if file.name in known]
        self._files = {file.name: self._as_it_was(file, known[file.name], file.name in positions) for file in files}
        self._partitions = [*(self._partition(file) for file in self._files.values()), *pipes]
        self._memory = dict(known)

    def reads(self, path: str) -> bool:
        """Return whether this source reads the file at `path`, or would in its next run.

        Such a file must not be a sink's target.
        """
        return identity_of(path) in self._identities or self._paths.cover(path)

    def close(self) -> None:
        for partition in self._partitions:
            partition.close()


def _ends(path: str, size: int) -> str:
    """Return what a file of this size begins and ends with, "" where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            first = os.pread(file.fileno(), min(size, _END), 0)
            last = os.pread(file.fileno(), min(size, _END), max(0, size - _END))
    except OSError:
        return ""
    return b64encode(first + last).decode()


def _changed(path: str, how: str) -> InputError:
    return InputError(
        f"cannot go on reading {path}: it is not as it was when the run began",
        detail=how,
        hint="put it back as it was, or begin anew with an empty place for checkpoints",
    )
