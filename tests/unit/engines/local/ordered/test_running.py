"""Running aggregates against plain Python, over any morsels, watermark steps and cuts."""

from __future__ import annotations

import itertools
import math
import random
import statistics
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from caudal.engines.local.ordered.running import RunningOperator
from caudal.engines.local.stateful import OPEN
from caudal.plan.aggregates import Aggregate
from caudal.plan.expr import col
from caudal.plan.nodes import Running
from caudal.plan.windows import Order, Sliding

pytestmark = pytest.mark.slow

BY_O = (col("o"),)
AGGREGATES = (
    ("n", Aggregate("count")),
    ("n_true", Aggregate("count_if", col("b"))),
    ("sum_x", Aggregate("sum", col("x"))),
    ("sum_f", Aggregate("sum", col("f"))),
    ("mean_x", Aggregate("mean", col("x"))),
    ("mean_f", Aggregate("mean", col("f"))),
    ("dev_x", Aggregate("stddev", col("x"))),
    ("dev_f", Aggregate("stddev", col("f"))),
    ("min_f", Aggregate("min", col("f"))),
    ("max_x", Aggregate("max", col("x"))),
    ("min_s", Aggregate("min", col("s"))),
    ("max_s", Aggregate("max", col("s"))),
    ("first_x", Aggregate("first", col("x"))),
    ("last_s", Aggregate("last", col("s"))),
    ("first_by", Aggregate("first", col("s"), BY_O)),
    ("last_by", Aggregate("last", col("f"), BY_O)),
    ("kinds", Aggregate("count_distinct", col("s"))),
    ("kinds_x", Aggregate("count_distinct", col("x"))),
    ("half_x", Aggregate("percentile", col("x"), options=(("p", 50),))),
    ("most_f", Aggregate("percentile", col("f"), options=(("p", 99.9),))),
    ("least_s", Aggregate("percentile", col("s"), options=(("p", 7),))),
    ("list", Aggregate("collect", col("x"))),
    ("list_by", Aggregate("collect", col("s"), BY_O)),
)


def null_first(value: Any) -> Any:
    return (value is not None, value or 0)


def wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def expected(aggregate: Aggregate, rows: list[Any], arrival: bool = False) -> Any:
    """The aggregate over rows that stand in order, by hand."""
    name = str(aggregate.argument)
    if aggregate.function == "count":
        return len(rows)
    if aggregate.function == "count_if":
        return sum(r.values[name] is True for r in rows)
    rows = [r for r in rows if r.values[name] is not None]
    if aggregate.function in ("first", "last", "collect"):

        def place(r: Any) -> Any:
            by = [null_first(r.values["o"])] if aggregate.order_by else []
            return (0 if arrival else r.time, *by)  # what that leaves open is as the frame takes its rows

        rows = sorted(rows, key=place)
    values = [r.values[name] for r in rows]
    if aggregate.function == "collect":
        return values
    if aggregate.function == "count_distinct":
        return len(set(values))
    if not values:
        return None
    if aggregate.function == "percentile":
        p = Fraction(str(dict(aggregate.options)["p"]))
        return sorted(values)[next(k for k in range(len(values)) if Fraction(100 * (k + 1), len(values)) >= p)]
    if aggregate.function in ("first", "last"):
        return values[0 if aggregate.function == "first" else -1]
    if aggregate.function in ("min", "max"):
        return (min if aggregate.function == "min" else max)(values)
    if aggregate.function == "sum":
        return wrapped(sum(values)) if isinstance(values[0], int) else math.fsum(values)
    if aggregate.function == "mean":
        return float(sum(map(Fraction, values)) / len(values))
    return statistics.stdev(map(Fraction, values)) if len(values) > 1 else None


def frame(node: Running, rows: list[Any], i: int, keys: Any) -> list[Any]:
    same = [r for r in rows[: i + 1] if keys(r) == keys(rows[i])]
    if node.frame.size:
        return [r for r in same if r.time > rows[i].time - node.frame.size]
    return same[-node.frame.rows :] if node.frame.rows else same


FRAMES = {
    "time": Sliding(size=9),
    "long": Sliding(size=10_000),
    "rows": Sliding(rows=4),
    "one row": Sliding(rows=1),
    "all": Sliding(),
    "time by o": Sliding(size=9, order=Order(by=BY_O)),
    "rows by o": Sliding(rows=3, order=Order(by=BY_O)),
    "all by o": Sliding(order=Order(by=BY_O)),
}


@pytest.mark.parametrize("name", FRAMES)
def test_every_aggregate_over_any_morsels_steps_and_cuts(driver: Any, name: str) -> None:
    node = Running(
        input=driver.source(), keys=(("k", col("k")), ("parity", col("j"))), frame=FRAMES[name], aggregates=AGGREGATES
    )

    def by(row: Any) -> Any:
        return null_first(row.values["o"]) if node.frame.order.by else 0

    for seed, (largest, cut, steps) in enumerate([(1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0)]):
        partitions = driver.random_partitions(random.Random(seed), 50)
        rows = driver.in_order(partitions, by)
        wanted = []
        for i, row in enumerate(rows):
            inside = frame(node, rows, i, lambda r: (r.values["k"], r.values["j"]))
            made = {name: expected(aggregate, inside) for name, aggregate in AGGREGATES}
            wanted.append((row.time, row.watermark, {**row.values, "parity": row.values["j"], **made}))
        got = driver.run(
            lambda: driver.operator(RunningOperator, node), partitions, seed, largest=largest, cut=cut, steps=steps
        )
        assert got.rows == wanted
        assert (got.fates.get("passed", 0), got.buffered) == (len(rows), 0)
        assert got.late + len(rows) == sum(map(len, partitions))


