"""Windowed joins against windows and pairs counted by hand: the interpreter of plans makes them of the same two operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipelines import ms, ways

import caudal as cd
from caudal.plan.nodes.join import HOW
from caudal.testing.harness import Started

pytestmark = pytest.mark.slow

Row = tuple[str | None, int, int]
"""Key, time, number."""

ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(-6, 14)), max_size=12)


def kept(rows: Sequence[tuple[str | None, int]], size: int, step: int) -> dict[tuple[str | None, int], list[int]]:
    """Return the numbers of the rows by key and start of window, without those that are late for it."""
    found: dict[tuple[str | None, int], list[int]] = {}
    newest: int | None = None
    for number, (key, time) in enumerate(rows):
        for start in range(-40, 40):
            open_ = newest is None or newest < start + size
            if start % step == 0 and start <= time < start + size and open_:
                found.setdefault((key, start), []).append(number)
        newest = time if newest is None else max(newest, time)
    return found


def pairs(
    left: Sequence[tuple[str | None, int]],
    right: Sequence[tuple[str | None, int]],
    size: int,
    step: int,
    how: str,
    nulls: bool,
) -> list[tuple[Any, ...]]:
    """Return (start, number on the left, number on the right) of what comes out, None where a side has no row."""
    mine, theirs = kept(left, size, step), kept(right, size, step)
    out: list[tuple[Any, ...]] = []
    for key, start in {**mine, **theirs}:
        a, b = mine.get((key, start), []), theirs.get((key, start), [])
        if key is None and not nulls:
            met: list[tuple[int, int]] = []
        else:
            met = [(i, j) for i in a for j in b]
        if how in ("inner", "left", "right", "full"):
            out += [(start, i, j) for i, j in met]
        if how == "semi":
            out += [(start, i, None) for i in {i for i, _ in met}]
        if how in ("left", "full", "anti"):
            out += [(start, i, None) for i in a if i not in {i for i, _ in met}]
        if how in ("right", "full"):
            out += [(start, None, j) for j in b if j not in {j for _, j in met}]
    return sorted(out, key=repr)


@settings(max_examples=settings.default.max_examples * 2)
@given(
    left=ROWS,
    right=ROWS,
    size=st.sampled_from([(5, 5), (1, 1), (6, 3), (6, 2)]),
    how=st.sampled_from(HOW),
    nulls=st.booleans(),
    way=ways(),
)
def test_windowed_joins_are_those_counted_by_hand(
    left: Any, right: Any, size: tuple[int, int], how: str, nulls: bool, way: Any
) -> None:
    def source(name: str, rows: Any) -> Any:
        given = [{"k": key, name: i, "t": time} for i, (key, time) in enumerate(rows)]
        schema = {"k": "string", name: "int64", "t": "int64"}
        return cd.source("memory", rows=given, schema=schema, event_time="t", name=f"of {name}")

    window = cd.hopping(ms(size[0]), every=ms(size[1]))
    out = source("l", left).join(source("r", right), "k", window=window, how=how, nulls="match" if nulls else "")
    run = Started(cd.Pipeline("joined", out.to("console", name="out")), **way).run()
    found = [(int(row["window_start"]), row["l"], row.get("r")) for row in run.rows["out"]]
    assert sorted(found, key=repr) == pairs(left, right, *size, how, nulls)
    assert all(row["window_end"] - row["window_start"] == size[0] for row in run.rows["out"])
