"""Numbers against Python's int and float."""

from __future__ import annotations

import math
import re

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from caudal.columnar import numbers
from caudal.columnar.column import ALL_VALID

TEXTS = st.lists(
    st.text("0123456789+-.eE ", max_size=24)
    | st.integers(-(2**66), 2**66).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    min_size=1,
    max_size=20,
)


def views(values: list[str]):
    raw = [v.encode() for v in values]
    data = np.frombuffer(bytearray(b"x" + b"7".join(raw) + b"7"), np.uint8)
    length = np.array([len(v) for v in raw], np.int32)
    start = (1 + np.concatenate([[0], np.cumsum(length + 1)[:-1]])).astype(np.int64)
    return data, start, length, ALL_VALID


@given(TEXTS)
@settings(max_examples=500, deadline=None)
@example(["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "0" * 20])
def test_ints(texts):
    values, ok = numbers.parse_ints(*views(texts))
    for text, value, good in zip(texts, values.tolist(), ok.tolist()):
        expected = re.fullmatch(r"[+-]?[0-9]{1,19}", text) and -(2**63) <= int(text) < 2**63
        assert good == bool(expected), text
        assert value == (int(text) if expected else 0)


@given(TEXTS)
@settings(max_examples=500, deadline=None)
@example(["1e22", "1e23", "9007199254740993", "9007199254740993e-22", "1e-400", "1e400", "-0", ".", "5.", ".5"])
def test_floats(texts):
    values, ok = numbers.parse_floats(*views(texts))
    for text, value, good in zip(texts, values.tolist(), ok.tolist()):
        grammar = re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text)
        assert good == bool(grammar and math.isfinite(float(text))), text
        if good:
            assert (value, math.copysign(1, value)) == (float(text), math.copysign(1, float(text)))


def test_bools_and_nulls():
    data, start, length, _ = views(["true", "TruE", "1", "0", "FALSE", "false", "2", "", "trve", "folse", "True "])
    values, ok = numbers.parse_bools(data, start, length, ALL_VALID)
    assert values[:6].tolist() == [True, True, True, False, False, False]
    assert ok.tolist() == [True] * 6 + [False] * 5
    nothing = np.zeros(len(start), np.bool_)
    for parse in (numbers.parse_ints, numbers.parse_floats, numbers.parse_bools):
        assert not parse(data, start, length, nothing)[1].any()
