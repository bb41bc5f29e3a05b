"""The snapshots of one shard in a store: written as deltas, compacted, committed, found again, discarded.

    <shard>/000000000012-5f3a9c1e.state    segments that the epoch 12 has added
    <shard>/000000000012.json              the manifest of that epoch, whose creation is its commit
    <shard>/12-5f3a9c1e.json               the same where something else commits, which then names it
    savepoints/<id>.json                   a manifest that is kept until somebody removes it
    savepoints/<id>.group                  which of them make the savepoint of a group

A state's blocks never change, so a snapshot writes those that are new and refers to the others where they are. Of files that
are mostly out of date the living blocks are written anew: a store holds little more than twice its live bytes for each
manifest, however long a job runs.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from caudal.checkpoint import manifest as manifests
from caudal.checkpoint.manifest import File, Manifest, Stored
from caudal.checkpoint.segments import Block, Damaged, Segment, checksum, decoded, digest, encode
from caudal.checkpoint.store import Absent, Store
from caudal.core.errors import OptionError
from caudal.ports.sink import Receipt
from caudal.ports.snapshot import OperatorState, State

if TYPE_CHECKING:
    import pyarrow as pa

SAVEPOINTS = "savepoints"

FILE = 64 << 20
"""Bytes of segments that a file holds at most, but for one that is longer by itself."""

SEGMENT = 2 << 20
"""Bytes of blocks, as they are in memory, after which another segment is begun."""

MOST_FILES = 24
"""Files that a manifest refers to before the smallest are copied together."""

SLACK = 1 << 20
"""Bytes that may be out of date whatever the size of the state: nothing is copied for so little."""

ORPHANED = 24 * 3600
"""Seconds after which what no manifest names is nobody's, in a store that others may write to."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A snapshot whose segments are stored, and that is not committed."""

    epoch: int
    state: State
    operators: Mapping[str, Stored]
    files: Mapping[str, File]


