"""Tables compared as multisets, against counters of Python values."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.runner.comparison import compare, differing

FLOATS = st.sampled_from([None, 0.0, -0.0, 1.5, math.nan, -math.nan, math.inf, -math.inf])
TABLES = st.lists(
    st.tuples(
        st.sampled_from(["a", "", "\u00e4", None]),
        FLOATS,
        st.lists(FLOATS, max_size=2) | st.none(),
        st.booleans() | st.none(),
    ),
    max_size=8,
)
SCHEMA = {"key": pl.String, "x": pl.Float64, "list": pl.List(pl.Float64), "flag": pl.Boolean}


def table(rows: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, SCHEMA, orient="row")


def plain(value: Any) -> Any:
    """A value as one that equals itself."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else abs(value) if value == 0 else value
    return tuple(plain(v) for v in value) if isinstance(value, list | tuple) else value


def counted(rows: list[Any]) -> Counter[Any]:
    return Counter((type(row).__name__, plain(row)) for row in rows)


@given(TABLES, TABLES)
def test_whole_rows(left: list[Any], right: list[Any]) -> None:
    found = compare(table(left), table(right), list(SCHEMA))
    a, b = counted(left), counted(right)
    assert (found.left, found.right) == (len(left), len(right))
    assert (len(found.only_left), len(found.only_right)) == ((a - b).total(), (b - a).total())
    assert (found.same, found.changed) == ((a & b).total(), [])
    assert found.equal == (a == b)


@given(TABLES, TABLES)
def test_rows_with_keys(left: list[Any], right: list[Any]) -> None:
    found = compare(table(left), table(right), list(SCHEMA), key=["key"])
    a, b = counted(left), counted(right)
    alone = [Counter(key for (_, (key, *_)), n in side.items() for _ in range(n)) for side in (a - b, b - a)]
    assert len(found.changed) == (alone[0] & alone[1]).total()
    assert Counter(row["key"] for row in found.only_left) == alone[0] - alone[1]
    assert Counter(row["key"] for row in found.only_right) == alone[1] - alone[0]
    assert all(x["key"] == y["key"] and differing(x, y, ["x", "list", "flag"]) for x, y in found.changed)


@given(TABLES)
def test_a_table_is_the_same_in_any_order(rows: list[Any]) -> None:
    assert compare(table(rows), table(rows[::-1]), list(SCHEMA)).equal


@pytest.mark.parametrize(
    ("x", "y", "magnitude", "near"),
    [
        (1.0, 1.0 + 0.9e-9, None, True),
        (1.0, 1.0 + 1.1e-9, None, False),
        (1.0, 1.0 + 1e-7, 1000.0, True),
        (1.0, 1.0 + 1e-5, 1000.0, False),
        (0.0, 1e-12, 0.001, True),
        (0.0, 1e-12, None, False),
        (math.nan, math.nan, None, True),
        (math.inf, math.inf, 1.0, True),
        (math.inf, 1e300, math.inf, False),
        (None, 0.0, None, False),
        (None, None, None, True),
    ],
)
def test_floats_that_may_differ(x: Any, y: Any, magnitude: Any, near: bool) -> None:
    schema = {"k": pl.String, "x": pl.Float64}
    left = pl.DataFrame([("a", x, magnitude)], {**schema, "m": pl.Float64}, orient="row")
    right = pl.DataFrame([("a", y)], schema, orient="row")
    assert compare(left, right, ["k", "x"], inexact={"x": "m"}).equal == near
    assert compare(left, right, ["k", "x"]).equal == (plain(x) == plain(y))


def test_hidden_columns_are_not_shown() -> None:
    left = pl.DataFrame({"id": ["1"], "x": [1.0], "m": [1.0]})
    right = pl.DataFrame({"id": ["1"], "x": [2.0]})
    found = compare(left, right, ["x"], key=["id"], inexact={"x": "m"})
    assert found.changed == [({"x": 1.0}, {"x": 2.0})]


def test_the_same_row_under_another_identity_is_the_same() -> None:
    left, right = pl.DataFrame({"id": ["1", "2"], "x": [1, 1]}), pl.DataFrame({"id": ["2", "3"], "x": [1, 1]})
    assert compare(left, right, ["x"], key=["id"]).equal


def test_times_are_shown_as_text_also_where_python_has_none() -> None:
    far = pl.DataFrame({"t": [-(2**62), 0, None]}, {"t": pl.Int64}).cast(pl.Datetime("ms", "UTC"))
    near = pl.DataFrame({"t": [datetime(2024, 2, 29, 12, 0, 0, 7000, UTC)]}, {"t": pl.Datetime("ms", "UTC")})
    found = compare(far, near, ["t"])
    assert [row["t"] for row in found.only_left] == [None, f"{-(2**62)} ms", "1970-01-01T00:00:00.000Z"]
    assert [row["t"] for row in found.only_right] == ["2024-02-29T12:00:00.007Z"]
