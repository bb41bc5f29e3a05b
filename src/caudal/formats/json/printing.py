"""Kernels that write numbers, times and text as JSON (RFC 8259) to memory given by address; see `simd`.

Each takes where to write as (address, index) and returns the index behind what it wrote. They store whole words: the
caller leaves `SLACK` bytes of room behind the longest text.

Floats get the shortest decimal that reads back the same, of these the nearest: Raffaello Giulietti, "The Schubfach way
to render doubles", 2020, with powers of ten of 128 bits, rounded up. They are written 123.0 for at most 16 digits
before the point, 0.00012 for at most four zeros behind it, and 1.2e-7 or 1e+16 else; -0 is 0.0. Eight digits are made at once
within a word, after Paul Khuong, "How to print integers really fast", 2017.
"""

from __future__ import annotations

import numpy as np

from caudal.columnar.compiled import part
from caudal.columnar.memory import high_product
from caudal.columnar.simd import byte, lowest, set_byte, word64
from caudal.columnar.times import date
from caudal.formats.json.simd import copy32, escapes, leading_zeros, set_word64, table

SLACK = 64
"""Bytes that may be overwritten behind a value."""

_part = part(error_model="numpy")

_U = np.uint64
_E2, _E4, _E8, _E16 = _U(100), _U(10**4), _U(10**8), _U(10**16)
_ZEROS = _U(0x3030303030303030)
_POINT_ZEROS = _U(int.from_bytes(b"0.000000", "little"))
_NULL = _U(int.from_bytes(b"null", "little"))
_TRUE = _U(int.from_bytes(b"true", "little"))
_FALSE = _U(int.from_bytes(b"false", "little"))
_DATE_FIRST = _U(int.from_bytes(b'"0000-00', "little"))
_DATE_REST = _U(int.from_bytes(b"-00T", "little"))
_CLOCK = _U(int.from_bytes(b"00:00:00", "little"))
_CLOCK_REST = _U(int.from_bytes(b'.000Z"', "little"))
_LEAST_POWER, _MOST_POWER = -292, 324


def _powers() -> list[int]:
    """Return 10**e for e from -292 to 324 as its upper 128 bits, rounded up, two words each."""
    words: list[int] = []
    for e in range(_LEAST_POWER, _MOST_POWER + 1):
        power = 10 ** abs(e)
        size = power.bit_length()
        if e < 0:
            bits = -(-(1 << (127 + size)) // power)
        else:
            bits = power << (128 - size) if size <= 128 else -(-power >> (size - 128))
        words += [bits >> 64, bits & (2**64 - 1)]
    return words


_power = table(_powers())
_scale = table([10**n for n in range(18)])
_letter = table(list(b"uuuuuuuubtnufruuuuuuuuuuuuuuuuuu"))
_digit64 = table(list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))


@_part
def null(out, p):
    """Write null."""
    set_word64(out, p, _NULL)
    return p + 4


@_part
def boolean(out, p, value):
    """Write true or false."""
    set_word64(out, p, _TRUE if value else _FALSE)
    return p + (4 if value else 5)


@_part
def _eight(value):
    """Return the eight digits of a number below 10**8 as bytes from 0 to 9, the first one lowest."""
    upper = value // _E4
    word = upper | ((value - upper * _E4) << _U(32))
    hundreds = ((word * _U(10486)) >> _U(20)) & _U(0x0000007F0000007F)
    word = hundreds | ((word - hundreds * _U(100)) << _U(16))
    tens = ((word * _U(103)) >> _U(10)) & _U(0x000F000F000F000F)
    return tens | ((word - tens * _U(10)) << _U(8))


@_part
def _all_eight(out, p, value):
    """Write a number below 10**8 with its leading zeros."""
    set_word64(out, p, _eight(value) | _ZEROS)
    return p + 8


@_part
def natural(out, p, value):
    """Write a uint64."""
    first = value
    if value >= _E16:
        first = value // _E16
    elif value >= _E8:
        first = value // _E8
    word = _eight(first)
    # the last digit is written even if it is 0
    skipped = lowest(word | _U(1 << 56)) >> 3
    set_word64(out, p, (word | _ZEROS) >> _U(skipped << 3))
    p += 8 - skipped
    if value >= _E16:
        rest = value - first * _E16
        middle = rest // _E8
        return _all_eight(out, _all_eight(out, p, middle), rest - middle * _E8)
    if value >= _E8:
        return _all_eight(out, p, value - first * _E8)
    return p


