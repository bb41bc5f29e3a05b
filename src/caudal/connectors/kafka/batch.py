"""What a reader takes of one partition at once: payloads behind one another, and what messages have beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from caudal.columnar.column import Bools, Bytes, Column, Fixed, Ints, Text, from_list
from caudal.columnar.utf8 import valid
from caudal.core.types import INT64, STRING, TIMESTAMP
from caudal.ports.records import MAX_PAYLOAD, PADDING, Block, Dead, Messages

Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of messages: their keys, their headers; how long one may be, in bytes."""

    key: bool
    headers: bool
    longest: int


@dataclass(frozen=True, slots=True)
class Event:
    """What stands among the messages and is none: an error's code and text, and the offset it is at."""

    code: int
    offset: int
    text: str


@dataclass(slots=True)
class Batch:
    """Messages of one partition in order.

    Payload i is data[start[i] : start[i + 1] - 1], the last one's ends at stop - 1; a newline stands behind each. `null` says which
    are none at all. `stamp`: milliseconds, -1 for none. `key`: binary, null for none; None where keys are not wanted, as
    `headers`. `dead`: messages too long to be taken. `end`: where the partition stands behind it all.
    """

    data: Bytes
    stop: int
    start: Ints
    offset: Ints
    stamp: Ints
    null: Bools
    key: Text | None = None
    headers: list[Headers] | None = None
    dead: list[Dead] = field(default_factory=list[Dead])
    events: list[Event] = field(default_factory=list[Event])
    end: int = -1

    @property
    def empty(self) -> bool:
        """Whether there is neither a message nor a dead letter."""
        return not len(self.offset) and not self.dead

    def before(self, until: int) -> Batch:
        """Return the messages with offsets before `until`."""
        keep = int(self.offset.searchsorted(until))
        if keep < len(self.offset):
            self.stop = int(self.start[keep])
            self.start, self.offset, self.stamp = self.start[:keep], self.offset[:keep], self.stamp[:keep]
            self.null = self.null[:keep]
            self.key = None if self.key is None else self.key.slice(0, keep)
            self.headers = None if self.headers is None else self.headers[:keep]
        self.dead = [letter for letter in self.dead if letter.position < until]
        self.end = min(self.end, until)
        return self

    def since(self, first: int) -> Batch:
        """Return the messages with offsets from `first` on."""
        drop = int(self.offset.searchsorted(first))
        if drop:
            at = int(self.start[drop]) if drop < len(self.start) else self.stop
            self.data, self.stop, self.start = self.data[at:], self.stop - at, self.start[drop:] - at
            self.offset, self.stamp, self.null = self.offset[drop:], self.stamp[drop:], self.null[drop:]
            self.key = None if self.key is None else self.key.slice(drop, len(self.key))
            self.headers = None if self.headers is None else self.headers[drop:]
        self.dead = [letter for letter in self.dead if letter.position >= first]
        return self

    def missing(self, expected: int) -> int:
        """Return the first offset from `expected` on that is not there, though a later one is; -1 where none is missing."""
        there = np.sort(np.concatenate([self.offset, np.array([letter.position for letter in self.dead], np.int64)]))
        gaps = np.flatnonzero(there != expected + np.arange(len(there)))
        return expected + int(gaps[0]) if len(gaps) else -1

    def block(self, read_at: int, columns: dict[str, Column]) -> Block:
        """Return the messages as a block."""
        first = int(self.offset[0]) if len(self.offset) else self.dead[0].position if self.dead else self.end
        messages = Messages(self.start, self.offset, columns, self.null if self.null.any() else None, self.stamp)
        return Block(self.data, 0, self.stop, first, self.end, read_at, self.dead, messages=messages)


def too_long(offset: int, length: int, limit: int, payload: bytes) -> Dead:
    """Return the dead letter of a message that is longer than `max_record`; `payload` is its beginning."""
    message = f"a message of {length} bytes is longer than max_record ({limit})"
    return Dead(offset, "too_long", message, payload=payload[:MAX_PAYLOAD], truncated=length > MAX_PAYLOAD)


def padded(parts: Sequence[bytes]) -> Bytes:
    """Return payloads, each with a newline behind it, and room to read behind the last."""
    return np.frombuffer(bytearray(b"".join([*(part + b"\n" for part in parts), bytes(PADDING)])), np.uint8)


def as_string(column: Text) -> Text:
    r"""Return binary as a string: bytes that are no UTF-8 are read as `\xnn`."""
    missing = column.valid
    length = column.length if missing is None else np.where(missing, column.length, 0).astype(np.int32)
    good = valid(column.data, column.start, length)
    if good.all():
        return Text(STRING, column.data, column.start, length, missing)
    texts = [
        None if missing is not None and not missing[row] else column[row].decode("utf-8", "backslashreplace")
        for row in range(len(column))
    ]
    made = from_list(texts, STRING)
    assert isinstance(made, Text)
    return made


def stamps(stamp: Ints) -> Column:
    """Return stamps as a column; null where a message has none."""
    there = stamp >= 0
    return Fixed(TIMESTAMP, stamp, None if there.all() else there)


def offsets(offset: Ints) -> Column:
    """Return offsets as a column."""
    return Fixed(INT64, offset)
