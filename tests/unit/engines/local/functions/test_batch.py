"""Functions that take columns: values, nulls, widening, culprits, mistakes. The oracle goes row by row over lists."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from caudal.columnar.column import Column, from_list
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
    parse_type,
)
from caudal.engines.local.functions.batch import batch_map, batch_scalar, batch_windows
from caudal.plan.python import PythonFunction, declare

PAIR = parse_type({"a": "int64", "b": "string"})


def batch(call: Any, **options: Any) -> PythonFunction:
    return declare(call, "batch", **options)


def scalar(call: Any, columns: list[Column], returns: DataType, rows: int | None = None, **options: Any) -> Any:
    run = batch_scalar(batch(call, **options), [c.dtype for c in columns], returns)
    return run(columns, len(columns[0]) if rows is None else rows)


def ints(*values: int | None) -> Column:
    return from_list(values, INT64)


def found(column: Column) -> list[Any]:
    return column.to_list()


# -- one Series in, one out


@pytest.mark.parametrize(
    ("dtype", "values", "seen"),
    [
        (BOOL, [True, None, False], pl.Boolean),
        (INT32, [1, None, -3], pl.Int32),
        (INT64, [1, None, -(2**62)], pl.Int64),
        (FLOAT32, [1.5, None, 2.0], pl.Float32),
        (FLOAT64, [1.5, None, -0.25], pl.Float64),
        (STRING, ["a", None, "grün"], pl.String),
        (BINARY, [b"a", None, b"\xff\x00"], pl.Binary),
        (TIMESTAMP, [1_000, None, -1], pl.Datetime("ms", "UTC")),
        (DURATION, [1_000, None, -1], pl.Duration("ms")),
        (list_of(INT64), [[1, 2], None, []], pl.List(pl.Int64)),
        (PAIR, [{"a": 1, "b": "x"}, None, {"a": None, "b": None}], pl.Struct({"a": pl.Int64, "b": pl.String})),
    ],
    ids=str,
)
@pytest.mark.parametrize("nulls", ["null", "pass"])
def test_every_type_goes_in_and_comes_out(dtype: DataType, values: list[Any], seen: Any, nulls: str) -> None:
    met: list[Any] = []

    def same(s: Any) -> Any:
        met.append((s.dtype, len(s)))
        return s

    column = from_list(values, dtype)
    result = scalar(same, [column], dtype, nulls=nulls)
    assert found(result.column) == found(column)
    assert result.column.dtype == dtype
    assert result.failed == []
    assert met == [(seen, 3 if nulls == "pass" else 2)]


def test_a_slice_of_a_column_keeps_its_rows() -> None:
    column = from_list([*range(100), None], INT64).slice(37, 101)
    assert found(scalar(lambda s: s + 1, [column], INT64).column) == [*range(38, 101), None]
    text = from_list([str(i) for i in range(100)], STRING).slice(50, 53)
    assert found(scalar(lambda s: s.str.slice(1), [text], STRING).column) == ["0", "1", "2"]


def test_a_series_that_is_a_slice_itself_is_read_from_its_offset() -> None:
    for values, dtype in (
        ([*range(20)], INT64),
        ([i % 3 == 0 for i in range(20)], BOOL),
        ([*"abcdefghijklmnopqrst"], STRING),
    ):
        wanted = [values[i + 5] if i % 2 else None for i in range(11)]
        base = pl.Series([None] * 5 + wanted + [None] * 4)
        result = scalar(lambda s, base=base: base.slice(5, 11), [ints(*range(11))], dtype)
        assert found(result.column) == wanted


def test_rows_with_a_null_argument_are_left_out_and_give_null() -> None:
    seen: list[list[Any]] = []

    def add(a: Any, b: Any) -> Any:
        seen.append([a.to_list(), b.to_list()])
        return a + b

    result = scalar(add, [ints(1, None, 3, 4), ints(10, 20, None, 40)], INT64)
    assert found(result.column) == [11, None, None, 44]
    assert seen == [[[1, 4], [10, 40]]]


def test_nulls_are_passed_where_that_is_asked_for() -> None:
    result = scalar(lambda a: a.fill_null(7), [ints(1, None)], INT64, nulls="pass")
    assert found(result.column) == [1, 7]


def test_a_null_result_is_null_and_keeps_its_place_among_null_arguments() -> None:
    result = scalar(lambda a: a.replace(2, None), [ints(None, 1, 2, None, 3)], INT64)
    assert found(result.column) == [None, 1, None, None, 3]
    everywhere = scalar(lambda a: pl.Series([None] * len(a)), [ints(1, 2)], STRING)
    assert found(everywhere.column) == [None, None]


def test_the_function_is_not_called_for_no_rows() -> None:
    def never(s: Any) -> Any:
        raise AssertionError

    for column in (ints(), ints(None, None)):
        result = scalar(never, [column], FLOAT64)
        assert found(result.column) == [None] * len(column)
        assert result.column.dtype == FLOAT64
        assert result.failed == []


def test_a_constant_argument_is_repeated() -> None:
    result = scalar(lambda a, b: a * b, [ints(1, 2, 3), ints(10)], INT64, rows=3)
    assert found(result.column) == [10, 20, 30]


def test_many_arguments() -> None:
    columns = [ints(i, 10 * i) for i in range(12)]
    assert found(scalar(lambda *s: sum(s[1:], s[0]), columns, INT64).column) == [66, 660]


def test_no_argument_is_refused() -> None:
    with pytest.raises(PlanError, match="needs an argument") as error:
        batch_scalar(batch(lambda: 1), [], INT64)
    assert "test_batch.py" in error.value.location


@pytest.mark.parametrize(
    ("given", "returns", "wanted"),
    [
        (pl.Series([1, 2], dtype=pl.UInt8), INT32, [1, 2]),
        (pl.Series([1, -2], dtype=pl.Int32), INT64, [1, -2]),
        (pl.Series([1, 2**32 - 1], dtype=pl.UInt32), INT64, [1, 2**32 - 1]),
        (pl.Series([1, None], dtype=pl.Int64), FLOAT64, [1.0, None]),
        (pl.Series([1.5, None], dtype=pl.Float32), FLOAT64, [1.5, None]),
        (np.array([1, 2]), INT64, [1, 2]),
        (np.array([1.0, 2.5], np.float32), FLOAT64, [1.0, 2.5]),
        (np.array([True, False]), BOOL, [True, False]),
        (np.array(["a", "bc"]), STRING, ["a", "bc"]),
        (pl.Series([-1, 1_999], dtype=pl.Datetime("us", "UTC")), TIMESTAMP, [-1, 1]),
        (pl.Series([-1, 1_999_999], dtype=pl.Duration("ns")), DURATION, [-1, 1]),
        (pl.Series([datetime(1970, 1, 1, 0, 0, 2), datetime(1970, 1, 2)]), TIMESTAMP, [2_000, 86_400_000]),
        (pl.Series([[1], []], dtype=pl.List(pl.Int32)), list_of(INT64), [[1], []]),
        (pl.Series([[], []]), list_of(STRING), [[], []]),
    ],
)
def test_results_widen_without_loss(given: Any, returns: DataType, wanted: list[Any]) -> None:
    assert found(scalar(lambda s: given, [ints(1, 2)], returns).column) == wanted


@pytest.mark.parametrize(
    ("given", "returns", "named"),
    [
        (pl.Series([1, 2]), INT32, "Int64"),
        (pl.Series([1.0, 2.0]), INT64, "Float64"),
        (pl.Series([1.0, 2.0]), FLOAT32, "Float64"),
        (pl.Series([1, 2], dtype=pl.UInt64), INT64, "UInt64"),
        (pl.Series([True, False]), INT64, "Boolean"),
        (pl.Series(["1", "2"]), INT64, "String"),
        (pl.Series([1, 2]), STRING, "Int64"),
        (pl.Series([1, 2]), TIMESTAMP, "Int64"),
        (pl.Series([0, 1], dtype=pl.Datetime("ms", "Europe/Berlin")), TIMESTAMP, "Europe/Berlin"),
        (pl.Series([0, 1], dtype=pl.Datetime("ms")), DURATION, "Datetime"),
        (pl.Series([[1.5], []]), list_of(INT64), "List"),
        (pl.Series([{"a": 1}, {"a": 2}]), PAIR, "Struct"),
        (np.array([1j, 2j]), FLOAT64, "Object"),
    ],
)
def test_another_type_costs_the_rows(given: Any, returns: DataType, named: str) -> None:
    def wrong(s: Any) -> Any:
        return given if len(s) == 2 else given[s[0] - 1 : s[0]]

    failed = scalar(wrong, [ints(1, 2)], returns).failed
    assert [(f.row, f.reason) for f in failed] == [(0, "result"), (1, "result")]
    assert all("wrong() returned" in f.message and named in f.message for f in failed)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ([1, 2], "a list"),
        (None, "nothing"),
        (3, "a int"),
        (pl.DataFrame({"a": [1, 2]}), "a DataFrame"),
        (pl.Series([1, 2]), "2 values for 1 rows"),
        (np.array([1, 2, 3]), "3 values for 1 rows"),
    ],
)
def test_another_kind_or_length_costs_the_rows(given: Any, named: str) -> None:
    failed = scalar(lambda s: given if len(s) == 1 else None, [ints(1, 2)], INT64).failed
    assert [(f.row, f.reason) for f in failed] == [(0, "result"), (1, "result")]
    assert all(named in f.message for f in failed)


def test_one_value_that_makes_a_result_wrong_costs_its_row_alone() -> None:
    """Half a million values of which one makes the whole result a text, another one leaves a value out."""

    def odd(s: Any) -> Any:
        s = s.filter(s != 77)
        return s.cast(str) if (s == 400_000).any() else s * 2

    numbers = list(range(500_000))
    got = scalar(odd, [ints(*numbers)], INT64)
    assert [(f.row, f.reason) for f in got.failed] == [(77, "result"), (400_000, "result")]
    assert [f.message for f in got.failed] == [
        "odd() returned 0 values for 1 rows",
        "odd() returned String where int64 is declared",
    ]
    doubled = got.column.to_list()
    assert [doubled[i] for i in (0, 76, 78, 399_999, 400_001, 499_999)] == [0, 152, 156, 799_998, 800_002, 999_998]


# -- rows that raise


def inverse(s: Any) -> Any:
    if (s == 0).any():
        raise ValueError(f"zero among {len(s)}")
    return 60 // s


@pytest.mark.parametrize("zeros", [{0}, {6}, {3}, {0, 1, 6}, {2, 3}, set(range(7))], ids=str)
def test_the_rows_that_raise_are_found_and_the_others_have_their_values(zeros: set[int]) -> None:
    values = [0 if i in zeros else i + 1 for i in range(7)]
    result = scalar(inverse, [ints(*values)], INT64)
    column = found(result.column)
    assert [f.row for f in result.failed] == sorted(zeros)
    assert all(column[i] == 60 // v for i, v in enumerate(values) if i not in zeros)
    for failed in result.failed:
        assert (failed.reason, failed.message) == ("exception", "ValueError: zero among 1")


def test_a_row_that_raises_is_counted_among_all_rows() -> None:
    result = scalar(inverse, [ints(None, 1, None, 0, 2, None)], INT64)
    assert [f.row for f in result.failed] == [3]
    assert [found(result.column)[i] for i in (0, 1, 2, 4, 5)] == [None, 60, None, 30, None]


def test_the_culprits_are_found_in_few_calls() -> None:
    calls = 0

    def counted(s: Any) -> Any:
        nonlocal calls
        calls += 1
        return inverse(s)

    values = [1] * 4096
    values[1234] = 0
    result = scalar(counted, [ints(*values)], INT64)
    assert [f.row for f in result.failed] == [1234]
    assert calls <= 2 * 12 + 1


def test_text_values_around_a_row_that_raises() -> None:
    def shout(s: Any) -> Any:
        if s.str.contains("!").any():
            raise RuntimeError
        return s.str.to_uppercase()

    result = scalar(shout, [from_list(["a", "b!", "c", None, "dé"], STRING)], STRING)
    assert [found(result.column)[i] for i in (0, 2, 3, 4)] == ["A", "C", None, "DÉ"]
    assert [(f.row, f.message) for f in result.failed] == [(1, "RuntimeError")]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, MemoryError, RecursionError])
def test_whatever_is_raised_is_the_row_s(kind: type[BaseException]) -> None:
    def leave(s: Any) -> Any:
        if 2 in s:
            raise kind("enough")
        return s

    result = scalar(leave, [ints(1, 2, 3)], INT64)
    assert [(f.row, f.message) for f in result.failed] == [(1, f"{kind.__name__}: enough")]
    assert found(result.column)[0::2] == [1, 3]


def test_the_traceback_is_the_user_s() -> None:
    def deeper(s: Any) -> Any:
        return s.to_list()[5]

    def shallow(s: Any) -> Any:
        return deeper(s)

    (failed,) = scalar(shallow, [ints(1)], INT64).failed
    lines = failed.detail.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.rpartition(" in ")[2] for line in lines if line.startswith("  File")] == ["shallow", "deeper"]
    assert lines[-1] == "IndexError: list index out of range"


def test_a_long_traceback_keeps_its_end() -> None:
    def long(s: Any) -> Any:
        raise ValueError("é" * 5_000 + " the end")

    (failed,) = scalar(long, [ints(1)], INT64).failed
    assert len(failed.detail.encode()) <= 4096
    assert failed.detail.startswith("...\n")
    assert failed.detail.endswith("the end\n")


def test_an_exception_that_cannot_be_printed() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise OSError

    def mute(s: Any) -> Any:
        raise Mute

    (failed,) = scalar(mute, [ints(1)], INT64).failed
    assert failed.message.startswith("Mute")


# -- maps of frames

IN = Schema.of({"id": "int64", "name": "string"})
OUT = Schema.of({"n": "string", "twice": "float64"})
ROWS = {"id": ints(1, None, 3), "name": from_list(["a", "b", None], STRING)}


def lists(rows: Any) -> dict[str, list[Any]]:
    return {name: found(column) for name, column in rows.columns.items()}


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(twice=pl.col("id") * 2, n=pl.col("name"))


def test_a_map_gives_row_i_for_row_i_with_nulls_as_they_are() -> None:
    rows = batch_map(batch(twice), IN, OUT, False)(ROWS, 3)
    assert lists(rows) == {"n": ["a", "b", None], "twice": [2.0, None, 6.0]}
    assert list(rows.columns) == ["n", "twice"]
    assert rows.owner.tolist() == [0, 1, 2]
    assert rows.owner.dtype == np.int64


def test_a_map_without_rows_is_not_called() -> None:
    def never(frame: Any) -> Any:
        raise AssertionError

    for flat in (False, True):
        rows = batch_map(batch(never), IN, OUT, flat)({k: c.slice(0, 0) for k, c in ROWS.items()}, 0)
        assert lists(rows) == {"n": [], "twice": []}
        assert rows.owner.tolist() == []


def test_rows_of_a_map_that_raise_own_no_row() -> None:
    def picky(frame: pl.DataFrame) -> pl.DataFrame:
        if (frame["id"] == 3).any():
            raise KeyError("three")
        return twice(frame)

    columns = {"id": ints(1, 3, 2, 3), "name": from_list([*"abcd"], STRING)}
    rows = batch_map(batch(picky), IN, OUT, False)(columns, 4)
    assert lists(rows) == {"n": ["a", "c"], "twice": [2.0, 4.0]}
    assert rows.owner.tolist() == [0, 2]
    assert [(f.row, f.message) for f in rows.failed] == [(1, "KeyError: 'three'"), (3, "KeyError: 'three'")]


def every_row_raises(frame: pl.DataFrame) -> pl.DataFrame:
    raise ValueError


def test_a_map_that_raises_on_every_row() -> None:
    for flat in (False, True):
        rows = batch_map(batch(every_row_raises), IN, OUT, flat)(ROWS, 3)
        assert lists(rows) == {"n": [], "twice": []}
        assert [f.row for f in rows.failed] == [0, 1, 2]


COUNTS = Schema.of({"k": "int64"})


def repeat(frame: pl.DataFrame) -> pl.DataFrame:
    """As many rows as `id` says, the last input row's first."""
    return frame.select("_row", k=pl.int_ranges(pl.col("id"))).explode("k").drop_nulls().reverse()


