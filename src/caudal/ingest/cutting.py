"""Cutting what was read of a partition where records begin, without looking into them; taking out those that are convicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from caudal.ports.framing import Framer
from caudal.ports.records import Block, Convict, Dead, Decoded, Messages

ROW = 64
"""Bytes that a row counts for where a partition yields rows."""

_NEWLINE = 10


def split(got: Block | Decoded, position: int) -> tuple[Block | Decoded, Block | Decoded]:
    """Return what stands before a position, at which a record begins, and what stands from there on."""
    letters = [letter for letter in got.dead if letter.position < position]
    later = [letter for letter in got.dead if letter.position >= position]
    if isinstance(got, Decoded):
        at = int(np.searchsorted(got.position, position))
        return _rows(got, 0, at, position, letters), _rows(got, at, got.rows, got.end, later)
    messages = got.messages
    if messages is None:
        at = min(max(got.start + position - got.position, got.start), got.stop)
        before, behind = None, None
    else:
        number = int(np.searchsorted(messages.offset, position))
        count = len(messages.offset)
        at = int(messages.start[number]) if number < count else got.stop
        before, behind = _messages(messages, 0, number), _messages(messages, number, count)
    first = replace(got, stop=at, end=position, dead=letters, messages=before)
    return first, replace(got, start=at, position=position, dead=later, notices=[], messages=behind)


def piece(got: Block | Decoded, size: int, framer: Framer | None) -> tuple[Block | Decoded, Block | Decoded | None]:
    """Return about `size` bytes of whole records from the beginning, one at least, and what stands behind (None: nothing)."""
    if isinstance(got, Decoded):
        rows = max(1, size // ROW)
        return (got, None) if got.rows <= rows else split(got, int(got.position[rows]))
    messages = got.messages
    if messages is not None:
        number = max(1, int(np.searchsorted(messages.start, got.start + size)))
        return (got, None) if number >= len(messages.offset) else split(got, int(messages.offset[number]))
    end = _end(got, size, framer)
    return (got, None) if end >= got.stop else split(got, got.position + end - got.start)


def several(got: Block | Decoded, framer: Framer | None) -> bool:
    """Whether there is more than one record."""
    return piece(got, 1, framer)[1] is not None


def empty(got: Block | Decoded) -> bool:
    """Whether nothing is there but dead letters, at most."""
    return got.rows == 0 if isinstance(got, Decoded) else got.start >= got.stop


def begins(got: Block | Decoded) -> int:
    """Return the position of the first record, or of where one would be."""
    if isinstance(got, Decoded):
        return int(got.position[0]) if got.rows else got.end
    return int(got.messages.offset[0]) if got.messages is not None and len(got.messages.offset) else got.position


def size_of(got: Block | Decoded) -> int:
    """Return its bytes."""
    return ROW * got.rows if isinstance(got, Decoded) else got.stop - got.start


def without(got: Block | Decoded, convicts: Sequence[Convict]) -> list[Block | Decoded]:
    """Return what was read in parts, in order, with the dead letters of convicts in the place of their records."""
    parts: list[Block | Decoded] = []
    for convict in convicts:
        if convict.position < begins(got) or (got.end >= 0 and convict.position >= got.end):
            continue
        before, rest = split(got, convict.position)
        inside, behind = split(rest, convict.end)
        if empty(inside):
            continue
        before.dead = [*before.dead, replace(convict.letter)]
        before.end = convict.end
        parts.append(before)
        got = behind
    if not parts:
        return [got]
    if empty(got) and not got.dead:
        parts[-1].end = got.end
        return parts
    return [*parts, got]


def _end(got: Block, size: int, framer: Framer | None) -> int:
    """Return the place in the data behind about `size` bytes of lines or framed records."""
    if framer is not None:
        end, behind = framer.cut(got.data, got.start, got.stop, size, got.stop - got.start + 1, final=True)
        return max(end, behind)
    start = min(got.start + size, got.stop) - 1
    while start < got.stop:
        found = np.flatnonzero(got.data[start : min(start + (1 << 16), got.stop)] == _NEWLINE)
        if len(found):
            return start + int(found[0]) + 1
        start += 1 << 16
    return got.stop


def _messages(all_of_them: Messages, start: int, stop: int) -> Messages:
    return Messages(
        all_of_them.start[start:stop],
        all_of_them.offset[start:stop],
        {name: column.slice(start, stop) for name, column in all_of_them.columns.items()},
        None if all_of_them.null is None else all_of_them.null[start:stop],
        None if all_of_them.stamp is None else all_of_them.stamp[start:stop],
    )


def _rows(got: Decoded, start: int, stop: int, end: int, letters: list[Dead]) -> Decoded:
    columns = {name: column.slice(start, stop) for name, column in got.columns.items()}
    notices = got.notices if start == 0 else []
    position = got.position[start:stop]
    return replace(got, columns=columns, rows=stop - start, position=position, dead=letters, notices=notices, end=end)
