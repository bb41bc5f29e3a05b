"""IP addresses in text, where an engine's own functions do not know all that names one: each distinct text is looked at once."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pyarrow as pa

from caudal.core.addresses import address_of, canonical_address, is_within


def in_cidr(networks: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the function that says whether the address lies in one of the networks; null where it is no address."""
    known = [ip_network(text) for text in networks]

    def within(text: str) -> bool | None:
        address = address_of(text)
        return None if address is None else is_within(address, known)

    return lambda text: _of_each(within, text, pa.bool_())


def ip_prefix(v4: int, v6: int) -> Callable[[Any], Any]:
    """Return the function that gives the address's network of so many bits as text; null where it is no address."""

    def prefix(text: str) -> str | None:
        address = address_of(text)
        if address is None:
            return None
        return str(ip_network((address, v4 if address.version == 4 else v6), strict=False))

    return lambda text: _of_each(prefix, text, pa.string())


def canonical() -> Callable[[Any], Any]:
    """Return the function that gives each address in its one spelling, other text as it is."""
    return lambda text: _of_each(canonical_address, text, pa.string())


def _of_each(function: Callable[[str], Any], text: Any, result: Any) -> Any:
    """Return the values of a function that is called once for each distinct text; null for null."""
    coded = text.dictionary_encode()
    values = pa.array([None if v is None else function(v) for v in coded.dictionary.to_pylist()], result)
    return values.take(coded.indices)
