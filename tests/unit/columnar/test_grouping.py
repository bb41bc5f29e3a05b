"""Groups by hashes: what many keys with one hash come to, and that hashes are of the keys alone."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from caudal.columnar import grouping
from caudal.columnar.column import Column, from_list
from caudal.columnar.grouping import group, key_hashes
from caudal.core.types import BOOL, FLOAT64, INT64, STRING

TEXTS = [
    None,
    "",
    "\0",
    "a",
    "ab",
    "1234567",
    "12345678",
    "123456789",
    "x" * 15,
    "x" * 16,
    "x" * 17,
    "y" * 40,
    "y" * 41,
]


def wanted(rows: Sequence[Any]) -> tuple[list[int], list[int]]:
    met: dict[Any, int] = {}
    codes = [met.setdefault(row, len(met)) for row in rows]
    return codes, [codes.index(g) for g in range(len(met))]


def drawn(seed: int, rows: int) -> tuple[list[Column], list[Any], np.ndarray[Any, np.dtype[np.int64]]]:
    dice = random.Random(seed)
    texts = [dice.choice(TEXTS) for _ in range(rows)]
    numbers = [dice.choice([None, 0, 1, -1, 2**63 - 1]) for _ in range(rows)]
    salt = np.array([dice.choice([0, 1, 5]) for _ in range(rows)], np.int64)
    keys = [from_list(texts, STRING), from_list(numbers, INT64)]
    return keys, list(zip(texts, numbers, salt.tolist(), strict=True)), salt


@pytest.mark.parametrize("rows", [0, 1, 7, 5000])
def test_groups_are_those_of_equal_keys(rows: int) -> None:
    keys, plain, salt = drawn(rows, rows)
    codes, first = wanted(plain)
    found = group(keys, [salt], rows)
    assert (found.codes.tolist(), found.first.tolist()) == (codes, first)


def test_keys_of_one_hash_are_told_apart() -> None:
    keys, plain, salt = drawn(3, 300)
    codes, first = wanted(plain)
    found = group(keys, [salt], 300, np.zeros(300, np.int64))
    assert (found.codes.tolist(), found.first.tolist()) == (codes, first)


def test_more_groups_than_a_table_begins_with() -> None:
    values = np.arange(200_000, dtype=np.int64) % 70_000
    found = group([from_list(values.tolist(), INT64)], [], len(values))
    assert found.codes.tolist() == values.tolist()
    assert found.first.tolist() == list(range(70_000))


def test_several_salts_are_all_looked_at() -> None:
    one, two = np.array([1, 1, 2, 1], np.int64), np.array([1, 2, 1, 1], np.int64)
    assert group([], [one, two], 4).codes.tolist() == [0, 1, 2, 0]
    assert group([], [], 3).codes.tolist() == [0, 0, 0]


def test_equal_keys_have_one_hash_however_they_stand() -> None:
    def hashes(values: list[Any], dtype: Any) -> list[int]:
        return key_hashes([from_list(values, dtype)], len(values)).tolist()

    assert len(set(hashes([0.0, -0.0], FLOAT64))) == 1
    assert len(set(hashes([math.nan, -math.nan], FLOAT64))) == 1
    assert len(set(hashes(["zz", "a", "a"], STRING)[1:])) == 1
    assert len(set(hashes(TEXTS, STRING))) == len(TEXTS)
    assert len(set(hashes([None, False, True], BOOL))) == 3


def test_hashes_hang_on_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [from_list(["a", "b"], STRING)]
    before = key_hashes(keys, 2).tolist()
    monkeypatch.setattr(grouping, "_SECRET", np.array([3, 5], np.int64))
    assert not {*before} & {*key_hashes(keys, 2).tolist()}
