"""The compiled scanner: lines to views of fields.

A record is read with its quotes if that gives the right number of fields, over several lines where `framing` says so;
else its line is read with the quotes as text. What still has another number of fields is marked `ODD` and left to the
strict reader, which tells what is wrong with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel, part
from caudal.columnar.simd import (
    beyond_ascii,
    byte,
    count,
    find,
    find_either,
    is_ascii,
    long,
    lowest,
    matches,
    matches_either,
    ones,
    set_byte,
    set_int,
    set_long,
)
from caudal.core.scalars import Refused
from caudal.formats.csv.framing import BAD, CLOSED, MEMO, OPENED, Framer, head_of, span
from caudal.formats.csv.portable import CSV_RENAMES, CsvFrames, csv_split, csv_stripped
from caudal.ports.records import PADDING

ODD = 1
HIGH = 2
"""The line has bytes beyond ASCII."""
_DOUBLED = 4
"""A wanted field has doubled quotes; its length is negative until they are single ones."""


_RENAMES = tuple(CSV_RENAMES)
_NO_QUOTE = -1
_U = np.uint64
_ALL = _U(0xFFFFFFFFFFFFFFFF)

(
    _DELIMITER,
    _QUOTE,
    _STRIDE,
    _PLAIN,
    _FIELDS,
    _LENGTHS,
    _VALID,
    _NULLS,
    _NULL_ENDS,
    _NULL_COUNT,
    _WANTED,
    _COLUMNS,
    _SLOTS,
) = range(13)
"""Places of what a kernel is given: bytes, numbers, addresses of arrays, and last for each column its slot or -1."""


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


class Room:
    """Arrays for the lines of one block after another: memory that is new costs as much as what is written to it."""

    def __init__(self, wanted: int, lines: int) -> None:
        self.lines = lines
        self.start = np.empty(lines, np.int64)
        self.length = np.empty(lines, np.int32)
        self.status = np.empty(lines, np.uint8)
        self.fields = np.empty((wanted, lines), np.int64)
        self.lengths = np.empty((wanted, lines), np.int32)
        self.valid = np.empty((wanted, lines), np.bool_)


_KEPT = 1 << 17
"""Lines of the largest room that is kept."""


class Scanner:
    """Cuts blocks for one dialect and header. `slots`: for each column of the header its place in the result, or -1."""

    def __init__(self, dialect: Dialect, slots: list[int]) -> None:
        self._marks = np.array([dialect.comment, dialect.newlines], np.int64)
        self._dialect = dialect
        self._slots = slots
        self._wanted = max(slots, default=-1) + 1
        joined = b"".join(dialect.nulls)
        self._nulls = np.frombuffer(bytearray(joined), np.uint8) if joined else np.empty(0, np.uint8)
        self._null_ends = np.cumsum([len(n) for n in dialect.nulls], dtype=np.int64)
        spans = dialect.newlines and dialect.quote >= 0
        self._rooms: deque[Room] = deque()  # as many as threads have scanned at once
        self.framer = Framer(dialect.delimiter, dialect.quote, dialect.comment, len(slots)) if spans else None

    def ready(self) -> bool:
        """Return whether `scan` runs machine code at once."""
        return _scan.ready() & _survey.ready()  # both are asked for

    @contextmanager
    def scanned(self, data: Bytes, start: int, stop: int) -> Generator[Lines]:
        """Give the records of data[start:stop], for a while; comments and (of more than one column) empty lines are none."""
        ends, plain = _survey(data, start, stop)
        most = ends + 1  # the last line may have no end
        try:
            room = self._rooms.pop()
        except IndexError:
            room = Room(self._wanted, most)
        if room.lines < most:
            room = Room(self._wanted, most + most // 8)
        try:
            yield self._scan(data, start, stop, room, plain)
        finally:
            if room.lines <= _KEPT:
                self._rooms.append(room)

    def _scan(self, data: Bytes, start: int, stop: int, room: Room, plain: bool) -> Lines:
        env = np.array(
            [
                *(self._dialect.delimiter, self._dialect.quote, room.lines, plain),
                *(array.ctypes.data for array in (room.fields, room.lengths, room.valid, self._nulls, self._null_ends)),
                *(len(self._null_ends), self._wanted, len(self._slots), *self._slots),
            ],
            np.int64,
        )
        n, doubled, joined, hidden, texts = _scan(
            data, start, stop, self._marks, env, room.start, room.length, room.status
        )
        fields, lengths, status = room.fields[:, :n], room.lengths[:, :n], room.status[:n]
        if doubled:
            data = _single(data, start, stop, doubled, self._dialect.quote, status, fields, lengths)
        views = (fields, lengths, room.valid[:, :n])
        return Lines(data, room.start[:n], room.length[:n], status, *views, joined, hidden, texts)

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
def _survey(data, start, stop):
    """Return how many newlines there are, and whether all bytes are ASCII."""
    buf = np.int64(data.ctypes.data)
    lines = 0
    high = _U(0)
    for p in range(start, stop, 64):
        within = _ALL if p + 64 <= stop else _ALL >> _U(64 - (stop - p))
        lines += ones(matches(buf, p, 10) & within)
        high |= beyond_ascii(buf, p) & within
    return lines, high == _U(0)


@part(forceinline=True)
def _is_null(buf, start, stop, env):
    nulls, ends = long(env, _NULLS), long(env, _NULL_ENDS)
    first = 0
    for k in range(long(env, _NULL_COUNT)):
        last = long(ends, k)
        if stop - start == last - first:
            i = 0
            while i < last - first and byte(buf, start + i) == byte(nulls, first + i):
                i += 1
            if i == last - first:
                return True
        first = last
    return False


@part()
def _renames(buf, p, stop):
    if stop - p < len(_RENAMES):
        return False
    for i in range(len(_RENAMES)):  # noqa: SIM110 - numba has no generators here
        if byte(buf, p + i) != _RENAMES[i]:
            return False
    return True


@part(forceinline=True)
def _set(buf, column, row, begin, last, quoted, twice, env):
    """Set the view of a field where it is wanted; return its bytes where it is and has doubled quotes."""
    if column >= long(env, _COLUMNS):
        return 0
    slot = long(env, _SLOTS + column)
    if slot < 0:
        return 0
    at = slot * long(env, _STRIDE) + row
    set_long(long(env, _FIELDS), at, begin)
    set_int(long(env, _LENGTHS), at, begin - last if twice else last - begin)
    set_byte(long(env, _VALID), at, quoted or not _is_null(buf, begin, last, env))
    return last - begin if twice else 0


@part(forceinline=True)
def _bare(buf, begin, last):
    """Return where the last field of a line ends: before a carriage return."""
    return last - 1 if last > begin and byte(buf, last - 1) == 13 else last


@part(forceinline=True)
def _plain(buf, p, stop, quote, row, env):
    """Cut a line without quotes into its fields, which is most of what there is.

    Return how many they are, or -1 where one is in quotes, and where the line ends.
    """
    delimiter = long(env, _DELIMITER)
    column = 0
    begin = p
    mask = matches_either(buf, p, delimiter, 10)
    while begin >= stop or byte(buf, begin) != quote:
        while mask == _U(0) and p < stop:
            p += 64
            mask = matches_either(buf, p, delimiter, 10)
        at = min(p + lowest(mask), stop) if mask != _U(0) else stop
        mask &= mask - _U(1)
        if at == stop or byte(buf, at) == 10:
            _set(buf, column, row, begin, _bare(buf, begin, at), False, False, env)
            return column + 1, at
        _set(buf, column, row, begin, at, False, False, env)
        column += 1
        begin = at + 1
    return -1, begin


@part()
def _inside(buf, p, stop, end, quote):
    """Follow a field in quotes from behind its first one on: where it ends or is left open, whether quotes are doubled."""
    twice = False
    while True:
        p = find_either(buf, p, stop, quote, 10)
        if p < end and byte(buf, p) == 10:
            p += 1
        elif p + 1 < stop and byte(buf, p) == quote and byte(buf, p + 1) == quote:
            twice = True
            p += 2
        else:
            return p, twice


@part()
def _quoted(buf, p, stop, end, row, env):
    """Cut a record into its fields, up to its newline; before `end` newlines within quotes are text.

    Return how it ended, where, the number of delimiters, the quote that is open, and how many bytes of wanted fields have
    doubled quotes.
    """
    delimiter, quote = long(env, _DELIMITER), long(env, _QUOTE)
    column = 0
    doubled = 0
    while True:  # a field
        begin = p
        quoted = p < stop and byte(buf, p) == quote
        twice = False
        if quoted:
            begin += 1
            p, twice = _inside(buf, begin, stop, end, quote)
            last = p
            if p >= stop or byte(buf, p) == 10:
                return OPENED, p, column, begin - 1, 0
            p += 1
            if p < stop and byte(buf, p) == 13 and (p + 1 == stop or byte(buf, p + 1) == 10):
                p += 1
            if p < stop and byte(buf, p) != 10 and (byte(buf, p) != delimiter or p != last + 1):
                return BAD, p, column, -1, 0
        else:
            p = last = find_either(buf, p, stop, delimiter, 10)
            if p == stop or byte(buf, p) == 10:
                last = _bare(buf, begin, p)
        doubled += _set(buf, column, row, begin, last, quoted, twice, env)
        if p >= stop or byte(buf, p) == 10:
            return CLOSED, p, column, -1, doubled
        column += 1
        p += 1


@part()
def _fit(buf, p, end, delimiter, columns):
    """Return whether all lines of a record have the right number of fields by themselves, their quotes being text."""
    while p < end:
        newline = find(buf, p, end, 10)
        if count(buf, p, newline, delimiter) + 1 != columns:
            return False
        p = newline + 1
    return True


@part()
def _record(buf, first, stop, newlines, row, env, memo):
    """Cut a record with quotes: (fields, where its last line ends, where the record was seen to end by `span`, whether its
    quotes are text, bytes of doubled quotes)."""
    delimiter, quote, columns = long(env, _DELIMITER), long(env, _QUOTE), long(env, _COLUMNS)
    end = first
    state, p, delimiters, opening, twice = _quoted(buf, first, stop, end, row, env)
    while state == OPENED and newlines and p < stop:
        end = span(buf, p + 1, stop, delimiters, opening, delimiter, quote, columns, True, memo)
        if end < 0:
            break
        state, p, delimiters, opening, twice = _quoted(buf, first, stop, end, row, env)
    if state == CLOSED and delimiters + 1 == columns:
        return columns, p, end, False, twice
    column, p = _plain(buf, first, stop, _NO_QUOTE, row, env)
    return column, p, end, True, 0


@part(forceinline=True)
def _clear(first, row, env):
    """Make all values of a row null."""
    for slot in range(long(env, _WANTED)):
        at = slot * long(env, _STRIDE) + row
        set_long(long(env, _FIELDS), at, first)
        set_int(long(env, _LENGTHS), at, 0)
        set_byte(long(env, _VALID), at, 0)


@kernel(arguments="B l l L L L I B")
def _scan(data, start, stop, marks, given, line_start, line_length, status):
    buf, env = np.int64(data.ctypes.data), np.int64(given.ctypes.data)
    comment, newlines = marks
    quote, columns, plain = long(env, _QUOTE), long(env, _COLUMNS), long(env, _PLAIN) != 0
    memo = np.zeros(MEMO, np.int64)
    n = doubled = joined = hidden = texts = 0
    p = start
    while p < stop:
        line = p
        c = byte(buf, p)
        if c == 0 or c == 0xEF:
            p = head_of(buf, p, stop)
            c = byte(buf, p) if p < stop else 10
        first = p
        renamed = False
        if c == comment:
            renamed = _renames(buf, p, stop)
            if not renamed:
                p = find(buf, p, stop, 10) + 1
                continue
        column, p = _plain(buf, first, stop, _NO_QUOTE if renamed else quote, n, env)
        text = False
        twice = 0
        if column < 0:
            column, p, end, text, twice = _record(buf, first, stop, newlines, n, env, memo)
            if end > first:
                joined += 1
                hidden += columns > 1 and _fit(buf, first, end, long(env, _DELIMITER), columns)
        last = _bare(buf, first, p)
        p += 1
        if last == first and columns != 1:  # of one column, an empty line is an empty field
            continue
        odd = renamed or column != columns
        if odd:
            _clear(first, n, env)
        texts += text and not odd
        doubled += twice
        high = not plain and not is_ascii(buf, first, last)
        line_start[n] = line
        line_length[n] = last - line
        status[n] = (ODD if odd else 0) | (HIGH if high else 0) | (_DOUBLED if twice else 0)
        n += 1
    return n, doubled, joined, hidden, texts