def test_a_flat_map_says_where_its_rows_come_from_and_is_sorted_by_it() -> None:
    values = [2, 0, 3, 1]
    dtypes: list[Any] = []

    def seen(frame: pl.DataFrame) -> pl.DataFrame:
        dtypes.append(frame.schema["_row"])
        return repeat(frame)

    columns = {"id": ints(*values), "name": from_list([*"abcd"], STRING)}
    rows = batch_map(batch(seen), IN, COUNTS, True)(columns, 4)
    assert rows.owner.tolist() == [i for i, v in enumerate(values) for _ in range(v)]
    assert lists(rows) == {"k": [k for v in values for k in reversed(range(v))]}
    assert dtypes == [pl.UInt32]


def test_a_flat_map_that_raises_keeps_the_numbers_of_the_other_rows() -> None:
    def picky(frame: pl.DataFrame) -> pl.DataFrame:
        if (frame["id"] == 0).any():
            raise ValueError
        return repeat(frame)

    columns = {"id": ints(2, 0, 1, 0, 2), "name": from_list([*"abcde"], STRING)}
    rows = batch_map(batch(picky), IN, COUNTS, True)(columns, 5)
    assert rows.owner.tolist() == [0, 0, 2, 4, 4]
    assert lists(rows) == {"k": [1, 0, 0, 1, 0]}
    assert [f.row for f in rows.failed] == [1, 3]


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda f: f.select(k="id"), "without the column '_row'"),
        (lambda f: f.select("_row", "id"), "without the column 'k'"),
        (lambda f: f.select("_row", "id", k="id"), "with the column 'id'"),
        (lambda f: f.select(k="id", _row=pl.lit(3)), "no input row"),
        (lambda f: f.select(k="id", _row=pl.lit(-1)), "no input row"),
        (lambda f: f.select(k="id", _row=pl.lit(None, pl.UInt32)), "a null"),
        (lambda f: f.select(k="id", _row=pl.lit("0")), "String"),
        (lambda f: f.select("_row", k=pl.lit("x")), "String in the column 'k' where int64"),
        (lambda f: f.lazy(), "a LazyFrame"),
        (lambda f: {"k": [1]}, "a dict"),
        (lambda f: None, "nothing"),
    ],
)
def test_mistakes_of_a_flat_map(call: Any, named: str) -> None:
    columns = {"id": ints(1, 2, 3), "name": from_list([*"abc"], STRING)}
    rows = batch_map(batch(call), IN, COUNTS, True)(columns, 3)
    assert rows.owner.tolist() == []
    assert [(f.row, f.reason) for f in rows.failed] == [(0, "result"), (1, "result"), (2, "result")]
    assert all(named in f.message for f in rows.failed)


