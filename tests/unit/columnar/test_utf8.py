"""UTF-8 against Python's decoder."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from caudal.columnar import utf8


def is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def check(values: list[bytes]) -> None:
    # Each value is followed by a continuation byte, which must not complete it.
    data = np.frombuffer(bytearray(b"".join(v + b"\x80" for v in values)), np.uint8)
    length = np.array([len(v) for v in values], np.int32)
    start = np.concatenate([[0], np.cumsum(length + 1)[:-1]]).astype(np.int64)
    assert utf8.valid(data, start, length).tolist() == [is_utf8(v) for v in values]


def test_every_pair_of_bytes_and_the_edges_of_longer_ones():
    check([bytes(pair) for pair in itertools.product(range(256), repeat=2)])
    edges = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF]
    check([bytes((first, *rest)) for first in range(0xE0, 0x100) for rest in itertools.product(edges, repeat=2)])
    check([bytes((first, *rest)) for first in range(0xE0, 0x100) for rest in itertools.product(edges, repeat=3)])


@given(st.lists(st.binary(max_size=12) | st.text(max_size=5).map(str.encode), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_bytes(values):
    check(values)
