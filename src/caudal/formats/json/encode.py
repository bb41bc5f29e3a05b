"""Arrow arrays to JSON text: one kernel writes rows of objects from a table that says where each column stands.

A struct is written like a row, to text of its own, and a list's items like rows of one value; the rows around them
copy that text. So there is one place that knows how a type is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Bytes, Ints
from caudal.columnar.compiled import kernel
from caudal.columnar.simd import byte, long, ones, set_byte, set_long, word64
from caudal.formats.json import plain, printing
from caudal.formats.json.printing import SLACK
from caudal.formats.json.simd import escapes, integer32, word32

_NULL, _BOOL, _INT32, _INT64, _FLOAT32, _FLOAT64, _TIMESTAMP, _STRING, _BINARY, _STRUCT, _LIST = range(11)
_KIND, _VALUES, _OFFSETS, _VALID, _SHIFT, _END, _KEY, _KEY_LENGTH, _CELLS = range(9)
"""The cells of a column: its kind, addresses of values, of offsets (int64) and of the validity bitmap (0: no nulls),
the number of its first bit, the end of readable values, the text before a value and that text's length."""

_KINDS: dict[int, tuple[int, int]] = {
    pa.null().id: (_NULL, 0),
    pa.bool_().id: (_BOOL, 0),
    pa.int32().id: (_INT32, 4),
    pa.int64().id: (_INT64, 8),
    pa.float32().id: (_FLOAT32, 4),
    pa.float64().id: (_FLOAT64, 8),
    pa.timestamp("ms").id: (_TIMESTAMP, 8),
    pa.duration("ms").id: (_INT64, 8),
    pa.large_string().id: (_STRING, 0),
    pa.large_binary().id: (_BINARY, 0),
    pa.struct([]).id: (_STRUCT, 0),
    pa.large_list(pa.null()).id: (_LIST, 0),
}
"""Arrow's number of a type: its kind, and the bytes of a value where they are whole and fixed."""
_TIMES = (pa.timestamp("ms").id, pa.duration("ms").id)
_WIDEST = 33
"""Bytes of the widest value of fixed width: a timestamp with a year of nine digits, in quotes."""
_AROUND = 6
"""Bytes that a value of other width takes besides its own: quotes and padding, brackets, null."""


def lines(batch: pa.RecordBatch) -> memoryview:
    """Return the rows as lines of JSON objects, keys in the order of the columns.

    Releases the GIL while it works. Raises `TypeError` for a type that caudal does not have.
    """
    if not (_rows.ready() & _room.ready()):  # both are asked for
        return memoryview(plain.lines(batch))
    text, size = _objects(batch.columns, tuple(batch.schema.names), b"}\n", batch.num_rows, None)
    return text[:size].data


def _objects(
    arrays: Sequence[pa.Array], names: tuple[str, ...], tail: bytes, rows: int, ends: Ints | None
) -> tuple[Bytes, int]:
    """Return (text, its length) of rows as objects, each with `tail` behind it; `ends` as in `_rows`."""
    if not arrays:
        tail = b"{" + tail
    return _texts(arrays, _keys(names), tail, rows, ends)


@lru_cache(1024)
def _keys(names: tuple[str, ...]) -> tuple[bytes, ...]:
    """Return what stands before the value of each column of an object."""
    quoted = [json.dumps(name, ensure_ascii=False).encode() for name in names]
    return tuple((b"," if i else b"{") + name + b":" for i, name in enumerate(quoted))


def _texts(
    arrays: Sequence[pa.Array], keys: tuple[bytes, ...], tail: bytes, rows: int, ends: Ints | None
) -> tuple[Bytes, int]:
    """Return (text, its length) of rows of values, each behind its key; `ends` as in `_rows`."""
    if rows == 0:  # the buffers of no values may be missing
        if ends is not None:
            ends[0] = 0
        return np.empty(0, np.uint8), 0
    pieces, places, lengths = _pieces((*keys, tail))
    kept: list[Any] = [pieces]
    cells: list[int] = []
    room = SLACK + rows * sum(lengths)
    for array, place, length in zip(arrays, places, lengths):
        column, most = _column(array, rows, kept)
        cells += (*column, place, length)
        room += most
    columns = np.array(cells, np.int64)
    out = np.empty(room, np.uint8)
    at = 0 if ends is None else ends.ctypes.data
    size = _rows(columns.ctypes.data, len(arrays), places[-1], lengths[-1], rows, out.ctypes.data, at)
    return out, size


@lru_cache(1024)
def _pieces(texts: tuple[bytes, ...]) -> tuple[Bytes, list[int], list[int]]:
    """Return (memory that holds the texts, 32 bytes of room behind each; their addresses; their lengths)."""
    places: list[int] = []
    joined = bytearray()
    for text in texts:
        places.append(len(joined))
        joined += text + bytes(32)
    pieces = np.frombuffer(joined, np.uint8)
    base = pieces.ctypes.data
    return pieces, [base + place for place in places], [len(text) for text in texts]


