from __future__ import annotations

import hashlib
import ipaddress
import math
import random
from concurrent.futures import ThreadPoolExecutor
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Fixed, Text, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.addresses import canonical_address
from caudal.core.errors import PlanError
from caudal.core.types import BOOL, INT64, STRING, Schema, parse_type
from caudal.expressions import bind
from caudal.expressions.kernel import MAKERS
from caudal.plan import functions
from caudal.plan.building import coalesce, now
from caudal.plan.conditional import when
from caudal.plan.expr import Expr, call, col, lit
from caudal.testing.scalars import evaluate


def run(expr: Expr, dtype: str = "int64", values: list[Any] | None = None) -> list[Any]:
    schema = Schema.of({"a": parse_type(dtype)})
    column = from_list(values or [], schema.dtype("a"))
    return bind(expr, schema)(Morsel({"a": column}, len(column))).to_list()


def test_every_function_of_the_catalogue_has_a_kernel() -> None:
    shipped = {name for name, function in functions.FUNCTIONS.items() if function.shipped}
    assert set(functions.FUNCTIONS) - {"alias"} == set(MAKERS) | shipped


def test_a_mask_counts_null_as_false() -> None:
    schema = Schema.of({"a": "int64"})
    morsel = Morsel({"a": from_list([1, None, 3], INT64)}, 3)
    assert bind(col("a") > 1, schema).decided(morsel)[0].tolist() == [False, False, True]
    assert bind(lit(None, "bool"), schema).decided(morsel)[0].tolist() == [False, False, False]
    assert bind(lit(True), schema).decided(morsel)[0].tolist() == [True, True, True]


def test_a_bare_column_is_returned_as_it_is() -> None:
    schema = Schema.of({"a": "int64"})
    column = from_list([1, None], INT64)
    assert bind(col("a").alias("b"), schema)(Morsel({"a": column}, 2)) is column


def test_what_is_written_twice_is_computed_once_and_constants_at_once() -> None:
    schema = Schema.of({"a": "string"})
    lowered = col("a").str.lower()
    bound = bind((lowered == "x") | (lowered == "y"), schema)
    assert len(bound._steps) == 4
    assert len(bind(lit(1) + 2 * 3, schema)._steps) == 0
    assert len(bind(col("a") == call("lower", "X"), schema)._steps) == 1
    assert len(bind(now() > lit(0).cast("timestamp"), schema)._steps) == 2


def test_the_clock_is_read_at_each_morsel() -> None:
    ticks = iter([5, 7])
    schema = Schema.of({"a": "int64"})
    bound = bind(now(), schema, now=lambda: next(ticks))
    morsel = Morsel({"a": from_list([1, 2], INT64)}, 2)
    assert bound(morsel).to_list() == [5, 5]
    assert bound(morsel).to_list() == [7, 7]


def test_results_are_whole_arrays_that_kernels_take() -> None:
    schema = Schema.of({"a": "int64"})
    morsel = Morsel({"a": from_list([1, None, 3], INT64)}, 3)
    for expr in (
        lit(1),
        col("a") * 2,
        col("a") / 0,
        coalesce(col("a"), 5),
        when(lit(True)).then(1).otherwise(col("a")),
    ):
        column = bind(expr, schema)(morsel)
        assert isinstance(column, Fixed)
        for array in (column.values, column.valid_or_all()):
            assert array.flags.c_contiguous
            assert array.flags.writeable
        assert len(column) == 3
        assert column.valid is None or len(column.valid) == 3


