"""Numbers of Arrow arrays as the declared type: unsigned and wide integers, decimals, halves, columns without a value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from caudal.columnar.column import Bools, arrow_type
from caudal.core.types import DataType

_compute: Any = pyarrow.compute  # its functions are made at import, which no type checker sees
_EXACT = 2**53
"""Integers up to here are doubles."""


def can_fail(dtype: DataType, stored: pa.DataType) -> bool:
    """Whether a value of the stored type may not fit the declared one."""
    return _bounds(dtype, stored) is not None


def coerced(array: pa.Array, dtype: DataType) -> tuple[pa.Array, Bools | None]:
    """Return numbers as the declared type has them, null where they do not fit, and where they do (None: everywhere).

    A number fits an integer type that holds it, and float64 where it is an integer of up to 2**53, or a decimal (which is
    rounded). Decimals are text with all their digits.
    """
    kind = array.type
    if dtype.name == "string" and pa.types.is_decimal(kind):
        texts = [None if value is None else format(value, "f") for value in array.to_pylist()]
        return pa.array(texts, pa.large_string()), None
    good: Bools | None = None
    bounds = _bounds(dtype, kind)
    if bounds is not None:
        low, high = (pa.scalar(Decimal(b) if pa.types.is_decimal(kind) else b, kind) for b in bounds)
        inside = _compute.and_(_compute.greater_equal(array, low), _compute.less_equal(array, high))
        found = inside.fill_null(True).to_numpy(zero_copy_only=False)
        if not found.all():
            good = found
            array = _compute.if_else(inside, array, pa.scalar(None, kind))
    if pa.types.is_float16(kind):
        halves = array.fill_null(np.float16(0)).to_numpy(zero_copy_only=False).astype(np.float32)
        array = pa.array(halves, mask=array.is_null().to_numpy(zero_copy_only=False))
    wanted = pa.int64() if dtype.name in ("timestamp", "duration") and pa.types.is_integer(kind) else arrow_type(dtype)
    return array if array.type.equals(wanted) else array.cast(wanted), good


def _bounds(dtype: DataType, kind: pa.DataType) -> tuple[int, int] | None:
    """Return the smallest and largest stored number that fits, None when all do."""
    whole = pa.types.is_integer(kind)
    if dtype.is_integer or dtype.name in ("timestamp", "duration"):
        bits = 31 if dtype.name == "int32" else 63
        low, high = -(2**bits), 2**bits - 1
    elif dtype.name == "float64" and whole:
        low, high = -_EXACT, _EXACT
    else:
        return None
    if whole:
        unsigned = pa.types.is_unsigned_integer(kind)
        least, most = (
            (0, 2**kind.bit_width - 1) if unsigned else (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
        )
    elif pa.types.is_decimal(kind):
        most = 10 ** (kind.precision - kind.scale) - 1
        least = -most
    else:
        return None
    if low <= least and most <= high:
        return None
    return max(low, least), min(high, most)
