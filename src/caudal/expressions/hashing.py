"""`hash`: the first 8 bytes of MD5 (RFC 1321) over a seed and the value's canonical text.

What is hashed is the seed in decimal, a colon, and: true or false; integers and times (milliseconds) in decimal; floats
(float32 widened) as the 16 hexadecimal digits, in lower case, of their IEEE 754 double, big-endian, with 0 for -0 and
7ff8000000000000 for every NaN; strings in UTF-8; binary as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar.column import Column, Fixed, Text, from_list
from caudal.columnar.compiled import kernel, part
from caudal.core.types import BINARY, INT64, STRING, TIMESTAMP
from caudal.expressions.casts import as_text
from caudal.expressions.kernel import Kernel, Site, implements

_SINES = np.floor(np.abs(np.sin(np.arange(1, 65, dtype=np.float64))) * 2.0**32).astype(np.uint32)
_TURNS = np.repeat(np.array([7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]).reshape(4, 4), 4, axis=0)
_ROTATIONS = _TURNS.reshape(64).astype(np.uint32)


@implements("hash")
def _hash(site: Site) -> Kernel:
    prefix = np.frombuffer(bytearray(f"{site.options['seed']}:".encode()), np.uint8)

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text = canonical(args[0], rows)
        out = np.empty(len(text), np.int64)
        _md5(prefix, text.data, text.start, text.length, text.valid_or_all(), _SINES, _ROTATIONS, out)
        return Fixed(INT64, out, args[0].valid)

    return kernel


def canonical(column: Any, rows: int) -> Text:
    """Return the canonical text of a scalar column."""
    if column.dtype in (STRING, BINARY):
        return column
    if column.dtype.is_float:
        values = column.values.astype(np.float64) + 0.0
        values[np.isnan(values)] = np.nan
        bits = values.view(np.int64)
        return _text([f"{b & (2**64 - 1):016x}" for b in bits.tolist()], column)
    if column.dtype == TIMESTAMP:
        return as_text(Fixed(INT64, column.values, column.valid), rows)
    return as_text(column, rows)


def _text(values: list[str], column: Column) -> Text:
    text: Any = from_list(values, STRING)
    return Text(STRING, text.data, text.start, text.length, column.valid)


@part()
def _byte(prefix, data, first, size, k):
    """Byte k of the padded message, but for the length at its end."""
    if k < prefix.size:
        return np.uint32(prefix[k])
    k -= prefix.size
    if k < size:
        return np.uint32(data[first + k])
    return np.uint32(0x80 if k == size else 0)


@kernel()
def _md5(prefix, data, start, length, valid, sines, rotations, out):
    masked = valid.size > 0
    words = np.empty(16, np.uint32)
    for i in range(out.size):
        out[i] = 0
        if masked and not valid[i]:
            continue
        size = np.int64(length[i])
        total = size + prefix.size
        a0, b0 = np.uint32(0x67452301), np.uint32(0xEFCDAB89)
        c0, d0 = np.uint32(0x98BADCFE), np.uint32(0x10325476)
        blocks = (total + 8) // 64 + 1
        for block in range(blocks):
            for w in range(16):
                k = block * 64 + w * 4
                word = _byte(prefix, data, start[i], size, k)
                word |= _byte(prefix, data, start[i], size, k + 1) << np.uint32(8)
                word |= _byte(prefix, data, start[i], size, k + 2) << np.uint32(16)
                words[w] = word | _byte(prefix, data, start[i], size, k + 3) << np.uint32(24)
            if block == blocks - 1:
                words[14] = np.uint32((total << 3) & 0xFFFFFFFF)
                words[15] = np.uint32(total >> 29)
            a, b, c, d = a0, b0, c0, d0
            for r in range(64):
                if r < 16:
                    f = (b & c) | (~b & d)
                    g = r
                elif r < 32:
                    f = (d & b) | (~d & c)
                    g = (5 * r + 1) & 15
                elif r < 48:
                    f = b ^ c ^ d
                    g = (3 * r + 5) & 15
                else:
                    f = c ^ (b | ~d)
                    g = (7 * r) & 15
                f = np.uint32(f + a + sines[r] + words[g])
                a = d
                d = c
                c = b
                b = np.uint32(b + np.uint32((f << rotations[r]) | (f >> np.uint32(np.uint32(32) - rotations[r]))))
            a0, b0 = np.uint32(a0 + a), np.uint32(b0 + b)
            c0, d0 = np.uint32(c0 + c), np.uint32(d0 + d)
        high = _swapped(a0)
        low = _swapped(b0)
        out[i] = np.int64(np.uint64(high) << np.uint64(32) | np.uint64(low))


@part()
def _swapped(word):
    """The word's bytes in the other order."""
    return np.uint32(
        (word >> np.uint32(24))
        | ((word >> np.uint32(8)) & np.uint32(0xFF00))
        | ((word << np.uint32(8)) & np.uint32(0xFF0000))
        | (word << np.uint32(24))
    )
