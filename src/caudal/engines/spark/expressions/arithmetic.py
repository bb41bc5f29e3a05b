"""Arithmetic: without ANSI mode integers wrap and every division by zero is null, as pinned."""

from __future__ import annotations

from caudal.core.types import FLOAT32, DataType
from caudal.engines.spark.expressions.library import Library
from caudal.engines.spark.expressions.site import Site, shows
from caudal.engines.spark.expressions.spelling import type_of
from caudal.plan import expr as e

INFINITY = "CAST('Infinity' AS DOUBLE)"
NAN = "CAST('NaN' AS DOUBLE)"


def narrowed(text: str, dtype: DataType) -> str:
    """Return BIGINT or DOUBLE text as int32 (wrapping) or float32 where that is the type."""
    return f"CAST({text} AS {type_of(dtype)})" if dtype.name in ("int32", "float32") else text


def _wide(site: Site) -> Site:
    """Return the site with int32 arguments as BIGINT, float32 as DOUBLE."""
    kind = "DOUBLE" if site.types[0].is_float else "BIGINT"
    same = site.types[0].name in ("int64", "float64")
    args = site.args if same else tuple(f"CAST({a} AS {kind})" for a in site.args)
    return Site(site.function, site.types, site.result, site.options, args, site.given, site.library)


@shows("div")
def _div(site: Site) -> str:
    a, b = (t if d.is_float else f"CAST({t} AS DOUBLE)" for t, d in zip(site.args, site.types))
    return f"({a} / {b})"


@shows("int_div")
def _int_div(site: Site) -> str:
    a, b = site.args
    if not site.result.is_float:
        return narrowed(f"({a} div {b})", site.result)
    quotient = _quotient(_wide(site))
    body = "CASE WHEN q < 0D THEN -(rint(-q) - CAST(rint(-q) > -q AS DOUBLE)) ELSE rint(q) - CAST(rint(q) > q AS DOUBLE) END"
    return narrowed(f"{site.library.sql('trunc', 'q DOUBLE', 'DOUBLE', body)}({quotient})", site.result)


def _quotient(site: Site) -> str:
    """Return a / b of the arguments' type, as DOUBLE."""
    text = f"({site.args[0]} / {site.args[1]})"
    return f"CAST(CAST({text} AS FLOAT) AS DOUBLE)" if site.result == FLOAT32 else text


@shows("int_mod")
def _int_mod(site: Site) -> str:
    return f"({site.args[0]} % {site.args[1]})"


def _floor(library: Library) -> str:
    # floor() of Spark gives BIGINT: it has no infinity, NaN and -0.
    return library.sql("floor", "x DOUBLE", "DOUBLE", "rint(x) - CAST(rint(x) > x AS DOUBLE)")


@shows("floor_div")
def _floor_div(site: Site) -> str:
    wide = _wide(site)
    if site.result.is_float:
        return narrowed(f"{_floor(site.library)}({_quotient(wide)})", site.result)
    body = "a div b - CASE WHEN a % b <> 0L AND ((a % b) ^ b) < 0L THEN 1L ELSE 0L END"
    return narrowed(wide.sql("floor_div", "a BIGINT, b BIGINT", "BIGINT", body), site.result)


@shows("floor_mod")
def _floor_mod(site: Site) -> str:
    divisor = site.constant(1)
    if not site.result.is_float and divisor is not None and divisor > 0:
        return f"pmod({site.args[0]}, {site.args[1]})"
    wide = _wide(site)
    if site.result.is_float:
        # a remainder of -0 stays one: adding 0 would take its sign
        body = "CASE WHEN a % b <> 0D AND ((a % b) < 0D) <> (b < 0D) THEN a % b + b ELSE a % b END"
        return narrowed(wide.sql("floor_mod_double", "a DOUBLE, b DOUBLE", "DOUBLE", body), site.result)
    body = "a % b + CASE WHEN a % b <> 0L AND ((a % b) ^ b) < 0L THEN b ELSE 0L END"
    return narrowed(wide.sql("floor_mod", "a BIGINT, b BIGINT", "BIGINT", body), site.result)


@shows("neg", "abs")
def _sign_changes(site: Site) -> str:
    return f"{'negative' if site.function == 'neg' else 'abs'}({site.args[0]})"


@shows("sign")
def _sign(site: Site) -> str:
    # signum keeps the sign of -0, and is a DOUBLE.
    text = f"(sign(CAST({site.args[0]} AS DOUBLE)) + 0D)"
    return text if site.result.name == "float64" else f"CAST({text} AS {type_of(site.result)})"


@shows("round")
def _round(site: Site) -> str:
    if site.result.is_integer:
        return site.args[0]
    # HALF_UP of the decimal text, by BigDecimal.
    return f"round({site.args[0]}, {site.options['digits']})"


@shows("floor", "ceil")
def _whole(site: Site) -> str:
    if site.result.is_integer:
        return site.args[0]
    (x,) = _wide(site).args
    if site.function == "floor":
        return narrowed(f"{_floor(site.library)}({x})", site.result)
    return narrowed(f"negative({_floor(site.library)}(negative({x})))", site.result)


@shows("sqrt", "exp")
def _plain(site: Site) -> str:
    return f"{site.function}({site.args[0]})"


@shows("ln", "log10")
def _logarithm(site: Site) -> str:
    # Spark's are null at 0 and below.
    body = f"CASE WHEN x > 0D THEN {site.function}(x) WHEN x = 0D THEN negative({INFINITY}) WHEN x < 0D THEN {NAN} END"
    return site.sql(site.function, "x DOUBLE", "DOUBLE", body)


@shows("pow")
def _pow(site: Site) -> str:
    # C's pow: 1 to any power is 1, and so is -1 to an infinite one; Java's are NaN.
    body = (
        f"CASE WHEN a = 1D AND b IS NOT NULL THEN 1D WHEN a = -1D AND abs(b) = {INFINITY} THEN 1D ELSE power(a, b) END"
    )
    return site.sql("pow", "a DOUBLE, b DOUBLE", "DOUBLE", body)


@shows("greatest", "least")
def _extreme(site: Site) -> str:
    # Spark's skip nulls.
    text = f"{site.function}({', '.join(site.args)})"
    parts = [a for a, given in zip(site.args, site.given) if not isinstance(given, e.Literal) or given.value is None]
    known = " AND ".join(f"{part} IS NOT NULL" for part in dict.fromkeys(parts))
    return f"CASE WHEN {known} THEN {text} END" if known else text


@shows("shift_left", "shift_right")
def _shift(site: Site) -> str:
    name = "shiftleft" if site.function == "shift_left" else "shiftright"
    return f"{name}({site.args[0]}, CAST({site.args[1]} & 63L AS INT))"