def test_without_keys_and_without_watermarks_per_row(driver: Any) -> None:
    node = Running(input=driver.source(), keys=(), frame=Sliding(size=5), aggregates=AGGREGATES[:1])
    operator = driver.operator(RunningOperator, node)
    blank = dict.fromkeys(driver.schema.names)
    rows = [driver.Row(t, 0, t, 0, {**blank, "t": t}) for t in (3, 1, 2, 9)]
    operator.add(operator.prepare(driver.morsel(rows, judged=False)))
    got = operator.advance(3)
    assert got.rows is not None
    assert got.rows.watermark is None
    assert (got.rows.time.tolist(), got.rows["n"].to_list(), operator.buffered()) == ([1, 2], [1, 2], 2)
    got = operator.advance(OPEN)
    assert (got.rows.time.tolist(), got.rows["n"].to_list(), operator.buffered()) == ([3, 9], [3, 1], 0)


@pytest.mark.parametrize("frame_", [Sliding(order=Order(arrival=True)), Sliding(rows=3, order=Order(arrival=True))])
@pytest.mark.parametrize("timed", [True, False])
def test_rows_as_they_arrive(driver: Any, frame_: Sliding, timed: bool) -> None:
    node = Running(input=driver.source(timed), keys=(("k", col("k")),), frame=frame_, aggregates=AGGREGATES)
    rows = driver.random_partitions(random.Random(3), 60, many=1)[0]
    for row in rows:
        row.branch = 0
    wanted = []
    for i, row in enumerate(rows):
        made = {
            name: expected(aggregate, frame(node, rows, i, lambda r: r.values["k"]), arrival=True)
            for name, aggregate in AGGREGATES
        }
        wanted.append({**row.values, **made})
    for largest, cut in ((1, 0.0), (5, 0.5), (1000, 0.0)):
        got = driver.run(
            lambda: driver.operator(RunningOperator, node), [rows], 1, largest=largest, cut=cut, timed=timed
        )
        assert [values for _, _, values in got.rows] == wanted
        assert [time for time, _, _ in got.rows] == [row.time if timed else None for row in rows]
        assert got.late == 0


def stream(driver: Any, rows: int, keys: int) -> list[Any]:
    blank = dict.fromkeys(driver.schema.names)
    return [driver.Row(t, 0, t, t, {**blank, "t": t, "k": str(t % keys), "x": t}) for t in range(rows)]


@pytest.mark.parametrize(
    ("frame_", "bound"), [(Sliding(size=50), 2 * 50), (Sliding(rows=5), 2 * 10 * 4), (Sliding(), 2 * 10)], ids=str
)
def test_state_is_bounded_by_the_frame(driver: Any, frame_: Sliding, bound: int) -> None:
    node = Running(
        input=driver.source(), keys=(("k", col("k")),), frame=frame_, aggregates=(("m", Aggregate("max", col("x"))),)
    )
    got = driver.run(lambda: driver.operator(RunningOperator, node), [stream(driver, 2000, 10)], largest=20)
    # beside it: rows that wait, and those of the last batches before they are copied together
    assert 0 < got.state_rows <= bound + 100
    assert len(got.rows) == 2000


def test_a_key_that_has_left_the_frame_leaves_no_trace(driver: Any) -> None:
    node = Running(input=driver.source(), keys=(("k", col("k")),), frame=Sliding(size=50), aggregates=AGGREGATES[:1])
    operator = driver.operator(RunningOperator, node)
    operator.add(operator.prepare(driver.morsel(stream(driver, 10, 10))))
    operator.advance(58)
    assert operator.blocks.rows > 0
    operator.advance(59)
    assert operator.blocks.rows == 0
    assert operator.largest_keys() == []


def test_a_result_does_not_depend_on_sums_that_were_there_before(driver: Any) -> None:
    """What leaves a frame is taken away whole: infinities, NaN and values that swallow others."""
    node = Running(
        input=driver.source(), keys=(), frame=Sliding(rows=2), aggregates=(("total", Aggregate("sum", col("f"))),)
    )
    operator = driver.operator(RunningOperator, node)
    blank = dict.fromkeys(driver.schema.names)
    values = [1e300, 0.1, math.inf, 0.2, math.nan, 0.3, 0.4, -1e300, 5e-324, 0.0]
    rows = [driver.Row(t, 0, t, 0, {**blank, "t": t, "f": f}) for t, f in enumerate(values)]
    operator.add(operator.prepare(driver.morsel(rows)))
    got = operator.advance(OPEN).rows["total"].values
    wanted = [values[0], *(math.fsum(pair) for pair in itertools.pairwise(values))]
    assert np.array_equal(got, np.array(wanted), equal_nan=True)
