"""Shards at rest: what a store alone can prove of where the shards of a group stand while nobody reads them.

    <shard>/begun    the mark: who has the shard, written before it is loaded
    <shard>/rests    who gives it up leaves here where it stands, and the hash of the mark under which it was had
    moved            which checkpoint took the job over, with its repartition topics: no worker begins here any more

A shard rests where the hash is that of its mark. For the note is written behind the last commit's answer, by the one who alone could
commit, and whoever takes the shard writes another mark before anything of it can be committed. A note that comes too late, from a worker
that the group has given up meanwhile, is of an old mark, and says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from caudal.checkpoint.segments import digest
from caudal.checkpoint.store import Absent, Store, StoreError
from caudal.core.errors import RunError
from caudal.observe.log import log

MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Rest:
    """Where a shard stands. `mark`: the hash of its mark; `token`: that of its last commit; `offsets`: of its partitions."""

    mark: str
    token: str
    offsets: Mapping[str, int]


def mark_of(shard: str) -> str:
    """Return the name of a shard's mark."""
    return f"{shard}/begun"


def leave(store: Store, shard: str, rest: Rest) -> None:
    """Note where a shard that is given up stands. Never raises: without a note it does not seem to rest, and that is all."""
    try:
        store.replace(f"{shard}/rests", json.dumps({"caudal_rest": 1, **asdict(rest)}).encode())
    except StoreError as error:
        log.warning("where shard %s rests could not be noted: %s", shard, error)


def at_rest(store: Store, shards: Iterable[str]) -> dict[str, Rest | None]:
    """Return where shards stand, None for one that somebody has, or had when he died. Raises `StoreError`."""
    return {shard: _rest(store, shard) for shard in shards}


def _rest(store: Store, shard: str) -> Rest | None:
    try:
        told = json.loads(store.read(f"{shard}/rests"))
        mark = digest(store.read(mark_of(shard)))
    except (Absent, ValueError):
        return None
    if told.get("caudal_rest") != 1 or told["mark"] != mark:
        return None
    return Rest(mark, told["token"], told["offsets"])


def moved(store: Store) -> dict[str, Any] | None:
    """Return what took the job over, None where it is still here. Raises `StoreError`."""
    try:
        return json.loads(store.read(MOVED))
    except Absent:
        return None


def stays(store: Store) -> None:
    """Raise `RunError` where the job is no longer here."""
    if (found := moved(store)) is not None:
        raise RunError(
            f"the job of {store.url} was taken over, with its repartition topics, by the checkpoint {found['to']}",
            hint="run it with that --checkpoint",
        )
