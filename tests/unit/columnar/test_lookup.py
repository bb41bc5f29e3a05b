"""Rows of tables by key, held against dictionaries."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from caudal.columnar import lookup
from caudal.columnar.column import from_list
from caudal.columnar.lookup import Indexed
from caudal.core.types import FLOAT64, INT64, STRING, TIMESTAMP


@pytest.mark.parametrize("collide", [False, True], ids=["", "one hash"])
@pytest.mark.parametrize("seed", range(20))
def test_keys_are_compared_whatever_their_hashes(seed: int, collide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if collide:
        monkeypatch.setattr(lookup, "key_hashes", lambda keys, rows: np.full(rows, 7, np.int64))
    rnd = random.Random(seed)
    texts = ["", "a", "b", "a" * 20, "a" * 19 + "b", "é"]
    rows = [(rnd.choice(texts), rnd.randrange(3)) for _ in range(rnd.randrange(1, 40))]
    asked = [(rnd.choice([*texts, None, "z"]), rnd.choice([0, 1, 2, 5, None])) for _ in range(50)]
    columns = {"k": from_list([k for k, _ in rows], STRING), "n": from_list([n for _, n in rows], INT64)}
    columns["row"] = from_list(list(range(len(rows))), INT64)
    indexed = Indexed(columns, len(rows), ["k", "n"], "equal")
    wanted: dict[Any, int] = {row: i for i, row in enumerate(rows)}
    assert indexed.rows == len(wanted)
    assert indexed.repeated == len(rows) - len(wanted)
    found = indexed.find(
        [from_list([k for k, _ in asked], STRING), from_list([n for _, n in asked], INT64)], len(asked)
    )
    numbers = indexed.columns["row"].to_list()
    assert [numbers[f] if f >= 0 else None for f in found.tolist()] == [wanted.get(row) for row in asked]


def test_floats_are_equal_as_values_are() -> None:
    indexed = Indexed({"f": from_list([float("nan"), 0.0, 1.5], FLOAT64)}, 3, ["f"], "equal")
    asked = from_list([-0.0, -float("nan"), 1.5, 2.0, None], FLOAT64)
    assert indexed.find([asked], 5).tolist() == [1, 0, 2, -1, -1]


@pytest.mark.parametrize("seed", range(20))
def test_of_rows_that_hold_the_latest(seed: int) -> None:
    rnd = random.Random(seed)
    rows = [
        (rnd.choice("ab"), rnd.choice([None, *range(10)]), rnd.choice([None, *range(12)]))
        for _ in range(rnd.randrange(1, 20))
    ]
    columns = {
        "k": from_list([k for k, _, _ in rows], STRING),
        "f": from_list([f for _, f, _ in rows], TIMESTAMP),
        "u": from_list([u for _, _, u in rows], TIMESTAMP),
        "row": from_list(list(range(len(rows))), INT64),
    }
    indexed = Indexed(columns, len(rows), ["k"], "equal", ("f", "u"))
    asked = [(k, t) for k in "abc" for t in range(-1, 13)]
    times = np.array([t for _, t in asked], np.int64)
    found = indexed.find([from_list([k for k, _ in asked], STRING)], len(asked), times)
    numbers = indexed.columns["row"].to_list()
    for (key, time), number in zip(asked, found.tolist(), strict=True):
        holding = [
            (f, i)
            for i, (k, f, u) in enumerate(rows)
            if k == key and f is not None and f <= time and (u is None or time < u)
        ]
        assert (numbers[number] if number >= 0 else None) == (max(holding)[1] if holding else None)
