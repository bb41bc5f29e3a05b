"""Blocks in narrow types: what comes back is what went in, and what goes in is small."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.checkpoint.narrow import narrowed, widened

TYPES = [
    pa.int64(),
    pa.int32(),
    pa.float64(),
    pa.bool_(),
    pa.large_string(),
    pa.large_binary(),
    pa.timestamp("ms", tz="UTC"),
    pa.duration("ms"),
    pa.large_list(pa.int64()),
    pa.struct([pa.field("n", pa.int64()), pa.field("t", pa.large_string())]),
]
LEAST, MOST = -(1 << 63), (1 << 63) - 1
_EDGES = [0, 1, -1, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, LEAST, MOST]
_WHOLE = st.lists(st.none() | st.integers(0, 300) | st.sampled_from(_EDGES) | st.integers(LEAST, MOST), max_size=12)


@given(_WHOLE, st.sampled_from([pa.int64(), pa.timestamp("ms", tz="UTC"), pa.duration("ms")]), st.integers(0, 4))
def test_whole_numbers_come_back(values: list[int | None], kind: pa.DataType, skipped: int) -> None:
    column = pa.array(values, pa.int64()).cast(kind).slice(skipped)
    table = pa.table({"v": column}, metadata={b"of": b"w"})
    again = widened(narrowed(table))
    assert again.equals(table, check_metadata=True)
    again.validate(full=True)


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_every_type_comes_back(kind: pa.DataType) -> None:
    one = {"large_string": "ä", "large_binary": b"\xff", "bool": True}.get(str(kind), 7)
    if pa.types.is_nested(kind):
        one = [3, None] if pa.types.is_large_list(kind) else {"n": None, "t": "x"}
    for values in ([], [None], [one], [None, one, one]):
        plain = pa.int64() if isinstance(one, int) and kind not in (pa.bool_(), pa.float64(), pa.int32()) else kind
        table = pa.table({"a": pa.array(values, plain).cast(kind), "b": pa.array([1] * len(values))})
        again = widened(narrowed(table))
        assert again.schema == table.schema
        assert again.equals(table)


def test_what_is_near_together_is_small() -> None:
    base = 1_700_000_000_000
    rows = 1000
    table = pa.table(
        {
            "pane": pa.array([base] * rows),
            "seen": pa.array([base + 60 * i for i in range(rows)]).cast(pa.timestamp("ms", tz="UTC")),
            "far": pa.array([i << 40 for i in range(rows)]),
            "key": pa.array([f"10.0.{i // 256}.{i % 256}" for i in range(rows)], pa.large_string()),
        }
    )
    assert [str(each) for each in narrowed(table).schema.types] == ["uint8", "uint16", "int64", "string"]
