"""Functions of text: regular expressions by RE2, the library that pyarrow brings, and what numpy counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
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


def entropy() -> Callable[[Any], Any]:
    """Return the function that gives the Shannon entropy of each text's bytes, in bits a byte; null for null.

    Bytes are counted in 256 bins a row, so many rows at a time as take 2 MB.
    """

    def run(text):
        whole = text.fill_null("") if text.null_count else text
        edges = np.frombuffer(whole.buffers()[1], np.int32)[whole.offset : whole.offset + len(whole) + 1]
        data = np.frombuffer(whole.buffers()[2] or b"", np.uint8)
        made = np.zeros(len(whole))
        for first in range(0, len(whole), _ROWS):
            offsets = edges[first : first + _ROWS + 1].astype(np.int64)
            rows = len(offsets) - 1
            row = np.repeat(np.arange(rows) * 256, np.diff(offsets))
            counts = np.bincount(row + data[offsets[0] : offsets[-1]], minlength=rows * 256).reshape(rows, 256)
            share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            made[first : first + rows] = 0.0 - (
                share * np.log2(share, where=counts > 0, out=np.zeros(share.shape))
            ).sum(1)
        return pa.array(made, mask=text.is_null().to_numpy(zero_copy_only=False) if text.null_count else None)

    return run


_ROWS = 1024
