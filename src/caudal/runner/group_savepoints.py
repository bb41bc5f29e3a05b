"""Savepoints of a group: a snapshot of each shard, kept until somebody removes it, and a list of them.

    savepoints/<id>.json     a shard's snapshot, as that of a job (see `checkpoint.snapshots`)
    savepoints/<id>.group    which snapshots make the savepoint, where each shard stands, and what the group has agreed on

It is made while all shards rest (see `rests`), so none of them moves. What waits in repartition topics is not copied: whoever begins from
the savepoint goes on with these topics, and the job that left them does not go on any more.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from caudal.checkpoint import requests
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.segments import Damaged
from caudal.checkpoint.snapshots import SAVEPOINTS, Snapshots, epoch_of, find
from caudal.checkpoint.stock import Damage
from caudal.checkpoint.store import Absent, Exists, Store, open_store
from caudal.core.errors import OptionError, RunError
from caudal.runner.agreement import agreed, shards_of
from caudal.runner.rests import MOVED, Rest, at_rest, moved
from caudal.runner.resuming import split
from caudal.runner.tokens import Token, parsed

_VERSION = 1
_DEALT = 2
"""Version of a savepoint whose shards are not those of the job that it was made of."""


@dataclass(frozen=True, slots=True)
class GroupSavepoint:
    """Where a group begins. `shards`: where each stood; `agreed`: see there.

    `left`: where the shards of the job stood that it was made of, where that was dealt anew; its repartition topics are new.
    """

    id: str
    written: int
    agreed: Mapping[str, Any]
    shards: Mapping[str, Rest]
    store: Store
    left: Mapping[str, Rest] = field(default_factory=dict[str, Rest])

    @property
    def between(self) -> int:
        """How many partitions its repartition topics have, 0 where there are none."""
        return max(self.agreed["between"].values(), default=0)

    def offsets(self, shard: str) -> Mapping[str, int]:
        """Return where the partitions of a shard stood."""
        return self.shards[shard].offsets

    def elsewhere(self, token: Token, shard: str) -> bool:
        """Whether what a group says is of the job that was left here; raises `RunError` where that job has gone on."""
        if token.genesis and token.start.startswith(f"{self.id}/"):
            return False
        stood = (self.left or self.shards).get(shard)
        if stood is not None and token.text() == stood.token:
            return True
        raise RunError(
            f"the group does not stand any more where the savepoint {self.id} was made",
            detail=f"shard {shard}",
            hint="begin under another --group",
        )

    def snapshot(self, shard: str) -> Manifest | None:
        """Return the snapshot of a shard, None for one of which nothing was committed.

        Raises `OptionError` where it is gone, `Damaged`, `StoreError`.
        """
        token = parsed(self.shards[shard].token, shard)
        return None if token.genesis else find(self.store, shard, token.snapshot)

    def manifest(self, shard: str, source: Callable[[str], str]) -> Manifest | None:
        """Return the snapshot of a shard, its positions those of the operators that read its partitions now; see `snapshot`."""
        manifest, rest = self.snapshot(shard), self.shards[shard]
        if manifest is None:
            return None
        return replace(manifest, positions={(source(name), name): at for name, at in rest.offsets.items()})

    def spent(self) -> str:
        """Return why no other checkpoint may begin from it any more, "" where one may. Raises `StoreError`."""
        if not self.between:
            return ""
        if self.left:
            taken = self._taken()
            return f"the checkpoint {taken['to']} has begun from it, with its repartition topics" if taken else ""
        if (found := moved(self.store)) is not None:
            return f"the checkpoint {found['to']} has taken the job over, with its repartition topics"
        gone_on = at_rest(self.store, self.shards) != self.shards
        return "the job has gone on since, with the repartition topics" if gone_on else ""

    def take_over(self, url: str, incarnation: str) -> None:
        """Go on with the repartition topics of the job: it is this checkpoint's from now on.

        Raises `OptionError` where it has gone on itself since, or another has taken it over.
        """
        mine = {"to": url, "incarnation": incarnation}
        if self.left:
            self._take(mine)
            return
        try:
            self.store.create(MOVED, json.dumps({**mine, "sure": False}).encode())
        except Exists:
            pass
        found = moved(self.store)
        if found is None or found["incarnation"] != incarnation:
            raise OptionError(
                f"the job of {self.store.url} was taken over, with its repartition topics, by another checkpoint",
                detail=str(found and found["to"]),
                hint="make a savepoint of that one",
            )
        if found["sure"]:
            return
        if (
            at_rest(self.store, self.shards) != self.shards
        ):  # whoever begins there later looks for what was created above
            self.store.delete([MOVED])
            raise OptionError(
                f"the job of {self.store.url} has gone on since its savepoint {self.id}, with the repartition topics",
                hint="make another savepoint, and begin from that",
            )
        self.store.replace(MOVED, json.dumps({**mine, "sure": True}).encode())

    def _take(self, mine: Mapping[str, str]) -> None:
        """Take the repartition topics that were named for this savepoint: one job alone may use them."""
        try:
            self.store.create(f"{SAVEPOINTS}/{self.id}.taken", json.dumps(mine).encode())
        except Exists:
            found = self._taken()
            assert found is not None
            if found["incarnation"] != mine["incarnation"]:
                raise OptionError(
                    f"the savepoint {self.id} was begun from already, with its repartition topics, by another checkpoint",
                    detail=str(found["to"]),
                    hint="rescale again, and begin from that savepoint",
                ) from None

    def _taken(self) -> dict[str, Any] | None:
        try:
            return json.loads(self.store.read(f"{SAVEPOINTS}/{self.id}.taken"))
        except Absent:
            return None


def named(restore: str) -> GroupSavepoint | None:
    """Return the savepoint of a group at `URL[@ID]`, "": the last one; None where the store is no group's.

    Raises `OptionError` where there is none, `StoreError`.
    """
    url, id = split(restore)
    store = open_store(url, create=False, shared=True)
    if agreed(store) is None:
        store.close()
        return None
    found = [_read(store, name) for name in _names(store) if id in ("", _id(name))]
    if not found:
        raise OptionError(
            f"there is no savepoint {id}".rstrip() + f" in {url}, where a group of workers keeps its checkpoints",
            hint=f"caudal savepoint {url} makes one",
        )
    return max(found, key=lambda each: each.written)


def listed(store: Store) -> list[GroupSavepoint | Damaged]:
    """Return all savepoints of a group in a store, the oldest first, behind those that are damaged. Raises `StoreError`."""
    found: list[GroupSavepoint] = []
    damaged: list[Damaged] = []
    for name in _names(store):
        try:
            found.append(_read(store, name))
        except Absent:
            continue  # removed meanwhile
        except Damaged as error:
            damaged.append(error)
    found.sort(key=lambda each: each.written)
    return [*damaged, *found]


def damaged(store: Store) -> list[Damage]:
    """Return what is wrong with the lists of a group's savepoints: one that cannot be read, or that names what is not there."""
    found: list[Damage] = []
    for each in listed(store):
        if isinstance(each, Damaged):
            found.append(Damage(each.file, each.detail))
            continue
        for shard in each.shards:
            try:
                each.snapshot(shard)
            except OptionError:
                why = f"it names a snapshot of shard {shard} that is not there"
                found.append(Damage(f"{SAVEPOINTS}/{each.id}.group", why))
            except Damaged:
                continue  # a snapshot is looked at for itself
    return found


