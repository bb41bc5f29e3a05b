"""Rows that a step makes at timers, against the oracle: over any morsels, watermark steps and cuts, and shards of keys."""

from __future__ import annotations

import random
from typing import Any

import pytest

from caudal.engines.local.dividing import Dividing
from caudal.engines.local.ordered.keyed import SLOTS
from caudal.engines.local.ordered.stepped import SteppedOperator
from caudal.plan.expr import col
from caudal.testing.rows import Row
from caudal.testing.silence import Silence, silences


def expected(node: Silence, rows: list[Any]) -> list[Any]:
    """Return (time, W_p, columns) of each result, in order."""
    made = silences(node, [Row(r.values, r.time, r.watermark, "", "", i) for i, r in enumerate(rows)])
    return [(row.time, row.watermark, row.values) for row in made]


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("quiet", [0, 1, 4, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_any_morsels_steps_and_cuts(driver: Any, seed: int, quiet: int, shards: int) -> None:
    keys = (("k", col("k")), ("j", col("j")))
    node = Silence(name="runs", input=driver.source(), keys=keys, quiet=quiet, passed="x")
    largest, cut, steps = [(1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0), (7, 0.1, 0.9), (2, 0.2, 0.3), (3, 0.5, 1.0)][
        seed
    ]
    partitions = driver.random_partitions(random.Random(seed), 70, keys=5)
    rows = driver.in_order(partitions)

    def made() -> SteppedOperator:
        operator = driver.operator(SteppedOperator, node)
        operator.dividing = Dividing(shards=shards)
        return operator

    got = driver.run(made, partitions, seed, largest=largest, cut=cut, steps=steps)
    wanted = expected(node, rows)
    assert any(values["x"] is None and values["rows"] > 1 for _, _, values in wanted) or quiet == 0
    assert [(time, values) for time, _, values in got.rows] == [(time, values) for time, _, values in wanted]
    assert (got.fates.get("absorbed", 0), got.buffered) == (len(rows), 0)


def test_a_timer_is_due_though_no_row_comes_and_its_key_is_forgotten(driver: Any) -> None:
    node = Silence(name="runs", input=driver.source(), keys=(("k", col("k")),), quiet=10, passed="x")
    operator = driver.operator(SteppedOperator, node)
    blank = dict.fromkeys(driver.schema.names)
    rows = [driver.Row(t, 0, t, t, {**blank, "t": t, "k": f"key {t}", "x": t}) for t in range(3000)]
    operator.add(operator.prepare(driver.morsel(rows)))
    assert operator.advance(3000).rows.rows == 3000 + 2990
    assert operator.advance(3005).rows.time.tolist() == [*range(3000, 3005)]
    assert operator.advance(4000).rows.time.tolist() == [*range(3005, 3010)]
    assert operator.advance(5000).rows is None
    assert operator.blocks.rows <= 2 * SLOTS
