"""What is written between its arguments, comparison, logic, choice."""

from __future__ import annotations

from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import type_of

_INFIX = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "bit_and": "&",
    "bit_or": "|",
    "bit_xor": "^",
    "and": "AND",
    "or": "OR",
    "eq": "=",
    "ne": "<>",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}


@shows(*_INFIX)
def _infix(site: Site) -> str:
    # Spark compares as pinned: NaN equals NaN and is above all numbers, -0 equals 0, text and binary by bytes.
    return f"({site.args[0]} {_INFIX[site.function]} {site.args[1]})"


@shows("is_in")
def _is_in(site: Site) -> str:
    # Long lists are looked up in a hash set, where -0 is not 0.
    value = f"({site.args[0]} + CAST(0 AS {type_of(site.types[0])}))" if site.types[0].is_float else site.args[0]
    items = list(dict.fromkeys("0.0D" if a == "(-0.0D)" else a for a in site.args[1:]))
    return f"({value} IN ({', '.join(items)}))"


@shows("is_null", "is_not_null")
def _is_null(site: Site) -> str:
    return f"({site.args[0]} IS {'NOT ' if site.function == 'is_not_null' else ''}NULL)"


@shows("is_nan")
def _is_nan(site: Site) -> str:
    # isnan(NULL) is false; an equality is null.
    if site.types[0].is_float:
        return f"({site.args[0]} = CAST('NaN' AS {type_of(site.types[0])}))"
    return f"(CAST({site.args[0]} AS DOUBLE) = CAST('NaN' AS DOUBLE))"


@shows("not")
def _not(site: Site) -> str:
    return f"(NOT {site.args[0]})"


@shows("coalesce", "nullif")
def _named_alike(site: Site) -> str:
    return f"{site.function}({', '.join(site.args)})"


@shows("case")
def _case(site: Site) -> str:
    pairs = zip(site.args[:-1:2], site.args[1::2])
    return f"CASE {' '.join(f'WHEN {c} THEN {v}' for c, v in pairs)} ELSE {site.args[-1]} END"
