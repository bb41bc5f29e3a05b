"""Names, types and constants in Flink SQL.

A timestamp and a duration are BIGINT milliseconds in expressions: exact over all of int64, wrapping as they do
elsewhere, and cheaper than TIMESTAMP_LTZ. The lowering makes an event-time attribute of them where it needs one.
"""

from __future__ import annotations

import math
from typing import Any

from caudal.core.types import DataType
from caudal.engines.jvm.relation import quoted
from caudal.plan.signature import NULL

SETTINGS = {
    "table.exec.legacy-cast-behaviour": "DISABLED",
    "table.local-time-zone": "UTC",
}
"""What a table environment must set for the text to mean what it says; a script writes them out."""

_TYPES = {
    "bool": "BOOLEAN",
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "STRING",
    "binary": "BYTES",
    "timestamp": "BIGINT",
    "duration": "BIGINT",
}


def type_of(dtype: DataType) -> str:
    """Return the Flink SQL type that holds values of a type.

    >>> from caudal.core.types import parse_type
    >>> type_of(parse_type({"x": "int64", "l": ["string"]}))
    'ROW<`x` BIGINT, `l` ARRAY<STRING>>'
    """
    if dtype.item is not None:
        return f"ARRAY<{type_of(dtype.item)}>"
    if dtype.name == "struct":
        return "ROW<" + ", ".join(f"{quoted(f.name)} {type_of(f.dtype)}" for f in dtype.fields) + ">"
    return _TYPES[dtype.name]


def text_of(value: str) -> str:
    """Return a text between quotes, its control characters escaped; its type is CHAR(n)."""
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return "U&'" + "".join(_escaped(c) for c in value) + "'"


def _escaped(character: str) -> str:
    if character in "'\\":
        return character * 2
    if character.isprintable() or ord(character) > 0xFFFF:
        return character
    return f"\\{ord(character):04X}"


def literal(value: Any, dtype: DataType) -> str:
    """Return a constant that has just the Flink type of `dtype`.

    The value is as in `plan.expr.Literal`: milliseconds for times, a tuple for a list.
    """
    if value is None or dtype == NULL:
        return f"CAST(NULL AS {'BOOLEAN' if dtype == NULL else type_of(dtype)})"
    if dtype.item is not None:
        # An array without items has no type of its own.
        items = ", ".join(literal(v, dtype.item) for v in value) or literal(None, dtype.item)
        return f"ARRAY[{items}]" if value else f"ARRAY_REMOVE(ARRAY[{items}], {items})"
    if dtype.name == "bool":
        return "TRUE" if value else "FALSE"
    if dtype.name == "string":
        return f"CAST({text_of(value)} AS STRING)"
    if dtype.name == "binary":
        return f"CAST(x'{bytes(value).hex()}' AS BYTES)"
    if dtype.is_float:
        number = double(float(value))
        if dtype.name == "float64":
            return number
        # Flink's planner computes what is constant, and fails where that is a FLOAT that is not finite.
        return f"CAST({number if math.isfinite(value) else hidden(number)} AS FLOAT)"
    return f"CAST({value} AS INT)" if dtype.name == "int32" else bigint(value)


def bigint(value: int) -> str:
    """Return a BIGINT constant."""
    # What stands behind a minus is read without its own, and no BIGINT is -1 times the least one.
    return f"CAST({value} AS BIGINT)" if -(2**31) <= value <= 2**31 or value == -(2**63) else str(value)


def double(value: float) -> str:
    """Return a DOUBLE constant."""
    if math.isnan(value):
        return "CAST('NaN' AS DOUBLE)"
    if math.isinf(value):
        return f"CAST('{'-' if value < 0 else ''}Infinity' AS DOUBLE)"
    if value == 0 and math.copysign(1.0, value) < 0:
        return "(0E0 * (- RAND()))"  # what is constant and 0 has no sign for Flink's planner
    shown = repr(value)
    return shown.upper() if "e" in shown else f"{shown}E0"


def hidden(text: str) -> str:
    """Return the same value as one that Flink's planner does not take for a constant."""
    return f"IF(RAND() < 2E0, {text}, {text})"
