"""The functions of text and addresses, and the casts, in Flink SQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute

from caudal.columnar.regex import check_pattern, check_rewrite
from caudal.core.addresses import PRIVATE_NETWORKS
from caudal.core.errors import PlanError
from caudal.core.types import BINARY, BOOL, FLOAT32, STRING, TIMESTAMP, DataType
from caudal.engines.flink.natives import LARGEST, Site, bool_text, known, shows
from caudal.engines.flink.natives_time import iso_text, parsed_iso
from caudal.engines.flink.spelling import bigint, literal, text_of, type_of
from caudal.engines.jvm import patterns
from caudal.plan.checks import network
from caudal.plan.like import like_parts, like_regex, plain_like

pc: Any = pyarrow.compute
_LONGEST = 1_000_000_000
"""No text has more characters; so much can be added to an INT without leaving its range."""


@shows("length")
def _length(site: Site) -> str:
    return f"CAST(CHAR_LENGTH({site.args[0]}) AS BIGINT)"


@shows("byte_length")
def _byte_length(site: Site) -> str:
    a = site.args[0]
    if site.types[0] == STRING:
        return f"CAST(CHAR_LENGTH(HEX({a})) / 2 AS BIGINT)"
    return f"CAST(CHAR_LENGTH(TRIM(TRAILING '=' FROM TO_BASE64({a}))) * 3 / 4 AS BIGINT)"


_BLANKS = text_of(" \t\n\x0b\x0c\r")


@shows("trim", "ltrim", "rtrim")
def _trim(site: Site) -> str:
    return f"{'BTRIM' if site.function == 'trim' else site.function.upper()}({site.args[0]}, {_BLANKS})"


@shows("lower", "upper")
def _letters(site: Site) -> str:
    # Java maps some letters to several and one by what stands beside it, and knows fewer letters.
    a = site.args[0]
    small, large = mapped(site.function)
    return (
        f"(CASE WHEN REGEXP({a}, '[^\\x00-\\x7F]') THEN TRANSLATE({a}, '{small}', '{large}')"
        f" ELSE {site.function.upper()}({a}) END)"
    )


@lru_cache
def mapped(name: str) -> tuple[str, str]:
    """Return all letters that `lower` or `upper` changes, and what it makes of each."""
    letters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    function = pc.utf8_lower if name == "lower" else pc.utf8_upper
    pairs = [(a, b) for a, b in zip(letters, function(pa.array(letters)).to_pylist()) if a != b]
    return "".join(a for a, _ in pairs), "".join(b for _, b in pairs)


@shows("starts_with", "ends_with")
def _affix(site: Site) -> str:
    return f"{'STARTSWITH' if site.function == 'starts_with' else 'ENDSWITH'}({', '.join(site.args)})"


@shows("contains")
def _contains(site: Site) -> str:
    return f"(LOCATE({site.args[1]}, {site.args[0]}) > 0)"


@shows("find")
def _find(site: Site) -> str:
    place = f"LOCATE({site.args[1]}, {site.args[0]})"
    return f"(CASE WHEN {place} > 0 THEN CAST({place} - 1 AS BIGINT) ELSE {literal(None, site.result)} END)"


@shows("concat")
def _concat(site: Site) -> str:
    return f"CONCAT({', '.join(site.args)})"


@shows("reverse")
def _reverse(site: Site) -> str:
    return f"REVERSE({site.args[0]})"


@shows("replace")
def _replace(site: Site) -> str:
    old, new = site.options["old"], site.options["new"]
    if not old:
        raise PlanError("replace() needs a text to look for that is not empty")
    return f"REPLACE({site.args[0]}, {literal(old, STRING)}, {literal(new, STRING)})"


@shows("split")
def _split(site: Site) -> str:
    a, separator = site.args[0], site.options["separator"]
    if not separator:
        raise PlanError("split() needs a separator that is not empty")
    empty = literal("", STRING)
    return f"(CASE WHEN {a} = {empty} THEN ARRAY[{empty}] ELSE SPLIT({a}, {literal(separator, STRING)}) END)"


@shows("slice")
def _slice(site: Site) -> str:
    a, offset = site.args[:2]
    size = f"CHAR_LENGTH({a})"
    at = site.constant(1)
    if at is not None and at >= 0:
        start = str(min(at, _LONGEST) + 1)
    elif at is not None:
        start = f"(GREATEST({size} - {min(-at, _LONGEST)}, 0) + 1)"
    else:
        clipped = f"GREATEST(LEAST({offset}, {bigint(_LONGEST)}), {bigint(-_LONGEST)})"
        start = (
            f"CAST((CASE WHEN {offset} < 0 THEN GREATEST({size} + {clipped}, {bigint(0)})"
            f" ELSE {clipped} END) + 1 AS INT)"
        )
    if len(site.args) == 2:
        return f"SUBSTRING({a}, {start})"
    most = site.constant(2)
    if most is not None:
        length = str(min(max(most, 0), _LONGEST))
    else:
        length = f"CAST(GREATEST(LEAST({site.args[2]}, {bigint(_LONGEST)}), {bigint(0)}) AS INT)"
    return f"SUBSTRING({a}, {start}, {length})"


# Patterns.


@shows("like")
def _like(site: Site) -> str:
    a, parts = site.args[0], like_parts(site.options["pattern"])
    plain = plain_like(parts)
    if plain is None:
        return f"REGEXP({a}, {text_of(like_regex(parts, patterns.quoted))})"
    name, text = plain
    needle = literal(text, STRING)
    if name == "contains":
        return f"(LOCATE({needle}, {a}) > 0)"
    if name == "equals":
        return f"({a} = {needle})"
    return f"{'ENDSWITH' if name == 'ends_with' else 'STARTSWITH'}({a}, {needle})"


def _java(pattern: patterns.Pattern) -> str:
    """Return the pattern as a constant; Flink finds an empty one nowhere."""
    return text_of(pattern.text or "(?:)")


@shows("matches")
def _matches(site: Site) -> str:
    pattern = site.options["pattern"]
    check_pattern(pattern)
    java = patterns.to_java(pattern)
    if java is not None:
        return f"REGEXP({site.args[0]}, {_java(java)})"
    return site.worker("text", "matches", "STRING", "BOOLEAN", pattern)(site.args[0])


@shows("regexp_extract")
def _extract(site: Site) -> str:
    a, pattern, group = site.args[0], site.options["pattern"], site.options["group"]
    check_pattern(pattern)
    check_rewrite(
        f"(?:{pattern})" if group else f"({pattern})",
        rf"\{group or 1}",
        f"the regular expression '{pattern}' has no group {group}",
    )
    java = patterns.to_java(pattern)
    if java is not None:
        found = _java(java)
        taken = f"REGEXP_EXTRACT({a}, {found}, {group})"
        empty = literal("", STRING)
        return f"(CASE WHEN REGEXP({a}, {found}) THEN COALESCE({taken}, {empty}) ELSE {literal(None, STRING)} END)"
    return site.worker("text", "regexp_extract", "STRING", "STRING", pattern, group)(site.args[0])


@shows("regexp_replace")
def _replace_regex(site: Site) -> str:
    a, pattern, replacement = site.args[0], site.options["pattern"], site.options["replacement"]
    check_pattern(pattern)
    check_rewrite(pattern, replacement, f"invalid replacement '{replacement}' for '{pattern}'")
    java = patterns.to_java(pattern)
    if java is not None and not java.can_be_empty and "\\" not in replacement:
        return f"REGEXP_REPLACE({a}, {_java(java)}, {literal(replacement, STRING)})"
    return site.worker("text", "regexp_replace", "STRING", "STRING", pattern, replacement)(site.args[0])


# Addresses: IPv4 as numbers; of IPv6 the form, by a pattern. What needs its 128 bits runs in a worker.

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_QUAD = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
V4 = text_of(rf"\A{_QUAD}\z")


def _v6() -> str:
    """Return the pattern of IPv6: eight groups, or fewer around one `::`; two of the last may be a dotted quad.

    What follows the last group that is surely hexadecimal may be the quad: its own form is looked at ahead.
    """
    group, quad = "[0-9A-Fa-f]{1,4}", "[0-9]+[.][0-9.]+"
    forms = [rf"(?:{group}:){{7}}{group}", rf"(?:{group}:){{6}}{quad}"]
    for before in range(8):
        head = "" if before == 0 else group if before == 1 else rf"{group}(?::{group}){{{before - 1}}}"
        tails = [""]
        if before < 7:
            tails.append(rf"{group}(?::{group}){{0,{6 - before}}}")
        if before < 6:
            tails.append(rf"(?:{group}:){{0,{5 - before}}}{quad}")
        forms.append(f"{head}::(?:{'|'.join(tails)})")
    return rf"\A(?=[0-9A-Fa-f:]*(?::{_QUAD})?\z)(?:{'|'.join(forms)})\z"


V6 = text_of(_v6())


@shows("is_ipv4", "is_ipv6")
def _is_address(site: Site) -> str:
    return f"REGEXP({site.args[0]}, {V4 if site.function == 'is_ipv4' else V6})"


@shows("in_cidr")
def _in_cidr(site: Site) -> str:
    return _within(site, site.options["networks"])


@shows("is_private")
def _is_private(site: Site) -> str:
    return _within(site, PRIVATE_NETWORKS)


def _within(site: Site, networks: Sequence[str]) -> str:
    known = tuple(str(network(text)) for text in networks)
    return site.worker("addresses", "in_cidr", "STRING", "BOOLEAN", known)(site.args[0])


@shows("canonical")
def _canonical(site: Site) -> str:
    return site.worker("addresses", "canonical", "STRING", "STRING")(site.args[0])


@shows("ipv4_to_int")
def _to_int(site: Site) -> str:
    return f"(CASE WHEN REGEXP({site.args[0]}, {V4}) THEN INET_ATON({site.args[0]}) END)"


@shows("ipv4_from_int")
def _from_int(site: Site) -> str:
    return f"(CASE WHEN {site.args[0]} BETWEEN 0 AND 4294967295 THEN INET_NTOA({site.args[0]}) END)"


@shows("ip_prefix")
def _prefix(site: Site) -> str:
    v4, v6 = site.options["v4"], site.options["v6"]
    return site.worker("addresses", "ip_prefix", "STRING", "STRING", v4, v6)(site.args[0])


# Casts.

_INTEGER = r"'\A[+-]?[0-9]{1,19}\z'"
_FLOAT = r"'\A[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?\z'"


@shows("cast")
def _cast(site: Site) -> str:
    a, source, target = site.args[0], site.types[0], site.result
    if type_of(source) == type_of(target):
        return a
    if target == STRING:
        return _to_text(site, a, source)
    if source == STRING:
        return _from_text(a, target)
    if target == BOOL:
        return f"({a} <> {'0E0' if source.is_float else '0'})"
    if source == BOOL:
        known = site.constant(0)
        if known is not None:
            return literal(float(known) if target.is_float else int(known), target)
        number = f"CAST({a} AS INT)"
        return number if target.name == "int32" else f"CAST({number} AS {type_of(target)})"
    if target.is_float:
        return f"CAST({a} AS {type_of(target)})"
    null = literal(None, target)
    if source.is_float:
        wide = f"CAST({a} AS DOUBLE)" if source == FLOAT32 else a
        test = (
            f"{wide} > -2147483649E0 AND {wide} < 2147483648E0"
            if target.name == "int32"
            else f"{wide} >= -9223372036854775808E0 AND {wide} < 9223372036854775808E0"
        )
        return f"(CASE WHEN {test} THEN CAST({wide} AS {type_of(target)}) ELSE {null} END)"
    if target.name == "int32":
        return f"(CASE WHEN {a} BETWEEN -2147483648 AND 2147483647 THEN CAST({a} AS INT) ELSE {null} END)"
    return f"CAST({a} AS {type_of(target)})"


def _from_text(a: str, target: DataType) -> str:
    null = literal(None, target)
    if target == BINARY:
        return f"CAST({a} AS BYTES)"
    if target == TIMESTAMP:
        return parsed_iso(a)
    if target == BOOL:
        return f"(CASE WHEN LOWER({a}) IN ('true', '1') THEN TRUE WHEN LOWER({a}) IN ('false', '0') THEN FALSE END)"
    if target.is_integer:
        return f"(CASE WHEN REGEXP({a}, {_INTEGER}) THEN TRY_CAST({a} AS {type_of(target)}) ELSE {null} END)"
    number = f"CAST({a} AS DOUBLE)"
    finite = f"REGEXP({a}, {_FLOAT}) AND ABS(TRY_CAST({a} AS DOUBLE)) <= {LARGEST}"
    shown = f"CAST({number} AS FLOAT)" if target == FLOAT32 else number
    return f"(CASE WHEN {finite} THEN {shown} ELSE {null} END)"


def _to_text(site: Site, a: str, source: DataType) -> str:
    null = literal(None, STRING)
    if source == BOOL:
        return bool_text(a)
    if source == TIMESTAMP:
        return iso_text(a)
    if source == BINARY:  # what is no UTF-8 does not come back the same
        return f"(CASE WHEN CAST(CAST({a} AS STRING) AS BYTES) = {a} THEN CAST({a} AS STRING) ELSE {null} END)"
    if not source.is_float:
        return f"CAST({a} AS STRING)"
    # Java's digits are not always the fewest. A null would reach the worker as NaN.
    kind, zero = ("FLOAT", "CAST(0E0 AS FLOAT)") if source == FLOAT32 else ("DOUBLE", "0E0")
    function = site.worker("numbers", "float_text" if source == FLOAT32 else "double_text", kind, "STRING")
    return known((a,), function(f"COALESCE({a}, {zero})"), STRING)
