"""A buffer is lent again only when nobody looks at it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.connectors.files.buffers import Buffers
from caudal.ports.records import PADDING

VIEWS: dict[str, Any] = {
    "raw view": lambda array, size: array,
    "slice": lambda array, size: array[1 : size + 1],
    "slice of slice": lambda array, size: array[1:][: size // 2 + 1],
    "arrow": lambda array, size: pa.py_buffer(array[: size + 1]),
    "memoryview": lambda array, size: memoryview(array)[: size + 1],
}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*VIEWS, "drop"]),
            st.sampled_from([1, 1000, 65_536, 65_537, 140_000]),
            st.integers(0, 10),
        ),
        max_size=40,
    )
)
def test_no_view_that_is_held_ever_changes(steps: list[tuple[str, int, int]]) -> None:
    pool = Buffers()
    held: list[tuple[object, int]] = []
    for mark, (kind, size, which) in enumerate(steps):
        if kind == "drop":
            if held:
                held.pop(which % len(held))
            continue
        raw, array = pool.take(size)
        assert len(raw) >= size + PADDING
        raw[:] = bytes([mark]) * len(raw)
        held.append((VIEWS[kind](array, size), mark))
        del raw, array
        for view, expected in held:
            assert set(bytes(memoryview(view))) == {expected}  # type: ignore[arg-type]


def test_a_buffer_comes_back_when_its_last_view_goes() -> None:
    pool = Buffers()
    raw, array = pool.take(100_000)
    first = id(raw)
    view = array[5:10]
    del raw, array
    assert id(pool.take(100_000)[0]) != first
    del view
    lent = [pool.take(100_000) for _ in range(2)]
    assert first in {id(raw) for raw, _ in lent}
    assert len(pool) == 2


def test_the_pool_does_not_keep_what_a_burst_needed() -> None:
    pool = Buffers()
    burst = [pool.take(100_000) for _ in range(50)]
    assert len(pool) == 50
    del burst
    pool.take(100_000)
    assert len(pool) < 12


def test_what_is_small_is_not_pooled() -> None:
    pool = Buffers()
    held = [pool.take(300) for _ in range(1000)]
    assert len(pool) == 0
    assert sum(len(raw) for raw, _ in held) < 1000 * 1024


def test_a_small_read_does_not_hold_a_huge_buffer() -> None:
    pool = Buffers()
    huge = pool.take(50_000_000)
    del huge
    assert len(pool.take(100)[0]) < 1_000_000
