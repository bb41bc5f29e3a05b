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
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from caudal.checkpoint import requests
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import SAVEPOINTS, Snapshots, epoch_of, find
from caudal.checkpoint.store import Absent, Exists, Store, open_store
from caudal.core.errors import OptionError, RunError
from caudal.runner.rests import MOVED, Rest, at_rest, moved
from caudal.runner.resuming import split
from caudal.runner.tokens import Token, parsed

AGREED = "group.json"
"""What all workers of a group agree on; its presence makes a store a group's."""

_VERSION = 1


def agreed(store: Store) -> dict[str, Any] | None:
    """Return what the group of this store has agreed on, None where it is none's. Raises `StoreError`."""
    try:
        return {"between": {}, "incarnation": "", "rows": {}, **json.loads(store.read(AGREED))}
    except Absent:
        return None


def prefix_of(known: Mapping[str, Any]) -> str:
    """Return what the names of a group's repartition topics begin with."""
    return known.get("prefix") or f"{known['group']}.{known['incarnation']}"


@dataclass(frozen=True, slots=True)
class GroupSavepoint:
    """Where a group begins. `shards`: where each stood; `agreed`: see there."""

    id: str
    written: int
    agreed: Mapping[str, Any]
    shards: Mapping[str, Rest]
    store: Store

    def offsets(self, shard: str) -> Mapping[str, int]:
        """Return where the partitions of a shard stood."""
        return self.shards[shard].offsets

    def elsewhere(self, token: Token, shard: str) -> bool:
        """Whether what a group says is of the job that was left here; raises `RunError` where that job has gone on."""
        if token.genesis and token.start.startswith(f"{self.id}/"):
            return False
        if token.text() == self.shards[shard].token:
            return True
        raise RunError(
            f"the group does not stand any more where the savepoint {self.id} was made",
            detail=f"shard {shard}",
            hint="begin under another --group",
        )

    def manifest(self, shard: str, source: str) -> Manifest | None:
        """Return the snapshot of a shard, its positions those of the operator `source`; None for one of which nothing was committed.

        Raises `OptionError` where it is gone, `Damaged`, `StoreError`.
        """
        rest = self.shards[shard]
        token = parsed(rest.token, shard)
        if token.genesis:
            return None
        manifest = find(self.store, shard, token.snapshot)
        return replace(manifest, positions={(source, name): at for name, at in rest.offsets.items()})

    def take_over(self, url: str, incarnation: str) -> None:
        """Go on with the repartition topics of the job: it is this checkpoint's from now on.

        Raises `OptionError` where it has gone on itself since, or another has taken it over.
        """
        mine = {"to": url, "incarnation": incarnation}
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


def named(restore: str) -> GroupSavepoint | None:
    """Return the savepoint of a group at `URL[@ID]`, "": the last one; None where the store is no group's.

    Raises `OptionError` where there is none, `StoreError`.
    """
    url, id = split(restore)
    store = open_store(url, create=False, shared=True)
    if agreed(store) is None:
        store.close()
        return None
    names = [each.name for each in store.list(SAVEPOINTS) if each.name.endswith(".group")]
    found = [_read(store, name) for name in names if id in ("", name.rpartition("/")[2].removesuffix(".group"))]
    if not found:
        raise OptionError(
            f"there is no savepoint {id}".rstrip() + f" in {url}, where a group of workers keeps its checkpoints",
            hint=f"caudal savepoint {url} makes one",
        )
    return max(found, key=lambda each: each.written)


def _read(store: Store, name: str) -> GroupSavepoint:
    told = json.loads(store.read(name))
    if told.get("caudal_savepoint") != _VERSION:
        raise RunError(
            f"{name} in {store.url} is of version {told.get('caudal_savepoint')!r}",
            hint=f"this caudal reads version {_VERSION}: use the one that wrote it",
        )
    shards = {shard: Rest(**rest) for shard, rest in told["shards"].items()}
    return GroupSavepoint(told["id"], told["written"], told["agreed"], shards, store)


def make(store: Store, *, stop: bool, timeout: float) -> tuple[str, bool]:
    """Make a savepoint of the group in a store; return its id, and whether workers were asked to end for it.

    Waits `timeout` seconds at most for all shards to rest. Raises `OptionError`, `RunError`, `StoreError`.
    """
    known = agreed(store)
    assert known is not None
    shards = _shards(known)
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


def _shards(known: Mapping[str, Any]) -> list[str]:
    first = [str(number) for number in range(max(known["partitions"].values(), default=0))]
    return first + [f"{slug}.{number}" for slug, count in known["between"].items() for number in range(count)]


def _awake(found: Mapping[str, Rest | None]) -> list[str]:
    return [shard for shard, rest in found.items() if rest is None]


def _kept(store: Store, known: Mapping[str, Any], shards: list[str]) -> str:
    """Keep what all shards stand at; raises `RunError` where one of them has moved meanwhile."""
    rests = at_rest(store, shards)
    kept: list[str] = []
    for shard, rest in rests.items():
        token = parsed(rest.token, shard) if rest is not None else None
        if token is not None and not token.genesis:
            snapshots = Snapshots(store, shard, known["pipeline"], decides=False)
            manifest = snapshots.read(token.snapshot, token.hash)
            if manifest is None:
                raise RunError(f"the snapshot {token.snapshot} of shard {shard} is not in {store.url}")
            kept.append(snapshots.keep(manifest))
    id = f"{max(map(epoch_of, kept), default=0)}-{secrets.token_hex(4)}"
    told = {
        "caudal_savepoint": _VERSION,
        "id": id,
        "written": time.time_ns() // 1_000_000,
        "agreed": dict(known),
        "shards": {shard: asdict(rest) for shard, rest in rests.items() if rest is not None},
    }
    name = f"{SAVEPOINTS}/{id}.group"
    store.create(name, json.dumps(told).encode())
    after = at_rest(store, shards)  # a worker that begins later looks at what is kept before it removes anything
    if after != rests or _awake(after):
        store.delete([name])
        raise RunError(f"a worker has begun to read in {store.url} meanwhile", hint="try again")
    return id


def _tired(store: Store, awake: list[str], timeout: float) -> RunError:
    return RunError(
        f"not all shards of the group in {store.url} have come to rest within {timeout:g} s",
        detail=f"{', '.join(awake[:10])}: somebody has them, or nobody since a worker was killed, or they were never read",
        hint="wait longer with --timeout; where no worker runs, start one until it has committed all, and try again",
    )
