"""Partitioners: which partition a key's bytes belong to, as the clients compute it.

`murmur2` is that of the Java clients (and of Kafka Streams, Kafka Connect ...), `crc32` the default of librdkafka.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from caudal.columnar.column import Ints
from caudal.columnar.compiled import kernel, part

NAMES = {"murmur2": "murmur2_random", "crc32": "consistent_random"}
"""Partitioners by name, and what the client calls them; a message without a key goes anywhere."""

_M = np.uint32(0x5BD1E995)
_SEED = np.uint32(0x9747B28C)


def _crc_table() -> Any:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> np.uint32(1)) ^ np.uint32(0xEDB88320), table >> np.uint32(1))
    return table.astype(np.uint32)


_CRC = _crc_table()


def partitions(name: str, data: Any, start: Ints, length: Any, count: int) -> Any:
    """Return the partition, of `count`, of each key data[start : start + length] (`length` int32), as int32."""
    out = np.empty(len(start), np.int32)
    (_all_murmur2 if name == "murmur2" else _all_crc32)(data, start, length, count, out)
    return out


def partition_of(name: str, key: bytes, count: int) -> int:
    """Return the partition of one key."""
    data = np.frombuffer(bytearray(key or b"\0"), np.uint8)
    return int(partitions(name, data, np.zeros(1, np.int64), np.array([len(key)], np.int32), count)[0])


@part()
def _murmur2(data, start, length):
    """Return MurmurHash2 (32 bits, Kafka's seed) of a key."""
    h = np.uint32(_SEED ^ np.uint32(length))
    p = start
    stop = start + (length & ~3)
    while p < stop:
        k = np.uint32(data[p]) | np.uint32(data[p + 1]) << np.uint32(8)
        k = np.uint32(k | np.uint32(data[p + 2]) << np.uint32(16) | np.uint32(data[p + 3]) << np.uint32(24))
        k = np.uint32(k * _M)
        k = np.uint32(k ^ (k >> np.uint32(24)))
        k = np.uint32(k * _M)
        h = np.uint32(np.uint32(h * _M) ^ k)
        p += 4
    rest = length & 3
    if rest >= 3:
        h = np.uint32(h ^ np.uint32(data[p + 2]) << np.uint32(16))
    if rest >= 2:
        h = np.uint32(h ^ np.uint32(data[p + 1]) << np.uint32(8))
    if rest >= 1:
        h = np.uint32(np.uint32(h ^ np.uint32(data[p])) * _M)
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * _M)
    return np.uint32(h ^ (h >> np.uint32(15)))


@part()
def _crc32(data, start, length):
    """Return the CRC-32 (as zlib has it) of a key."""
    c = np.uint32(0xFFFFFFFF)
    for i in range(start, start + length):
        c = np.uint32(_CRC[(c ^ np.uint32(data[i])) & np.uint32(0xFF)] ^ (c >> np.uint32(8)))
    return np.uint32(c ^ np.uint32(0xFFFFFFFF))


@kernel()
def _all_murmur2(data, start, length, count, out):
    for i in range(start.size):
        h = _murmur2(data, start[i], np.int64(length[i]))
        out[i] = np.int64(h & np.uint32(0x7FFFFFFF)) % count


@kernel()
def _all_crc32(data, start, length, count, out):
    for i in range(start.size):
        out[i] = np.int64(_crc32(data, start[i], np.int64(length[i]))) % count
