"""What crosses the border between a connector, a format and the engine: blocks in, decoded columns out, dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from caudal.core.types import Place
from caudal.observe.notices import Notice

if TYPE_CHECKING:
    from caudal.columnar.column import Bools, Bytes, Column, Ints

PADDING = 128
"""Readable bytes that every block has behind its last one, so that kernels may load whole words."""

MAX_PAYLOAD = 4096
"""Bytes of a bad record that its dead letter keeps."""


@dataclass(slots=True)
class Dead:
    """A record that could not become a row.

    `position` is that of its first byte (of its offset, row ...) in the partition; `reason` a stable code such as
    "syntax", "type", "utf8", "too_long", "event_time"; `message` one line for people; `detail` what was found where;
    `payload` the raw record, cut to `MAX_PAYLOAD` bytes; `truncated` whether it was cut. `event_time` is set by the
    engine where it is known.
    """

    position: int
    reason: str
    message: str
    detail: str = ""
    payload: bytes = b""
    truncated: bool = False
    event_time: int | None = None
    operator: str = ""
    """Whose letter it is; "": the source's."""

    @classmethod
    def of(cls, position: int, reason: str, message: str, payload: bytes, detail: str = "") -> Dead:
        """Return a dead letter with the payload cut to size."""
        return cls(position, reason, message, detail, payload[:MAX_PAYLOAD], len(payload) > MAX_PAYLOAD)


@dataclass(slots=True)
class Messages:
    """The messages of a block, which have offsets and need not be lines.

    `start`: int64, where in the block's data each begins; `offset`: int64, its offset in the partition. Both ascend; offsets may
    have gaps. `columns`: what a message has beside its payload (key, stamp ...), as columns of one value each, by the names
    of the fields that they are. `null`: which have no payload at all, not even an empty one; None where all have one. `stamp`:
    int64 milliseconds, when its broker or who sent it says that it came, below 0 where nobody does; None where none has one.
    """

    start: Ints
    offset: Ints
    columns: dict[str, Column] = field(default_factory=dict)
    null: Bools | None = None
    stamp: Ints | None = None


@dataclass(slots=True)
class Block:
    """Whole records of one partition, as bytes.

    data[start:stop] are complete lines (each ends with a newline, save perhaps the last of a bounded partition);
    at least `PADDING` bytes may be read behind `stop`. `position` is the offset of data[start] in the partition's
    decoded stream. `dead` are records that the framing itself refused (too long, truncated stream): they are not in
    the data. `read_at`: wall clock of the read in milliseconds. `end`: where the partition stands behind this block
    (what `Partition.seek` takes to read on). `notices`: what the connector has to tell of it.
    `messages`: set where the records are messages: the data are their payloads, each with a newline put behind it, and
    positions are their offsets; each message is one record, whatever newlines it holds. `position` is the first offset then.
    """

    data: Bytes
    start: int
    stop: int
    position: int
    end: int
    read_at: int = 0
    dead: list[Dead] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    messages: Messages | None = None

    def record(self, position: int, most: int) -> bytes:
        """Return the raw record at a position, its first `most` bytes."""
        messages = self.messages
        if messages is None:
            start = self.start + position - self.position
            raw = self.data[start : min(self.stop, start + most)].tobytes()
            return raw.split(b"\n", 1)[0].rstrip(b"\r")
        number = int(messages.offset.searchsorted(position))
        start = int(messages.start[number])
        stop = int(messages.start[number + 1]) if number + 1 < len(messages.start) else self.stop
        return self.data[start : min(stop - 1, start + most)].tobytes()


@dataclass(slots=True)
class Decoded:
    """Rows of a block: the needed columns, the position of each row's record, and the records that are no rows.

    `notices`: what is to be told of them beside that; the engine adds the partition's name. `named`: the places of the
    declared schema that records have named so far, in this block or an earlier one, rows or not, null or not; None where a
    record cannot leave one out. `read_at`: when they arrived, wall clock in milliseconds; 0 where that is not known, and for
    blocks, which say it themselves. `end`: where the partition stands behind this, where offsets have gaps (a topic's are those
    of its control records); -1: behind the last row or dead letter.
    """

    columns: dict[str, Column]
    rows: int
    position: Ints
    dead: list[Dead] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    named: frozenset[Place] | None = None
    read_at: int = 0
    end: int = -1
    ordinal: Ints | None = None
    """Which of the rows it is that were made of its record, None where there is one at most."""


@dataclass(frozen=True, slots=True)
class Convict:
    """A record that has killed the process, and is not decoded again: where it begins, where the next one does, its dead letter."""

    position: int
    end: int
    letter: Dead


def holds(record: Any, keys: Iterable[str]) -> bool:
    """Whether a record (mappings in mappings) names what these keys lead to, null or not."""
    for key in keys:
        if not isinstance(record, Mapping) or key not in record:
            return False
        record = record[key]
    return True


Options = dict[str, Any]
