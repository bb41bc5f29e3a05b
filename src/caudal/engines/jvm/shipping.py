"""How functions that run in an engine's Python workers are called, where they stand, and how a script speaks of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

PREFIX = "caudal_"
"""What every name begins with that is registered."""

_WIDTH = 120


def numbered(name: str, taken: int) -> str:
    """Return the name to register for the function `name` of which so many are registered."""
    return f"{PREFIX}{name}_{taken + 1}" if taken else f"{PREFIX}{name}"


def shipped(engine: str, used: Collection[str]) -> list[str]:
    """Return the modules that a script registers functions by: those that are used, and the engine's own.

    Names without the package's are those of `worker`.
    """
    if not used:
        return []
    whole = (name if name.startswith("caudal.") else f"caudal.worker.{name}" for name in used)
    return sorted({f"caudal.engines.{engine}.job.functions", *whole})


def called(function: str, arguments: Sequence[str]) -> str:
    """Return the Python text of a call, over several lines where it is too long for one.

    >>> called("f", ["1", "x=2"])
    'f(1, x=2)'
    """
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _WIDTH:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
