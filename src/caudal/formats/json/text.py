"""Kernels for the texts of a JSON line: where they end, and how they are written anew.

A text ends at the first quote that no backslash takes along, whatever the bytes before it are. Strictly, its bytes must
be UTF-8 and its escapes those of RFC 8259; leniently, what is neither becomes readable text (see `grammar`).
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import part
from caudal.columnar.simd import byte, lowest, set_byte
from caudal.formats.json.simd import copy32, specials

_U = np.uint64


@part()
def _hex(buf, p):
    """Return the number in the four hexadecimal digits at p, -1 when they are not."""
    value = np.int64(0)
    for i in range(p, p + 4):
        c = byte(buf, i)
        if 48 <= c <= 57:
            value = value * 16 + c - 48
        elif 97 <= c <= 102:
            value = value * 16 + c - 87
        elif 65 <= c <= 70:
            value = value * 16 + c - 55
        else:
            return np.int64(-1)
    return value


@part()
def _code(buf, p):
    r"""Return the code point of `\u` and four digits, or of a pair of these, at p; -1 when it is neither, or a half."""
    value = _hex(buf, p + 2)
    if 0xD800 <= value <= 0xDBFF and byte(buf, p + 6) == 92 and byte(buf, p + 7) == 117:
        low = _hex(buf, p + 8)
        if 0xDC00 <= low <= 0xDFFF:
            return 0x10000 + ((value - 0xD800) << 10) + low - 0xDC00
    return np.int64(-1) if 0xD800 <= value <= 0xDFFF else value


@part()
def _short(c):
    """Return the character of a backslash and `c`, -1 when that is no escape."""
    if c == 34 or c == 92 or c == 47:
        return c
    if c == 98:
        return np.int64(8)
    if c == 102:
        return np.int64(12)
    if c == 110:
        return np.int64(10)
    if c == 114:
        return np.int64(13)
    if c == 116:
        return np.int64(9)
    return np.int64(-1)


@part()
def _utf8(buf, p):
    """Return the end of the well-formed sequence of two to four bytes at p (RFC 3629), -1 when there is none."""
    c = byte(buf, p)
    low, high = 0x80, 0xBF
    if 0xC2 <= c <= 0xDF:
        more = 1
    elif 0xE0 <= c <= 0xEF:
        more = 2
        if c == 0xE0:
            low = 0xA0
        elif c == 0xED:
            high = 0x9F
    elif 0xF0 <= c <= 0xF4:
        more = 3
        if c == 0xF0:
            low = 0x90
        elif c == 0xF4:
            high = 0x8F
    else:
        return -1
    for i in range(p + 1, p + 1 + more):
        if not low <= byte(buf, i) <= high:
            return -1
        low, high = 0x80, 0xBF
    return p + 1 + more


@part()
def text_end(buf, p, strict):
    """Return (the place of the quote that ends the text at p, whether it must be written anew); (-1, False) for none."""
    anew = False
    while True:
        mask = specials(buf, p)
        if mask == _U(0):
            p += 32
            continue
        p += lowest(mask)
        c = byte(buf, p)
        if c == 34:
            return p, anew
        if c >= 128:
            q = _utf8(buf, p)
            if q < 0:
                if strict:
                    return -1, False
                anew = True
                q = p + 1
            p = q
        elif c == 92:
            anew = True
            c = byte(buf, p + 1)
            if c == 10:
                return -1, False
            if strict:
                if c == 117:
                    value = _code(buf, p)
                    if value < 0:
                        return -1, False
                    p += 12 if value >= 0x10000 else 6
                    continue
                if _short(c) < 0:
                    return -1, False
            # a byte of a longer character is looked at for itself
            p += 2 if c < 128 else 1
        elif c == 10 or strict:
            return -1, False
        else:
            p += 1


@part()
def _digit(value):
    return value + 48 if value < 10 else value + 87


@part()
def _write(side, at, c, quoted):
    """Write an ASCII character, as JSON wants it in quotes where `quoted`; return where it ends."""
    if quoted and (c < 32 or c == 34 or c == 92):
        set_byte(side, at, 92)
        at += 1
        if c == 8:
            c = np.int64(98)
        elif c == 9:
            c = np.int64(116)
        elif c == 10:
            c = np.int64(110)
        elif c == 12:
            c = np.int64(102)
        elif c == 13:
            c = np.int64(114)
        elif c < 32:
            set_byte(side, at, 117)
            set_byte(side, at + 1, 48)
            set_byte(side, at + 2, 48)
            set_byte(side, at + 3, 48 + (c >> 4))
            set_byte(side, at + 4, _digit(c & 15))
            return at + 5
    set_byte(side, at, c)
    return at + 1


@part()
def _write_code(side, at, value, quoted):
    """Write a code point as UTF-8; return where it ends."""
    if value < 0x80:
        return _write(side, at, value, quoted)
    if value < 0x800:
        set_byte(side, at, 0xC0 | (value >> 6))
        set_byte(side, at + 1, 0x80 | (value & 0x3F))
        return at + 2
    if value < 0x10000:
        set_byte(side, at, 0xE0 | (value >> 12))
        set_byte(side, at + 1, 0x80 | ((value >> 6) & 0x3F))
        set_byte(side, at + 2, 0x80 | (value & 0x3F))
        return at + 3
    set_byte(side, at, 0xF0 | (value >> 18))
    set_byte(side, at + 1, 0x80 | ((value >> 12) & 0x3F))
    set_byte(side, at + 2, 0x80 | ((value >> 6) & 0x3F))
    set_byte(side, at + 3, 0x80 | (value & 0x3F))
    return at + 4


@part()
def rewrite(buf, start, end, side, at, quoted):
    """Write the checked text from start to end from side[at] on, as it reads (`quoted`: as JSON); return where it ends.

    At most 6 bytes are written for one, and up to 32 behind the end are touched.
    """
    p = start
    while p < end:
        mask = specials(buf, p)
        count = lowest(mask) if mask != _U(0) else 32
        if count > end - p:
            count = end - p
        if count > 0:
            copy32(side, at, buf, p)
            at += count
            p += count
            continue
        c = byte(buf, p)
        if c == 92:
            c = byte(buf, p + 1)
            if c == 117:
                value = _code(buf, p)
                if value >= 0:
                    at = _write_code(side, at, value, quoted)
                    p += 12 if value >= 0x10000 else 6
                    continue
            elif c < 128:
                short = _short(c)
                if short >= 0:
                    at = _write(side, at, short, quoted)
                    p += 2
                    continue
            at = _write(side, at, np.int64(92), quoted)
            p += 1
        elif c < 128:
            at = _write(side, at, c, quoted)
            p += 1
        else:
            q = _utf8(buf, p)
            if q < 0:
                at = _write(side, at, np.int64(92), quoted)
                set_byte(side, at, 120)
                set_byte(side, at + 1, _digit(c >> 4))
                set_byte(side, at + 2, _digit(c & 15))
                at += 3
                p += 1
            else:
                while p < q:
                    set_byte(side, at, byte(buf, p))
                    at += 1
                    p += 1
    return at


@part()
def compact(buf, start, end, side, at, nulls):
    """Write the checked JSON value from start to end as compact JSON from side[at] on; return where it ends.

    Without blanks, numbers as written, each text written one way; NaN and infinities as null where `nulls`.
    """
    p = start
    while p < end:
        c = byte(buf, p)
        if c == 34:
            q = text_end(buf, p + 1, False)[0]
            set_byte(side, at, 34)
            at = rewrite(buf, p + 1, q, side, at + 1, True)
            set_byte(side, at, 34)
            at += 1
            p = q + 1
            continue
        if nulls and c == 45 and byte(buf, p + 1) == 73:
            p += 1
            c = np.int64(73)
        if nulls and (c == 73 or c == 78):
            set_byte(side, at, 110)
            set_byte(side, at + 1, 117)
            set_byte(side, at + 2, 108)
            set_byte(side, at + 3, 108)
            at += 4
            p += 8 if c == 73 else 3
            continue
        if c != 32 and c != 9 and c != 13:
            set_byte(side, at, c)
            at += 1
        p += 1
    return at
