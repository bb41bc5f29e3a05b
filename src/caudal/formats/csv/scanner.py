"""The compiled scanner: lines to views of fields.

A record is read with its quotes if that gives the right number of fields, over several lines where `framing` says so;
else its line is read with the quotes as text. What still has another number of fields is marked `ODD` and left to the
strict reader, which tells what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel, part
from caudal.core.scalars import Refused
from caudal.formats.csv.framing import BAD, CLOSED, MEMO, OPENED, Framer, head_of, span
from caudal.formats.csv.portable import CSV_RENAMES, CsvFrames, csv_split, csv_stripped
from caudal.ports.records import PADDING

ODD = 1
HIGH = 2
"""The line has bytes beyond ASCII."""
_DOUBLED = 4
"""A wanted field has doubled quotes; its length is negative until they are single ones."""


_RENAMES = np.frombuffer(CSV_RENAMES, np.uint8)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the text is cut. Bytes are ints, -1 where there is none; `nulls` the texts that stand for null.

    `newlines`: whether quoted fields may hold newlines. `encoding`: "escape", or "utf-8" to refuse other bytes.
    """

    delimiter: int
    quote: int
    comment: int
    nulls: tuple[bytes, ...]
    newlines: bool = True
    encoding: str = "escape"


@dataclass(slots=True)
class Lines:
    """The records of a block. `start`: where the line of each begins; `length`: without its end. `status`: 0, ODD, HIGH
    or both.

    `fields`, `lengths`, `valid` (wanted columns x lines): the views of the values in `data`, empty and null where a
    line is ODD. `joined`: how many records go over several lines; `hidden`: how many of them have lines that all
    have the right number of fields by themselves; `texts`: how many have quotes that were read as text.
    """

    data: Bytes
    start: Ints
    length: npt.NDArray[np.int32]
    status: npt.NDArray[np.uint8]
    fields: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]
    valid: Bools
    joined: int
    hidden: int
    texts: int


class Scanner:
    """Cuts blocks for one dialect and header. `slots`: for each column of the header its place in the result, or -1."""

    def __init__(self, dialect: Dialect, slots: list[int]) -> None:
        self._marks = np.array([dialect.delimiter, dialect.quote, dialect.comment, dialect.newlines], np.int64)
        self._dialect = dialect
        self._slots = np.array(slots, np.int64)
        self._wanted = max(slots, default=-1) + 1
        joined = b"".join(dialect.nulls)
        self._nulls = np.frombuffer(bytearray(joined), np.uint8) if joined else np.empty(0, np.uint8)
        self._null_ends = np.cumsum([len(n) for n in dialect.nulls], dtype=np.int64)
        spans = dialect.newlines and dialect.quote >= 0
        self.framer = Framer(dialect.delimiter, dialect.quote, dialect.comment, len(slots)) if spans else None

    def ready(self) -> bool:
        """Return whether `scan` runs machine code at once."""
        return _scan.ready() & _count.ready()  # both are asked for

    def scan(self, data: Bytes, start: int, stop: int) -> Lines:
        """Return the records of data[start:stop]; comments and (of more than one column) empty lines are none."""
        most = int(_count(data, start, stop)) + 1
        line_start = np.empty(most, np.int64)
        length = np.empty(most, np.int32)
        status = np.empty(most, np.uint8)
        fields = np.empty((self._wanted, most), np.int64)
        lengths = np.empty((self._wanted, most), np.int32)
        valid = np.empty((self._wanted, most), np.bool_)
        arrays: tuple[Any, ...] = (line_start, length, status, fields, lengths, valid)
        n, doubled, joined, hidden, texts = _scan(
            data, start, stop, self._marks, self._slots, self._nulls, self._null_ends, *arrays
        )
        fields, lengths = fields[:, :n], lengths[:, :n]
        if doubled:
            data = _single(data, start, stop, doubled, self._marks[1], status[:n], fields, lengths)
        return Lines(data, line_start[:n], length[:n], status[:n], fields, lengths, valid[:, :n], joined, hidden, texts)

    def unread(self, data: Bytes, start: int, stop: int) -> Lines:
        """Return the records of data[start:stop], all of them ODD: what there is until `scan` is compiled."""
        dialect, width = self._dialect, len(self._slots)
        comment, quote = (bytes([mark]) if mark >= 0 else b"" for mark in (dialect.comment, dialect.quote))
        lines = data[start:stop].tobytes().removesuffix(b"\n").split(b"\n") if stop > start else []
        joined = hidden = 0
        if self.framer is not None:
            frames = CsvFrames(chr(dialect.delimiter), quote.decode(), comment.decode(), width)
            lines, _ = frames.cut(lines, final=True)
            joined, hidden = frames.joined, frames.hidden
        first, length = [], []
        at, texts = start, 0
        for line in lines:
            bare = csv_stripped(line).removesuffix(b"\r")
            passed = comment and bare.startswith(comment) and not bare.startswith(CSV_RENAMES)
            if not passed and (bare or width == 1):  # of one column, an empty line is an empty field
                first.append(at)
                length.append(len(line) - line.endswith(b"\r"))
                texts += quote != b"" and quote in bare and self._is_text(bare)
            at += len(line) + 1
        n = len(first)
        views = (self._wanted, n)
        return Lines(
            data,
            np.array(first, np.int64),
            np.array(length, np.int32),
            np.full(n, ODD, np.uint8),
            np.full(views, start, np.int64),
            np.zeros(views, np.int32),
            np.zeros(views, np.bool_),
            joined,
            hidden,
            texts,
        )

    def _is_text(self, record: bytes) -> bool:
        """Return whether a record has the right number of fields only if its quotes are text."""
        text, width = record.decode(errors="replace"), len(self._slots)
        try:
            quoted = len(csv_split(text, chr(self._dialect.delimiter), chr(self._dialect.quote)))
        except Refused:
            quoted = 0
        return quoted != width == text.count(chr(self._dialect.delimiter)) + 1


