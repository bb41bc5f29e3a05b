"""A manifest: all that is known of one snapshot of a shard, as a line of JSON with its hash behind it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from caudal.checkpoint.segments import Damaged, Segment, digest
from caudal.checkpoint.store import Store
from caudal.core.errors import RunError
from caudal.ports.sink import Receipt
from caudal.ports.transaction import Place

FORMAT = 1
"""The version of this layout. A version that is not known is refused, never guessed at."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An operator's state: its layout's kind and version, plain values, and where its blocks are, by number.

    `fits`: what of the plan its state depends on (see `runner.migration`), as JSON.
    """

    kind: str
    version: int
    values: Mapping[str, Any]
    blocks: Mapping[int, Segment]
    fits: Any = None


class File(NamedTuple):
    """A file of segments: its size in bytes, and the SHA-256 of them all in hex, so that damage is found where nobody reads too."""

    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot.

    `id`: its epoch and something random; `written`: milliseconds since 1970; `last`: the run has come to the end of its data.
    `origin`: the id of the savepoint that its run began from, "" for none. `engine`, `version`, `key_hash`, `key_groups`,
    `positions`, `rest`: see `ports.snapshot.State`. `receipts`: what the sinks have staged for the epoch. `files`: those that `operators`
    refer to, by name. `graph`: what the counts of the ledger are counts of (see `runner.migration`).
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

    @property
    def live(self) -> int:
        """The bytes of all blocks that are part of it."""
        return sum(segment.length for stored in self.operators.values() for segment in stored.blocks.values())

    @property
    def rows(self) -> int:
        """The rows of all blocks that are part of it."""
        return sum(segment.rows for stored in self.operators.values() for segment in stored.blocks.values())

    def encoded(self) -> bytes:
        """Return the manifest as bytes. Raises `RunError` for a value that JSON cannot hold, which is a defect."""
        numbers = {name: number for number, name in enumerate(sorted(self.files))}
        document = {
            "caudal_checkpoint": FORMAT,
            **{name: getattr(self, name) for name in _PLAIN},
            "positions": [[*place, at] for place, at in sorted(self.positions.items())],
            "files": [[name, *self.files[name]] for name in sorted(self.files)],
            "operators": {
                name: {
                    "kind": stored.kind,
                    "version": stored.version,
                    "values": dict(stored.values),
                    "fits": stored.fits,
                    # [number, file, offset, length, digest, rows]
                    "blocks": [
                        [number, numbers[s.file], s.offset, s.length, s.digest, s.rows]
                        for number, s in sorted(stored.blocks.items())
                    ],
                }
                for name, stored in self.operators.items()
            },
        }
        try:
            line = json.dumps(document, ensure_ascii=True, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise RunError("the state holds a value that cannot be stored", detail=str(error)) from error
        return line + b"\n" + digest(line).encode() + b"\n"


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
    if document.get("caudal_checkpoint") != FORMAT:
        raise RunError(
            f"{name} in {store.url} is of version {document.get('caudal_checkpoint')!r}",
            hint=f"this caudal reads version {FORMAT}: use the one that wrote it",
        )
    files = {name: File(size, whole) for name, size, whole in document["files"]}
    names = sorted(files)
    operators = {
        operator: Stored(
            stored["kind"],
            stored["version"],
            stored["values"],
            {number: Segment(names[file], *where) for number, file, *where in stored["blocks"]},
            stored["fits"],
        )
        for operator, stored in document["operators"].items()
    }
    positions = {(source, partition): at for source, partition, at in document["positions"]}
    return Manifest(**{each: document[each] for each in _PLAIN}, positions=positions, operators=operators, files=files)


def read(store: Store, name: str) -> Manifest:
    """Read a manifest; raises `Absent`, `Damaged`, `StoreError`."""
    return decoded(store, name, store.read(name))