def test_threads_share_a_bound_expression() -> None:
    schema = Schema.of({"a": "int64"})
    bound = bind((col("a") * 3 + 1) % 7, schema)
    morsels = [Morsel({"a": Fixed(INT64, np.arange(i, i + 1000))}, 1000) for i in range(40)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda m: bound(m).to_list(), morsels))
    assert results == [[(x * 3 + 1) % 7 for x in range(i, i + 1000)] for i in range(40)]


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (col("a").str.matches("("), "missing"),
        (col("a").str.matches("(?=x)"), "RE2"),
        (col("a").str.extract("x", 1), "has no group 1"),
        (col("a").str.extract("a)(b"), "invalid regular"),
        (col("a").str.replace_regex("x", r"\1"), "invalid replacement"),
        (col("a").str.replace("", "x"), "not empty"),
        (col("a").str.split(""), "not empty"),
        (col("a").ip.in_cidr("10.1.2.3/8"), "no network"),
        (col("a").ip.in_cidr("fe80::%eth0/64"), "no network"),
        (col("a").str.to_timestamp("%Q"), "unknown directive"),
        (col("a").str.to_timestamp("%Y").dt.strftime("%e"), "%"),
    ],
)
def test_constants_that_cannot_be_are_refused_when_bound(expr: Expr, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        bind(expr, Schema.of({"a": "string"}))


def test_hash_is_md5() -> None:
    texts = ["x" * n for n in range(200)] + ["é" * 40]
    want = [int.from_bytes(hashlib.md5(f"42:{t}".encode()).digest()[:8], "big", signed=True) for t in texts]
    assert run(col("a").hash(42), "string", texts) == want


def test_addresses_agree_with_the_standard_library() -> None:
    draw = random.Random(7)
    texts = ["".join(draw.choice("0123456789abcF:..:/%g ") for _ in range(draw.randint(0, 20))) for _ in range(3000)]
    texts += [str(ipaddress.IPv6Address(draw.getrandbits(128) & draw.getrandbits(128))) for _ in range(500)]
    texts += [
        ":".join(draw.choice(["0", "", "ffff", "1.2.3.4", "a"]) for _ in range(draw.randint(1, 9))) for _ in range(5000)
    ]
    texts += [".".join(str(draw.randint(0, 270)) for _ in range(draw.randint(3, 5))) for _ in range(2000)]

    def parsed(text: str) -> Any:
        try:
            return ipaddress.ip_address(text) if "%" not in text else None
        except ValueError:
            return None

    addresses = [parsed(t) for t in texts]
    assert run(col("a").ip.is_ipv4(), "string", texts) == [a is not None and a.version == 4 for a in addresses]
    assert run(col("a").ip.is_ipv6(), "string", texts) == [a is not None and a.version == 6 for a in addresses]

    # what is around an address, and spellings of the address itself
    def dressed(text: str) -> str:
        form = draw.choice(["{}", "{}", "[{}]", "[{}]:{p}", "{}:{p}", "{}%eth0", "[{}%1]:{p}", " {}\t", "{}%", "[{}"])
        shown = form.format(text, p=draw.choice([1, 443, 65535, 65536, "x", ""]))
        return draw.choice([shown, shown.upper(), shown.replace("::", ":0:"), f"::ffff:{shown}"])

    texts += [dressed(t) for t in 3 * texts[3000:]]
    want = [evaluate(col("a").ip.canonical(), {"a": t}, Schema.of({"a": "string"})) for t in texts]
    assert run(col("a").ip.canonical(), "string", texts) == want
    assert sum(a != b for a, b in zip(want, texts)) > 2000
    assert [canonical_address(t) for t in texts] == want

    addresses = [parsed(t) for t in want]
    networks = ["10.0.0.0/8", "0.0.0.0/2", "8000::/1", "::/3"]
    inside = [None if a is None else any(a in ipaddress.ip_network(n) for n in networks) for a in addresses]
    assert run(col("a").ip.in_cidr(*networks), "string", texts) == inside
    prefix = [
        None if a is None else str(ipaddress.ip_network((a, 20 if a.version == 4 else 33), strict=False))
        for a in addresses
    ]
    assert run(col("a").ip.prefix(20, 33), "string", texts) == prefix


def test_canonical_addresses_are_the_column_itself_where_nothing_changes() -> None:
    expr = bind(col("a").ip.canonical(), Schema.of({"a": "string"}))
    plain = from_list(["10.0.0.1", None, "host.example", "255.255.255.255"], STRING)
    assert expr(Morsel({"a": plain}, 4)) is plain
    mixed = from_list(["10.0.0.1", None, "x" * 500, "::FFFF:1.2.3.4", "2001:DB8::1"], STRING)
    assert isinstance(mixed, Text)
    mixed.length[1] = 10**6  # under a null stands anything
    assert expr(Morsel({"a": mixed}, 5)).to_list() == ["10.0.0.1", None, "x" * 500, "1.2.3.4", "2001:db8::1"]


@pytest.mark.parametrize("digits", [0, 1, 2, 5, 15])
def test_rounding_is_that_of_the_shortest_decimal(digits: int) -> None:
    draw = random.Random(digits)
    values = [draw.uniform(-1, 1) * 10 ** draw.randint(-8, 18) for _ in range(3000)]
    values += [round(draw.randint(-(10**6), 10**6) / 10 ** draw.randint(0, 6), 6) for _ in range(3000)]
    values += [(2 * draw.randint(-(10**6), 10**6) + 1) / 2 / 10 ** draw.randint(0, 6) for _ in range(3000)]
    exact = Context(prec=400)
    want = [float(Decimal(repr(v)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, exact)) for v in values]
    assert run(col("a").round(digits), "float64", values) == want


@pytest.mark.parametrize("operation", ["floor_div", "floor_mod", "int_div", "int_mod", "add", "sub", "mul"])
def test_integers_agree_with_python(operation: str) -> None:
    edges = [-(2**63), -(2**63) + 1, -7, -2, -1, 0, 1, 2, 7, 2**62, 2**63 - 1]
    pairs = [(a, b) for a in edges for b in edges]

    def want(a: int, b: int) -> int | None:
        if b == 0 and operation not in ("add", "sub", "mul"):
            return None
        whole = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) if b else 0
        found = {
            "add": a + b,
            "sub": a - b,
            "mul": a * b,
            "floor_div": a // b if b else 0,
            "floor_mod": a % b if b else 0,
            "int_div": whole,
            "int_mod": a - whole * b,
        }[operation]
        return (found + 2**63) % 2**64 - 2**63

    schema = Schema.of({"a": "int64", "b": "int64"})
    morsel = Morsel({n: from_list([p[i] for p in pairs], INT64) for i, n in enumerate("ab")}, len(pairs))
    got = bind(call(operation, col("a"), col("b")), schema)(morsel).to_list()
    assert got == [want(a, b) for a, b in pairs]


