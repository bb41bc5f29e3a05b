from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from caudal.core.errors import RunError
from caudal.core.naming import natural_key
from caudal.engines.jvm.ranks import Ranks

HOURS = [f"access-{day:02}-{hour:02}.log" for day in range(100) for hour in range(24)]
MINUTES = [f"flows.{n}" for n in range(30_000)]
ROTATED = [f"access.log.{n}" for n in range(1, 2000)]
FAMILIES = [f"{name}-{n}.log" for n in range(1000) for name in ("auth", "web", "mail")]
LATER = [*(f"a-{n}" for n in range(2000)), *(f"aa-{n}" for n in range(2000)), *(f"a-{n}" for n in range(2000, 4000))]
MIXED = random.Random(7).sample(HOURS + FAMILIES + ROTATED, 7000)


@pytest.mark.parametrize("first", [[], ["access.log"], ["a", "access.log", "z"], ["auth.log", "mail.log", "web.log"]])
@pytest.mark.parametrize(
    "names",
    [HOURS, HOURS[::-1], MINUTES, ROTATED, ROTATED[::-1], FAMILIES, FAMILIES[::-1], LATER, LATER[::-1], MIXED],
    ids=[
        "hours",
        "back",
        "minutes",
        "rotated",
        "rotated back",
        "families",
        "families back",
        "later",
        "sooner",
        "mixed",
    ],
)
def test_numbers_are_in_the_natural_order_whatever_appears(first: Sequence[str], names: Sequence[str]) -> None:
    ranks = Ranks(first)
    given = {name: ranks.add(name) for name in names}
    assert given.items() <= ranks.numbers.items()
    assert set(ranks.numbers) == {*first, *names}
    in_order = sorted(ranks.numbers, key=ranks.numbers.__getitem__)
    assert in_order == sorted(in_order, key=natural_key)
    assert len(set(ranks.numbers.values())) == len(in_order)
    assert 0 < min(ranks.numbers.values()) <= max(ranks.numbers.values()) < 1 << 62


def test_room_that_is_used_up_is_told() -> None:
    """Each name stands between the two before it: the worst that there can be."""
    ranks = Ranks(["a"])
    low, high = 0, 1 << 100
    for turn in range(61):
        middle = (low + high) // 2
        ranks.add(f"a{middle}")
        low, high = (middle, high) if turn % 2 else (low, middle)
    with pytest.raises(RunError, match="too many partitions have appeared") as caught:
        ranks.add(f"a{(low + high) // 2}")
    assert caught.value.location.startswith("a")