@_part
def integer(out, p, value):
    """Write an int64."""
    if value < 0:
        set_byte(out, p, 45)
        return natural(out, p + 1, _U(0) - _U(value))
    return natural(out, p, _U(value))


@_part
def _round_to_odd(high, low, factor):
    """Return the whole part of a product, its last bit set when something was cut: then it compares as the product."""
    carried = high_product(low, factor)
    rest = high * factor + carried
    whole = high_product(high, factor)
    if rest < carried:
        whole += _U(1)
    return whole | _U(1) if rest > _U(1) else whole


@_part
def _shortest(c, q, uneven):
    """Return (digits, k) with the shortest digits * 10**k that reads as c * 2**q; digits may end in zeros.

    `uneven`: the next smaller float is half as far away as the next greater one.
    """
    k = (q * 1262611 - (524031 if uneven else 0)) >> 22
    shift = _U(q + ((-k * 1741647) >> 19) + 1)
    at = 2 * (-k - _LEAST_POWER)
    high, low = _power(at), _power(at + 1)
    four = c << _U(2)
    value = _round_to_odd(high, low, four << shift)
    lower = _round_to_odd(high, low, (four - (_U(1) if uneven else _U(2))) << shift)
    upper = _round_to_odd(high, low, (four + _U(2)) << shift)
    # a bound reads as this float only when its own significand is even
    odd = c & _U(1)
    lower += odd
    upper -= odd
    s = value >> _U(2)
    if s >= _U(10):
        tens = s // _U(10)
        under = lower <= _U(40) * tens
        over = _U(40) * tens + _U(40) <= upper
        if under != over:
            return tens + (_U(1) if over else _U(0)), k + 1
    under = lower <= _U(4) * s
    over = _U(4) * s + _U(4) <= upper
    if under == over:
        middle = _U(4) * s + _U(2)
        over = value > middle or (value == middle and s & _U(1) == _U(1))
    return s + (_U(1) if over else _U(0)), k


@_part
def _decimal(out, p, digits, k):
    """Write digits * 10**k; 0 < digits < 10**17."""
    count = ((64 - np.int64(leading_zeros(digits))) * 1233) >> 12
    if digits >= _scale(count):
        count += 1
    point = count + k
    digits *= _scale(17 - count)
    first = digits // _E16
    digits -= first * _E16
    upper = digits // _E8
    lower = _eight(digits - upper * _E8)
    upper = _eight(upper)
    if lower != _U(0):
        size = 17 - np.int64(leading_zeros(lower) >> _U(3))
    elif upper != _U(0):
        size = 9 - np.int64(leading_zeros(upper) >> _U(3))
    else:
        size = 1
    small = -5 < point <= 0
    if small:
        set_word64(out, p, _POINT_ZEROS)
        p += 2 - point
    set_byte(out, p, 48 + np.int64(first))
    set_word64(out, p + 1, upper | _ZEROS)
    set_word64(out, p + 9, lower | _ZEROS)
    if small:
        return p + size
    plain = 0 < point <= 16
    behind = point if plain else 1
    # make way for the point
    near, far = word64(out, p + behind), word64(out, p + behind + 8)
    set_byte(out, p + behind, 46)
    set_word64(out, p + behind + 1, near)
    set_word64(out, p + behind + 9, far)
    if plain:
        return p + max(size, point + 1) + 1
    p += size + 1 if size > 1 else 1
    set_byte(out, p, 101)
    set_byte(out, p + 1, 45 if point < 1 else 43)
    return natural(out, p + 2, _U(abs(point - 1)))


@_part
def real(out, p, bits, fraction, top):
    """Write the float with these bits, of which `fraction` are the significand's; null when its exponent is `top`.

    `fraction` is 52 and `top` 2047 for a float64, 23 and 255 for a float32.
    """
    exponent = np.int64(bits >> _U(fraction)) & top
    if exponent == top:
        return null(out, p)
    if bits > (_U(top + 1) << _U(fraction)):  # the sign is set, and it is not -0
        set_byte(out, p, 45)
        p += 1
    hidden = _U(1) << _U(fraction)
    c = bits & (hidden - _U(1))
    uneven = c == _U(0) and exponent > 1
    q = max(exponent, 1) - (top >> 1) - fraction
    if exponent > 0:
        c |= hidden
    if c == _U(0) or (-fraction <= q <= 0 and c & ((_U(1) << _U(-q)) - _U(1)) == _U(0)):
        p = natural(out, p, _U(0) if c == _U(0) else c >> _U(-q))
        set_word64(out, p, _POINT_ZEROS >> _U(8))
        return p + 2
    digits, k = _shortest(c, q, uneven)
    return _decimal(out, p, digits, k)


