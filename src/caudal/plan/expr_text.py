"""Expressions as SQL text, for people; `lang.sql.parse` reads it back."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from caudal.core import duration
from caudal.core.types import DataType
from caudal.plan import functions
from caudal.plan.captured import Captured
from caudal.plan.expr import Call, Column, Expr, Literal
from caudal.plan.python import PythonCall

INFIX = {
    "or": ("OR", 1),
    "and": ("AND", 2),
    "eq": ("=", 4),
    "ne": ("<>", 4),
    "lt": ("<", 4),
    "le": ("<=", 4),
    "gt": (">", 4),
    "ge": (">=", 4),
    "add": ("+", 6),
    "sub": ("-", 6),
    "mul": ("*", 7),
    "div": ("/", 7),
    "int_div": ("DIV", 7),
    "int_mod": ("%", 7),
}
"""Functions that are written between their arguments, and how closely they bind."""

_TEST, _UNARY, _ATOM = 4, 8, 9
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SQL_TYPES = {
    "bool": "BOOLEAN",
    "int32": "INT",
    "int64": "BIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BINARY",
    "timestamp": "TIMESTAMP",
    "duration": "DURATION",
}
"""How SQL text spells the types; the names of caudal are understood too."""
# fmt: off
RESERVED = frozenset((
    "all", "alter", "and", "any", "as", "asc", "between", "by", "case", "cast", "create", "cross", "current_date",
    "current_time", "current_timestamp", "delete", "desc", "describe", "distinct", "div", "drop", "else", "end",
    "escape", "except", "exists", "false", "for", "from", "full", "group", "having", "if", "ilike", "in", "inner",
    "insert", "intersect", "interval", "into", "is", "join", "left", "like", "limit", "natural", "not", "null",
    "offset", "on", "or", "order", "outer", "over", "regexp", "right", "rlike", "select", "set", "some", "table",
    "then", "true", "union", "unique", "update", "using", "values", "when", "where", "with",
))
# fmt: on
"""Words that are no plain names in SQL text."""


def show(expr: Expr) -> str:
    """Return SQL text for an expression."""
    return _show(expr)[0]


def _show(expr: Expr) -> tuple[str, int]:
    if isinstance(expr, Column):
        return identifier(expr.name), _ATOM
    if isinstance(expr, Literal):
        return constant(expr.value, expr.type), _ATOM
    if isinstance(expr, Call):
        return _call(expr)
    if isinstance(expr, Captured):
        return str(expr.aggregate), _ATOM
    assert isinstance(expr, PythonCall)
    return f"{expr.function.name}({', '.join(show(a) for a in expr.args)})", _ATOM


def _call(expr: Call) -> tuple[str, int]:
    name: str = expr.function
    args = list(expr.args)
    if name in INFIX and len(args) == 2:
        sign, level = INFIX[name]
        # A comparison binds neither to the left nor to the right: `(a = b) = c`.
        left, right = _inside(args[0], level + (level == _TEST)), _inside(args[1], level + 1)
        return f"{left} {sign} {right}", level
    if name == "neg" and len(args) == 1:
        return f"-{_inside(args[0], _ATOM, parenthesise_constants=True)}", _UNARY
    if name == "not" and len(args) == 1:
        return f"NOT {_inside(args[0], 3)}", 3
    if name in ("is_null", "is_not_null") and len(args) == 1:
        return f"{_inside(args[0], _TEST + 1)} IS {'NOT ' if name == 'is_not_null' else ''}NULL", _TEST
    if name == "is_in" and len(args) > 1:
        return f"{_inside(args[0], _TEST + 1)} IN ({', '.join(show(a) for a in args[1:])})", _TEST
    if name == "like":
        return f"{_inside(args[0], _TEST + 1)} LIKE {quote(expr.option('pattern'))}", _TEST
    if name == "case" and len(args) > 2 and len(args) % 2:
        whens = " ".join(f"WHEN {show(c)} THEN {show(v)}" for c, v in zip(args[:-1:2], args[1:-1:2]))
        return f"CASE {whens} ELSE {show(args[-1])} END", _ATOM
    if name == "cast":
        return f"CAST({show(args[0])} AS {SQL_TYPES[expr.option('to')]})", _ATOM
    if name == "alias":
        return f"{show(args[0])} AS {identifier(expr.option('name'))}", 0
    if name == "field" and isinstance(args[0], Column | Call):
        owner, level = _show(args[0])
        if level == _ATOM and (isinstance(args[0], Column) or args[0].function == "field") and "(" not in owner:
            return f"{owner}.{identifier(expr.option('name'))}", _ATOM
    parts = [show(a) for a in args] + [_option(name, n, v) for n, v in expr.options]
    return f"{name.upper()}({', '.join(parts)})", _ATOM


def _inside(expr: Expr, level: int, parenthesise_constants: bool = False) -> str:
    text, own = _show(expr)
    bare = own >= level and not (parenthesise_constants and isinstance(expr, Literal))
    return text if bare else f"({text})"


def _option(function: str, name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(quote(v) for v in value)
    kind = next(o.kind for o in functions.find(function).options if o.name == name)
    return quote(duration.show(value)) if kind == "duration" else quote(value) if isinstance(value, str) else str(value)


def identifier(name: str) -> str:
    """Return a name as SQL text: in double quotes unless it is a plain word."""
    if _PLAIN.fullmatch(name) and name.lower() not in RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote(text: str) -> str:
    """Return a text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def constant(value: Any, dtype: DataType) -> str:
    """Return a constant as SQL text."""
    if value is None:
        return "NULL" if dtype.name not in SQL_TYPES else f"CAST(NULL AS {SQL_TYPES[dtype.name]})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, tuple):
        return json.dumps(value, default=str)
    if dtype.name == "timestamp":
        return f"TIMESTAMP {quote(_iso(value))}"
    if dtype.name == "duration":
        return f"INTERVAL {quote(duration.show(value))}" if value >= 0 else f"INTERVAL '-{duration.show(-value)}'"
    if dtype.is_float:
        sign = "-" if value < 0 else ""
        return repr(value) if math.isfinite(value) else "NAN()" if math.isnan(value) else f"{sign}INFINITY()"
    return str(value)


def _iso(milliseconds: int) -> str:
    from datetime import UTC, datetime, timedelta

    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds}ms"
    return at.strftime("%Y-%m-%d %H:%M:%S.").rjust(20, "0") + f"{at.microsecond // 1000:03d}"