class Snapshots:
    """Writes and reads the snapshots of a shard. Used by one thread at a time."""

    def __init__(self, store: Store, shard: str, pipeline: str, *, decides: bool = True) -> None:
        """`decides`: the creation of a manifest commits its epoch, so there is one for each; else something else commits it."""
        self.store = store
        self._decides = decides
        self.shard = shard
        self.pipeline = pipeline
        self._base: Mapping[str, Stored] = {}
        self._files: dict[str, File] = {}
        self._named: dict[str, frozenset[str]] = {}
        """The files that each manifest refers to, by its name."""

    # -- reading ---------------------------------------------------------------------------------------------------

    def take_stock(self, now: float) -> list[Manifest]:
        """Return the manifests there are, the oldest first, and remove what no manifest names; at the start of a run.

        `now`: seconds since the epoch. Raises `Damaged`, `StoreError`.
        """
        entries = self.store.list(self.shard)
        names = [each.name for each in entries if each.name.endswith(".json")]
        found = [manifests.read(self.store, name) for name in names]
        kept = [
            manifests.read(self.store, each.name) for each in self.store.list(SAVEPOINTS) if each.name.endswith(".json")
        ]
        self._named = {name: frozenset(each.files) for name, each in zip(names, found, strict=True)}
        self._named |= {f"{SAVEPOINTS}/{each.id}.json": frozenset(each.files) for each in kept}
        named = frozenset[str]().union(*self._named.values())
        late = now if self.store.exclusive else now - ORPHANED
        self.store.delete(
            each.name
            for each in entries
            if each.name.endswith(".state") and each.name not in named and each.modified <= late
        )
        return sorted(found, key=lambda each: each.epoch)

    def load(self, manifest: Manifest) -> State:
        """Return the state of a manifest, every byte of it verified; what is written next is a delta behind it."""
        self._base = manifest.operators
        self._files = dict(manifest.files)
        with ThreadPoolExecutor(4) as pool:
            operators = {
                name: OperatorState(
                    stored.kind, stored.version, stored.values, self._read(name, stored, stored.blocks, pool)
                )
                for name, stored in manifest.operators.items()
            }
        return State(
            manifest.engine,
            manifest.version,
            manifest.key_hash,
            manifest.key_groups,
            manifest.positions,
            operators,
            manifest.rest,
        )

    def _read(
        self, operator: str, stored: Stored, blocks: Mapping[int, Block], pool: ThreadPoolExecutor
    ) -> dict[int, pa.Table]:
        """Return these blocks of an operator, each in memory of its own, so that none keeps another's."""
        import numpy as np
        import pyarrow as pa

        segments = list(dict.fromkeys(block.segment for block in blocks.values()))
        tables = pool.map(lambda each: decoded(self.store, each, operator, stored.kind, stored.version), segments)
        found = dict(zip(segments, tables, strict=True))

        def own(block: Block) -> pa.Table:
            table = found[block.segment]
            if block.rows == table.num_rows:
                return table
            return table.take(pa.array(np.arange(block.start, block.start + block.rows)))

        return {number: own(block) for number, block in blocks.items()}

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, epoch: int, state: State, fits: Mapping[str, Any]) -> Draft:
        """Store what is new in a state since the one before (a whole one stands alone). Raises `StoreError`; it may be repeated."""
        files = _Files(self.store, f"{self.shard}/{epoch:012d}-{secrets.token_hex(4)}")
        operators: dict[str, Stored] = {}
        for name, each in state.operators.items():
            before = self._base.get(name)
            blocks = {} if each.whole or before is None else dict(before.blocks)
            for number in each.removed:
                del blocks[number]
            blocks |= files.put(name, each.kind, each.version, each.blocks)
            operators[name] = Stored(each.kind, each.version, each.values, blocks, fits.get(name))
        operators = self._compacted(operators, files)
        files.close()
        used = {block.file for stored in operators.values() for block in stored.blocks.values()}
        known = {**self._files, **files.written}
        return Draft(epoch, state, operators, {name: file for name, file in known.items() if name in used})

    def manifest(
        self,
        draft: Draft,
        receipts: Mapping[str, Receipt],
        *,
        last: bool = False,
        origin: str = "",
        graph: str = "",
        users: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Manifest:
        """Return the manifest of a draft; see there for the other arguments."""
        state = draft.state
        return Manifest(
            id=f"{draft.epoch}-{secrets.token_hex(4)}",
            shard=self.shard,
            pipeline=self.pipeline,
            epoch=draft.epoch,
            written=time.time_ns() // 1_000_000,
            last=last,
            origin=origin,
            engine=state.engine,
            version=state.version,
            key_hash=state.key_hash,
            key_groups=state.key_groups,
            positions=state.positions,
            rest=state.rest,
            operators=draft.operators,
            files=draft.files,
            receipts=receipts,
            graph=graph,
            users=users or {},
        )

    def commit(self, manifest: Manifest) -> None:
        """Create the manifest of an epoch; raises `Exists` where another has committed that epoch, else `StoreError`."""
        self.store.create(self._name(manifest.id), manifest.encoded())

    def read(self, id: str, hash: str = "") -> Manifest | None:
        """Return the manifest of an id (where manifests decide, that of its epoch), None where there is none.

        `hash`: that of its bytes, "" for any. Raises `Damaged`, `StoreError`.
        """
        name = self._name(id)
        try:
            data = self.store.read(name)
        except Absent:
            return None
        if hash and digest(data) != hash:
            raise Damaged(self.store, name, "it is not the one that was committed")
        return manifests.decoded(self.store, name, data)

    def adopt(self, manifest: Manifest) -> None:
        """The manifest was committed: the next delta is behind it."""
        self._base, self._files = manifest.operators, dict(manifest.files)
        self._named[self._name(manifest.id)] = frozenset(manifest.files)

    def confirm(self, manifest: Manifest) -> None:
        """Make sure that a manifest that is there will be there after a crash: its creation was answered by an error."""
        self.store.replace(self._name(manifest.id), manifest.encoded())

    def discard(self, epoch: int, keep: Iterable[str]) -> None:
        """The epoch was committed: remove all manifests up to it but those with these ids, and the files that only they refer to."""
        kept = {self._name(id) for id in keep}
        own = [name for name in self._named if name.startswith(f"{self.shard}/") and name not in kept]
        gone = [name for name in own if epoch_of(name) <= epoch]
        files = frozenset[str]().union(*(self._named.pop(name) for name in gone))
        self.store.delete(gone)
        self.store.delete(sorted(files - frozenset[str]().union(*self._named.values())))

    def keep(self, manifest: Manifest) -> str:
        """Make a savepoint of a manifest; return its id."""
        name = f"{SAVEPOINTS}/{manifest.id}.json"
        self.store.replace(name, manifest.encoded())
        self._named[name] = frozenset(manifest.files)
        return manifest.id

    def _name(self, id: str) -> str:
        return f"{self.shard}/{int(id.split('-')[0]):012d}.json" if self._decides else f"{self.shard}/{id}.json"

    def _compacted(self, operators: dict[str, Stored], files: _Files) -> dict[str, Stored]:
        """Return the operators with the living blocks of files that are to go written into the new ones."""
        live: dict[str, int] = {}
        for stored in operators.values():
            for block in stored.blocks.values():
                live[block.file] = live.get(block.file, 0) + block.length
        old = {name: size for name, size in live.items() if name in self._files}
        going = _going(old, {name: file.size for name, file in self._files.items()}, sum(live.values()))
        if not going:
            return operators

        def kept(name: str, stored: Stored, pool: ThreadPoolExecutor) -> Stored:
            moving = {number: block for number, block in stored.blocks.items() if block.file in going}
            if not moving:
                return stored
            tables = self._read(name, stored, moving, pool)
            moved = files.put(name, stored.kind, stored.version, tables)
            return replace(stored, blocks={**stored.blocks, **moved})

        with ThreadPoolExecutor(1) as pool:
            return {name: kept(name, stored, pool) for name, stored in operators.items()}


def _going(live: Mapping[str, int], sizes: Mapping[str, int], total: int) -> set[str]:
    """Return the files whose living blocks are to be written anew: the most outdated, and the smallest of too many."""
    going: set[str] = set()
    waste = sum(sizes[name] for name in live) - sum(live.values())
    for name in sorted(live, key=lambda name: live[name] / max(1, sizes[name])):
        if waste <= max(total // 2, SLACK):
            break
        going.add(name)
        waste -= sizes[name] - live[name]
    left = sorted((name for name in live if name not in going), key=lambda name: sizes[name])
    if len(left) > MOST_FILES:
        going.update(left[: len(left) // 2])
    return going


class _Files:
    """Files that are being written: segments behind one another."""

    def __init__(self, store: Store, stem: str) -> None:
        self.written: dict[str, File] = {}
        self._store = store
        self._stem = stem
        self._data = memoryview(b"")
        self._size = 0

    @property
    def _name(self) -> str:
        """The name of the file that is being written."""
        return f"{self._stem}-{len(self.written)}.state" if self.written else f"{self._stem}.state"

    def put(self, operator: str, kind: str, version: int, blocks: Mapping[int, pa.Table]) -> dict[int, Block]:
        """Write blocks, small ones of one layout together: what a segment costs by itself is that of a thousand rows."""
        placed: dict[int, Block] = {}
        together: dict[int, pa.Table] = {}
        size = 0

        def write() -> None:
            if not together:
                return
            table = concatenated(list(together.values()))
            segment = self.add(encode(operator, kind, version, table, self.room), table.num_rows)
            start = 0
            for number, each in together.items():
                placed[number] = Block(segment, start, each.num_rows)
                start += each.num_rows
            together.clear()

        for number, table in blocks.items():
            before = next(iter(together.values()), table)
            if size > SEGMENT or table.schema != before.schema:
                write()
                size = 0
            together[number] = table
            size += table.get_total_buffer_size()
        write()
        return placed

    def room(self, size: int) -> memoryview:
        """Return memory for a segment of so many bytes, in the file that it will be in."""
        if self._size + size > len(self._data):
            self.close()
            self._data = _memory(max(size, FILE))
        return self._data[self._size : self._size + size]

    def add(self, data: memoryview, rows: int) -> Segment:
        """Put the segment that was written into the last room behind the others."""
        segment = Segment(self._name, self._size, len(data), digest(data), rows)
        self._size += len(data)
        return segment

    def close(self) -> None:
        """Store what there is."""
        if not self._size:
            return
        name = self._name
        data = self._data[: self._size]
        self._store.create(name, data)
        self.written[name] = File(self._size, checksum(data))
        self._data, self._size = memoryview(b""), 0


def _memory(size: int) -> memoryview:
    """Return so many bytes, of which none is touched before it is written."""
    import pyarrow as pa

    return memoryview(pa.allocate_buffer(size)).cast("B")


def concatenated(tables: list[pa.Table]) -> pa.Table:
    """Return tables of one schema behind one another, each column in one piece."""
    import pyarrow as pa

    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).combine_chunks()


def find(store: Store, shard: str, id: str = "") -> Manifest:
    """Return the snapshot with this id, a savepoint or one that was committed; "": the latest of all.

    Only what is asked for is read, so that what is damaged beside it does no harm. Raises `OptionError` where there is none,
    `Damaged`, `StoreError`.
    """
    found: list[Manifest] = []
    if id:
        epoch = id.partition("-")[0]
        names = [f"{shard}/{id}.json", f"{shard}/{int(epoch):012d}.json"] if epoch.isdecimal() else []
        for name in (f"{SAVEPOINTS}/{id}.json", *names):
            try:
                found.append(manifests.read(store, name))
            except Absent:
                continue
        found = [each for each in found if each.id == id]
    else:
        names = [each.name for each in (*store.list(shard), *store.list(SAVEPOINTS)) if each.name.endswith(".json")]
        latest = max(map(epoch_of, names), default=0)
        found = [manifests.read(store, name) for name in names if epoch_of(name) == latest]
    if not found:
        what = f"no checkpoint {id}" if id else "no checkpoint"
        raise OptionError(f"there is {what} in {store.url}", hint=f"see: caudal checkpoints ls {store.url}")
    return max(found, key=lambda each: each.written)


def epoch_of(name: str) -> int:
    """Return the epoch that a manifest's name tells: `<shard>/<epoch>.json`, or `<id>.json`, which begins with it."""
    text = name.rpartition("/")[2].removesuffix(".json").partition("-")[0]
    return int(text) if text.isdecimal() else 0
