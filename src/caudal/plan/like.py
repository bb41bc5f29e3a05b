"""LIKE patterns, taken apart: what every engine makes its own search of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
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


def plain_like(parts: Sequence[str | Wildcard]) -> tuple[str, str] | None:
    """Return "contains", "starts_with", "ends_with" or "equals", and the text, where a pattern says no more; else None."""
    exact = [part for part in parts if isinstance(part, str)]
    if Wildcard.ONE in parts or len(exact) > 1:
        return None
    head, tail = parts[0] is Wildcard.ANY, parts[-1] is Wildcard.ANY
    name = "contains" if head and tail else "ends_with" if head else "starts_with" if tail else "equals"
    return name, exact[0] if exact else ""


def like_regex(parts: Sequence[str | Wildcard], quoted: Callable[[str], str]) -> str:
    """Return the regular expression that finds what a pattern matches as a whole; `quoted` writes literal text."""
    body = "".join(quoted(p) if isinstance(p, str) else ".*" if p is Wildcard.ANY else "." for p in parts)
    return rf"(?s)\A{body}\z"