def _column(array: pa.Array, rows: int, kept: list[Any]) -> tuple[tuple[int, ...], int]:
    """Return (the cells of a column up to its key, how long its values can get together).

    What the addresses point to lives as long as the array and `kept`.
    """
    kind = array.type.id
    if kind not in _KINDS or (kind in _TIMES and array.type.unit != "ms"):
        array = array.cast(_known(array.type), safe=False)
        kind = array.type.id
        kept.append(array)
    code, width = _KINDS[kind]
    first = array.offset
    buffers = array.buffers()
    valid = 0 if buffers[0] is None else buffers[0].address
    if code <= _TIMESTAMP:
        values = 0 if code == _NULL else buffers[1].address + first * width
        return (code, values, 0, valid, first, 0), rows * _WIDEST
    if code <= _BINARY:
        offsets = buffers[1].address + first * 8
        address, end = (0, 0) if buffers[2] is None else (buffers[2].address, buffers[2].size)
        most = _room(address, offsets, rows) * (1 if code == _STRING else 2)
        return (code, address, offsets, valid, first, end), most + rows * _AROUND
    if code == _STRUCT:
        offsets = np.empty(rows + 1, np.int64)
        fields = range(array.type.num_fields)
        names = tuple(array.type.field(i).name for i in fields)
        text, size = _objects([array.field(i) for i in fields], names, b"}", rows, offsets)
    else:
        bounds = np.frombuffer(buffers[1], np.int64, rows + 1, first * 8)
        items = array.values.slice(bounds[0], bounds[-1] - bounds[0])
        ends = np.empty(len(items) + 1, np.int64)
        text, size = _texts([items], (b"",), b",", len(items), ends)
        offsets = ends[bounds - bounds[0]]
    kept += (text, offsets)
    return (code, text.ctypes.data, offsets.ctypes.data, valid, first, len(text)), size + rows * _AROUND


def _known(dtype: pa.DataType) -> pa.DataType:
    """Return the type of caudal's that holds what an Arrow type of other width or unit does."""
    kinds = pa.types
    if kinds.is_string(dtype):
        return pa.large_string()
    if kinds.is_binary(dtype):
        return pa.large_binary()
    if kinds.is_list(dtype):
        return pa.large_list(dtype.value_type)
    if kinds.is_timestamp(dtype):
        return pa.timestamp("ms", "UTC")
    if kinds.is_duration(dtype):
        return pa.duration("ms")
    raise TypeError(f"no column of caudal has the type {dtype}")


@kernel(arguments="l l l", error_model="numpy")
def _room(data, offsets, rows):
    """Return how many bytes the strings take without their quotes: one each, and 6 for one that is escaped."""
    start, stop = long(offsets, 0), long(offsets, rows)
    room = stop - start
    while start + 32 <= stop:
        room += 5 * ones(escapes(data, start))
        start += 32
    return room + 5 * (stop - start)


@kernel(arguments="l l l l l l l", error_model="numpy")
def _rows(columns, count, tail, tail_length, rows, out, ends):
    """Write rows of values and `tail` behind each; return how many bytes were written.

    `columns` has `_CELLS` int64 for each of `count` columns. Unless it is 0, `ends` gets rows + 1 int64: where each row
    begins, and where the last one ends.
    """
    p = none = np.int64(0)  # as literals they would be types of their own
    today = none
    first, second, year = printing.date_words(today)
    if ends != 0:
        set_long(ends, 0, p)
    for row in range(rows):
        for c in range(count):
            column = c * _CELLS
            length = long(columns, column + _KEY_LENGTH)
            p = printing.copy(out, p, long(columns, column + _KEY), none, length, length + 32)
            kind = long(columns, column + _KIND)
            valid = long(columns, column + _VALID)
            bit = long(columns, column + _SHIFT) + row
            if kind == _NULL or (valid != 0 and byte(valid, bit >> 3) >> (bit & 7) & 1 == 0):
                p = printing.null(out, p)
                continue
            values = long(columns, column + _VALUES)
            if kind >= _STRING:
                offsets = long(columns, column + _OFFSETS)
                end = long(columns, column + _END)
                start = long(offsets, row)
                length = long(offsets, row + 1) - start
                if kind == _STRING:
                    p = printing.text(out, p, values, start, length, end)
                elif kind == _BINARY:
                    p = printing.base64(out, p, values, start, length)
                elif kind == _STRUCT:
                    p = printing.copy(out, p, values, start, length, end)
                else:
                    set_byte(out, p, 91)
                    # without the comma behind the last item
                    p = printing.copy(out, p + 1, values, start, max(length - 1, 0), end)
                    set_byte(out, p, 93)
                    p += 1
            elif kind == _TIMESTAMP:
                day = long(values, row) // 86_400_000
                if day != today:
                    today = day
                    first, second, year = printing.date_words(day)
                p = printing.instant(out, p, long(values, row) - day * 86_400_000, first, second, year)
            elif kind >= _FLOAT32:
                # one call for both, as for integers: a second one would take as long again to compile
                wide = kind == _FLOAT64
                bits = word64(values, row << 3) if wide else word32(values, row << 2)
                p = printing.real(out, p, bits, 52 if wide else 23, 2047 if wide else 255)
            elif kind >= _INT32:
                p = printing.integer(out, p, long(values, row) if kind == _INT64 else integer32(values, row))
            else:
                p = printing.boolean(out, p, byte(values, bit >> 3) >> (bit & 7) & 1 == 1)
        p = printing.copy(out, p, tail, none, tail_length, tail_length + 32)
        if ends != 0:
            set_long(ends, row + 1, p)
    return p
