"""How Spark SQL spells names, types and constants.

Spark's types: timestamps and durations are BIGINT milliseconds, as they are in the plan. Its own TIMESTAMP counts
microseconds, so a part of the instants would overflow and every sum would need two conversions; where an operator of
Spark's wants one, `timestamp_millis(t)` makes it.
"""

from __future__ import annotations

import math
from typing import Any

from caudal.core.types import DataType
from caudal.engines.jvm.relation import quoted
from caudal.plan.signature import NULL

SETTINGS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.parser.escapedStringLiterals": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",
}
"""What a session must set for the text to mean what it says; a script writes them out.

Without ANSI mode integers wrap and a division by zero is null, as pinned, at no cost; what that mode does not decide,
the text spells out. Names differ in case as they do in a schema. Backslashes in constants are read, and nothing in
them is taken for a variable (`${...}` would put a property of the JVM into the text).
"""

_TYPES = {
    "bool": "BOOLEAN",
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "STRING",
    "binary": "BINARY",
    "timestamp": "BIGINT",
    "duration": "BIGINT",
}
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "$": "\\u0024"}


def type_of(dtype: DataType) -> str:
    """Return a type as DDL.

    >>> from caudal.core.types import parse_type
    >>> type_of(parse_type({"a": "list<timestamp>"}))
    'STRUCT<`a`: ARRAY<BIGINT>>'
    """
    if dtype.item is not None:
        return f"ARRAY<{type_of(dtype.item)}>"
    if dtype.name == "struct":
        return "STRUCT<" + ", ".join(f"{quoted(f.name)}: {type_of(f.dtype)}" for f in dtype.fields) + ">"
    return _TYPES[dtype.name]


def text_of(value: str) -> str:
    r"""Return a constant text; only what would end it, be read as an escape or not be seen is escaped.

    >>> print(text_of("it's \\d"))
    'it\'s \\d'
    """
    return "'" + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _escaped(c)) for c in value) + "'"


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def literal(value: Any, dtype: DataType) -> str:
    """Return a constant with its type."""
    if value is None or dtype == NULL:
        return f"CAST(NULL AS {'BOOLEAN' if dtype == NULL else type_of(dtype)})"
    if dtype.item is not None:
        items = ", ".join(literal(v, dtype.item) for v in value)
        return f"array({items})" if value else f"CAST(array() AS {type_of(dtype)})"
    if dtype.name == "bool":
        return "TRUE" if value else "FALSE"
    if dtype.name == "string":
        return text_of(value)
    if dtype.name == "binary":
        return f"X'{value.hex().upper()}'"
    if dtype.is_float:
        return _float(value, "D" if dtype.name == "float64" else "F", type_of(dtype))
    shown = f"{value}" if dtype.name == "int32" else f"{value}L"
    return f"({shown})" if value < 0 else shown


def _float(value: float, suffix: str, dtype: str) -> str:
    if math.isnan(value):
        return f"CAST('NaN' AS {dtype})"
    if math.isinf(value):
        return f"CAST('{'' if value > 0 else '-'}Infinity' AS {dtype})"
    shown = f"{value!r}D" if suffix == "D" else f"CAST({value!r}D AS FLOAT)"
    return f"({shown})" if math.copysign(1.0, value) < 0 else shown
