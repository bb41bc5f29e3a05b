"""What is learnt of the cost of rows."""

from __future__ import annotations

import itertools

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