def test_comparisons_are_a_total_order_with_nan_last() -> None:
    edges = [-math.inf, -1.5, -0.0, 0.0, 1.5, math.inf, math.nan]
    rank = [0, 1, 2, 2, 3, 4, 5]
    schema = Schema.of({"a": "float64", "b": "float64"})
    n = len(edges)
    left, right = [edges[i // n] for i in range(n * n)], [edges[i % n] for i in range(n * n)]
    columns = {"a": from_list(left, schema.dtype("a")), "b": from_list(right, schema.dtype("b"))}
    tests = {
        "eq": lambda x, y: x == y,
        "ne": lambda x, y: x != y,
        "lt": lambda x, y: x < y,
        "le": lambda x, y: x <= y,
        "gt": lambda x, y: x > y,
        "ge": lambda x, y: x >= y,
    }
    for name, test in tests.items():
        want = [test(rank[i // n], rank[i % n]) for i in range(n * n)]
        morsel = Morsel(columns, n * n)
        assert bind(call(name, col("a"), col("b")), schema)(morsel).to_list() == want, name
        for k, edge in enumerate(edges):
            got = bind(call(name, col("a"), edge), schema)(morsel).to_list()
            assert got == [test(rank[i // n], rank[k]) for i in range(n * n)], (name, edge)
            got = bind(call(name, edge, col("b")), schema)(morsel).to_list()
            assert got == [test(rank[k], rank[i % n]) for i in range(n * n)], (name, edge)


def test_filter_over_bools() -> None:
    assert bind(col("a"), Schema.of({"a": "bool"})).dtype == BOOL
