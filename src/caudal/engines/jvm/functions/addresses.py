"""IP addresses in text, where a number of 64 bits is too narrow: networks of IPv6."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pyarrow as pa


def in_cidr(networks: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the function that says whether the address lies in one of the networks; null where it is no address."""
    known = [ipaddress.ip_network(text) for text in networks]

    def within(text: str | None) -> bool | None:
        address = _address(text)
        return None if address is None else any(address in network for network in known)

    return lambda text: pa.array([within(v) for v in text.to_pylist()], pa.bool_())


def ip_prefix(v4: int, v6: int) -> Callable[[Any], Any]:
    """Return the function that gives the address's network of so many bits as text; null where it is no address."""

    def prefix(text: str | None) -> str | None:
        address = _address(text)
        if address is None:
            return None
        bits, kept = (32, v4) if address.version == 4 else (128, v6)
        value = int(address) >> (bits - kept) << (bits - kept)
        shown = str(ipaddress.IPv4Address(value)) if bits == 32 else _v6_text(value)
        return f"{shown}/{kept}"

    return lambda text: pa.array([prefix(v) for v in text.to_pylist()], pa.string())


def _address(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if text is None or "%" in text:
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _v6_text(value: int) -> str:
    """Return RFC 5952 text; Python's own writes IPv4-mapped addresses differently from 3.13 on."""
    groups = [value >> shift & 0xFFFF for shift in range(112, -1, -16)]
    first, size = 0, 0
    for start in range(8):
        stop = start
        while stop < 8 and groups[stop] == 0:
            stop += 1
        if stop - start > max(size, 1):
            first, size = start, stop - start
    shown = [f"{group:x}" for group in groups]
    return ":".join(shown) if size == 0 else ":".join(shown[:first]) + "::" + ":".join(shown[first + size :])
