"""IP addresses in text: parsed by a compiled kernel, compared with networks as two int64 words."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import numba as nb
import numpy as np

from caudal.columnar.column import Column, Fixed, Text, from_list
from caudal.core.types import BOOL, INT64, STRING
from caudal.engines.local.expressions.kernel import Kernel, Site, choose, implements, restrict
from caudal.plan.checks import network

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""RFC 1918, RFC 4193."""


def parse(text: Text) -> tuple[Any, Any, Any]:
    """Return (family: 4, 6 or 0 for no address, the high and the low 64 bits as int64); IPv4 stands in the low ones.

    IPv4: four decimal numbers without leading zeros. IPv6: RFC 4291, section 2.2, without a zone.
    """
    family = np.empty(len(text), np.int8)
    high, low = np.empty(len(text), np.int64), np.empty(len(text), np.int64)
    _parse(text.data, text.start, text.length, text.valid_or_all(), family, high, low)
    return family, high, low


@nb.njit(nogil=True, cache=True)
def _v4(data, p, stop):
    """The address in data[p:stop] as a number, or -1."""
    value = 0
    for part in range(4):
        if part > 0:
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


@nb.njit(nogil=True, cache=True)
def _hex(c):
    if 48 <= c <= 57:
        return np.int64(c) - 48
    if 97 <= c | 32 <= 102:
        return np.int64(c | 32) - 87
    return np.int64(-1)


@nb.njit(nogil=True, cache=True)
def _v6(data, p, stop, groups):
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
            tail = _v4(data, first, stop)
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


@nb.njit(nogil=True, cache=True)
def _parse(data, start, length, valid, family, high, low):
    masked = valid.size > 0
    groups = np.zeros(8, np.int64)
    for i in range(start.size):
        family[i] = 0
        high[i] = 0
        low[i] = 0
        size = np.int64(length[i])
        if (masked and not valid[i]) or size < 2 or size > 45:
            continue
        p = start[i]
        value = _v4(data, p, p + size)
        if value >= 0:
            family[i] = 4
            low[i] = value
        elif _v6(data, p, p + size, groups):
            family[i] = 6
            high[i] = groups[0] << 48 | groups[1] << 32 | groups[2] << 16 | groups[3]
            low[i] = groups[4] << 48 | groups[5] << 32 | groups[6] << 16 | groups[7]


@nb.njit(nogil=True, cache=True)
def _within(family, high, low, networks, out):
    """Whether an address lies in a network: rows of family, high, low, mask of high, mask of low."""
    for i in range(family.size):
        out[i] = False
        for k in range(networks.shape[0]):
            if (
                family[i] == networks[k, 0]
                and high[i] & networks[k, 3] == networks[k, 1]
                and low[i] & networks[k, 4] == networks[k, 2]
            ):
                out[i] = True
                break


@nb.njit(nogil=True, cache=True)
def _write_v4(values, suffix, out, start, length):
    """Write dotted quads with a suffix, each into its own span of 15 bytes and the suffix."""
    stride = 15 + suffix.size
    for i in range(values.size):
        p = i * stride
        start[i] = p
        for shift in (24, 16, 8, 0):
            number = values[i] >> shift & 255
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
        for k in range(suffix.size):
            out[p] = suffix[k]
            p += 1
        length[i] = p - start[i]


def v4_text(values: Any, suffix: bytes = b"") -> Text:
    """Return addresses as text with something behind each."""
    out = np.empty(len(values) * (15 + len(suffix)), np.uint8)
    start, length = np.empty(len(values), np.int64), np.empty(len(values), np.int32)
    _write_v4(values, np.frombuffer(bytearray(suffix), np.uint8), out, start, length)
    return Text(STRING, out, start, length)


def _words(value: int) -> tuple[int, int]:
    """Return the high and low 64 bits as signed numbers."""
    high, low = value >> 64, value & (2**64 - 1)
    return high - 2**64 * (high >> 63), low - 2**64 * (low >> 63)


def network_rows(networks: Sequence[str]) -> Any:
    """Return the table that `_within` takes; raises `PlanError` for text that is no network."""
    rows = []
    for text in networks:
        found = network(text)
        full = (2**64 - 1) << 64 if found.version == 4 else 0
        address, mask = int(found.network_address), int(found.netmask) | full
        rows.append([found.version, *_words(address), *_words(mask)])
    return np.array(rows, np.int64)


@implements("is_ipv4", "is_ipv6")
def _is(site: Site) -> Kernel:
    wanted = int(site.function[-1])
    return lambda rows, args: Fixed(BOOL, parse(args[0])[0] == wanted, args[0].valid)


@implements("in_cidr", "is_private")
def _in_cidr(site: Site) -> Kernel:
    networks = network_rows(site.options.get("networks", PRIVATE))

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, high, low = parse(args[0])
        out = np.empty(len(family), np.bool_)
        _within(family, high, low, networks, out)
        return Fixed(BOOL, out, restrict(None, family != 0, rows))

    return kernel


@implements("ipv4_to_int")
def _to_int(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, _, low = parse(args[0])
        return Fixed(INT64, low, restrict(None, family == 4, rows))

    return kernel


@implements("ipv4_from_int")
def _from_int(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        values = args[0].values
        text = v4_text(values)
        text.valid = restrict(args[0].valid, (values >= 0) & (values < 2**32), rows)
        return text

    return kernel


@implements("ip_prefix")
def _prefix(site: Site) -> Kernel:
    v4, v6 = site.options["v4"], site.options["v6"]
    mask = (2**32 - 1) << (32 - v4) & (2**32 - 1)

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, high, low = parse(args[0])
        text: Any = v4_text(low & mask, f"/{v4}".encode())
        six = family == 6
        if six.any():
            texts: list[str | None] = [None] * rows
            for row in np.flatnonzero(six).tolist():
                value = (int(high[row]) & (2**64 - 1)) << 64 | (int(low[row]) & (2**64 - 1))
                texts[row] = str(ipaddress.IPv6Network((value, v6), strict=False))
            text = choose(six, from_list(texts, STRING), text, rows)
        text.valid = restrict(None, family != 0, rows)
        return text

    return kernel
