"""Folds against plain Python, over any morsels, watermark steps and cuts, with rows that fail."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Column, from_list
from caudal.core.types import INT64, STRING, Field, Schema, list_of
from caudal.engines.local.ordered.reduce import ReduceOperator
from caudal.expressions.functions.outcome import Failed, Rows
from caudal.plan.expr import col
from caudal.plan.nodes import Reduce
from caudal.plan.python import ROW, PythonFunction
from caudal.plan.windows import Order

OUTPUT = Schema([Field("seen", list_of(INT64)), Field("text", STRING)])


def step(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    """The function of the tests: it depends on the order of rows, fails on some, gives nulls for some."""
    if row["x"] == -3:
        raise ValueError("no -3")
    before = [] if state is None else state["seen"]
    text = ("" if state is None else state["text"] or "") + (row["s"] or "-")
    return {"seen": [*before, row["t"]][-4:], "text": text[-6:] if row["b"] is not None else None}


def fold(columns: Mapping[str, Column], rows: int, key: Any, states: Mapping[str, Column], has_state: Any) -> Rows:
    """What `Pool.reduce` does, in this process."""
    lists = {name: column.to_list() for name, column in columns.items()}
    before = {name: column.to_list() for name, column in states.items()}
    assert all(len(values) == len(has_state) for values in before.values())
    current: list[Any] = [
        {name: values[k] for name, values in before.items()} if has else None for k, has in enumerate(has_state)
    ]
    made, owner, failed = [], [], []
    for i in range(rows):
        try:
            state = step(current[key[i]], {name: values[i] for name, values in lists.items()})
        except ValueError as error:
            failed.append(Failed(i, "exception", str(error)))
            continue
        current[key[i]] = state
        made.append(state)
        owner.append(i)
    out = {f.name: from_list([m[f.name] for m in made], f.dtype) for f in OUTPUT}
    return Rows(out, np.array(owner, np.int64), failed)


def node_of(driver: Any, timed: bool = True, order: Order | None = None) -> Reduce:
    function = PythonFunction(step, ROW, (), None, variadic=True)
    keys = (("key", col("k")), ("j", col("j")))
    return Reduce(input=driver.source(timed), keys=keys, function=function, output=OUTPUT, order=order or Order())


def expected(rows: list[Any]) -> tuple[list[Any], list[Any]]:
    states: dict[Any, Any] = {}
    out, failed = [], []
    for row in rows:
        key = row.values["k"], row.values["j"]
        try:
            state = step(states.get(key), row.values)
        except ValueError:
            failed.append((row.origin, row.position, row.values))
            continue
        states[key] = state
        out.append((row.time, row.watermark, {"key": key[0], "j": key[1], **state}))
    return out, failed


def test_any_morsels_steps_and_cuts(driver: Any) -> None:
    node = node_of(driver)
    for seed in range(5):
        partitions = driver.random_partitions(random.Random(seed), 60, keys=5)
        rows = driver.in_order(partitions)
        wanted, failed = expected(rows)
        for largest, cut, steps in ((1, 0.0, 1.0), (4, 0.4, 0.5), (1000, 0.0, 0.0), (7, 0.1, 0.9)):
            got = driver.run(
                lambda: driver.operator(ReduceOperator, node, fold),
                partitions,
                seed,
                largest=largest,
                cut=cut,
                steps=steps,
            )
            assert got.rows == wanted
            assert got.failed == failed
            assert (got.fates.get("passed", 0), got.fates.get("dead", 0)) == (len(wanted), len(failed))
            assert got.state_rows <= 2 * 10 + len(rows)


@pytest.mark.parametrize("timed", [True, False])
def test_as_they_arrive(driver: Any, timed: bool) -> None:
    node = node_of(driver, timed, Order(arrival=True))
    rows = driver.random_partitions(random.Random(5), 60, many=1)[0]
    for row in rows:
        row.branch = 0
    wanted, failed = expected(rows)
    assert failed
    for largest, cut in ((1, 0.5), (10, 0.0)):
        got = driver.run(
            lambda: driver.operator(ReduceOperator, node, fold), [rows], 2, largest=largest, cut=cut, timed=timed
        )
        assert [values for _, _, values in got.rows] == [values for _, _, values in wanted]
        assert got.failed == failed
