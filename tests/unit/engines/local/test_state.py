"""Blocks of keyed state: deltas and tombstones, key groups, what a restore refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Text, from_list
from caudal.core.errors import RunError
from caudal.core.types import BOOL, FLOAT64, INT64, STRING
from caudal.engines.local.state import KEY_GROUPS, Blob, Blocks, key_groups
from caudal.engines.local.table import Table

TYPES = {"k": STRING, "v": INT64}


def table(*pairs: tuple[str | None, int]) -> Table:
    columns = {"k": from_list([k for k, _ in pairs], STRING), "v": from_list([v for _, v in pairs], INT64)}
    return Table(columns, len(pairs))


def test_a_null_holds_nothing_whatever_its_length_says() -> None:
    text = Text(STRING, np.frombuffer(b"abc", np.uint8), np.zeros(2, np.int64), np.array([3, 1 << 30], np.int32))
    text.valid = np.array([True, False])
    assert Table({"k": text}, 2).nbytes() < 100


def rows(blocks: Blocks) -> list[tuple[str | None, int]]:
    out = []
    for one in blocks.tables.values():
        out += zip(one["k"].to_list(), one["v"].to_list())
    return sorted(out, key=repr)


def blob(blocks: Blocks, whole: bool) -> Blob:
    added, removed = blocks.export(whole)
    return Blob("op", "kind", 1, whole, {}, added, removed)


def restored(*blobs: Blob, groups: Any = None) -> Blocks:
    fresh = Blocks()
    fresh.restore(blobs, TYPES, frozenset(), ["k"], groups)
    return fresh


def test_a_chain_of_deltas_is_the_state() -> None:
    blocks = Blocks()
    blocks.add(table(("a", 1), (None, 2)))
    blocks.add(table(("b", 3)))
    cuts = [blob(blocks, True)]
    blocks.remove(0)
    blocks.add(table(("c", 4)))
    cuts.append(blob(blocks, False))
    assert (list(cuts[1].added), cuts[1].removed) == ([2], [0])
    blocks.remove(2)
    blocks.add(table(("d", 5)))
    blocks.remove(3)  # came and went between two cuts: in neither
    cuts.append(blob(blocks, False))
    assert (list(cuts[2].added), cuts[2].removed) == ([], [2])
    assert rows(restored(*cuts)) == rows(blocks) == [("b", 3)]
    assert rows(restored(*cuts[:2])) == [("b", 3), ("c", 4)]
    assert rows(restored(*cuts[:1])) == [("a", 1), ("b", 3), (None, 2)]


def test_an_export_is_not_changed_by_what_follows() -> None:
    blocks = Blocks()
    blocks.add(table(("a", 1)))
    cut = blob(blocks, True)
    blocks.remove(0)
    blocks.add(table(("z", 9)))
    assert rows(restored(cut)) == [("a", 1)]


def test_numbers_go_on_behind_a_restore() -> None:
    blocks = Blocks()
    blocks.add(table(("a", 1)))
    again = restored(blob(blocks, True))
    again.add(table(("b", 2)))
    delta = blob(again, False)
    assert list(delta.added) == [1]
    assert rows(restored(blob(blocks, True), delta)) == [("a", 1), ("b", 2)]


def test_a_missing_block_is_refused() -> None:
    with pytest.raises(RunError, match="lacks block 7"):
        restored(Blob("op", "kind", 1, True, {}), Blob("op", "kind", 1, False, {}, removed=[7]))


def test_key_groups_partition_the_state() -> None:
    blocks = Blocks()
    names = [None, "", *(f"key {i}" for i in range(500))]
    for start in range(0, len(names), 100):
        blocks.add(table(*((name, i) for i, name in enumerate(names[start : start + 100], start))))
    cut = blob(blocks, True)
    parts = [range(start, start + 32) for start in range(0, KEY_GROUPS, 32)]
    halves = [rows(restored(cut, groups=part)) for part in parts]
    assert all(halves)
    assert sorted((row for half in halves for row in half), key=repr) == rows(blocks)
    assert rows(restored(cut, groups=[])) == []
    assert rows(restored(cut, groups=range(KEY_GROUPS))) == rows(blocks)


def test_sizes_follow_what_is_held() -> None:
    blocks = Blocks()
    blocks.add(table(("a" * 1000, 1)))
    assert 1000 < blocks.nbytes < 1100
    again = restored(blob(blocks, True))
    assert (again.nbytes, again.rows) == (blocks.nbytes, 1)
    blocks.remove(0)
    assert (blocks.nbytes, blocks.rows) == (0, 0)


def test_equal_keys_have_one_group_however_they_stand() -> None:
    def groups(values: list[Any], dtype: Any) -> list[int]:
        return key_groups([from_list(values, dtype)], len(values)).tolist()

    assert len(set(groups([0.0, -0.0], FLOAT64))) == 1
    negative = np.array([-math.nan, math.nan])
    assert len(set(groups(negative.tolist(), FLOAT64))) == 1
    assert groups(["a", "b", "a"], STRING)[::2] == groups(["a", "z", "a"], STRING)[::2]
    assert len(set(groups([None, 0, 1], INT64))) == 3
    assert len(set(groups([None, "", "\0"], STRING))) == 3
    assert len(set(groups([None, False, True], BOOL))) == 3


def test_the_hash_named_in_a_cut_does_not_change() -> None:
    """These numbers are stored in snapshots by way of key groups: a change needs another name of the hash."""
    texts = key_groups([from_list([None, "", "a", "10.0.0.1", "a longer key than sixteen bytes"], STRING)], 5)
    numbers = key_groups([from_list([None, 0, 1, -1, 2**63 - 1], INT64)], 5)
    pairs = key_groups([from_list(["a", "a", None], STRING), from_list([1, 2, 1], INT64)], 3)
    assert texts.tolist() == [31, 94, 111, 65, 90]
    assert numbers.tolist() == [31, 46, 97, 117, 103]
    assert pairs.tolist() == [121, 86, 29]
