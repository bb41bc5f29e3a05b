"""Interval joins over bounded data beside DuckDB's range joins: another engine's rows, for all kinds of joins."""

from __future__ import annotations

import os
import random
from collections import Counter
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import caudal as cd
from caudal.plan.nodes.join import HOW
from caudal.testing.harness import Started

COUNT = int(os.environ.get("CAUDAL_PATTERNS", "300"))
TOGETHER = 30
SCHEMA = {"k": "string", "n": "int64", "id": "int64", "t": "int64"}
SQL = {
    "inner": "SELECT l.id, r.id FROM l JOIN r ON {on}",
    "left": "SELECT l.id, r.id FROM l LEFT JOIN r ON {on}",
    "right": "SELECT l.id, r.id FROM l RIGHT JOIN r ON {on}",
    "full": "SELECT l.id, r.id FROM l FULL JOIN r ON {on}",
    "semi": "SELECT l.id, NULL FROM l SEMI JOIN r ON {on}",
    "anti": "SELECT l.id, NULL FROM l ANTI JOIN r ON {on}",
}


def drawn(dice: random.Random, name: str) -> tuple[pa.Table, Any]:
    """Return rows in two partitions as a table, and a source of them that takes none for late."""
    parts: list[list[dict[str, Any]]] = [[], []]
    for number in range(dice.choice([0, 20, 80])):
        values = {"k": dice.choice(["a", "b", "c", None]), "n": dice.choice([0, 1, None])}
        dice.choice(parts).append({**values, "id": number, "t": dice.randint(0, 300)})
    schema = pa.schema([("k", pa.string()), ("n", pa.int64()), ("id", pa.int64()), ("t", pa.int64())])
    source = cd.source("memory", rows=parts, schema=SCHEMA, event_time="t", disorder="1s", name=name)
    return pa.Table.from_pylist([row for part in parts for row in part], schema=schema), source


@pytest.mark.parametrize("seed", range(-(-COUNT // TOGETHER)))
def test_pairs_are_duckdbs(seed: int) -> None:
    dice = random.Random(f"joins {seed}")
    left, one = drawn(dice, "one")
    right, two = drawn(dice, "two")
    ends: list[Any] = []
    queries: list[str] = []
    for number in range(TOGETHER):
        lower, upper = sorted(dice.choice([-300, -50, -7, -1, 0, 0, 1, 7, 50, 300]) for _ in range(2))
        keys, how, nulls = dice.choice([["k"], ["n"], ["k", "n"]]), dice.choice(HOW), dice.choice(["", "match"])
        within = tuple(f"{'-' if bound < 0 else ''}{abs(bound)}ms" for bound in (lower, upper))
        made = one.join(two, keys, within=within, how=how, nulls=nulls)
        ends.append(made.to("console", name=f"out{number}"))
        same = "IS NOT DISTINCT FROM" if nulls else "="
        near = [f"l.{key} {same} r.{key}" for key in keys] + [f"r.t - l.t BETWEEN {lower} AND {upper}"]
        queries.append(SQL[how].format(on=" AND ".join(near)))
    threads, morsel = dice.choice([1, 2, 4]), dice.choice([1, 7, 1000])
    started = Started(cd.Pipeline("joins", *ends), threads=threads, morsel_rows=morsel).run()
    base = duckdb.connect()
    base.register("l", left)
    base.register("r", right)
    for number, query in enumerate(queries):
        theirs = Counter(base.execute(query).fetchall())
        ours = Counter((row["id"], row.get("id_right")) for row in started.rows[f"out{number}"])
        assert ours == theirs, query
