"""Windows of rows against plain Python, over any morsels, watermark steps and cuts; panes are shared and bounded."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import pytest

from caudal.engines.local.ordered.counts import CountOperator
from caudal.engines.local.ordered.stepped import SteppedOperator
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import col
from caudal.plan.nodes import WindowAggregate
from caudal.plan.windows import CountWindow, Order

pytestmark = pytest.mark.slow

AGGREGATES = (
    ("n", Aggregate("count")),
    ("sum_f", Aggregate("sum", col("f"))),
    ("mean_x", Aggregate("mean", col("x"))),
    ("min_s", Aggregate("min", col("s"))),
    ("first_x", Aggregate("first", col("x"))),
    ("last_by", Aggregate("last", col("s"), (col("o"),))),
    ("kinds", Aggregate("count_distinct", col("s"))),
    ("list", Aggregate("collect", col("x"))),
)


def aggregate(name: str, rows: list[Any], arrival: bool) -> Any:
    if name == "n":
        return len(rows)
    argument = {"sum_f": "f", "mean_x": "x", "first_x": "x", "list": "x"}.get(name, "s")

    def place(row: Any) -> Any:
        by = [(row.values["o"] is not None, row.values["o"] or 0)] if name == "last_by" else []
        return (0 if arrival else row.time, *by)  # what that leaves open is as the window takes its rows

    if name in ("first_x", "last_by", "list"):
        rows = sorted(rows, key=place)
    values = [row.values[argument] for row in rows if row.values[argument] is not None]
    if name == "list":
        return values
    if name == "kinds":
        return len(set(values))
    if not values:
        return None
    match name:
        case "sum_f":
            return math.fsum(values)
        case "mean_x":
            return float(sum(map(Fraction, values)) / len(values))
        case "min_s":
            return min(values)
        case "first_x":
            return values[0]
        case _:
            return values[-1]


def expected(rows: list[Any], size: int, step: int, timed: bool = True, arrival: bool = False) -> list[Any]:
    by_key: dict[Any, list[tuple[int, Any]]] = {}
    for i, row in enumerate(rows):
        by_key.setdefault((row.values["k"], row.values["j"]), []).append((i, row))
    closed, left = [], []
    for key, numbered in by_key.items():
        for start in range(0, len(numbered), step):
            inside = numbered[start : start + size]
            last = inside[-1][1]
            members = [row for _, row in inside]
            values = {
                "k": key[0],
                "j": key[1],
                "window_start": members[0].time if timed else None,
                "window_end": last.time if timed else None,
                **{name: aggregate(name, members, arrival) for name, _ in AGGREGATES},
            }
            result = (last.time if timed else None, last.watermark, values)
            if len(inside) == size:
                closed.append((inside[-1][0], result))
            else:
                # cut short by the end of data: in time of the last row of all
                result = (rows[-1].time if timed else None, rows[-1].watermark, values)
                order = (last.time if timed else 0, key[0] is not None, (key[0] or "").encode(), key[1], start)
                left.append((order, result))
    return [r for _, r in sorted(closed, key=lambda c: c[0])] + [r for _, r in sorted(left, key=lambda c: c[0])]


@pytest.mark.parametrize(("size", "step"), [(1, 1), (3, 3), (4, 2), (5, 1), (6, 4), (1000, 1000), (50, 7)])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kind", [CountOperator, SteppedOperator])
def test_any_morsels_steps_and_cuts(driver: Any, kind: Any, size: int, step: int, ordered: bool) -> None:
    order = Order(by=(col("o"),)) if ordered else Order()
    keys = (("k", col("k")), ("j", col("j")))
    node = WindowAggregate(
        input=driver.source(), keys=keys, window=CountWindow(size, step, order), aggregates=AGGREGATES
    )

    def by(row: Any) -> Any:
        return (row.values["o"] is not None, row.values["o"] or 0) if ordered else 0

    for seed, (largest, cut, steps) in enumerate([(1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0), (7, 0.1, 0.9)]):
        partitions = driver.random_partitions(random.Random(seed), 70)
        rows = driver.in_order(partitions, by)
        wanted = expected(rows, size, step)
        got = driver.run(
            lambda: driver.operator(kind, node, True), partitions, seed, largest=largest, cut=cut, steps=steps
        )
        assert got.rows == wanted
        assert (got.fates.get("absorbed", 0), got.buffered) == (len(rows), 0)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(("size", "step"), [(3, 3), (5, 2)])
@pytest.mark.parametrize("kind", [CountOperator, SteppedOperator])
def test_as_they_arrive(driver: Any, kind: Any, timed: bool, size: int, step: int) -> None:
    window = CountWindow(size, step, Order(arrival=True))
    keys = (("k", col("k")), ("j", col("j")))
    node = WindowAggregate(input=driver.source(timed), keys=keys, window=window, aggregates=AGGREGATES)
    rows = driver.random_partitions(random.Random(5), 60, many=1)[0]
    for row in rows:
        row.branch = 0
    wanted = expected(rows, size, step, timed, arrival=True)
    for largest, cut in ((1, 0.5), (10, 0.0)):
        got = driver.run(lambda: driver.operator(kind, node, True), [rows], 2, largest=largest, cut=cut, timed=timed)
        assert [(time, values) for time, _, values in got.rows] == [(time, values) for time, _, values in wanted]


def stream(driver: Any, rows: int, keys: int) -> list[Any]:
    blank = dict.fromkeys(driver.schema.names)
    return [driver.Row(t, 0, t, t, {**blank, "t": t, "k": str(t % keys), "x": t}) for t in range(rows)]


@pytest.mark.parametrize(("size", "step", "panes"), [(100, 100, 1), (100, 20, 6)])
def test_state_is_a_few_panes_a_key(driver: Any, size: int, step: int, panes: int) -> None:
    node = WindowAggregate(
        input=driver.source(), keys=(("k", col("k")),), window=CountWindow(size, step), aggregates=AGGREGATES[:1]
    )
    got = driver.run(lambda: driver.operator(CountOperator, node, True), [stream(driver, 4000, 10)], largest=20)
    # twice what is there, and rows that wait
    assert 0 < got.state_rows <= 2 * 10 * panes + 60
    assert len(got.rows) == 10 * (400 // step)


def test_keys_whose_windows_have_closed_are_forgotten(driver: Any) -> None:
    node = WindowAggregate(
        input=driver.source(), keys=(("k", col("k")),), window=CountWindow(1, 1), aggregates=AGGREGATES[:1]
    )
    operator = driver.operator(CountOperator, node, True)
    rows = stream(driver, 30_000, 30_000)
    for at in range(0, len(rows), 1000):
        operator.add(operator.prepare(driver.morsel(rows[at : at + 1000])))
        operator.advance(rows[at + 999].time + 1)
        assert operator.blocks.rows <= 2 * (1 << 12) + 2000
        assert operator.buffered() == 0
