"""`caudal checkpoints` and `caudal savepoint`: what a store holds, whether it is whole, what a pipeline would make of it."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from datetime import UTC, datetime
from typing import Any

from caudal.checkpoint import stock
from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import find
from caudal.checkpoint.store import Store, open_store
from caudal.core import duration
from caudal.core.errors import OptionError
from caudal.core.shown import shown
from caudal.observe.summary import size_text

SCHEMA = 1
"""Version of the JSON forms."""


def checkpoints(arguments: Namespace) -> int:
    """`caudal checkpoints ls`, `show`, `verify`, `gc`, `plan`."""
    return {"ls": _ls, "show": _show, "verify": _verify, "gc": _gc, "plan": _plan}[arguments.action](arguments)


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


def _store(arguments: Namespace) -> Store:
    return open_store(arguments.url, create=False)


def _ls(arguments: Namespace) -> int:
    found = stock.look(_store(arguments))
    last = {each.id for each in stock.by_shard(found).values()}
    rows: list[dict[str, Any]] = []
    for each in found.found:
        m = each.manifest
        if m is None:
            rows.append({"name": each.name, "savepoint": each.savepoint, "damaged": each.damage})
            continue
        rows.append(
            {
                "id": m.id,
                "epoch": m.epoch,
                "time": _time(m.written),
                "pipeline": m.pipeline,
                "shard": m.shard,
                "bytes": m.live,
                "rows": m.rows,
                "savepoint": each.savepoint,
                "last": m.id in last and not each.savepoint,
                "complete": m.last,
            }
        )
    if arguments.json:
        print(
            json.dumps({"caudal_checkpoints": SCHEMA, "url": arguments.url, "bytes": found.size, "checkpoints": rows})
        )
        return 0
    lines = [("ID", "EPOCH", "TIME", "PIPELINE", "SIZE", "ROWS", "")]
    for row in rows:
        if "damaged" in row:
            lines.append((row["name"], "", "", "", "", "", f"damaged: {row['damaged']}"))
            continue
        marks = [name for name in ("savepoint", "last") if row[name]] + (["end of data"] if row["complete"] else [])
        counts = (size_text(row["bytes"]), f"{row['rows']:,}", ", ".join(marks))
        lines.append((row["id"], str(row["epoch"]), row["time"], row["pipeline"], *counts))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    for line in lines:
        cells = (cell.rjust(w) if i in (1, 4, 5) else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths)))
        print(shown(f"{'  '.join(cells)}  {line[6]}".rstrip()))
    print(f"{size_text(found.size)} in {len(found.entries):,} files")
    return 0


def _show(arguments: Namespace) -> int:
    told = _told(_manifest(arguments))
    told["convicted"] = _convicted(arguments.url, told["shard"])
    if arguments.json:
        print(json.dumps({"caudal_checkpoint": SCHEMA, "url": arguments.url, **told}))
        return 0
    print(
        shown(f"checkpoint {told['id']} of {told['pipeline']}: epoch {told['epoch']}, {told['time']}, {told['engine']}")
    )
    if told["origin"]:
        print(f"begun from the savepoint {told['origin']}")
    if told["complete"]:
        print("the run has come to the end of its data")
    print(f"{told['rows']:,} rows, {size_text(told['bytes'])} in {told['files']} files")
    for title, lines in (
        (
            "operators",
            [f"{o['operator']}: {o['kind']}, {o['rows']:,} rows, {size_text(o['bytes'])}" for o in told["operators"]],
        ),
        ("sources", [f"{p['source']} {p['partition']}: at {p['position']:,}, {_mark(p)}" for p in told["positions"]]),
        (
            "convicted: records that kill the process",
            [f"{c['source']} {c['partition']}: at {c['position']:,}, {c['message']}" for c in told["convicted"]],
        ),
        ("sinks", [f"{name}: {json.dumps(receipt)}" for name, receipt in told["receipts"].items()]),
    ):
        if lines:
            print("\n".join([title, *(f"  {shown(line)}" for line in lines)]))
    return 0


def _convicted(url: str, shard: str) -> list[dict[str, Any]]:
    from caudal.runner.poison.looking import convicted
    from caudal.runner.resuming import split

    found = convicted(open_store(split(url)[0], create=False), shard)
    return [
        {"source": source, "partition": partition, "position": each.position, "message": each.letter.message}
        for (source, partition), several in found.items()
        for each in several
    ]


def _told(m: Manifest) -> dict[str, Any]:
    known = {
        (source, each["name"]): each.get("known")
        for source, channels in m.rest.get("sources", {}).items()
        for each in channels
    }
    return {
        "id": m.id,
        "epoch": m.epoch,
        "time": _time(m.written),
        "pipeline": m.pipeline,
        "shard": m.shard,
        "engine": m.engine,
        "origin": m.origin,
        "complete": m.last,
        "rows": m.rows,
        "bytes": m.live,
        "files": len(m.files),
        "operators": [
            {
                "operator": name,
                "kind": each.kind,
                "version": each.version,
                "rows": sum(s.rows for s in each.blocks.values()),
                "bytes": sum(s.length for s in each.blocks.values()),
                "blocks": len(each.blocks),
            }
            for name, each in m.operators.items()
        ],
        "positions": [
            {"source": source, "partition": partition, "position": at, "watermark": known.get((source, partition))}
            for (source, partition), at in sorted(m.positions.items())
        ],
        "receipts": dict(m.receipts),
    }


def _mark(position: dict[str, Any]) -> str:
    mark = position["watermark"]
    if mark is None or abs(mark) > 1 << 60:
        return "ended" if mark is not None and mark > 0 else "no watermark yet"
    return f"watermark {_time(mark)}"


def _verify(arguments: Namespace) -> int:
    found = stock.verify(_store(arguments))
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
    made = stock.collect(_store(arguments), savepoints=arguments.savepoints)
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


def _plan(arguments: Namespace) -> int:
    from caudal.runner import load
    from caudal.runner.migration import planned

    plan = load(arguments.file, settings=dict(arguments.settings))
    manifest = _manifest(arguments)
    found = planned(plan, manifest, follow=arguments.follow, late=arguments.late, dead=arguments.dead)
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


def _manifest(arguments: Namespace) -> Manifest:
    """Return the checkpoint that is named, of whatever shard it is."""
    from caudal.runner.resuming import named, split

    url, id = split(arguments.url)
    shards = stock.by_shard(stock.look(open_store(url, create=False))) if id else {}
    for shard in shards:
        try:
            return find(open_store(url, create=False), shard, id)
        except OptionError:
            continue
    return named(arguments.url)[1]


def _time(milliseconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"
