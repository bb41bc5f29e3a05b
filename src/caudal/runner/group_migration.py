"""A changed pipeline over a group's savepoint: each shard's state, as the stage takes it that the shard runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import epoch_of
from caudal.core.errors import OptionError
from caudal.plan.plan import Plan
from caudal.rewrite import rewrite
from caudal.runner.agreement import agreement, like, prefix_of, stages_of, topics_of
from caudal.runner.binding import following
from caudal.runner.checkpoints import Checkpointing
from caudal.runner.group_savepoints import GroupSavepoint
from caudal.runner.grouping import alone, unshared
from caudal.runner.layout import Layout
from caudal.runner.migration import Fate, Migration, migration
from caudal.runner.sides import with_sides
from caudal.runner.stages import Stages


def planned(
    plan: Plan, restore: str, origin: GroupSavepoint, *, follow: bool = False, late: str = "file", dead: str = "file"
) -> Migration:
    """Return what becomes of the state of a group's savepoint in a pipeline that is run with these options (see `drive.Job`).

    `restore`: as the user named `origin`. Raises `OptionError` for a pipeline that no group could go on from there with, `Damaged`,
    `StoreError`. How many partitions the source has now is not asked: nothing but the store is looked at.
    """
    logical = with_sides(following(plan) if follow else plan, late, dead)
    physical = rewrite(logical)
    how = Checkpointing(origin.store.url, restore=restore)
    known = origin.agreed
    if plan.name != known["pipeline"]:
        raise OptionError(f"the savepoint {origin.id} is of the pipeline '{known['pipeline']}', not of '{plan.name}'")
    stages = Stages(physical)
    if why := alone(stages, physical, how, origin):
        raise unshared(restore, why)
    when = f"the savepoint {origin.id} was made"
    stages = stages_of(known, stages)
    topics = topics_of(known, stages, when)
    counts = stages.counts(topics, origin.between)
    like(agreement(stages, topics, counts), known, when, how.rescales)
    layout = Layout(stages, logical, {}, topics, counts, prefix_of(known))
    return _of_all(origin, layout)


def _of_all(origin: GroupSavepoint, layout: Layout) -> Migration:
    snapshots = {shard: origin.manifest(shard, layout.source) for shard in origin.shards}
    each = {shard: _of_one(snapshot, layout, shard) for shard, snapshot in snapshots.items()}
    fates = _together(fate for found in each.values() for fate in found.fates)
    notes = [f"{origin.id} cannot be begun from any more: {why}"] if (why := origin.spent()) else []
    written = {sink for snapshot in snapshots.values() if snapshot is not None for sink in snapshot.receipts}
    sinks = {sink for shard in origin.shards for sink in layout.part(shard).sinks}
    notes += [f"sink {name}: gone, its target stays as it is" for name in sorted(written - sinks)]
    counts = all(found.counts for found in each.values())
    return Migration(origin.id, epoch_of(origin.id), fates, counts, tuple(notes))


def _of_one(snapshot: Manifest | None, layout: Layout, shard: str) -> Migration:
    fits = layout.part(shard).fits
    if snapshot is None:
        return Migration("", 0, [Fate(name, "new") for name in fits.operators], True)
    return migration(snapshot, fits)


def _together(fates: Iterable[Fate]) -> list[Fate]:
    """Return the fates of all shards, those alike as one. An operator begins empty where no shard has state of it."""
    found: dict[str, dict[tuple[str, tuple[str, ...]], Fate]] = {}
    for fate in fates:
        alike = found.setdefault(fate.operator, {})
        before = alike.get(key := (fate.verdict, tuple(fate.changes)))
        rows, size = (before.rows, before.bytes) if before is not None else (0, 0)
        alike[key] = replace(fate, rows=rows + fate.rows, bytes=size + fate.bytes)
    return [fate for alike in found.values() for fate in _telling(alike)]


def _telling(alike: Mapping[tuple[str, tuple[str, ...]], Fate]) -> list[Fate]:
    held = [fate for fate in alike.values() if fate.verdict != "new"]
    return held or list(alike.values())
