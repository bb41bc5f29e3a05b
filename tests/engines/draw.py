"""Random typed expressions over awkward values."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from caudal.core.types import (
    BINARY,
    BOOL,
    DURATION,
    FLOAT32,
    FLOAT64,
    INT32,
    INT64,
    STRING,
    TIMESTAMP,
    DataType,
    Schema,
)
from caudal.plan import expr as e
from caudal.plan import functions

_NAN, _INF = math.nan, math.inf
_LOW, _HIGH = -(2**63), 2**63 - 1

POOLS: dict[DataType, list[Any]] = {
    INT64: [
        0,
        1,
        -1,
        2,
        7,
        -7,
        100,
        2**31 - 1,
        2**31,
        -(2**31) - 1,
        2**53 + 1,
        _HIGH,
        _LOW,
        _HIGH - 1,
        4294967295,
        3232235777,
    ],
    INT32: [0, 1, -1, 3, -7, 2**31 - 1, -(2**31), 65536],
    FLOAT64: [
        _NAN,
        _INF,
        -_INF,
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        2.5,
        -2.5,
        1.005,
        2.675,
        1e16,
        1e22,
        123456.789,
        1e-7,
        5e-324,
        1.7976931348623157e308,
        9.223372036854775807e18,
        -9.223372036854775808e18,
        2147483647.9,
        0.1,
        1e15 + 0.3,
    ],
    FLOAT32: [
        _NAN,
        _INF,
        0.0,
        -0.0,
        1.5,
        -2.5,
        16777216.0,
        0.10000000149011612,
        3.4028234663852886e38,
        1.401298464324817e-45,
    ],
    STRING: [
        "",
        "a",
        "A",
        "abc",
        "aXbX",
        "été",
        "É",
        "日本語",
        "\U0001f600x",
        "e\u0301",
        "\ufffd",
        "İIıß",
        "ΑΣ",
        "ﬁſK",
        " a ",
        "\t\u000b b\r\n",
        "12",
        "-5",
        "+7",
        " 1",
        "1.5",
        "1e3",
        "-.5",
        "1e999",
        "true",
        "FALSE",
        "0",
        "NaN",
        "100%",
        "a_c",
        "a\\b",
        "it's",
        "${x}",
        "\x00",
        "a\nb",
        "10.0.0.1",
        "192.168.1.255",
        "255.255.255.255",
        "01.2.3.4",
        "::1",
        "::ffff:10.0.0.1",
        "2001:0DB8::ff00:42:8329",
        "fd00::1",
        "1:2:3:4:5:6:7::",
        "fe80::1%eth0",
        "[2001:db8::9%1]:443",
        "10.0.0.1:65535",
        "::FFFF:a00:1",
        ":::",
        "2024-02-29T23:59:58.765Z",
        "2024-02-29 23:59",
        "2023-02-29",
        "0000-01-01",
        "1969-12-31T23:59:59.9999-00:30",
        "9999-12-31T23:59:59+23:59",
        "0001-01-01T00:00+01",
        "2024-03-31t02:30:00,5+0530",
        "10/Oct/2000:13:55:36 -0700",
        "31/Feb/2000:00:00:00 +0000",
        "GET /admin?id=42&id=7 HTTP/1.1",
        "id=",
        "a,b,,c",
        ",",
        "x" * 70,
        "9223372036854775808",
    ],
    TIMESTAMP: [
        0,
        -1,
        1,
        1709251198765,
        951782400000,
        -62135596800000,
        253402300799999,
        253402300800000,
        -62135596800001,
        _HIGH,
        _LOW,
        86399999,
        -86400000,
        68169600000000,
    ],
    DURATION: [0, 1, -1, 1500, 86400000, _HIGH, _LOW],
    BOOL: [True, False],
    BINARY: [b"", b"\x00\xff", b"a", "é".encode(), b"\xed\xa0\x80"],
}
PATTERNS = [
    "^GET /(admin|login)",
    r"(?i)k+s",
    r"\d+",
    r"^.$",
    r"\bb\b",
    r"[^a-c\s]+$",
    "a(b)?c",
    r"(?i)[^k]",
    "(?s)a.b",
    "x{2,3}?",
    r"id=(\d+)",
    "(a|b)*c",
    r"[[:alpha:]]+",
    "^(?:[0-9]{1,3}\\.){3}[0-9]{1,3}$",
    "é|本",
    "a|ab",
    r"[&\[-]",
    "\\.",
    "(?P<n>[a-z])",
    "",
    "a*",
    r"\pL+",
    "(?i)É",
    r"\W",
    r"(\w)(\w)?",
]
LIKES = ["ab%", "%b%", "%.exe", "a_c", "a%c%", "100\\%", "", "%", "_", "a\\\\b", "%\\_%", "é%本", "__%", "\\a%", "%a\\"]
FORMATS = ["%d/%b/%Y:%H:%M:%S %z", "%Y-%m-%d", "%s", "%Y%j", "%y-%m-%dT%H:%M:%S.%f%z", "%d %B %Y"]
_APPROXIMATE = {"exp", "ln", "log10", "pow"}
FUNCTIONS = frozenset(functions.FUNCTIONS) - {"now"}
SCALARS = list(POOLS)


def _columns() -> tuple[Schema, dict[str, list[Any]]]:
    rng = random.Random(7)
    rows = max(len(pool) for pool in POOLS.values()) + 1
    names = {
        INT64: "ij",
        INT32: "mn",
        FLOAT64: "xy",
        FLOAT32: "uv",
        STRING: "pq",
        TIMESTAMP: "ts",
        DURATION: "de",
        BOOL: "bc",
        BINARY: "wz",
    }
    types: dict[str, Any] = {}
    given: dict[str, list[Any]] = {}
    for dtype, letters in names.items():
        for letter in letters:
            pool = [*POOLS[dtype], None]
            values = pool * (rows // len(pool) + 1)
            if letter == letters[1]:
                values = [rng.choice(pool) for _ in range(rows)]
            types[letter] = dtype
            given[letter] = values[:rows]
    lists = [[1, 2], [], [None], None, [_HIGH, None, 1], [0, -1, 7]]
    texts = [["a", "é"], [], [None, "b"], None, ["abc", "", "a"]]
    floats = [[_NAN, 0.0], [-0.0], None, [None, 1.5], []]
    nested = [{"a": 1, "b": {"c": "é"}}, None, {"a": None, "b": None}, {"a": _LOW, "b": {"c": None}}]
    for name, spec, pool in (
        ("l", "list<int64>", lists),
        ("k", "list<string>", texts),
        ("o", "list<float64>", floats),
        ("r.s", {"a": "int64", "b": {"c": "string"}}, nested),
    ):
        types[name] = spec
        given[name] = [pool[i % len(pool)] for i in range(rows)]
    return Schema.of(types), given


SCHEMA, ROWS = _columns()


def expressions(seed: int, count: int) -> list[e.Expr]:
    """Return so many random expressions, no two the same; a seed always gives the same, fewer are the first of more."""
    drawer = _Drawer(random.Random(seed))
    found: dict[str, e.Expr] = {}
    drawn = 0
    while len(found) < count:
        x = _at_root(drawer, drawn)
        found.setdefault(str(x), x)
        drawn += 1
    return list(found.values())


def _at_root(drawer: _Drawer, number: int) -> e.Expr:
    """Return an expression; every tenth is one of those whose last bits are not pinned."""
    if number % 10 == 9:
        x = drawer.any(FLOAT64, 1)
        if number % 20 == 9:
            return e.call(drawer.rng.choice(["exp", "ln", "log10"]), x)
        return e.call("pow", x, drawer.any(FLOAT64, 1))
    return drawer.any(drawer.rng.choice([*SCALARS, BOOL, STRING, INT64]), drawer.rng.choice([1, 2, 2, 3]))


def is_approximate(x: e.Expr) -> bool:
    """Whether the last bits of a value are not pinned; such functions stand at the root only."""
    return isinstance(x, e.Call) and x.function in _APPROXIMATE


class _Drawer:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def any(self, dtype: DataType, depth: int) -> e.Expr:
        """Return an expression of exactly this type."""
        if depth == 0 or self.rng.random() < 0.08:
            return self._leaf(dtype)
        rules = _RULES[dtype.name] if self.rng.random() < 0.8 else _EVERY
        return self.rng.choice(rules)(self, dtype, depth - 1)

    def _leaf(self, dtype: DataType) -> e.Expr:
        if self.rng.random() < 0.25:
            return self.constant(dtype)
        return e.col(self.rng.choice([f.name for f in SCHEMA if f.dtype == dtype]))

    def constant(self, dtype: DataType) -> e.Literal:
        return e.Literal(self.rng.choice([*POOLS[dtype], *POOLS[dtype], None]), dtype)

    def scalar(self) -> DataType:
        return self.rng.choice(SCALARS)

    def number(self) -> DataType:
        return self.rng.choice([INT32, INT64, FLOAT32, FLOAT64])


def _of(function: str, *types: DataType, **options: list[Any]) -> Any:
    def rule(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
        chosen = {name: d.rng.choice(values) for name, values in options.items()}
        return e.call(function, *(d.any(t, depth) for t in types), **chosen)

    return rule


def _same(function: str, count: int = 2) -> Any:
    return lambda d, dtype, depth: e.call(function, *(d.any(dtype, depth) for _ in range(count)))


def _compare(function: str) -> Any:
    def rule(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
        kind = d.scalar()
        other = d.number() if kind.is_numeric else kind
        return e.call(function, d.any(kind, depth), d.any(other, depth))

    return rule


def _choice(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    return e.call(
        "case", d.any(BOOL, depth), d.any(dtype, depth), d.any(BOOL, depth), d.any(dtype, depth), d.any(dtype, depth)
    )


def _is_in(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    kind = d.scalar()
    return e.call("is_in", d.any(kind, depth), *(d.constant(kind) for _ in range(d.rng.choice([1, 3, 20]))))


def _cast(*sources: DataType) -> Any:
    return lambda d, dtype, depth: e.call("cast", d.any(d.rng.choice(sources), depth), to=dtype.name)


def _over_any(function: str, **options: list[Any]) -> Any:
    return lambda d, dtype, depth: _of(function, d.scalar(), **options)(d, dtype, depth)


def _over_number(function: str) -> Any:
    return lambda d, dtype, depth: e.call(function, d.any(d.number(), depth))


def _over_text(function: str, **options: list[Any]) -> Any:
    return _of(function, STRING, **options)


def _extract(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    pattern = d.rng.choice(PATTERNS)
    group = d.rng.choice([0, 1]) if "(" in pattern.replace("(?i)", "").replace("(?s)", "").replace("(?:", "") else 0
    return e.call("regexp_extract", d.any(STRING, depth), pattern=pattern, group=group)


def _listed(d: _Drawer, item: DataType) -> e.Expr:
    if item == STRING and d.rng.random() < 0.5:
        return e.call("split", d.any(STRING, 0), separator=d.rng.choice([",", "a", ".", "é", "X"]))
    return e.col({INT64: "l", STRING: "k", FLOAT64: "o"}[item])


def _list_get(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    index = e.lit(d.rng.choice([0, 1, -1, -2, 5])) if d.rng.random() < 0.5 else d.any(INT64, depth)
    return e.call("list_get", _listed(d, dtype), index)


def _list_contains(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    item = d.rng.choice([INT64, STRING, FLOAT64])
    return e.call("list_contains", _listed(d, item), d.any(item, depth))


def _list_length(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    return e.call("list_length", _listed(d, d.rng.choice([INT64, STRING, FLOAT64])))


def _alias(d: _Drawer, dtype: DataType, depth: int) -> e.Expr:
    return d.any(dtype, depth).alias("x")


_EVERY = [
    _choice,
    _same("coalesce"),
    _same("coalesce", 3),
    _same("nullif"),
    _same("greatest"),
    _same("least", 3),
    _alias,
]
_NUMBER = [_same(name) for name in ("add", "sub", "mul", "floor_div", "floor_mod", "int_div", "int_mod")]
_NUMBER += [_same(name, 1) for name in ("neg", "abs", "sign", "floor", "ceil")]
_BITS = [_same(name) for name in ("bit_and", "bit_or", "bit_xor")]
_PARTS = ["year", "month", "day", "hour", "minute", "second", "millisecond", "weekday", "ordinal_day"]
_RULES: dict[str, list[Any]] = {
    "int64": [
        *_NUMBER,
        *_BITS,
        _of("shift_left", INT64, INT64),
        _of("shift_right", INT64, INT64),
        _of("round", INT64, digits=[0, 2]),
        _cast(INT32, FLOAT32, FLOAT64, STRING, BOOL, TIMESTAMP, DURATION),
        _of("length", STRING),
        _of("byte_length", STRING),
        _of("byte_length", BINARY),
        _of("find", STRING, STRING),
        _over_text("ipv4_to_int"),
        *(_of(part, TIMESTAMP) for part in _PARTS),
        _over_any("hash", seed=[0, -7, 2**40]),
        _list_get,
        _list_length,
        lambda d, dtype, depth: e.col("r.s").field("a"),
    ],
    "int32": [*_NUMBER, *_BITS, _cast(INT64, FLOAT32, FLOAT64, STRING, BOOL)],
    "float64": [
        *_NUMBER,
        _of("div", FLOAT64, FLOAT64),
        _of("div", INT64, INT64),
        _of("div", DURATION, DURATION),
        _of("sqrt", FLOAT64),
        _of("add", FLOAT32, INT32),
        _of("round", FLOAT64, digits=[0, 1, 2, 5, 15]),
        _of("round", FLOAT32, digits=[0, 2]),
        _cast(INT32, INT64, FLOAT32, STRING, BOOL),
        _list_get,
    ],
    "float32": [*_NUMBER, _cast(INT32, INT64, FLOAT64, STRING, BOOL)],
    "string": [
        _over_text("lower"),
        _over_text("upper"),
        _over_text("trim"),
        _over_text("ltrim"),
        _over_text("rtrim"),
        _over_text("reverse"),
        _extract,
        _extract,
        _over_text("regexp_replace", pattern=[p for p in PATTERNS if p], replacement=["", "#", r"<\0>", "$1\\\\"]),
        _over_text("replace", old=["a", "X", "é", "aa"], new=["", "--", "$1"]),
        _of("slice", STRING, INT64),
        _of("slice", STRING, INT64, INT64),
        _of("slice", STRING, INT32),
        _same("concat"),
        _same("concat", 3),
        _of("ipv4_from_int", INT64),
        _over_text("canonical"),
        _over_text("ip_prefix", v4=[0, 8, 24, 32], v6=[48, 64, 128]),
        _of("strftime", TIMESTAMP, format=["%Y-%m-%dT%H:%M:%S.%f", "%j %s%%", "day"]),
        _cast(INT32, INT64, FLOAT32, FLOAT64, BOOL, TIMESTAMP, BINARY),
        _list_get,
        lambda d, dtype, depth: e.col("r.s").field("b").field("c"),
    ],
    "binary": [_cast(STRING)],
    "timestamp": [
        _of("add", TIMESTAMP, DURATION),
        _of("sub", TIMESTAMP, DURATION),
        _of("date_trunc", TIMESTAMP, every=[1, 1000, 300_000, 86_400_000, 604_800_000]),
        _cast(STRING, INT64, INT32),
        _over_text("strptime", format=["", *FORMATS]),
    ],
    "duration": [
        _of("add", DURATION, DURATION),
        _of("sub", TIMESTAMP, TIMESTAMP),
        _of("mul", DURATION, INT64),
        _same("neg", 1),
        _same("abs", 1),
        _cast(INT64),
    ],
    "bool": [
        *(_compare(name) for name in ("eq", "ne", "lt", "le", "gt", "ge")),
        _is_in,
        _is_in,
        _over_any("is_null"),
        _over_any("is_not_null"),
        _over_number("is_nan"),
        _same("and"),
        _same("or"),
        _same("not", 1),
        _of("starts_with", STRING, STRING),
        _of("ends_with", STRING, STRING),
        _of("contains", STRING, STRING),
        _over_text("like", pattern=LIKES),
        _over_text("like", pattern=LIKES),
        _over_text("matches", pattern=PATTERNS),
        _over_text("matches", pattern=PATTERNS),
        _over_text("is_ipv4"),
        _over_text("is_ipv6"),
        _over_text("is_private"),
        _over_text("in_cidr", networks=[("10.0.0.0/8",), ("192.0.2.7/32", "2001:db8::/33", "0.0.0.0/1"), ("::/0",)]),
        _list_contains,
        _cast(INT32, INT64, FLOAT32, FLOAT64, STRING),
    ],
}


TEXTS = Schema.of({"a": "string"})
_PIECES = [
    "a",
    "b",
    "ab",
    "k",
    "S",
    "é",
    "-",
    "_",
    "&",
    "/",
    " ",
    r"\.",
    "1",
    ".",
    r"\d",
    r"\w",
    r"\s",
    r"\S",
    r"\b",
    "^",
    "$",
    r"\n",
]
_PIECES += ["[ab]", "[^a]", "[a-c1-]", "[^k\\s]", "[]a]", r"[\d_.]", "[&&b]", "[é-本]"]
_SIGNS = ["", "", "", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "+?", "??", "{0,2}?"]


def texts(seed: int, count: int) -> list[str | None]:
    """Return short texts of the letters that the patterns know."""
    rng = random.Random(seed)
    letters = [
        "a",
        "b",
        "k",
        "K",
        "s",
        "S",
        "ſ",
        "\u212a",
        "é",
        "本",
        "1",
        "2",
        " ",
        "\n",
        "\r",
        "\u000b",
        "\u0085",
        "\u2028",
        ".",
        "-",
        "_",
        "&",
        "/",
        "%",
        "\\",
    ]
    return [None, "", *("".join(rng.choices(letters, k=rng.choice([1, 2, 3, 5, 8, 13]))) for _ in range(count - 2))]


def searches(seed: int, count: int) -> list[e.Expr]:
    """Return random patterns, of RE2 and of LIKE, at work on the column `a`."""
    rng = random.Random(seed)
    column = e.col("a")
    out: list[e.Expr] = []
    while len(out) < count:
        pattern = rng.choice(["", "", "", "", "(?i)", "(?s)"]) + _pattern(rng, 3)
        groups = len(re.findall(r"\((?!\?)", pattern))
        if not _is_pattern(pattern):
            continue
        kind = rng.choice(["like", "matches", "matches", "extract", "replace"])
        if kind == "like":
            out.append(
                column.str.like(
                    "".join(rng.choices(["%", "_", "a", "b", "é", ".", "\\%", "\\\\", "\\", "k"], k=rng.randrange(6)))
                )
            )
        elif kind == "matches":
            out.append(column.str.matches(pattern))
        elif kind == "extract":
            out.append(column.str.extract(pattern, rng.randint(0, min(groups, 9))))
        else:
            out.append(
                column.str.replace_regex(pattern, rng.choice(["", "#", r"<\0>", rf"\{min(groups, 9)}1", "$0", "\\\\"]))
            )
    return out


def _pattern(rng: random.Random, depth: int) -> str:
    return "".join(_piece(rng, depth) for _ in range(rng.choice([1, 2, 2, 3])))


def _piece(rng: random.Random, depth: int) -> str:
    if depth and rng.random() < 0.2:
        inner = "|".join(_pattern(rng, depth - 1) for _ in range(rng.choice([1, 2])))
        return rng.choice(["(", "(?:", "(?P<n>"]) + inner + ")" + rng.choice(["", "", "?", "{2}", "*", "{1,2}"])
    return rng.choice(_PIECES) + rng.choice(_SIGNS)


def _is_pattern(pattern: str) -> bool:
    try:
        pc.match_substring_regex(pa.array([""], pa.string()), pattern)  # type: ignore[attr-defined]
    except pa.ArrowInvalid:
        return False
    return True


def characters() -> list[str]:
    """Return texts that together hold every character but NUL, in order."""
    every = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    return ["".join(every[i : i + 4096]) for i in range(0, len(every), 4096)]


def mappings() -> list[e.Expr]:
    """Return what is done to single characters."""
    a = e.col("a").str
    return [
        a.lower(),
        a.upper(),
        a.length(),
        a.byte_length(),
        a.reverse(),
        a.strip(),
        a.matches(r"^[\s\S]*$"),
        e.col("a").hash(),
    ]
