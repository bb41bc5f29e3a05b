"""The compiled scanner: lines to views of fields. What it does not take is marked odd and left to the strict reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from caudal.columnar.column import Bools, Bytes, Ints
from caudal.columnar.compiled import kernel, part
from caudal.formats.combined.layout import CLIENT, IDENT, LISTED, TIME_LENGTH, USER, VHOST, before, find_client
from caudal.formats.combined.portable import log_start

TEXTS = (
    *("ip", "ident", "user", "request", "method", "path", "protocol", "referer", "user_agent"),
    *("vhost", "forwarded"),
)
NUMBERS = ("status", "bytes")

_IP, _IDENT, _USER, _REQUEST, _METHOD, _PATH, _PROTOCOL, _REFERER, _AGENT, _VHOST, _FORWARDED = range(len(TEXTS))


@dataclass(slots=True)
class Lines:
    """The records of a block, of which `odd` ones have no values.

    `start`, `length`: of each line without its end; `time` where the time stands. `text`, `lengths`, `text_valid`:
    views by the order of `TEXTS`; `numbers`, `number_valid` by that of `NUMBERS`.
    """

    start: Ints
    length: npt.NDArray[np.int32]
    odd: Bools
    time: Ints
    text: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int32]
    text_valid: Bools
    numbers: npt.NDArray[np.int64]
    number_valid: Bools

    def replace(self, rows: Ints, others: Lines) -> None:
        """Put the values of other lines in place of those of some rows, which stay where they stand."""
        for name in ("odd", "time"):
            getattr(self, name)[rows] = getattr(others, name)
        for name in ("text", "lengths", "text_valid", "numbers", "number_valid"):
            getattr(self, name)[:, rows] = getattr(others, name)

    def first(self, n: int) -> Lines:
        """Return the first n records."""
        return Lines(
            self.start[:n],
            self.length[:n],
            self.odd[:n],
            self.time[:n],
            self.text[:, :n],
            self.lengths[:, :n],
            self.text_valid[:, :n],
            self.numbers[:, :n],
            self.number_valid[:, :n],
        )


def scan(data: Bytes, start: int, stop: int, layout: Bools, trusted: npt.NDArray[np.int64]) -> Lines:
    """Return the records of data[start:stop]; empty lines are none. See `layout` for what it and `trusted` are."""
    ends = _ends(data, start, stop)
    n = len(ends)
    lines = Lines(
        np.empty(n, np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.bool_),
        np.empty(n, np.int64),
        np.empty((len(TEXTS), n), np.int64),
        np.empty((len(TEXTS), n), np.int32),
        np.empty((len(TEXTS), n), np.bool_),
        np.empty((len(NUMBERS), n), np.int64),
        np.empty((len(NUMBERS), n), np.bool_),
    )
    arrays: tuple[Any, ...] = (lines.start, lines.length, lines.odd, lines.time)
    views: tuple[Any, ...] = (lines.text, lines.lengths, lines.text_valid, lines.numbers, lines.number_valid)
    n = _scan(data, start, ends, layout, trusted, *arrays, *views)
    return lines.first(n)


def ready() -> bool:
    """Return whether `scan` runs machine code at once."""
    return _scan.ready()


def unread(data: Bytes, start: int, stop: int) -> Lines:
    """Return the records of data[start:stop], all of them odd: what there is until `scan` is ready."""
    ends = _ends(data, start, stop)
    first = np.append(start, ends[:-1] + 1)[: len(ends)]
    ends -= (ends > first) & (data[ends - 1] == 13)
    # a line that begins like others has something in it
    doubtful = np.flatnonzero((ends > first) & ((data[first] == 0) | (data[first] == 239)))
    there = ends > first
    there[doubtful] = [bool(log_start(data[first[i] : ends[i]].tobytes())) for i in doubtful.tolist()]
    first, ends = first[there], ends[there]
    n = len(first)
    texts, numbers = (len(TEXTS), n), (len(NUMBERS), n)
    return Lines(
        first,
        (ends - first).astype(np.int32),
        np.ones(n, np.bool_),
        first,
        np.full(texts, start, np.int64),
        np.zeros(texts, np.int32),
        np.zeros(texts, np.bool_),
        np.zeros(numbers, np.int64),
        np.zeros(numbers, np.bool_),
    )


def _ends(data: Bytes, start: int, stop: int) -> Ints:
    ends = np.flatnonzero(data[start:stop] == 10) + start
    return np.append(ends, stop) if start < stop and data[stop - 1] != 10 else ends


@part(forceinline=True)
def _closing(data, p, end):
    """Return where the quote stands that closes a text: one without a backslash, with a blank or the end behind it."""
    while p < end:
        c = data[p]
        if c == 92:
            p += 1
        elif c == 34 and (p + 1 == end or data[p + 1] == 32):
            return p
        p += 1
    return -1


@part()
def _number(data, p, end):
    """Read up to 18 digits, or a dash: (value or -1 for the dash or -2 for neither, behind it)."""
    if p < end and data[p] == 45:
        return -1, p + 1
    first = p
    value = 0
    while p < end and 48 <= data[p] <= 57 and p - first < 18:
        value = value * 10 + (np.int64(data[p]) - 48)
        p += 1
    return (value if p > first else -2), p


@part(forceinline=True)
def _set(data, field, first, last, row, text, lengths, valid):
    text[field, row] = first
    lengths[field, row] = last - first
    valid[field, row] = last - first != 1 or data[first] != 45


@part(forceinline=True)
def _gap(data, p, end):
    """Return the bytes of what parts words here: 1 for a blank or TAB, 2 or 4 for a TAB as servers write it, or 0."""
    c = data[p]
    if c == 32 or c == 9:
        return 1
    if c == 92 and p + 1 < end:
        if data[p + 1] == 116:
            return 2
        if data[p + 1] == 120 and p + 3 < end and data[p + 2] == 48 and data[p + 3] == 57:
            return 4
    return 0


@part(forceinline=True)
def _is_protocol(data, p, end):
    return (
        end - p >= 5
        and data[p] | 32 == 104
        and data[p + 1] | 32 == 116
        and data[p + 2] | 32 == 116
        and data[p + 3] | 32 == 112
        and data[p + 4] == 47
    )


@part()
def _parts(data, p, end, row, text, lengths, valid):
    """Part a request line: its first word, its last one if it begins with HTTP/, and all between, which is no blank."""
    words = 0
    first = first_end = path = 0  # the first word, and where the second begins
    last = last_end = before_end = p  # the last word, and the end of the one before it
    within = False
    while p < end:
        gap = _gap(data, p, end)
        if gap > 0:
            if within:
                last_end = p
                within = False
            p += gap
            continue
        if not within:
            within = True
            words += 1
            before_end = last_end
            last = p
            if words == 1:
                first = p
            elif words == 2:
                first_end = last_end
                path = p
        p += 2 if data[p] == 92 and p + 1 < end and data[p + 1] != 32 and data[p + 1] != 9 else 1
    if within:
        last_end = end
    protocol = words > 0 and _is_protocol(data, last, last_end)
    if words < 2 or (protocol and words < 3):
        return
    _set(data, _METHOD, first, first_end, row, text, lengths, valid)
    if protocol:
        _set(data, _PROTOCOL, last, last_end, row, text, lengths, valid)
    _set(data, _PATH, path, before_end if protocol else last_end, row, text, lengths, valid)


@part(forceinline=True)
def _blanks(data, p, end):
    """Return where a line begins behind NULs and byte order marks."""
    while p < end:
        if data[p] == 0:
            p += 1
        elif data[p] == 239 and p + 2 < end and data[p + 1] == 187 and data[p + 2] == 191:
            p += 3
        else:
            break
    return p


@part(forceinline=True)
def _line(data, first, end, layout, trusted, groups, spans, n, time, text, lengths, valid, numbers, number_valid):
    """Read one line into row n; return whether it could be."""
    p = before(data, first, end, layout, spans)
    if p < 0:
        return False
    find_client(data, layout, trusted, groups, spans)
    if spans[CLIENT, 0] >= 0:
        _set(data, _IP, spans[CLIENT, 0], spans[CLIENT, 1], n, text, lengths, valid)
    _set(data, _IDENT, spans[IDENT, 0], spans[IDENT, 1], n, text, lengths, valid)
    _set(data, _USER, spans[USER, 0], spans[USER, 1], n, text, lengths, valid)
    if layout[0]:
        _set(data, _VHOST, spans[VHOST, 0], spans[VHOST, 1], n, text, lengths, valid)
    if layout[1]:
        _set(data, _FORWARDED, spans[LISTED, 0], spans[LISTED, 1], n, text, lengths, valid)
    time[n] = p + 1
    p += TIME_LENGTH + 4
    q = _closing(data, p, end)
    if q < 0:
        return True
    if q + 1 == end:
        return False
    _set(data, _REQUEST, p, q, n, text, lengths, valid)
    _parts(data, p, q, n, text, lengths, valid)
    p = q + 1
    for k in range(2):
        if p >= end or data[p] != 32:
            return False
        value, p = _number(data, p + 1, end)
        if value < -1:
            return False
        numbers[k, n] = value
        number_valid[k, n] = value >= 0
    if p < end and data[p] != 32:
        return False
    for field in (_REFERER, _AGENT):
        if p + 1 >= end or data[p] != 32 or data[p + 1] != 34:
            break
        q = _closing(data, p + 2, end)
        if q < 0:
            break
        _set(data, field, p + 2, q, n, text, lengths, valid)
        p = q + 1
    return True


@kernel(arguments="B l L ? LL L I ? L LL II ?? LL ??")
def _scan(
    data, start, ends, layout, trusted, starts, lengths, odd, time, text, text_lengths, valid, numbers, number_valid
):
    spans = np.zeros((5, 2), np.int64)
    groups = np.zeros(8, np.int64)
    n = 0
    first = start
    for i in range(ends.size):
        end = ends[i]
        begin = first
        first = end + 1
        if end > begin and data[end - 1] == 13:
            end -= 1
        read_from = _blanks(data, begin, end)
        if end == read_from:
            continue
        time[n] = begin
        for field in range(text.shape[0]):
            text[field, n] = begin
            text_lengths[field, n] = 0
            valid[field, n] = False
        for field in range(numbers.shape[0]):
            numbers[field, n] = 0
            number_valid[field, n] = False
        starts[n] = begin
        lengths[n] = end - begin
        odd[n] = not _line(
            data,
            read_from,
            end,
            layout,
            trusted,
            groups,
            spans,
            n,
            time,
            text,
            text_lengths,
            valid,
            numbers,
            number_valid,
        )
        n += 1
    return n
