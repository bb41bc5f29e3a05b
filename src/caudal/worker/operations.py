"""Bitwise operations, the remainder of floats, and MD5 of bytes: Flink SQL has none of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa


def bitwise(name: str) -> Callable[[Any, Any], Any]:
    """Return the function of two int64 columns without nulls: bit_and, bit_or, bit_xor, shift_left or shift_right."""

    def run(a, b):
        x, y = a.to_numpy(), b.to_numpy()
        if name.startswith("shift"):
            return pa.array((np.left_shift if name == "shift_left" else np.right_shift)(x, y & 63))
        return pa.array({"bit_and": np.bitwise_and, "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor}[name](x, y))

    return run


def remainder(floored: bool) -> Callable[[Any, Any], Any]:
    """Return the function of two float64 columns without nulls: the remainder with the sign of the first (C's fmod).

    Floored: of the second, which is added where the signs differ. What divides by 0 is NaN.
    """

    def run(a, b):
        x, y = a.to_numpy(), b.to_numpy()
        with np.errstate(invalid="ignore"):
            rest = np.fmod(x, y)
            return pa.array(np.where(floored & (rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest))

    return run


def md5(prefix: str) -> Callable[[Any], Any]:
    """Return the function that gives the hexadecimal MD5 digest of a prefix and bytes."""
    start = prefix.encode()

    def digest(value: bytes | None) -> str | None:
        return None if value is None else hashlib.md5(start + value, usedforsecurity=False).hexdigest()

    return lambda values: pa.array([digest(v) for v in values.to_pylist()], pa.string())
