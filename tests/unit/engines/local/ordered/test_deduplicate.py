"""Deduplication against plain Python, over any morsels, watermark steps and cuts; its state is bounded."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest

from caudal.engines.local.ordered.deduplicate import DeduplicateOperator
from caudal.engines.local.stateful import OPEN
from caudal.plan.expr import col
from caudal.plan.nodes import Deduplicate
from caudal.plan.windows import Order

KEYS = (("k", col("k")), ("j", col("j")))


def passed(rows: list[Any], within: int, seen: bool) -> list[Any]:
    last: dict[Any, int] = {}
    out = []
    for row in rows:
        key = row.values["k"], row.values["j"]
        if key in last and (not within or last[key] >= row.time - within):
            last[key] = row.time if seen else last[key]
            continue
        last[key] = row.time
        out.append(row)
    return out


@pytest.mark.parametrize(("within", "seen"), [(0, False), *product([1, 7, 1000], [False, True])])
@pytest.mark.parametrize("ordered", [False, True])
def test_any_morsels_steps_and_cuts(driver: Any, within: int, seen: bool, ordered: bool) -> None:
    order = Order(by=(col("o"),)) if ordered else Order()
    node = Deduplicate(input=driver.source(), keys=KEYS, within=within, seen=seen, order=order)

    def by(row: Any) -> Any:
        return (row.values["o"] is not None, row.values["o"] or 0) if ordered else 0

    for seed in range(5):
        partitions = driver.random_partitions(random.Random(seed), 60, keys=8)
        rows = driver.in_order(partitions, by)
        wanted = [(r.time, r.watermark, r.values) for r in passed(rows, within, seen)]
        for largest, cut, steps in ((1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0), (7, 0.1, 0.9)):
            got = driver.run(
                lambda: driver.operator(DeduplicateOperator, node),
                partitions,
                seed,
                largest=largest,
                cut=cut,
                steps=steps,
            )
            assert got.rows == wanted
            assert got.fates == {"passed": len(wanted), "deduplicated": len(rows) - len(wanted)}
            assert got.late + len(rows) == sum(map(len, partitions))


@pytest.mark.parametrize("timed", [True, False])
def test_as_they_arrive(driver: Any, timed: bool) -> None:
    node = Deduplicate(input=driver.source(timed), keys=KEYS, order=Order(arrival=True))
    rows = driver.random_partitions(random.Random(5), 60, keys=20, many=1)[0]
    for row in rows:
        row.branch = 0
    for largest, cut in ((1, 0.5), (10, 0.0)):
        got = driver.run(
            lambda: driver.operator(DeduplicateOperator, node), [rows], 2, largest=largest, cut=cut, timed=timed
        )
        assert [values for _, _, values in got.rows] == [r.values for r in passed(rows, 0, seen=False)]


def stream(driver: Any, rows: int, distinct: int) -> list[Any]:
    blank = dict.fromkeys(driver.schema.names)
    return [driver.Row(t, 0, t, t, {**blank, "t": t, "k": f"key {t % distinct}"}) for t in range(rows)]


def test_state_holds_what_was_passed_on_within(driver: Any) -> None:
    node = Deduplicate(input=driver.source(), keys=KEYS[:1], within=100)
    operator = driver.operator(DeduplicateOperator, node)
    rows = stream(driver, 10_000, 10_000)
    most = 0
    for at in range(0, len(rows), 50):
        operator.add(operator.prepare(driver.morsel(rows[at : at + 50])))
        operator.advance(rows[at + 49].time)
        most = max(most, operator.blocks.rows)
    # the last 100 ms, what is swept every eighth of them, a batch, a row that waits
    assert 100 <= most <= 100 + 13 + 50 + 1
    operator.advance(10_200)
    assert operator.blocks.rows == 0


def test_replaced_rows_take_no_more_than_what_is_there(driver: Any) -> None:
    node = Deduplicate(input=driver.source(), keys=KEYS[:1], within=100)
    operator = driver.operator(DeduplicateOperator, node)
    rows = stream(driver, 4000, 90)
    for at in range(0, len(rows), 7):
        operator.add(operator.prepare(driver.morsel(rows[at : at + 7])))
        operator.advance(rows[min(at + 6, len(rows) - 1)].time)
        assert operator.blocks.rows <= 2 * 90 + 8
    operator.advance(OPEN)
    assert operator.emitted == sum(1 for t in range(4000) if t % 180 < 90)


def test_many_keys_survive_a_restore_from_deltas(driver: Any) -> None:
    node = Deduplicate(input=driver.source(), keys=KEYS[:1])

    def make() -> Any:
        return driver.operator(DeduplicateOperator, node)

    operator, blobs = make(), []
    rows = stream(driver, 5000, 5000)
    for at in range(0, len(rows), 500):
        operator.add(operator.prepare(driver.morsel(rows[at : at + 500])))
        operator.advance(rows[at + 499].time)
        blobs.append(operator.export(not blobs))
    fresh = make()
    fresh.restore(blobs, fresh.state_types())
    again = [driver.Row(t + 5000, 0, t + 5000, t, r.values) for t, r in enumerate(rows)]
    fresh.add(fresh.prepare(driver.morsel(again)))
    released = fresh.advance(OPEN)
    # the row that waited when the cut was made is the only one that is new
    assert released.fates == {"passed": 1, "deduplicated": 5000}
