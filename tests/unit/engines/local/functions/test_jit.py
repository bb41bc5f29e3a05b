"""Compiled functions: values, nulls, types, exceptions, refusals. The oracle is the same function as plain Python."""

from __future__ import annotations

import functools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import NUMPY_TYPES, Column, Fixed, from_list
from caudal.core.errors import PlanError
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
    list_of,
)
from caudal.expressions.functions import jit
from caudal.expressions.functions.outcome import Values
from caudal.plan.python import PythonFunction, declare


def compiled(call: Any, **options: Any) -> PythonFunction:
    return declare(call, "jit", **options)


def ints(*values: int | None) -> Column:
    return from_list(values, INT64)


def floats(*values: float | None) -> Column:
    return from_list(values, FLOAT64)


def run(function: PythonFunction, columns: list[Column], returns: DataType, rows: int | None = None) -> Values:
    loop = jit.compile_scalar(function, [c.dtype for c in columns], returns)
    return loop(columns, len(columns[0]) if rows is None else rows)


def values(result: Values) -> list[Any]:
    return result.column.to_list()


def oracle(call: Any, *columns: Column) -> list[Any]:
    rows = zip(*(c.to_list() for c in columns))
    return [None if None in row else call(*row) for row in rows]


@compiled
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@compiled
def even(n: int) -> bool:
    return True if n == 0 else odd(n - 1)


@compiled
def odd(n: int) -> bool:
    return False if n == 0 else even(n - 1)


@compiled
def shifted(n: int) -> int:
    return fib(n) + len(_SHIFTS) + _SHIFTS[0]


@compiled
def divided(a: int, b: int) -> float:
    return a / b


def plain(n: int) -> int:
    return n + 1


_SHIFTS = (40, 50)
_TABLE = np.array([1.0, 2.0, 4.0])


# -- values


def test_recursion() -> None:
    column = ints(0, 1, None, 7, 20)
    assert values(run(fib, [column], INT64)) == [0, 1, None, 13, 6765]


def test_functions_that_call_each_other_in_turn() -> None:
    assert values(run(even, [ints(0, 1, 8, 13)], BOOL)) == [True, False, True, False]


def test_another_function_and_a_global() -> None:
    assert values(run(shifted, [ints(5, 10)], INT64)) == [5 + 42, 55 + 42]


@pytest.mark.parametrize(
    ("dtype", "data"),
    [
        (BOOL, [True, None, False]),
        (INT32, [-(2**31), None, 2**31 - 1]),
        (INT64, [-(2**63), None, 2**63 - 1]),
        (FLOAT32, [1.5, None, math.inf]),
        (FLOAT64, [0.1, None, -math.inf]),
        (TIMESTAMP, [1_700_000_000_000, None, -1]),
        (DURATION, [-1, None, 5]),
    ],
    ids=str,
)
@pytest.mark.parametrize("nulls", ["null", "pass"])
def test_every_type_goes_in_and_comes_out(dtype: DataType, data: list[Any], nulls: str) -> None:
    @functools.partial(declare, kind="jit", nulls=nulls)
    def same(x):  # type: ignore[no-untyped-def]
        return x

    result = run(same, [from_list(data, dtype)], dtype)
    assert values(result) == data
    assert result.column.dtype == dtype
    assert result.failed == []


def test_integers_wrap() -> None:
    @compiled
    def next_one(x: int) -> int:
        return x + 1

    assert values(run(next_one, [ints(2**63 - 1, 1)], INT64)) == [-(2**63), 2]


def test_no_argument_has_as_many_rows_as_asked_for() -> None:
    for nulls in ("null", "pass"):

        @functools.partial(declare, kind="jit", nulls=nulls)
        def seven() -> int:
            return 7

        assert values(run(seven, [], INT64, rows=3)) == [7, 7, 7]
        assert values(run(seven, [], INT64, rows=0)) == []


def mixed(a: int, b: float, c: bool, d: int, e: float, f: int, g: int) -> float:
    return (a + b * 2 + (100 if c else 0) + d * e - f) / g


