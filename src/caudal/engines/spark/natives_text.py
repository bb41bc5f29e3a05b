"""The functions of the catalogue over text, addresses and times, and casts, as Spark SQL."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import BINARY, BOOL, STRING, TIMESTAMP, DataType
from caudal.engines.spark import patterns
from caudal.engines.spark.library import Library
from caudal.engines.spark.natives import INFINITY, Site, shows
from caudal.engines.spark.spelling import literal, text_of, type_of

_BLANKS = text_of(" \t\n\r\v\f")
_INT_MAX = 2**31 - 1

# Text.


@shows("lower", "upper")
def _mapped(site: Site) -> str:
    # Java's whole-text rules (final sigma, SS for the sharp s) are not pinned: what is not ASCII goes by a table.
    froms, tos = _simple_case(site.function)
    body = (
        f"CASE WHEN octet_length(s) = char_length(s) THEN {site.function}(s)"
        f" ELSE translate(s, {text_of(froms)}, {text_of(tos)}) END"
    )
    return site.sql(site.function, "s STRING", "STRING", body)


@lru_cache(2)
def _simple_case(function: str) -> tuple[str, str]:
    """Return the characters that change, and what each becomes: that of the local engine's library."""
    import pyarrow as pa
    import pyarrow.compute as pc

    every = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    mapped: Any = getattr(pc, f"utf8_{function}")(pa.array(every, pa.string())).to_pylist()
    pairs = [(a, b) for a, b in zip(every, mapped) if a != b]
    return "".join(a for a, _ in pairs), "".join(b for _, b in pairs)


@shows("reverse", "concat")
def _named_alike(site: Site) -> str:
    return f"{site.function}({', '.join(site.args)})"


@shows("starts_with", "ends_with", "contains")
def _tests(site: Site) -> str:
    return f"{site.function.replace('_', '')}({site.args[0]}, {site.args[1]})"


@shows("length", "byte_length")
def _length(site: Site) -> str:
    return f"CAST({'char' if site.function == 'length' else 'octet'}_length({site.args[0]}) AS BIGINT)"


@shows("trim", "ltrim", "rtrim")
def _trim(site: Site) -> str:
    where = {"trim": "BOTH", "ltrim": "LEADING", "rtrim": "TRAILING"}[site.function]
    return f"trim({where} {_BLANKS} FROM {site.args[0]})"


@shows("find")
def _find(site: Site) -> str:
    return f"(CAST(nullif(instr({site.args[0]}, {site.args[1]}), 0) AS BIGINT) - 1L)"


@shows("replace")
def _replace(site: Site) -> str:
    old, new = site.options["old"], site.options["new"]
    if not old:
        raise PlanError("replace() needs a text to look for that is not empty")
    return f"replace({site.args[0]}, {text_of(old)}, {text_of(new)})"


@shows("split")
def _split(site: Site) -> str:
    separator = site.options["separator"]
    if not separator:
        raise PlanError("split() needs a separator that is not empty")
    return f"split({site.args[0]}, {text_of(patterns.quoted(separator))}, -1)"


@shows("slice")
def _slice(site: Site) -> str:
    text = site.args[0]
    counts = [site.constant(i) for i in range(1, len(site.args))]
    if all(count is not None and count >= 0 for count in counts) and counts[0] < _INT_MAX:
        most = f", {min(counts[1], _INT_MAX)}" if len(counts) > 1 else ""
        return f"substring({text}, {counts[0] + 1}{most})"
    # substring() counts from 1, takes 0 for 1, INT, and cuts what stands before the beginning off the length.
    start = "CASE WHEN i >= 0L THEN least(i, 2147483646L) ELSE greatest(char_length(s) + i, 0L) END"
    place = f"CAST({start} AS INT) + 1"
    if len(counts) == 1:
        body = f"CASE WHEN i IS NOT NULL THEN substring(s, {place}) END"
        return site.sql("slice", "s STRING, i BIGINT", "STRING", body)
    most = "CAST(greatest(least(n, 2147483647L), 0L) AS INT)"
    body = f"CASE WHEN i IS NOT NULL AND n IS NOT NULL THEN substring(s, {place}, {most}) END"
    return site.sql("slice", "s STRING, i BIGINT, n BIGINT", "STRING", body)


