"""IP addresses in text: what they are by patterns, IPv4 as a BIGINT; which one a text names in a Python worker."""

from __future__ import annotations

from collections.abc import Sequence

from caudal.core.addresses import PRIVATE_NETWORKS
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import text_of
from caudal.plan.checks import network

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_V4_TEXT = text_of(rf"\A{_V4}\z")
_H = "[0-9A-Fa-f]{1,4}"


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
    return _within(site, site.options["networks"])


@shows("is_private")
def _is_private(site: Site) -> str:
    return _within(site, PRIVATE_NETWORKS)


def _within(site: Site, networks: Sequence[str]) -> str:
    known = tuple(str(network(text)) for text in networks)
    return f"{site.library.python('addresses', 'in_cidr', 'boolean', known)}({site.args[0]})"


@shows("canonical")
def _canonical(site: Site) -> str:
    return f"{site.library.python('addresses', 'canonical', 'string')}({site.args[0]})"


@shows("ip_prefix")
def _ip_prefix(site: Site) -> str:
    options = site.options
    return f"{site.library.python('addresses', 'ip_prefix', 'string', options['v4'], options['v6'])}({site.args[0]})"
