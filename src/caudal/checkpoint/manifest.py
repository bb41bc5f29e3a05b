"""A manifest: all that is known of one snapshot of a shard, as a line of JSON with its hash behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from caudal.checkpoint.segments import Block, Damaged, Segment, digest
from caudal.checkpoint.store import Store
from caudal.core.errors import RunError
from caudal.ports.sink import Receipt
from caudal.ports.snapshot import Place

FORMAT = 2
"""The version of this layout, behind 1, in which each block was a segment. One that is not known is refused, never guessed at."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An operator's state: its layout's kind and version, plain values, and where its blocks are, by number.

    `fits`: what of the plan its state depends on (see `runner.migration`), as JSON.
    """

    kind: str
    version: int
    values: Mapping[str, Any]
    blocks: Mapping[int, Block]
    fits: Any = None


class File(NamedTuple):
    """A file of segments: its size in bytes, and the CRC-32 of them all, so that damage is found where nobody reads too.

    Each segment has its SHA-256 beside that, so a byte that is needed is hashed once. `checksum` was a SHA-256 in versions before.
    """

    size: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot.

    `id`: its epoch and something random; `written`: milliseconds since 1970; `last`: the run has come to the end of its data.
    `origin`: the id of the savepoint that its run began from, "" for none. `engine`, `version`, `key_hash`, `key_groups`,
    `positions`, `rest`: see `ports.snapshot.State`. `receipts`: what the sinks have staged for the epoch. `files`: those that `operators`
    refer to, by name. `graph`: what the counts of the ledger are counts of (see `runner.migration`). `users`: where
    it is of several pipelines, by operator its id in each pipeline that shares it.
    """

    id: str
    shard: str
    pipeline: str
    epoch: int
    written: int
    last: bool
    origin: str
    engine: str
    version: int
    key_hash: str
    key_groups: int
    positions: Mapping[Place, int]
    rest: Mapping[str, Any]
    operators: Mapping[str, Stored]
    files: Mapping[str, File]
    receipts: Mapping[str, Receipt] = field(default_factory=dict[str, Receipt])
    graph: str = ""
    users: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])

    @property
    def live(self) -> int:
        """The bytes of all blocks that are part of it."""
        return sum(block.length for stored in self.operators.values() for block in stored.blocks.values())

    @property
    def rows(self) -> int:
        """The rows of all blocks that are part of it."""
        return sum(block.rows for stored in self.operators.values() for block in stored.blocks.values())

    def encoded(self) -> bytes:
        """Return the manifest as bytes. Raises `RunError` for a value that JSON cannot hold, which is a defect."""
        numbers = {name: number for number, name in enumerate(sorted(self.files))}
        document = {
            "caudal_checkpoint": FORMAT,
            **{name: getattr(self, name) for name in _PLAIN},
            **({"users": {name: dict(each) for name, each in self.users.items()}} if self.users else {}),
            "positions": [[*place, at] for place, at in sorted(self.positions.items())],
            "files": [[name, *self.files[name]] for name in sorted(self.files)],
            "operators": {
                name: {
                    "kind": stored.kind,
                    "version": stored.version,
                    "values": dict(stored.values),
                    "fits": stored.fits,
                    **_placed(stored.blocks, numbers),
                }
                for name, stored in self.operators.items()
            },
        }
        try:
            line = json.dumps(document, ensure_ascii=True, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise RunError("the state holds a value that cannot be stored", detail=str(error)) from error
        return line + b"\n" + digest(line).encode() + b"\n"


def _placed(blocks: Mapping[int, Block], files: Mapping[str, int]) -> dict[str, Any]:
    """Return segments as [file, offset, length, digest, rows], blocks as [number, segment, start, rows]."""
    segments = dict.fromkeys(block.segment for _, block in sorted(blocks.items()))
    numbers = {segment: number for number, segment in enumerate(segments)}
    return {
        "segments": [[files[s.file], s.offset, s.length, s.digest, s.rows] for s in segments],
        "blocks": [[number, numbers[b.segment], b.start, b.rows] for number, b in sorted(blocks.items())],
    }


def _found(stored: Mapping[str, Any], files: list[str]) -> dict[int, Block]:
    """Return the blocks that `_placed` was given, or those of version 1: [number, file, offset, length, digest, rows]."""
    if "segments" not in stored:
        alone = {row[0]: Segment(files[row[1]], *row[2:]) for row in stored["blocks"]}
        return {number: Block(segment, 0, segment.rows) for number, segment in alone.items()}
    segments = [Segment(files[row[0]], *row[1:]) for row in stored["segments"]]
    return {row[0]: Block(segments[row[1]], *row[2:]) for row in stored["blocks"]}


_PLAIN = (
    "id",
    "shard",
    "pipeline",
    "epoch",
    "written",
    "last",
    "origin",
    "engine",
    "version",
    "key_hash",
    "key_groups",
    "rest",
    "receipts",
    "graph",
)
"""Fields that stand in the document as they are."""


def decoded(store: Store, name: str, data: bytes) -> Manifest:
    """Return the manifest of that name; raises `Damaged`, or `RunError` for a version that is not known."""
    line, _, rest = data.partition(b"\n")
    if rest != digest(line).encode() + b"\n":
        raise Damaged(store, name, "its hash is not that of its text")
    document: dict[str, Any] = json.loads(line)
    if document.get("caudal_checkpoint") not in (1, FORMAT):
        raise RunError(
            f"{name} in {store.url} is of version {document.get('caudal_checkpoint')!r}",
            hint=f"this caudal reads versions up to {FORMAT}: use the one that wrote it",
        )
    files = {name: File(size, whole) for name, size, whole in document["files"]}
    names = sorted(files)
    operators = {
        operator: Stored(
            stored["kind"],
            stored["version"],
            stored["values"],
            _found(stored, names),
            stored["fits"],
        )
        for operator, stored in document["operators"].items()
    }
    positions = {(source, partition): at for source, partition, at in document["positions"]}
    plain = {each: document[each] for each in _PLAIN}
    return Manifest(**plain, positions=positions, operators=operators, files=files, users=document.get("users", {}))


def read(store: Store, name: str) -> Manifest:
    """Read a manifest; raises `Absent`, `Damaged`, `StoreError`."""
    return decoded(store, name, store.read(name))
