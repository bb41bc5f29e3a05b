from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from caudal.core.errors import PlanError
from caudal.core.types import DURATION, INT64, TIMESTAMP, Schema
from caudal.plan import building as b
from caudal.plan import expr as e
from caudal.plan import functions, wire_expr
from caudal.plan.conditional import when
from caudal.plan.expr import col, lit

SCHEMA = Schema.of(
    {
        "a": "int64",
        "i": "int32",
        "f": "float64",
        "g": "float32",
        "s": "string",
        "t": "timestamp",
        "d": "duration",
        "b": "bool",
        "x": {"y": "string"},
        "l": ["int64"],
    }
)


def test_operators_build_the_same_nodes_from_both_sides() -> None:
    assert (1 + col("a")).same(lit(1) + col("a"))
    assert (1 - col("a")).same(lit(1) - col("a"))
    assert (2 * col("a")).same(lit(2) * col("a"))
    assert (1 / col("a")).same(lit(1) / col("a"))
    assert (1 // col("a")).same(lit(1) // col("a"))
    assert (1 % col("a")).same(lit(1) % col("a"))
    assert (col("a") < 5).same(col("a") < 5)
    assert (True & col("b")).same(lit(True) & col("b"))
    assert (False | col("b")).same(lit(False) | col("b"))
    assert not (col("a") + 1).same(col("a") + 1.0)
    assert not (col("a") + 1).same(col("a") + True)
    assert (col("f") == math.nan).same(col("f") == math.nan)


def test_expressions_have_no_truth_value_and_hash_by_identity() -> None:
    with pytest.raises(TypeError, match="no truth value"):
        bool(col("a") == 1)
    with pytest.raises(TypeError, match="between"):
        _ = 1 < col("a") < 3
    with pytest.raises(PlanError, match="iterated"):
        list(col("a"))
    with pytest.raises(PlanError, match="iterated"):
        ", ".join(col("a"))  # type: ignore[arg-type]
    node = col("a")
    assert {node: 1}[node] == 1
    with pytest.raises(AttributeError):
        node.name = "b"  # type: ignore[misc]


def test_columns_names_and_volatility() -> None:
    expr = when(col("a") > 1).then(col("s")).otherwise("x")
    assert expr.columns() == {"a", "s"}
    assert col("a").name == "a"
    assert (col("a") + 1).alias("n").name == "n"
    assert (col("t") < b.now()).is_volatile
    assert not expr.is_volatile
    for nameless in (col("a") + 1, lit(1)):
        with pytest.raises(PlanError, match="has no name"):
            _ = nameless.name


@pytest.mark.parametrize(
    ("value", "dtype", "stored"),
    [
        (True, "bool", True),
        (3, "int64", 3),
        (np.int32(3), "int64", 3),
        (np.float64(0.5), "float64", 0.5),
        (b"\x00", "binary", b"\x00"),
        (datetime(2024, 2, 29, 1, tzinfo=UTC), "timestamp", 1709168400000),
        (datetime(2024, 2, 29, 1), "timestamp", 1709168400000),
        (datetime(2024, 2, 29, 3, tzinfo=timezone(timedelta(hours=2))), "timestamp", 1709168400000),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "timestamp", -1),
        (timedelta(seconds=-1.5), "duration", -1500),
        ([1, 2.5, None], "list<float64>", (1.0, 2.5, None)),
    ],
)
def test_literals_are_typed_by_their_value(value: Any, dtype: str, stored: Any) -> None:
    found = lit(value)
    assert isinstance(found, e.Literal)
    assert (str(found.type), found.value) == (dtype, stored)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, object(), {"a": 1}, [1, "a"], [], "\ud800"])
def test_what_is_no_literal(value: Any) -> None:
    with pytest.raises(PlanError):
        lit(value)


@pytest.mark.parametrize(
    ("expr", "dtype"),
    [
        (col("i") + col("i"), "int32"),
        (col("i") + 1, "int64"),
        (col("g") * col("g"), "float32"),
        (col("g") * col("i"), "float64"),
        (col("a") / col("a"), "float64"),
        (col("t") - col("t"), "duration"),
        (col("t") + timedelta(1), "timestamp"),
        (lit(None, "string"), "string"),
        (b.coalesce(None, col("i")), "int32"),
        (col("x").field("y").str.length(), "int64"),
        (col("l").list.get(0), "int64"),
        (col("s").str.split(","), "list<string>"),
    ],
)
def test_types(expr: e.Expr, dtype: str) -> None:
    assert str(expr.dtype(SCHEMA)) == dtype


