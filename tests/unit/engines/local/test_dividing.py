"""Work in parts: who does it, what an error does, and which rows a part has."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from caudal.columnar.column import Fixed, from_list
from caudal.columnar.grouping import key_hashes
from caudal.core.types import INT64, STRING
from caudal.engines.local.dividing import LARGE, MOST, PART_ROWS, WHOLE, Dividing, divided
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.state import HASH, Blocks
from caudal.engines.local.table import Table


class Once:
    """Admits one task."""

    def __init__(self, task: Any) -> None:
        self.tasks = [task]

    def admit(self) -> Any:
        return self.tasks.pop() if self.tasks else None

    def over(self) -> bool:
        return not self.tasks

    def waits(self) -> bool:
        return False


def run(threads: int, work: Any) -> Any:
    """Return what `work(dividing)` gives as a task of the queue."""
    scheduler, out = Scheduler(threads, 0.0, None), []
    scheduler.run(Once(lambda: out.append(work(Dividing(scheduler, threads)))))
    return out[0]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_parts_are_done_in_order_of_what_they_give(threads: int) -> None:
    parts: list[Any] = [*range(50)]
    assert run(threads, lambda dividing: dividing.map(lambda part: part * part, parts)) == [n * n for n in range(50)]
    assert parts == [None] * 50


def test_parts_are_done_by_all_threads() -> None:
    together = threading.Barrier(3)
    assert run(3, lambda dividing: dividing.map(lambda _: together.wait(60) >= 0, [1, 2, 3])) == [True] * 3


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_of_a_part_is_raised(threads: int) -> None:
    def part(number: int) -> None:
        if number == 7:
            raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        run(threads, lambda dividing: dividing.map(part, [*range(20)]))


def test_parts_of_parts_are_done_too() -> None:
    def work(dividing: Dividing) -> list[int]:
        return dividing.map(lambda n: sum(dividing.map(lambda m: n * m, [1, 2, 3])), [1, 2, 3])

    assert run(2, work) == [6, 12, 18]


def test_ranges_hold_every_hash_once() -> None:
    for shards in (0, 1, 2, 8, 128):
        for rows in (0, PART_ROWS, 40 * PART_ROWS, 10 * LARGE):
            ranges = Dividing(shards=shards).ranges(rows)
            assert [group for low, high in ranges for group in range(low, high)] == [*range(MOST)]
    assert Dividing().ranges(PART_ROWS - 1) == [WHOLE]
    assert len(Dividing().ranges(LARGE + 1)) == MOST
    assert len(Dividing().ranges(LARGE + 1, 32)) == 4


def table(names: list[str]) -> Table:
    key = from_list(names, STRING)
    return Table({HASH: Fixed(INT64, key_hashes([key], len(names))), "k": key}, len(names))


@pytest.mark.parametrize("shards", [1, 4, 128])
def test_a_key_is_in_one_part(shards: int) -> None:
    names = [f"key {i}" for i in range(500)]
    ranges = Dividing(shards=shards).ranges(500)
    parts = divided([table(names), table(names[::-1])], ranges)
    found = [share.table()["k"].to_list() for share in parts]
    assert sum(map(len, found)) == 1000
    assert sum(len({*part}) for part in found) == 500
    assert len([part for part in found if part]) > shards // 2


def test_the_hashes_of_this_process_are_in_no_cut() -> None:
    blocks = Blocks()
    blocks.add(table(["a", "b"]))
    added, _ = blocks.export(True)
    assert added[0].column_names == ["k"]