def _names(store: Store) -> list[str]:
    return [each.name for each in store.list(SAVEPOINTS) if each.name.endswith(".group")]


def _id(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".group")


def _read(store: Store, name: str) -> GroupSavepoint:
    try:
        told = json.loads(store.read(name))
    except ValueError as error:
        raise Damaged(store, name, f"it is no JSON: {error}") from error
    if told.get("caudal_savepoint") not in (_VERSION, _DEALT):
        raise RunError(
            f"{name} in {store.url} is of version {told.get('caudal_savepoint')!r}",
            hint=f"this caudal reads versions {_VERSION} and {_DEALT}: use the one that wrote it",
        )
    shards = {shard: Rest(**rest) for shard, rest in told["shards"].items()}
    left = {shard: Rest(**rest) for shard, rest in told.get("left", {}).items()}
    return GroupSavepoint(told["id"], told["written"], told["agreed"], shards, store, left)


def make(store: Store, *, stop: bool, timeout: float) -> tuple[str, bool]:
    """Make a savepoint of the group in a store; return its id, and whether workers were asked to end for it.

    Waits `timeout` seconds at most for all shards to rest. Raises `OptionError`, `RunError`, `StoreError`.
    """
    known = agreed(store)
    assert known is not None
    shards = shards_of(known)
    if (found := moved(store)) is not None:
        raise OptionError(f"the job of {store.url} was taken over by the checkpoint {found['to']}")
    if _awake(at_rest(store, shards)):
        if not stop:
            raise OptionError(
                "a group's savepoint is made while its workers rest: they end behind it",
                hint="leave --keep-running out, and start them again",
            )
        with requests.asked(store, stop=True, timeout=timeout) as waiting:
            while awake := _awake(at_rest(store, shards)):
                if not waiting():
                    raise _tired(store, awake, timeout)
            return _kept(store, known, shards), True
    return _kept(store, known, shards), False


