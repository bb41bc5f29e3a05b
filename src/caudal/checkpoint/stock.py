"""What a store holds, as a whole: the snapshots of all shards, whether they are as they were written, and what is nobody's.

Files of other names are left alone, as the requests are (see `requests`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from caudal.checkpoint import manifest as manifests
from caudal.checkpoint.leases import FOLDER
from caudal.checkpoint.manifest import File, Manifest
from caudal.checkpoint.segments import Damaged, checksum, digest
from caudal.checkpoint.snapshots import ORPHANED, SAVEPOINTS, epoch_of
from caudal.checkpoint.store import Absent, Entry, Store
from caudal.core.errors import OptionError, RunError

_MANIFEST = re.compile(r".+/(\d{12}|\d+-[0-9a-f]+)\.json")
_STATE = re.compile(r".+/\d{12}-[0-9a-f]+(-\d+)?\.state")
"""What `snapshots` names manifests and files of segments."""

_TRIES = 10
"""How often a store is looked through anew where a job has discarded meanwhile what was to be read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest in a store, under its name; `manifest` is None where it cannot be read.

    `damage`: what is wrong with it, or with the files that it names, as far as is seen without reading these; "" for nothing.
    """

    name: str
    manifest: Manifest | None
    damage: str = ""

    @property
    def savepoint(self) -> bool:
        """Whether it is kept until somebody removes it."""
        return self.name.startswith(f"{SAVEPOINTS}/")

    @property
    def shard(self) -> str:
        """The shard that it is of; "" where that cannot be told."""
        if self.manifest is not None:
            return self.manifest.shard
        return "" if self.savepoint else self.name.rpartition("/")[0]

    @property
    def epoch(self) -> int:
        """Its epoch, which its name tells too."""
        return epoch_of(self.name)


@dataclass(frozen=True, slots=True)
class Stock:
    """All that is in a store: manifests, the oldest first; and every entry, files of segments among them."""

    found: Sequence[Found]
    entries: Sequence[Entry]

    @property
    def states(self) -> list[Entry]:
        """The files of segments."""
        return [each for each in self.entries if each.name.endswith(".state")]

    @property
    def size(self) -> int:
        """Bytes of all that is there."""
        return sum(each.size for each in self.entries)


def look(store: Store) -> Stock:
    """Return what is in a store; raises `OptionError` where no job has kept a checkpoint there, `StoreError`."""
    for _ in range(_TRIES):
        entries = [each for each in store.list("") if _MANIFEST.fullmatch(each.name) or _STATE.fullmatch(each.name)]
        try:
            sizes = {each.name: each.size for each in entries}
            found = [_read(store, each.name, sizes) for each in entries if each.name.endswith(".json")]
        except Absent:  # a job has discarded it since: what it has committed instead is there
            continue
        if not entries:
            raise OptionError(
                f"there are no checkpoints in {store.url}", hint="caudal run FILE --checkpoint URL keeps some there"
            )
        return Stock(sorted(found, key=_order), entries)
    raise RunError(f"{store.url} changes faster than it can be read", hint="try again, or stop the job")


def _read(store: Store, name: str, sizes: Mapping[str, int]) -> Found:
    try:
        manifest = manifests.read(store, name)
    except Damaged as error:
        return Found(name, None, error.detail)
    return Found(
        name, manifest, next(filter(None, (_wrong(store, name, sizes, *each) for each in manifest.files.items())), "")
    )


def _wrong(store: Store, namer: str, sizes: Mapping[str, int], name: str, file: File) -> str:
    """Return what a file's size says of it, "" for nothing wrong; raises `Absent` where the manifest that names it is gone too."""
    size = sizes.get(name)
    if size is not None:
        return _resized(name, size, file.size) if size != file.size else ""
    try:
        store.read(name, 0, 1)  # written since the store was listed
    except Absent:
        if not _there(store, namer):
            raise
        return f"{name} is not there"
    return ""


def _resized(name: str, size: int, written: int) -> str:
    return f"{name} has {size:,} bytes, and {written:,} were written"


def _order(found: Found) -> tuple[int, int, bool]:
    return found.epoch, 0 if found.manifest is None else found.manifest.written, found.savepoint


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not as it was written, and how that was seen."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was read of a store: manifests and files of segments, their bytes, and what of them is damaged."""

    manifests: int
    files: int
    bytes: int
    damaged: Sequence[Damage] = field(default_factory=list[Damage])
    unreferenced: int = 0
    """Files of segments that no manifest names, which nothing is known of."""


