"""Functions of state, rows and timers against the oracle: over any morsels, watermark steps, cuts and shards, and in worker processes."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import Any

import pytest

from caudal.core.types import INT64, STRING, TIMESTAMP, Field, Schema, list_of
from caudal.engines.local.dividing import Dividing
from caudal.engines.local.functions.binding import Functions
from caudal.engines.local.ordered.stepped import SteppedOperator
from caudal.plan.expr import col
from caudal.plan.nodes import Process
from caudal.plan.python import ROW, PythonFunction, declare
from caudal.plan.windows import Order
from caudal.testing.processing import processed
from caudal.testing.rows import Row

STATE = Schema([Field("seen", list_of(INT64)), Field("text", STRING), Field("first", TIMESTAMP)])
OUTPUT = Schema([Field("what", STRING), Field("seen", list_of(INT64)), Field("at", TIMESTAMP)])


def step(state: dict[str, Any], rows: list[dict[str, Any]], timers: Any) -> Any:
    """It depends on the order of rows and timers, fails on some of both, sets timers at timers, for the past, and for one time."""
    made = []
    now = round(timers.now.timestamp() * 1000)
    for row in rows:
        state["first"] = state["first"] or timers.now
        state["seen"] = [*(state["seen"] or []), now][-3:]
        timers.set(timers.now + timedelta(milliseconds=5), "quiet")
        if row["x"] == -3:
            raise ValueError("no -3")
        if row["b"]:
            timers.set(now + (row["x"] or 0) % 7 - 2, row["s"] or "")
        elif row["b"] is None:
            timers.cancel(row["s"] or "")
        made += [{"what": "row", "seen": state["seen"], "at": timers.get("quiet")}] * (now % 3)
    for name in timers.due:
        state["text"] = f"{state['text'] or ''}{name}"[-4:]
        if name == "quiet" and now % 3 == 0:
            raise ValueError("a third of them")
        if len(timers.due) == 2 or (name == "" and now % 4 == 0):
            timers.set(timers.now + timedelta(milliseconds=3), "again")
        made.append({"what": f"{name}: {state['text']}", "seen": state["seen"], "at": timers.now})
        if name == "quiet":
            state.clear()
    return made


def node_of(driver: Any, function: PythonFunction | None = None, output: Schema = OUTPUT) -> Process:
    keys = (("key", col("k")), ("j", col("j")))
    by = Order(by=(col("o"),))
    function = function or declare(step, ROW)
    return Process(name="op", input=driver.source(), keys=keys, function=function, output=output, state=STATE, order=by)


def by_o(row: Any) -> Any:
    return (False, 0) if row.values["o"] is None else (True, row.values["o"])


def expected(driver: Any, node: Process, rows: list[Any]) -> tuple[list[Any], list[Any], int]:
    """Return (time, W_p, columns) of each result, those of no row that failed, and how many rows failed."""
    dead: list[Row] = []
    given = [Row(r.values, r.time, r.watermark, "in", f"p{r.origin}", i) for i, r in enumerate(rows)]
    made = processed(node, "op", given, dead)
    lost = [row for row in dead if row.source == "op"]
    return [(row.time, row.watermark, row.values) for row in made], lost, len(dead) - len(lost)


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("seed", range(6))
def test_any_morsels_steps_and_cuts(driver: Any, seed: int, shards: int) -> None:
    node = node_of(driver)
    largest, cut, steps = [(1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0), (7, 0.1, 0.9), (2, 0.2, 0.3), (3, 0.5, 1.0)][
        seed
    ]
    partitions = driver.random_partitions(random.Random(seed), 120, keys=5)
    rows = driver.in_order(partitions, by_o)
    wanted, lost, failed = expected(driver, node, rows)

    def made() -> SteppedOperator:
        operator = driver.operator(SteppedOperator, node)
        operator.dividing = Dividing(shards=shards)
        return operator

    got = driver.run(made, partitions, seed, largest=largest, cut=cut, steps=steps)
    assert [(t, values) for t, _, values in got.rows] == [(t, values) for t, _, values in wanted]
    assert (got.fates.get("absorbed", 0), got.fates.get("dead", 0)) == (len(rows) - failed, failed)
    assert len(got.failed) == failed
    assert (len(got.lost), got.fates.get("failed", 0), got.buffered) == (len(lost), len(lost), 0)


def test_what_a_row_makes_has_its_watermark_and_what_a_timer_makes_none(driver: Any) -> None:
    node = node_of(driver)
    partitions = driver.random_partitions(random.Random(1), 60, keys=3)
    got = driver.run(lambda: driver.operator(SteppedOperator, node), partitions, 1)
    rows = {(r.time, r.watermark) for part in partitions for r in part}
    of_rows = [(t, w) for t, w, values in got.rows if values["what"] == "row"]
    assert of_rows
    assert all(place in rows for place in of_rows)
    assert {w for _, w, values in got.rows if values["what"] != "row"} <= {None, -(2**62)}


def test_in_worker_processes_it_is_the_same(driver: Any) -> None:
    node = node_of(driver)
    functions = Functions(2)
    failed = lost = 0
    try:
        for seed in range(4):
            partitions = driver.random_partitions(random.Random(seed), 120, keys=5)
            apart = driver.run(
                lambda: driver.operator(SteppedOperator, node, functions.process(node)), partitions, seed, cut=0.1
            )
            here = driver.run(lambda: driver.operator(SteppedOperator, node), partitions, seed, largest=3)
            assert [(t, values) for t, _, values in apart.rows] == [(t, values) for t, _, values in here.rows]
            assert (sorted(map(repr, apart.failed)), apart.lost) == (sorted(map(repr, here.failed)), here.lost)
            assert seed or any("again" in values["what"] for *_, values in here.rows)
            failed, lost = failed + len(here.failed), lost + len(here.lost)
    finally:
        functions.close()
    assert failed
    assert lost


def dying(state: dict[str, Any], rows: list[dict[str, Any]], timers: Any) -> Any:
    """It ends the process at some rows and some timers, and hangs at others."""
    now = round(timers.now.timestamp() * 1000)
    for _ in rows:
        state["seen"] = [*(state["seen"] or []), now]
        if now % 10 == 3:
            os._exit(1)
        timers.set(now + 2)
        yield {"what": "row", "seen": state["seen"]}
    for _ in timers.due:
        if now % 100 == 22:
            os._exit(1)
        while now % 20 == 8:
            pass
        yield {"what": "timer", "seen": state["seen"]}


def test_a_death_costs_its_row_or_its_timer_alone(driver: Any) -> None:
    node = node_of(driver, declare(dying, ROW, timeout=200))
    blank = dict.fromkeys(driver.schema.names)
    times = [0, 3, 4, 5, 6, 13, 16, 20, 26]
    rows = [driver.Row(t, 0, t, 0, {**blank, "t": t, "k": "a"}) for t in times]
    functions = Functions(1)
    try:
        operator = driver.operator(SteppedOperator, node, functions.process(node))
        got = driver.run(lambda: operator, [rows], largest=1000, steps=0.0)
    finally:
        functions.close()
    # a timer is moved by each row: those of 2, 8, 18, 22 and 28 come due; 8 and 28 hang, 22 ends the process
    shown = [(t, values["what"], values["seen"]) for t, _, values in got.rows]
    assert shown == [
        (0, "row", [0]),
        (2, "timer", [0]),
        (4, "row", [0, 4]),
        (5, "row", [0, 4, 5]),
        (6, "row", [0, 4, 5, 6]),
        (16, "row", [0, 4, 5, 6, 16]),
        (18, "timer", [0, 4, 5, 6, 16]),
        (20, "row", [0, 4, 5, 6, 16, 20]),
        (26, "row", [0, 4, 5, 6, 16, 20, 26]),
    ]
    assert [position for _, position, _ in got.failed] == [3, 13]
    assert got.lost == [(8, {"key": "a", "j": None}), (22, {"key": "a", "j": None}), (28, {"key": "a", "j": None})]


def test_keys_without_timers_and_state_are_let_go(driver: Any) -> None:
    node = node_of(driver)
    operator = driver.operator(SteppedOperator, node)
    blank = dict.fromkeys(driver.schema.names)
    rows = [driver.Row(t, 0, t, t, {**blank, "t": t, "k": f"key {t}"}) for t in range(3000)]
    operator.add(operator.prepare(driver.morsel(rows)))
    operator.advance(2)
    operator.advance(4000)
    operator.advance(5000)
    assert operator.blocks.rows <= 2048


def test_a_timer_that_sets_itself_for_ever_is_given_up(driver: Any) -> None:
    def ticking(state: Any, rows: Any, timers: Any) -> Any:
        timers.set(timers.now + timedelta(seconds=1))
        yield {"what": "tick" if timers.due else "row"}

    node = node_of(driver, declare(ticking, ROW))
    blank = dict.fromkeys(driver.schema.names)
    rows = [driver.Row(t, 0, t, t, {**blank, "t": t, "k": "a"}) for t in (0, 500_500)]
    for steps in (0.0, 1.0):
        got = driver.run(lambda: driver.operator(SteppedOperator, node), [rows], largest=1, steps=steps)
        ticks = [t for t, _, values in got.rows if values["what"] == "tick"]
        assert ticks == [*range(1000, 500_001, 1000), *range(501_500, 501_500 + 1000 * 1000, 1000)]
        assert got.lost == [(ticks[-1] + 1000, {"key": "a", "j": None})]
