"""Typed columns: `Fixed` (numbers, booleans, times), `Text` (string, binary views; `Words`: of a dictionary) and `Nested` (list, struct).

A column is immutable once made. `valid` is None when no value is null, else a bool array, True where there is a
value; what stands in `values` under a null is unspecified. Conventions of compiled kernels: arrays are C-contiguous
and writable (numba compiles a second version for read-only ones), nulls come as a bool array of the full length or,
when there are none, as the empty array `ALL_VALID`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from caudal.columnar import gather
from caudal.core.types import DataType

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int32]

ALL_VALID: Bools = np.empty(0, np.bool_)
NUMPY_TYPES: dict[str, Any] = {
    "bool": np.bool_,
    "int32": np.int32,
    "int64": np.int64,
    "float32": np.float32,
    "float64": np.float64,
    "timestamp": np.int64,
    "duration": np.int64,
}


class Column:
    """One typed column: see the three kinds below."""

    __slots__ = ("dtype", "valid")
    dtype: DataType
    valid: Bools | None

    def __len__(self) -> int:
        raise NotImplementedError

    def take(self, rows: Ints) -> Column:
        """Return the values at these row numbers (int64, each in range)."""
        raise NotImplementedError

    def slice(self, start: int, stop: int) -> Column:
        """Return rows [start, stop) as views."""
        raise NotImplementedError

    def to_arrow(self) -> pa.Array:
        """Return an Arrow array; timestamps become timestamp[ms, UTC], durations duration[ms]."""
        raise NotImplementedError

    def valid_or_all(self) -> Bools:
        """Return the validity as kernels take it: ALL_VALID when nothing is null."""
        return ALL_VALID if self.valid is None else self.valid

    def null_count(self) -> int:
        """Return how many values are null."""
        return 0 if self.valid is None else int(len(self.valid) - np.count_nonzero(self.valid))

    def to_list(self) -> list[Any]:
        """Return Python values (int64 milliseconds for times), None for null: for tests and messages, not for speed."""
        if self.dtype.name in ("timestamp", "duration"):
            return pa.array(self.to_arrow().cast(pa.int64())).to_pylist()
        return self.to_arrow().to_pylist()


class Fixed(Column):
    """Values of a fixed width in one numpy array; times are int64 milliseconds."""

    __slots__ = ("values",)

    def __init__(self, dtype: DataType, values: npt.NDArray[Any], valid: Bools | None = None) -> None:
        self.dtype = dtype
        self.values = values
        self.valid = valid

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Ints) -> Fixed:
        return Fixed(self.dtype, self.values.take(rows), None if self.valid is None else self.valid.take(rows))

    def slice(self, start: int, stop: int) -> Fixed:
        return Fixed(self.dtype, self.values[start:stop], None if self.valid is None else self.valid[start:stop])

    def to_arrow(self) -> pa.Array:
        # built from buffers: pa.array() would import pandas where it is installed
        values = (
            np.packbits(self.values, bitorder="little")
            if self.dtype.name == "bool"
            else np.ascontiguousarray(self.values)
        )
        return pa.Array.from_buffers(arrow_type(self.dtype), len(self), [_bitmap(self.valid), pa.py_buffer(values)])


class Text(Column):
    """Byte sequences as views: value i is data[start[i] : start[i] + length[i]]. Strings are valid UTF-8.

    Views may overlap, stand in any order and leave gaps: they usually point into the block that was read.
    """

    __slots__ = ("data", "length", "start")

    def __init__(
        self, dtype: DataType, data: Bytes, start: Ints, length: npt.NDArray[np.int32], valid: Bools | None = None
    ):
        self.dtype = dtype
        self.data = data
        self.start = start
        self.length = length
        self.valid = valid

    def __len__(self) -> int:
        return len(self.start)

    def take(self, rows: Ints) -> Text:
        return Text(
            self.dtype,
            self.data,
            self.start.take(rows),
            self.length.take(rows),
            None if self.valid is None else self.valid.take(rows),
        )

    def slice(self, start: int, stop: int) -> Text:
        valid = None if self.valid is None else self.valid[start:stop]
        return Text(self.dtype, self.data, self.start[start:stop], self.length[start:stop], valid)

    def compact(self) -> Text:
        """Return a copy whose data holds just the values, behind one another: what state keeps."""
        data, offsets = gather.text(self.data, self.start, self.length, self.valid_or_all())
        return Text(self.dtype, data, offsets[:-1], (offsets[1:] - offsets[:-1]).astype(np.int32), self.valid)

    def to_arrow(self) -> pa.Array:
        data, offsets = gather.text(self.data, self.start, self.length, self.valid_or_all())
        kind = pa.large_string() if self.dtype.name == "string" else pa.large_binary()
        return pa.Array.from_buffers(kind, len(self), [_bitmap(self.valid), pa.py_buffer(offsets), pa.py_buffer(data)])

    def __getitem__(self, row: int) -> bytes:
        start = int(self.start[row])
        return self.data[start : start + int(self.length[row])].tobytes()


class Dictionary:
    """Different texts, none of them null, which columns name by number. Their memory is its own.

    `hashes`: those of `grouping.key_hashes`. `origin`: what numbered them; of two of one origin the longer begins with the other.
    """

    __slots__ = ("hashes", "nbytes", "origin", "texts")

    def __init__(self, texts: Text, hashes: Ints, origin: object) -> None:
        self.texts = texts
        self.hashes = hashes
        self.origin = origin
        self.nbytes = texts.data.nbytes + 20 * len(texts)

    def __len__(self) -> int:
        return len(self.texts)


class Words(Text):
    """Texts by their numbers in a dictionary: value i is texts[codes[i]], where it is not null.

    Where they stand (`start`, `length`) is looked up when it is asked for first: of rows that a filter drops, never.
    """

    __slots__ = ("codes", "dictionary")

    def __init__(self, dtype: DataType, dictionary: Dictionary, codes: Codes, valid: Bools | None = None) -> None:
        self.dtype = dtype
        self.data = dictionary.texts.data
        self.valid = valid
        self.dictionary = dictionary
        self.codes = codes

    def __getattr__(self, name: str) -> Any:
        if name == "start":
            self.start = self.dictionary.texts.start[self.codes]
            return self.start
        if name == "length":
            self.length = self.dictionary.texts.length[self.codes]
            return self.length
        raise AttributeError(name)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Ints) -> Words:
        valid = None if self.valid is None else self.valid.take(rows)
        return Words(self.dtype, self.dictionary, self.codes.take(rows), valid)

    def slice(self, start: int, stop: int) -> Words:
        valid = None if self.valid is None else self.valid[start:stop]
        return Words(self.dtype, self.dictionary, self.codes[start:stop], valid)

    def compact(self) -> Text:
        if len(self.dictionary) > len(self):
            return super().compact()
        return Words(self.dtype, self.dictionary, self.codes.copy(), self.valid)


def _bitmap(valid: Bools | None) -> pa.Buffer | None:
    return None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))


class Nested(Column):
    """Lists and structs, kept as an Arrow array."""

    __slots__ = ("array",)

    def __init__(self, dtype: DataType, array: pa.Array) -> None:
        self.dtype = dtype
        self.array = array
        self.valid = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Ints) -> Nested:
        return Nested(self.dtype, self.array.take(pa.array(rows)))

    def slice(self, start: int, stop: int) -> Nested:
        return Nested(self.dtype, self.array.slice(start, stop - start))

    def to_arrow(self) -> pa.Array:
        return self.array


def arrow_type(dtype: DataType) -> pa.DataType:
    """Return the Arrow type of a caudal type (strings and binaries with 64-bit offsets)."""
    if dtype.item is not None:
        return pa.large_list(arrow_type(dtype.item))
    if dtype.name == "struct":
        return pa.struct([pa.field(f.name, arrow_type(f.dtype)) for f in dtype.fields])
    return _ARROW[dtype.name]


_ARROW: dict[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.large_string(),
    "binary": pa.large_binary(),
    "timestamp": pa.timestamp("ms", tz="UTC"),
    "duration": pa.duration("ms"),
}


def from_arrow(array: pa.Array | pa.ChunkedArray, dtype: DataType) -> Column:
    """Return a column over an Arrow array, cast to the Arrow type of `dtype` where it differs."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
    wanted = arrow_type(dtype)
    if array.type != wanted:
        array = array.cast(wanted)
    if dtype.is_nested:
        return Nested(dtype, array)
    valid = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    if dtype.is_text:
        _, offsets, data = array.buffers()
        ends = np.frombuffer(offsets, np.int64, len(array) + 1, array.offset * 8)
        values = writable(data) if data is not None else np.empty(0, np.uint8)
        return Text(dtype, values, ends[:-1].copy(), (ends[1:] - ends[:-1]).astype(np.int32), valid)
    if dtype.name in ("timestamp", "duration"):
        array = array.cast(pa.int64())
    if valid is not None and dtype.name != "bool":
        array = array.fill_null(0)
    if dtype.name == "bool":
        values = array.fill_null(False).to_numpy(zero_copy_only=False)
    else:
        values = _own(array.to_numpy(zero_copy_only=False))
    return Fixed(dtype, values, valid)