@shows("like")
def _like(site: Site) -> str:
    text, parts = site.args[0], _like_parts(site.options["pattern"])
    exact = [p for p in parts if not _wild(p)]
    if len(exact) <= 1 and "_" not in parts:
        needle = text_of(exact[0][1:] if exact else "")
        head, tail = _wild(parts[0]), _wild(parts[-1])
        name = "contains" if head and tail else "endswith" if head else "startswith" if tail else ""
        return f"{name}({text}, {needle})" if name else f"({text} = {needle})"
    # Spark refuses a backslash before any other character, so the pattern is written anew.
    pattern = "".join(p if _wild(p) else re.sub(r"([\\%_])", r"\\\1", p[1:]) for p in parts)
    return f"({text} LIKE {text_of(pattern)})"


def _wild(part: str) -> bool:
    return part in ("%", "_")


def _like_parts(pattern: str) -> list[str]:
    """Return `%`, `_` and, behind an equals sign, literal texts; at least one."""
    parts: list[str] = []
    for token in re.findall(r"\\.|[%_]|[^\\%_]+|\\", pattern, re.DOTALL):
        if token == "%" and parts[-1:] == ["%"]:
            continue
        if token in ("%", "_"):
            parts.append(token)
            continue
        text = token[1:] if len(token) == 2 and token[0] == "\\" else token
        if parts and not _wild(parts[-1]):
            parts[-1] += text
        else:
            parts.append("=" + text)
    return parts or ["="]


# Patterns: Java's where it means the same, else RE2 in a Python worker.


@shows("matches")
def _matches(site: Site) -> str:
    pattern = site.options["pattern"]
    _check_pattern(pattern)
    java = patterns.to_java(pattern)
    if java is not None:
        return f"({site.args[0]} RLIKE {text_of(java.text)})"
    return f"{site.library.python('text', 'matches', 'boolean', pattern)}({site.args[0]})"


@shows("regexp_extract")
def _extract(site: Site) -> str:
    pattern, group = site.options["pattern"], site.options["group"]
    _check_pattern(pattern)
    whole = rf"\A(?s:.*?)(?:{pattern})(?s:.*)\z" if group else rf"\A(?s:.*?)({pattern})(?s:.*)\z"
    _check_rewrite(whole, rf"\{group or 1}", f"the regular expression '{pattern}' has no group {group}")
    java = patterns.to_java(pattern)
    if java is not None:
        # regexp_extract is empty without a match.
        found = text_of(java.text)
        body = f"CASE WHEN s RLIKE {found} THEN regexp_extract(s, {found}, {group}) END"
        return site.sql("extract", "s STRING", "STRING", body)
    return f"{site.library.python('text', 'regexp_extract', 'string', pattern, group)}({site.args[0]})"


@shows("regexp_replace")
def _replace_pattern(site: Site) -> str:
    pattern, replacement = site.options["pattern"], site.options["replacement"]
    _check_pattern(pattern)
    _check_rewrite(pattern, replacement, f"invalid replacement '{replacement}' for '{pattern}'")
    java = patterns.to_java(pattern)
    if java is not None and not java.can_be_empty and java.groups < 10:
        rewrite = re.sub(r"\\(.)|([$])", _java_rewrite, replacement, flags=re.DOTALL)
        return f"regexp_replace({site.args[0]}, {text_of(java.text)}, {text_of(rewrite)})"
    return f"{site.library.python('text', 'regexp_replace', 'string', pattern, replacement)}({site.args[0]})"


def _java_rewrite(token: re.Match[str]) -> str:
    if token.group(2):
        return "\\$"
    return f"${token.group(1)}" if token.group(1).isdigit() else "\\" + token.group(1)