@pytest.mark.parametrize("nulls", ["null", "pass"])
def test_many_arguments_of_several_types(nulls: str) -> None:
    columns = [
        ints(1, None, 3, 4),
        floats(0.5, 1.0, 2.0, -1.0),
        from_list([True, False, True, False], BOOL),
        from_list([7, 8, 9, 10], INT32),
        from_list([0.5, 0.25, 1.5, 2.0], FLOAT32),
        from_list([5, 6, 7, 8], TIMESTAMP),
        from_list([1, 2, 4, 8], DURATION),
    ]
    if nulls == "pass":
        columns[0] = ints(1, 2, 3, 4)
    assert values(run(compiled(mixed, nulls=nulls), columns, FLOAT64)) == oracle(mixed, *columns)


def test_a_default_stands_in_for_an_argument_that_is_not_given() -> None:
    @compiled
    def scaled(x: int, by: int = 3) -> int:
        return x * by

    assert values(run(scaled, [ints(1, 2)], INT64)) == [3, 6]


def test_any_number_of_arguments() -> None:
    @compiled
    def total(*xs: int) -> int:
        found = 0
        for x in xs:
            found += x
        return found

    assert values(run(total, [ints(1, 2), ints(10, 20), ints(100, 200)], INT64)) == [111, 222]


def test_a_constant_argument_is_repeated() -> None:
    for nulls in ("null", "pass"):

        @functools.partial(declare, kind="jit", nulls=nulls)
        def product(a: int, b: int) -> int:
            return a * b

        assert values(run(product, [ints(1, 2, 3), ints(10)], INT64)) == [10, 20, 30]


def test_slices_and_columns_with_gaps_in_memory() -> None:
    twin = np.arange(20, dtype=np.int64)
    assert values(run(fib, [Fixed(INT64, twin[::2])], INT64, rows=10)) == [fib(int(n)) for n in twin[::2]]
    assert values(run(fib, [Fixed(INT64, twin).slice(7, 10)], INT64)) == [13, 21, 34]


def test_no_rows() -> None:
    assert values(run(fib, [ints()], INT64)) == []


# -- nulls


def test_a_null_result_is_null() -> None:
    @compiled
    def positive(x: int) -> int:
        if x > 0:
            return x
        return None  # type: ignore[return-value]

    assert values(run(positive, [ints(1, -1, None, 0, 5)], INT64)) == [1, None, None, None, 5]
    assert run(positive, [ints(1, 2)], INT64).column.valid is None


def test_nulls_are_passed_where_that_is_asked_for() -> None:
    def either(a: int, b: float) -> float:
        if a is None:
            return -1.0
        if b is None:
            return None
        return a + b

    result = run(compiled(either, nulls="pass"), [ints(1, None, 3, None), floats(0.5, 1.0, None, None)], FLOAT64)
    assert values(result) == [1.5, -1.0, None, -1.0]


def test_arithmetic_with_a_null_that_was_passed_fails_as_in_python() -> None:
    result = run(compiled(plain, nulls="pass"), [ints(1, None, 3)], INT64)
    assert [(f.row, f.reason, f.message.partition(":")[0]) for f in result.failed] == [(1, "exception", "TypeError")]
    assert values(result)[0::2] == [2, 4]


# -- exceptions


def test_rows_that_raise_have_failed_with_the_message_and_the_user_s_traceback() -> None:
    result = run(divided, [ints(1, 2, None, 3, 4), ints(2, 0, 0, 4, 0)], FLOAT64)
    assert [(f.row, f.reason, f.message) for f in result.failed] == [
        (1, "exception", "ZeroDivisionError: division by zero"),
        (4, "exception", "ZeroDivisionError: division by zero"),
    ]
    assert [values(result)[i] for i in (0, 2, 3)] == [0.5, None, 0.75]
    lines = result.failed[0].detail.splitlines()
    assert [line.rpartition(" in ")[2] for line in lines if line.startswith("  File")] == ["divided"]


def test_every_row_raises() -> None:
    @compiled
    def refuse(x: int) -> int:
        if x >= 0:
            raise ValueError(f"no {x}")
        return x

    result = run(refuse, [ints(*range(100))], INT64)
    assert [(f.row, f.message) for f in result.failed] == [(i, f"ValueError: no {i}") for i in range(100)]


def test_an_exception_in_a_function_that_is_called() -> None:
    @compiled
    def outer(a: int) -> float:
        return divided(1, a) + 1

    result = run(outer, [ints(1, 0)], FLOAT64)
    assert values(result)[0] == 2.0
    assert [(f.row, f.message) for f in result.failed] == [(1, "ZeroDivisionError: division by zero")]


