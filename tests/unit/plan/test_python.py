"""Declared functions: what their annotations say, where they stand, what a call of one is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

import caudal as cd
from caudal import col
from caudal.core.errors import PlanError
from caudal.core.types import INT32, Schema, list_of, parse_type
from caudal.plan import wire
from caudal.plan.python import PythonCall, PythonFunction, accepts, calls, declare

SCHEMA = Schema.of({"n": "int64", "small": "int32", "x": "float64", "s": "string", "b": "bool"})


@cd.jit
def double(n: int) -> int:
    return 2 * n


@cd.row(returns="float64", timeout="2s", memory="1.5GB")
def expensive(x: float, scale: float = 1.0) -> Any:
    return x * scale


def test_a_declared_function_is_still_a_function() -> None:
    assert double(4) == 8
    assert expensive(2.0) == expensive(2.0, 1.0) == 2.0


def test_called_with_an_expression_it_is_an_expression() -> None:
    made = double(col("n") + 1)
    assert isinstance(made, PythonCall)
    assert str(made) == "double(n + 1)"
    assert (str(made.infer(SCHEMA)), made.columns()) == ("int64", frozenset({"n"}))
    assert isinstance(expensive(col("x"), 3.0), PythonCall)
    with pytest.raises(PlanError, match="has no name"):
        _ = made.name
    assert made.alias("twice").name == "twice"


def test_what_the_declaration_says() -> None:
    assert (double.kind, double.name, double.timeout, double.memory, double.pass_nulls) == (
        "jit",
        "double",
        60_000,
        0,
        False,
    )
    assert (expensive.kind, expensive.timeout, expensive.memory, expensive.required) == ("row", 2000, 1_500_000_000, 1)
    assert [(p.name, str(p.dtype)) for p in expensive.parameters] == [("x", "float64"), ("scale", "float64")]
    assert str(expensive.returns) == "float64"
    assert double.where.rpartition(":")[0].endswith("test_python.py")
    assert (double.module, double.qualified_name) == (__name__, "double")
    assert cd.row(nulls="pass")(lambda n: n).pass_nulls


def _annotated(annotation: Any) -> PythonFunction:
    def f(value):
        return value

    f.__annotations__ = {"value": annotation, "return": annotation}
    return declare(f, "row")


@pytest.mark.parametrize(
    ("annotation", "dtype"),
    [
        (bool, "bool"),
        (int, "int64"),
        (float, "float64"),
        (str, "string"),
        (bytes, "binary"),
        (datetime, "timestamp"),
        (timedelta, "duration"),
        (int | None, "int64"),
        (INT32, "int32"),
        (list[int], str(list_of(parse_type("int64")))),
        (list[list[str]], str(list_of(list_of(parse_type("string"))))),
        (list[str] | None, str(list_of(parse_type("string")))),
    ],
    ids=str,
)
def test_annotations_are_types(annotation: Any, dtype: str) -> None:
    function = _annotated(annotation)
    assert (str(function.parameters[0].dtype), str(function.returns)) == (dtype, dtype)


@pytest.mark.parametrize(
    "annotation", [None, Any, dict, list, dict[str, int], pl.Series, pl.DataFrame, np.ndarray], ids=str
)
def test_annotations_that_leave_the_type_open(annotation: Any) -> None:
    function = _annotated(annotation)
    assert (function.parameters[0].dtype, function.returns) == (None, None)


@pytest.mark.parametrize("annotation", [set, complex, object, tuple[int, int], list[complex], int | str], ids=str)
def test_annotations_that_are_no_types(annotation: Any) -> None:
    with pytest.raises(PlanError, match="which no column has") as caught:
        _annotated(annotation)
    assert caught.value.location.endswith(": f")
    assert "'int32'" in caught.value.hint


def test_what_returns_says_takes_the_place_of_the_annotation() -> None:
    def f(n: int) -> str:
        return str(n)

    for returns in ("int32", INT32, bytes):
        assert declare(f, "row", returns=returns).returns != parse_type("string")
    with pytest.raises(PlanError, match="unknown type 'sting'"):
        declare(f, "row", returns="sting")


@pytest.mark.parametrize("returns", [{"a": "int64", "b": ["string"]}, ["int64"], [{"a": "timestamp"}]])
def test_types_of_lists_and_structs_are_spelled_as_in_a_schema(returns: Any) -> None:
    assert declare(lambda x: x, "row", returns=returns).returns == parse_type(returns)


def test_any_number_of_arguments() -> None:
    @cd.row
    def joined(first: str, *others: str) -> str:
        return first + "".join(others)

    assert joined.variadic
    for count in (1, 2, 5):
        assert str(joined(*[col("s")] * count).infer(SCHEMA)) == "string"
    with pytest.raises(PlanError, match=r"joined\(\) takes 1 argument, not 0"):
        PythonCall(joined, ()).infer(SCHEMA)


def test_callables_of_other_sorts() -> None:
    class Scaled:
        def __init__(self, by: float) -> None:
            self.by = by

        def __call__(self, x: float) -> float:
            return x * self.by

        def method(self, x: float) -> float:
            return x + self.by

    scaled = cd.row(Scaled(3.0))
    assert (scaled.name, scaled(2.0), str(scaled.returns)) == ("Scaled", 6.0, "float64")
    method = cd.row(Scaled(3.0).method)
    assert ([p.name for p in method.parameters], method(2.0)) == (["x"], 5.0)
    assert cd.row(returns="int64")(partial(max, 3))(2) == 3


def test_arguments_are_counted_and_typed() -> None:
    wrong: list[tuple[Callable[[], Any], str]] = [
        (lambda: expensive(col("x"), col("x"), col("x")), r"expensive\(\) takes 1 to 2 arguments, not 3"),
        (lambda: double(col("s")), r"'n' of double\(\) takes int64, not string"),
        (lambda: double(col("x")), r"'n' of double\(\) takes int64, not float64"),
        (lambda: double(col("b")), r"'n' of double\(\) takes int64, not bool"),
        (lambda: double(col("none")), "unknown column 'none'"),
        (lambda: cd.batch(lambda n: n)(col("n")), "result is not known"),
    ]
    for build, message in wrong:
        with pytest.raises(PlanError, match=message):
            build().infer(SCHEMA)


@pytest.mark.parametrize(
    ("wanted", "got", "fits"),
    [
        ("int64", "int32", True),
        ("float64", "int64", True),
        ("float64", "float32", True),
        ("float32", "int32", True),
        ("float32", "int64", False),
        ("float32", "float64", False),
        ("int32", "int64", False),
        ("int64", "float64", False),
        ("int64", "timestamp", False),
        ("string", "binary", False),
        ("float64", "bool", False),
    ],
)
def test_arguments_widen_without_loss_only(wanted: str, got: str, fits: bool) -> None:
    assert accepts(parse_type(wanted), parse_type(got)) == fits


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: declare(double, "row"), "declared twice: jit and row"),
        (lambda: declare(7, "row"), "7 is not a function"),  # type: ignore[arg-type]
        (lambda: cd.row(nulls="drop")(lambda n: n), "nulls cannot be 'drop'"),
        (lambda: cd.row(timeout=0)(lambda n: n), "greater than zero"),
        (lambda: cd.row(timeout="soon"), "time-?out"),
        (lambda: cd.row(memory="much"), "memory cannot be 'much'"),
    ],
)
def test_declarations_that_are_refused(build: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        build()


@pytest.mark.parametrize(
    ("text", "wanted"), [("500MB", 500 * 10**6), ("2GiB", 2 << 30), ("1.5 KB", 1500), (" 7B ", 7), (4096, 4096)]
)
def test_sizes_of_memory(text: Any, wanted: int) -> None:
    assert cd.row(memory=text)(lambda n: n).memory == wanted


def test_calls_are_found_parents_first() -> None:
    inner = double(col("n"))
    outer = double(inner + 1)
    found = calls((outer > 3) & (inner < 2))
    assert [call is outer for call in found[:1]] == [True]
    assert [str(call) for call in found] == ["double(double(n) + 1)", "double(n)", "double(n)"]
    assert inner.same(double(col("n")))
    assert not inner.same(cd.jit(double.call)(col("n")))


def _plan(function: Any) -> Any:
    rows = cd.source("files", path="a.jsonl", schema={"n": "int64"})
    return cd.Pipeline("p", rows.filter(function(col("n")) > 1).to("console"))


def test_a_plan_names_functions_and_finds_them_again() -> None:
    text = wire.dumps(_plan(double))
    (entry,) = [n for n in json.loads(text)["nodes"] if n["kind"] == "filter"]
    told = entry["predicate"]["args"][0]["python"]
    assert (told["name"], told["kind"], told["returns"], told["timeout"]) == ("double", "jit", "int64", 60_000)
    again = wire.loads(text)
    (node,) = [n for n in again.nodes if n.kind == "filter"]
    assert node.functions == (double,)
    assert wire.dumps(again) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "0" * 16}, "has changed since the plan was written"),
        ({"kind": "row"}, "has changed since"),
        ({"name": "treble"}, r"treble is not there"),
        ({"module": "no.such.module"}, "is not there"),
    ],
)
def test_a_plan_whose_function_is_another_is_refused(change: dict[str, str], message: str) -> None:
    data = wire.to_json(_plan(double))
    (entry,) = [n for n in data["nodes"] if n["kind"] == "filter"]
    entry["predicate"]["args"][0]["python"].update(change)
    with pytest.raises(PlanError, match=message):
        wire.from_json(data)


def test_functions_of_other_text_have_other_hashes() -> None:
    one = cd.row(lambda n: n + 1)
    other = cd.row(lambda n: n + 2)
    assert one.source_hash() != other.source_hash()
    assert double.source_hash() == cd.row(double.call).source_hash()
    assert len(double.source_hash()) == 16
