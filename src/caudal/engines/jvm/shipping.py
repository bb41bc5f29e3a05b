"""The source text of functions that run in an engine's Python workers."""

from __future__ import annotations

import re
from importlib import resources

from caudal.core.types import DataType

PREFIX = "caudal_"
"""What every name begins with that is registered."""

SHARED = "caudal.engines.jvm.functions"
"""The package of what several engines ship."""


_NEIGHBOUR = re.compile(rf"^from {re.escape(SHARED)}\.(\w+) import (?:\([^)]*\)|.*)\n", re.MULTILINE)


def shipped(module: str, package: str = SHARED) -> str:
    """Return the source of a shipped module, without what may stand only at the top of a file.

    The modules beside it that it imports from stand before it.
    """
    texts: dict[str, str] = {}

    def read(name: str, where: str) -> None:
        text = resources.files(where).joinpath(f"{name}.py").read_text(encoding="utf-8")
        for neighbour in _NEIGHBOUR.findall(text):
            if neighbour not in texts:
                read(neighbour, SHARED)
        texts[name] = _NEIGHBOUR.sub("", text).replace("from __future__ import annotations\n\n", "")

    read(module, package)
    return "\n\n".join(texts.values())


def numbered(name: str, taken: int) -> str:
    """Return the name to register for the function `name` of which so many are registered."""
    return f"{PREFIX}{name}_{taken + 1}" if taken else f"{PREFIX}{name}"


def arrow_text(dtype: DataType) -> str:
    """Return the Python text of the Arrow type that holds a type's values: times are int64 milliseconds.

    >>> from caudal.core.types import parse_type
    >>> arrow_text(parse_type({"t": "timestamp", "l": ["string"]}))
    "pa.struct([('t', pa.int64()), ('l', pa.list_(pa.string()))])"
    """
    if dtype.item is not None:
        return f"pa.list_({arrow_text(dtype.item)})"
    if dtype.name == "struct":
        return f"pa.struct([{', '.join(f'({f.name!r}, {arrow_text(f.dtype)})' for f in dtype.fields)}])"
    return f"pa.{_ARROW.get(dtype.name, dtype.name)}()"


_ARROW = {"bool": "bool_", "timestamp": "int64", "duration": "int64"}
