"""The catalogue: every function of the expression language, with its argument types, result, null rule and example.

A name here is the name everywhere: in `Call`, in JSON, and (in any case) in SQL text. `resolve` is the type checker:
it returns what each argument is widened to before the function sees it, and the type of the result.

Widening is pinned. int32 with int32 stays int32, any other mix of integers is int64; float32 with float32 stays
float32, any other mix with a float is float64 (so int64 and float64 are compared as float64). An untyped null takes
the type that the others give it. Nothing else is converted silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from caudal.core.errors import PlanError, nearest
from caudal.core.types import (
    BINARY,
    BOOL,
    DURATION,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    SCALARS,
    STRING,
    TIMESTAMP,
    DataType,
    list_of,
)

NULL = DataType("null")
"""The type of a null that has none yet; it never is the type of a whole expression."""

Types = tuple[DataType, ...]
Signature = tuple[Types, DataType]
Options = dict[str, Any]
Rule = Callable[[Types, Options], Signature | None]

ANY_NULL = "null if any argument is null"
NEVER_NULL = "never null"


@dataclass(frozen=True, slots=True)
class Option:
    """A constant that is part of a call: `kind` is "int", "text", "texts", "duration" (int ms) or "type"; None: required."""

    name: str
    kind: str
    default: Any = None
    low: int = -(2**63)
    high: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Function:
    """A function: `python` and `sql` show its spellings, `takes` what it accepts, `example` SQL text and its value.

    `most` is None for any number of arguments. `constants_from` is the ordinal of the first argument that must be a
    literal.
    """

    name: str
    group: str
    python: str
    takes: str
    rule: Rule
    doc: str
    example: tuple[str, str]
    least: int = 1
    most: int | None = 1
    nulls: str = ANY_NULL
    options: tuple[Option, ...] = ()
    constants_from: int | None = None
    volatile: bool = False

    @property
    def is_strict(self) -> bool:
        """Whether a null argument always gives null."""
        return self.nulls.startswith((ANY_NULL, "null for null"))


def common(types: Iterable[DataType]) -> DataType | None:
    """Return the type that all of these widen to, NULL when all are untyped nulls, None when there is none."""
    known = {t for t in types if t != NULL}
    if not known:
        return NULL
    if len(known) == 1:
        return known.pop()
    if all(t.is_integer for t in known):
        return INT64
    return FLOAT64 if all(t.is_numeric for t in known) else None


def widens(got: DataType, wanted: DataType) -> bool:
    """Whether a value of one type stands for the other without a cast."""
    return got in (wanted, NULL) or common((got, wanted)) == wanted


def resolve(name: str, types: Types, options: Options) -> Signature:
    """Return the types that the arguments widen to, and the result's; raises `PlanError` where none fits."""
    function = find(name)
    if len(types) < function.least or (function.most is not None and len(types) > function.most):
        wanted = str(function.least) if function.most == function.least else f"{function.least} to {function.most or 'any'}"
        raise PlanError(
            f"{name}() takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(types)}", hint=f"as in {function.python}"
        )
    found = function.rule(types, options)
    if found is None:
        got = " and ".join(map(str, types)) if len(types) < 3 else ", ".join(map(str, types))
        raise PlanError(f"{name}() takes {function.takes}, not {got}", hint=_hint(name, types))
    return tuple(BOOL if t == NULL else t for t in found[0]), found[1]


def find(name: str) -> Function:
    """Return the function; raises `PlanError` with the nearest name."""
    function = FUNCTIONS.get(name)
    if function is None:
        raise PlanError(f"unknown function '{name}'", hint=nearest(name, FUNCTIONS))
    return function


def check_options(name: str, given: Options) -> Options:
    """Return the options in the catalogue's order with defaults filled in; raises `PlanError` for one that does not fit."""
    function = find(name)
    known = {o.name: o for o in function.options}
    for option in given:
        if option not in known:
            raise PlanError(f"unknown option '{option}' of {name}()", hint=nearest(option, known))
    return {o.name: _check_option(name, o, given.get(o.name, o.default)) for o in function.options}


