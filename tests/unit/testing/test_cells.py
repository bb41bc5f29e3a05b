"""Cells: every value reads as it is shown."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caudal.core.types import SCALARS, STRING, Field, list_of, parse_type, struct_of
from caudal.testing.cells import CellError, Raw, read, show, split

INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[str, Any] = {
    "bool": st.booleans(),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": INT64,
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "string": st.text(),
    "binary": st.binary(max_size=9),
    "timestamp": st.integers(-(10**13), 10**14),
    "duration": st.integers(-(10**10), 10**10),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("name", SCALARS)
@given(data=st.data())
def test_what_is_shown_reads_as_the_same(name: str, data: Any) -> None:
    dtype = SCALARS[name]
    nested = struct_of([Field("a", list_of(dtype)), Field("b", dtype)])
    one = st.none() | VALUES[name]
    value, deep = data.draw(one), {"a": data.draw(st.none() | st.lists(one, max_size=3)), "b": data.draw(one)}
    line = f"{show(value, dtype)} | {show(deep, nested)} |{show(value, dtype)}"
    texts = split(line)
    assert len(texts) == 3
    assert same(read(texts[0], dtype), value)
    assert same(read(texts[1], nested), deep)
    assert same(read(texts[2], dtype), value)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3s", "timestamp", 3000),
        ("1.05s", "timestamp", 1050),
        ("-250ms", "timestamp", -250),
        ("1h30m", "duration", 5_400_000),
        ("2026-01-31T10:00:00+01:00", "timestamp", 1_769_850_000_000),
        ("2026-01-31", "timestamp", 1_769_817_600_000),
        ("0x00ff", "binary", b"\x00\xff"),
        ("two words", "string", "two words"),
        ('"null"', "string", "null"),
        ("null", "string", None),
        ("1e3", "float64", 1000.0),
        ('["a", null]', "list<string>", ["a", None]),
    ],
)
def test_forms(text: str, kind: str, value: Any) -> None:
    assert read(text, parse_type(kind)) == value


def test_a_value_as_it_stands() -> None:
    raw = read('!{"a": 1}', STRING)
    assert isinstance(raw, Raw)
    assert raw.value == {"a": 1}


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", "string", "the cell is empty"),
        ("1.5", "int64", "no int64"),
        ("2147483648", "int32", "out of the range of int32"),
        ("maybe", "bool", "no bool"),
        ("x", "float64", "no number"),
        ("00", "binary", "no binary value"),
        ("1500", "timestamp", "no time"),
        ("1.2345s", "duration", "no time"),
        ("!x", "int64", "cannot read 'x' as JSON"),
        ('{"a": 1}', "list<int64>", "is no list<int64>"),
        ("[1]", "list<string>", "1 is no string"),
    ],
)
def test_what_cannot_be_read(text: str, kind: str, message: str) -> None:
    with pytest.raises(CellError, match=message):
        read(text, parse_type(kind))


def test_bars_inside_json_do_not_part_cells() -> None:
    assert split('a | "x|y" |["|"]| !"|" |') == ["a", '"x|y"', '["|"]', '!"|"', ""]
