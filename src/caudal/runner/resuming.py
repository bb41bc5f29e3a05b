"""Where a run begins: at the last commit in its store, at a savepoint of another one, or anew."""

from __future__ import annotations

import time
from dataclasses import dataclass

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import Snapshots, find
from caudal.checkpoint.store import Store, open_store
from caudal.core.errors import OptionError, RunError
from caudal.ports.transaction import Transaction
from caudal.runner.recalling import TOGETHER, joined

SHARD = "job"
"""The one shard of a job that shares its input with nobody."""

GENESIS = "genesis"
"""The token of a shard of which nothing was committed."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a run begins. `manifest`: None for anew; `snapshots`: those that hold it, of another store for a savepoint.

    `origin`: the id of the savepoint that this run, or an earlier one in this store, began from, "" for none. `complete`: that run
    has come to the end of its data.
    """

    manifest: Manifest | None
    snapshots: Snapshots
    origin: str = ""
    complete: bool = False


def beginning(
    store: Store, snapshots: Snapshots, pipeline: str, restore: str, transaction: Transaction | None
) -> Beginning:
    """Look where to begin. `restore`: the URL of a savepoint, "" for none. Raises `OptionError`, `RunError`."""
    there = snapshots.take_stock(time.time())
    if transaction is not None and there:
        there = _decided(transaction, store, there)
    elif transaction is not None:
        _begun(transaction)
    last = there[-1] if there else None
    if restore:
        other, begun = named(restore)
        if last is None:
            _of(begun, pipeline, restore)
            return Beginning(begun, Snapshots(other, SHARD, pipeline), begun.id)
        if last.origin != begun.id:
            raise OptionError(
                f"{store.url} holds checkpoints already, which do not come from {restore}",
                hint="--restore begins in a fresh place: name another --checkpoint",
            )
    if last is None:
        return Beginning(None, snapshots)
    _of(last, pipeline, store.url)
    return Beginning(last, snapshots, last.origin, last.last)


def split(url: str) -> tuple[str, str]:
    """Return (URL, id) of `URL@ID`; the id is "" where there is none."""
    head, at, id = url.rpartition("@")
    return (head, id) if at and "/" not in id else (url, "")


def named(restore: str) -> tuple[Store, Manifest]:
    """Return the checkpoint or savepoint at `URL[@ID]`, and its store; raises `OptionError`, `RunError`."""
    url, id = split(restore)
    store = open_store(url, create=False)
    return store, find(store, SHARD, id)


def _of(manifest: Manifest, pipeline: str, where: str) -> None:
    if joined(manifest.pipeline.split(TOGETHER)) != joined(pipeline.split(TOGETHER)):
        raise OptionError(
            f"the checkpoint is of the pipeline '{manifest.pipeline}', not of '{pipeline}'",
            location=where,
            hint="one pipeline, one place: name another --checkpoint",
        )


def _begun(transaction: Transaction) -> None:
    """Commit that nothing was committed yet: once there are manifests, a token that is missing is one that was removed."""
    transaction.begin(0)
    transaction.token(GENESIS)
    outcome = transaction.commit()
    if outcome == "unknown":
        outcome = "committed" if transaction.recall() == GENESIS else "aborted"
    if outcome != "committed":
        raise RunError(f"where the job begins could not be committed to {transaction.domain}")


def _decided(transaction: Transaction, store: Store, there: list[Manifest]) -> list[Manifest]:
    """Return the manifests up to the one that the transaction's token names: later ones were never committed."""
    token = transaction.recall()
    if token == GENESIS:
        return []
    ids = [each.id for each in there]
    if token not in ids:
        raise RunError(
            f"what {transaction.domain} knows of the last commit is not in {store.url}",
            detail=f"it names {token or 'nothing'}",
            hint="was the checkpoint, or the group's offsets, removed? begin anew in a fresh place, or --restore a savepoint",
        )
    return there[: ids.index(token) + 1]
