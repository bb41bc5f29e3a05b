"""How functions that run in an engine's Python workers are called, and what they take."""

from __future__ import annotations

from caudal.core.types import DataType

PREFIX = "caudal_"
"""What every name begins with that is registered."""


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
