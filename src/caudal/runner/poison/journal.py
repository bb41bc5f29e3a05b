"""The journal of a trial: what is in work and what has landed, in memory that outlives the process which writes it."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from caudal.ports.records import MAX_PAYLOAD

_FORM = struct.Struct("<qqqqqqdq")
"""Whether something is in work, of which partition, its begin and end, its bytes, whether it is one record, since when, bytes of that."""

_PLACES = _FORM.size + MAX_PAYLOAD + 8
"""Where the places of partitions begin up to which all has landed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What stood in the journal. `working`: records of the partition of this number are in work, `size` bytes of them; `since`: monotonic.

    `payload`: the record, where it is one, its first bytes. `landed`: up to where, by the partition's number.
    """

    working: bool
    partition: int
    start: int
    end: int
    size: int
    one: bool
    since: float
    payload: bytes
    landed: Sequence[int]


def fresh(path: str, starts: Sequence[int]) -> None:
    """Make a journal of partitions that begin at these places."""
    with open(path, "wb") as file:
        file.write(bytes(_PLACES) + struct.pack(f"<{len(starts)}q", *starts))


class Journal:
    """Written by one process, read by the one that waits for it."""

    def __init__(self, path: str) -> None:
        """Open the journal at a path."""
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def begin(self, partition: int, start: int, end: int, size: int, record: bytes | None) -> None:
        """Records go to work. `record`: what it is, where it is one."""
        self._map[:8] = bytes(8)
        payload = b"" if record is None else record[: MAX_PAYLOAD + 1]
        self._map[_FORM.size : _FORM.size + len(payload)] = payload
        since = time.monotonic()
        entry = _FORM.pack(0, partition, start, end, size, record is not None, since, len(payload))
        self._map[8 : _FORM.size] = entry[8:]
        self._map[:8] = (1).to_bytes(8, "little")

    def landed(self, partition: int, end: int) -> None:
        """They have landed."""
        place = _PLACES + 8 * partition
        self._map[place : place + 8] = end.to_bytes(8, "little", signed=True)
        self._map[:8] = bytes(8)

    def read(self) -> Entry:
        """Return what stands there."""
        working, partition, start, end, size, one, since, length = _FORM.unpack(self._map[: _FORM.size])
        places = self._map[_PLACES:]
        landed = struct.unpack(f"<{len(places) // 8}q", places)
        payload = self._map[_FORM.size : _FORM.size + length]
        return Entry(bool(working), partition, start, end, size, bool(one), since, payload, landed)

    def close(self) -> None:
        """Release it."""
        self._map.close()
