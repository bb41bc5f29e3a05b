"""Kernels for one JSON value: check its grammar and, for a declared field, its type, and store it.

All that a kernel reads and writes besides the line is named in `env`, an array of int64: addresses of the tables of
`shape.Shape` (int32, 8 columns), of the result arrays (words int64 or float64, sizes int32, valid bool, each of shape
(columns, STRIDE)), of scratch memory, and counters. Text that is written anew goes to SIDE; it is addressed from
SIDE_BASE on. A value is stored for each slot of its place that it fits; it must fit one.

Every kernel works on a line that ends with a newline, at which each of them stops.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import part
from caudal.columnar.simd import byte, long, lowest, set_byte, set_int, set_long, word64
from caudal.formats.json.grammar import JSON_DEPTH
from caudal.formats.json.numbers import decimal, digits, integer, number_end, plain_float
from caudal.formats.json.simd import as_float, cell, digits_and_dots, set_real, specials, table, word32
from caudal.formats.json.text import compact, rewrite, text_end

MAX_DEPTH = JSON_DEPTH
"""Objects and arrays that may be nested, the record itself included."""

KIND, OUT, NEXT, UNIT = 0, 1, 2, 3
BOOL, INT32, INT64, FLOAT32, FLOAT64, STRING, BINARY, TIMESTAMP, DURATION, LIST, PRESENT, ANY = range(12)

(
    WORDS, SIZES, VALID, STRIDE, OUTS, SLOTS, NODES, EDGES, KEYS, SEEN, RECORDED, STACK, TREE, LITERALS, SIDE,
    SIDE_USED, SIDE_BASE, DEFERRED, POSITION, DOWN, TREE_USED, LITERALS_USED, MISSES, STAMP, STRICTLY, TWICE,
) = range(26)  # fmt: skip
"""What stands where in `env`."""
ENV_SIZE = 26

_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _NEXT = range(5)

_U = np.uint64
_TRUE, _NULL, _FALS = (int.from_bytes(word, "little") for word in (b"true", b"null", b"fals"))
_INFINITY = int.from_bytes(b"Infinity", "little")
_MOST_FLOAT32 = float(np.finfo(np.float32).max) * (1 + 2.0**-25)  # from here on it rounds to infinity
# by unit ("", s, ms, us, ns): what an integer is multiplied with, and divided by
_times = table([1, 1000, 1, 1, 1])
_parts = table([1, 1, 1, 1000, 1_000_000])
_MOST_SECONDS = (2**63 - 1) // 1000
# what a float is multiplied with: the same as in columnar.times, which the strict parser calls
_scale = table([int(np.float64(scale).view(np.uint64)) for scale in (1e3, 1e3, 1.0, 1e-3, 1e-6)])


@part()
def word_end(buf, p):
    """Return the end of the literal true, false or null at p, -1 when there is none."""
    word = word32(buf, p)
    if word == _U(_TRUE) or word == _U(_NULL):
        return p + 4
    if word == _U(_FALS) and byte(buf, p + 4) == 101:
        return p + 5
    return -1


@part()
def constant_end(buf, p, env):
    """Return the end of NaN, Infinity or -Infinity at p, -1 when there is none or it is read strictly."""
    if long(env, STRICTLY) != 0:
        return -1
    if byte(buf, p) == 78:
        return p + 3 if byte(buf, p + 1) == 97 and byte(buf, p + 2) == 78 else -1
    if byte(buf, p) == 45:
        p += 1
    return p + 8 if byte(buf, p) == 73 and word64(buf, p) == _U(_INFINITY) else -1


@part()
def _text_behind(buf, p, env):
    """Return (the place behind the text whose first quote is at p, whether it is no valid JSON); (-1, False) for none."""
    q = text_end(buf, p + 1, True)[0]
    if q >= 0:
        return q + 1, False
    if long(env, STRICTLY) == 0:
        q = text_end(buf, p + 1, False)[0]
    return (q + 1 if q >= 0 else q), True


@part()
def _scalar_end(buf, p, env):
    """Return (the end of the number, literal or text at p, whether it is no valid JSON); (-1, False) for none."""
    c = byte(buf, p)
    if c == 34:
        return _text_behind(buf, p, env)
    q = number_end(buf, p) if c == 45 or 48 <= c <= 57 else word_end(buf, p)
    if q >= 0:
        return q, False
    return constant_end(buf, p, env), True


@part()
def skip(buf, p, depth, env):
    """Return (the end of the array or object at p, inside `depth` others, what is no valid JSON in it).

    That is 0: nothing, 1: values, 2 or 3: names too. (-1, 0) for bad grammar or too deep.
    """
    stack = long(env, STACK)
    top = depth
    expect = _VALUE
    loose = 0
    while True:
        c = byte(buf, p)
        while c == 32 or c == 9 or c == 13:
            p += 1
            c = byte(buf, p)
        if expect == _VALUE or (expect == _FIRST_ITEM and c != 93):
            if c == 91 or c == 123:
                if top >= MAX_DEPTH:
                    return -1, 0
                set_long(stack, top, c)
                top += 1
                p += 1
                expect = _FIRST_ITEM if c == 91 else _FIRST_KEY
                continue
            p, bad = _scalar_end(buf, p, env)
            if p < 0:
                return -1, 0
            if bad:
                loose |= 1
            expect = _NEXT
        elif expect == _NEXT and c == 44:
            p += 1
            expect = _VALUE if long(stack, top - 1) == 91 else _KEY
        elif expect != _KEY and c == long(stack, top - 1) + 2:  # ] is [ + 2, } is { + 2
            p += 1
            top -= 1
            if top == depth:
                return p, loose
            expect = _NEXT
        else:
            if expect == _NEXT or c != 34:
                return -1, 0
            p, bad = _text_behind(buf, p, env)
            if p < 0:
                return -1, 0
            if bad:
                loose |= 3
            while byte(buf, p) == 32 or byte(buf, p) == 9 or byte(buf, p) == 13:
                p += 1
            if byte(buf, p) != 58:
                return -1, 0
            p += 1
            expect = _VALUE


@part()
def any_end(buf, p, depth, env):
    """Return the end of the value at p, inside `depth` arrays and objects; -1 when there is none."""
    c = byte(buf, p)
    return skip(buf, p, depth, env)[0] if c == 91 or c == 123 else _scalar_end(buf, p, env)[0]


@part()
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


@part()
def _set_text(env, o, row, start, size):
    at = o * long(env, STRIDE) + row
    set_long(long(env, WORDS), at, start)
    set_int(long(env, SIZES), at, size)
    set_byte(long(env, VALID), at, 1)


@part()
def _whole_number(buf, p, q, kind, unit):
    """Return (whether the number from p to q fits an int32, int64, duration or timestamp, its value)."""
    good, value = integer(buf, p, q)
    if not good or (kind == INT32 and not -(2**31) <= value < 2**31):
        return False, np.int64(0)
    if kind == TIMESTAMP:
        times = np.int64(_times(unit))
        if times > 1 and not -_MOST_SECONDS <= value <= _MOST_SECONDS:
            return False, np.int64(0)
        value = value * times // np.int64(_parts(unit))
    return True, value


@part()
def _put_number(buf, p, q, slot, row, env):
    """Store the checked number from p to q for every slot that it fits; return whether there is one.

    Also False where the kernels leave open whether it fits.
    """
    slots = long(env, SLOTS)
    whole = True
    for i in range(p, q):
        c = byte(buf, i)
        if c == 46 or c == 101 or c == 69:
            whole = False
            break
    fits = False
    while slot >= 0:
        kind = cell(slots, slot, KIND)
        o = cell(slots, slot, OUT)
        at = o * long(env, STRIDE) + row
        good = False
        if kind in (FLOAT64, FLOAT32):
            good, real = decimal(buf, p, q)
            if not good or (kind == FLOAT32 and not -_MOST_FLOAT32 < real < _MOST_FLOAT32):
                return False
            if o >= 0:
                if whole:
                    real += 0.0  # the integer -0 is 0
                set_real(long(env, WORDS), at, real)
        elif kind in (INT64, INT32, DURATION) or (kind == TIMESTAMP and whole):
            good, value = _whole_number(buf, p, q, kind, cell(slots, slot, UNIT))
            if good and o >= 0:
                set_long(long(env, WORDS), at, value)
        elif kind == TIMESTAMP:
            good, real = decimal(buf, p, q)
            if not good:
                return False
            good, value = to_milliseconds(real, cell(slots, slot, UNIT))
            if good and o >= 0:
                set_long(long(env, WORDS), at, value)
        elif kind == ANY:
            fits = True
            if o >= 0:
                _set_text(env, o, row, p, q - p)
        if good:
            fits = True
            if o >= 0:
                set_int(long(env, SIZES), at, -1)  # no text
                set_byte(long(env, VALID), at, 1)
        slot = cell(slots, slot, NEXT)
    return fits


@part()
def _put_text(buf, p, q, anew, slot, row, env):
    """Store the checked text from p to q for every slot that takes text; return whether there is one.

    Also False where a duration is asked for, which is none of the kernels' business.
    """
    slots = long(env, SLOTS)
    size = q - p
    place = p
    moved = not anew
    fits = False
    while slot >= 0:
        kind = cell(slots, slot, KIND)
        if kind == DURATION:
            return False
        if kind in (STRING, ANY, BINARY, TIMESTAMP):
            fits = True
            if kind in (BINARY, TIMESTAMP):
                set_long(env, DEFERRED, 1)
            o = cell(slots, slot, OUT)
            if o >= 0:
                if not moved:
                    used = long(env, SIDE_USED)
                    set_long(env, SIDE_USED, rewrite(buf, p, q, long(env, SIDE), used, False))
                    place = long(env, SIDE_BASE) + used
                    size = long(env, SIDE_USED) - used
                    moved = True
                _set_text(env, o, row, place, size)
        slot = cell(slots, slot, NEXT)
    return fits


@part()
def put_nested(buf, p, q, row, slot, kind, anew, env):
    """Store the checked array or object from p to q for the slots of this kind; return whether there is one.

    The kind is LIST (whose text is parsed behind the scanner) or ANY; `anew`: as compact JSON
    (a LIST may still hold NaN, which not every type takes).
    """
    slots = long(env, SLOTS)
    size = q - p
    place = p
    fits = False
    while slot >= 0:
        if cell(slots, slot, KIND) == kind:
            fits = True
            if kind == LIST:
                set_long(env, DEFERRED, 1)
            o = cell(slots, slot, OUT)
            if o >= 0:
                if anew:
                    used = long(env, SIDE_USED)
                    set_long(env, SIDE_USED, compact(buf, p, q, long(env, SIDE), used, kind == ANY))
                    place = long(env, SIDE_BASE) + used
                    size = long(env, SIDE_USED) - used
                    anew = False
                _set_text(env, o, row, place, size)
        slot = cell(slots, slot, NEXT)
    return fits


@part()
def has_kind(slot, kind, slots):
    """Return whether one of a place's slots is of this kind."""
    while slot >= 0:
        if cell(slots, slot, KIND) == kind:
            return True
        slot = cell(slots, slot, NEXT)
    return False


