"""LIKE patterns, taken apart: what every engine makes its own search of."""

from __future__ import annotations

import re
from enum import Enum

_TOKENS = re.compile(r"\\.|[%_]|[^\\%_]+|\\", re.DOTALL)


class Wildcard(Enum):
    """What stands for other characters: any number of them, or one."""

    ANY = "%"
    ONE = "_"


def like_parts(pattern: str) -> list[str | Wildcard]:
    r"""Return the literal texts and wildcards of a LIKE pattern; at least one. A backslash makes what follows literal.

    >>> like_parts(r"a\%b%%_.")
    ['a%b', <Wildcard.ANY: '%'>, <Wildcard.ONE: '_'>, '.']
    """
    parts: list[str | Wildcard] = []
    for token in _TOKENS.findall(pattern):
        if token in ("%", "_"):
            if token == "_" or parts[-1:] != [Wildcard.ANY]:
                parts.append(Wildcard(token))
            continue
        text = token[1:] if len(token) == 2 and token[0] == "\\" else token
        last = parts[-1] if parts else None
        if isinstance(last, str):
            parts[-1] = last + text
        else:
            parts.append(text)
    return parts or [""]