def _single(data: Bytes, start: int, stop: int, most: int, quote: int, status: Any, fields: Any, lengths: Any) -> Bytes:
    """Return the block's data with the texts behind it whose quotes are no longer doubled; views go there."""
    made = np.empty(stop + most + PADDING, np.uint8)
    made[start:stop] = data[start:stop]
    _halve(made, stop, quote, np.flatnonzero(status & _DOUBLED), fields, lengths)
    return made


@kernel()
def _halve(data, at, quote, rows, fields, lengths):
    for row in rows:
        for slot in range(fields.shape[0]):
            if lengths[slot, row] >= 0:
                continue
            p = fields[slot, row]
            stop = p - lengths[slot, row]
            fields[slot, row] = at
            while p < stop:
                data[at] = data[p]
                p += 2 if data[p] == quote else 1
                at += 1
            lengths[slot, row] = at - fields[slot, row]


@kernel(arguments="B l l")
def _count(data, start, stop):
    n = 0
    for p in range(start, stop):
        n += data[p] == 10
    return n


@part()
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


@part()
def _renames(data, p, stop):
    if stop - p < _RENAMES.size:
        return False
    for i in range(_RENAMES.size):  # noqa: SIM110 - numba has no generators here
        if data[p + i] != _RENAMES[i]:
            return False
    return True


@part()
def _fields(data, p, stop, end, delimiter, quote, slots, nulls, null_ends, fields, lengths, valid, n):
    """Cut a record into its fields, up to its newline; before `end` newlines within quotes are text.

    Return how it ended, where, the number of delimiters, the quote that is open, whether there are bytes beyond ASCII,
    and how many bytes of wanted fields have doubled quotes.
    """
    columns = slots.size
    high = np.uint8(0)
    column = 0
    doubled = 0
    while True:  # a field
        begin = p
        quoted = p < stop and data[p] == quote
        twice = False
        if quoted:
            begin += 1
            p += 1
            while True:
                while p < stop and data[p] != quote and data[p] != 10:
                    high |= data[p]
                    p += 1
                if p < end and data[p] == 10:
                    p += 1
                elif p + 1 < stop and data[p] == quote and data[p + 1] == quote:
                    twice = True
                    p += 2
                else:
                    break
            last = p
            if p >= stop or data[p] == 10:
                return OPENED, p, column, begin - 1, high, 0
            p += 1
            if p < stop and data[p] == 13 and (p + 1 == stop or data[p + 1] == 10):
                p += 1
            if p < stop and data[p] != 10 and (data[p] != delimiter or p != last + 1):
                return BAD, p, column, -1, high, 0
        else:
            while p < stop:
                c = data[p]
                if c == delimiter or c == 10:
                    break
                high |= c
                p += 1
            last = p
            if (p == stop or data[p] == 10) and last > begin and data[last - 1] == 13:
                last -= 1
        if column < columns:
            slot = slots[column]
            if slot >= 0:
                fields[slot, n] = begin
                lengths[slot, n] = begin - last if twice else last - begin
                valid[slot, n] = quoted or not _is_null(data, begin, last, nulls, null_ends)
                if twice:
                    doubled += last - begin
        if p >= stop or data[p] == 10:
            return CLOSED, p, column, -1, high, doubled
        column += 1
        p += 1


