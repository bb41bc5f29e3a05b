"""Which partition a key belongs to, as Java's clients choose it; written from the definition, apart from the connector that is judged."""

from __future__ import annotations

_SEED, _M, _R, _ALL = 0x9747B28C, 0x5BD1E995, 24, 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key: MurmurHash2 of its bytes, its sign dropped, modulo the partitions."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(key: bytes) -> int:
    h = _SEED ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * _M & _ALL
        k = (k ^ k >> _R) * _M & _ALL
        h = h * _M & _ALL ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * _M & _ALL
    h = (h ^ h >> 13) * _M & _ALL
    return h ^ h >> 15