def _check_option(name: str, option: Option, value: Any) -> Any:
    where = f"{name}(): {option.name}"
    if option.kind == "texts":
        values = tuple(value) if isinstance(value, list | tuple) else ()
        if not values or not all(isinstance(v, str) for v in values):
            raise PlanError(f"{where} must be one or more texts, not {value!r}")
        return values
    kind = int if option.kind in ("int", "duration") else str
    if not isinstance(value, kind) or isinstance(value, bool):
        raise PlanError(f"{where} must be a constant {'integer' if kind is int else 'text'}, not {value!r}")
    if isinstance(value, int) and not option.low <= value <= option.high:
        raise PlanError(f"{where} is out of range", detail=f"{value} is not within {option.low} to {option.high}")
    if option.kind == "type" and value not in SCALARS:
        raise PlanError(f"{where}: unknown type '{value}'", hint=nearest(str(value), SCALARS))
    return value


def _hint(name: str, types: Types) -> str:
    if name == "add" and STRING in types:
        return "texts are joined by cd.concat(a, b), or || in SQL text"
    if TIMESTAMP in types and any(t.is_numeric for t in types):
        return "a number becomes a time by .cast('timestamp'), a constant one by cd.lit(datetime(...))"
    if STRING in types and any(t.is_numeric or t == TIMESTAMP for t in types):
        return "convert one side with .cast(...)"
    return ""


# Rules: from argument types to (widened types, result), or None.


def _fixed(*wanted: DataType, gives: DataType) -> Rule:
    """Arguments of these types; the last one stands for all that follow."""

    def rule(types: Types, options: Options) -> Signature | None:
        full = tuple(wanted[min(i, len(wanted) - 1)] for i in range(len(types)))
        return (full, gives) if all(widens(t, w) for t, w in zip(types, full)) else None

    return rule


def _one_of(*rules: Rule) -> Rule:
    """The first rule that fits."""

    def rule(types: Types, options: Options) -> Signature | None:
        return next((found for r in rules if (found := r(types, options)) is not None), None)

    return rule


def _alike(accepts: Callable[[DataType], bool], gives: DataType | None = None, widen: DataType | None = None) -> Rule:
    """Arguments with a common type that is accepted; gives that type unless told, computed in `widen` if told."""

    def rule(types: Types, options: Options) -> Signature | None:
        shared = common(types)
        if shared is None or not (shared == NULL or accepts(shared)):
            return None
        shared = (widen or shared) if shared != NULL else widen or (NULL if gives is None else BOOL)
        return (shared,) * len(types), gives or shared

    return rule


def _number(t: DataType) -> bool:
    return t.is_numeric


def _integer(t: DataType) -> bool:
    return t.is_integer


def _number_or_duration(t: DataType) -> bool:
    return t.is_numeric or t == DURATION


def _scalar(t: DataType) -> bool:
    return not t.is_nested


def _anything(t: DataType) -> bool:
    return True


def _null_if(types: Types, options: Options) -> Signature | None:
    shared = common(types)
    return None if shared is None or shared.is_nested else ((shared, shared), shared)


