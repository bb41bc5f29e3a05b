"""Segments: the blocks of operators as bytes, many in a file, each with its hash.

A segment is one Arrow stream, compressed, whose metadata say which operator's state it is, of which kind and version. What is
read back is what was written, or an error with the file's name: nothing of a damaged segment is ever looked at.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from caudal.checkpoint.store import Store
from caudal.core.errors import RunError

if TYPE_CHECKING:
    import pyarrow as pa

_OWNER = b"caudal"


@dataclass(frozen=True, slots=True)
class Segment:
    """Where a block is: bytes [offset, offset + length) of a file, their SHA-256 in hex, and its number of rows."""

    file: str
    offset: int
    length: int
    digest: str
    rows: int


class Damaged(RunError):
    """What was stored is not what was written. `file`: which name it has in the store."""

    def __init__(self, store: Store, file: str, detail: str) -> None:
        super().__init__(
            f"{file} in {store.url} is damaged",
            detail=detail,
            hint="restore it from a copy, or go on from an earlier checkpoint: caudal checkpoints ls",
        )
        self.file = file


def encoded(operator: str, kind: str, version: int, block: pa.Table) -> bytes:
    """Return the bytes of a block."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="lz4")
    owner = json.dumps({"operator": operator, "kind": kind, "version": version})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, block.schema.with_metadata({_OWNER: owner.encode()}), options=options) as writer:
        writer.write_table(block)
    return sink.getvalue().to_pybytes()


def digest(data: bytes) -> str:
    """Return the hash of bytes, as segments and manifests hold it."""
    return hashlib.sha256(data).hexdigest()


def raw(store: Store, segment: Segment) -> bytes:
    """Return the bytes of a segment; raises `Damaged` where they are others, `StoreError`."""
    data = store.read(segment.file, segment.offset, segment.length)
    if len(data) != segment.length or digest(data) != segment.digest:
        raise Damaged(store, segment.file, f"its bytes from {segment.offset} on are not those that were written")
    return data


def decoded(store: Store, segment: Segment, operator: str, kind: str, version: int) -> pa.Table:
    """Return the block of an operator; raises `Damaged`, `StoreError`."""
    import pyarrow as pa

    with pa.ipc.open_stream(raw(store, segment)) as reader:
        owner = json.loads((reader.schema.metadata or {}).get(_OWNER, b"{}"))
        if owner != {"operator": operator, "kind": kind, "version": version}:
            raise Damaged(store, segment.file, f"it holds state of {owner}, where that of {operator} should be")
        return reader.read_all().replace_schema_metadata(None)
