"""The table of expressions, run by each engine: as one batch, row by row, with and without nulls, and as constants.

An engine is a function from an expression, a schema and columns (as lists of Python values) to a list of values and the
type of the result.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import caudal as cd
from caudal.columnar.column import Column, Fixed, Nested, Text, from_list
from caudal.columnar.morsel import Morsel
from caudal.core.types import DataType, Schema, parse_type
from caudal.expressions import bind
from caudal.lang.sql import parse
from caudal.plan import expr as e
from caudal.plan import functions, wire_expr
from caudal.plan.conditional import when

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """An expression with its columns (values by name, None for null) and expected result."""

    label: str
    expr: e.Expr
    schema: Schema
    given: dict[str, list[Any]]
    expect: list[Any]
    dtype: DataType
    approx: bool


def column(entry: list[Any]) -> tuple[DataType, list[Any]]:
    dtype = parse_type(entry[0])
    return dtype, [value(v, dtype) for v in entry[1:]]


def value(entry: Any, dtype: DataType) -> Any:
    if entry == {}:
        return None
    if dtype.item is not None:
        return [value(v, dtype.item) for v in entry]
    if dtype.name == "struct":
        return {f.name: value(entry.get(f.name, {}), f.dtype) for f in dtype.fields}
    if isinstance(entry, datetime):
        return (entry - EPOCH) // timedelta(milliseconds=1)
    return bytes.fromhex(entry) if dtype.name == "binary" else entry


def from_python(text: str) -> e.Expr:
    names = {
        n: getattr(cd, n)
        for n in ("col", "lit", "coalesce", "greatest", "least", "concat", "int_div", "int_mod", "now")
    }
    return eval(text, {**names, "when": when, "timedelta": timedelta})


def cases() -> list[Case]:
    raw = tomllib.loads((Path(__file__).parent / "expressions.toml").read_text(encoding="utf-8"))
    out = []
    for number, entry in enumerate(raw["case"]):
        assert set(entry) <= {"sql", "dsl", "given", "expect", "approx"}, entry
        given = {name: column(c) for name, c in entry["given"].items()}
        schema = Schema.of({name: dtype for name, (dtype, _) in given.items()})
        dtype, expect = column(entry["expect"])
        both = [parse(entry["sql"], schema=schema)] if "sql" in entry else []
        both += [from_python(entry["dsl"])] if "dsl" in entry else []
        label = f"{number}: {entry.get('sql', entry.get('dsl'))}"
        assert all(b.same(both[0]) for b in both), f"{label} is not {entry.get('dsl')}"
        assert all(len(values) == len(expect) for _, values in given.values()), label
        out.append(
            Case(
                label, both[0], schema, {n: v for n, (_, v) in given.items()}, expect, dtype, entry.get("approx", False)
            )
        )
    return out


CASES = cases()


def local(expr: e.Expr, schema: Schema, given: dict[str, list[Any]]) -> tuple[list[Any], DataType]:
    rows = len(next(iter(given.values())))
    morsel = Morsel({name: from_list(values, schema.dtype(name)) for name, values in given.items()}, rows)
    column = bind(expr, schema)(morsel)
    assert len(column) == rows
    return column.to_list(), column.dtype


def local_over_rubbish(expr: e.Expr, schema: Schema, given: dict[str, list[Any]]) -> tuple[list[Any], DataType]:
    """The same with rubbish under each null and text views that overlap nothing: values there are unspecified."""
    rows = len(next(iter(given.values())))
    columns = {name: rubbish(from_list(values, schema.dtype(name))) for name, values in given.items()}
    column = bind(expr, schema)(Morsel(columns, rows))
    return column.to_list(), column.dtype


def rubbish(column: Any) -> Column:
    if column.valid is None or isinstance(column, Nested):
        return column
    if isinstance(column, Text):
        start = np.where(column.valid, column.start, 2**50)
        return Text(column.dtype, column.data, start, np.where(column.valid, column.length, 2**30), column.valid)
    values = column.values.copy()
    values[~column.valid] = {"b": True, "f": np.nan, "i": -(2**31)}[values.dtype.kind]
    return Fixed(column.dtype, values, column.valid)


ENGINES: dict[str, Callable[..., tuple[list[Any], DataType]]] = {
    "local": local,
    "local over rubbish": local_over_rubbish,
}


def agree(got: Any, want: Any, approx: bool) -> bool:
    if isinstance(want, list) and isinstance(got, list):
        return len(got) == len(want) and all(agree(g, w, approx) for g, w in zip(got, want))
    if isinstance(want, float) and isinstance(got, float):
        if math.isnan(want) or math.isnan(got):
            return math.isnan(want) and math.isnan(got)
        return math.isclose(got, want, rel_tol=1e-12, abs_tol=1e-15) if approx else got == want
    return got == want and type(got) is type(want)


def check(case: Case, rows: list[int], run: Callable[..., tuple[list[Any], DataType]], how: str) -> None:
    given = {name: [values[i] for i in rows] for name, values in case.given.items()}
    got, dtype = run(case.expr, case.schema, given)
    assert dtype == case.dtype, how
    want = [case.expect[i] for i in rows]
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        assert agree(g, w, case.approx), (
            f"{how}, row {rows[i]}: {g!r} is not {w!r}, given { {n: v[i] for n, v in given.items()} }"
        )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_table(case: Case, engine: str) -> None:
    run = ENGINES[engine]
    every = list(range(len(case.expect)))
    assert case.expr.dtype(case.schema) == case.dtype
    check(case, every, run, "whole")
    check(case, every[::-1] * 3, run, "reversed, three times")
    for row in every:
        check(case, [row], run, "alone")
    whole = [i for i in every if all(values[i] is not None for values in case.given.values())]
    if whole:
        check(case, whole, run, "without nulls")
    check(case, [], run, "empty")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_constants_mean_what_columns_mean(case: Case, engine: str) -> None:
    """Each column in turn is replaced by a constant, then all."""
    columns = [f.name for f in case.schema if not f.dtype.is_nested]
    for row in range(len(case.expect)):
        one = {n: v[row] for n, v in case.given.items()}
        for names in [*({n} for n in columns), set(columns)]:
            expr = replaced(case.expr, {n: e.Literal(one[n], case.schema.dtype(n)) for n in names})
            got, dtype = ENGINES[engine](expr, case.schema, {n: [v, v] for n, v in one.items()})
            assert dtype == case.dtype
            for g in got:
                assert agree(g, case.expect[row], case.approx), (expr, one)


def replaced(expr: e.Expr, constants: dict[str, e.Literal]) -> e.Expr:
    if isinstance(expr, e.Column):
        return constants.get(expr.name, expr)
    if isinstance(expr, e.Call):
        return e.Call(expr.function, tuple(replaced(a, constants) for a in expr.args), expr.options)
    return expr


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_text_and_json_read_back_the_same(case: Case) -> None:
    assert parse(str(case.expr), schema=case.schema).same(case.expr)
    assert wire_expr.from_json(wire_expr.to_json(case.expr)).same(case.expr)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [n for n in functions.FUNCTIONS if n != "field"])
def test_examples_of_the_catalogue(name: str, engine: str) -> None:
    source, result = functions.FUNCTIONS[name].example
    schema = Schema.of({"unused": "int64"})
    got, _ = ENGINES[engine](parse(source), schema, {"unused": [0]})
    want, _ = ENGINES[engine](parse(result), schema, {"unused": [0]})
    assert got == want
    assert [type(v) for v in got] == [type(v) for v in want]
    assert name in {c.function for c in parse(source).walk() if isinstance(c, e.Call)}


def test_every_function_has_a_case_with_values_and_nulls() -> None:
    seen: dict[str, list[Any]] = {}
    for case in CASES:
        for node in case.expr.walk():
            if isinstance(node, e.Call):
                seen.setdefault(node.function, []).extend(case.expect)
    assert set(functions.FUNCTIONS) == set(seen)
    for name, results in seen.items():
        assert any(r is not None for r in results), name
        assert functions.find(name).nulls == functions.NEVER_NULL or None in results, name


def test_the_table_is_large() -> None:
    assert sum(len(case.expect) for case in CASES) > 800
