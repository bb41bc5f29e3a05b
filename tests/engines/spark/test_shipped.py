"""What is shipped to Spark, without Spark: constants, patterns, errors, and the functions of its Python workers."""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from caudal.columnar import times as columnar_times
from caudal.columnar.column import from_list
from caudal.columnar.morsel import Morsel
from caudal.core import addresses as core_addresses
from caudal.core.errors import PlanError
from caudal.core.types import FLOAT32, FLOAT64, STRING, DataType, Schema, parse_type
from caudal.engines.jvm import patterns
from caudal.engines.spark.capabilities import GAPS, IN_PYTHON
from caudal.engines.spark.expressions import Library, literal, quoted, show, type_of
from caudal.engines.spark.expressions.site import MAKERS
from caudal.expressions import bind
from caudal.plan import expr as e
from caudal.plan import functions
from caudal.worker import addresses, numbers, text, times

SHIPPED = [Path(module.__file__) for module in (core_addresses, addresses, numbers, text, times)]
SCHEMA = Schema.of({"a": "string", "x": "float64", "u": "float32", "i": "int64", "t": "timestamp"})


def local(x: e.Expr, values: list[Any], dtype: DataType) -> list[Any]:
    (name,) = x.columns()
    return bind(x, Schema.of({name: dtype}))(Morsel({name: from_list(values, dtype)}, len(values))).to_list()


def test_every_function_is_written_or_a_gap() -> None:
    shipped = {name for name, function in functions.FUNCTIONS.items() if function.shipped}
    assert set(MAKERS) | {"alias"} | set(GAPS) | shipped == set(functions.FUNCTIONS)
    assert not set(GAPS) & set(MAKERS)


def test_a_gap_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(MAKERS, "sqrt")
    monkeypatch.setitem(GAPS, "sqrt", "it has no roots")
    with pytest.raises(PlanError, match=r"sqrt\(\) cannot be computed on Spark") as refused:
        show(e.col("x").sqrt() + 1.0, SCHEMA, Library())
    assert refused.value.detail == "it has no roots"


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (1, "int32", "1"),
        (-(2**63), "int64", "(-9223372036854775808L)"),
        (0.1, "float64", "0.1D"),
        (-0.0, "float64", "(-0.0D)"),
        (1e22, "float64", "1e+22D"),
        (math.nan, "float64", "CAST('NaN' AS DOUBLE)"),
        (-math.inf, "float32", "CAST('-Infinity' AS FLOAT)"),
        (0.5, "float32", "CAST(0.5D AS FLOAT)"),
        (True, "bool", "TRUE"),
        (None, "list<string>", "CAST(NULL AS ARRAY<STRING>)"),
        (b"\x00\xff", "binary", "X'00FF'"),
        (-1, "timestamp", "(-1L)"),
        ((1, None), "list<int64>", "array(1L, CAST(NULL AS BIGINT))"),
        ("été", "string", "'été'"),
        ("it's \\ ${x}", "string", "'it\\'s \\\\ \\u0024{x}'"),
        ("\x00\n\U000e0001", "string", "'\\u0000\\n\\U000E0001'"),
    ],
)
def test_constants(value: Any, dtype: str, text: str) -> None:
    assert literal(value, parse_type(dtype)) == text


def test_names_and_types() -> None:
    assert quoted("a`b.c") == "`a``b.c`"
    assert type_of(parse_type({"a b": ["duration"], "c": {"d": "float32"}})) == (
        "STRUCT<`a b`: ARRAY<BIGINT>, `c`: STRUCT<`d`: FLOAT>>"
    )


@pytest.mark.parametrize(
    ("pattern", "java"),
    [
        ("^a.b$", r"\Aa[^\n]b\z"),
        ("(?s).", r"[\s\S]"),
        (r"\s\D", r"[\x09-\x0A\x0C-\x0D ][^0-9]"),
        ("(?i)ks", "[Kk\u212a][Ss\u017f]"),
        (r"(?i)\W", "[^0-9A-Z_a-z\u017f\u212a]"),
        ("[]a-c-]", r"[\-\]a-c]"),
        ("[^&[]", r"[^\&\[]"),
        ("a{2,}?b??", "a{2,}?b??"),
        (r"^(?:[0-9]{1,3}\.){3}x", r"\A(?:[0-9]{1,3}\.){3}x"),
        ("(?P<n>a)|é", "(a)|é"),
        ("a/b<c>#'\"", "a/b<c>#'\""),
        (r"\x41\.\t", r"A\.\x09"),
        # Runs in RE2 itself.
        ("(a|b)*c", None),
        ("(?:ab)+", None),
        ("(a*){2}", None),
        ("(a?){2}", None),
        (".*a.*b.*", None),
        ("[[:alpha:]]", None),
        (r"\pL", None),
        ("(?i)é", None),
        ("(?i)[^é]", None),
        ("(?m)^a", None),
        ("a(?i)b", None),
        (r"\Ba", None),
        (r"\Qa.b\E", None),
        ("a{,2}", None),
        ("(?U)a+", None),
        (r"[\W]", None),
    ],
)
def test_patterns(pattern: str, java: str | None) -> None:
    found = patterns.to_java(pattern)
    assert (found and found.text) == java


