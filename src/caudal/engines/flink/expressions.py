"""Expressions as Flink SQL text that computes exactly what the catalogue pins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.engines.flink import natives_hash, natives_text, natives_time  # noqa: F401 - each registers its functions
from caudal.engines.flink.library import Library
from caudal.engines.flink.natives import MAKERS, Site, varies
from caudal.engines.flink.spelling import hidden, literal, type_of
from caudal.engines.jvm.printer import Dialect, Printer
from caudal.plan import expr as e
from caudal.plan import functions

LONGEST = 500_000
"""Characters of one expression: what is longer repeats its parts too often to be worth compiling."""


def show(expr: e.Expr, schema: Schema, library: Library) -> str:
    """Return the expression over columns of these names and types as Flink SQL text.

    The text has the type `spelling.type_of(expr.dtype(schema))`, never raises for what a row holds, and means what it
    says in a table environment with `spelling.SETTINGS` on which `library.source()` was run. Calls of Python functions
    of the user's must have been taken out before. Raises `PlanError` for unknown columns, mismatched types, patterns,
    formats or networks that cannot be read, and an expression that is nested too deeply.
    """
    return Printer(_FLINK, schema, library).whole(expr, expr.dtype(schema))


def _call(function: str, fields: dict[str, Any]) -> str:
    site = Site(function, **fields)
    if site.result.is_float and site.args and not any(map(varies, site.given)):
        # What the planner computes of constants must be finite if it is a FLOAT, and written as a constant if a DOUBLE.
        site = replace(site, args=(hidden(site.args[0]), *site.args[1:]))
    text = MAKERS.get(function, _shipped)(site)
    if len(text) > LONGEST:
        raise PlanError(
            f"an expression is too deeply nested for Flink: {len(text)} characters of SQL",
            hint="compute its parts as columns first: .with_columns(...)",
        )
    return text


def _shipped(site: Site) -> str:
    """Return the call of a function of `caudal.worker`; a number's null would be taken for a NaN, so it is asked before."""
    known = functions.find(site.function)
    kinds = " ".join(type_of(dtype) for dtype in site.types)
    made = site.worker(known.shipped, site.function, kinds, type_of(site.result), *site.options.values())(*site.args)
    unknown = " OR ".join(f"{arg} IS NULL" for arg in site.args)
    return f"(CASE WHEN {unknown} THEN CAST(NULL AS {type_of(site.result)}) ELSE {made} END)"


_FLINK = Dialect("Flink", type_of, literal, _call)
