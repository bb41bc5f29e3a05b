"""Buffers that are read into again and again, and never while somebody still looks at them."""

from __future__ import annotations

import sys
import threading

import numpy as np

from caudal.columnar.column import Bytes
from caudal.ports.records import PADDING

GRAIN = 64 * 1024
_KEEP_IDLE = 8

Buffer = tuple[bytearray, Bytes]
"""The same writable memory twice: to read into and to search, and as the array that views are made of."""


def _allocate(size: int) -> Buffer:
    raw = bytearray(size + PADDING)
    return raw, np.frombuffer(raw, np.uint8)


def _references(buffer: Buffer) -> int:
    return sys.getrefcount(buffer[1])


_UNUSED = _references(_allocate(1))


class Buffers:
    """A pool of buffers, shared by the threads of one source.

    Fresh memory costs a page fault every 4 KiB, more than reading into it does; so a buffer is lent again once its
    array has no reference but the pool's. Every numpy view of it, and whatever an Arrow or polars buffer was made
    of, holds such a reference (numpy makes a view of a view point to the owner), hence no reader has to give
    anything back, and none can be surprised. Only the pool makes new references to an idle buffer, so the count
    cannot rise behind its back.

    What is smaller than a grain is not pooled: it costs no page faults, and what little it holds may be kept for long
    (a window's rows of one small file), so that thousands of such buffers would be looked through in vain.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buffers: list[Buffer] = []

    def take(self, size: int) -> Buffer:
        """Return a buffer of at least `size` bytes, and `PADDING` behind, that nobody else holds; it holds rubbish.

        Whoever holds its array, or a view of that, keeps it from being lent again.
        """
        if size < GRAIN:
            return _allocate(size)
        wanted = -(-size // GRAIN) * GRAIN
        found: Buffer | None = None
        kept: list[Buffer] = []
        idle = 0
        with self._lock:
            for buffer in reversed(self._buffers):  # the one used last is warmest
                if _references(buffer) == _UNUSED:
                    if found is None and wanted <= len(buffer[0]) - PADDING <= 4 * wanted:
                        found = buffer
                        continue
                    idle += 1
                    if idle > _KEEP_IDLE:
                        continue
                kept.append(buffer)
            kept.reverse()
            if found is None:
                found = _allocate(wanted)
            kept.append(found)
            self._buffers = kept
            return found[0], found[1]

    def __len__(self) -> int:
        return len(self._buffers)
