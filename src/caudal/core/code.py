"""What Python code looks up by name."""

from __future__ import annotations

from types import CodeType


def names_of(code: CodeType) -> set[str]:
    """Return the names that a function's code, and the code inside it, looks up."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_of(constant)
    return found
