"""Arrow arrays and the Python values that functions take and give: the one into the other.

Arrays are built from buffers and read from them: pa.array() and to_numpy() would import pandas where it is installed, and
take longer. Times are aware datetimes and timedeltas in Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise, repeat
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.worker.coercion import arrow_of, as_array

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def _validity(array: pa.Array) -> list[bool]:
    return _bits(array.buffers()[0], array)


def _bits(buffer: pa.Buffer, array: pa.Array) -> list[bool]:
    bits = np.unpackbits(np.frombuffer(buffer, np.uint8), count=array.offset + len(array), bitorder="little")
    return bits[array.offset :].view(np.bool_).tolist()


def read(array: pa.Array) -> list[Any]:
    """Return the Python values of an array; raises `OverflowError` for a time beyond Python's."""
    values = _present(array)
    if array.null_count:
        return [v if known else None for v, known in zip(values, _validity(array))]
    return values


def _present(array: pa.Array) -> list[Any]:
    kind, rows = array.type, len(array)
    if rows == 0:
        return []
    if pa.types.is_struct(kind):
        names = [f.name for f in kind]
        return [dict(zip(names, row)) for row in zip(*(read(array.field(i)) for i in range(len(names))))]
    buffers = array.buffers()
    if _is_list(kind):
        ends = _numbers(buffers[1], _offset(kind), array.offset, rows + 1).tolist()
        items = read(array.values)
        return [items[a:b] for a, b in pairwise(ends)]
    if _is_text(kind) or _is_binary(kind):
        ends = _numbers(buffers[1], _offset(kind), array.offset, rows + 1).tolist()
        data = b"" if buffers[2] is None else buffers[2].to_pybytes()
        if _is_binary(kind):
            return [data[a:b] for a, b in pairwise(ends)]
        return [data[a:b].decode() for a, b in pairwise(ends)]
    if pa.types.is_boolean(kind):
        return _bits(buffers[1], array)
    numbers = _numbers(buffers[1], _NUMPY.get(kind, np.int64), array.offset, rows)
    if array.null_count and kind not in _NUMPY:
        numbers = np.where(_validity(array), numbers, 0)
    if pa.types.is_timestamp(kind):
        return [_EPOCH + timedelta(0, 0, 0, ms) for ms in numbers.tolist()]
    if pa.types.is_duration(kind):
        return [timedelta(0, 0, 0, ms) for ms in numbers.tolist()]
    return numbers.tolist()


def _numbers(buffer: pa.Buffer, dtype: Any, first: int, count: int) -> Any:
    return np.frombuffer(buffer, dtype, count, first * np.dtype(dtype).itemsize)


_NUMPY: dict[pa.DataType, Any] = {
    pa.int32(): np.int32,
    pa.int64(): np.int64,
    pa.float32(): np.float32,
    pa.float64(): np.float64,
}


def write(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of values that a fit of this type has passed. Built from buffers: pa.array imports pandas."""
    known = [v is not None for v in values]
    bitmap = None if all(known) else pa.py_buffer(np.packbits(known, bitorder="little"))
    if pa.types.is_struct(kind):
        children = [write([None if v is None else v[f.name] for v in values], f.type) for f in kind]
        return pa.StructArray.from_buffers(kind, len(values), [bitmap], children=children)
    if _is_list(kind):
        lists: list[Any] = [v or () for v in values]
        items = write([item for v in lists for item in v], kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [bitmap, _ends(lists, kind)], children=[items])
    if _is_text(kind) or _is_binary(kind):
        text = _is_text(kind)
        raw: list[Any] = [b"" if v is None else v.encode() if text else v for v in values]
        return pa.Array.from_buffers(kind, len(values), [bitmap, _ends(raw, kind), pa.py_buffer(b"".join(raw))])
    if pa.types.is_boolean(kind):
        bits = np.packbits(np.array([bool(v) for v in values], np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(bits)])
    if pa.types.is_timestamp(kind):
        values = [None if v is None else (v - _EPOCH) // _MILLISECOND for v in values]
    elif pa.types.is_duration(kind):
        values = [None if v is None else v // _MILLISECOND for v in values]
    numbers = np.array([0 if v is None else v for v in values] if bitmap else values, _NUMPY.get(kind, np.int64))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(numbers)])


def _ends(values: list[Any], kind: pa.DataType) -> pa.Buffer:
    ends = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(v) for v in values], out=ends[1:])
    if ends[-1] > _most(kind):
        raise OverflowError(f"more than an Arrow array of {kind} can hold")
    return pa.py_buffer(ends.astype(_offset(kind), copy=False))


def _most(kind: pa.DataType) -> int:
    return np.iinfo(_offset(kind)).max


def _offset(kind: pa.DataType) -> Any:
    large = pa.types.is_large_list(kind) or pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    return np.int64 if large else np.int32


def _is_list(kind: pa.DataType) -> bool:
    return pa.types.is_large_list(kind) or pa.types.is_list(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_large_string(kind) or pa.types.is_string(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return pa.types.is_large_binary(kind) or pa.types.is_binary(kind)


# -- columns whose times are integers


def python_values(values: pa.Array, spec: Any) -> list[Any]:
    """Return what a plain function gets; raises `OverflowError` for a time that Python has no datetime for."""
    return read(as_array(values, spec, times=True))


def stored(values: list[Any], spec: Any) -> pa.Array:
    """Return an array of values that were fitted."""
    return as_array(write(values, arrow_of(spec, times=True)), spec)


def tuples(columns: Sequence[pa.Array], specs: Sequence[Any], rows: int) -> Iterator[Any]:
    """Return the Python values of each row. An `OverflowError` stands for a row with a time that is out of range."""
    try:
        lists = [python_values(c, spec) for c, spec in zip(columns, specs)]
    except OverflowError:
        return _one_by_one(columns, specs, rows)
    return zip(*lists) if lists else repeat((), rows)


def _one_by_one(columns: Sequence[pa.Array], specs: Sequence[Any], rows: int) -> Iterator[Any]:
    for row in range(rows):
        try:
            yield tuple([python_values(c.slice(row, 1), spec)[0] for c, spec in zip(columns, specs)])
        except OverflowError as error:
            yield OverflowError(f"a time that Python has no datetime for: {error}")
