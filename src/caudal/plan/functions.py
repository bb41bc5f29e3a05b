"""The catalogue: every function of the expression language, with its argument types, result, null rule and example.

A name here is the name everywhere: in `Call`, in JSON, and (in any case) in SQL text. `resolve` is the type checker:
it returns what each argument is widened to before the function sees it, and the type of the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from caudal.core.errors import PlanError, nearest
from caudal.core.types import BINARY, BOOL, FLOAT64, INT64, SCALARS, STRING, TIMESTAMP, list_of
from caudal.plan import signature as t
from caudal.plan.signature import NULL, Options, Rule, Signature, Types

ANY_NULL = "null if any argument is null"
NEVER_NULL = "never null"


@dataclass(frozen=True, slots=True)
class Option:
    """A constant of a call. `kind`: "int", "text", "texts", "duration" (int ms) or "type"; no default: required."""

    name: str
    kind: str
    default: Any = None
    low: int = -(2**63)
    high: int = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Function:
    """A function: `python` and `sql` show its spellings, `takes` what it accepts, `example` SQL text and its value.

    `most` is None for any number of arguments. `constants_from` is the ordinal of the first argument that must be a
    literal. `shipped`: the module of `caudal.worker` that has it; engines run that where they have nothing of their own.
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
    shipped: str = ""

    @property
    def is_strict(self) -> bool:
        """Whether a null argument always gives null."""
        return self.nulls.startswith((ANY_NULL, "null for null"))


def resolve(name: str, types: Types, options: Options) -> Signature:
    """Return the types that the arguments widen to, and the result's; raises `PlanError` where none fits."""
    function = find(name)
    if len(types) < function.least or (function.most is not None and len(types) > function.most):
        least, most = function.least, function.most
        wanted = str(least) if most == least else f"{least} or more" if most is None else f"{least} to {most}"
        raise PlanError(f"{name}() takes {wanted} argument(s), not {len(types)}", hint=f"as in {function.python}")
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
    """Return the options in the catalogue's order, with defaults; raises `PlanError` where one does not fit."""
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
        if TIMESTAMP in types:
            return "a constant time: cd.lit(datetime(2026, 11, 21)); a column of texts: .str.to_timestamp()"
        return "convert one side with .cast(...)"
    return ""


def _two(*args: Any, **rest: Any) -> Function:
    return Function(*args, **{"least": 2, "most": 2, **rest})


_ZERO = "null if any argument is null or the divisor is 0"
_EITHER = "two numbers, or a time or duration with a duration"
_ALIKE = "two values of one kind, not nested"
_KLEENE = "a bool decides alone where it can: false & null is false, true | null is true"
_ADDRESS = "null for null and for text that is no address"