def test_an_index_out_of_range_is_an_exception() -> None:
    @compiled
    def looked_up(i: int) -> float:
        return _TABLE[i]

    result = run(looked_up, [ints(2, 3, 10**12, 0)], FLOAT64)
    assert [values(result)[i] for i in (0, 3)] == [4.0, 1.0]
    assert [f.row for f in result.failed] == [1, 2]
    assert all(f.message.startswith("IndexError: ") for f in result.failed)


def test_what_only_compiled_code_raises_is_told() -> None:
    calls = []

    def call(x: int) -> int:
        return 1 // x

    function = compiled(call)
    loop = jit.compile_scalar(function, [INT64], INT64)
    object.__setattr__(function, "call", lambda x: calls.append(x) or 99)  # plain Python that does not raise
    result = loop([ints(1, 0)], 2)
    assert [(f.row, f.message) for f in result.failed] == [(1, "raised in compiled code; as plain Python it gives 99")]
    assert calls == [0]


# -- the type of the result


@pytest.mark.parametrize(
    ("given", "returns"),
    [(BOOL, INT64), (INT32, INT64), (INT32, FLOAT64), (INT64, FLOAT64), (FLOAT32, FLOAT64), (INT64, TIMESTAMP)],
    ids=str,
)
def test_results_widen(given: DataType, returns: DataType) -> None:
    def same(x):  # type: ignore[no-untyped-def]
        return x

    result = run(compiled(same), [from_list([1, None, 0], given)], returns)
    assert values(result) == [1, None, 0]
    assert result.column.values.dtype == NUMPY_TYPES[returns.name]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "returns", "named"),
    [
        (FLOAT64, INT64, "float64"),
        (INT64, INT32, "int64"),
        (INT64, BOOL, "int64"),
        (BOOL, FLOAT64, "bool"),
        (INT64, FLOAT32, "int64"),
        (FLOAT64, FLOAT32, "float64"),
        (FLOAT64, TIMESTAMP, "float64"),
    ],
    ids=str,
)
def test_a_result_that_does_not_fit_is_refused(given: DataType, returns: DataType, named: str) -> None:
    def same(x):  # type: ignore[no-untyped-def]
        return x

    with pytest.raises(PlanError, match=rf"same\(\) gives {named} where it is declared to give {returns}") as error:
        jit.compile_scalar(compiled(same), [given], returns)
    assert error.value.location.endswith(": same")
    assert "test_jit.py" in error.value.location


def test_a_function_that_returns_nothing_or_text_is_refused() -> None:
    def nothing(x: int) -> int:
        pass  # type: ignore[empty-body]

    def text(x: int) -> int:
        return "a"  # type: ignore[return-value]

    with pytest.raises(PlanError, match=r"nothing\(\) returns nothing, not int64"):
        jit.compile_scalar(compiled(nothing), [INT64], INT64)
    with pytest.raises(PlanError, match=r"text\(\) gives .*where it is declared") as error:
        jit.compile_scalar(compiled(text), [INT64], INT64)
    assert "@cd.row" in error.value.hint


@pytest.mark.parametrize("dtype", [STRING, BINARY, list_of(INT64)], ids=str)
def test_text_and_nested_types_are_refused(dtype: DataType) -> None:
    with pytest.raises(PlanError) as error:
        jit.compile_scalar(compiled(plain), [dtype], INT64)
    assert str(dtype) in error.value.message
    assert error.value.hint == "@cd.batch or @cd.row take text"
    with pytest.raises(PlanError, match="gives"):
        jit.compile_scalar(compiled(plain), [INT64], dtype)


# -- what numba cannot compile


def test_what_numba_cannot_compile_is_located_with_a_short_reason() -> None:
    def added(n: int) -> int:
        return n + "a"  # type: ignore[operator]

    with pytest.raises(PlanError, match=r"numba cannot compile added\(\)") as error:
        jit.compile_scalar(compiled(added), [INT64], INT64)
    line = added.__code__.co_firstlineno
    assert f"test_jit.py:{line}: added" in error.value.location
    assert "int64, Literal[str](a)" in error.value.detail
    assert f"test_jit.py:{line + 1}" in error.value.detail
    assert len(error.value.detail.splitlines()) <= 3
    assert error.value.hint == "@cd.row runs it as plain Python"


