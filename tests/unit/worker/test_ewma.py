"""Moving averages against the oracle and against polars: any values, any times, in one call and in several."""

from __future__ import annotations

import math
import random
from typing import Any

import polars as pl
import pytest

import caudal as cd
from caudal.testing import Script, run
from caudal.testing.averaging import averaged
from caudal.testing.rows import Row

SCHEMA = {"k": "string", "t": "timestamp", "x": "float64"}
FADES: list[dict[str, Any]] = [
    {"alpha": 1e-9},
    {"alpha": 0.1},
    {"alpha": 1},
    {"span": 1},
    {"span": 20.5},
    {"half_life": "1ms"},
    {"half_life": "70ms"},
    {"half_life": "400d"},
]
VALUES = [None, 0.0, -0.0, 1.5, -3.25, 1e9, 1e-9, 1e300, -1e300, 5e-324]
SPECIAL = [*VALUES, *VALUES, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308]


def drawn(dice: random.Random, values: list[Any]) -> list[dict[str, Any]]:
    rows = [{"k": dice.choice("ab"), "t": dice.randrange(2000), "x": dice.choice(values)} for _ in range(80)]
    far = [{"k": "a", "t": 4 * 10**12, "x": 2.0}] if dice.random() < 0.3 else []
    return [*sorted(rows, key=lambda row: row["t"]), *far]


def near(one: float | None, other: float | None, size: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12 * size) or (math.isnan(one) and math.isnan(other))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fades", FADES, ids=str)
def test_averages_are_those_of_the_oracle(fades: dict[str, Any], seed: int) -> None:
    dice = random.Random(f"{fades} {seed}")
    given = drawn(dice, SPECIAL if seed % 2 else VALUES)
    stream = cd.source("memory", rows=[], schema=SCHEMA, event_time="t")
    averages = stream.group_by("k").running(m=cd.ewma("x", **fades))
    got = run(cd.Pipeline("p", averages.to("console")), Script().rows(*given)).rows
    wanted = averaged(averages.node, [Row(row, row["t"], None, "", "", i) for i, row in enumerate(given)])  # type: ignore[arg-type]
    assert len(got) == len(wanted) > 80 - 1
    size = max([abs(row["x"]) for row in given if row["x"] is not None and math.isfinite(row["x"])])
    for mine, theirs in zip(got, wanted, strict=True):
        assert {name: repr(mine[name]) for name in SCHEMA} == {name: repr(theirs.values[name]) for name in SCHEMA}
        assert near(mine["m"], theirs.values["m"], size), (mine, theirs.values)


def test_by_rows_it_is_what_polars_calls_not_adjusted() -> None:
    dice = random.Random(1)
    values = [None, *(dice.choice([None, dice.uniform(-5, 5)]) for _ in range(300))]
    given = [{"k": "a", "t": t, "x": x} for t, x in enumerate(values)]
    stream = cd.source("memory", rows=given, schema=SCHEMA, event_time="t")
    frame = stream.group_by("k").running(m=cd.ewma("x", span=9)).collect()
    assert isinstance(frame, pl.DataFrame)
    wanted = pl.Series(values).ewm_mean(span=9, adjust=False, ignore_nulls=True).to_list()
    before: float | None = None
    for mine, value, theirs in zip(frame["m"].to_list(), values, wanted, strict=True):
        before = theirs if value is not None else before  # polars has null where there is no value
        assert near(mine, before, 5.0)


def test_values_of_one_time_weigh_the_same() -> None:
    given = [{"k": "a", "t": 5, "x": float(x)} for x in (1, 2, 6)]
    stream = cd.source("memory", rows=given, schema=SCHEMA, event_time="t")
    frame = stream.group_by("k").running(m=cd.ewma("x", half_life="10m")).collect()
    assert isinstance(frame, pl.DataFrame)
    assert frame["m"].to_list() == [1.0, 1.5, 3.0]
