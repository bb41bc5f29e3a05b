"""IP addresses in text, whole columns at a time: as a family and two int64 words, and back to text.

`core.addresses` says what an address looks like; its rules and these are held against each other by the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import numpy as np

from caudal.columnar.column import Bytes, Text
from caudal.columnar.compiled import kernel, part
from caudal.core.addresses import canonical_address

_V4_SIZE, _V6_SIZE = 15, 39
"""The most bytes of a canonical text."""


def parse(text: Text, *, plain: bool = False) -> tuple[Any, Any, Any]:
    """Return (family: 4, 6 or 0 for no address, the high and the low 64 bits as int64); IPv4 stands in the low ones.

    `plain`: the text is the address and nothing else, and an IPv4-mapped one is IPv6.
    """
    family = np.empty(len(text), np.int8)
    high, low = np.empty(len(text), np.int64), np.empty(len(text), np.int64)
    _parse(text.data, text.start, text.length, text.valid_or_all(), plain, family, high, low)
    return family, high, low


def within(family: Any, high: Any, low: Any, networks: Any) -> Any:
    """Return as bools whether each address lies in one of the networks, a table that `network_rows` made."""
    out = np.empty(len(family), np.bool_)
    _within(family, high, low, networks, out)
    return out


def network_rows(networks: Sequence[IPv4Network | IPv6Network]) -> Any:
    """Return networks as rows of family, high, low, mask of high, mask of low."""
    rows = np.empty((len(networks), 5), np.int64)
    for i, network in enumerate(networks):
        full = (2**64 - 1) << 64 if network.version == 4 else 0
        address, mask = int(network.network_address), int(network.netmask) | full
        rows[i] = [network.version, *words(address), *words(mask)]
    return rows


def words(value: int) -> tuple[int, int]:
    """Return the high and low 64 bits as signed numbers."""
    high, low = value >> 64, value & (2**64 - 1)
    return high - 2**64 * (high >> 63), low - 2**64 * (low >> 63)


def canonical(text: Text) -> Text:
    """Return each address in its one spelling, other texts as they are; the column itself where nothing changes."""
    if not (_respelt.ready() & _respell.ready()):  # both are asked for
        return _canonical(text)
    family = np.empty(len(text), np.int8)
    high, low = np.empty(len(text), np.int64), np.empty(len(text), np.int64)
    size = _respelt(text.data, text.start, text.length, text.valid_or_all(), family, high, low)
    if size < 0:
        return text
    out = np.empty(size, np.uint8)
    start, length = np.empty(len(text), np.int64), np.empty(len(text), np.int32)
    _respell(text.data, text.start, text.length, text.valid_or_all(), family, high, low, out, start, length)
    return Text(text.dtype, out, start, length, text.valid)


def _canonical(text: Text) -> Text:
    """Do what `canonical` does until its kernels are compiled."""
    view = memoryview(text.data.data)
    given = [bytes(view[at : at + length]) for at, length in zip(text.start.tolist(), text.length.tolist())]
    if text.valid is not None:
        given = [raw if there else b"" for raw, there in zip(given, text.valid.tolist())]
    spelt = {raw: canonical_address(raw.decode()).encode() for raw in set(given)}
    if all(raw == new for raw, new in spelt.items()):
        return text
    made = [spelt[raw] for raw in given]
    length = np.array([len(raw) for raw in made], np.int32)
    out = np.frombuffer(bytearray(b"".join(made)), np.uint8)
    return Text(text.dtype, out, np.cumsum(length, dtype=np.int64) - length, length, text.valid)


def texts(dtype: Any, family: Any, high: Any, low: Any, v4: bytes = b"", v6: bytes = b"") -> Text:
    """Return addresses as canonical texts with something behind each, by family; nothing for those of family 0."""
    out = np.empty(len(family) * (_V6_SIZE + max(len(v4), len(v6))), np.uint8)
    start, length = np.empty(len(family), np.int64), np.empty(len(family), np.int32)
    _write(family, high, low, _array(v4), _array(v6), out, start, length)
    return Text(dtype, out, start, length)


def _array(data: bytes) -> Bytes:
    return np.frombuffer(bytearray(data), np.uint8)


@part()
def parse_v4(data, p, stop):
    """The plain IPv4 address in data[p:stop] as a number, or -1."""
    value = 0
    for octet in range(4):
        if octet > 0:
            if p >= stop or data[p] != 46:
                return -1
            p += 1
        first = p
        number = 0
        while p < stop and p - first < 3 and 48 <= data[p] <= 57:
            number = number * 10 + np.int64(data[p]) - 48
            p += 1
        if p == first or number > 255 or (p - first > 1 and data[first] == 48):
            return -1
        value = value * 256 + number
    return value if p == stop else -1


@part()
def _hex(c):
    if 48 <= c <= 57:
        return np.int64(c) - 48
    if 97 <= c | 32 <= 102:
        return np.int64(c | 32) - 87
    return np.int64(-1)


@part()
def _parse_v6(data, p, stop, groups):
    """Fill eight groups of 16 bits from data[p:stop]; False when it is no address."""
    count = 0
    gap = -1
    if stop - p >= 2 and data[p] == 58 and data[p + 1] == 58:
        gap = 0
        p += 2
    elif p >= stop or data[p] == 58:
        return False
    while p < stop:
        if count == 8:
            return False
        first = p
        number = 0
        while p < stop and p - first < 4 and _hex(data[p]) >= 0:
            number = number * 16 + _hex(data[p])
            p += 1
        if p < stop and data[p] == 46:
            tail = parse_v4(data, first, stop)
            if tail < 0 or count > 6:
                return False
            groups[count] = tail >> 16
            groups[count + 1] = tail & 0xFFFF
            count += 2
            p = stop
            break
        if p == first:
            return False
        groups[count] = number
        count += 1
        if p == stop:
            break
        if data[p] != 58:
            return False
        p += 1
        if p < stop and data[p] == 58:
            if gap >= 0:
                return False
            gap = count
            p += 1
        elif p == stop:
            return False
    if gap < 0:
        return count == 8
    if count == 8:
        return False
    for k in range(count - gap):
        groups[7 - k] = groups[count - 1 - k]
    for k in range(gap, 8 - (count - gap)):
        groups[k] = 0
    return True


@part()
def parse_plain(data, p, stop, groups):
    """Return (family, high, low) of the address that data[p:stop] is."""
    if stop - p < 2 or stop - p > 45:
        return 0, np.int64(0), np.int64(0)
    value = parse_v4(data, p, stop)
    if value >= 0:
        return 4, np.int64(0), np.int64(value)
    if not _parse_v6(data, p, stop, groups):
        return 0, np.int64(0), np.int64(0)
    high = groups[0] << 48 | groups[1] << 32 | groups[2] << 16 | groups[3]
    return 6, high, groups[4] << 48 | groups[5] << 32 | groups[6] << 16 | groups[7]


@part(forceinline=True)
def _is_space(c):
    return c == 32 or 9 <= c <= 13


@part()
def _is_port(data, p, stop):
    """Whether data[p:stop] is a colon and a port."""
    if stop - p < 2 or stop - p > 6 or data[p] != 58:
        return False
    number = 0
    for k in range(p + 1, stop):
        if not 48 <= data[k] <= 57:
            return False
        number = number * 10 + np.int64(data[k]) - 48
    return number <= 65535


@part()
def parse_named(data, p, stop, groups):
    """Return (family, high, low) of the address that data[p:stop] names, whatever port, zone and brackets are around."""
    none = (0, np.int64(0), np.int64(0))
    while p < stop and _is_space(data[p]):
        p += 1
    while p < stop and _is_space(data[stop - 1]):
        stop -= 1
    if p == stop:
        return none
    zone = dot = closing = -1  # the first % and ], the last dot
    for k in range(p, stop):
        if data[k] == 37 and zone < 0:
            zone = k
        elif data[k] == 46:
            dot = k
        elif data[k] == 93 and closing < 0:
            closing = k
    if data[p] == 91:
        if closing < 0 or (closing + 1 < stop and not _is_port(data, closing + 1, stop)):
            return none
        p += 1
        stop = closing
        if zone > stop:
            zone = -1
    elif zone < 0 and dot >= 0:
        for k in range(dot, stop):
            if data[k] == 58:
                if not _is_port(data, k, stop):
                    return none
                stop = k
                break
    if zone >= 0:
        if zone + 1 == stop:
            return none
        for k in range(zone + 1, stop):
            c = data[k]
            if c < 33 or c > 126 or c == 37 or c == 47 or c == 91 or c == 93:
                return none
        stop = zone
    family, high, low = parse_plain(data, p, stop, groups)
    if family == 4 and zone >= 0:
        return none
    if family == 6 and high == 0 and low >> 32 == 0xFFFF:
        return 4, np.int64(0), low & 0xFFFFFFFF
    return family, high, low


@kernel()
def _parse(data, start, length, valid, plain, family, high, low):
    masked = valid.size > 0
    groups = np.zeros(8, np.int64)
    for i in range(start.size):
        family[i] = 0
        high[i] = 0
        low[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i]
        stop = p + np.int64(length[i])
        value = parse_v4(data, p, stop)
        if value >= 0:
            family[i] = 4
            low[i] = value
        elif plain:
            family[i], high[i], low[i] = parse_plain(data, p, stop, groups)
        else:
            family[i], high[i], low[i] = parse_named(data, p, stop, groups)


@part()
def is_within(family, high, low, networks):
    """Whether one address lies in one of the networks."""
    for k in range(networks.shape[0]):
        if (
            family == networks[k, 0]
            and high & networks[k, 3] == networks[k, 1]
            and low & networks[k, 4] == networks[k, 2]
        ):
            return True
    return False


@kernel()
def _within(family, high, low, networks, out):
    for i in range(family.size):
        out[i] = is_within(family[i], high[i], low[i], networks)


@kernel(arguments="B L I ? b L L")
def _respelt(data, start, length, valid, family, high, low):
    """Parse what is no plain IPv4 address; return the bytes that all texts take at most, -1 when none is to change."""
    masked = valid.size > 0
    groups = np.zeros(8, np.int64)
    size = 0
    changed = False
    for i in range(start.size):
        family[i] = 0
        if masked and not valid[i]:
            continue
        p = start[i]
        stop = p + np.int64(length[i])
        if parse_v4(data, p, stop) < 0:
            family[i], high[i], low[i] = parse_named(data, p, stop, groups)
        if family[i] == 0:
            size += stop - p
        else:
            size += _V6_SIZE
            changed = True
    return size if changed else -1


@kernel(arguments="B L I ? b L L B L I")
def _respell(data, start, length, valid, family, high, low, out, out_start, out_length):
    masked = valid.size > 0
    p = 0
    for i in range(start.size):
        out_start[i] = p
        if masked and not valid[i]:
            pass
        elif family[i] == 0:
            first = start[i]
            for k in range(first, first + np.int64(length[i])):
                out[p] = data[k]
                p += 1
        else:
            p = _write_address(family[i], high[i], low[i], out, p)
        out_length[i] = p - out_start[i]


@kernel()
def _write(family, high, low, v4, v6, out, start, length):
    p = 0
    for i in range(family.size):
        start[i] = p
        if family[i] != 0:
            p = _write_address(family[i], high[i], low[i], out, p)
            behind = v4 if family[i] == 4 else v6
            for k in range(behind.size):
                out[p] = behind[k]
                p += 1
        length[i] = p - start[i]


@part()
def _write_address(family, high, low, out, p):
    """Write an address at out[p:]; return where it ends."""
    if family == 4:
        return _write_v4(low, out, p)
    return _write_v6(high, low, out, p)


@part()
def _write_v4(value, out, p):
    for shift in (24, 16, 8, 0):
        number = value >> shift & 255
        if number > 99:
            out[p] = 48 + number // 100
            p += 1
        if number > 9:
            out[p] = 48 + number // 10 % 10
            p += 1
        out[p] = 48 + number % 10
        p += 1
        if shift > 0:
            out[p] = 46
            p += 1
    return p


@part(forceinline=True)
def _group(high, low, k):
    return (high >> (48 - 16 * k) if k < 4 else low >> (112 - 16 * k)) & 0xFFFF


@part()
def _write_v6(high, low, out, p):
    """RFC 5952: lower case, no leading zeros, `::` for the first of the longest runs of zeros that are two or more."""
    gap = run = 0
    k = 0
    while k < 8:
        first = k
        while k < 8 and _group(high, low, k) == 0:
            k += 1
        if k - first > max(run, 1):
            gap = first
            run = k - first
        k += 1
    k = 0
    while k < 8:
        if run > 0 and k == gap:
            out[p] = 58
            out[p + 1] = 58
            p += 2
            k += run
            continue
        if k > 0 and not (run > 0 and k == gap + run):
            out[p] = 58
            p += 1
        number = _group(high, low, k)
        shift = 12
        while shift > 0 and number >> shift == 0:
            shift -= 4
        while shift >= 0:
            digit = number >> shift & 15
            out[p] = digit + 48 if digit < 10 else digit + 87
            p += 1
            shift -= 4
        k += 1
    return p
