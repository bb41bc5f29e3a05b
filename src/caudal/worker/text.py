"""Regular expressions by RE2, the library that pyarrow brings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def matches(pattern: str) -> Callable[[Any], Any]:
    """Return the function that says whether the pattern is found."""
    return lambda text: pc.match_substring_regex(text, pattern)  # type: ignore[attr-defined]


def regexp_extract(pattern: str, group: int) -> Callable[[Any], Any]:
    r"""Return the function that gives the first match's group, null without a match.

    The whole text is replaced by the group: the lazy beginning makes the match the leftmost one.
    """
    inner = f"(?:{pattern})" if group else f"({pattern})"
    whole = rf"\A(?s:.*?){inner}(?s:.*)\z"

    def extract(text):  # without hints of types: Spark takes them for another kind of function
        found = pc.match_substring_regex(text, pattern)  # type: ignore[attr-defined]
        taken = pc.replace_substring_regex(text, whole, rf"\{group or 1}")  # type: ignore[attr-defined]
        return pc.if_else(found, taken, pa.scalar(None, taken.type))  # type: ignore[attr-defined]

    return extract


def regexp_replace(pattern: str, replacement: str) -> Callable[[Any], Any]:
    r"""Return the function that replaces all matches; \0 to \9 are groups."""
    return lambda text: pc.replace_substring_regex(text, pattern, replacement)  # type: ignore[attr-defined]