def test_a_map_of_another_length_costs_the_rows_that_are_missing() -> None:
    rows = batch_map(batch(lambda f: twice(f.filter(pl.col("id").is_not_null()))), IN, OUT, False)(ROWS, 3)
    assert [(f.row, f.message.partition(") ")[2]) for f in rows.failed] == [(1, "returned 0 rows for 1")]
    assert rows.owner.tolist() == [0, 2]


@pytest.mark.parametrize("schemas", [(Schema.of({"_row": "int64"}), OUT), (IN, Schema.of({"_row": "int64"}))])
def test_a_flat_map_s_own_column_cannot_be_the_user_s(schemas: tuple[Schema, Schema]) -> None:
    with pytest.raises(PlanError, match="'_row'"):
        batch_map(batch(twice), *schemas, True)


# -- whole windows


def test_windows_give_any_number_of_rows_each() -> None:
    windows = [{"id": ints(*values)} for values in ([3, 1, 2], [], [7], [5, 5])]

    def above(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("id") > 1).sort("id").select(k="id")

    rows = batch_windows(batch(above), COUNTS)(windows)
    assert lists(rows) == {"k": [2, 3, 7, 5, 5]}
    assert rows.owner.tolist() == [0, 0, 2, 3, 3]


def test_a_window_that_raises_is_failed_by_its_number() -> None:
    def picky(frame: pl.DataFrame) -> pl.DataFrame:
        if len(frame) == 2:
            raise SystemExit(3)
        return frame.select(k="id")

    rows = batch_windows(batch(picky), COUNTS)([{"id": ints(*range(n))} for n in (1, 2, 3)])
    assert lists(rows) == {"k": [0, 0, 1, 2]}
    assert rows.owner.tolist() == [0, 2, 2, 2]
    assert [(f.row, f.message) for f in rows.failed] == [(1, "SystemExit: 3")]


