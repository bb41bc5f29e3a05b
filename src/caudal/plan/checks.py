"""Checks of constants in expressions, the same for every engine."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from caudal.core.addresses import network_of
from caudal.core.errors import PlanError


def network(text: str) -> IPv4Network | IPv6Network:
    """Return a network written as 10.0.0.0/8 or 2001:db8::/32; raises `PlanError`.

    One of IPv4-mapped addresses is that of IPv4.
    """
    try:
        return network_of(text)
    except ValueError as error:
        raise PlanError(
            f"'{text}' is no network", detail=str(error), hint="write it as 10.0.0.0/8 or 2001:db8::/32"
        ) from error
