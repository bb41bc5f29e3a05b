"""`caudal checkpoints`, `savepoint` and `rescale`: what a store holds, whether it is whole, what a pipeline would make of it."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from caudal.checkpoint import stock
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import find
from caudal.checkpoint.store import Store, open_store
from caudal.cli.checkpoints_ls import SCHEMA, ls
from caudal.cli.checkpoints_show import show
from caudal.core import duration
from caudal.core.errors import OptionError
from caudal.core.shown import shown
from caudal.observe.summary import size_text

if TYPE_CHECKING:
    from caudal.runner.group_savepoints import GroupSavepoint


def checkpoints(arguments: Namespace) -> int:
    """`caudal checkpoints ls`, `show`, `verify`, `gc`, `plan`."""
    return {"ls": ls, "show": _show, "verify": _verify, "gc": _gc, "plan": _plan}[arguments.action](arguments)


def savepoint(arguments: Namespace) -> int:
    """`caudal savepoint URL`: the last line is what `--restore` takes."""
    from caudal.runner.savepoints import savepoint

    timeout = duration.parse(arguments.timeout) / 1000
    made = savepoint(arguments.url, stop=not arguments.keep_running, timeout=timeout)
    if arguments.json:
        told = {"url": made.url, "id": made.id, "where": made.where, "asked": made.asked, "stopped": made.stopped}
        print(json.dumps({"caudal_savepoint": SCHEMA, **told}))
        return 0
    if not made.asked:
        print("no job runs there: its last checkpoint is kept as a savepoint", file=sys.stderr)
    elif made.stopped:
        print("the job has ended behind the savepoint", file=sys.stderr)
    print(made.where)
    return 0


def rescale(arguments: Namespace) -> int:
    """`caudal rescale FILE URL`: the last line is what `--restore` takes."""
    from caudal.runner import load
    from caudal.runner.rescaling.rescale import rescale

    plan = load(arguments.file, settings=dict(arguments.settings))
    made = rescale(
        plan,
        arguments.url,
        arguments.partitions,
        follow=arguments.follow,
        late=arguments.late,
        dead=arguments.dead,
        timeout=duration.parse(arguments.timeout) / 1000,
    )
    if arguments.json:
        counts = {"partitions": dict(made.counts), "between": dict(made.between), "settled": made.settled}
        told = {"url": made.url, "id": made.id, "where": made.where, **counts}
        print(json.dumps({"caudal_rescaled": SCHEMA, **told}))
        return 0
    for topic, count in {**made.counts, **made.between}.items():
        print(shown(f"{topic}: {count} partition{'' if count == 1 else 's'}"), file=sys.stderr)
    print("all workers are to be started with this --restore, and a fresh --checkpoint", file=sys.stderr)
    print(made.where)
    return 0


def _verify(arguments: Namespace) -> int:
    from caudal.runner import group_savepoints

    store = open_store(arguments.url, create=False)
    found = stock.verify(store)
    found = replace(found, damaged=[*found.damaged, *group_savepoints.damaged(store)])
    if arguments.json:
        damaged = [{"file": each.file, "why": each.why} for each in found.damaged]
        counts = {"manifests": found.manifests, "files": found.files, "bytes": found.bytes}
        told = {**counts, "unreferenced": found.unreferenced, "damaged": damaged}
        print(json.dumps({"caudal_verified": SCHEMA, "url": arguments.url, **told}))
    else:
        loose = f"; {found.unreferenced} more belong to none (caudal checkpoints gc)" if found.unreferenced else ""
        several = "" if found.manifests == 1 else "s"
        read = f"{found.files} files of state, {size_text(found.bytes)} read"
        print(f"{found.manifests} checkpoint{several}, {read}{loose}")
        for each in found.damaged:
            print(shown(f"damaged: {each.file}: {each.why}"))
    return 1 if found.damaged else 0


def _gc(arguments: Namespace) -> int:
    made = stock.collect(open_store(arguments.url, create=False), savepoints=arguments.savepoints)
    if arguments.json:
        told = {"removed": [*made.removed], "bytes": made.bytes, "kept": [*made.kept]}
        print(json.dumps({"caudal_collected": SCHEMA, "url": arguments.url, **told}))
        return 0
    for name in made.removed:
        print(f"removed {shown(name)}")
    print(f"{len(made.removed)} files removed, {size_text(made.bytes)}")
    if made.kept:
        print(f"{len(made.kept)} files younger than a day are left: a job that runs may be about to refer to them")
    return 0


def _show(arguments: Namespace) -> int:
    store, found = _named(arguments.url)
    return show(arguments, store, found)


def _plan(arguments: Namespace) -> int:
    from caudal.runner import group_migration, load, migration

    plan = load(arguments.file, settings=dict(arguments.settings))
    _, named = _named(arguments.url, restored=True)
    run = {"follow": arguments.follow, "late": arguments.late, "dead": arguments.dead}
    if isinstance(named, Manifest):
        found = migration.planned(plan, named, **run)
    else:
        found = group_migration.planned(plan, arguments.url, named, **run)
    if arguments.json:
        print(json.dumps(found.to_json()))
        return 0
    print(shown(f"{plan.name} from checkpoint {found.checkpoint}, epoch {found.epoch}"))
    for line in found.to_text().split("\n"):
        print(f"  {shown(line)}")
    if found.loses:
        print("state would be left behind: caudal run refuses that without --allow-dropped-state")
    elif not found.changed:
        print("nothing has changed that state or counts depend on")
    return 0


def _named(url: str, *, restored: bool = False) -> tuple[Store, Manifest | GroupSavepoint]:
    """Return the checkpoint or savepoint of a name, and its store. `restored`: what `--restore` takes, else that of one shard too."""
    from caudal.runner import group_savepoints, resuming

    place, id = resuming.split(url)
    try:
        savepoint = group_savepoints.named(url)
        if savepoint is not None:
            return savepoint.store, savepoint
    except OptionError:
        if restored or not id:
            raise
    store = open_store(place, create=False)
    shards = {each.shard for each in stock.look(store).found if each.shard} if id and not restored else ()
    for shard in sorted(shards):
        try:
            return store, find(store, shard, id)
        except OptionError:
            continue
    return resuming.named(url)
