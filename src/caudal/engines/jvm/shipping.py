"""The source text of functions that run in an engine's Python workers."""

from __future__ import annotations

from importlib import resources

PREFIX = "caudal_"
"""What every name begins with that is registered."""

SHARED = "caudal.engines.jvm.functions"
"""The package of what several engines ship."""


def shipped(module: str, package: str = SHARED) -> str:
    """Return the source of a shipped module, without what may stand only at the top of a file."""
    text = resources.files(package).joinpath(f"{module}.py").read_text(encoding="utf-8")
    return text.replace("from __future__ import annotations\n\n", "")


def numbered(name: str, taken: int) -> str:
    """Return the name to register for the function `name` of which so many are registered."""
    return f"{PREFIX}{name}_{taken + 1}" if taken else f"{PREFIX}{name}"
