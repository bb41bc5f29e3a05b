"""The latest row of each key against a dict: nulls, empty and alike texts, growth, joined blocks, restored ones."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from caudal.columnar.column import from_list
from caudal.core.types import FLOAT64, INT64, STRING
from caudal.engines.local.ordered.keyed import KeyIndex, LatestRows
from caudal.engines.local.state import Blob, Blocks
from caudal.engines.local.table import Table

NAMES = ["k", "f"]
TYPES = {"k": STRING, "f": FLOAT64, "v": INT64}


def table(rows: list[tuple[Any, Any, int]]) -> Table:
    columns = {name: from_list([row[i] for row in rows], dtype) for i, (name, dtype) in enumerate(TYPES.items())}
    return Table(columns, len(rows))


def key(rng: random.Random) -> tuple[Any, Any]:
    text = rng.choice([None, "", "\0", "\0\0", "a", "aa", "b" * 40, "b" * 41, str(rng.randrange(200))])
    return text, rng.choice([None, 0.0, 1.5, float("inf")])


def check(latest: LatestRows, wanted: dict[Any, int], keys: list[Any]) -> None:
    asked = table([(*k, 0) for k in keys])
    found, rows = latest.fetch([asked[name] for name in NAMES], asked.rows)
    assert found.tolist() == [k in wanted for k in keys]
    got = [] if rows is None else rows["v"].to_list()
    assert got == [wanted[k] for k in keys if k in wanted]


def test_the_latest_row_of_each_key() -> None:
    rng = random.Random(1)
    blocks, wanted = Blocks(), {}
    latest = LatestRows(blocks, NAMES)
    for step in range(300):
        put = {key(rng): rng.randrange(10**6) for _ in range(rng.choice([1, 3, 40]))}
        latest.put(table([(*k, v) for k, v in put.items()]))
        wanted.update(put)
        assert blocks.rows == latest.rows <= 2 * len(wanted) + 40
        assert len(latest.numbers) <= 12
        if step % 50 == 7:
            wanted = {k: v for k, v in wanted.items() if v % 3}
            latest.retain(lambda t: t.ints("v") % 3 != 0)
            assert blocks.rows == len(wanted)
        if step % 9 == 0:
            check(latest, wanted, list({*(key(rng) for _ in range(30)), *wanted}))
    rest = latest.all()
    assert rest is not None
    assert sorted(rest["v"].to_list()) == sorted(wanted.values())


def test_a_restored_block_gives_way_to_a_newer_one() -> None:
    rng = random.Random(2)
    blocks, wanted, blobs = Blocks(), {}, []
    latest = LatestRows(blocks, NAMES)
    for step in range(40):
        put = {key(rng): rng.randrange(10**6) for _ in range(20)}
        latest.put(table([(*k, v) for k, v in put.items()]))
        wanted.update(put)
        blobs.append(Blob("op", "k", 1, step == 0, {}, *blocks.export(step == 0)))
    again = Blocks()
    again.restore(blobs, TYPES, frozenset())
    fresh = LatestRows(again, NAMES)
    fresh.restored(sorted(again.tables))
    check(fresh, wanted, list(wanted))


def test_without_key_columns_there_is_one_key() -> None:
    index = KeyIndex()
    assert index.find([], 3, True).tolist() == [0, 0, 0]
    assert index.count == 1


def test_many_keys_keep_their_numbers() -> None:
    index = KeyIndex()
    values = np.random.default_rng(3).permutation(50_000)
    for part in np.array_split(values, 7):
        index.find([from_list(part.tolist(), INT64)], len(part), True)
    assert index.find([from_list(values.tolist(), INT64)], len(values), False).tolist() == list(range(50_000))
    assert index.find([from_list([50_000, None], INT64)], 2, False).tolist() == [-1, -1]
