"""The functions of the catalogue that Flink computes by itself: numbers, comparison, logic, choice, lists, hashing.

Each maker takes a `Site` and returns text. Two properties of Flink's planner shape it. It rewrites NOT (a < b) as
a >= b, which is wrong where one is NaN, so floats are compared inside IF, which it leaves alone. And it computes a
part that stands twice twice, so parts are repeated as rarely as exactness allows.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import reduce
from typing import Any

from caudal.core.types import BINARY, BOOL, FLOAT32, INT32, INT64, STRING, DataType
from caudal.engines.flink.library import Library
from caudal.engines.flink.spelling import bigint, double, literal, type_of
from caudal.engines.jvm import printer
from caudal.engines.jvm.relation import quoted
from caudal.plan import expr as e

UNKNOWN = "CAST(NULL AS BOOLEAN)"
NAN = double(float("nan"))
INFINITY = double(float("inf"))
LARGEST = "1.7976931348623157E308"


class Site(printer.Site[Library]):
    """A call as it stands in an expression."""

    __slots__ = ()

    def worker(self, module: str, name: str, parameters: str, result: str, *constants: Any) -> Callable[..., str]:
        """Return what writes the call of a shipped function, in a worker: see `Library.python`."""
        called = self.library.python(module, name, parameters, result, *constants)
        kinds = parameters.split()

        # The planner moves a call into the branches of a CASE: any argument may become a constant, and one of bytes would
        # be refused.
        def call(*args: str) -> str:
            given = [unknown(a) if kind == "BYTES" else a for a, kind in zip(args, kinds, strict=True)]
            return f"{called}({', '.join(['RAND()', *given])})"

        return call


MAKERS: printer.Makers[Site] = printer.Makers()
shows = MAKERS.shows


def unknown(text: str) -> str:
    """Return what the planner does not take for a constant, whatever the text is."""
    return f"(CASE WHEN RAND() < 2E0 THEN {text} END)"


def constant(x: e.Expr) -> e.Literal | None:
    """Return the constant that an expression is, under whatever name."""
    while isinstance(x, e.Call) and x.function == "alias":
        x = x.args[0]
    return x if isinstance(x, e.Literal) else None


def varies(x: e.Expr) -> bool:
    """Return whether the planner takes an expression for one that depends on a column."""
    if isinstance(x, e.Call) and x.function == "coalesce":
        known = constant(x.args[0])
        return varies(x.args[0]) if known is not None and known.value is not None else any(map(varies, x.args))
    return isinstance(x, e.Column) or (isinstance(x, e.Call) and any(map(varies, x.args)))


def known(args: tuple[str, ...], then: str, dtype: DataType) -> str:
    """Return the text where no argument is null, else null."""
    test = " AND ".join(f"{a} IS NOT NULL" for a in args)
    return f"(CASE WHEN {test} THEN {then} ELSE {literal(None, dtype)} END)"


def narrowed(text: str, dtype: DataType) -> str:
    """Return BIGINT or DOUBLE text as int32 (wrapping) or float32 where that is the type."""
    return f"CAST({text} AS {type_of(dtype)})" if dtype in (INT32, FLOAT32) else text


# Numbers. Integers wrap as Java's do.

_INFIX = {"add": "+", "sub": "-", "mul": "*", "and": "AND", "or": "OR"}


@shows(*_INFIX)
def _infix(site: Site) -> str:
    return f"({site.args[0]} {_INFIX[site.function]} {site.args[1]})"


_CALLS = {
    "abs": "ABS",
    "floor": "FLOOR",
    "ceil": "CEIL",
    "exp": "EXP",
    "ln": "LN",
    "log10": "LOG10",
}


@shows(*_CALLS)
def _call(site: Site) -> str:
    if site.function in ("floor", "ceil") and site.result.is_integer:
        return site.args[0]
    return f"{_CALLS[site.function]}({site.args[0]})"


@shows("sign")
def _sign(site: Site) -> str:
    a = site.args[0]
    return f"IF({a} = 0E0, {literal(0.0, site.result)}, SIGN({a}))" if site.result.is_float else f"SIGN({a})"


@shows("sqrt")
def _sqrt(site: Site) -> str:
    # Flink's is a power of 0.5: infinite for -infinity, and 0 for -0.
    a = site.args[0]
    return f"IF({a} > 0E0, SQRT({a}), IF({a} < 0E0, {NAN}, {a}))"


@shows("neg")
def _neg(site: Site) -> str:
    return f"(- {site.args[0]})"


@shows("not")
def _not(site: Site) -> str:
    return f"(NOT {site.args[0]})"


def divided(site: Site, make: Callable[[str, str], str]) -> str:
    """Return what `make` makes of both arguments, null where the second is 0."""
    a, b = site.args
    by = site.constant(1)
    if by is not None:
        return literal(None, site.result) if by == 0 else make(a, b)
    zero = "0E0" if site.types[1].is_float else "0"
    return f"(CASE WHEN {b} <> {zero} THEN {make(a, b)} ELSE {literal(None, site.result)} END)"


@shows("div")
def _div(site: Site) -> str:
    if site.types[0].is_integer or site.types[0].name == "duration":
        return divided(site, lambda a, b: f"(CAST({a} AS DOUBLE) / CAST({b} AS DOUBLE))")
    return divided(site, lambda a, b: f"({a} / {b})")


@shows("int_div")
def _int_div(site: Site) -> str:
    if site.types[0].is_integer:
        return divided(site, lambda a, b: f"({a} / {b})")
    return divided(site, lambda a, b: f"(SIGN({a} / {b}) * FLOOR(ABS({a} / {b})))")


@shows("floor_div")
def _floor_div(site: Site) -> str:
    if site.types[0].is_float:
        return divided(site, lambda a, b: f"FLOOR({a} / {b})")
    by = site.constant(1)
    one = literal(1, site.result)
    zero = literal(0, site.result)

    def make(a: str, b: str) -> str:
        below = f"MOD({a}, {b}) < 0" if by is not None and by > 0 else f"MOD({a}, {b}) <> 0 AND ({a} < 0) <> ({b} < 0)"
        return f"({a} / {b} - (CASE WHEN {below} THEN {one} ELSE {zero} END))"

    return divided(site, make)


@shows("int_mod")
def _int_mod(site: Site) -> str:
    if site.types[0].is_integer:
        return divided(site, lambda a, b: f"MOD({a}, {b})")
    return _remainder(site)


@shows("floor_mod")
def _floor_mod(site: Site) -> str:
    if site.types[0].is_float:
        return _remainder(site)
    zero = literal(0, site.result)

    def make(a: str, b: str) -> str:
        by = site.constant(1)
        if by is not None and 0 < by < 2**30:
            return f"MOD(MOD({a}, {b}) + {b}, {b})"
        rest = f"MOD({a}, {b})"
        return f"({rest} + (CASE WHEN {rest} <> 0 AND ({rest} < 0) <> ({b} < 0) THEN {b} ELSE {zero} END))"

    return divided(site, make)


def _remainder(site: Site) -> str:
    """The remainder of floats: a null would reach the worker as NaN, and what is NaN comes back as null."""
    function = site.worker("operations", "remainder", "DOUBLE DOUBLE", "DOUBLE", site.function == "floor_mod")
    a, b = (f"CAST({x} AS DOUBLE)" if site.types[0] == FLOAT32 else x for x in site.args)
    rest = f"COALESCE({function(f'COALESCE({a}, 0E0)', f'COALESCE({b}, 0E0)')}, {NAN})"
    return narrowed(f"(CASE WHEN {a} IS NOT NULL AND {b} <> 0E0 THEN {rest} END)", site.result)


@shows("round")
def _round(site: Site) -> str:
    a = site.args[0]
    if site.result.is_integer:
        return a
    return f"(CASE WHEN ABS({a}) <= {LARGEST} THEN ROUND({a}, {site.options['digits']}) ELSE {a} END)"


@shows("pow")
def _pow(site: Site) -> str:
    a, b = site.args
    plain = f"POWER({a}, {b})"
    exponent = site.constant(1)
    if exponent is not None and abs(exponent) < float("inf"):
        return plain
    # Java gives NaN for 1 to the power of NaN and for -1 to that of an infinity, IEEE 754 gives 1.
    return (
        f"(CASE WHEN {b} IS NULL THEN CAST(NULL AS DOUBLE) WHEN {a} = 1E0 OR ({a} = -1E0 AND ABS({b}) > {LARGEST})"
        f" THEN 1E0 ELSE {plain} END)"
    )


@shows("greatest", "least")
def _extreme(site: Site) -> str:
    name, sign = ("GREATEST", ">=") if site.function == "greatest" else ("LEAST", "<=")
    if site.result == BOOL:
        return f"({name}({', '.join(f'CAST({a} AS INT)' for a in site.args)}) = 1)"
    if site.result == BINARY:
        return reduce(
            lambda a, b: f"(CASE WHEN {a} {sign} {b} THEN {a} WHEN {a} IS NOT NULL THEN {b} ELSE {a} END)",
            site.args,
        )
    return f"{name}({', '.join(site.args)})"


# Bits: of a constant mask by arithmetic, since the bits low to high - 1 of a are MOD(a, 2**high) - MOD(a, 2**low) for
# remainders that are not negative; otherwise in a worker.

_MOST_RUNS = 3


@shows("bit_and", "bit_or", "bit_xor")
def _bits(site: Site) -> str:
    a, b = site.args
    mask = site.constant(1)
    if mask is None and site.constant(0) is not None:
        a, b, mask = b, a, site.constant(0)
    both = None if mask is None else _masked(a, mask, site.result)
    if both is None:
        return _worker_bits(site)
    if site.function == "bit_and":
        return both
    return f"({a} + {b} - {both})" if site.function == "bit_or" else f"({a} + {b} - {both} - {both})"


def _masked(a: str, mask: int, dtype: DataType) -> str | None:
    """Return a AND mask; None where the mask has too many runs of ones (or, below 0, of zeros)."""
    negative = mask < 0
    runs = _runs(~mask if negative else mask)
    if len(runs) > _MOST_RUNS or any(high > 30 for _, high in runs):
        return None

    def lowest(bits: int) -> str:
        size = literal(1 << bits, INT64)
        return f"MOD(MOD(CAST({a} AS BIGINT), {size}) + {size}, {size})"

    parts = [f"({lowest(high)} - {lowest(low)})" if low else lowest(high) for low, high in runs]
    inner = narrowed("(" + " + ".join(parts) + ")", dtype) if parts else known((a,), literal(0, dtype), dtype)
    return f"({a} - {inner})" if negative else inner


def _runs(mask: int) -> list[tuple[int, int]]:
    """Return (first bit, bit behind the last) of each run of ones."""
    found: list[tuple[int, int]] = []
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            if found and found[-1][1] == bit:
                found[-1] = (found[-1][0], bit + 1)
            else:
                found.append((bit, bit + 1))
    return found


@shows("shift_left", "shift_right")
def _shift(site: Site) -> str:
    a, by = site.args[0], site.constant(1)
    if by is None:
        return _worker_bits(site)
    bits = by & 63
    if bits == 0:
        return a
    if site.function == "shift_left":
        return f"({a} * {bigint((1 << bits) - (1 << 64 if bits == 63 else 0))})"
    if bits == 63:
        return f"(CASE WHEN {a} < 0 THEN {bigint(-1)} WHEN {a} >= 0 THEN {bigint(0)} END)"
    size = bigint(1 << bits)
    return f"({a} / {size} - (CASE WHEN MOD({a}, {size}) < 0 THEN {bigint(1)} ELSE {bigint(0)} END))"


def _worker_bits(site: Site) -> str:
    # A column of integers with nulls would reach the worker as floats.
    function = site.worker("operations", "bitwise", "BIGINT BIGINT", "BIGINT", site.function)
    safe = (f"COALESCE(CAST({a} AS BIGINT), {bigint(0)})" for a in site.args)
    return known(site.args, narrowed(function(*safe), site.result), site.result)


# Comparison.

_SIGNS = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def is_nan(a: str) -> str:
    """Return whether a float is NaN; null for null."""
    return f"IF({a} >= 0E0, FALSE, IF({a} < 0E0, FALSE, IF({a} IS NULL, {UNKNOWN}, TRUE)))"


@shows(*_SIGNS)
def _compare(site: Site) -> str:
    a, b = site.args
    kind = site.types[0]
    if kind.is_float:
        return _compare_floats(site.function, a, b, site.constant(0), site.constant(1))
    if kind == BOOL:
        a, b = f"CAST({a} AS INT)", f"CAST({b} AS INT)"
    return f"({a} {_SIGNS[site.function]} {b})"


_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def _compare_floats(name: str, a: str, b: str, left: Any, right: Any) -> str:
    """NaN equals NaN and is above all numbers."""
    if right is None and left is not None:
        return _compare_floats(_MIRRORED[name], b, a, right, left)
    null = f"{a} IS NULL" if right is not None else f"{a} IS NULL OR {b} IS NULL"
    if right is not None and right == right:
        if name in ("eq", "ne"):
            return f"({a} {_SIGNS[name]} {b})"
        # A NaN is neither less nor greater, so the test that it fails is the one that is written.
        if name in ("lt", "le"):
            return f"IF({a} {_SIGNS[name]} {b}, TRUE, IF({null}, {UNKNOWN}, FALSE))"
        return f"IF({a} {'<=' if name == 'gt' else '<'} {b}, FALSE, IF({null}, {UNKNOWN}, TRUE))"
    if name == "ne":
        return f"(NOT {_compare_floats('eq', a, b, left, right)})"
    if name == "eq":
        return f"IF({a} = {b}, TRUE, IF({null}, {UNKNOWN}, IF({is_nan(a)}, {is_nan(b)}, FALSE)))"
    if name in ("gt", "ge"):
        return _compare_floats(_MIRRORED[name], b, a, None, None)
    # Where the order is not known one of them is NaN: a < b unless a is, a <= b if b is.
    last = f"(NOT {is_nan(a)})" if name == "lt" else is_nan(b)
    opposite = ">=" if name == "lt" else ">"
    return f"IF({a} {_SIGNS[name]} {b}, TRUE, IF({a} {opposite} {b}, FALSE, IF({null}, {UNKNOWN}, {last})))"


@shows("is_nan")
def _is_nan(site: Site) -> str:
    return is_nan(site.args[0]) if site.types[0].is_float else known(site.args, "FALSE", BOOL)


@shows("is_in")
def _is_in(site: Site) -> str:
    a, kind = site.args[0], site.types[0]
    values = list(dict.fromkeys(g.value for g in site.given[1:] if isinstance(g, e.Literal)))
    present = [v for v in values if v is not None and v == v]
    constants = [literal(float(v) + 0.0 if kind.is_float else v, kind) for v in present]
    if kind == BOOL:
        tests = [f"({a} = {c})" for c in constants]
    elif kind == BINARY:  # IN, which Flink makes of several equalities too, compares arrays of bytes by identity
        shown = ", ".join(literal(b64encode(v).decode(), STRING) for v in present)
        tests = [f"(TO_BASE64({a}) IN ({shown}))"] if present else []
    else:
        tests = [f"({a} IN ({', '.join(constants)}))"] if constants else []
    if kind.is_float and 0 in present:  # among many constants Flink takes -0 for another value
        tests.append(f"(ABS({a}) = {literal(0.0, kind)})")
    if any(v != v for v in values):
        tests.append(is_nan(a))
    found = "(" + " OR ".join(tests or [known((a,), "FALSE", BOOL)]) + ")"
    return f"(CASE WHEN {found} THEN TRUE ELSE {UNKNOWN} END)" if None in values else found


@shows("is_null", "is_not_null")
def _is_null(site: Site) -> str:
    return f"({site.args[0]} IS {'' if site.function == 'is_null' else 'NOT '}NULL)"


# Choice.


@shows("coalesce")
def _coalesce(site: Site) -> str:
    return f"COALESCE({', '.join(site.args)})"


@shows("nullif")
def _nullif(site: Site) -> str:
    if site.types[0].is_float:
        same = _compare_floats("eq", site.args[0], site.args[1], site.constant(0), site.constant(1))
    else:
        same = f"{site.args[0]} = {site.args[1]}"
    return f"(CASE WHEN {same} THEN {literal(None, site.result)} ELSE {site.args[0]} END)"


@shows("case")
def _case(site: Site) -> str:
    # Conditions that are constant are decided here: the planner would take the result's type for another.
    branches: list[str] = []
    last = site.args[-1]
    for at in range(0, len(site.args) - 1, 2):
        known = constant(site.given[at])
        if known is None:
            branches.append(f"WHEN {site.args[at]} THEN {site.args[at + 1]}")
        elif known.value:
            last = site.args[at + 1]
            break
    return f"(CASE {' '.join(branches)} ELSE {last} END)" if branches else last


# Nested values.


@shows("field")
def _field(site: Site) -> str:
    return f"{site.args[0]}.{quoted(site.options['name'])}"


@shows("list_length")
def _list_length(site: Site) -> str:
    return f"CAST(CARDINALITY({site.args[0]}) AS BIGINT)"


@shows("list_get")
def _list_get(site: Site) -> str:
    items, at = site.args
    size = f"CARDINALITY({items})"
    index = site.constant(1)
    if index is not None and not -(2**31) < index < 2**31 - 1:
        return literal(None, site.result)
    if index is not None:
        return f"{items}[{index + 1 if index >= 0 else f'{size} - {-index - 1}'}]"
    if constant(site.given[1]) is not None:
        return literal(None, site.result)
    if not varies(site.given[1]):
        at = unknown(at)  # where the planner finds that it is null, or out of range, it has no code for that
    # What is computed and out of range, below 1 too, gives null; a constant below 1 would be refused.
    place = (
        f"(CASE WHEN {at} >= {size} THEN 0 WHEN {at} >= 0 THEN {at} + 1"
        f" WHEN {at} >= - {size} THEN {at} + {size} + 1 ELSE 0 END)"
    )
    return f"{items}[CAST({place} AS INT)]"


@shows("list_contains")
def _list_contains(site: Site) -> str:
    items, wanted = site.args
    found = f"ARRAY_CONTAINS({items}, {wanted})"
    value = site.constant(1)
    if site.types[1].is_float and (value is None or value != value):
        # A NaN equals nothing there, but its text equals its text.
        found = f"({found} OR ({is_nan(wanted)} AND ARRAY_CONTAINS(CAST({items} AS ARRAY<STRING>), 'NaN')))"
    return found if value is not None else f"(CASE WHEN {wanted} IS NOT NULL THEN {found} END)"


def bool_text(a: str) -> str:
    """Return true or false as text."""
    return f"(CASE WHEN {a} THEN {literal('true', STRING)} WHEN NOT {a} THEN {literal('false', STRING)} END)"
