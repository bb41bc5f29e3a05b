"""Segments: the blocks of operators as bytes, several in a segment and many segments in a file, each with its hash.

A segment is one Arrow stream of blocks behind one another whose metadata say which operator's state it is, of which kind and version,
in the narrowest types that hold them (see `narrow`). What is read back is what was written, or an error with the file's name:
nothing of a damaged segment is ever looked at.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from caudal.checkpoint.narrow import narrowed, widened
from caudal.checkpoint.store import Absent, Store
from caudal.core.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

_OWNER = b"caudal"

LONG = 96
"""Bytes a row from which on a segment is compressed: short rows shrink by a third, at a cost beyond that of all else."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Where a block is: bytes [offset, offset + length) of a file, their SHA-256 in hex, and its number of rows."""

    file: str
    offset: int
    length: int
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class Block:
    """Where a block is: rows [start, start + rows) of a segment. Blocks of one segment may die at different times."""

    segment: Segment
    start: int
    rows: int

    @property
    def file(self) -> str:
        """The file that it is in."""
        return self.segment.file

    @property
    def length(self) -> int:
        """Its share of the segment's bytes."""
        return self.segment.length * self.rows // max(1, self.segment.rows)


class Damaged(RunError):
    """What was stored is not what was written. `file`: which name it has in the store."""

    def __init__(self, store: Store, file: str, detail: str) -> None:
        super().__init__(
            f"{file} in {store.url} is damaged",
            detail=detail,
            hint="restore it from a copy, or go on from an earlier checkpoint: caudal checkpoints ls",
        )
        self.file = file


def encode(operator: str, kind: str, version: int, block: pa.Table, room: Callable[[int], memoryview]) -> memoryview:
    """Write blocks behind one another into the memory that `room` gives for so many bytes; return that."""
    import pyarrow as pa

    block = narrowed(block)
    compression = "lz4" if block.get_total_buffer_size() > LONG * block.num_rows else None
    options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    owner = json.dumps({"operator": operator, "kind": kind, "version": version})
    schema = block.schema.with_metadata({_OWNER: owner.encode()})

    def write(sink: Any) -> None:
        with pa.ipc.new_stream(sink, schema, options=options) as writer:
            writer.write_table(block)

    if compression is not None:
        made = pa.BufferOutputStream()
        write(made)
        data = memoryview(made.getvalue()).cast("B")
        view = room(len(data))
        view[:] = data
        return view
    # the size is known before anything is copied, so each byte is copied once, to where it is stored from
    measured: Any = pa.MockOutputStream()
    write(measured)
    view = room(measured.size())
    write(pa.FixedSizeBufferWriter(pa.py_buffer(view)))
    return view


def digest(data: bytes | memoryview) -> str:
    """Return the hash of bytes, as segments and manifests hold it."""
    return hashlib.sha256(data).hexdigest()


def checksum(data: bytes | memoryview) -> str:
    """Return the CRC-32 of a file in hex: it tells of damage in what is out of date too, and costs less than another hash."""
    return f"{zlib.crc32(data):08x}"


def raw(store: Store, segment: Segment) -> bytes:
    """Return the bytes of a segment; raises `Damaged` where they are others, `StoreError`."""
    try:
        data = store.read(segment.file, segment.offset, segment.length)
    except Absent:  # asking again does not bring it back
        raise Damaged(store, segment.file, "it is not there, and the checkpoint names it") from None
    if len(data) != segment.length or digest(data) != segment.digest:
        raise Damaged(store, segment.file, f"its bytes from {segment.offset} on are not those that were written")
    return data


def decoded(store: Store, segment: Segment, operator: str, kind: str, version: int) -> pa.Table:
    """Return the blocks of an operator that are in a segment, behind one another; raises `Damaged`, `StoreError`."""
    import pyarrow as pa

    with pa.ipc.open_stream(raw(store, segment)) as reader:
        owner = json.loads((reader.schema.metadata or {}).get(_OWNER, b"{}"))
        if owner != {"operator": operator, "kind": kind, "version": version}:
            raise Damaged(store, segment.file, f"it holds state of {owner}, where that of {operator} should be")
        return widened(reader.read_all()).replace_schema_metadata(None)
