"""IP addresses in text: see `columnar.addresses`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from caudal.columnar import addresses
from caudal.columnar.column import Column, Fixed
from caudal.core.addresses import PRIVATE_NETWORKS
from caudal.core.types import BOOL, INT64, STRING
from caudal.expressions.kernel import Kernel, Site, implements, restrict
from caudal.plan.checks import network


@implements("is_ipv4", "is_ipv6")
def _is(site: Site) -> Kernel:
    wanted = int(site.function[-1])
    return lambda rows, args: Fixed(BOOL, addresses.parse(args[0], plain=True)[0] == wanted, args[0].valid)


@implements("in_cidr", "is_private")
def _in_cidr(site: Site) -> Kernel:
    networks = addresses.network_rows([network(text) for text in site.options.get("networks", PRIVATE_NETWORKS)])

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, high, low = addresses.parse(args[0])
        return Fixed(BOOL, addresses.within(family, high, low, networks), restrict(None, family != 0, rows))

    return kernel


@implements("canonical")
def _canonical(site: Site) -> Kernel:
    return lambda rows, args: addresses.canonical(args[0])


@implements("ipv4_to_int")
def _to_int(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, _, low = addresses.parse(args[0], plain=True)
        return Fixed(INT64, low, restrict(None, family == 4, rows))

    return kernel


@implements("ipv4_from_int")
def _from_int(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        values = args[0].values
        family = np.where((values >= 0) & (values < 2**32), np.int8(4), np.int8(0))
        text = addresses.texts(STRING, family, values, values)
        text.valid = restrict(args[0].valid, family == 4, rows)
        return text

    return kernel


@implements("ip_prefix")
def _prefix(site: Site) -> Kernel:
    v4, v6 = site.options["v4"], site.options["v6"]
    mask = (2**32 - 1) << (32 - v4) & (2**32 - 1)
    high_mask, low_mask = addresses.words((2**128 - 1) << (128 - v6) & (2**128 - 1))

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        family, high, low = addresses.parse(args[0])
        low &= np.where(family == 4, mask, low_mask)
        text = addresses.texts(STRING, family, high & high_mask, low, f"/{v4}".encode(), f"/{v6}".encode())
        text.valid = restrict(None, family != 0, rows)
        return text

    return kernel