@part()
def _put_nested(buf, p, slot, row, depth, env):
    """Check and store an array, or an object that is kept as text; return its end, -1 when it does not fit."""
    slots = long(env, SLOTS)
    array = byte(buf, p) == 91
    if not array and (slot < 0 or has_kind(slot, PRESENT, slots)):
        return -1  # the caller's business
    q, loose = skip(buf, p, depth, env)
    if q < 0 or slot < 0:
        return q
    fits = False
    if array and has_kind(slot, LIST, slots):
        if loose >= 2:
            return -1
        fits = put_nested(buf, p, q, row, slot, LIST, loose != 0, env)
    return q if put_nested(buf, p, q, row, slot, ANY, True, env) or fits else -1


@part()
def _put_word(buf, p, slot, row, env):
    """Check and store a literal, or a constant that is no JSON; return its end, -1 when it does not fit."""
    slots = long(env, SLOTS)
    q = word_end(buf, p)
    if q < 0:
        q = constant_end(buf, p, env)
        if q < 0 or slot < 0 or has_kind(slot, FLOAT64, slots) or has_kind(slot, FLOAT32, slots):
            return q
        return q if has_kind(slot, ANY, slots) else -1
    if slot < 0 or byte(buf, p) == 110:
        return q
    fits = False
    while slot >= 0:
        kind = cell(slots, slot, KIND)
        o = cell(slots, slot, OUT)
        if kind == BOOL:
            fits = True
            if o >= 0:
                at = o * long(env, STRIDE) + row
                set_long(long(env, WORDS), at, byte(buf, p) == 116)
                set_byte(long(env, VALID), at, 1)
        elif kind == ANY:
            fits = True
            if o >= 0:
                _set_text(env, o, row, p, q - p)
        slot = cell(slots, slot, NEXT)
    return q if fits else -1