def test_a_plain_function_that_is_called_is_named() -> None:
    def calls_plain(n: int) -> int:
        return plain(n)

    with pytest.raises(PlanError) as error:
        jit.compile_scalar(compiled(calls_plain), [INT64], INT64)
    assert "plain" in error.value.detail
    assert "decorate plain with @cd.jit too" in error.value.hint


def test_a_function_of_another_kind_cannot_be_called() -> None:
    other = declare(plain, "row")

    def calls_row(n: int) -> int:
        return other(n)

    with pytest.raises(PlanError, match="cannot compile"):
        jit.compile_scalar(compiled(calls_row), [INT64], INT64)


def test_what_is_not_written_in_python_is_refused() -> None:
    for call in (math.sqrt, functools.partial(plain, 1)):
        with pytest.raises(PlanError, match="written in Python"):
            jit.compile_scalar(compiled(call, returns="float64"), [FLOAT64], FLOAT64)


def test_a_failed_compilation_leaves_nothing_behind() -> None:
    def uses_fib_badly(n: int) -> int:
        return fib(n).nothing  # type: ignore[attr-defined]

    with pytest.raises(PlanError):
        jit.compile_scalar(compiled(uses_fib_badly), [INT64], INT64)
    assert values(run(shifted, [ints(5)], INT64)) == [47]


# -- closures, threads


def test_closures_of_one_function_keep_their_own_values() -> None:
    def scaling(by: int) -> PythonFunction:
        def scaled(x: int) -> int:
            return x * by

        return compiled(scaled)

    runs = [jit.compile_scalar(scaling(by), [INT64], INT64) for by in (2, 3, 2)]
    assert [values(one([ints(7)], 1)) for one in runs] == [[14], [21], [14]]


def test_a_global_that_changes_is_seen_when_it_is_bound_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert values(run(shifted, [ints(5)], INT64)) == [47]
    monkeypatch.setitem(globals(), "_SHIFTS", (1, 2, 3))
    assert values(run(shifted, [ints(5)], INT64)) == [9]


def test_threads_compile_once_and_share_the_code() -> None:
    @compiled
    def squared(x: int) -> int:
        return x * x - 17

    before = jit.COUNTS.compiled + jit.COUNTS.loaded
    with ThreadPoolExecutor(4) as pool:
        loops = list(pool.map(lambda _: jit.compile_scalar(squared, [INT64], INT64), range(4)))
        columns = [ints(*range(i, i + 1000)) for i in range(4)]
        results = list(pool.map(lambda pair: values(pair[0]([pair[1]], 1000)), zip(loops, columns)))
    assert results == [[x * x - 17 for x in range(i, i + 1000)] for i in range(4)]
    assert jit.COUNTS.compiled + jit.COUNTS.loaded == before + 1


# -- whole windows

WINDOW = {"t": TIMESTAMP, "size": INT64, "score": FLOAT64, "name": STRING}
PAIRS = Schema.of({"first": "int64", "second": "int64", "gap": "float64"})


@compiled
def pairs(t: np.ndarray, score: np.ndarray):  # type: ignore[no-untyped-def]
    """Every pair, with the distance of the scores."""
    n = len(t)
    count = n * (n - 1) // 2
    first, second, gap = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count)
    k = 0
    for i in range(n):
        for j in range(i + 1, n):
            first[k], second[k], gap[k] = t[i], t[j], abs(score[i] - score[j])
            k += 1
    return first, second, gap


def window(t: list[Any], score: list[Any]) -> dict[str, Column]:
    return {"t": from_list(t, TIMESTAMP), "score": floats(*score), "size": ints(*range(len(t)))}


def lists(rows: Any) -> dict[str, list[Any]]:
    return {name: column.to_list() for name, column in rows.columns.items()}


def test_windows_as_arrays() -> None:
    frames = [window([1, 2, 3], [0.5, 1.0, 4.0]), window([9], [1.0]), window([5, None, 6, 7], [1.0, 2.0, 3.0, None])]
    rows = jit.compile_window(pairs, WINDOW, PAIRS)(frames)
    assert lists(rows) == {"first": [1, 1, 2, 5], "second": [2, 3, 3, 6], "gap": [0.5, 3.5, 3.0, 2.0]}
    assert rows.owner.tolist() == [0, 0, 0, 2]
    assert rows.owner.dtype == np.int64
    assert rows.failed == []
    assert lists(jit.compile_window(pairs, WINDOW, PAIRS)([])) == {"first": [], "second": [], "gap": []}


