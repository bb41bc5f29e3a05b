"""Kernels for one JSON value: check its grammar and, for a declared field, its type, and store it.

`slots` (int32, 8 columns) says what is stored where: see `shape.Shape`. `out` is the tuple of result arrays
(word int64, real float64 over the same memory, size int32, valid bool), each of shape (columns, rows). `side` takes
unescaped text; `state[SIDE_USED]` says how much; text in it is addressed from `state[SIDE_BASE]` on.

Every kernel works on a line that ends with a newline, at which each of them stops.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from caudal.formats.json.numbers import decimal, digits, integer, number_end, plain_float
from caudal.formats.json.simd import digits_and_dots, lowest, peek2, specials, word32

MAX_DEPTH = 128
"""Objects and arrays that may be nested, the record itself included."""

KIND, OUT, NEXT, UNIT = 0, 1, 2, 3
BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BINARY, TIMESTAMP, DURATION, LIST, PRESENT = range(11)

SIDE_USED, SIDE_BASE, NODES, LITERALS, MISSES, STAMP, DEFERRED = range(7)
STATE_SIZE = 8

_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _NEXT = range(5)

_U = np.uint64
_TRUE, _NULL, _FALS = (int.from_bytes(word, "little") for word in (b"true", b"null", b"fals"))
_MOST_FLOAT32 = float(np.finfo(np.float32).max) * (1 + 2.0**-25)  # from here on it rounds to infinity
# by unit ("", s, ms, us, ns): what an integer is multiplied with, or divided by
_TIMES = np.array([1, 1000, 1, 1, 1], np.int64)
_PARTS = np.array([1, 1, 1, 1000, 1_000_000], np.int64)
_MOST_SECONDS = (2**63 - 1) // 1000
_SCALES = np.array([1e3, 1e3, 1.0, 1e-3, 1e-6])  # the same as columnar.times, which the strict parser calls


@nb.njit(nogil=True, cache=True)
def _hex(buf, p):
    """Return the number in the four hexadecimal digits at p, -1 when they are not."""
    value = np.int64(0)
    for i in range(p, p + 4):
        c = np.int64(buf[i])
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
    c = buf[p]
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
        if not low <= buf[i] <= high:
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
        c = buf[p]
        if c == 34:
            return p, escaped
        if c >= 128:
            p = _utf8(buf, p)
            if p < 0:
                return -1, False
        elif c == 92:
            escaped = True
            c = buf[p + 1]
            if c == 117:
                value = _hex(buf, p + 2)
                p += 6
                if value < 0 or 0xDC00 <= value <= 0xDFFF:
                    return -1, False
                if 0xD800 <= value <= 0xDBFF:
                    if buf[p] != 92 or buf[p + 1] != 117:
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
    """Write the checked text buf[start:end] unescaped from side[at] on; return where it ends."""
    p = start
    while p < end:
        c = buf[p]
        if c != 92:
            side[at] = c
            at += 1
            p += 1
            continue
        c = buf[p + 1]
        p += 2
        if c == 117:
            value = _hex(buf, p)
            p += 4
            if 0xD800 <= value <= 0xDBFF:
                value = 0x10000 + ((value - 0xD800) << 10) + _hex(buf, p + 2) - 0xDC00
                p += 6
            if value < 0x80:
                side[at] = value
                at += 1
            elif value < 0x800:
                side[at] = 0xC0 | (value >> 6)
                side[at + 1] = 0x80 | (value & 0x3F)
                at += 2
            elif value < 0x10000:
                side[at] = 0xE0 | (value >> 12)
                side[at + 1] = 0x80 | ((value >> 6) & 0x3F)
                side[at + 2] = 0x80 | (value & 0x3F)
                at += 3
            else:
                side[at] = 0xF0 | (value >> 18)
                side[at + 1] = 0x80 | ((value >> 12) & 0x3F)
                side[at + 2] = 0x80 | ((value >> 6) & 0x3F)
                side[at + 3] = 0x80 | (value & 0x3F)
                at += 4
            continue
        if c == 98:
            c = np.uint8(8)
        elif c == 102:
            c = np.uint8(12)
        elif c == 110:
            c = np.uint8(10)
        elif c == 114:
            c = np.uint8(13)
        elif c == 116:
            c = np.uint8(9)
        side[at] = c
        at += 1
    return at


@nb.njit(nogil=True, cache=True)
def word_end(buf, p):
    """Return the end of the literal true, false or null at p, -1 when there is none."""
    word = word32(buf, p)
    if word == _U(_TRUE) or word == _U(_NULL):
        return p + 4
    if word == _U(_FALS) and buf[p + 4] == 101:
        return p + 5
    return -1


@nb.njit(nogil=True, cache=True)
def skip(buf, p, depth, stack):
    """Return the end of the array or object at p, inside `depth` others; -1 for bad grammar or too deep."""
    top = depth
    expect = _VALUE
    while True:
        c = buf[p]
        while c == 32 or c == 9 or c == 13:
            p += 1
            c = buf[p]
        if expect == _VALUE or (expect == _FIRST_ITEM and c != 93):
            if c == 91 or c == 123:
                if top >= MAX_DEPTH:
                    return -1
                stack[top] = c
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
            expect = _VALUE if stack[top - 1] == 91 else _KEY
        elif expect != _KEY and c == stack[top - 1] + 2:  # ] is [ + 2, } is { + 2
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
            while buf[p] == 32 or buf[p] == 9 or buf[p] == 13:
                p += 1
            if buf[p] != 58:
                return -1
            p += 1
            expect = _VALUE


@nb.njit(nogil=True, cache=True)
def to_milliseconds(value, unit):
    """Return (True, float seconds or other units as milliseconds, rounded half away from zero)."""
    value = value * _SCALES[unit]
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
def _put_number(buf, p, q, slot, row, slots, out):
    """Store the checked number buf[p:q] for every slot; return whether it fits all."""
    whole = True
    for i in range(p, q):
        c = buf[i]
        if c == 46 or c == 101 or c == 69:
            whole = False
            break
    while slot >= 0:
        kind = slots[slot, KIND]
        o = slots[slot, OUT]
        if kind == FLOAT64 or kind == FLOAT32:
            good, real = decimal(buf, p, q)
            if not good or (kind == FLOAT32 and not -_MOST_FLOAT32 < real < _MOST_FLOAT32):
                return False
            if o >= 0:
                out[1][o, row] = real
        elif kind == INT64 or kind == INT32 or kind == DURATION or (kind == TIMESTAMP and whole):
            good, value = integer(buf, p, q)
            if not good or (kind == INT32 and not -(2**31) <= value < 2**31):
                return False
            if kind == TIMESTAMP:
                unit = slots[slot, UNIT]
                if _TIMES[unit] > 1 and not -_MOST_SECONDS <= value <= _MOST_SECONDS:
                    return False
                value = value * _TIMES[unit] // _PARTS[unit]
            if o >= 0:
                out[0][o, row] = value
        elif kind == TIMESTAMP:
            good, real = decimal(buf, p, q)
            if not good:
                return False
            good, value = to_milliseconds(real, slots[slot, UNIT])
            if not good:
                return False
            if o >= 0:
                out[0][o, row] = value
        else:
            return False
        if o >= 0:
            out[2][o, row] = -1
            out[3][o, row] = True
        slot = slots[slot, NEXT]
    return True


@nb.njit(nogil=True, cache=True)
def _put_text(buf, p, q, escaped, slot, row, slots, out, side, state):
    """Store the checked text buf[p:q] for every slot; return whether all take text."""
    size = q - p
    at = np.int64(p)
    moved = not escaped
    while slot >= 0:
        kind = slots[slot, KIND]
        if kind != STRING and kind != BINARY and kind != TIMESTAMP:
            return False
        if kind != STRING:
            state[DEFERRED] = 1
        o = slots[slot, OUT]
        if o >= 0:
            if not moved:
                used = state[SIDE_USED]
                state[SIDE_USED] = unescape(buf, p, q, side, used)
                at = state[SIDE_BASE] + used
                size = state[SIDE_USED] - used
                moved = True
            out[0][o, row] = at
            out[2][o, row] = size
            out[3][o, row] = True
        slot = slots[slot, NEXT]
    return True


@nb.njit(nogil=True, cache=True)
def _other(buf, p, slot, row, slots, out, stack, depth, state):
    """Check and store an array or a literal; return its end, -1 when it does not fit."""
    if buf[p] == 91:
        q = skip(buf, p, depth, stack)
        if q < 0:
            return -1
        while slot >= 0:
            if slots[slot, KIND] != LIST:
                return -1
            o = slots[slot, OUT]
            if o >= 0:
                out[0][o, row] = p
                out[2][o, row] = q - p
                out[3][o, row] = True
            state[DEFERRED] = 1
            slot = slots[slot, NEXT]
        return q
    q = word_end(buf, p)
    if q < 0 or buf[p] == 110:
        return q
    while slot >= 0:
        if slots[slot, KIND] != BOOL:
            return -1
        o = slots[slot, OUT]
        if o >= 0:
            out[0][o, row] = buf[p] == 116
            out[3][o, row] = True
        slot = slots[slot, NEXT]
    return q


@nb.njit(nogil=True, cache=True, forceinline=True)
def value_end(buf, p, slot, row, slots, out, side, state, stack, depth):
    """Check the scalar or array at p, store it for `slot` and its kin (-1: undeclared); return its end.

    -1 when it is not valid, does not fit a type, or is an object.
    """
    c = buf[p]
    if c == 34:
        start = p + 1
        q = start
        mask = specials(buf, q)
        while mask == _U(0):
            q += 32
            mask = specials(buf, q)
        q += lowest(mask)
        escaped = False
        if buf[q] != 34:
            q, escaped = text_end(buf, q)
            if q < 0:
                return -1
        if slot >= 0:
            if escaped or peek2(slots, slot, KIND) != STRING or peek2(slots, slot, NEXT) >= 0:
                if not _put_text(buf, start, q, escaped, slot, row, slots, out, side, state):
                    return -1
            else:
                o = peek2(slots, slot, OUT)
                if o >= 0:
                    out[0][o, row] = start
                    out[2][o, row] = q - start
                    out[3][o, row] = True
        return q + 1
    if 45 <= c <= 57:
        minus = np.int64(c == 45)
        classes = digits_and_dots(buf, p)
        # one run of digits and dots behind the sign, checked without a loop
        run = lowest(~((classes & _U(0xFFFFFFFF)) | (classes >> _U(32)) | _U(minus)))
        count = run - minus
        q = p + run
        if 0 < count and run < 32 and (buf[q] | 32) != 101:
            dots = (classes >> (_U(32) + _U(minus))) & ((_U(1) << _U(count)) - _U(1))
            head = p + minus
            good = ((dots & (dots - _U(1))) == _U(0)) & ((dots & _U(1)) == _U(0))
            good &= (dots >> _U(count - 1)) == _U(0)
            good &= (buf[head] != 48) | (count == 1) | (((dots >> _U(1)) & _U(1)) == _U(1))
            if not good:
                return -1
            if slot < 0:
                return q
            if peek2(slots, slot, NEXT) < 0:
                kind = peek2(slots, slot, KIND)
                o = peek2(slots, slot, OUT)
                if kind == FLOAT64:
                    exact, real = plain_float(buf, head, count, dots)
                    if exact:
                        if o >= 0:
                            out[1][o, row] = -real if minus else real
                            out[3][o, row] = True
                        return q
                elif kind == INT64 and dots == _U(0) and count <= 16:
                    if o >= 0:
                        value = np.int64(digits(buf, head, count))
                        out[0][o, row] = -value if minus else value
                        out[3][o, row] = True
                    return q
        else:
            q = number_end(buf, p)
            if q < 0:
                return -1
        if slot >= 0 and not _put_number(buf, p, q, slot, row, slots, out):
            return -1
        return q
    if c == 123:
        return -1
    return _other(buf, p, slot, row, slots, out, stack, depth, state)
