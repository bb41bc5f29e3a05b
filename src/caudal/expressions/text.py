"""Functions of strings: views are cut without a copy; the rest is pyarrow.compute, with RE2 for patterns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from caudal.columnar.column import Column, Fixed, Text
from caudal.columnar.regex import check_pattern, check_rewrite
from caudal.core.errors import PlanError
from caudal.core.types import BOOL, INT64
from caudal.expressions import text_kernels as tk
from caudal.expressions.comparison import text_equal
from caudal.expressions.kernel import (
    Kernel,
    Site,
    bools,
    constant,
    implements,
    known,
    pc,
    step,
    text_of,
    validity,
)
from caudal.plan.like import like_parts, like_regex, plain_like

_EVERYTHING = np.full(1, 2**62, np.int64)


@implements("lower", "upper", "reverse")
def _mapped(site: Site) -> Kernel:
    function = {"lower": pc.utf8_lower, "upper": pc.utf8_upper, "reverse": pc.utf8_reverse}[site.function]
    return lambda rows, args: text_of(function(args[0].to_arrow()), site)


@implements("length")
def _length(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text = args[0]
        out = np.empty(len(text), np.int64)
        tk.characters(text.data, text.start, text.length, text.valid_or_all(), out)
        return Fixed(INT64, out, text.valid)

    return kernel


@implements("byte_length")
def _byte_length(site: Site) -> Kernel:
    return lambda rows, args: Fixed(INT64, args[0].length.astype(np.int64), args[0].valid)


@implements("trim", "ltrim", "rtrim")
def _trim(site: Site) -> Kernel:
    left, right = site.function != "rtrim", site.function != "ltrim"

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text = args[0]
        start, length = np.empty(len(text), np.int64), np.empty(len(text), np.int32)
        tk.strip(text.data, text.start, text.length, left, right, text.valid_or_all(), start, length)
        return Text(text.dtype, text.data, start, length, text.valid)

    return kernel


@implements("slice")
def _slice(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        text, offset = args[:2]
        most = args[2].values if len(args) > 2 else _EVERYTHING
        most_step = step(args[2], rows) if len(args) > 2 else 0
        start, length = np.empty(rows, np.int64), np.empty(rows, np.int32)
        tk.cut(
            *(text.data, text.start, text.length, step(text, rows)),
            *(offset.values, step(offset, rows), most, most_step),
            *(known(args, rows), start, length),
        )
        return Text(text.dtype, text.data, start, length, validity(args))

    return kernel


@implements("starts_with", "ends_with")
def _affix(site: Site) -> Kernel:
    at_end = site.function == "ends_with"

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        out = np.empty(rows, np.bool_)
        where = known(args, rows)
        tk.affix(a.data, a.start, a.length, step(a, rows), b.data, b.start, b.length, step(b, rows), at_end, where, out)
        return Fixed(BOOL, out, validity(args))

    return kernel


@implements("contains", "find")
def _locate(site: Site) -> Kernel:
    test = site.function == "contains"

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        a, b = args
        out = np.empty(rows, np.int64)
        where = known(args, rows)
        tk.locate(a.data, a.start, a.length, step(a, rows), b.data, b.start, b.length, step(b, rows), where, out)
        valid = validity(args)
        found = out >= 0
        if test:
            return Fixed(BOOL, found, valid)
        return Fixed(INT64, out, None if valid is None and found.all() else found)

    return kernel


@implements("concat")
def _concat(site: Site) -> Kernel:
    def kernel(rows: int, args: Sequence[Any]) -> Column:
        parts = [a.to_arrow() if len(a) == rows else a.to_arrow()[0] for a in args]
        return text_of(pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string())), site)

    return kernel


@implements("replace")
def _replace(site: Site) -> Kernel:
    old, new = site.options["old"], site.options["new"]
    if not old:
        raise PlanError("replace() needs a text to look for that is not empty")
    return lambda rows, args: text_of(pc.replace_substring(args[0].to_arrow(), old, new), site)


@implements("split")
def _split(site: Site) -> Kernel:
    separator = site.options["separator"]
    if not separator:
        raise PlanError("split() needs a separator that is not empty")

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        return text_of(pc.split_pattern(args[0].to_arrow(), separator), site)

    return kernel


@implements("matches")
def _matches(site: Site) -> Kernel:
    pattern = site.options["pattern"]
    check_pattern(pattern)
    return lambda rows, args: bools(pc.match_substring_regex(args[0].to_arrow(), pattern), site, args[0].valid)


@implements("like")
def _like(site: Site) -> Kernel:
    parts = like_parts(site.options["pattern"])
    plain = plain_like(parts)
    if plain is not None:
        name, text = plain
        needle: Any = constant(text, site.types[0])
        if name == "equals":
            return lambda rows, args: Fixed(
                BOOL, text_equal(args[0], needle, rows, args[0].valid_or_all()), args[0].valid
            )  # type: ignore[arg-type]
        inner = (_locate if name == "contains" else _affix)(
            Site(name, site.types * 2, BOOL, {}, (None, needle), site.now)
        )
        return lambda rows, args: inner(rows, [args[0], needle])
    pattern = like_regex(parts, re.escape)
    return lambda rows, args: bools(pc.match_substring_regex(args[0].to_arrow(), pattern), site, args[0].valid)


@implements("regexp_extract")
def _extract(site: Site) -> Kernel:
    pattern, group = site.options["pattern"], site.options["group"]
    check_pattern(pattern)
    # Arrow's own extraction wants named groups. The whole text is replaced by the group instead: the lazy beginning
    # makes the match the leftmost one.
    whole = rf"\A(?s:.*?)(?:{pattern})(?s:.*)\z" if group else rf"\A(?s:.*?)({pattern})(?s:.*)\z"
    rewrite = rf"\{group or 1}"
    check_rewrite(whole, rewrite, f"the regular expression '{pattern}' has no group {group}")

    def kernel(rows: int, args: Sequence[Any]) -> Column:
        array = args[0].to_arrow()
        found = pc.match_substring_regex(array, pattern)
        taken = pc.replace_substring_regex(array, whole, rewrite)
        return text_of(pc.if_else(found, taken, pa.scalar(None, taken.type)), site)

    return kernel


@implements("regexp_replace")
def _replace_regex(site: Site) -> Kernel:
    pattern, replacement = site.options["pattern"], site.options["replacement"]
    check_pattern(pattern)
    check_rewrite(pattern, replacement, f"invalid replacement '{replacement}' for '{pattern}'")
    return lambda rows, args: text_of(pc.replace_substring_regex(args[0].to_arrow(), pattern, replacement), site)