@pytest.mark.parametrize("pattern", ["ab?c|", "a{0}", "", r"\b", "(a|)", "^$", "x{0,3}"])
def test_patterns_that_can_match_nothing(pattern: str) -> None:
    found = patterns.to_java(pattern)
    assert found is not None
    assert found.can_be_empty
    assert re.fullmatch(pattern.replace("\\b", ""), "") is not None


@pytest.mark.parametrize(
    "make",
    [
        lambda: e.col("a").str.matches("("),
        lambda: e.col("a").str.extract("a", 1),
        lambda: e.col("a").str.replace_regex("a", r"\1"),
        lambda: e.col("a").str.replace("", "x"),
        lambda: e.col("a").str.split(""),
        lambda: e.col("a").ip.in_cidr("10.0.0.1/8"),
        lambda: e.col("a").ip.in_cidr("fe80::%1/64"),
        lambda: e.col("a").str.to_timestamp("%H"),
        lambda: e.col("t").dt.strftime("%q"),
        lambda: e.col("none"),
        lambda: e.col("a") + 1,
    ],
)
def test_what_the_local_engine_refuses_is_refused_with_the_same_words(make: Callable[[], e.Expr]) -> None:
    with pytest.raises(PlanError) as here:
        show(make(), SCHEMA, Library())
    with pytest.raises(PlanError) as there:
        bind(make(), SCHEMA)
    assert (here.value.message, here.value.detail, here.value.hint) == (
        there.value.message,
        there.value.detail,
        there.value.hint,
    )


def test_the_library_registers_each_function_once() -> None:
    library = Library()
    networks = [("::/0",), ("10.0.0.0/8",), ("::/0",), ("11.0.0.0/8",)]
    shown = [show(e.col("a").ip.in_cidr(*n), SCHEMA, library) for n in networks]
    assert [re.match(r"\w+", s)[0] for s in shown] == [  # type: ignore[index]
        "caudal_in_cidr",
        "caudal_in_cidr_2",
        "caudal_in_cidr",
        "caudal_in_cidr_3",
    ]
    source = library.source()
    assert source.count("register(spark, 'caudal_in_cidr") == 3
    assert library.modules == ["caudal.engines.spark.job.functions", "caudal.worker.addresses"]
    compile(source, "library", "exec")
    assert Library().modules == []
    assert Library().source() == ""


@pytest.mark.parametrize(
    ("function", "x"),
    [
        ("double_text", e.col("x").cast("string")),
        ("float_text", e.col("u").cast("string")),
        ("double_bits", e.col("x").hash()),
        ("matches", e.col("a").str.matches("(ab)+")),
        ("regexp_extract", e.col("a").str.extract("(ab)+")),
        ("regexp_replace", e.col("a").str.replace_regex("b?", "x")),
        ("in_cidr", e.col("a").ip.in_cidr("10.0.0.0/8", "::1/128")),
        ("in_cidr", e.col("a").ip.is_private() & e.col("a").ip.in_cidr("10.0.0.0/8")),
        ("canonical", e.col("a").ip.canonical()),
        ("ip_prefix", e.col("a").ip.prefix()),
        ("strptime", e.col("a").str.to_timestamp("%s")),
        ("", e.col("a").str.matches("^ab?$")),
        ("", e.col("i").cast("string").hash()),
        ("", e.col("a").str.to_timestamp()),
        ("", e.col("a").ip.is_ipv4() & e.col("a").ip.is_ipv6() & (e.col("a").ip.to_int() > 1)),
    ],
)
def test_what_runs_in_python(function: str, x: e.Expr) -> None:
    library = Library()
    show(x, SCHEMA, library)
    assert library.functions == ({function} if function else frozenset())
    called = {node.function for node in x.walk() if isinstance(node, e.Call)}
    assert not function or called & set(IN_PYTHON)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_shipped_modules_stand_alone(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    imported -= {core_addresses.__name__}  # pasted before it
    assert not {name.partition(".")[0] for name in imported} & {"caudal", "pyspark"}


def test_shipped_modules_share_no_names() -> None:
    seen: dict[str, str] = {}
    for path in SHIPPED:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [t.id for t in node.targets if isinstance(t, ast.Name)] if isinstance(node, ast.Assign) else []
            names += [node.name] if isinstance(node, ast.FunctionDef) else []
            names += (
                [t.id for t in node.targets[0].elts if isinstance(t, ast.Name)]
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple)
                else []
            )
            for name in names:
                assert seen.setdefault(name, str(path)) == str(path)


FORMATS = [
    "%d/%b/%Y:%H:%M:%S %z",
    "%Y-%m-%d",
    "%s",
    "%s.%f",
    "%Y%j",
    "%y%m%dT%H%M%S",
    "%a, %d %B %Y%%",
    "%Y-%m-%d %S.%f%z",
]


