"""Texts by their numbers in a dictionary: they are the texts that they stand for, wherever texts are looked at."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from caudal.columnar import numbering
from caudal.columnar.column import Column, Dictionary, Text, Words, concat, from_list
from caudal.columnar.grouping import group, key_hashes
from caudal.columnar.numbering import Numbering
from caudal.columnar.sorting import order
from caudal.core.types import INT64, STRING

TEXTS = ["", "a", "b", "10.0.0.1", "x" * 17, "é", "y" * 300]


def texts(values: Sequence[str | None]) -> Text:
    column = from_list(values, STRING)
    assert isinstance(column, Text)
    return column


def words(dictionary: Dictionary, values: Sequence[str | None]) -> Words:
    known = dictionary.texts.to_list()
    codes = np.array([0 if v is None else known.index(v) for v in values], np.int32)
    valid = np.array([v is not None for v in values])
    return Words(STRING, dictionary, codes, None if valid.all() else valid)


def drawn(rows: int, *, nulls: bool) -> tuple[Words, list[str | None]]:
    dice = random.Random(rows)
    values = [dice.choice([*TEXTS, None] if nulls else TEXTS) for _ in range(rows)]
    return words(Numbering(STRING).number(texts(TEXTS))[0], values), values


def same(column: Column, values: Sequence[str | None]) -> None:
    plain = texts(values)
    assert len(column) == len(values)
    assert column.to_list() == values
    assert column.null_count() == plain.null_count()
    assert key_hashes([column], len(values)).tolist() == key_hashes([plain], len(values)).tolist()


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("rows", [0, 3, 200])
def test_they_are_what_they_stand_for(rows: int, nulls: bool) -> None:
    column, values = drawn(rows, nulls=nulls)
    same(column, values)
    for made in (column.take(np.arange(rows)[::-2].copy()), column.take(np.arange(rows)[::-2].copy()).compact()):
        same(made, values[::-2])
    same(column.slice(1, 3), values[1:3])
    assert [column[row] for row in range(rows) if values[row] is not None] == [
        v.encode() for v in values if v is not None
    ]


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("spread", [1, 3, 10**6])
def test_groups_are_those_of_the_texts(spread: int, nulls: bool) -> None:
    for rows in (0, 5, 300):
        column, values = drawn(rows, nulls=nulls)
        dice = random.Random(rows)
        salt = np.array([dice.randrange(-spread, spread) for _ in range(rows)], np.int64)
        more = from_list([dice.choice([1, None]) for _ in range(rows)], INT64)
        for keys in ([column], [column, more], [more, column]):
            plain = [texts(values) if key is column else key for key in keys]
            for salts in ([], [salt], [salt, salt // 2]):
                found, wanted = group(keys, salts, rows), group(plain, salts, rows)
                assert (found.codes.tolist(), found.first.tolist()) == (wanted.codes.tolist(), wanted.first.tolist())


def test_what_stands_behind_one_another_shares_a_dictionary_of_one_origin_only() -> None:
    numbers = Numbering(STRING)
    one, _ = numbers.number(texts(["a", "b"]))
    both, _ = numbers.number(texts(["c", "b"]))
    other, _ = Numbering(STRING).number(texts(["a", "c"]))
    a, b, c = words(one, ["a", None, "b"]), words(both, ["c", "b"]), words(other, ["c"])
    joined = concat([a, b])
    assert isinstance(joined, Words)
    assert joined.dictionary is both
    same(joined, ["a", None, "b", "c", "b"])
    for parts in ([b, c], [a, texts(["z", None])]):
        made = concat(parts)
        assert not isinstance(made, Words)
        same(made, [value for part in parts for value in part.to_list()])


def test_state_keeps_no_dictionary_that_is_longer_than_itself() -> None:
    dictionary, _ = Numbering(STRING).number(texts(TEXTS))
    few = words(dictionary, ["b", None, "a"]).compact()
    assert not isinstance(few, Words)
    assert few.data.nbytes == 2
    same(few, ["b", None, "a"])
    all_rows = words(dictionary, TEXTS)
    kept = all_rows.slice(0, len(TEXTS)).compact()
    assert isinstance(kept, Words)
    assert not np.shares_memory(kept.codes, all_rows.codes)


def test_equal_texts_have_one_number_and_another_dictionary_is_begun_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "LARGEST", 50)
    numbers, dice = Numbering(STRING), random.Random(1)
    origins: list[Any] = []
    before: Dictionary | None = None
    for _ in range(30):
        given = dice.sample([f"10.0.0.{n}" for n in range(300)], dice.randrange(1, 20))
        dictionary, codes = numbers.number(texts(given))
        known = dictionary.texts.to_list()
        assert [known[code] for code in codes.tolist()] == given
        assert len({*known}) == len(known) <= 50 + 20
        assert dictionary.hashes.tolist() == key_hashes([dictionary.texts], len(known)).tolist()
        if before is not None and before.origin is dictionary.origin:
            assert known[: len(before)] == before.texts.to_list()
        else:
            origins.append(dictionary.origin)
        before = dictionary
    assert len(origins) > 2


def test_a_dictionary_that_has_all_texts_stays() -> None:
    numbers = Numbering(STRING)
    dictionary, _ = numbers.number(texts(TEXTS))
    again, codes = numbers.number(texts(["b", "a", "b"]))
    assert again is dictionary
    assert codes.tolist() == [2, 1, 2]


def test_what_is_mended_has_the_number_of_what_it_became() -> None:
    seen: list[list[Any]] = []

    def lower(given: Text) -> Text:
        seen.append(given.to_list())
        return texts([value.lower() for value in given.to_list()])

    numbers = Numbering(STRING, lower)
    assert numbers.number(texts(["a", "B"]))[1].tolist() == [0, 1]
    dictionary, codes = numbers.number(texts(["b", "A", "C", "c", "a"]))
    assert codes.tolist() == [1, 0, 2, 2, 0]
    assert dictionary.texts.to_list() == ["a", "b", "c"]
    assert seen == [["a", "B"], ["A", "C", "c"]]


def test_they_are_sorted_as_texts() -> None:
    column, values = drawn(100, nulls=True)
    wanted = sorted(range(100), key=lambda row: (values[row] is not None, (values[row] or "").encode(), row))
    assert order([column]).tolist() == wanted