def _check_pattern(pattern: str) -> None:
    """Raise `PlanError` unless this is a regular expression in RE2's syntax."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([""], pa.string()), pattern)  # type: ignore[attr-defined]
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        raise PlanError(
            f"invalid regular expression '{pattern}': {reason}",
            hint="the syntax is RE2's: no look-around, no back-references",
        ) from error


def _check_rewrite(pattern: str, replacement: str, message: str) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.replace_substring_regex(pa.array([""], pa.string()), pattern, replacement)  # type: ignore[attr-defined]
    except pa.ArrowInvalid as error:
        raise PlanError(
            message, detail=str(error), hint=r"\0 is the match, \1 to \9 its groups, \\ a backslash"
        ) from error


# Addresses.

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
    networks = [_network(text) for text in site.options["networks"]]
    if any(network.version == 6 for network in networks):
        return f"{site.library.python('addresses', 'in_cidr', 'boolean', site.options['networks'])}({site.args[0]})"
    return _within(site, "in_cidr", networks, "FALSE")


@shows("is_private")
def _is_private(site: Site) -> str:
    # fc00::/7: a first group of four digits that begins with fc or fd.
    return _within(site, "is_private", [_network(text) for text in _PRIVATE], "s RLIKE '\\\\A[Ff][CcDd]'")


def _within(site: Site, name: str, networks: list[Any], six: str) -> str:
    """Return whether an address lies in networks of IPv4, and what holds for those of IPv6."""
    tests = " OR ".join(f"v BETWEEN {int(n[0])}L AND {int(n[-1])}L" for n in networks)
    body = f"CASE WHEN v IS NOT NULL THEN {tests} WHEN s RLIKE {text_of(_v6())} THEN {six} END"
    called = site.library.sql(name, "s STRING, v BIGINT", "BOOLEAN", body)
    return f"{called}({site.args[0]}, {_v4_number(site.library)}({site.args[0]}))"


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError as error:
        raise PlanError(
            f"'{text}' is no network", detail=str(error), hint="write it as 10.0.0.0/8 or 2001:db8::/32"
        ) from error
    if "%" in text:
        raise PlanError(f"'{text}' is no network", hint="leave out the zone")
    return network


@shows("ip_prefix")
def _ip_prefix(site: Site) -> str:
    options = site.options
    return f"{site.library.python('addresses', 'ip_prefix', 'string', options['v4'], options['v6'])}({site.args[0]})"


# Times: BIGINT milliseconds. Every int64 has its parts, far beyond Spark's own calendar, which repeats in 400 years.

_DAY, _ERA = 86_400_000, 146_097
_DAYS = f"(t div {_DAY}L + shiftright(t % {_DAY}L, 63))"
_DATE = f"date_from_unix_date(CAST(pmod({_DAYS}, {_ERA}L) AS INT))"
_PARTS = {
    "year": f"CAST(year({_DATE}) AS BIGINT) + 400L * ({_DAYS} div {_ERA}L + shiftright({_DAYS} % {_ERA}L, 63))",
    "month": f"CAST(month({_DATE}) AS BIGINT)",
    "day": f"CAST(day({_DATE}) AS BIGINT)",
    "ordinal_day": f"CAST(dayofyear({_DATE}) AS BIGINT)",
    "weekday": f"pmod({_DAYS} + 3L, 7L) + 1L",
}
_CLOCK = {
    "hour": f"(pmod({{0}}, {_DAY}L) div 3600000L)",
    "minute": "(pmod({0}, 3600000L) div 60000L)",
    "second": "(pmod({0}, 60000L) div 1000L)",
    "millisecond": "pmod({0}, 1000L)",
}
_DIRECTIVES = {
    "m": ("month", 2),
    "d": ("day", 2),
    "H": ("hour", 2),
    "M": ("minute", 2),
    "S": ("second", 2),
    "f": ("millisecond", 3),
    "j": ("ordinal_day", 3),
}


@shows(*_PARTS, *_CLOCK)
def _part(site: Site) -> str:
    return _time_part(site.library, site.function, site.args[0])


def _time_part(library: Library, name: str, text: str) -> str:
    if name in _CLOCK:
        return _CLOCK[name].format(text)
    return f"{library.sql(name, 't BIGINT', 'BIGINT', _PARTS[name])}({text})"


@shows("date_trunc")
def _truncate(site: Site) -> str:
    if _is_name(site.args[0]):
        return f"({site.args[0]} - pmod({site.args[0]}, {site.options['every']}L))"
    return site.sql("truncate", "t BIGINT", "BIGINT", f"t - pmod(t, {site.options['every']}L)")


def _is_name(text: str) -> bool:
    """Whether the text is a column's name, which may stand twice."""
    return re.fullmatch(r"`[^`]+`", text) is not None


