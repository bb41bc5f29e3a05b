"""The functions of the catalogue that Spark computes by itself: numbers, comparison, logic, choice, lists, hashing.

Each maker takes a `Site` and returns text. An argument that must stand twice goes through a SQL function of the library,
which Spark inlines with its arguments computed once: text would else grow with the power of the depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from caudal.core.types import BINARY, FLOAT32, STRING, DataType
from caudal.engines.spark.library import Library
from caudal.engines.spark.spelling import name_of, text_of, type_of
from caudal.plan import expr as e

INFINITY = "CAST('Infinity' AS DOUBLE)"
NAN = "CAST('NaN' AS DOUBLE)"


@dataclass(frozen=True, slots=True)
class Site:
    """A call as it stands in an expression: types of the (widened) arguments and of the result, options, texts of the
    arguments, the arguments themselves, and what collects the functions that the text calls."""

    function: str
    types: tuple[DataType, ...]
    result: DataType
    options: dict[str, Any]
    args: tuple[str, ...]
    given: tuple[e.Expr, ...]
    library: Library

    def constant(self, at: int) -> Any:
        """Return the value of an argument that is a constant, else None."""
        given = self.given[at]
        return given.value if isinstance(given, e.Literal) else None

    def sql(self, name: str, parameters: str, result: str, body: str) -> str:
        """Return the call of a SQL function of the library with this site's arguments."""
        return f"{self.library.sql(name, parameters, result, body)}({', '.join(self.args)})"


MAKERS: dict[str, Callable[[Site], str]] = {}


def shows(*names: str) -> Callable[[Callable[[Site], str]], Callable[[Site], str]]:
    """Register what writes these functions."""

    def register(make: Callable[[Site], str]) -> Callable[[Site], str]:
        MAKERS.update(dict.fromkeys(names, make))
        return make

    return register


def narrowed(text: str, dtype: DataType) -> str:
    """Return BIGINT or DOUBLE text as int32 (wrapping) or float32 where that is the type."""
    return f"CAST({text} AS {type_of(dtype)})" if dtype.name in ("int32", "float32") else text


def _wide(site: Site) -> Site:
    """Return the site with int32 arguments as BIGINT, float32 as DOUBLE."""
    kind = "DOUBLE" if site.types[0].is_float else "BIGINT"
    same = site.types[0].name in ("int64", "float64")
    args = site.args if same else tuple(f"CAST({a} AS {kind})" for a in site.args)
    return Site(site.function, site.types, site.result, site.options, args, site.given, site.library)


# Numbers. Without ANSI mode integers wrap and every division by zero is null.

_INFIX = {"add": "+", "sub": "-", "mul": "*", "bit_and": "&", "bit_or": "|", "bit_xor": "^", "and": "AND", "or": "OR"}
_INFIX |= {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


@shows(*_INFIX)
def _infix(site: Site) -> str:
    # Spark compares as pinned: NaN equals NaN and is above all numbers, -0 equals 0, text and binary by bytes.
    return f"({site.args[0]} {_INFIX[site.function]} {site.args[1]})"


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
        body = "a % b + CASE WHEN a % b <> 0D AND ((a % b) < 0D) <> (b < 0D) THEN b ELSE 0D END"
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
    body = (
        f"CASE WHEN x > 0D THEN {site.function}(x) WHEN x = 0D THEN negative({INFINITY}) WHEN x < 0D THEN {NAN} END"
    )
    return site.sql(site.function, "x DOUBLE", "DOUBLE", body)


@shows("pow")
def _pow(site: Site) -> str:
    # C's pow: 1 to any power is 1, and so is -1 to an infinite one; Java's are NaN.
    body = (
        "CASE WHEN a = 1D AND b IS NOT NULL THEN 1D"
        f" WHEN a = -1D AND abs(b) = {INFINITY} THEN 1D ELSE power(a, b) END"
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


# Comparison and choice.


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
    return f"(CAST({site.args[0]} AS DOUBLE) = {NAN})"


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


# Nested values.


@shows("field")
def _field(site: Site) -> str:
    return f"({site.args[0]}).{name_of(site.options['name'])}"


@shows("list_length")
def _list_length(site: Site) -> str:
    return f"CAST(array_size({site.args[0]}) AS BIGINT)"


@shows("list_get")
def _list_get(site: Site) -> str:
    index = site.constant(1)
    items = site.args[0]
    if index is not None and 0 <= index < 2**31:
        return f"get({items}, {index})"
    if index is not None and -(2**31) < index < 0:
        return f"try_element_at({items}, {index})"
    # get() is null out of range, below 0 too; only the index that fits INT may be cut to it.
    place = site.library.sql(
        "list_place",
        "i BIGINT, size INT",
        "INT",
        "CAST(CASE WHEN i >= 0L AND i < size THEN i WHEN i < 0L AND i + size >= 0L THEN i + size END AS INT)",
    )
    return f"get({items}, {place}({site.args[1]}, array_size({items})))"


@shows("list_contains")
def _list_contains(site: Site) -> str:
    # array_contains is null where nothing is found beside a null.
    items, value = site.args
    test = f"coalesce(array_contains({items}, {value}), FALSE)"
    return f"CASE WHEN {items} IS NOT NULL AND {value} IS NOT NULL THEN {test} END"


# Hashing.


@shows("hash")
def _hash(site: Site) -> str:
    seed, source = text_of(f"{site.options['seed']}:"), site.types[0]
    value = site.args[0]
    if source == BINARY:
        data = f"concat(CAST({seed} AS BINARY), {value})"
    elif source == STRING:
        data = f"CAST(concat({seed}, {value}) AS BINARY)"
    elif source.is_float:
        wide = value if source != FLOAT32 else f"CAST({value} AS DOUBLE)"
        bits = site.library.python("numbers", "double_bits", "string")
        data = f"CAST(concat({seed}, {bits}({wide})) AS BINARY)"
    else:
        data = f"CAST(concat({seed}, CAST({value} AS STRING)) AS BINARY)"
    # Base -10 is signed decimal.
    return f"CAST(conv(substring(md5({data}), 1, 16), 16, -10) AS BIGINT)"
