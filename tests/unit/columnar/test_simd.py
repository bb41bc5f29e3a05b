"""Bytes looked at 64 at a time, against Python's own."""

from __future__ import annotations

import random

import numpy as np

from caudal.columnar import simd
from caudal.columnar.compiled import kernel


@kernel()
def _find(data, p, end, value):
    return simd.find(np.int64(data.ctypes.data), p, end, value)


@kernel()
def _find_either(data, p, end, value, other):
    return simd.find_either(np.int64(data.ctypes.data), p, end, value, other)


@kernel()
def _is_ascii(data, p, end):
    return simd.is_ascii(np.int64(data.ctypes.data), p, end)


@kernel()
def _count(data, p, end, value):
    return simd.count(np.int64(data.ctypes.data), p, end, value)


def test_bytes_are_found_and_counted_wherever_they_stand():
    rng = random.Random(1)
    for _ in range(3000):
        size = rng.choice((0, 1, 63, 64, 65, 127, 128, 129, 200))
        raw = bytes(rng.choices(b"a" * rng.choice((1, 40, 400)) + b"bc\xff\x80", k=size))
        p = rng.randrange(size + 1)
        end = rng.randrange(p, size + 1)
        part = raw[p:end]
        data = np.frombuffer(bytearray(raw + b"bc\xff" * 50), np.uint8)  # what stands behind the end does not count
        at = {value: len(part) if part.find(value) < 0 else part.find(value) for value in b"bc"}
        assert _find(data, p, end, ord("b")) == p + at[ord("b")]
        assert _find(data, p, end, 0xFF) == p + (part + b"\xff").index(0xFF)
        assert _find_either(data, p, end, ord("b"), ord("c")) == p + min(at.values())
        assert _count(data, p, end, ord("b")) == part.count(b"b")
        assert _is_ascii(data, p, end) == part.isascii()
