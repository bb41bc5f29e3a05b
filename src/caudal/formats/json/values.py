"""Kernels for one JSON value: check its grammar and, for a declared field, its type, and store it.

All that a kernel reads and writes besides the line is named in `env`, an array of int64: addresses of the tables of
`shape.Shape` (int32, 8 columns), of the result arrays (words int64 or float64, sizes int32, valid bool, each of shape
(columns, STRIDE)), of scratch memory, and counters. Unescaped text goes to SIDE; it is addressed from SIDE_BASE on.

Every kernel works on a line that ends with a newline, at which each of them stops.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from caudal.formats.json.numbers import decimal, digits, integer, number_end, plain_float
from caudal.formats.json.portable import JSON_DEPTH
from caudal.formats.json.simd import (
    as_float,
    byte,
    cell,
    digits_and_dots,
    long,
    lowest,
    set_byte,
    set_int,
    set_long,
    set_real,
    specials,
    table,
    word32,
)

MAX_DEPTH = JSON_DEPTH
"""Objects and arrays that may be nested, the record itself included."""

KIND, OUT, NEXT, UNIT = 0, 1, 2, 3
BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BINARY, TIMESTAMP, DURATION, LIST, PRESENT = range(11)

(
    WORDS, SIZES, VALID, STRIDE, OUTS, SLOTS, NODES, EDGES, KEYS, SEEN, RECORDED, STACK, TREE, LITERALS, SIDE,
    SIDE_USED, SIDE_BASE, DEFERRED, POSITION, DOWN, TREE_USED, LITERALS_USED, MISSES, STAMP,
) = range(24)  # fmt: skip
"""What stands where in `env`."""
ENV_SIZE = 24

_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _NEXT = range(5)

_U = np.uint64
_TRUE, _NULL, _FALS = (int.from_bytes(word, "little") for word in (b"true", b"null", b"fals"))
_MOST_FLOAT32 = float(np.finfo(np.float32).max) * (1 + 2.0**-25)  # from here on it rounds to infinity
# by unit ("", s, ms, us, ns): what an integer is multiplied with, and divided by
_times = table([1, 1000, 1, 1, 1])
_parts = table([1, 1, 1, 1000, 1_000_000])
_MOST_SECONDS = (2**63 - 1) // 1000
# what a float is multiplied with: the same as in columnar.times, which the strict parser calls
_scale = table([int(np.float64(scale).view(np.uint64)) for scale in (1e3, 1e3, 1.0, 1e-3, 1e-6)])


@nb.njit(nogil=True, cache=True)
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


@nb.njit(nogil=True, cache=True)
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


@nb.njit(nogil=True, cache=True)
def text_end(buf, p):
    """Return (position of the quote that ends the text at p, whether it has escapes); (-1, False) for a bad one."""
    escaped = False
    while True:
        mask = specials(buf, p)
        if mask == _U(0):
            p += 32
            continue
        p += lowest(mask)
        c = byte(buf, p)
        if c == 34:
            return p, escaped
        if c >= 128:
            p = _utf8(buf, p)
            if p < 0:
                return -1, False
        elif c == 92:
            escaped = True
            c = byte(buf, p + 1)
            if c == 117:
                value = _hex(buf, p + 2)
                p += 6
                if value < 0 or 0xDC00 <= value <= 0xDFFF:
                    return -1, False
                if 0xD800 <= value <= 0xDBFF:
                    if byte(buf, p) != 92 or byte(buf, p + 1) != 117:
                        return -1, False
                    value = _hex(buf, p + 2)
                    if not 0xDC00 <= value <= 0xDFFF:
                        return -1, False
                    p += 6
            elif c == 34 or c == 92 or c == 47 or c == 98 or c == 102 or c == 110 or c == 114 or c == 116:
                p += 2
            else:
                return -1, False
        else:
            return -1, False


@nb.njit(nogil=True, cache=True)
def unescape(buf, start, end, side, at):
    """Write the checked text from start to end unescaped from side[at] on; return where it ends."""
    p = start
    while p < end:
        c = byte(buf, p)
        if c != 92:
            set_byte(side, at, c)
            at += 1
            p += 1
            continue
        c = byte(buf, p + 1)
        p += 2
        if c == 117:
            value = _hex(buf, p)
            p += 4
            if 0xD800 <= value <= 0xDBFF:
                value = 0x10000 + ((value - 0xD800) << 10) + _hex(buf, p + 2) - 0xDC00
                p += 6
            if value < 0x80:
                set_byte(side, at, value)
                at += 1
            elif value < 0x800:
                set_byte(side, at, 0xC0 | (value >> 6))
                set_byte(side, at + 1, 0x80 | (value & 0x3F))
                at += 2
            elif value < 0x10000:
                set_byte(side, at, 0xE0 | (value >> 12))
                set_byte(side, at + 1, 0x80 | ((value >> 6) & 0x3F))
                set_byte(side, at + 2, 0x80 | (value & 0x3F))
                at += 3
            else:
                set_byte(side, at, 0xF0 | (value >> 18))
                set_byte(side, at + 1, 0x80 | ((value >> 12) & 0x3F))
                set_byte(side, at + 2, 0x80 | ((value >> 6) & 0x3F))
                set_byte(side, at + 3, 0x80 | (value & 0x3F))
                at += 4
            continue
        if c == 98:
            c = 8
        elif c == 102:
            c = 12
        elif c == 110:
            c = 10
        elif c == 114:
            c = 13
        elif c == 116:
            c = 9
        set_byte(side, at, c)
        at += 1
    return at


@nb.njit(nogil=True, cache=True)
def word_end(buf, p):
    """Return the end of the literal true, false or null at p, -1 when there is none."""
    word = word32(buf, p)
    if word == _U(_TRUE) or word == _U(_NULL):
        return p + 4
    if word == _U(_FALS) and byte(buf, p + 4) == 101:
        return p + 5
    return -1


@nb.njit(nogil=True, cache=True)
def skip(buf, p, depth, env):
    """Return the end of the array or object at p, inside `depth` others; -1 for bad grammar or too deep."""
    stack = long(env, STACK)
    top = depth
    expect = _VALUE
    while True:
        c = byte(buf, p)
        while c == 32 or c == 9 or c == 13:
            p += 1
            c = byte(buf, p)
        if expect == _VALUE or (expect == _FIRST_ITEM and c != 93):
            if c == 91 or c == 123:
                if top >= MAX_DEPTH:
                    return -1
                set_long(stack, top, c)
                top += 1
                p += 1
                expect = _FIRST_ITEM if c == 91 else _FIRST_KEY
                continue
            if c == 34:
                p = text_end(buf, p + 1)[0] + 1
                if p <= 0:
                    return -1
            else:
                p = number_end(buf, p) if c == 45 or 48 <= c <= 57 else word_end(buf, p)
                if p < 0:
                    return -1
            expect = _NEXT
        elif expect == _NEXT and c == 44:
            p += 1
            expect = _VALUE if long(stack, top - 1) == 91 else _KEY
        elif expect != _KEY and c == long(stack, top - 1) + 2:  # ] is [ + 2, } is { + 2
            p += 1
            top -= 1
            if top == depth:
                return p
            expect = _NEXT
        else:
            if expect == _NEXT or c != 34:
                return -1
            p = text_end(buf, p + 1)[0] + 1
            if p <= 0:
                return -1
            while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
                p += 1
            if byte(buf, p) != 58:
                return -1
            p += 1
            expect = _VALUE


@nb.njit(nogil=True, cache=True)
def to_milliseconds(value, unit):
    """Return (True, float seconds or other units as milliseconds, rounded half away from zero)."""
    value = value * as_float(_scale(unit))
    if not -(2.0**63) < value < 2.0**63:
        return False, np.int64(0)
    whole = np.trunc(value)
    rest = value - whole
    if rest >= 0.5:
        whole += 1.0
    elif rest <= -0.5:
        whole -= 1.0
    return True, np.int64(whole)


@nb.njit(nogil=True, cache=True)
def _put_number(buf, p, q, slot, row, env):
    """Store the checked number from p to q for every slot; return whether it fits all."""
    slots = long(env, SLOTS)
    whole = True
    for i in range(p, q):
        c = byte(buf, i)
        if c == 46 or c == 101 or c == 69:
            whole = False
            break
    while slot >= 0:
        kind = cell(slots, slot, KIND)
        o = cell(slots, slot, OUT)
        if kind in (FLOAT64, FLOAT32):
            good, real = decimal(buf, p, q)
            if not good or (kind == FLOAT32 and not -_MOST_FLOAT32 < real < _MOST_FLOAT32):
                return False
            if o >= 0:
                at = o * long(env, STRIDE) + row
                if whole:
                    real += 0.0  # the integer -0 is 0
                set_real(long(env, WORDS), at, real)
        elif kind in (INT64, INT32, DURATION) or (kind == TIMESTAMP and whole):
            good, value = integer(buf, p, q)
            if not good or (kind == INT32 and not -(2**31) <= value < 2**31):
                return False
            if kind == TIMESTAMP:
                unit = cell(slots, slot, UNIT)
                times = np.int64(_times(unit))
                if times > 1 and not -_MOST_SECONDS <= value <= _MOST_SECONDS:
                    return False
                value = value * times // np.int64(_parts(unit))
            if o >= 0:
                at = o * long(env, STRIDE) + row
                set_long(long(env, WORDS), at, value)
        elif kind == TIMESTAMP:
            good, real = decimal(buf, p, q)
            if not good:
                return False
            good, value = to_milliseconds(real, cell(slots, slot, UNIT))
            if not good:
                return False
            if o >= 0:
                at = o * long(env, STRIDE) + row
                set_long(long(env, WORDS), at, value)
        else:
            return False
        if o >= 0:
            at = o * long(env, STRIDE) + row
            set_int(long(env, SIZES), at, -1)  # no text
            set_byte(long(env, VALID), at, 1)
        slot = cell(slots, slot, NEXT)
    return True


@nb.njit(nogil=True, cache=True)
def _put_text(buf, p, q, escaped, slot, row, env):
    """Store the checked text from p to q for every slot; return whether all take text."""
    slots = long(env, SLOTS)
    size = q - p
    place = p
    moved = not escaped
    while slot >= 0:
        kind = cell(slots, slot, KIND)
        if kind != STRING and kind != BINARY and kind != TIMESTAMP:
            return False
        if kind != STRING:
            set_long(env, DEFERRED, 1)
        o = cell(slots, slot, OUT)
        if o >= 0:
            at = o * long(env, STRIDE) + row
            if not moved:
                used = long(env, SIDE_USED)
                set_long(env, SIDE_USED, unescape(buf, p, q, long(env, SIDE), used))
                place = long(env, SIDE_BASE) + used
                size = long(env, SIDE_USED) - used
                moved = True
            set_long(long(env, WORDS), at, place)
            set_int(long(env, SIZES), at, size)
            set_byte(long(env, VALID), at, 1)
        slot = cell(slots, slot, NEXT)
    return True


@nb.njit(nogil=True, cache=True)
def _other(buf, p, slot, row, depth, env):
    """Check and store an array or a literal; return its end, -1 when it does not fit."""
    slots = long(env, SLOTS)
    if byte(buf, p) == 91:
        q = skip(buf, p, depth, env)
        if q < 0:
            return -1
        while slot >= 0:
            if cell(slots, slot, KIND) != LIST:
                return -1
            o = cell(slots, slot, OUT)
            if o >= 0:
                at = o * long(env, STRIDE) + row
                set_long(long(env, WORDS), at, p)
                set_int(long(env, SIZES), at, q - p)
                set_byte(long(env, VALID), at, 1)
            set_long(env, DEFERRED, 1)
            slot = cell(slots, slot, NEXT)
        return q
    q = word_end(buf, p)
    if q < 0 or byte(buf, p) == 110:
        return q
    while slot >= 0:
        if cell(slots, slot, KIND) != BOOL:
            return -1
        o = cell(slots, slot, OUT)
        if o >= 0:
            at = o * long(env, STRIDE) + row
            set_long(long(env, WORDS), at, byte(buf, p) == 116)
            set_byte(long(env, VALID), at, 1)
        slot = cell(slots, slot, NEXT)
    return q


@nb.njit(nogil=True, cache=True, forceinline=True)
def value_end(buf, p, slot, row, depth, slots, env):
    """Check the scalar or array at p, store it for `slot` and its kin (-1: undeclared); return its end.

    -1 when it is not valid, does not fit a type, or is an object.
    """
    c = byte(buf, p)
    if c == 34:
        start = p + 1
        q = start
        mask = specials(buf, q)
        while mask == _U(0):
            q += 32
            mask = specials(buf, q)
        q += lowest(mask)
        escaped = False
        if byte(buf, q) != 34:
            q, escaped = text_end(buf, q)
            if q < 0:
                return -1
        if slot >= 0:
            if escaped or cell(slots, slot, KIND) != STRING or cell(slots, slot, NEXT) >= 0:
                if not _put_text(buf, start, q, escaped, slot, row, env):
                    return -1
            else:
                o = cell(slots, slot, OUT)
                if o >= 0:
                    at = o * long(env, STRIDE) + row
                    set_long(long(env, WORDS), at, start)
                    set_int(long(env, SIZES), at, q - start)
                    set_byte(long(env, VALID), at, 1)
        return q + 1
    if 45 <= c <= 57:
        minus = np.int64(c == 45)
        classes = digits_and_dots(buf, p)
        # one run of digits and dots behind the sign, checked without a loop
        run = lowest(~((classes & _U(0xFFFFFFFF)) | (classes >> _U(32)) | _U(minus)))
        count = run - minus
        q = p + run
        if count > 0 and run < 32 and (byte(buf, q) | 32) != 101:
            dots = (classes >> (_U(32) + _U(minus))) & ((_U(1) << _U(count)) - _U(1))
            head = p + minus
            good = ((dots & (dots - _U(1))) == _U(0)) & ((dots & _U(1)) == _U(0))
            good &= (dots >> _U(count - 1)) == _U(0)
            good &= (byte(buf, head) != 48) | (count == 1) | (((dots >> _U(1)) & _U(1)) == _U(1))
            if not good:
                return -1
            if slot < 0:
                return q
            if cell(slots, slot, NEXT) < 0:
                kind = cell(slots, slot, KIND)
                o = cell(slots, slot, OUT)
                if kind == FLOAT64:
                    exact, real = plain_float(buf, head, count, dots)
                    if exact:
                        if o >= 0:
                            at = o * long(env, STRIDE) + row
                            if minus:
                                real = -real
                            if dots == _U(0):
                                real += 0.0  # the integer -0 is 0
                            set_real(long(env, WORDS), at, real)
                            set_byte(long(env, VALID), at, 1)
                        return q
                elif kind == INT64 and dots == _U(0) and count <= 16:
                    if o >= 0:
                        at = o * long(env, STRIDE) + row
                        value = np.int64(digits(buf, head, count))
                        set_long(long(env, WORDS), at, -value if minus else value)
                        set_byte(long(env, VALID), at, 1)
                    return q
        else:
            q = number_end(buf, p)
            if q < 0:
                return -1
        if slot >= 0 and not _put_number(buf, p, q, slot, row, env):
            return -1
        return q
    if c == 123:
        return -1
    return _other(buf, p, slot, row, depth, env)