def _own(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return values if values.flags.writeable else writable(values).view(values.dtype)


def writable(buffer: Any) -> Bytes:
    """Return the bytes of a buffer as a uint8 array that numba types as writable; nobody may write to it.

    The array keeps `buffer` alive.
    """
    view = memoryview(buffer)
    if view.nbytes == 0:
        return np.empty(0, np.uint8)
    if not view.readonly:
        return np.frombuffer(view, np.uint8)
    address = np.frombuffer(view, np.uint8).__array_interface__["data"][0]
    block = (ctypes.c_uint8 * view.nbytes).from_address(address)
    block._keep_alive = buffer  # type: ignore[attr-defined]
    return np.frombuffer(memoryview(block).cast("B"), np.uint8)


def from_list(values: Sequence[Any], dtype: DataType) -> Column:
    """Return a column of Python values (None for null; int milliseconds for times): for tests, literals, small data."""
    if dtype.is_nested:
        return from_arrow(pa.array(values, arrow_type(dtype)), dtype)
    missing = np.array([v is None for v in values], np.bool_)
    valid = ~missing if missing.any() else None
    if dtype.is_text:
        raw = [b"" if v is None else v.encode() if isinstance(v, str) else bytes(v) for v in values]
        length = np.array([len(r) for r in raw], np.int32)
        start = np.cumsum(length, dtype=np.int64) - length
        return Text(dtype, np.frombuffer(bytearray(b"".join(raw)), np.uint8), start, length, valid)
    return Fixed(dtype, np.array([0 if v is None else v for v in values], NUMPY_TYPES[dtype.name]), valid)


def constant(value: Any, dtype: DataType, rows: int) -> Column:
    """Return `value` (None: null) repeated `rows` times."""
    if dtype.is_nested:
        return from_list([value] * rows, dtype)
    valid = np.zeros(rows, np.bool_) if value is None else None
    if dtype.is_text:
        raw = b"" if value is None else value.encode() if isinstance(value, str) else bytes(value)
        data = np.frombuffer(bytearray(raw), np.uint8)
        return Text(dtype, data, np.zeros(rows, np.int64), np.full(rows, len(raw), np.int32), valid)
    return Fixed(dtype, np.full(rows, 0 if value is None else value, NUMPY_TYPES[dtype.name]), valid)


def concat(columns: Sequence[Column]) -> Column:
    """Return the columns (of one type, at least one) behind one another."""
    first = columns[0]
    if len(columns) == 1:
        return first
    if isinstance(first, Nested):
        return Nested(first.dtype, pa.concat_arrays([c.to_arrow() for c in columns]))
    valid: Bools | None = None
    if any(c.valid is not None for c in columns):
        valid = np.concatenate([np.ones(len(c), np.bool_) if c.valid is None else c.valid for c in columns])
    if isinstance(first, Fixed):
        return Fixed(first.dtype, np.concatenate([c.values for c in columns]), valid)  # type: ignore[attr-defined]
    texts = [c for c in columns if isinstance(c, Text)]
    words = [c for c in texts if isinstance(c, Words)]
    if len(words) == len(texts) and len({c.dictionary.origin for c in words}) == 1:
        longest = max((c.dictionary for c in words), key=len)
        return Words(first.dtype, longest, np.concatenate([c.codes for c in words]), valid)
    data, offsets = gather.texts([(t.data, t.start, t.length, t.valid_or_all()) for t in texts])
    return Text(first.dtype, data, offsets[:-1], (offsets[1:] - offsets[:-1]).astype(np.int32), valid)