def test_one_array_for_one_column_and_widening() -> None:
    @compiled
    def sizes(size: np.ndarray):  # type: ignore[no-untyped-def]
        return size[size > 1]

    frames = [window([1, 2, 3], [0.0] * 3), window([1, 2, 3, 4], [0.0] * 4)]
    rows = jit.compile_window(sizes, WINDOW, Schema.of({"big": "float64"}))(frames)
    assert lists(rows) == {"big": [2.0, 2.0, 3.0]}
    assert rows.columns["big"].values.dtype == np.float64  # type: ignore[attr-defined]
    assert rows.owner.tolist() == [0, 1, 1]


def test_the_arrays_are_the_function_s_own() -> None:
    @compiled
    def doubled(score: np.ndarray):  # type: ignore[no-untyped-def]
        score *= 2
        score.sort()
        return score[::-1]

    frame = window([1, 2], [1.0, 5.0])
    rows = jit.compile_window(doubled, WINDOW, Schema.of({"s": "float64"}))([frame])
    assert lists(rows) == {"s": [10.0, 2.0]}
    assert frame["score"].to_list() == [1.0, 5.0]


def test_a_window_that_raises_is_failed_by_its_number() -> None:
    @compiled
    def checked(size: np.ndarray):  # type: ignore[no-untyped-def]
        if len(size) == 2:
            raise ValueError("two")
        return size[size[0] : 1]

    rows = jit.compile_window(checked, WINDOW, Schema.of({"s": "int64"}))(
        [window([1] * n, [0.0] * n) for n in (1, 2, 3, 0)]
    )
    assert lists(rows) == {"s": [0, 0]}
    assert rows.owner.tolist() == [0, 2]
    assert [(f.row, f.message.partition(":")[0]) for f in rows.failed] == [(1, "ValueError"), (3, "IndexError")]
    assert "in checked" in rows.failed[0].detail


def test_arrays_of_unequal_length_cost_the_window() -> None:
    @compiled
    def uneven(size: np.ndarray):  # type: ignore[no-untyped-def]
        return size, size[size != 1]

    call = jit.compile_window(uneven, WINDOW, Schema.of({"a": "int64", "b": "int64"}))
    rows = call([window([1, 2], [0.0, 0.0]), window([3], [0.0])])
    assert [(f.row, f.reason, f.detail) for f in rows.failed] == [(0, "result", "a: 2, b: 1")]
    assert (lists(rows), rows.owner.tolist()) == ({"a": [0], "b": [0]}, [1])


@pytest.mark.parametrize(
    ("call", "schema", "named"),
    [
        (lambda size: (size, size), {"a": "int64"}, "2 arrays where the schema has 1 columns"),
        (lambda size: size, {"a": "int64", "b": "int64"}, "1 arrays where the schema has 2 columns"),
        (lambda score: score, {"a": "int64"}, "an array of float64 where the schema has int64"),
        (lambda size: size.sum(), {"a": "int64"}, "gives int64, not arrays"),
        (lambda size: (size, size.reshape(-1, 1)), {"a": "int64", "b": "int64"}, "not arrays"),
        (lambda size: size, {"a": "string"}, "gives string"),
        (lambda name: name, {"a": "int64"}, "reads 'name', which is string"),
        (lambda sise: sise, {"a": "int64"}, "the parameter 'sise' is no column of the window"),
        (lambda *xs: xs[0], {"a": "int64"}, "names a column"),
    ],
)
def test_mistakes_of_a_window_s_function(call: Any, schema: dict[str, str], named: str) -> None:
    with pytest.raises(PlanError, match=named) as error:
        jit.compile_window(compiled(call), WINDOW, Schema.of(schema))
    assert "test_jit.py" in error.value.location


def test_the_nearest_column_is_named() -> None:
    with pytest.raises(PlanError) as error:
        jit.compile_window(compiled(lambda scor: scor), WINDOW, Schema.of({"a": "float64"}))
    assert error.value.hint == "did you mean 'score'?"


def test_nulls_cannot_be_passed_to_a_window_s_function() -> None:
    with pytest.raises(PlanError, match="takes no nulls"):
        jit.compile_window(compiled(lambda size: size, nulls="pass"), WINDOW, Schema.of({"a": "int64"}))
