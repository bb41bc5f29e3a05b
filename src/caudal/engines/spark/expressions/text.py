"""Functions of strings. Patterns are Java's where it means the same, else RE2 in a Python worker."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from caudal.columnar.regex import check_pattern, check_rewrite
from caudal.core.errors import PlanError
from caudal.engines.jvm import patterns
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import text_of
from caudal.plan.like import like_parts, plain_like

_BLANKS = text_of(" \t\n\r\v\f")
_INT_MAX = 2**31 - 1


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
    text, parts = site.args[0], like_parts(site.options["pattern"])
    plain = plain_like(parts)
    if plain is not None:
        name, needle = plain[0].replace("_", ""), text_of(plain[1])
        return f"({text} = {needle})" if name == "equals" else f"{name}({text}, {needle})"
    # Spark refuses a backslash before any other character, so the pattern is written anew.
    pattern = "".join(re.sub(r"([\\%_])", r"\\\1", p) if isinstance(p, str) else p.value for p in parts)
    return f"({text} LIKE {text_of(pattern)})"


@shows("matches")
def _matches(site: Site) -> str:
    pattern = site.options["pattern"]
    check_pattern(pattern)
    java = patterns.to_java(pattern)
    if java is not None:
        return f"({site.args[0]} RLIKE {text_of(java.text)})"
    return f"{site.library.python('text', 'matches', 'boolean', pattern)}({site.args[0]})"


@shows("regexp_extract")
def _extract(site: Site) -> str:
    pattern, group = site.options["pattern"], site.options["group"]
    check_pattern(pattern)
    whole = rf"\A(?s:.*?)(?:{pattern})(?s:.*)\z" if group else rf"\A(?s:.*?)({pattern})(?s:.*)\z"
    check_rewrite(whole, rf"\{group or 1}", f"the regular expression '{pattern}' has no group {group}")
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
    check_pattern(pattern)
    check_rewrite(pattern, replacement, f"invalid replacement '{replacement}' for '{pattern}'")
    java = patterns.to_java(pattern)
    if java is not None and not java.can_be_empty and java.groups < 10:
        rewrite = re.sub(r"\\(.)|([$])", _java_rewrite, replacement, flags=re.DOTALL)
        return f"regexp_replace({site.args[0]}, {text_of(java.text)}, {text_of(rewrite)})"
    return f"{site.library.python('text', 'regexp_replace', 'string', pattern, replacement)}({site.args[0]})"


def _java_rewrite(token: re.Match[str]) -> str:
    if token.group(2):
        return "\\$"
    return f"${token.group(1)}" if token.group(1).isdigit() else "\\" + token.group(1)
