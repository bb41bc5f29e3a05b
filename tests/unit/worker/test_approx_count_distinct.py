"""The estimate of how many different values there are: its error is what is said of it, and sketches are merged without one."""

from __future__ import annotations

import math
import random

import numpy as np
import pyarrow as pa
import pytest

from caudal.testing.folding import fold
from caudal.worker.aggregates.approx_count_distinct import approx_count_distinct, entries_of, estimates, registers
from caudal.worker.ranges import Ranges, over_ranges


def hashes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-(2**63), 2**63, count, np.int64)


def estimated(values: np.ndarray) -> int:
    run = approx_count_distinct("int64", "int64")
    return run(pa.array(values), np.array([0, len(values)])).to_pylist()[0]


@pytest.mark.parametrize("count", [1000, 5000, 20_000, 100_000, 1_000_000])
def test_the_standard_error_is_what_is_said(count: int) -> None:
    runs = 200 if count < 1_000_000 else 20
    errors = np.array([estimated(hashes(seed, count)) / count - 1 for seed in range(runs)])
    said = 1.04 / math.sqrt(4096)
    assert np.sqrt((errors**2).mean()) < said * (1 + 3 / math.sqrt(2 * runs))
    assert abs(errors.mean()) < 4 * said / math.sqrt(runs)


@pytest.mark.parametrize("count", [0, 1, 2, 10, 20])
def test_few_are_counted(count: int) -> None:
    found = [estimated(hashes(seed, count)) for seed in range(50)]
    assert max(abs(each - count) for each in found) <= 1
    assert sum(each == count for each in found) >= 35


@pytest.mark.parametrize("count", [0, 1, 7, 300, 3000, 30_000])
def test_it_is_the_oracles(count: int) -> None:
    values = np.concatenate([hashes(count, count), np.array([0, -1, 2**63 - 1, -(2**63), 1][: count % 6], np.int64)])
    assert estimated(values) == fold("approx_count_distinct", values.tolist())


def test_groups_and_parts_change_nothing() -> None:
    dice = random.Random(3)
    values, groups = hashes(1, 20_000), np.array([dice.randrange(4) for _ in range(20_000)])
    whole = [estimated(values[groups == group]) for group in range(4)]
    assert estimates(*registers(groups, entries_of(values)), 4).tolist() == whole
    parts = [registers(groups[at::3], entries_of(values[at::3])) for at in range(3)]
    merged = registers(*(np.concatenate(each) for each in zip(*parts)))
    assert estimates(*merged, 4).tolist() == whole
    assert len(merged[0]) <= 4 * 4096


def test_ranges_that_slide_have_the_estimates_of_their_values() -> None:
    dice = random.Random(5)
    for rows, width in ((1, 1), (400, 30), (3000, 3000), (3000, 7)):
        values = [dice.choice([None, *hashes(rows, 900).tolist()]) for _ in range(rows)]
        stop = np.arange(1, rows + 1)
        first = np.maximum(stop - width, 0)
        made = over_ranges(
            Ranges(first, stop), "approx_count_distinct", {}, pa.array(values, pa.int64()), "int64", "int64"
        )
        picked = [*range(0, rows, max(1, rows // 40)), rows - 1]
        wanted = [fold("approx_count_distinct", values[first[i] : stop[i]]) for i in picked]
        assert [made[i].as_py() for i in picked] == wanted


def test_what_a_row_costs_does_not_grow_with_its_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = 0

    class Entries:
        def __init__(self, entries: np.ndarray) -> None:
            self.entries, self.size = entries, entries.size

        def __getitem__(self, at: int) -> int:
            nonlocal reads
            reads += 1
            return self.entries[at]

    rows = 3000
    module = "caudal.worker.aggregates.approx_count_distinct"
    monkeypatch.setattr(f"{module}.entries_of", lambda given: Entries(entries_of(given)))
    ranges = Ranges(np.zeros(rows, np.int64), np.arange(1, rows + 1))
    over_ranges(ranges, "approx_count_distinct", {}, pa.array(hashes(1, rows)), "int64", "int64")
    assert 0 < reads < 10 * rows  # all frames together hold 4.5 million
