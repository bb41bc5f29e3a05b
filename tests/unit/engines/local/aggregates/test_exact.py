"""Sums, means and deviations of doubles: each the nearest double to the exact value, however the rows were grouped."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Fixed, from_list
from caudal.columnar.grouping import Groups
from caudal.core.types import FLOAT64, INT32, INT64
from caudal.engines.local.aggregates import Rows, aggregator
from caudal.engines.local.lists import concat_columns
from caudal.testing.folding import fold
from caudal.testing.scalars import identity

NO_RANKS = np.zeros(0, np.int64)
TINY = 5e-324
HUGE = 1.7976931348623157e308
ADVERSARIAL: list[list[float | None]] = [
    [],
    [None],
    [None, 1.0],
    [0.0, -0.0],
    [1e308, 1e308, -1e308],
    [HUGE, HUGE, -HUGE, -HUGE, TINY],
    [HUGE, HUGE],
    [-HUGE, -HUGE, -HUGE],
    [1.0, 1e100, 1.0, -1e100],
    [TINY] * 5 + [0.0] * 3,
    [TINY, 0.0],
    [TINY] * 3 + [0.0],
    [TINY, 0.0, 0.0, 0.0],
    [-TINY] * 5 + [0.0] * 3,
    [TINY, -TINY],
    [2.2250738585072014e-308, TINY, -TINY],
    [0.1] * 10,
    [1e16, 1.0, 1.0, -1e16],
    [9007199254740992.0, 1.0],
    [9007199254740992.0, 1.0, 1e-30],
    [4503599627370497.5, 4503599627370497.5],
    [math.inf, 1.0],
    [-math.inf, 1.0],
    [math.inf, -math.inf],
    [math.nan, 1.0],
    [math.nan, math.inf],
    [1e-200, 3e-200, 2e-200],
    [1e200, 1e200 + 1e185],
    [1e300, -1e300],
    [1.0, 1.0, 1.0],
    [1.0, math.nextafter(1.0, 2.0)],
    [1e-160, 0.0],
    [1.5e-162, 0.0, 0.0],
]


def drawn(seed: int) -> list[float | None]:
    """Return doubles of every exponent, some near each other, some cancelling."""
    dice = random.Random(seed)
    values: list[float | None] = []
    for _ in range(dice.randrange(1, 24)):
        kind = dice.randrange(8)
        if kind == 0 and values and values[-1] is not None:
            values.append(-values[-1])
        elif kind == 1 and values and values[-1] is not None:
            values.append(math.nextafter(values[-1], math.inf))
        elif kind == 2:
            values.append(float(dice.randrange(-5, 5)))
        elif kind == 3:
            values.append(TINY * dice.randrange(1 << dice.randrange(1, 53)))
        else:
            spread = dice.choice([3, 40, 300, 1020])
            values.append(math.ldexp(dice.uniform(-1, 1), dice.randrange(-spread, spread)))
    return [v if v is None or math.isfinite(v) else 1.0 for v in values]


CASES = ADVERSARIAL + [drawn(seed) for seed in range(600)]


def aggregated(function: str, cases: Sequence[list[Any]], dtype: Any, cuts: random.Random | None) -> list[Any]:
    """Return the aggregate of every case, each a group; with `cuts`, from shuffled rows in random parts, merged in turns."""
    made = aggregator(function, FLOAT64, dtype)
    flat = [(code, value) for code, values in enumerate(cases) for value in values]
    parts = [flat]
    if cuts is not None:
        cuts.shuffle(flat)
        size = max(1, len(flat) // 7)
        parts = [flat[i : i + size] for i in range(0, len(flat), size)]
    states: list[Any] | None = None
    for part in [[(code, None) for code in range(len(cases))], *parts]:
        codes = np.array([code for code, _ in part], np.int64)
        present, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        column = from_list([value for _, value in part], dtype)
        got = made.partial(Rows(column), Groups(inverse.astype(np.int64), first.astype(np.int64)))
        if states is None:
            states = got
            continue
        both = [concat_columns([a, b]) for a, b in zip(states, got)]
        merged = np.concatenate([np.arange(len(cases)), present]).astype(np.int64)
        states = made.merge(both, Groups(merged, np.arange(len(cases))), NO_RANKS)
    assert states is not None
    return made.result(states, NO_RANKS).to_list()


@pytest.mark.parametrize("function", ["sum", "mean", "stddev"])
@pytest.mark.parametrize("cut", [False, True])
def test_doubles_give_the_nearest_double(function: str, cut: bool) -> None:
    got = aggregated(function, CASES, FLOAT64, random.Random(1) if cut else None)
    wrong = [
        (values, result, fold(function, values))
        for values, result in zip(CASES, got)
        if identity(result) != identity(fold(function, values))
    ]
    assert wrong == []


def test_the_oracle_agrees_with_fsum() -> None:
    for values in CASES:
        present = [v for v in values if v is not None]
        try:
            wanted = math.fsum(present)
        except (OverflowError, ValueError):
            continue
        if present:
            assert identity(fold("sum", values)) == identity(wanted)


INTEGERS = [
    [],
    [1],
    [1, 2],
    [2**63 - 1, 1],
    [-(2**63), -1],
    [2**63 - 1] * 5,
    [-(2**63)] * 5,
    [2**63 - 1, -(2**63)],
    [-1],
    [-1, -2, 4, None],
    [2**53 + 1, 0],
    [-(2**32), 1],
    [-1, 0, 0],
]


def near(seed: int) -> list[int]:
    """Return integers beyond 2**53 that lie close to each other, or at the ends of int64."""
    dice = random.Random(seed)
    middle = dice.choice([2**53, 2**60, 2**62, 2**63 - 50, -(2**53), -(2**63) + 50])
    return [middle + dice.randrange(-50, 50) for _ in range(dice.randrange(1, 12))]


@pytest.mark.parametrize("cut", [False, True])
def test_the_deviation_of_integers_is_that_of_their_exact_values(cut: bool) -> None:
    cases: list[list[int | None]] = [
        [2**62, 2**62 + 2],
        [2**53, 2**53 + 1, None],
        [-(2**63), -(2**63) + 4],
        [-(2**63), 2**63 - 1],
        [2**63 - 1] * 3,
        [2**63 - 1],
    ]
    cases += [*INTEGERS, *(near(seed) for seed in range(200))]
    got = aggregated("stddev", cases, INT64, random.Random(4) if cut else None)
    assert got == [fold("stddev", values) for values in cases]
    assert got[:6] == [2**0.5, 0.5**0.5, 8**0.5, float(2**64 - 1) * 0.5**0.5, 0.0, None]


def test_the_deviation_of_int32_is_exact() -> None:
    cases = [[2**31 - 1, -(2**31)], [2**31 - 1, 2**31 - 2, 2**31 - 4], [-(2**31), -(2**31)]]
    assert aggregated("stddev", cases, INT32, None) == [fold("stddev", values) for values in cases]


@pytest.mark.parametrize("cut", [False, True])
def test_the_mean_of_integers_is_that_of_their_exact_sum(cut: bool) -> None:
    cases = INTEGERS + [[random.Random(s).randrange(-(2**63), 2**63) for _ in range(s % 9)] for s in range(200)]
    got = aggregated("mean", cases, INT64, random.Random(2) if cut else None)
    assert got == [fold("mean", values) for values in cases]
    assert got[5] == float(Fraction(2**63 - 1))


def test_a_state_does_not_grow_with_its_rows() -> None:
    made = aggregator("stddev", FLOAT64, FLOAT64)
    values = np.array([random.Random(3).uniform(-1e6, 1e6) for _ in range(5000)])
    once = Groups(np.zeros(5000, np.int64), np.zeros(1, np.int64))
    state = made.partial(Rows(Fixed(FLOAT64, values)), once)
    assert all(int(limbs.length[0]) <= 8 for limbs in state[1:])
