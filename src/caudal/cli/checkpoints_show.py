"""`caudal checkpoints show`: all about one checkpoint, or about the savepoint of a group, which is one of each shard."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from caudal.checkpoint.manifest import Manifest
from caudal.checkpoint.snapshots import epoch_of
from caudal.checkpoint.store import Store
from caudal.cli.checkpoints_ls import SCHEMA, time_text
from caudal.core.shown import shown
from caudal.observe.summary import size_text

if TYPE_CHECKING:
    from caudal.runner.group_savepoints import GroupSavepoint


def show(arguments: Namespace, store: Store, found: Manifest | GroupSavepoint) -> int:
    """Tell all about it."""
    told = _told(found) if isinstance(found, Manifest) else _together(found)
    shards = [found.shard] if isinstance(found, Manifest) else [*found.shards]
    told["convicted"] = [each for shard in shards for each in _convicted(store, shard)]
    told["withheld"] = [each for shard in shards for each in _withheld(store, shard)]
    if arguments.json:
        print(json.dumps({"caudal_checkpoint": SCHEMA, "url": arguments.url, **told}))
    else:
        _print(told)
    return 0


def _print(told: Mapping[str, Any]) -> None:
    shards = told.get("shards", [])
    head = f"{'savepoint' if shards else 'checkpoint'} {told['id']} of {told['pipeline']}: epoch {told['epoch']}, {told['time']}"
    print(shown(f"{head}, {told['engine']}" if told["engine"] else head))
    if shards:
        print(shown(f"of the group {told['group']}, {len(shards)} shards"))
    if told["origin"]:
        print(f"begun from the savepoint {told['origin']}")
    if told["complete"]:
        print("the run has come to the end of its data")
    print(f"{told['rows']:,} rows, {size_text(told['bytes'])} in {told['files']} files")
    for title, lines in (
        ("shards", [f"{s['shard']}: {s['id'] or 'nothing was committed'}" for s in shards]),
        (
            "operators",
            [f"{o['operator']}: {o['kind']}, {o['rows']:,} rows, {size_text(o['bytes'])}" for o in told["operators"]],
        ),
        ("sources", [f"{p['source']} {p['partition']}: at {p['position']:,}, {_mark(p)}" for p in told["positions"]]),
        (
            "convicted: records that kill the process",
            [f"{c['source']} {c['partition']}: at {c['position']:,}, {c['message']}" for c in told["convicted"]],
        ),
        (
            "withheld: calls of functions that kill the process",
            [
                f"{c['operator']}: with {c['rows']:,} row{'' if c['rows'] == 1 else 's'}, {c['message']}"
                for c in told["withheld"]
            ],
        ),
        ("sinks", [f"{name}: {json.dumps(receipt)}" for name, receipt in told["receipts"].items()]),
    ):
        if lines:
            print("\n".join([title, *(f"  {shown(line)}" for line in lines)]))


def _convicted(store: Store, shard: str) -> list[dict[str, Any]]:
    from caudal.runner.poison.looking import convicted

    return [
        {"source": source, "partition": partition, "position": each.position, "message": each.letter.message}
        for (source, partition), several in convicted(store, shard).items()
        for each in several
    ]


def _withheld(store: Store, shard: str) -> list[dict[str, Any]]:
    from caudal.runner.poison.looking import withheld

    return [
        {"operator": site.partition("/")[0], "rows": each.args.num_rows, "message": each.message}
        for site, several in withheld(store, shard).items()
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
        "time": time_text(m.written),
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


def _together(savepoint: GroupSavepoint) -> dict[str, Any]:
    """Return the same of all shards; where nothing was committed of one, it stands where it begins."""
    snapshots = {shard: savepoint.snapshot(shard) for shard in savepoint.shards}
    each = [_told(snapshot) for snapshot in snapshots.values() if snapshot is not None]
    positions = [position for told in each for position in told["positions"]]
    positions += [
        {"source": "", "partition": name, "position": at, "watermark": None}
        for shard, snapshot in snapshots.items()
        for name, at in (savepoint.shards[shard].offsets.items() if snapshot is None else ())
    ]
    return {
        "id": savepoint.id,
        "epoch": epoch_of(savepoint.id),
        "time": time_text(savepoint.written),
        "pipeline": savepoint.agreed["pipeline"],
        "group": savepoint.agreed["group"],
        "shards": [{"shard": shard, "id": s.id if s is not None else ""} for shard, s in snapshots.items()],
        "engine": next((told["engine"] for told in each), ""),
        "origin": savepoint.agreed.get("origin", ""),
        "complete": False,
        **{what: sum(told[what] for told in each) for what in ("rows", "bytes", "files")},
        "operators": _operators([operator for told in each for operator in told["operators"]]),
        "positions": positions,
        "receipts": {f"{t['shard']}: {name}": receipt for t in each for name, receipt in t["receipts"].items()},
    }


def _operators(several: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in several:
        before = found.setdefault(each["operator"], {**each, "rows": 0, "bytes": 0, "blocks": 0})
        for what in ("rows", "bytes", "blocks"):
            before[what] += each[what]
    return [*found.values()]


def _mark(position: Mapping[str, Any]) -> str:
    mark = position["watermark"]
    if mark is None or abs(mark) > 1 << 60:
        return "ended" if mark is not None and mark > 0 else "no watermark yet"
    return f"watermark {time_text(mark)}"