@_part
def date_words(day):
    """Return what `instant` takes for a day since 1970-01-01: two words of text, and the year."""
    year, month, number, _ = date(day)
    digits = _eight(_U(abs(year) % 10_000 * 10_000 + month * 100 + number))
    first = _DATE_FIRST | ((digits & _U(0xFFFFFFFF)) << _U(8)) | ((digits >> _U(32)) << _U(48))
    return first, _DATE_REST | (digits >> _U(48) << _U(8)), year


@_part
def instant(out, p, rest, first, second, year):
    """Write a day by its `date_words` and its millisecond `rest` in ISO 8601, in quotes.

    A year outside 0 to 9999 is written with a sign and at least four digits, as `columnar.times.format_iso` does.
    """
    set_word64(out, p, first)
    if 0 <= year <= 9999:
        p += 8
    else:
        set_byte(out, p + 1, 45 if year < 0 else 43)
        p += 2
        if abs(year) > 9999:
            p = natural(out, p, _U(abs(year)) // _E4)
        set_word64(out, p, first >> _U(8))
        p += 7
    set_word64(out, p, second)
    p += 4
    ms = _U(rest)
    seconds = ms // _U(1000)
    ms -= seconds * _U(1000)
    minutes = seconds // _U(60)
    hours = minutes // _U(60)
    clock = hours | ((minutes - hours * _U(60)) << _U(24)) | ((seconds - minutes * _U(60)) << _U(48))
    tens = ((clock * _U(103)) >> _U(10)) & _U(0x000F00000F00000F)
    set_word64(out, p, _CLOCK + (tens | ((clock - tens * _U(10)) << _U(8))))
    hundreds = ms // _U(100)
    ms -= hundreds * _U(100)
    ten = ms // _U(10)
    ms -= ten * _U(10)
    set_word64(out, p + 8, _CLOCK_REST + ((hundreds | (ten << _U(8)) | (ms << _U(16))) << _U(8)))
    return p + 14


@_part
def copy(out, p, data, start, length, end):
    """Copy bytes data[start : start + length]; `data` can be read up to `end`."""
    if start + length + 31 <= end:
        for i in range(0, length, 32):
            copy32(out, p + i, data, start + i)
    else:
        for i in range(length):
            set_byte(out, p + i, byte(data, start + i))
    return p + length


@_part
def text(out, p, data, start, length, end):
    """Write bytes data[start : start + length], which are UTF-8, as a string; `data` can be read up to `end`."""
    set_byte(out, p, 34)
    p += 1
    stop = start + length
    while start < stop:
        if start + 32 <= end:
            mask = escapes(data, start)
            copy32(out, p, data, start)
            run = min(lowest(mask) if mask != _U(0) else 32, stop - start)
            start += run
            p += run
            if start == stop:
                break
            if mask == _U(0):
                continue
        c = byte(data, start)
        start += 1
        if c == 34 or c == 92 or c < 32:
            set_byte(out, p, 92)
            letter = np.int64(_letter(c)) if c < 32 else c
            set_byte(out, p + 1, letter)
            p += 2
            if letter == 117:  # u
                set_byte(out, p, 48)
                set_byte(out, p + 1, 48)
                set_byte(out, p + 2, 48 + (c >> 4))
                set_byte(out, p + 3, (48 if c & 15 < 10 else 87) + (c & 15))
                p += 4
        else:
            set_byte(out, p, c)
            p += 1
    set_byte(out, p, 34)
    return p + 1


@_part
def base64(out, p, data, start, length):
    """Write bytes data[start : start + length] as a string of base64 (RFC 4648, section 4, padded)."""
    set_byte(out, p, 34)
    p += 1
    for i in range(start, start + length, 3):
        left = start + length - i
        group = byte(data, i) << 16
        if left > 1:
            group |= byte(data, i + 1) << 8
        if left > 2:
            group |= byte(data, i + 2)
        for k in range(4):
            set_byte(out, p + k, np.int64(_digit64(group >> (18 - 6 * k) & 63)) if k <= left else 61)
        p += 4
    set_byte(out, p, 34)
    return p + 1