@pytest.mark.parametrize(
    ("expr", "message", "hint"),
    [
        (lambda: col("aa") + 1, "unknown column 'aa'", "did you mean 'a'"),
        (lambda: col("s") + "x", r"add\(\) takes .*, not string and string", "concat"),
        (lambda: col("s") > 1, r"gt\(\) takes two values of one kind, not nested, not string and int64", r"\.cast"),
        (lambda: col("t") > 1, r"not timestamp and int64", "cast"),
        (lambda: col("a") & col("b"), r"and\(\) takes two bools, not int64 and bool", ""),
        (lambda: col("x") == col("x"), "not nested", ""),
        (lambda: col("x").field("z"), "unknown field 'z'", "did you mean|known"),
        (lambda: col("a").field("z"), "has no fields", ""),
        (lambda: col("l").cast("string"), "cannot be cast", ""),
        (lambda: lit(None), "null without a type", r"cd\.lit\(None"),
        (lambda: b.coalesce(None, None), "null without a type", ""),
        (lambda: when(col("a")).then(1).otherwise(2), "pairs of a bool", ""),
        (lambda: e.call("lowr", col("s")), "unknown function 'lowr'", "did you mean 'lower'"),
        (lambda: e.call("lower"), "takes 1 argument", "as in"),
        (lambda: e.call("greatest", col("a")), "takes 2 or more", ""),
        (lambda: e.call("hash", col("a"), sed=1), "unknown option 'sed'", "did you mean 'seed'"),
        (lambda: col("f").round(16), "out of range", ""),
        (lambda: col("f").round(1.5), "constant integer", ""),  # type: ignore[arg-type]
        (lambda: col("s").ip.in_cidr(), "one or more texts", ""),
        (lambda: col("s").is_in("abc"), "takes a list", "brackets"),
        (lambda: e.Call("is_in", (col("a"), col("a"))), "takes constants", ""),
        (lambda: col("a").alias(""), "non-empty", ""),
        (lambda: col(""), "takes a column's name", ""),
        (lambda: col("t").dt.truncate("5x"), "duration", ""),
        (lambda: col("t").dt.truncate(0), "out of range", ""),
    ],
)
def test_mistakes_are_plan_errors(expr: Any, message: str, hint: str) -> None:
    with pytest.raises(PlanError, match=message) as caught:
        expr().dtype(SCHEMA)
    if hint:
        assert caught.match(r"(?s)hint: .*(" + hint + ")")


def test_json_holds_what_json_readers_round() -> None:
    expr = b.coalesce(lit(2**63 - 1), lit(-(2**63)), lit(None)) + col("a")
    others = [lit(math.nan), lit(math.inf), lit(-math.inf), lit(b"\xff\x00"), lit([1, None]), lit("\x00é"), lit(None)]
    others += [
        e.Literal(5, TIMESTAMP),
        e.Literal(-5, DURATION),
        e.Literal(None, INT64),
        col("s").ip.in_cidr("::/0", "10.0.0.0/8"),
    ]
    for one in [expr, *others]:
        text = json.dumps(wire_expr.to_json(one), allow_nan=False)
        assert wire_expr.from_json(json.loads(text)).same(one)
    assert '"9223372036854775807"' in json.dumps(wire_expr.to_json(expr))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        "a",
        {"column": 1},
        {"column": "a", "x": 1},
        {"literal": 1},
        {"literal": 1, "type": "int65"},
        {"literal": True, "type": "int64"},
        {"literal": 1.5, "type": "int64"},
        {"literal": str(2**63), "type": "int64"},
        {"literal": 2**31, "type": "int32"},
        {"literal": "nan", "type": "float64"},
        {"literal": "%%", "type": "binary"},
        {"literal": 1, "type": ["int64"]},
        {"call": "nope", "args": []},
        {"call": "hash", "args": [{"column": "a"}], "options": {"seed": "1"}},
        {"call": "lower", "args": {"column": "a"}},
        {"call": "lower", "args": [{"column": "a"}], "more": 1},
    ],
)
def test_json_of_another_shape_is_a_plan_error(data: Any) -> None:
    with pytest.raises(PlanError):
        wire_expr.from_json(data)


def test_json_that_is_nested_too_deeply() -> None:
    data: Any = {"column": "a"}
    for _ in range(100_000):
        data = {"call": "neg", "args": [data]}
    with pytest.raises(PlanError, match="too deeply"):
        wire_expr.from_json(data)
    while isinstance(data, dict) and "args" in data:  # taken apart by hand: freeing it whole would recurse
        data = data["args"][0]


def test_operator_text_keeps_its_meaning() -> None:
    assert str((col("a") - (col("a") - 1)) * 2) == "(a - (a - 1)) * 2"
    assert str(~(col("b") | col("b")) & col("b")) == "NOT (b OR b) AND b"
    assert str(col("id.orig_h") == "it's") == "\"id.orig_h\" = 'it''s'"


def test_the_catalogue_is_whole() -> None:
    for name, function in functions.FUNCTIONS.items():
        assert name == function.name == name.lower()
        assert function.doc.endswith("."), name
        assert function.least <= (function.most or function.least), name