@part(forceinline=True)
def _text_value(buf, p, slot, row, slots, env):
    """Check and store the text whose first quote is at p; return its end, -1 when it does not fit."""
    start = p + 1
    q = start
    mask = specials(buf, q)
    while mask == _U(0):
        q += 32
        mask = specials(buf, q)
    q += lowest(mask)
    anew = False
    if byte(buf, q) != 34:
        q, anew = text_end(buf, q, long(env, STRICTLY) != 0)
        if q < 0:
            return -1
    if slot >= 0:
        if anew or cell(slots, slot, KIND) != STRING or cell(slots, slot, NEXT) >= 0:
            if not _put_text(buf, start, q, anew, slot, row, env):
                return -1
        else:
            o = cell(slots, slot, OUT)
            if o >= 0:
                at = o * long(env, STRIDE) + row
                set_long(long(env, WORDS), at, start)
                set_int(long(env, SIZES), at, q - start)
                set_byte(long(env, VALID), at, 1)
    return q + 1


@part(forceinline=True)
def _put_plain(buf, head, count, dots, minus, slot, row, slots, env):
    """Store a plain number for a place of one type where that is quick; return whether it has been."""
    if cell(slots, slot, NEXT) >= 0:
        return False
    kind = cell(slots, slot, KIND)
    o = cell(slots, slot, OUT)
    at = o * long(env, STRIDE) + row
    if kind == FLOAT64:
        exact, real = plain_float(buf, head, count, dots)
        if exact and o >= 0:
            if minus:
                real = -real
            if dots == _U(0):
                real += 0.0  # the integer -0 is 0
            set_real(long(env, WORDS), at, real)
            set_byte(long(env, VALID), at, 1)
        return exact
    if kind == INT64 and dots == _U(0) and count <= 16:
        if o >= 0:
            value = np.int64(digits(buf, head, count))
            set_long(long(env, WORDS), at, -value if minus else value)
            set_byte(long(env, VALID), at, 1)
        return True
    return False


