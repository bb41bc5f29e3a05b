"""Floats as text and as bits: Java writes other digits than Python."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa


def double_text() -> Callable[[Any], Any]:
    """Return the function from float64 to the shortest text that reads back the same, laid out as Python does."""
    return lambda values: pa.array([_text(v, repr) for v in values.to_pylist()], pa.string())


def float_text() -> Callable[[Any], Any]:
    """Return the same for float32: its own digits, whose layout depends on numpy's version, are laid out anew."""
    return lambda values: pa.array(
        [_text(v, lambda x: repr(float(str(np.float32(x))))) for v in values.to_pylist()], pa.string()
    )


def _text(value: float | None, show: Callable[[float], str]) -> str | None:
    if value is None:
        return None
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return show(value + 0.0)


def double_bits() -> Callable[[Any], Any]:
    """Return the function from float64 to 16 hexadecimal digits of its bits; -0 as 0, every NaN as one."""

    def digits(value: float | None) -> str | None:
        if value is None:
            return None
        return struct.pack(">d", float("nan") if value != value else value + 0.0).hex()

    return lambda values: pa.array([digits(v) for v in values.to_pylist()], pa.string())