@part()
def _fit(data, p, end, delimiter, columns):
    """Return whether all lines of a record have the right number of fields by themselves, their quotes being text."""
    count = 1
    for q in range(p, end):
        if data[q] == delimiter:
            count += 1
        if data[q] == 10 or q == end - 1:
            if count != columns:
                return False
            count = 1
    return True


@kernel(arguments="B l l L L B L L I B LL II ??")
def _scan(data, start, stop, marks, slots, nulls, null_ends, line_start, line_length, status, fields, lengths, valid):
    delimiter, quote, comment, newlines = marks
    columns = slots.size
    memo = np.zeros(MEMO, np.int64)
    n = 0
    doubled = 0
    joined = 0
    hidden = 0
    texts = 0
    p = start
    while p < stop:
        line = p
        c = data[p]
        if c == 0 or c == 0xEF:
            p = head_of(data, p, stop)
            c = data[p] if p < stop else np.uint8(10)
        first = p
        renamed = False
        if c == comment:
            renamed = _renames(data, p, stop)
            if not renamed:
                while p < stop and data[p] != 10:
                    p += 1
                p += 1
                continue
        mark = quote
        twice = 0
        high = np.uint8(0)
        column = 0
        while True:  # fields without quotes, which is most of what there is
            begin = p
            if p < stop and data[p] == quote:
                column = -1
                break
            while p < stop:
                c = data[p]
                if c == delimiter or c == 10:
                    break
                high |= c
                p += 1
            last = p
            if (p == stop or data[p] == 10) and last > begin and data[last - 1] == 13:
                last -= 1
            if column < columns:
                slot = slots[column]
                if slot >= 0:
                    fields[slot, n] = begin
                    lengths[slot, n] = last - begin
                    valid[slot, n] = not _is_null(data, begin, last, nulls, null_ends)
            column += 1
            if p >= stop or data[p] == 10:
                break
            p += 1
        end = first
        if column < 0 and renamed:
            mark = -1
        while column < 0:
            p = first
            state, p, count, opening, high, twice = _fields(
                data, p, stop, end, delimiter, mark, slots, nulls, null_ends, fields, lengths, valid, n
            )
            if (state == CLOSED and count + 1 == columns) or mark < 0:
                column = count + 1
                break
            if state == OPENED and newlines and p < stop:
                behind = span(data, p + 1, stop, count, opening, delimiter, quote, columns, True, memo)
                if behind > 0:
                    end = behind
                    joined += 1
                    hidden += columns > 1 and _fit(data, first, end, delimiter, columns)
                    continue
            mark = -1  # the quotes are text
        last = p
        if last > first and data[last - 1] == 13:
            last -= 1
        p += 1
        if last == first and columns != 1:  # of one column, an empty line is an empty field
            continue
        odd = renamed or column != columns
        if odd:
            for slot in range(fields.shape[0]):
                fields[slot, n] = first
                lengths[slot, n] = 0
                valid[slot, n] = False
        elif mark != quote:
            texts += 1
        doubled += twice
        line_start[n] = line
        line_length[n] = last - line
        status[n] = (ODD if odd else 0) | (HIGH if high >= 128 else 0) | (_DOUBLED if twice else 0)
        n += 1
    return n, doubled, joined, hidden, texts
