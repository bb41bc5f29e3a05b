"""Row functions in worker processes: values, nulls, types, the ways to call, threads."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from caudal.columnar.column import Column, from_list
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
    Field,
    Schema,
    list_of,
    struct_of,
)
from caudal.engines.local.functions.pool import Pool
from caudal.plan.python import ROW, PythonFunction, declare


def row(call: Any, **options: Any) -> PythonFunction:
    return declare(call, ROW, **options)


def ints(*values: int | None) -> Column:
    return from_list(values, INT64)


POINT = struct_of([Field("x", INT64), Field("name", STRING)])
SAMPLES: list[tuple[DataType, list[Any]]] = [
    (BOOL, [True, False, None, True, True, False, True, False, True]),
    (INT32, [0, -(2**31), 2**31 - 1, None]),
    (INT64, [0, -(2**63), 2**63 - 1, None]),
    (FLOAT32, [0.5, -1.25, None, float("inf")]),
    (FLOAT64, [0.1, -1e308, None, float("-inf")]),
    (STRING, ["", "a", None, "naïve", "日本", "a\x00b"]),
    (BINARY, [b"", b"\x00\xff", None, b"abc"]),
    (TIMESTAMP, [0, -1, 1_700_000_000_123, None]),
    (DURATION, [0, -1, 86_400_001, None]),
    (list_of(INT64), [[], [1, None, 3], None, [4]]),
    (list_of(STRING), [["a", "ö"], [], None]),
    (list_of(list_of(BOOL)), [[[True], []], None, [None, [False, None]]]),
    (POINT, [{"x": 1, "name": "a"}, None, {"x": None, "name": None}]),
    (list_of(POINT), [[{"x": 1, "name": "a"}], [], None, [None]]),
]


@pytest.mark.parametrize(("dtype", "values"), SAMPLES, ids=[str(d) for d, _ in SAMPLES])
def test_every_type_goes_there_and_back(pool: Pool, dtype: DataType, values: list[Any]) -> None:
    same = row(lambda v: v, nulls="pass")
    got = pool.call(same, [from_list(values, dtype)], len(values), dtype)
    assert got.failed == []
    assert got.column.dtype == dtype
    assert got.column.to_list() == from_list(values, dtype).to_list()
    alone = row(lambda v: v)  # with nulls left out
    assert pool.call(alone, [from_list(values, dtype)], len(values), dtype).column.to_list() == got.column.to_list()
    none = pool.call(row(lambda v: None), [from_list(values, dtype)], len(values), dtype)
    assert none.column.null_count() == len(values)


PYTHON: list[tuple[DataType, Any, str]] = [
    (BOOL, True, "bool True"),
    (INT32, 5, "int 5"),
    (INT64, 5, "int 5"),
    (FLOAT32, 0.5, "float 0.5"),
    (FLOAT64, 0.5, "float 0.5"),
    (STRING, "ö", "str 'ö'"),
    (BINARY, b"x", "bytes b'x'"),
    (TIMESTAMP, 1_500, f"datetime {datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)!r}"),
    (DURATION, -1, f"timedelta {timedelta(milliseconds=-1)!r}"),
    (list_of(TIMESTAMP), [datetime.fromtimestamp(1, UTC)], f"list {[datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)]!r}"),
    (POINT, {"x": 1, "name": "n"}, "dict {'x': 1, 'name': 'n'}"),
]


@pytest.mark.parametrize(("dtype", "value", "seen"), PYTHON, ids=[str(p[0]) for p in PYTHON])
def test_the_function_sees_plain_python_values(pool: Pool, dtype: DataType, value: Any, seen: str) -> None:
    show = row(lambda v: f"{type(v).__name__} {v!r}")
    assert pool.call(show, [from_list([value], dtype)], 1, STRING).column.to_list() == [seen]


def test_nan_passes_and_a_null_argument_gives_null_uncalled(pool: Pool) -> None:
    def both(a: float, b: str | None) -> str:
        return f"{a} {b}"

    args = [from_list([1.0, None, float("nan"), 4.0], FLOAT64), from_list(["a", "b", "c", None], STRING)]
    assert pool.call(row(both), args, 4, STRING).column.to_list() == ["1.0 a", None, "nan c", None]
    assert pool.call(row(both, nulls="pass"), args, 4, STRING).column.to_list() == [
        "1.0 a",
        "None b",
        "nan c",
        "4.0 None",
    ]
    only_nulls = pool.call(row(both), [a.slice(1, 2) for a in args], 1, STRING)
    assert only_nulls.column.to_list() == [None]


def test_a_failed_row_behind_nulls_keeps_its_number(pool: Pool) -> None:
    def inverse(x: int) -> float:
        return 1 / x

    got = pool.call(row(inverse), [ints(None, 2, None, 0, 4)], 5, FLOAT64)
    assert [got.column.to_list()[i] for i in (0, 1, 2, 4)] == [None, 0.5, None, 0.25]
    assert [(f.row, f.reason, f.message) for f in got.failed] == [
        (3, "exception", "ZeroDivisionError: division by zero")
    ]


def test_no_rows_and_no_arguments(pool: Pool) -> None:
    assert pool.call(row(lambda x: x), [ints()], 0, INT64).column.to_list() == []
    assert pool.call(row(lambda: 7), [], 3, INT64).column.to_list() == [7, 7, 7]
    schema = Schema.of({"y": "int64", "tags": ["string"]})
    for got in (
        pool.map(row(lambda r: r), {"x": ints()}, 0, schema, flat=False),
        pool.frames(row(lambda f: f), [], schema),
        pool.reduce(row(lambda s, r: s), {"x": ints()}, 0, np.empty(0, np.int64), _states(schema), _no(0), schema),
    ):
        assert {name: c.to_list() for name, c in got.columns.items()} == {"y": [], "tags": []}
        assert got.owner.tolist() == []


def test_numbers_are_widened_but_never_narrowed(pool: Pool) -> None:
    got = pool.call(row(lambda x: np.int64(x)), [ints(1)], 1, FLOAT64)
    assert got.column.to_list() == [1.0]
    assert pool.call(row(lambda x: np.float32(x)), [ints(1)], 1, FLOAT64).column.to_list() == [1.0]
    naive = row(lambda x: datetime(1970, 1, 1, 0, 0, 0, 1_999))
    assert pool.call(naive, [ints(1)], 1, TIMESTAMP).column.to_list() == [1]


WRONG: list[tuple[Any, DataType, str]] = [
    (lambda x: "abc", FLOAT64, "'abc' where float64 is declared"),
    (lambda x: 1.0, INT64, "1.0 where int64 is declared"),
    (lambda x: True, INT64, "True where int64 is declared"),
    (lambda x: 2**31, INT32, "2147483648 where int32 is declared"),
    (lambda x: 2**63, INT64, "9223372036854775808 where int64 is declared"),
    (lambda x: 1, STRING, "1 where string is declared"),
    (lambda x: "\ud800", STRING, "'\\ud800' where string is declared"),
    (lambda x: 5, TIMESTAMP, "5 where timestamp is declared"),
    (lambda x: [1, "a"], list_of(INT64), "'a' where int64 is declared"),
    (lambda x: {"x": "a"}, POINT, "'a' for 'x' where int64 is declared"),
    (lambda x: "z" * 100, BOOL, "'" + "z" * 56 + "... where bool is declared"),
]


@pytest.mark.parametrize(
    ("call", "dtype", "said"), WRONG, ids=[w[2][:40].encode("ascii", "replace").decode() for w in WRONG]
)
def test_a_value_of_another_type_costs_its_row(pool: Pool, call: Any, dtype: DataType, said: str) -> None:
    function = row(lambda x: None if x == 42 else call(x))
    got = pool.call(function, [ints(41, 42, 43)], 3, dtype)
    assert [(f.row, f.reason, f.message) for f in got.failed] == [
        (0, "result", f"{function.name}() returned {said}"),
        (2, "result", f"{function.name}() returned {said}"),
    ]
    assert got.failed[0].detail.startswith("called with x=41\n")
    assert got.column.to_list()[1] is None
    assert pool.call(row(lambda x: x), [ints(1)], 1, INT64).column.to_list() == [1]  # the process goes on


SCHEMA = Schema.of({"y": "int64", "name": "string"})


def test_map_takes_a_dict_and_gives_a_dict(pool: Pool) -> None:
    def shout(r: dict[str, Any]) -> dict[str, Any]:
        if r["x"] == 2:
            raise KeyError("two")
        return {"name": None if r["name"] is None else r["name"].upper(), **({} if r["x"] is None else {"y": -r["x"]})}

    columns = {"x": ints(1, 2, None, 4), "name": from_list(["a", "b", "c", None], STRING)}
    got = pool.map(row(shout), columns, 4, SCHEMA, flat=False)
    assert {n: c.to_list() for n, c in got.columns.items()} == {"y": [-1, None, -4], "name": ["A", "C", None]}
    assert got.owner.tolist() == [0, 2, 3]
    assert [(f.row, f.message) for f in got.failed] == [(1, "KeyError: 'two'")]


def test_flat_map_takes_any_number(pool: Pool) -> None:
    def repeat(r: dict[str, Any]) -> Any:
        x = r["x"]
        if x == 0:
            return None
        if x == 1:
            return [{"y": 1}]
        if x == 2:
            return ()

        def several() -> Any:
            for i in range(x):
                if i == 4:
                    raise ValueError("four")
                yield {"y": i, "name": str(x)}

        return several()

    got = pool.map(row(repeat), {"x": ints(0, 1, 2, 3, 9, 3)}, 6, SCHEMA, flat=True)
    assert got.owner.tolist() == [1, 3, 3, 3, 5, 5, 5]  # nothing of a row that failed half-way
    assert got.columns["y"].to_list() == [1, 0, 1, 2, 0, 1, 2]
    assert got.columns["name"].to_list() == [None] + ["3"] * 6
    assert [(f.row, f.message) for f in got.failed] == [(4, "ValueError: four")]


@pytest.mark.parametrize(
    ("flat", "call", "message", "hint"),
    [
        (False, lambda r: {"nam": 1}, "returned the unknown column 'nam'", "did you mean 'name'?"),
        (False, lambda r: {5: 1}, "returned the unknown column 5", "declared: name, y"),
        (False, lambda r: None, "returned None where a dict is declared", "return such a value"),
        (False, lambda r: {"y": "a"}, "returned 'a' for 'y' where int64 is declared", "return such a value"),
        (
            True,
            lambda r: {"y": 1},
            "returned {'y': 1} where an iterable of dicts (or None) is declared",
            "return [row]",
        ),
        (True, lambda r: 5, "returned 5 where an iterable of dicts (or None) is declared", "return [row]"),
        (True, lambda r: [5], "returned 5 where a dict is declared", "return such a value"),
    ],
)
def test_a_result_that_is_no_row_costs_its_row(pool: Pool, flat: bool, call: Any, message: str, hint: str) -> None:
    def some(r: dict[str, Any]) -> Any:
        fine = {"y": r["x"]}
        return call(r) if r["x"] == 1 else [fine] if flat else fine

    got = pool.map(row(some), {"x": ints(0, 1, 2)}, 3, SCHEMA, flat=flat)
    assert got.columns["y"].to_list() == [0, 2]
    (failed,) = got.failed
    assert (failed.row, failed.reason, failed.message) == (1, "result", f"some() {message}")
    assert failed.detail.startswith(f"called with {{'x': 1}}\n{hint}")


def test_frames_take_whole_windows(pool: Pool) -> None:
    def busiest(frame: Any) -> Any:
        import polars as pl

        if frame.height == 1:
            raise ValueError("one row")
        return frame.group_by("name", maintain_order=True).agg(y=pl.col("x").sum()).select("y", "name")

    def part(values: list[int | None], names: list[str]) -> dict[str, Column]:
        return {"x": ints(*values), "name": from_list(names, STRING)}

    frames = [part([1, 2, 3], ["a", "b", "a"]), part([5], ["z"]), part([], []), part([7, None], ["q", "q"])]
    got = pool.frames(row(busiest), frames, SCHEMA)
    assert got.owner.tolist() == [0, 0, 3]
    assert got.columns["y"].to_list() == [4, 2, 7]
    assert got.columns["name"].to_list() == ["a", "b", "q"]
    assert [(f.row, f.message) for f in got.failed] == [(1, "ValueError: one row")]


def test_frames_keep_every_type(pool: Pool) -> None:
    wanted = Schema.of({str(i): dtype for i, (dtype, _) in enumerate(SAMPLES)})
    frame = {str(i): from_list(values[:3], dtype) for i, (dtype, values) in enumerate(SAMPLES)}
    got = pool.frames(row(lambda f: f), [frame, frame], wanted)
    assert got.owner.tolist() == [0, 0, 0, 1, 1, 1]
    assert {n: c.to_list() for n, c in got.columns.items()} == {n: c.to_list() * 2 for n, c in frame.items()}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: None, "returned None where a polars DataFrame is declared"),
        (lambda f: f.lazy(), "where a polars DataFrame is declared"),
        (lambda f: f.rename({"x": "nme"}), "returned the unknown column 'nme'"),
        (lambda f: f.select("x").rename({"x": "name"}).cast(str), "returned a frame without the column 'y'"),
        (
            lambda f: f.select(y=f["x"].cast(str), name=f["x"].cast(str)),
            "returned the column 'y' of type String where int64 is declared",
        ),
        (
            lambda f: f.select(y=f["x"] / 2, name=f["x"].cast(str)),
            "returned the column 'y' of type Float64 where int64 is declared",
        ),
    ],
)
def test_a_frame_of_another_shape_costs_its_window(pool: Pool, call: Any, message: str) -> None:
    (failed,) = pool.frames(row(call), [{"x": ints(1, 2)}], SCHEMA).failed
    assert (failed.row, failed.reason) == (0, "result")
    assert message in failed.message
    assert failed.detail.startswith("called with a frame of 2 rows\n")


def _states(schema: Schema, *states: dict[str, Any]) -> dict[str, Column]:
    return {f.name: from_list([s.get(f.name) for s in states], f.dtype) for f in schema.fields}


def _no(count: int) -> Any:
    return np.zeros(count, np.bool_)


def test_reduce_folds_the_rows_of_each_key_in_order(pool: Pool) -> None:
    schema = Schema.of({"total": "float64", "seen": ["int64"]})

    def fold(state: Any, r: dict[str, Any]) -> Any:
        state = state or {"total": 0, "seen": []}
        assert type(state["total"]) is float or state["seen"] == []  # as the schema has it, from the second row on
        state["seen"].append(r["x"])
        if r["x"] == 13:
            raise ValueError("unlucky")  # after it changed the state that it was given
        return {"total": state["total"] + r["x"], "seen": state["seen"]}

    key = np.array([0, 1, 0, 2, 1, 0], np.int64)
    columns = {"x": ints(1, 10, 13, 5, 20, 3)}
    states = _states(schema, {}, {"total": 100.0, "seen": [99]}, {})
    got = pool.reduce(row(fold), columns, 6, key, states, np.array([False, True, False]), schema)
    assert got.owner.tolist() == [0, 1, 3, 4, 5]
    assert got.columns["total"].to_list() == [1.0, 110.0, 5.0, 130.0, 4.0]
    assert got.columns["seen"].to_list() == [[1], [99, 10], [5], [99, 10, 20], [1, 3]]
    assert [(f.row, f.message) for f in got.failed] == [(2, "ValueError: unlucky")]


def test_a_time_that_python_cannot_hold_fails_its_row_alone(pool: Pool) -> None:
    times = from_list([0, 10**15, 1000], TIMESTAMP)
    got = pool.call(row(lambda t: t.year), [times], 3, INT64)
    assert [got.column.to_list()[i] for i in (0, 2)] == [1970, 1970]
    assert [(f.row, f.reason) for f in got.failed] == [(1, "exception")]
    assert got.failed[0].message.startswith("OverflowError: a time that Python has no datetime for")
    mapped = pool.map(row(lambda r: {"y": r["t"].second}), {"t": times}, 3, SCHEMA, flat=False)
    assert (mapped.owner.tolist(), mapped.columns["y"].to_list()) == ([0, 2], [0, 1])


def test_two_threads_share_two_processes() -> None:
    """Each of two calls waits for the other, through a pipe: they can end only if they run at the same time."""
    import os

    there, back = os.pipe(), os.pipe()

    def meet(read: int, write: int) -> int:
        import os
        import select

        os.write(write, b"x")
        ready, _, _ = select.select([read], [], [], 30)
        return len(ready)

    # the functions open the parent's descriptors anew, by its process number
    me = os.getpid()

    def through(read: int, write: int) -> int:
        fds = [os.open(f"/proc/{me}/fd/{read}", os.O_RDONLY), os.open(f"/proc/{me}/fd/{write}", os.O_WRONLY)]
        return meet(*fds)

    function, pool = row(through), Pool(2)
    results: list[Any] = [None, None]

    def run(i: int, read: int, write: int) -> None:
        results[i] = pool.call(function, [ints(read), ints(write)], 1, INT64)

    try:
        ends = [(there[0], back[1]), (back[0], there[1])]
        threads = [threading.Thread(target=run, args=(i, *e)) for i, e in enumerate(ends)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        pool.close()
        for descriptor in (*there, *back):
            os.close(descriptor)
    assert [(r.failed, r.column.to_list()) for r in results] == [([], [1]), ([], [1])]


def test_more_threads_than_processes_wait_their_turn(pool: Pool) -> None:
    double = row(lambda x: 2 * x)
    results: dict[int, list[Any]] = {}

    def run(i: int) -> None:
        results[i] = [pool.call(double, [ints(i, k)], 2, INT64).column.to_list() for k in range(20)]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: [[2 * i, 2 * k] for k in range(20)] for i in range(4)}


def test_a_worker_imports_nothing_heavy() -> None:
    """What it imports is what its first row waits for."""

    def heavy(x: int) -> str:
        import sys

        return " ".join(sorted({"pandas", "numba", "polars", "caudal.columnar"} & set(sys.modules)))

    fresh = Pool(1)
    try:
        for dtype, values in SAMPLES:
            fresh.call(row(lambda v: v, nulls="pass"), [from_list(values, dtype)], len(values), dtype)
        assert fresh.call(row(heavy), [ints(1)], 1, STRING).column.to_list() == [""]
    finally:
        fresh.close()
