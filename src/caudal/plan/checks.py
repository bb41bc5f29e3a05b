"""Checks of constants in expressions, the same for every engine."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

from caudal.core.errors import PlanError


def network(text: str) -> IPv4Network | IPv6Network:
    """Return a network written as 10.0.0.0/8 or 2001:db8::/32; raises `PlanError`.

    One of IPv4-mapped addresses is that of IPv4.
    """
    try:
        found = ip_network(text)
    except ValueError as error:
        raise PlanError(
            f"'{text}' is no network", detail=str(error), hint="write it as 10.0.0.0/8 or 2001:db8::/32"
        ) from error
    if "%" in text:
        raise PlanError(f"'{text}' is no network", hint="leave out the zone")
    if found.version == 6 and found.prefixlen >= 96 and (mapped := found.network_address.ipv4_mapped) is not None:
        return IPv4Network((mapped, found.prefixlen - 96))
    return found
