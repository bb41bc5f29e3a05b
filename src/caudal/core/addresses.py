"""The address that a text names, one at a time, in plain Python; `columnar.addresses` reads whole columns by the same rules.

It stands alone, and its text is pasted into scripts. An address is IPv4 (four decimal numbers, no leading zeros) or IPv6
(RFC 4291, section 2.2); an IPv4-mapped IPv6 address is the IPv4 one. ASCII white space around it, square brackets, a zone
behind an IPv6 address (`%eth0`) and a port (`10.0.0.1:443`, `[::1]:443`) are no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
"""RFC 1918, RFC 4193."""

_ADDRESS_PORT = re.compile(r":([0-9]{1,5})")
_ADDRESS_ZONE = re.compile(r"[!-~]+")


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text names, None where it names none."""
    bare = text.strip(" \t\n\r\v\f")
    behind = ""
    if bare.startswith("["):
        bare, closed, behind = bare[1:].partition("]")
        if not closed:
            return None
    elif "%" not in bare and "." in bare:
        dot = bare.rindex(".")
        colon = bare.find(":", dot)
        if colon > 0:
            bare, behind = bare[:colon], bare[colon:]
    if behind:
        port = _ADDRESS_PORT.fullmatch(behind)
        if port is None or int(port[1]) > 65535:
            return None
    bare, marked, zone = bare.partition("%")
    if marked and (not _ADDRESS_ZONE.fullmatch(zone) or any(c in zone for c in "%/[]")):
        return None
    try:
        if ":" not in bare:
            return None if marked else IPv4Address(bare)
        found = IPv6Address(bare)
    except AddressValueError:
        return None
    return found.ipv4_mapped or found


def canonical_address(text: str) -> str:
    """Return the one spelling of the address that a text names (IPv6: RFC 5952); other text as it is."""
    found = address_of(text)
    return text if found is None else str(found)


def network_of(text: str) -> IPv4Network | IPv6Network:
    """Return a network written as 10.0.0.0/8 or 2001:db8::/32, one of IPv4-mapped addresses as that of IPv4.

    Raises `ValueError`.
    """
    if "%" in text:
        raise ValueError("a network has no zone")
    found = ip_network(text)
    if found.version == 6 and found.prefixlen >= 96 and (mapped := found.network_address.ipv4_mapped) is not None:
        return IPv4Network((mapped, found.prefixlen - 96))
    return found


def range_of(text: str) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    """Return the first and last address of a range written as 10.0.0.1-10.0.0.9, a network, or an address alone.

    Spaces may stand around the dash. Raises `ValueError`.
    """
    first, dash, last = text.partition("-")
    if dash:
        return range_between(first.strip(" "), last.strip(" "))
    network = network_of(text)
    return network[0], network[-1]


def range_between(first: str, last: str) -> tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address]:
    """Return the first and last address of a range; IPv4-mapped ones are IPv4. Raises `ValueError`."""
    begin, end = _bare_address(first), _bare_address(last)
    if begin.version != end.version:
        raise ValueError(f"{first} and {last} are not of one version of IP")
    if int(begin) > int(end):
        raise ValueError(f"the range ends before it begins: {first} to {last}")
    return begin, end


def _bare_address(text: str) -> IPv4Address | IPv6Address:
    if "%" in text:
        raise ValueError(f"an address of a range has no zone: {text}")
    found = ip_address(text)
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def is_within(address: IPv4Address | IPv6Address, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Return whether an address lies in one of the networks."""
    return any(address in network for network in networks)
