"""Natural order of partition names; texts cut to size."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, bytes], ...]:
    """Return a sort key in which runs of digits compare as numbers, the rest by bytes.

    >>> sorted(["access_log.24", "access_log.9", "access_log.13"], key=natural_key)
    ['access_log.9', 'access_log.13', 'access_log.24']
    """
    parts = []
    for part in _DIGITS.split(name):
        if part.isdigit() and part.isascii():
            parts.append((0, int(part), part.encode()))
        elif part:
            parts.append((1, 0, part.encode("utf-8", "surrogateescape")))
    return tuple(parts)


def cut(text: str, size: int) -> str:
    """Return the text, with dots in place of what is beyond `size` characters.

    >>> cut("a long list", 9)
    'a long...'
    """
    return text if len(text) <= size else text[: size - 3] + "..."