@pytest.mark.parametrize("time_format", FORMATS)
def test_strptime_reads_what_the_local_engine_reads(time_format: str) -> None:
    rng = random.Random(time_format)
    seeds = ["10/Oct/2000:13:55:36 -0700", "2024-02-29", "-1.5", "1709251198.7654", "2024366", "240229T235959"]
    seeds += [
        "Thu, 29 February 2024%",
        "1969-12-31 59.9999+05:30",
        "0001-01-01 00.0+2359",
        " 1/jAN/9999:23:59:59 Z",
        "-0.0001",
    ]
    letters = "0123456789+-:/ .,TZzéJan%１"
    values: list[str | None] = [None, "", *seeds]
    while len(values) < 4000:
        chars = list(rng.choice(seeds))
        for _ in range(rng.choice([0, 1, 1, 2])):
            at = rng.randrange(len(chars) + 1)
            chars[at : at + rng.choice([0, 1, 1])] = rng.choice(letters) * rng.choice([0, 1])
        values.append("".join(chars))
    want = [None if v is None else columnar_times.parse_text(v, time_format) for v in values]
    assert sum(w is not None for w in want) > 30
    got = times.strptime(time_format)(pa.array(values, pa.string())).to_pylist()
    assert [(v, g) for v, g in zip(values, got)] == [(v, w) for v, w in zip(values, want)]


def test_floats_as_text_and_bits() -> None:
    rng = np.random.default_rng(5)
    drawn = rng.integers(0, 2**64, 2000, np.uint64).view(np.float64).tolist()
    values = [None, 0.0, -0.0, math.nan, math.inf, -math.inf, 1e16, 1e22, 1e-5, 0.1, 123456.789, *drawn]
    array = pa.array(values, pa.float64())
    assert numbers.double_text()(array).to_pylist() == local(e.col("x").cast("string"), values, FLOAT64)
    bits = numbers.double_bits()(array).to_pylist()
    # What is hashed of a float is these digits, as text.
    assert local(e.col("a").hash(3), bits, STRING) == local(e.col("x").hash(3), values, FLOAT64)
    assert len(set(bits)) > 1900
    assert bits[:5] == [None, "0" * 16, "0" * 16, "7ff8000000000000", "7ff0000000000000"]
    singles = [None if v is None else float(np.float32(v)) for v in values[:11]]
    narrow = numbers.float_text()(pa.array(singles, pa.float32())).to_pylist()
    assert narrow == local(e.col("u").cast("string"), singles, FLOAT32)


def test_addresses() -> None:
    rng = random.Random(3)
    values: list[str | None] = [
        None,
        "",
        "10.1.2.3",
        "::",
        "::1",
        "1::",
        "::ffff:10.0.0.1",
        "01.2.3.4",
        "fe80::1%1",
        "1:2:3:4:5:6:7::",
    ]
    values += [
        "1:2:3:4:5:6:1.2.3.4",
        "1:0:0:2:0:0:0:3",
        "0:0:1::",
        "1.2.3.4/8",
        "::1.2.3.256",
        " ::1",
        "１.2.3.4",
        "1:2:3:4::5:6:7:8",
    ]
    for _ in range(1500):
        groups = [f"{rng.choice([0, 0, 1, 0xFFFF, rng.getrandbits(16)]):x}" for _ in range(rng.choice([6, 7, 8, 8, 8]))]
        if rng.random() < 0.5:
            groups[rng.randrange(len(groups))] = rng.choice(["", ":", "", "12345", "1.2.3.4"])
        values.append(rng.choice(["{}", "[{}]:80", "{}%x", "{}:80"]).format(":".join(groups)))
    array = pa.array(values, pa.string())
    networks = ("2001:db8::/33", "::/96", "10.0.0.0/8")
    want = local(e.col("a").ip.in_cidr(*networks), values, STRING)
    assert addresses.in_cidr(networks)(array).to_pylist() == want
    assert {True, False, None} == set(want)
    want = local(e.col("a").ip.canonical(), values, STRING)
    assert addresses.canonical()(array).to_pylist() == want
    for v4, v6 in ((24, 64), (0, 128), (32, 33), (9, 112)):
        want = local(e.col("a").ip.prefix(v4, v6), values, STRING)
        assert addresses.ip_prefix(v4, v6)(array).to_pylist() == want


def test_patterns_in_python() -> None:
    values = ["abab", "x", None, "", "ab\nab", "éab"]
    array = pa.array(values, pa.string())
    assert text.matches("(ab)+$")(array).to_pylist() == local(e.col("a").str.matches("(ab)+$"), values, STRING)
    for group in (0, 1):
        want = local(e.col("a").str.extract("(a)?b|x", group), values, STRING)
        assert text.regexp_extract("(a)?b|x", group)(array).to_pylist() == want
    want = local(e.col("a").str.replace_regex("b?", r"<\0>"), values, STRING)
    assert text.regexp_replace("b?", r"<\0>")(array).to_pylist() == want