# fmt: off
_ENTRIES = (
    # arithmetic
    _two("add", "arithmetic", "a + b", _EITHER, t.ADD, "Sum; integers wrap.", ("1 + 2", "3")),
    _two("sub", "arithmetic", "a - b", _EITHER, t.SUB, "Difference; integers wrap.", ("1 - 2", "-1")),
    _two("mul", "arithmetic", "a * b", "two numbers, or a duration and an integer", t.MUL, "Product; integers wrap.",
        ("3 * 2", "6")),
    _two("div", "arithmetic", "a / b", "two numbers or two durations", t.DIV, "Quotient, always float64.",
        ("7 / 2", "3.5"), nulls=_ZERO),
    _two("floor_div", "arithmetic", "a // b", "two numbers", t.NUMBERS, "floor(a / b), of the arguments' type.",
        ("floor_div(-7, 2)", "-4"), nulls=_ZERO),
    _two("floor_mod", "arithmetic", "a % b", "two numbers", t.NUMBERS,
        "Remainder with the sign of b (floats: C's fmod, plus b where the signs differ).", ("floor_mod(-7, 2)", "1"),
        nulls=_ZERO),
    _two("int_div", "arithmetic", "cd.int_div(a, b)", "two numbers", t.NUMBERS,
        "trunc(a / b), of the arguments' type. SQL: `a DIV b`.", ("-7 DIV 2", "-3"), nulls=_ZERO),
    _two("int_mod", "arithmetic", "cd.int_mod(a, b)", "two numbers", t.NUMBERS,
        "Remainder with the sign of a (C's fmod). SQL: `a % b`, `MOD(a, b)`.", ("-7 % 2", "-1"), nulls=_ZERO),
    Function("neg", "arithmetic", "-a", "a number or a duration", t.alike(t.is_number_or_duration),
        "Negation; integers wrap.",
      ("-(3)", "-3")),
    Function("abs", "arithmetic", "a.abs()", "a number or a duration", t.alike(t.is_number_or_duration),
      "Absolute value; that of the smallest integer is itself.", ("abs(-3)", "3")),
    Function("sign", "arithmetic", "a.sign()", "a number", t.NUMBERS,
        "-1, 0 or 1, of the argument's type; NaN for NaN.",
      ("sign(-3)", "-1")),
    Function("round", "arithmetic", "a.round(digits)", "a number", t.ROUND,
      "The nearest decimal with so many digits behind the point, half away from zero, of the shortest decimal text"
      " of a;"
      " float64, integers unchanged.", ("round(2.5)", "3.0"), options=(Option("digits", "int", 0, 0, 15),)),
    Function("floor", "arithmetic", "a.floor()", "a number", t.NUMBERS, "Rounded down; keeps the type.",
        ("floor(-2.5)", "-3.0")),
    Function("ceil", "arithmetic", "a.ceil()", "a number", t.NUMBERS, "Rounded up; keeps the type.", ("ceil(-2.5)",
        "-2.0")),
    Function("sqrt", "arithmetic", "a.sqrt()", "a number", t.FLOATS, "Square root, float64; NaN below 0.", ("sqrt(9)",
        "3.0")),
    Function("exp", "arithmetic", "a.exp()", "a number", t.FLOATS, "e to the power of a, float64.", ("exp(0)",
        "1.0")),
    Function("ln", "arithmetic", "a.log()", "a number", t.FLOATS,
        "Natural logarithm, float64; of 0 -infinity, below NaN.",
      ("ln(1)", "0.0")),
    Function("log10", "arithmetic", "a.log(10)", "a number", t.FLOATS, "Logarithm to base 10, float64.",
        ("log10(1000)", "3.0")),
    _two("pow", "arithmetic", "a.pow(b)", "two numbers", t.FLOATS, "a to the power of b, float64.", ("pow(2, 10)",
        "1024.0")),
    Function("greatest", "arithmetic", "cd.greatest(a, b, ...)", "values of one kind, not nested",
        t.alike(t.is_scalar),
      "The greatest; NaN is above all numbers.", ("greatest(1, 3, 2)", "3"), least=2, most=None),
    Function("least", "arithmetic", "cd.least(a, b, ...)", "values of one kind, not nested", t.alike(t.is_scalar),
      "The least; NaN is above all numbers.", ("least(1, 3, 2)", "1"), least=2, most=None),
    _two("bit_and", "arithmetic", "a.bit_and(b)", "two integers", t.alike(t.is_integer), "Bitwise and. SQL: `a & b`.",
        ("6 & 3", "2")),
    _two("bit_or", "arithmetic", "a.bit_or(b)", "two integers", t.alike(t.is_integer), "Bitwise or. SQL: `a | b`.",
        ("6 | 3", "7")),
    _two("bit_xor", "arithmetic", "a.bit_xor(b)", "two integers", t.alike(t.is_integer),
        "Bitwise exclusive or. SQL: `a ^ b`.",
        ("6 ^ 3", "5")),
    _two("shift_left", "arithmetic", "a.shift_left(b)", "two integers", t.fixed(INT64, gives=INT64),
        "int64 shifted left by b modulo 64 bits. SQL: `a << b`.", ("1 << 4", "16")),
    _two("shift_right", "arithmetic", "a.shift_right(b)", "two integers", t.fixed(INT64, gives=INT64),
        "int64 shifted right by b modulo 64 bits, with the sign. SQL: `a >> b`.", ("-16 >> 2", "-4")),
    # comparison
    _two("eq", "comparison", "a == b", _ALIKE, t.COMPARE, "Equal: NaN equals NaN, -0 equals 0; text by bytes.",
        ("1 = 1.0", "true")),
    _two("ne", "comparison", "a != b", _ALIKE, t.COMPARE, "Not equal.", ("1 <> 1.0", "false")),
    _two("lt", "comparison", "a < b", _ALIKE, t.COMPARE, "Less: NaN is above all numbers; text by bytes.", ("1 < 2",
        "true")),
    _two("le", "comparison", "a <= b", _ALIKE, t.COMPARE, "Less or equal.", ("2 <= 2", "true")),
    _two("gt", "comparison", "a > b", _ALIKE, t.COMPARE, "Greater.", ("'b' > 'a'", "true")),
    _two("ge", "comparison", "a >= b", _ALIKE, t.COMPARE, "Greater or equal.", ("1 >= 2", "false")),
    Function("is_in", "comparison", "a.is_in([x, y])", "values of one kind, not nested", t.COMPARE,
      "Whether a equals one of the constants. SQL: `a IN (x, y)`.", ("404 IN (401, 403)", "false"), least=2,
      most=None,
      constants_from=1, nulls="null if a is null, or equals none of the constants and one of them is null"),
    Function("is_null", "comparison", "a.is_null()", "any value", t.alike(t.is_anything, gives=BOOL),
        "Whether a is null.",
      ("null IS NULL", "true"), nulls=NEVER_NULL),
    Function("is_not_null", "comparison", "a.is_not_null()", "any value", t.alike(t.is_anything, gives=BOOL),
        "Whether a has a value.",
      ("1 IS NOT NULL", "true"), nulls=NEVER_NULL),
    Function("is_nan", "comparison", "a.is_nan()", "a number", t.alike(t.is_number, gives=BOOL), "Whether a is NaN.",
      ("is_nan(1.5)", "false")),
    # logic
    _two("and", "logic", "a & b", "two bools", t.BOOLS, "Both. SQL: `a AND b`.", ("true AND false", "false"),
        nulls=_KLEENE),
    _two("or", "logic", "a | b", "two bools", t.BOOLS, "One or both. SQL: `a OR b`.", ("true OR false", "true"),
        nulls=_KLEENE),
    Function("not", "logic", "~a", "a bool", t.BOOLS, "Negation. SQL: `NOT a`.", ("NOT true", "false")),
    # choice
    Function("coalesce", "choice", "cd.coalesce(a, b, ...)", "values of one kind", t.alike(t.is_anything),
      "The first that is not null; a.fill_null(b) for two.", ("coalesce(null, 2)", "2"), least=2, most=None,
      nulls="null if all are null"),
    _two("nullif", "choice", "a.nullif(b)", _ALIKE, t.null_if_rule, "Null where a equals b, else a.", ("nullif(1, 2)",
        "1"),
        nulls="null if a is null or equals b"),
    Function("case", "choice", "cd.when(c).then(x).otherwise(y)",
        "pairs of a bool and a value, then a value, of one kind", t.case_rule,
      "The value behind the first true condition, else the last. SQL: `CASE WHEN c THEN x ELSE y END`, `IF(c, x,"
      " y)`.",
      ("CASE WHEN 1 > 2 THEN 'x' ELSE 'y' END", "'y'"), least=3, most=None,
      nulls="a null condition is not true; null if the chosen value is"),
    Function("cast", "choice", "a.cast(type)", "a scalar", t.cast_rule,
      "Converted, or null where it cannot be. Floats are cut towards zero. SQL: `CAST(a AS BIGINT)`.",
      ("CAST('12' AS BIGINT)", "12"), options=(Option("to", "type"),),
      nulls="null for null and where a value does not fit"),
    Function("alias", "choice", "a.alias(name)", "any value", t.alike(t.is_anything),
        "The same value under a name. SQL: `a AS name`.",
      ("alias(1, 'one')", "1"), options=(Option("name", "text"),)),
    # text
    Function("lower", "text", "a.str.lower()", "a string", t.TEXT,
        "Lower case, character by character (Unicode, no locale).",
      ("lower('AbC')", "'abc'")),
    Function("upper", "text", "a.str.upper()", "a string", t.TEXT,
        "Upper case, character by character (Unicode, no locale).",
      ("upper('AbC')", "'ABC'")),
    Function("length", "text", "a.str.length()", "a string", t.fixed(STRING, gives=INT64),
        "Number of characters (code points).",
      ("length('été')", "3")),
    Function("byte_length", "text", "a.str.byte_length()", "a string or binary",
      t.one_of(t.fixed(STRING, gives=INT64), t.fixed(BINARY, gives=INT64)), "Number of bytes.", ("byte_length('été')",
      "5")),
    Function("trim", "text", "a.str.strip()", "a string", t.TEXT, "Without ASCII white space at both ends.",
        ("trim(' a ')", "'a'")),
    Function("ltrim", "text", "a.str.lstrip()", "a string", t.TEXT, "Without ASCII white space at the start.",
      ("ltrim(' a ')", "'a '")),
    Function("rtrim", "text", "a.str.rstrip()", "a string", t.TEXT, "Without ASCII white space at the end.",
      ("rtrim(' a ')", "' a'")),
    _two("starts_with", "text", "a.str.starts_with(b)", "two strings", t.TEST, "Whether a begins with b.",
        ("starts_with('abc', 'ab')", "true")),
    _two("ends_with", "text", "a.str.ends_with(b)", "two strings", t.TEST, "Whether a ends with b.",
        ("ends_with('abc', 'bc')", "true")),
    _two("contains", "text", "a.str.contains(b)", "two strings", t.TEST, "Whether b stands in a, literally.",
        ("contains('a.c', '.')", "true")),
    Function("like", "text", "a.str.like(pattern)", "a string", t.TEST,
      "Whether all of a matches: % is any text, _ one character, a backslash takes the next one literally."
      " SQL: `a LIKE pattern`.", ("'abc' LIKE 'a%'", "true"), options=(Option("pattern", "text"),)),
    Function("matches", "text", "a.str.matches(pattern)", "a string", t.TEST,
        "Whether the regular expression (RE2) is found in a.",
      ("matches('GET /x', '^GET')", "true"), options=(Option("pattern", "text"),)),
    Function("regexp_extract", "text", "a.str.extract(pattern, group)", "a string", t.TEXT,
      "The first match's group (0: the whole match; empty where the group took no part).",
      ("regexp_extract('id=42', '=(\\d+)', 1)", "'42'"), options=(Option("pattern", "text"), Option("group", "int", 0,
      0, 9)),
      nulls="null for null and without a match"),
    Function("regexp_replace", "text", "a.str.replace_regex(pattern, replacement)", "a string", t.TEXT,
      "All matches replaced; \\1 to \\9 in the replacement are groups, \\0 the match.",
      ("regexp_replace('a1b22', '\\d+', '#')", "'a#b#'"), options=(Option("pattern", "text"), Option("replacement",
      "text"))),
    Function("replace", "text", "a.str.replace(old, new)", "a string", t.TEXT,
        "All occurrences of a non-empty text replaced.",
      ("replace('aXbX', 'X', '-')", "'a-b-'"), options=(Option("old", "text"), Option("new", "text"))),
    Function("slice", "text", "a.str.slice(offset, length)", "a string and one or two integers", t.SLICE,
      "Characters from offset (0-based, negative: from the end), at most `length` of them. SQL also: `SUBSTRING(a,"
      " 1, n)`.",
      ("slice('abcdef', 1, 3)", "'bcd'"), least=2, most=3),
    _two("find", "text", "a.str.find(b)", "two strings", t.fixed(STRING, gives=INT64),
        "Where b first stands in a, in characters from 0.", ("find('abc', 'c')", "2"),
        nulls="null if any argument is null or b does not stand in a"),
    Function("concat", "text", "cd.concat(a, b, ...)", "strings", t.TEXT,
        "The texts behind one another. SQL: `a || b`.",
      ("'a' || 'b'", "'ab'"), least=2, most=None),
    Function("reverse", "text", "a.str.reverse()", "a string", t.TEXT, "Characters (code points) in reverse.",
      ("reverse('abc')", "'cba'")),
    Function("entropy", "text", "a.str.entropy()", "a string", t.fixed(STRING, gives=FLOAT64),
      "Shannon entropy of its bytes in UTF-8, in bits a byte: 0 where all are alike (or there are none), at most 8.",
      ("entropy('abab')", "1.0"), shipped="text"),
    Function("split", "text", "a.str.split(separator)", "a string", t.fixed(STRING, gives=list_of(STRING)),
      "The parts between occurrences of a non-empty text.", ("list_get(split('a,b', ','), 1)", "'b'"),
      options=(Option("separator", "text"),)),
    # addresses
    Function("canonical", "addresses", "a.ip.canonical()", "a string", t.TEXT,
      "The address in its one spelling, without port, zone and brackets (IPv6: RFC 5952); text that is no address as"
      " it is.",
      ("canonical('[2001:DB8:0::9]:443')", "'2001:db8::9'")),
    Function("is_ipv4", "addresses", "a.ip.is_ipv4()", "a string", t.TEST,
      "Whether a is an IPv4 address and nothing else: four decimal numbers up to 255 without leading zeros.",
      ("is_ipv4('10.0.0.1')", "true")),
    Function("is_ipv6", "addresses", "a.ip.is_ipv6()", "a string", t.TEST,
      "Whether a is an IPv6 address (RFC 4291, section 2.2) and nothing else.", ("is_ipv6('::1')", "true")),
    Function("in_cidr", "addresses", "a.ip.in_cidr('10.0.0.0/8', ...)", "a string", t.TEST,
      "Whether the address lies in one of the networks; one of the other family does not.",
      ("in_cidr('10.1.2.3', '10.0.0.0/8')", "true"), options=(Option("networks", "texts"),), nulls=_ADDRESS),
    Function("is_private", "addresses", "a.ip.is_private()", "a string", t.TEST,
      "Whether the address is private: 10/8, 172.16/12, 192.168/16 (RFC 1918), fc00::/7 (RFC 4193).",
      ("is_private('192.168.1.1')", "true"), nulls=_ADDRESS),
    Function("ipv4_to_int", "addresses", "a.ip.to_int()", "a string", t.fixed(STRING, gives=INT64),
      "The IPv4 address as a number from 0 to 2**32 - 1.", ("ipv4_to_int('0.0.1.2')", "258"),
      nulls="null for null and for text that is not an IPv4 address and nothing else"),
    Function("ipv4_from_int", "addresses", "a.ip.from_int()", "an integer", t.fixed(INT64, gives=STRING),
      "The IPv4 address of a number.", ("ipv4_from_int(258)", "'0.0.1.2'"), nulls="null for null and out of range"),
    Function("ip_prefix", "addresses", "a.ip.prefix(24, 64)", "a string", t.TEXT,
      "The address's network of so many bits (IPv4, IPv6) as text: 10.1.2.0/24; IPv6 as in RFC 5952.",
      ("ip_prefix('10.1.2.3', 24)", "'10.1.2.0/24'"),
      options=(Option("v4", "int", 24, 0, 32), Option("v6", "int", 64, 0, 128)), nulls=_ADDRESS),
    # time
    *(Function(name, "time", f"a.dt.{name}()", "a timestamp", t.PART, doc,
        (f"{name}(TIMESTAMP '2024-02-29 23:59:58.765')", value))
      for name, doc, value in (
          ("year", "Year in UTC.", "2024"), ("month", "Month, 1 to 12.", "2"), ("day", "Day of the month.", "29"),
          ("hour", "Hour, 0 to 23.", "23"), ("minute", "Minute.", "59"), ("second", "Second.", "58"),
          ("millisecond", "Milliseconds of the second.", "765"), ("weekday", "1 for Monday to 7 for Sunday.", "4"),
          ("ordinal_day", "Day of the year, 1 to 366.", "60"))),
    Function("date_trunc", "time", "a.dt.truncate('5m')", "a timestamp", t.fixed(TIMESTAMP, gives=TIMESTAMP),
      "Floored to a multiple of the duration since the epoch (a Thursday), as windows are.",
      ("date_trunc(TIMESTAMP '2024-02-29 23:59:58', '1h')", "TIMESTAMP '2024-02-29 23:00:00'"),
      options=(Option("every", "duration", None, 1, 2**53),)),
    Function("strftime", "time", "a.dt.strftime('%Y-%m-%d')", "a timestamp", t.fixed(TIMESTAMP, gives=STRING),
      "As text in UTC: %Y (at least four digits) %m %d %H %M %S %f (three digits) %j %s %%.",
      ("strftime(TIMESTAMP '2024-02-29', '%Y%m%d')", "'20240229'"), options=(Option("format", "text"),)),
    Function("strptime", "time", "a.str.to_timestamp('%d/%b/%Y')", "a string", t.fixed(STRING, gives=TIMESTAMP),
      "The time that the text writes: ISO 8601 for an empty format, else POSIX strptime with %f and %z.",
      ("strptime('29/Feb/2024', '%d/%b/%Y')", "TIMESTAMP '2024-02-29'"), options=(Option("format", "text", ""),),
      nulls="null for null and for text that is no such time"),
    Function("now", "time", "cd.now()", "nothing", t.fixed(TIMESTAMP, gives=TIMESTAMP),
      "The wall clock, once for each morsel; columns made of it are left out of `verify`.",
      ("now() > TIMESTAMP '2020-01-01'", "true"), least=0, most=0, nulls=NEVER_NULL, volatile=True),
    # nested values
    Function("field", "nested", "a.field(name)", "a struct", t.field_rule, "A struct's field. SQL: `a.name`.",
      ("", ""), options=(Option("name", "text"),), nulls="null if the struct or the field is null"),
    Function("list_length", "nested", "a.list.length()", "a list", t.list_length_rule, "Number of items, nulls too.",
      ("list_length(split('a,b', ','))", "2")),
    _two("list_get", "nested", "a.list.get(index)", "a list and an integer", t.list_get_rule,
        "The item at an index from 0, negative from the end.", ("list_get(split('a,b', ','), -1)", "'b'"),
        nulls="null if any argument is null or the index is out of range"),
    _two("list_contains", "nested", "a.list.contains(b)", "a list of scalars and a value of its item type",
        t.list_contains_rule,
        "Whether an item equals b.", ("list_contains(split('a,b', ','), 'b')", "true"),
        nulls="null if any argument is null; null items equal nothing"),
    # hashing
    Function("hash", "hashing", "a.hash(seed)", "a scalar", t.alike(t.is_scalar, gives=INT64),
      "The first 8 bytes, big-endian and signed, of the MD5 digest of the seed's decimal text, a colon and the"
      " value's"
      " canonical text.", ("hash('a', 0)", "177448428635963756"), options=(Option("seed", "int", 0),)),
)
# fmt: on

FUNCTIONS: dict[str, Function] = {entry.name: entry for entry in _ENTRIES}
