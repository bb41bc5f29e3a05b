"""Sizes as text (`64MB`, `2GB`, `1GiB`) and in bytes."""

from __future__ import annotations

import re

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*")


def size_of_text(text: str) -> int | None:
    """Return a size in bytes, at least 1; None for what is none.

    >>> [size_of_text(text) for text in ("64MB", "1.5 KiB", "200", "0", "1h")]
    [64000000, 1536, 200, None, None]
    """
    found = _SIZE.fullmatch(text.upper())
    if not found or found[2] not in _UNITS:
        return None
    return int(float(found[1]) * _UNITS[found[2]]) or None