@part(forceinline=True)
def _number_value(buf, p, minus, slot, row, slots, env):
    """Check and store the number at p (or a constant that begins as one does); return its end, -1 when it does not fit."""
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
        if slot < 0 or _put_plain(buf, head, count, dots, minus, slot, row, slots, env):
            return q
    else:
        q = number_end(buf, p)
        if q < 0:
            return _put_word(buf, p, slot, row, env)
    if slot >= 0 and not _put_number(buf, p, q, slot, row, env):
        return -1
    return q


@part(forceinline=True)
def value_end(buf, p, slot, row, depth, slots, env):
    """Check the value at p, store it for `slot` and its kin (-1: undeclared); return its end.

    -1 when it is not valid, fits no type, or is an object that is not kept as text.
    """
    c = byte(buf, p)
    if c == 34:
        return _text_value(buf, p, slot, row, slots, env)
    if 45 <= c <= 57:
        return _number_value(buf, p, np.int64(c == 45), slot, row, slots, env)
    if c == 91 or c == 123:
        return _put_nested(buf, p, slot, row, depth, env)
    return _put_word(buf, p, slot, row, env)


@part()
def record(count, start, end, after, slot, env):
    """Note the literal from start to end of a line's shape, what comes behind it, and the slot of that."""
    recorded = long(env, RECORDED)
    set_long(recorded, count * 4 + 0, start)
    set_long(recorded, count * 4 + 1, end)
    set_long(recorded, count * 4 + 2, after)
    set_long(recorded, count * 4 + 3, slot)
