"""The compiled scanner: lines to views of fields.

It takes lines whose quoted fields have no quote inside; any other line (doubled quotes, an unclosed quote, too few
or too many fields) is marked `ODD` and left to the strict reader, which alone decides what is wrong with a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints

ODD = 1
HIGH = 2
"""The line has bytes beyond ASCII."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is cut. Bytes are ints, -1 where there is none; `nulls` the texts that stand for null."""

    delimiter: int
    quote: int
    comment: int
    nulls: tuple[bytes, ...]


@dataclass(slots=True)
class Lines:
    """The records of a block. `start`, `length`: of each line without its end. `status`: 0, ODD, HIGH or both.

    `fields`, `lengths`, `valid` (wanted columns x lines): the views of the values, empty and null where a line is ODD.
    """

    start: Ints
    length: npt.NDArray[np.int32]
    status: npt.NDArray[np.uint8]
    fields: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]
    valid: Bools


class Scanner:
    """Cuts blocks for one dialect and header. `slots`: for each column of the header its place in the result, or -1."""

    def __init__(self, dialect: Dialect, slots: list[int]) -> None:
        self._marks = np.array([dialect.delimiter, dialect.quote, dialect.comment], np.int64)
        self._slots = np.array(slots, np.int64)
        self._wanted = max(slots, default=-1) + 1
        joined = b"".join(dialect.nulls)
        self._nulls = np.frombuffer(bytearray(joined), np.uint8) if joined else np.empty(0, np.uint8)
        self._null_ends = np.cumsum([len(n) for n in dialect.nulls], dtype=np.int64)

    def scan(self, data: Bytes, start: int, stop: int) -> Lines:
        """Return the records of data[start:stop]; comments and (of more than one column) empty lines are none."""
        most = int(_count(data, start, stop)) + 1
        line_start = np.empty(most, np.int64)
        line_length = np.empty(most, np.int32)
        status = np.empty(most, np.uint8)
        fields = np.empty((self._wanted, most), np.int64)
        lengths = np.empty((self._wanted, most), np.int32)
        valid = np.empty((self._wanted, most), np.bool_)
        arrays: tuple[Any, ...] = (line_start, line_length, status, fields, lengths, valid)
        n = _scan(data, start, stop, self._marks, self._slots, self._nulls, self._null_ends, *arrays)
        return Lines(line_start[:n], line_length[:n], status[:n], fields[:, :n], lengths[:, :n], valid[:, :n])


@nb.njit(nogil=True, cache=True)
def _count(data, start, stop):
    n = 0
    for p in range(start, stop):
        n += data[p] == 10
    return n


@nb.njit(nogil=True, cache=True)
def _is_null(data, start, stop, nulls, null_ends):
    first = 0
    for k in range(null_ends.size):
        last = null_ends[k]
        if stop - start == last - first:
            same = True
            for i in range(last - first):
                if data[start + i] != nulls[first + i]:
                    same = False
                    break
            if same:
                return True
        first = last
    return False


@nb.njit(nogil=True, cache=True)
def _scan(data, start, stop, marks, slots, nulls, null_ends, line_start, line_length, status, fields, lengths, valid):
    delimiter = marks[0]
    quote = marks[1]
    comment = marks[2]
    columns = slots.size
    n = 0
    p = start
    while p < stop:
        first = p
        c = data[p]
        if c == comment:
            while p < stop and data[p] != 10:
                p += 1
            p += 1
            continue
        high = np.uint8(0)
        odd = False
        column = 0
        while True:  # a field
            begin = p
            quoted = p < stop and data[p] == quote
            if quoted:
                begin += 1
                p += 1
                while p < stop and data[p] != quote and data[p] != 10:
                    high |= data[p]
                    p += 1
                end = p
                if p >= stop or data[p] == 10:
                    odd = True
                    break
                p += 1
                if p < stop and data[p] == 13 and (p + 1 == stop or data[p + 1] == 10):
                    p += 1
                if p < stop and data[p] != 10 and (data[p] != delimiter or p != end + 1):
                    odd = True
                    break
            else:
                while p < stop:
                    c = data[p]
                    if c == delimiter or c == 10:
                        break
                    high |= c
                    p += 1
                end = p
                if (p == stop or data[p] == 10) and end > begin and data[end - 1] == 13:
                    end -= 1
            if column < columns:
                slot = slots[column]
                if slot >= 0:
                    fields[slot, n] = begin
                    lengths[slot, n] = end - begin
                    valid[slot, n] = quoted or not _is_null(data, begin, end, nulls, null_ends)
            column += 1
            if p >= stop or data[p] == 10:
                break
            p += 1
        while p < stop and data[p] != 10:  # the rest of an odd line
            high |= data[p]
            p += 1
        end = p
        if end > first and data[end - 1] == 13:
            end -= 1
        p += 1
        if end == first and columns != 1:  # of one column, an empty line is an empty field
            continue
        if odd or column != columns:
            odd = True
            for slot in range(fields.shape[0]):
                fields[slot, n] = first
                lengths[slot, n] = 0
                valid[slot, n] = False
        line_start[n] = first
        line_length[n] = end - first
        status[n] = (1 if odd else 0) | (2 if high >= 128 else 0)
        n += 1
    return n
