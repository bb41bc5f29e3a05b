"""State by shards: divided while an operator runs, taken from a cut, put back in order."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import caudal as cd
from caudal.columnar.column import Fixed, from_list
from caudal.core.types import INT64, STRING
from caudal.engines.local.dividing import PART_ROWS, Dividing
from caudal.engines.local.ordered.keyed import LatestRows
from caudal.engines.local.ordered.sharding import Portion, Shards, hashed, merged
from caudal.engines.local.state import Blocks
from caudal.engines.local.table import Table
from caudal.expressions.functions.outcome import Failed


def rows(keys: list[str], times: list[int]) -> Table:
    table = Table({"k0": from_list(keys, STRING), "time": Fixed(INT64, np.array(times, np.int64))}, len(keys))
    return hashed(table, ["k0"])


def shards(blocks: Blocks) -> Shards[LatestRows]:
    return Shards(blocks, ["k0"], lambda: LatestRows(blocks, ["k0"]))


def known(kept: Shards[LatestRows], keys: list[str], count: int) -> dict[str, int]:
    """Return what is kept of the keys, asked for as an operator does."""
    table, found = rows(keys, [0] * len(keys)), dict[str, int]()
    for state, share in kept.of(table, Dividing(shards=count)):
        mine = table if share is None else table.take(share)
        which, there = state.fetch([mine["k0"]], mine.rows)
        names = [name for name, is_there in zip(mine["k0"].to_list(), which.tolist()) if is_there]
        found.update(zip(names, [] if there is None else there.ints("time").tolist(), strict=True))
    return found


@pytest.mark.parametrize("count", [1, 2, 16, 128])
def test_state_that_is_divided_holds_the_latest_row_of_each_key(count: int) -> None:
    blocks = Blocks()
    kept = shards(blocks)
    names = [f"key {i}" for i in range(500)]
    kept.states[0].put(rows(names, [1] * 500))
    kept.states[0].put(rows(names[:100], [2] * 100))  # in a block of its own: the first is more than twice as large
    assert known(kept, [*names, "none"], count) == {n: 2 if i < 100 else 1 for i, n in enumerate(names)}
    assert len(kept.states) == count
    assert sorted(kept.numbers) == sorted(blocks.tables)


@pytest.mark.parametrize("count", [1, 4])
def test_blocks_of_several_shards_are_restored_as_those_of_one(count: int) -> None:
    blocks = Blocks()
    kept = shards(blocks)
    names = [f"key {i}" for i in range(200)]
    for state, share in kept.of(rows(names, [7] * 200), Dividing(shards=4)):
        state.put(rows(names, [7] * 200).take(share) if share is not None else rows(names, [7] * 200))
    again = shards(blocks)
    again.restored(sorted(blocks.tables))
    assert known(again, names, count) == dict.fromkeys(names, 7)


def test_what_shards_make_is_put_back_in_the_order_of_rows() -> None:
    one = Portion(
        np.array([0, 1, 1]), {"x": Fixed(INT64, np.array([10, 20, 21]))}, {"passed": 3}, [Failed(2, "function", "no")]
    )
    two = Portion(
        np.array([0]), {"x": Fixed(INT64, np.array([30]))}, {"passed": 1, "dead": 1}, [Failed(1, "type", "no")]
    )
    made = merged([one, two], [np.array([1, 4, 5]), np.array([2, 3])])
    assert made.of.tolist() == [1, 2, 4, 4]
    assert made.columns["x"].to_list() == [10, 30, 20, 21]
    assert made.fates == {"passed": 4, "dead": 1}
    assert [(failed.row, failed.reason) for failed in made.failed] == [(3, "type"), (5, "function")]


def operators(stream: Any) -> dict[str, Any]:
    of = stream.group_by("ip")
    return {
        "running": of.running(n=cd.count(), total=cd.sum("bytes")),
        "lag": of.lag("bytes", n=2, into="before"),
        "deduplicate": stream.deduplicate("ip"),
    }


@pytest.mark.parametrize("operator", ["running", "lag", "deduplicate"])
def test_an_advance_of_many_rows_on_several_threads_gives_every_row_in_its_order(operator: str) -> None:
    count = 3 * PART_ROWS
    assert Dividing(threads=4).shards(count) == 4
    assert Dividing(threads=4).shards(PART_ROWS) == 1
    rng = np.random.default_rng(3)
    ip, size = rng.integers(0, 700, count).tolist(), rng.integers(0, 1500, count).tolist()
    time = (1_700_000_000_000 + np.arange(count) // 8).tolist()
    table = pa.table({"ip": [str(i) for i in ip], "bytes": size, "t": time})
    schema = {"ip": "string", "bytes": "int64", "t": "int64"}
    source = cd.source("memory", rows=table, schema=schema, event_time="t", disorder="1h")
    out: list[pa.Table] = []
    cd.run(cd.Pipeline("p", operators(source)[operator].drop("t").to("memory", into=out)), threads=4)
    got = [list(row.values()) for part in out for row in part.to_pylist()]
    met: dict[int, list[Any]] = defaultdict(list)
    wanted = []
    for who, n in zip(ip, size):
        met[who].append(n)
        before = met[who]
        if operator == "running":
            wanted.append([str(who), n, len(before), sum(before)])
        elif operator == "lag":
            wanted.append([str(who), n, before[-3] if len(before) > 2 else None])
        elif len(before) == 1:
            wanted.append([str(who), n])
    assert got == wanted
