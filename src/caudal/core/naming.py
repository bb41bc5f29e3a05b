"""Natural order of partition names; texts cut to size."""

from __future__ import annotations

import re
from collections.abc import Collection

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


def free(name: str, taken: Collection[str]) -> str:
    """Return the name, or the first of those like it that is not taken.

    >>> free("side", {"side", "side_1"})
    'side_2'
    """
    return next(each for each in (name, *(f"{name}_{n}" for n in range(1, 1000))) if each not in taken)


def cut(text: str, size: int) -> str:
    """Return the text, with dots in place of what is beyond `size` characters.

    >>> cut("a long list", 9)
    'a long...'
    """
    return text if len(text) <= size else text[: size - 3] + "..."
