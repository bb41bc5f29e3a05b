"""What to write instead: for what Python, SQL or other libraries call by another name.

Each function returns the error that says so. Names that begin with an underscore are protocols that are asked for (by
copy, by notebooks): these get a plain `AttributeError`.
"""

from __future__ import annotations

import dis
from types import FrameType
from typing import TYPE_CHECKING, Any

from caudal.core.errors import Misuse, NoSuchName, nearest

if TYPE_CHECKING:
    from caudal.plan.aggregates import Aggregate
    from caudal.plan.expr import Expr

_METHODS = {
    "isin": ".is_in([...])",
    "isna": ".is_null()",
    "isnull": ".is_null()",
    "isNull": ".is_null()",
    "notna": ".is_not_null()",
    "notnull": ".is_not_null()",
    "isNotNull": ".is_not_null()",
    "fillna": ".fill_null(value)",
    "astype": '.cast("int64")',
    "rlike": ".str.matches(pattern)",
    "regexp": ".str.matches(pattern)",
    "match": ".str.matches(pattern)",
    "startswith": ".str.starts_with(prefix)",
    "startsWith": ".str.starts_with(prefix)",
    "endswith": ".str.ends_with(suffix)",
    "endsWith": ".str.ends_with(suffix)",
    "includes": ".str.contains(part)",
    "len": ".str.length()",
    "len_chars": ".str.length()",
    "substr": ".str.slice(0, 3)",
    "substring": ".str.slice(0, 3)",
    "to_lowercase": ".str.lower()",
    "to_uppercase": ".str.upper()",
    "strip_chars": ".str.strip()",
    "trim": ".str.strip()",
    "in_network": '.ip.in_cidr("10.0.0.0/8")',
    "otherwise": ".otherwise(...) behind cd.when(...).then(...)",
}
_CALLS = ("apply", "map", "map_elements", "map_batches", "transform", "pipe")
_AGGREGATES = {
    "avg": "mean",
    "average": "mean",
    "std": "stddev",
    "n_unique": "count_distinct",
    "nunique": "count_distinct",
    "list_agg": "collect",
    "implode": "collect",
    "size": "count",
}
_TRUTH = "an expression has no truth value: it stands for a value of each row"


def of_truth(frame: FrameType) -> Misuse:
    """Return the error of an expression that is asked whether it is true, by the instruction in `frame` that asks."""
    asked = dis.opname[frame.f_code.co_code[frame.f_lasti]] if frame.f_lasti >= 0 else ""
    if asked == "CONTAINS_OP":
        return Misuse(_TRUTH, detail="asked by: in", hint='write col("code").is_in([401, 403])')
    if asked == "UNARY_NOT":
        return Misuse(_TRUTH, detail="asked by: not", hint="write ~(...)")
    return Misuse(
        _TRUTH,
        detail="asked by: and, or, if, or a comparison such as 1 < x < 3",
        hint="write (a == 1) & (b > 2), | for or, x.between(1, 3); cd.when(...) for if",
    )


def of_null(function: str) -> Misuse:
    """Return the error of a comparison with None."""
    written = "x.is_not_null(), or x IS NOT NULL" if function == "ne" else "x.is_null(), or x IS NULL"
    return Misuse("a comparison with null is null for every row", hint=f"write {written} in SQL")


def of_method(expr: Expr, name: str) -> AttributeError:
    """Return the error of an expression's method that is not there."""
    from caudal.plan import namespaces
    from caudal.plan.aggregates import FUNCTIONS

    if name.startswith("_"):
        return AttributeError(name)
    message = f"an expression has no '{name}'"
    if name in _METHODS:
        return NoSuchName(message, hint=f"write {_METHODS[name]}")
    if name in _CALLS:
        return NoSuchName(
            message, hint="declare the function with @cd.row, @cd.batch or @cd.jit and call it: score(col(...))"
        )
    aggregate = _AGGREGATES.get(name, name)
    if aggregate in FUNCTIONS:
        inside = "" if aggregate == "count" else str(expr) if " " in str(expr) else f'"{expr}"'
        return NoSuchName(
            message, hint=f".agg({aggregate}=cd.{aggregate}({inside})) behind a window: aggregates are cd.NAME(...)"
        )
    for space, kind in (
        ("str", namespaces.Strings),
        ("ip", namespaces.Addresses),
        ("dt", namespaces.Times),
        ("list", namespaces.Lists),
    ):
        if name in vars(kind):
            return NoSuchName(message, hint=f"write .{space}.{name}(...)")
    return NoSuchName(message, hint=nearest(name, _public(type(expr))))


def of_function(space: Any, name: str) -> AttributeError:
    """Return the error of a function that a namespace has not."""
    if name.startswith("_"):
        return AttributeError(name)
    kind = type(space).__name__.lower()
    if name in _METHODS:
        return NoSuchName(f"there is no '{name}' among the functions of {kind}", hint=f"write {_METHODS[name]}")
    return NoSuchName(f"there is no '{name}' among the functions of {kind}", hint=nearest(name, _public(type(space))))


def of_aggregate(aggregate: Aggregate) -> Misuse:
    """Return the error of an aggregate that is computed with, or stands where a row's expression does."""
    return Misuse(
        f"{aggregate} is an aggregate: it has no value for a single row",
        hint='.group_by("ip").window(cd.tumbling("3s")).agg(total=cd.count()).filter(col("total") > 3)',
    )


def _public(kind: type) -> list[str]:
    return [name for name in dir(kind) if not name.startswith("_")]
