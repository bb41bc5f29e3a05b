"""Expressions as Spark SQL text."""

from __future__ import annotations

from typing import Any

from caudal.core.errors import PlanError
from caudal.core.types import Schema
from caudal.engines.jvm.printer import Dialect, Printer
from caudal.engines.spark.capabilities import GAPS
from caudal.engines.spark.expressions import (  # noqa: F401 - each registers its functions
    addresses,
    arithmetic,
    casts,
    comparison,
    hashing,
    nested,
    text,
    times,
)
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.site import MAKERS, Site
from caudal.engines.spark.expressions.spelling import literal, type_of
from caudal.plan import expr as e
from caudal.plan import functions


def show(expr: e.Expr, schema: Schema, library: Library) -> str:
    """Return the expression over columns of these names and types as Spark SQL text.

    The text has the type `spelling.type_of(expr.dtype(schema))`, never raises for what a row holds, and means what it
    says in a session with `spelling.SETTINGS` on which `library.source()` was run. Calls of Python functions of the
    user's must have been taken out before. Raises `PlanError` for unknown columns, mismatched types, patterns,
    formats or networks that cannot be read, and functions in `capabilities.GAPS`.
    """
    return Printer(_SPARK, schema, library).whole(expr, expr.dtype(schema))


def _call(function: str, fields: dict[str, Any]) -> str:
    make = MAKERS.get(function)
    known = functions.find(function)
    if make is None and known.shipped:
        site = Site(function, **fields)
        name = site.library.python(known.shipped, function, type_of(site.result), *site.options.values())
        return f"{name}({', '.join(site.args)})"
    if make is None:
        raise PlanError(f"{function}() cannot be computed on Spark", detail=GAPS[function], hint="run it locally")
    return make(Site(function, **fields))


_SPARK = Dialect("Spark", type_of, literal, _call)
