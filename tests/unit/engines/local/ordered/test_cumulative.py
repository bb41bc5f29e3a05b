"""Cumulative windows against plain Python, over any morsels, watermark steps and cuts, with rows late for some."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from caudal.engines.local.stateful import OPEN
from caudal.engines.local.windows.cumulative import CumulativeOperator
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import col
from caudal.plan.nodes import WindowAggregate
from caudal.plan.windows import Cumulative

AGGREGATES = (
    ("n", Aggregate("count")),
    ("sum_f", Aggregate("sum", col("f"))),
    ("max_s", Aggregate("max", col("s"))),
    ("list", Aggregate("collect", col("x"))),
)
RANKS = [2, 0, 1]


def windows(row: Any, size: int, step: int, offset: int) -> list[tuple[int, int]]:
    """Return the windows that a row is in and not late for."""
    start = (row.time - offset) // size * size + offset
    ends = range(start + step, start + size + 1, step)
    return [(start, end) for end in ends if row.time < end and row.watermark < end]


def expected(rows: list[Any], size: int, step: int, offset: int) -> list[Any]:
    inside: dict[Any, list[Any]] = {}
    for row in rows:
        for start, end in windows(row, size, step, offset):
            inside.setdefault((end, start, row.values["k"]), []).append(row)
    out = []
    for (end, start, key), members in inside.items():
        members.sort(key=lambda r: (r.time, RANKS[r.origin], r.position, r.branch))
        floats = [r.values["f"] for r in members if r.values["f"] is not None]
        texts = [r.values["s"] for r in members if r.values["s"] is not None]
        out.append(
            (
                end,
                (key is not None, (key or "").encode()),
                {
                    "k": key,
                    "window_start": start,
                    "window_end": end,
                    "n": len(members),
                    "sum_f": math.fsum(floats) if floats else None,
                    "max_s": max(texts) if texts else None,
                    "list": [r.values["x"] for r in members if r.values["x"] is not None],
                },
            )
        )
    return [values for *_, values in sorted(out, key=lambda o: o[:2])]


@pytest.mark.parametrize(("size", "step", "offset"), [(12, 4, 0), (20, 2, 7), (6, 6, 1), (1000, 10, -3), (3, 1, 0)])
def test_any_morsels_steps_and_cuts(driver: Any, size: int, step: int, offset: int) -> None:
    node = WindowAggregate(
        input=driver.source(), keys=(("k", col("k")),), window=Cumulative(size, step, offset), aggregates=AGGREGATES
    )
    partly = 0
    for seed in range(4):
        partitions = driver.random_partitions(random.Random(seed), 60)
        # rows of one place would tie
        partitions = [_distinct([row for row in part if not row.branch]) for part in partitions]
        rows = [row for part in partitions for row in part]
        wanted = expected(rows, size, step, offset)
        late = sum(not windows(row, size, step, offset) for row in rows)
        for chunk, steps, cut in ((1, 1.0, 0.0), (4, 0.6, 0.4), (1000, 0.0, 0.0)):
            rng, blobs = random.Random(seed), []
            operator = driver.operator(CumulativeOperator, node, True)
            got: list[dict[str, Any]] = []
            absorbed = found = partly_late = 0
            pieces = [[part[i : i + chunk] for i in range(0, len(part), chunk)] for part in partitions]
            reached = [-OPEN if part else OPEN for part in partitions]

            def advance(watermark: int) -> None:
                nonlocal absorbed
                released = operator.advance(watermark)  # noqa: B023
                absorbed += released.fates.get("absorbed", 0)
                if released.rows is not None:
                    lists = {name: column.to_list() for name, column in released.rows.columns.items()}
                    assert (released.rows.time == np.array(lists["window_end"]) - 1).all()
                    got.extend({name: values[i] for name, values in lists.items()} for i in range(released.rows.rows))  # noqa: B023

            while any(pieces):
                p = rng.choice([i for i, waiting in enumerate(pieces) if waiting])
                piece = pieces[p].pop(0)
                partial = operator.prepare(driver.morsel(piece))
                found += 0 if partial.late is None else partial.late.rows
                partly_late += partial.partly_late
                operator.add(partial)
                reached[p] = max([reached[p], *(row.watermark for row in piece)]) if pieces[p] else OPEN
                if rng.random() < steps:
                    advance(min(reached))
                if rng.random() < cut:
                    blobs.append(operator.export(not blobs))
                    operator = driver.operator(CumulativeOperator, node, True)
                    operator.restore(blobs, operator.state_types())
            advance(OPEN)
            assert got == wanted
            assert (absorbed, found, operator.buffered()) == (len(rows) - late, late, 0)
            possible = {id(row): len(windows(row, size, step, offset)) for row in rows}
            in_some = sum(0 < possible[id(row)] < size // step - (row.time - offset) % size // step for row in rows)
            assert partly_late == in_some
        partly += partly_late
    assert partly or size == step


def _distinct(rows: list[Any]) -> list[Any]:
    for position, row in enumerate(rows):
        row.position = position
    return rows


def test_what_has_closed_is_one_row_a_key(driver: Any) -> None:
    node = WindowAggregate(
        input=driver.source(), keys=(("k", col("k")),), window=Cumulative(1000, 10), aggregates=AGGREGATES[:1]
    )
    operator = driver.operator(CumulativeOperator, node, True)
    blank = dict.fromkeys(driver.schema.names)
    for t in range(0, 990, 5):
        row = driver.Row(t, 0, t, t, {**blank, "t": t, "k": str(t % 3)})
        operator.add(operator.prepare(driver.morsel([row])))
        operator.advance(t)
        assert operator.blocks.rows <= 3 + 3
    released = operator.advance(1000)
    assert released.rows is not None
    assert operator.blocks.rows == 0
    assert sum(released.rows.columns["n"].to_list()) == 2 * 198
