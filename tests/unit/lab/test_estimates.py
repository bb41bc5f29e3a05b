"""Slopes, Student's t and intervals, against numbers from tables and by hand."""

from __future__ import annotations

import math

import pytest

from caudal.lab.estimates import estimate, ratios, slope, student_t

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (10, 2.2281), (11, 2.2010), (20, 2.0860), (100, 1.9840)],
)
def test_the_quantile_of_students_t(freedom: int, quantile: float) -> None:
    assert student_t(freedom) == pytest.approx(quantile, abs=2e-4)


def test_a_slope_leaves_out_what_starting_takes() -> None:
    assert slope(100, 500, 10.0 + 1.0, 10.0 + 5.0) == 100.0


@pytest.mark.parametrize("took", [3.0, 2.9])
def test_a_slope_is_not_known_where_more_took_no_longer(took: float) -> None:
    assert slope(100, 500, 3.0, took) is None


def test_an_estimate_by_hand() -> None:
    each = estimate([2.0, None, 4.0, 6.0])
    assert each is not None
    assert (each.count, each.mean, each.median, each.least, each.most) == (3, 4.0, 4.0, 2.0, 6.0)
    assert each.half == pytest.approx(4.30265 * 2.0 / math.sqrt(3))
    assert each.to_json()["interval"] == pytest.approx([4 - each.half, 4 + each.half], rel=1e-5)


def test_one_value_has_no_interval_and_none_no_estimate() -> None:
    one = estimate([5.0])
    assert one is not None
    assert (one.half, one.to_json()["interval"]) == (math.inf, None)
    assert estimate([None, None]) is None
    assert estimate([]) is None


def test_ratios_are_those_of_the_same_round() -> None:
    assert ratios([2.0, None, 9.0], [1.0, 1.0, 3.0]) == [2.0, None, 3.0]
    assert ratios([2.0], [None]) == [None]
