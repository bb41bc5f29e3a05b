"""IP addresses in text: IPv4 as a BIGINT, IPv6 checked by a pattern, networks of IPv6 in a Python worker."""

from __future__ import annotations

from typing import Any

from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import text_of
from caudal.plan.checks import network

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_V4_TEXT = text_of(rf"\A{_V4}\z")
_H = "[0-9A-Fa-f]{1,4}"
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


def _v6() -> str:
    """Return the pattern of RFC 4291, section 2.2: by the number of groups before the gap."""
    forms = [rf"(?:{_H}:){{7}}(?:{_H}|:)", rf"(?:{_H}:){{6}}(?::{_H}|{_V4}|:)"]
    for before in range(5, -1, -1):
        head = rf"(?:{_H}:){{{before}}}" if before else ":"
        after = 7 - before
        forms.append(rf"{head}(?:(?::{_H}){{1,{after}}}|(?::{_H}){{0,{after - 2}}}:{_V4}|:)")
    return rf"\A(?:{'|'.join(forms)})\z"


def _v4_number(library: Library) -> str:
    part = "CAST(substring_index(substring_index(s, '.', {0}), '.', -1) AS BIGINT) * {1}L"
    total = " + ".join(part.format(i, 256 ** (4 - i)) for i in range(1, 5))
    body = f"CASE WHEN s RLIKE {_V4_TEXT} THEN {total} END"
    return library.sql("ipv4", "s STRING", "BIGINT", body)


@shows("is_ipv4")
def _is_ipv4(site: Site) -> str:
    return f"({site.args[0]} RLIKE {_V4_TEXT})"


@shows("is_ipv6")
def _is_ipv6(site: Site) -> str:
    return f"({site.args[0]} RLIKE {text_of(_v6())})"


@shows("ipv4_to_int")
def _to_int(site: Site) -> str:
    return f"{_v4_number(site.library)}({site.args[0]})"


@shows("ipv4_from_int")
def _from_int(site: Site) -> str:
    parts = ", '.', ".join(f"CAST(shiftright(x, {shift}) & 255L AS STRING)" for shift in (24, 16, 8, 0))
    body = f"CASE WHEN x BETWEEN 0L AND 4294967295L THEN concat({parts}) END"
    return site.sql("ipv4_text", "x BIGINT", "STRING", body)


@shows("in_cidr")
def _in_cidr(site: Site) -> str:
    networks = [network(text) for text in site.options["networks"]]
    if any(network.version == 6 for network in networks):
        return f"{site.library.python('addresses', 'in_cidr', 'boolean', site.options['networks'])}({site.args[0]})"
    return _within(site, "in_cidr", networks, "FALSE")


@shows("is_private")
def _is_private(site: Site) -> str:
    # fc00::/7: a first group of four digits that begins with fc or fd.
    return _within(site, "is_private", [network(text) for text in _PRIVATE], "s RLIKE '\\\\A[Ff][CcDd]'")


def _within(site: Site, name: str, networks: list[Any], six: str) -> str:
    """Return whether an address lies in networks of IPv4, and what holds for those of IPv6."""
    tests = " OR ".join(f"v BETWEEN {int(n[0])}L AND {int(n[-1])}L" for n in networks)
    body = f"CASE WHEN v IS NOT NULL THEN {tests} WHEN s RLIKE {text_of(_v6())} THEN {six} END"
    called = site.library.sql(name, "s STRING, v BIGINT", "BOOLEAN", body)
    return f"{called}({site.args[0]}, {_v4_number(site.library)}({site.args[0]}))"


@shows("ip_prefix")
def _ip_prefix(site: Site) -> str:
    options = site.options
    return f"{site.library.python('addresses', 'ip_prefix', 'string', options['v4'], options['v6'])}({site.args[0]})"
