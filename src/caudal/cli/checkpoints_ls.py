"""`caudal checkpoints ls`: what is in a store, a line each, and what of it is damaged as far as is seen without reading state."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from caudal.checkpoint import stock
from caudal.checkpoint.segments import Damaged
from caudal.checkpoint.snapshots import epoch_of
from caudal.checkpoint.store import Store, open_store
from caudal.core.errors import OptionError
from caudal.core.shown import shown
from caudal.observe.summary import size_text

SCHEMA = 1
"""Version of the JSON form."""


def ls(arguments: Namespace) -> int:
    """List them; 1 where something is damaged."""
    store = open_store(arguments.url, create=False)
    found = stock.look(store)
    last = stock.last(found)
    groups, parts = _groups(store)
    rows = [_row(each, each.name in last, parts.get(each.name, "")) for each in found.found] + groups
    if arguments.json:
        told = {"url": arguments.url, "bytes": found.size, "checkpoints": rows}
        print(json.dumps({"caudal_checkpoints": SCHEMA, **told}))
    else:
        _print(rows, by_shard=any(each.shard not in ("", "job") for each in found.found))
        print(f"{size_text(found.size)} in {len(found.entries):,} files")
    return 1 if any("damaged" in row for row in rows) else 0


def time_text(milliseconds: int) -> str:
    """Return a time for people and programs."""
    try:
        return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms"


def _row(each: stock.Found, last: bool, of: str) -> dict[str, Any]:
    m = each.manifest
    damaged = {"damaged": each.damage} if each.damage else {}
    last = last and not each.savepoint
    if m is None:
        return {"name": each.name, "shard": each.shard, "savepoint": each.savepoint, "last": last, **damaged}
    return {
        "id": m.id,
        "epoch": m.epoch,
        "time": time_text(m.written),
        "pipeline": m.pipeline,
        "shard": m.shard,
        "bytes": m.live,
        "rows": m.rows,
        "savepoint": each.savepoint,
        "last": last,
        "complete": m.last,
        **({"of": of} if of else {}),
        **damaged,
    }


def _groups(store: Store) -> tuple[list[dict[str, Any]], Mapping[str, str]]:
    """Return a row for each savepoint of a group, and the savepoint that snapshots are parts of, by their names."""
    from caudal.runner import group_savepoints

    rows: list[dict[str, Any]] = []
    parts: dict[str, str] = {}
    for each in group_savepoints.listed(store):
        if isinstance(each, Damaged):
            rows.append({"name": each.file, "shard": "", "savepoint": True, "last": False, "damaged": each.detail})
            continue
        held, wrong = [], ""
        for shard in each.shards:
            try:
                snapshot = each.snapshot(shard)
            except OptionError as error:
                wrong = error.message
                continue
            except Damaged as error:
                wrong = f"{error.file}: {error.detail}"
                continue
            if snapshot is not None:
                held.append(snapshot)
                parts[f"savepoints/{snapshot.id}.json"] = each.id
        row = {
            "id": each.id,
            "epoch": epoch_of(each.id),
            "time": time_text(each.written),
            "pipeline": each.agreed["pipeline"],
            "shard": "",
            "shards": len(each.shards),
            "bytes": sum(snapshot.live for snapshot in held),
            "rows": sum(snapshot.rows for snapshot in held),
            "savepoint": True,
            "last": False,
            "complete": False,
        }
        rows.append({**row, "damaged": wrong} if wrong else row)
    return rows, parts


def _print(rows: Sequence[Mapping[str, Any]], *, by_shard: bool) -> None:
    lines = [("ID", "EPOCH", "TIME", "PIPELINE", "SHARD", "SIZE", "ROWS", "")]
    for row in rows:
        marks = _marks(row)
        if "id" not in row:
            lines.append((row["name"], "", "", "", row["shard"], "", "", marks))
            continue
        shard = f"all {row['shards']}" if "shards" in row else row["shard"]
        counts = (size_text(row["bytes"]), f"{row['rows']:,}", marks)
        lines.append((row["id"], str(row["epoch"]), row["time"], row["pipeline"], shard, *counts))
    columns = [0, 1, 2, 3, *([4] if by_shard else []), 5, 6]
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    for line in lines:
        cells = [line[i].rjust(widths[i]) if i in (1, 5, 6) else line[i].ljust(widths[i]) for i in columns]
        print(shown(f"{'  '.join(cells)}  {line[7]}".rstrip()))


def _marks(row: Mapping[str, Any]) -> str:
    told = [f"part of {row['of']}"] if "of" in row else ["savepoint"] if row["savepoint"] else []
    told += ["last"] if row["last"] else []
    told += ["end of data"] if row.get("complete") else []
    told += [f"damaged: {row['damaged']}"] if "damaged" in row else []
    return ", ".join(told)