def verify(store: Store) -> Verified:
    """Read every byte of every manifest and of every file that one of them names. Raises `OptionError`, `StoreError`."""
    for _ in range(_TRIES):
        stock = look(store)
        try:
            return _verified(store, stock)
        except _Changed:  # a job has discarded a snapshot
            continue
    raise RunError(f"{store.url} changes faster than it can be read", hint="try again, or stop the job")


class _Changed(Exception):
    """A manifest is gone that was there."""


def _verified(store: Store, stock: Stock) -> Verified:
    damaged = [Damage(each.name, each.damage) for each in stock.found if each.manifest is None]
    wanted: dict[str, tuple[File, str]] = {}
    for each in stock.found:
        for name, file in each.manifest.files.items() if each.manifest is not None else ():
            known = wanted.setdefault(name, (file, each.name))
            if known[0] != file:
                damaged.append(Damage(name, f"{known[1]} and {each.name} do not say the same of it"))
    size = sum(each.size for each in stock.entries if each.name.endswith(".json"))
    for name, (file, namer) in sorted(wanted.items()):
        try:
            data = store.read(name)
        except Absent:
            if not _there(store, namer):
                raise _Changed from None
            damaged.append(Damage(name, f"it is not there, and {namer} names it"))
            continue
        size += len(data)
        if len(data) != file.size:
            damaged.append(Damage(name, f"it has {len(data):,} bytes, and {file.size:,} were written"))
        elif file.checksum not in (checksum(data), digest(data)):
            damaged.append(Damage(name, "its bytes are not those that were written"))
    loose = sum(each.name not in wanted for each in stock.states)
    return Verified(len(stock.found), len(wanted), size, damaged, loose)


def _there(store: Store, name: str) -> bool:
    return any(each.name == name for each in store.list(name.rpartition("/")[0]))


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed: names, and their bytes. `kept`: what no manifest names, and that a job may be about to name."""

    removed: Sequence[str]
    bytes: int
    kept: Sequence[str]


def collect(store: Store, *, savepoints: bool = False, now: float = 0.0) -> Collected:
    """Remove what no manifest names; with `savepoints` those too, and what only they name.

    Where a job runs, or may run, what is younger than a day is left alone: a manifest may be about to name it. `now`: seconds since
    the epoch, 0 for the clock's. Raises `Damaged` where a manifest cannot be read, since what it names is not known then;
    nothing is removed.
    """
    look(store)  # whether there is anything, before a lock is left in a directory that is for something else
    alone = _alone(store)
    try:
        stock = look(store)
        for each in stock.found:
            if each.manifest is None:
                raise Damaged(store, each.name, f"{each.damage}; so nothing is removed: what it names is not known")
        going = [each.name for each in stock.found if savepoints and each.savepoint]
        named = _named(stock, going)
        loose = [each for each in stock.states if each.name not in named]
        late = (now or time.time()) - (0 if alone else ORPHANED)
        before = _named(stock, [])
        # what a savepoint named was written long ago as far as a job is concerned: none is about to name it
        gone = [each for each in loose if alone or each.modified <= late or each.name in before]
        sizes = {each.name: each.size for each in stock.entries}
        if savepoints:
            going += [each.name for each in store.list(SAVEPOINTS) if each.name.endswith((".group", ".taken"))]
            sizes |= {each.name: each.size for each in store.list(SAVEPOINTS)}
        names = [*going, *(each.name for each in gone)]  # manifests first: none may name what is not there
        store.delete(names)
        kept = sorted({each.name for each in loose} - set(names))
        return Collected(names, sum(sizes[name] for name in names), kept)
    finally:
        store.close()


def _named(stock: Stock, without: Sequence[str]) -> set[str]:
    return {
        file
        for each in stock.found
        if each.manifest is not None and each.name not in without
        for file in each.manifest.files
    }


def _alone(store: Store) -> bool:
    """Whether no job can be running here: the store is held for this process from now on. Workers of a group hold no store."""
    if not store.exclusive or store.list(FOLDER):
        return False
    try:
        store.hold()
    except OptionError:
        return False
    return True


def last(stock: Stock) -> set[str]:
    """Return the names of the last commit of each shard, from which a run would go on, or refuse to where it is damaged."""
    return set({each.shard: each.name for each in stock.found if not each.savepoint}.values())