@shows("now")
def _now(site: Site) -> str:
    return "unix_millis(current_timestamp())"


@shows("strftime")
def _format(site: Site) -> str:
    pieces = re.findall(r"%.|[^%]+|%", site.options["format"], re.DOTALL)
    parts: list[str] = []
    for piece in pieces:
        if piece[0] != "%" or piece == "%%":
            parts.append(text_of(piece if piece != "%%" else "%"))
        elif piece[1:] == "s":
            parts.append("CAST(t div 1000L + shiftright(t % 1000L, 63) AS STRING)")
        elif piece[1:] == "Y":
            parts.append(_year_text(site.library))
        elif piece[1:] in _DIRECTIVES:
            name, width = _DIRECTIVES[piece[1:]]
            parts.append(f"lpad(CAST({_time_part(site.library, name, 't')} AS STRING), {width}, '0')")
        else:
            known = " ".join(f"%{d}" for d in ("Y", *_DIRECTIVES))
            raise PlanError(
                f"unknown directive '{piece}' in the format '{site.options['format']}'", hint=f"known: {known} %s %%"
            )
    body = f"CASE WHEN t IS NOT NULL THEN concat({', '.join(parts) or text_of('')}) END"
    return site.sql("strftime", "t BIGINT", "STRING", body)


def _year_text(library: Library, plus: str = "") -> str:
    """Return the year of `t` as text: a sign where it is below 0 (or `plus` above 9999), at least four digits."""
    year = f"{library.sql('year', 't BIGINT', 'BIGINT', _PARTS['year'])}(t)"
    above = f" WHEN y > 9999L THEN {text_of(plus)}" if plus else ""
    digits = "lpad(CAST(abs(y) AS STRING), greatest(4, char_length(CAST(abs(y) AS STRING))), '0')"
    body = f"concat(CASE WHEN y < 0L THEN '-'{above} ELSE '' END, {digits})"
    return f"{library.sql('signed_year_text' if plus else 'year_text', 'y BIGINT', 'STRING', body)}({year})"


def _iso_text(library: Library) -> str:
    two = "lpad(CAST({} AS STRING), 2, '0')"
    month, day, hour, minute, second = (
        two.format(_time_part(library, name, "t")) for name in ("month", "day", "hour", "minute", "second")
    )
    milli = f"lpad(CAST({_time_part(library, 'millisecond', 't')} AS STRING), 3, '0')"
    parts = [_year_text(library, "+"), "'-'", month, "'-'", day, "'T'", hour, "':'", minute, "':'", second, "'.'", milli]
    return library.sql("time_text", "t BIGINT", "STRING", f"concat({', '.join(parts)}, 'Z')")


_CLOCK_PATTERN = "(?:[01][0-9]|2[0-3])"
_ISO = (
    r"\A(?!0000)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ]"
    rf"{_CLOCK_PATTERN}:[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
    rf"(?:[Zz]|[+-]{_CLOCK_PATTERN}(?::?[0-5][0-9])?)?)?\z"
)
_ISO_PARTS = (r"\A.{16}[^+-]*([+-])([0-9]{2}):?([0-9]{0,2})\z", "[.,]([0-9]{1,3})")
_FIRST, _LAST = -62_135_596_800_000, 253_402_300_799_999