def test_no_windows() -> None:
    rows = batch_windows(batch(every_row_raises), COUNTS)([])
    assert lists(rows) == {"k": []}
    assert rows.owner.tolist() == []


def test_windows_may_give_other_types_that_widen_to_the_declared_one() -> None:
    types = iter([pl.Int8, pl.Int64, pl.Null, pl.Int32])
    words = [{"word": from_list(values, STRING)} for values in (["a", "bc"], [None], ["d"], ["", "efg", None])]
    seen: list[list[str | None]] = []

    def lengths(frame: pl.DataFrame) -> pl.DataFrame:
        seen.append(frame["word"].to_list())
        dtype = next(types)
        length = pl.col("word").str.len_bytes()
        return frame.select(k=pl.lit(None) if dtype == pl.Null else length.cast(dtype))

    rows = batch_windows(batch(lengths), COUNTS)(words)
    assert seen == [["a", "bc"], [None], ["d"], ["", "efg", None]]
    assert lists(rows) == {"k": [1, 2, None, None, 0, 3, None]}
    assert rows.owner.tolist() == [0, 0, 1, 2, 3, 3, 3]


def test_a_window_of_another_type_costs_that_window() -> None:
    halved = batch(lambda f: f.select(k=pl.col("id") / 2 if f["id"][0] == 1 else pl.col("id")))
    rows = batch_windows(halved, COUNTS)([{"id": ints(2)}, {"id": ints(1)}, {"id": ints(3, 4)}])
    assert [(f.row, f.reason) for f in rows.failed] == [(1, "result")]
    assert "Float64 in the column 'k' where int64" in rows.failed[0].message
    assert (lists(rows), rows.owner.tolist()) == ({"k": [2, 3, 4]}, [0, 2, 2])


def test_times_in_a_window_are_in_utc() -> None:
    seen: list[Any] = []

    def first(frame: pl.DataFrame) -> pl.DataFrame:
        seen.append(frame["t"].to_list())
        return frame.select(t=pl.col("t").dt.offset_by("1s"))

    rows = batch_windows(batch(first), Schema.of({"t": "timestamp"}))([{"t": from_list([1_500, None], TIMESTAMP)}])
    assert seen == [[datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC), None]]
    assert lists(rows) == {"t": [2_500, None]}