def _case(types: Types, options: Options) -> Signature | None:
    if len(types) % 2 == 0 or not all(widens(t, BOOL) for t in types[:-1:2]):
        return None
    shared = common((*types[1::2], types[-1]))
    return None if shared is None else ((*(BOOL, shared) * (len(types) // 2), shared), shared)


def castable(source: DataType, target: DataType) -> bool:
    """Whether values of one type can be cast to the other (each value may still fail, and give null)."""
    if source in (target, NULL):
        return True
    simple = source.is_numeric or source == BOOL
    if simple and (target.is_numeric or target == BOOL):
        return True
    times = (TIMESTAMP, DURATION)
    if (source.is_integer and target in times) or (source in times and target == INT64):
        return True
    if target == STRING:
        return simple or source in (TIMESTAMP, BINARY)
    return source == STRING and (target.is_numeric or target in (BOOL, TIMESTAMP, BINARY))


def _cast(types: Types, options: Options) -> Signature | None:
    target = SCALARS[options["to"]]
    if not castable(types[0], target):
        raise PlanError(f"a {types[0]} cannot be cast to {target}")
    return (target if types[0] == NULL else types[0],), target


def _field(types: Types, options: Options) -> Signature | None:
    return (types[0],), types[0].field(options["name"]).dtype


def _list_get(types: Types, options: Options) -> Signature | None:
    item = types[0].item
    return ((types[0], INT64), item) if item is not None and widens(types[1], INT64) else None


def _list_contains(types: Types, options: Options) -> Signature | None:
    item = types[0].item
    if item is None or item.is_nested or not widens(types[1], item):
        return None
    return (types[0], item), BOOL


def _list_length(types: Types, options: Options) -> Signature | None:
    return ((types[0],), INT64) if types[0].item is not None else None


_NUMBERS = _alike(_number)
_FLOATS = _alike(_number, widen=FLOAT64)
_COMPARE = _alike(_scalar, gives=BOOL)
_BOOLS = _fixed(BOOL, gives=BOOL)
_TEXT = _fixed(STRING, gives=STRING)
_TEST = _fixed(STRING, gives=BOOL)
_PART = _fixed(TIMESTAMP, gives=INT64)
_ADD = _one_of(
    _NUMBERS,
    _fixed(TIMESTAMP, DURATION, gives=TIMESTAMP),
    _fixed(DURATION, TIMESTAMP, gives=TIMESTAMP),
    _fixed(DURATION, DURATION, gives=DURATION),
)
_SUB = _one_of(
    _NUMBERS,
    _fixed(TIMESTAMP, TIMESTAMP, gives=DURATION),
    _fixed(TIMESTAMP, DURATION, gives=TIMESTAMP),
    _fixed(DURATION, DURATION, gives=DURATION),
)
_MUL = _one_of(_NUMBERS, _fixed(DURATION, INT64, gives=DURATION), _fixed(INT64, DURATION, gives=DURATION))
_DIV = _one_of(_FLOATS, _fixed(DURATION, DURATION, gives=FLOAT64))
_ROUND = _one_of(_alike(_integer), _FLOATS)
_SLICE = _fixed(STRING, INT64, gives=STRING)
_ONE = Option("group", "int", 0, 0, 9)
_TWO_NUMBERS = "two numbers"


@cache
def _catalogue() -> dict[str, Function]:
    def f(*args: Any, **rest: Any) -> Function:
        return Function(*args, **rest)

    def two(*args: Any, **rest: Any) -> Function:
        return Function(*args, **{"least": 2, "most": 2, **rest})

    zero = "null if any argument is null or the divisor is 0"
    either = "two numbers, or a time or duration with a duration"
    cmp = "two values of one kind, not nested"
    kleene = "a bool decides alone where it can: false & null is false, true | null is true"
    ip = "null for null and for text that is no address"
    some = {"least": 2, "most": None}
    entries = (
        # arithmetic
        two("add", "arithmetic", "a + b", either, _ADD, "Sum; integers wrap.", ("1 + 2", "3")),
        two("sub", "arithmetic", "a - b", either, _SUB, "Difference; integers wrap.", ("1 - 2", "-1")),
        two("mul", "arithmetic", "a * b", "two numbers, or a duration and an integer", _MUL, "Product; integers wrap.",
            ("3 * 2", "6")),
        two("div", "arithmetic", "a / b", "two numbers or two durations", _DIV, "Quotient, always float64.", ("7 / 2", "3.5"),
            nulls=zero),
        two("floor_div", "arithmetic", "a // b", _TWO_NUMBERS, _NUMBERS, "floor(a / b), of the arguments' type.",
            ("floor_div(-7, 2)", "-4"), nulls=zero),
        two("floor_mod", "arithmetic", "a % b", _TWO_NUMBERS, _NUMBERS,
            "Remainder with the sign of b (floats: C's fmod, plus b where the signs differ).", ("floor_mod(-7, 2)", "1"),
            nulls=zero),
        two("int_div", "arithmetic", "cd.int_div(a, b)", _TWO_NUMBERS, _NUMBERS,
            "trunc(a / b), of the arguments' type. SQL: `a DIV b`.", ("-7 DIV 2", "-3"), nulls=zero),
        two("int_mod", "arithmetic", "cd.int_mod(a, b)", _TWO_NUMBERS, _NUMBERS,
            "Remainder with the sign of a (C's fmod). SQL: `a % b`, `MOD(a, b)`.", ("-7 % 2", "-1"), nulls=zero),
        f("neg", "arithmetic", "-a", "a number or a duration", _alike(_number_or_duration), "Negation; integers wrap.",
          ("-(3)", "-3")),
        f("abs", "arithmetic", "a.abs()", "a number or a duration", _alike(_number_or_duration),
          "Absolute value; that of the smallest integer is itself.", ("abs(-3)", "3")),
        f("sign", "arithmetic", "a.sign()", "a number", _NUMBERS, "-1, 0 or 1, of the argument's type; NaN for NaN.",
          ("sign(-3)", "-1")),
        f("round", "arithmetic", "a.round(digits)", "a number", _ROUND,
          "The nearest decimal with so many digits behind the point, half away from zero, of the shortest decimal text of a;"
          " float64, integers unchanged.", ("round(2.5)", "3.0"), options=(Option("digits", "int", 0, 0, 15),)),
        f("floor", "arithmetic", "a.floor()", "a number", _NUMBERS, "Rounded down; keeps the type.", ("floor(-2.5)", "-3.0")),
        f("ceil", "arithmetic", "a.ceil()", "a number", _NUMBERS, "Rounded up; keeps the type.", ("ceil(-2.5)", "-2.0")),
        f("sqrt", "arithmetic", "a.sqrt()", "a number", _FLOATS, "Square root, float64; NaN below 0.", ("sqrt(9)", "3.0")),
        f("exp", "arithmetic", "a.exp()", "a number", _FLOATS, "e to the power of a, float64.", ("exp(0)", "1.0")),
        f("ln", "arithmetic", "a.log()", "a number", _FLOATS, "Natural logarithm, float64; of 0 -infinity, below NaN.",
          ("ln(1)", "0.0")),
        f("log10", "arithmetic", "a.log(10)", "a number", _FLOATS, "Logarithm to base 10, float64.", ("log10(1000)", "3.0")),
        two("pow", "arithmetic", "a.pow(b)", _TWO_NUMBERS, _FLOATS, "a to the power of b, float64.", ("pow(2, 10)", "1024.0")),
        f("greatest", "arithmetic", "cd.greatest(a, b, ...)", "values of one kind, not nested", _alike(_scalar),
          "The greatest; NaN is above all numbers.", ("greatest(1, 3, 2)", "3"), **some),
        f("least", "arithmetic", "cd.least(a, b, ...)", "values of one kind, not nested", _alike(_scalar),
          "The least; NaN is above all numbers.", ("least(1, 3, 2)", "1"), **some),
        two("bit_and", "arithmetic", "a.bit_and(b)", "two integers", _alike(_integer), "Bitwise and. SQL: `a & b`.",
            ("6 & 3", "2")),
        two("bit_or", "arithmetic", "a.bit_or(b)", "two integers", _alike(_integer), "Bitwise or. SQL: `a | b`.",
            ("6 | 3", "7")),
        two("bit_xor", "arithmetic", "a.bit_xor(b)", "two integers", _alike(_integer), "Bitwise exclusive or. SQL: `a ^ b`.",
            ("6 ^ 3", "5")),
        two("shift_left", "arithmetic", "a.shift_left(b)", "two integers", _fixed(INT64, gives=INT64),
            "int64 shifted left by b modulo 64 bits. SQL: `a << b`.", ("1 << 4", "16")),
        two("shift_right", "arithmetic", "a.shift_right(b)", "two integers", _fixed(INT64, gives=INT64),
            "int64 shifted right by b modulo 64 bits, with the sign. SQL: `a >> b`.", ("-16 >> 2", "-4")),
        # comparison
        two("eq", "comparison", "a == b", cmp, _COMPARE, "Equal: NaN equals NaN, -0 equals 0; text by bytes.",
            ("1 = 1.0", "true")),
        two("ne", "comparison", "a != b", cmp, _COMPARE, "Not equal.", ("1 <> 1.0", "false")),
        two("lt", "comparison", "a < b", cmp, _COMPARE, "Less: NaN is above all numbers; text by bytes.", ("1 < 2", "true")),
        two("le", "comparison", "a <= b", cmp, _COMPARE, "Less or equal.", ("2 <= 2", "true")),
        two("gt", "comparison", "a > b", cmp, _COMPARE, "Greater.", ("'b' > 'a'", "true")),
        two("ge", "comparison", "a >= b", cmp, _COMPARE, "Greater or equal.", ("1 >= 2", "false")),
        f("is_in", "comparison", "a.is_in([x, y])", "values of one kind, not nested", _COMPARE,
          "Whether a equals one of the constants. SQL: `a IN (x, y)`.", ("404 IN (401, 403)", "false"), **some,
          constants_from=1, nulls="null if a is null, or equals none of the constants and one of them is null"),
        f("is_null", "comparison", "a.is_null()", "any value", _alike(_anything, gives=BOOL), "Whether a is null.",
          ("null IS NULL", "true"), nulls=NEVER_NULL),
        f("is_not_null", "comparison", "a.is_not_null()", "any value", _alike(_anything, gives=BOOL), "Whether a has a value.",
          ("1 IS NOT NULL", "true"), nulls=NEVER_NULL),
        f("is_nan", "comparison", "a.is_nan()", "a number", _alike(_number, gives=BOOL), "Whether a is NaN.",
          ("is_nan(1.5)", "false")),
        # logic
        two("and", "logic", "a & b", "two bools", _BOOLS, "Both. SQL: `a AND b`.", ("true AND false", "false"), nulls=kleene),
        two("or", "logic", "a | b", "two bools", _BOOLS, "One or both. SQL: `a OR b`.", ("true OR false", "true"),
            nulls=kleene),
        f("not", "logic", "~a", "a bool", _BOOLS, "Negation. SQL: `NOT a`.", ("NOT true", "false")),
        # choice
        f("coalesce", "choice", "cd.coalesce(a, b, ...)", "values of one kind", _alike(_anything),
          "The first that is not null; a.fill_null(b) for two.", ("coalesce(null, 2)", "2"), **some,
          nulls="null if all are null"),
        two("nullif", "choice", "a.nullif(b)", cmp, _null_if, "Null where a equals b, else a.", ("nullif(1, 2)", "1"),
            nulls="null if a is null or equals b"),
        f("case", "choice", "cd.when(c).then(x).otherwise(y)", "pairs of a bool and a value, then a value, of one kind", _case,
          "The value behind the first true condition, else the last. SQL: `CASE WHEN c THEN x ELSE y END`, `IF(c, x, y)`.",
          ("CASE WHEN 1 > 2 THEN 'x' ELSE 'y' END", "'y'"), least=3, most=None,
          nulls="a null condition is not true; null if the chosen value is"),
        f("cast", "choice", "a.cast(type)", "a scalar", _cast,
          "Converted, or null where it cannot be. Floats are cut towards zero. SQL: `CAST(a AS BIGINT)`.",
          ("CAST('12' AS BIGINT)", "12"), options=(Option("to", "type"),), nulls="null for null and where a value does not fit"),
        f("alias", "choice", "a.alias(name)", "any value", _alike(_anything), "The same value under a name. SQL: `a AS name`.",
          ("alias(1, 'one')", "1"), options=(Option("name", "text"),)),
        # text
        f("lower", "text", "a.str.lower()", "a string", _TEXT, "Lower case, character by character (Unicode, no locale).",
          ("lower('AbC')", "'abc'")),
        f("upper", "text", "a.str.upper()", "a string", _TEXT, "Upper case, character by character (Unicode, no locale).",
          ("upper('AbC')", "'ABC'")),
        f("length", "text", "a.str.length()", "a string", _fixed(STRING, gives=INT64), "Number of characters (code points).",
          ("length('été')", "3")),
        f("byte_length", "text", "a.str.byte_length()", "a string or binary",
          _one_of(_fixed(STRING, gives=INT64), _fixed(BINARY, gives=INT64)), "Number of bytes.", ("byte_length('été')", "5")),
        f("trim", "text", "a.str.strip()", "a string", _TEXT, "Without ASCII white space at both ends.", ("trim(' a ')", "'a'")),
        f("ltrim", "text", "a.str.lstrip()", "a string", _TEXT, "Without ASCII white space at the start.",
          ("ltrim(' a ')", "'a '")),
        f("rtrim", "text", "a.str.rstrip()", "a string", _TEXT, "Without ASCII white space at the end.",
          ("rtrim(' a ')", "' a'")),
        two("starts_with", "text", "a.str.starts_with(b)", "two strings", _TEST, "Whether a begins with b.",
            ("starts_with('abc', 'ab')", "true")),
        two("ends_with", "text", "a.str.ends_with(b)", "two strings", _TEST, "Whether a ends with b.",
            ("ends_with('abc', 'bc')", "true")),
        two("contains", "text", "a.str.contains(b)", "two strings", _TEST, "Whether b stands in a, literally.",
            ("contains('a.c', '.')", "true")),
        f("like", "text", "a.str.like(pattern)", "a string", _TEST,
          "Whether all of a matches: % is any text, _ one character, a backslash takes the next one literally."
          " SQL: `a LIKE pattern`.", ("'abc' LIKE 'a%'", "true"), options=(Option("pattern", "text"),)),
        f("matches", "text", "a.str.matches(pattern)", "a string", _TEST, "Whether the regular expression (RE2) is found in a.",
          ("matches('GET /x', '^GET')", "true"), options=(Option("pattern", "text"),)),
        f("regexp_extract", "text", "a.str.extract(pattern, group)", "a string", _TEXT,
          "The first match's group (0: the whole match; empty where the group took no part).",
          ("regexp_extract('id=42', '=(\\d+)', 1)", "'42'"), options=(Option("pattern", "text"), _ONE),
          nulls="null for null and without a match"),
        f("regexp_replace", "text", "a.str.replace_regex(pattern, replacement)", "a string", _TEXT,
          "All matches replaced; \\1 to \\9 in the replacement are groups, \\0 the match.",
          ("regexp_replace('a1b22', '\\d+', '#')", "'a#b#'"), options=(Option("pattern", "text"), Option("replacement", "text"))),
        f("replace", "text", "a.str.replace(old, new)", "a string", _TEXT, "All occurrences of a non-empty text replaced.",
          ("replace('aXbX', 'X', '-')", "'a-b-'"), options=(Option("old", "text"), Option("new", "text"))),
        f("slice", "text", "a.str.slice(offset, length)", "a string and one or two integers", _SLICE,
          "Characters from offset (0-based, negative: from the end), at most `length` of them. SQL also: `SUBSTRING(a, 1, n)`.",
          ("slice('abcdef', 1, 3)", "'bcd'"), least=2, most=3),
        two("find", "text", "a.str.find(b)", "two strings", _fixed(STRING, gives=INT64),
            "Where b first stands in a, in characters from 0.", ("find('abc', 'c')", "2"),
            nulls="null if any argument is null or b does not stand in a"),
        f("concat", "text", "cd.concat(a, b, ...)", "strings", _TEXT, "The texts behind one another. SQL: `a || b`.",
          ("'a' || 'b'", "'ab'"), **some),
        f("reverse", "text", "a.str.reverse()", "a string", _TEXT, "Characters (code points) in reverse.",
          ("reverse('abc')", "'cba'")),
        f("split", "text", "a.str.split(separator)", "a string", _fixed(STRING, gives=list_of(STRING)),
          "The parts between occurrences of a non-empty text.", ("list_get(split('a,b', ','), 1)", "'b'"),
          options=(Option("separator", "text"),)),
        # addresses
        f("is_ipv4", "addresses", "a.ip.is_ipv4()", "a string", _TEST,
          "Whether a is an IPv4 address: four decimal numbers up to 255 without leading zeros.", ("is_ipv4('10.0.0.1')", "true")),
        f("is_ipv6", "addresses", "a.ip.is_ipv6()", "a string", _TEST,
          "Whether a is an IPv6 address (RFC 4291, section 2.2), without a zone.", ("is_ipv6('::1')", "true")),
        f("in_cidr", "addresses", "a.ip.in_cidr('10.0.0.0/8', ...)", "a string", _TEST,
          "Whether the address lies in one of the networks; one of the other family does not (::ffff:10.0.0.1 is IPv6).",
          ("in_cidr('10.1.2.3', '10.0.0.0/8')", "true"), options=(Option("networks", "texts"),), nulls=ip),
        f("is_private", "addresses", "a.ip.is_private()", "a string", _TEST,
          "Whether the address is private: 10/8, 172.16/12, 192.168/16 (RFC 1918), fc00::/7 (RFC 4193).",
          ("is_private('192.168.1.1')", "true"), nulls=ip),
        f("ipv4_to_int", "addresses", "a.ip.to_int()", "a string", _fixed(STRING, gives=INT64),
          "The IPv4 address as a number from 0 to 2**32 - 1.", ("ipv4_to_int('0.0.1.2')", "258"),
          nulls="null for null and for text that is no IPv4 address"),
        f("ipv4_from_int", "addresses", "a.ip.from_int()", "an integer", _fixed(INT64, gives=STRING),
          "The IPv4 address of a number.", ("ipv4_from_int(258)", "'0.0.1.2'"), nulls="null for null and out of range"),
        f("ip_prefix", "addresses", "a.ip.prefix(24, 64)", "a string", _TEXT,
          "The address's network of so many bits (IPv4, IPv6) as text: 10.1.2.0/24; IPv6 as in RFC 5952.",
          ("ip_prefix('10.1.2.3', 24)", "'10.1.2.0/24'"),
          options=(Option("v4", "int", 24, 0, 32), Option("v6", "int", 64, 0, 128)), nulls=ip),
        # time
        *(f(name, "time", f"a.dt.{name}()", "a timestamp", _PART, doc, (f"{name}(TIMESTAMP '2024-02-29 23:59:58.765')", value))
          for name, doc, value in (
              ("year", "Year in UTC.", "2024"), ("month", "Month, 1 to 12.", "2"), ("day", "Day of the month.", "29"),
              ("hour", "Hour, 0 to 23.", "23"), ("minute", "Minute.", "59"), ("second", "Second.", "58"),
              ("millisecond", "Milliseconds of the second.", "765"), ("weekday", "1 for Monday to 7 for Sunday.", "4"),
              ("ordinal_day", "Day of the year, 1 to 366.", "60"))),
        f("date_trunc", "time", "a.dt.truncate('5m')", "a timestamp", _fixed(TIMESTAMP, gives=TIMESTAMP),
          "Floored to a multiple of the duration since the epoch (a Thursday), as windows are.",
          ("date_trunc(TIMESTAMP '2024-02-29 23:59:58', '1h')", "TIMESTAMP '2024-02-29 23:00:00'"),
          options=(Option("every", "duration", None, 1, 2**53),)),
        f("strftime", "time", "a.dt.strftime('%Y-%m-%d')", "a timestamp", _fixed(TIMESTAMP, gives=STRING),
          "As text in UTC: %Y (at least four digits) %m %d %H %M %S %f (three digits) %j %s %%.",
          ("strftime(TIMESTAMP '2024-02-29', '%Y%m%d')", "'20240229'"), options=(Option("format", "text"),)),
        f("strptime", "time", "a.str.to_timestamp('%d/%b/%Y')", "a string", _fixed(STRING, gives=TIMESTAMP),
          "The time that the text writes: ISO 8601 for an empty format, else POSIX strptime with %f and %z.",
          ("strptime('29/Feb/2024', '%d/%b/%Y')", "TIMESTAMP '2024-02-29'"), options=(Option("format", "text", ""),),
          nulls="null for null and for text that is no such time"),
        f("now", "time", "cd.now()", "nothing", _fixed(TIMESTAMP, gives=TIMESTAMP),
          "The wall clock, once for each morsel; columns made of it are left out of `verify`.",
          ("now() > TIMESTAMP '2020-01-01'", "true"), least=0, most=0, nulls=NEVER_NULL, volatile=True),
        # nested values
        f("field", "nested", "a.field(name)", "a struct", _field, "A struct's field. SQL: `a.name`.",
          ("1 + 1", "2"), options=(Option("name", "text"),), nulls="null if the struct or the field is null"),
        f("list_length", "nested", "a.list.length()", "a list", _list_length, "Number of items, nulls too.",
          ("list_length(split('a,b', ','))", "2")),
        two("list_get", "nested", "a.list.get(index)", "a list and an integer", _list_get,
            "The item at an index from 0, negative from the end.", ("list_get(split('a,b', ','), -1)", "'b'"),
            nulls="null if any argument is null or the index is out of range"),
        two("list_contains", "nested", "a.list.contains(b)", "a list of scalars and a value of its item type", _list_contains,
            "Whether an item equals b.", ("list_contains(split('a,b', ','), 'b')", "true"),
            nulls="null if any argument is null; null items equal nothing"),
        # hashing
        f("hash", "hashing", "a.hash(seed)", "a scalar", _alike(_scalar, gives=INT64),
          "The first 8 bytes, big-endian and signed, of the MD5 digest of the seed's decimal text, a colon and the value's"
          " canonical text.", ("hash('a', 0)", "177448428635963756"), options=(Option("seed", "int", 0),)),
    )
    return {entry.name: entry for entry in entries}  # fmt: skip


FUNCTIONS: dict[str, Function] = _catalogue()

__all__ = ["FLOAT32", "FUNCTIONS", "INT32", "NULL", "Function", "Option", "castable", "common", "find", "resolve", "widens"]