def _iso_time(library: Library) -> str:
    """Return the function from ISO 8601 text to milliseconds: checked by a pattern, then taken apart."""

    def number(text: str, scale: int) -> str:
        return f"coalesce(TRY_CAST({text} AS BIGINT), 0L) * {scale}L"

    zone, milli = (text_of(p) for p in _ISO_PARTS)
    minutes = f"{number(f'regexp_extract(s, {zone}, 2)', 60)} + {number(f'regexp_extract(s, {zone}, 3)', 1)}"
    parts = [
        f"CAST(unix_date(TRY_CAST(substring(s, 1, 10) AS DATE)) AS BIGINT) * {_DAY}L",
        number("substring(s, 12, 2)", 3_600_000),
        number("substring(s, 15, 2)", 60_000),
        number("CASE WHEN substring(s, 17, 1) = ':' THEN substring(s, 18, 2) END", 1_000),
        number(f"rpad(regexp_extract(s, {milli}, 1), 3, '0')", 1),
        f"CASE WHEN regexp_extract(s, {zone}, 1) = '-' THEN 60000L ELSE -60000L END * ({minutes})",
    ]
    whole = library.sql("time_in_range", "t BIGINT", "BIGINT", f"CASE WHEN t BETWEEN {_FIRST}L AND {_LAST}L THEN t END")
    body = f"{whole}(CASE WHEN s RLIKE {text_of(_ISO)} THEN {' + '.join(parts)} END)"
    return library.sql("time_of_text", "s STRING", "BIGINT", body)


@shows("strptime")
def _parse(site: Site) -> str:
    time_format = site.options["format"]
    if not time_format:
        return f"{_iso_time(site.library)}({site.args[0]})"
    from caudal.columnar.times import check_format

    check_format(time_format)
    return f"{site.library.python('times', 'strptime', 'bigint', time_format)}({site.args[0]})"


# Casts: null where a value does not fit.

_INTEGER = text_of(r"\A[+-]?[0-9]{1,19}\z")
_FLOAT = text_of(r"\A[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?\z")


@shows("cast")
def _cast(site: Site) -> str:
    source, target = site.types[0], site.result
    text, spelled = site.args[0], type_of(site.result)
    if source == target:
        return text
    if target == STRING:
        return _to_text(site, source)
    if source == STRING:
        return _from_text(site, target)
    if target == BOOL:
        return f"({text} <> {literal(0, source)})" if not source.is_float else f"({text} <> 0D)"
    if source.is_float and target.is_integer:
        wide = text if source.name == "float64" else f"CAST({text} AS DOUBLE)"
        found = f"TRY_CAST({wide} AS {spelled})"
        # 2**63 itself is cut to the greatest integer, which no other float becomes.
        return found if target.name == "int32" else f"nullif({found}, 9223372036854775807L)"
    if target.name == "int32":
        return f"TRY_CAST({text} AS INT)"
    return f"CAST({text} AS {spelled})"


def _to_text(site: Site, source: DataType) -> str:
    text = site.args[0]
    if source == BINARY:
        return f"try_validate_utf8(CAST({text} AS STRING))"
    if source == TIMESTAMP:
        return f"{_iso_text(site.library)}({text})"
    if source.is_float:
        name = "double_text" if source.name == "float64" else "float_text"
        return f"{site.library.python('numbers', name, 'string')}({text})"
    return f"CAST({text} AS STRING)"


def _from_text(site: Site, target: DataType) -> str:
    name = target.name
    if target == BINARY:
        return f"CAST({site.args[0]} AS BINARY)"
    if target == TIMESTAMP:
        return f"{_iso_time(site.library)}({site.args[0]})"
    if target == BOOL:
        body = "CASE WHEN lower(s) IN ('true', '1') THEN TRUE WHEN lower(s) IN ('false', '0') THEN FALSE END"
        return site.sql("bool_of_text", "s STRING", "BOOLEAN", body)
    if target.is_integer:
        body = f"CASE WHEN s RLIKE {_INTEGER} THEN TRY_CAST(s AS {type_of(target)}) END"
        return site.sql(f"{name}_of_text", "s STRING", type_of(target), body)
    number = f"nullif(nullif(CAST(s AS DOUBLE), {INFINITY}), negative({INFINITY}))"
    body = f"CASE WHEN s RLIKE {_FLOAT} THEN {number} END"
    found = site.sql("double_of_text", "s STRING", "DOUBLE", body)
    return found if name == "float64" else f"CAST({found} AS FLOAT)"
