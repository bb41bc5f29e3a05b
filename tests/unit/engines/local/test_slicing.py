"""What is learnt of the cost of rows."""

from __future__ import annotations

import itertools

import numpy as np

from caudal.columnar.column import Fixed
from caudal.columnar.morsel import Morsel
from caudal.core.types import INT64
from caudal.engines.local.slicing import TELLING, WHOLE, Slicer


def test_tasks_of_few_rows_say_nothing_of_what_a_cheap_row_costs() -> None:
    slicer = Slicer(expensive=False, threads=2)
    for _ in range(100):
        slicer.learn(5, 0.05)
    assert slicer.size(5) == WHOLE
    slicer.learn(TELLING, 0.001)
    assert slicer.size(5) == WHOLE


def test_a_clock_that_steps_back_breaks_nothing() -> None:
    for expensive, rows in itertools.product((False, True), (1, 1000)):
        slicer = Slicer(expensive=expensive, threads=2)
        for seconds in [0.001, *[-1.0] * 2000, 0.001]:
            slicer.learn(rows, seconds)
        assert slicer.size(10_000) >= 1


def test_rows_that_share_a_place_stay_together() -> None:
    """Only the order in which they stand tells them apart, and pieces are put together in any."""
    position = np.array([0, 1, 1, 1, 2, 3, 3, 4], np.int64)
    morsel = Morsel({"n": Fixed(INT64, np.arange(8))}, 8, position=position)
    for fixed, wanted in {
        1: [[0], [1, 1, 1], [2], [3, 3], [4]],
        3: [[0, 1, 1, 1], [2], [3, 3, 4]],
        8: [[*position]],
    }.items():
        slicer = Slicer(expensive=True, threads=2)
        slicer.fixed = fixed
        pieces = slicer.split(morsel)
        assert [piece.position.tolist() for piece in pieces if piece.position is not None] == wanted
        assert [n for piece in pieces for n in piece.columns["n"].to_list()] == [*range(8)]
