"""LIKE patterns, taken apart: what is a wildcard, what is text, and which patterns say no more than a plain search."""

from __future__ import annotations

import re

import pytest

from caudal.plan.like import Wildcard, like_parts, like_regex, plain_like

ANY, ONE = Wildcard.ANY, Wildcard.ONE


@pytest.mark.parametrize(
    ("pattern", "parts", "plain"),
    [
        ("", [""], ("equals", "")),
        ("ab", ["ab"], ("equals", "ab")),
        (".", ["."], ("equals", ".")),
        (".*", [".*"], ("equals", ".*")),
        ("%", [ANY], ("contains", "")),
        ("%%a%%", [ANY, "a", ANY], ("contains", "a")),
        ("a%", ["a", ANY], ("starts_with", "a")),
        ("%.", [ANY, "."], ("ends_with", ".")),
        (r"a\%b\_\c", ["a%b_c"], ("equals", "a%b_c")),
        ("\\", ["\\"], ("equals", "\\")),
        ("a%b", ["a", ANY, "b"], None),
        ("_.", [ONE, "."], None),
        ("%_", [ANY, ONE], None),
    ],
)
def test_parts(pattern: str, parts: list[str | Wildcard], plain: tuple[str, str] | None) -> None:
    assert like_parts(pattern) == parts
    assert plain_like(parts) == plain


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [("_.", "a.", True), ("_.", "ab", False), ("a%b", "a\nxb", True), ("a%b", "xa b", False), ("%_", "", False)],
)
def test_regex(pattern: str, text: str, found: bool) -> None:
    expression = like_regex(like_parts(pattern), re.escape).replace(r"\z", r"\Z")  # as Python spells the end
    assert bool(re.search(expression, text)) == found