def _awake(found: Mapping[str, Rest | None]) -> list[str]:
    return [shard for shard, rest in found.items() if rest is None]


def _kept(store: Store, known: Mapping[str, Any], shards: list[str]) -> str:
    """Keep what all shards stand at; raises `RunError` where one of them has moved meanwhile."""
    rests = at_rest(store, shards)
    origin = known.get("origin", "")
    kept: list[str] = []
    for shard, rest in rests.items():
        token = parsed(rest.token, shard) if rest is not None else None
        if origin and token is not None and token.start.startswith(f"{origin}/"):
            raise RunError(
                f"nothing of shard {shard} was committed since the group began from the savepoint {origin}",
                hint="start workers until they have committed, and try again",
            )
        if token is not None and not token.genesis:
            snapshots = Snapshots(store, shard, known["pipeline"], decides=False)
            manifest = snapshots.read(token.snapshot, token.hash)
            if manifest is None:
                raise RunError(f"the snapshot {token.snapshot} of shard {shard} is not in {store.url}")
            kept.append(snapshots.keep(manifest))
    id = write(store, kept, known, {shard: rest for shard, rest in rests.items() if rest is not None})
    after = at_rest(store, shards)  # a worker that begins later looks at what is kept before it removes anything
    if after != rests or _awake(after):
        store.delete([f"{SAVEPOINTS}/{id}.group"])
        raise RunError(f"a worker has begun to read in {store.url} meanwhile", hint="try again")
    return id


def write(
    store: Store,
    kept: Iterable[str],
    known: Mapping[str, Any],
    shards: Mapping[str, Rest],
    left: Mapping[str, Rest] | None = None,
) -> str:
    """Write which snapshots make a savepoint, those `kept`; return its id. `left`: see `GroupSavepoint`."""
    id = f"{max(map(epoch_of, kept), default=0)}-{secrets.token_hex(4)}"
    told: dict[str, Any] = {
        "caudal_savepoint": _VERSION if left is None else _DEALT,
        "id": id,
        "written": time.time_ns() // 1_000_000,
        "agreed": dict(known),
        "shards": {shard: asdict(rest) for shard, rest in shards.items()},
    }
    if left is not None:
        told["left"] = {shard: asdict(rest) for shard, rest in left.items()}
    store.create(f"{SAVEPOINTS}/{id}.group", json.dumps(told).encode())
    return id


def _tired(store: Store, awake: list[str], timeout: float) -> RunError:
    return RunError(
        f"not all shards of the group in {store.url} have come to rest within {timeout:g} s",
        detail=f"{', '.join(awake[:10])}: somebody has them, or nobody since a worker was killed, or they were never read",
        hint="wait longer with --timeout; where no worker runs, start one until it has committed all, and try again",
    )
