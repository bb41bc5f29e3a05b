"""The user's functions over Arrow arrays in the engines' workers, against the oracle and the local engine."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import cloudpickle
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import caudal as cd
from caudal.columnar.column import from_list
from caudal.core.types import Schema, parse_type
from caudal.engines.local.functions.binding import Functions
from caudal.plan.nodes import FlatMap, Map, Reduce, WindowApply
from caudal.plan.python import PythonFunction
from caudal.plan.windows import Hopping
from caudal.testing import calling as oracle
from caudal.testing.calling import Failing
from caudal.worker import calling
from caudal.worker.coercion import arrow_of
from caudal.worker.failures import FunctionMistake

DAY = 86_400_000
POOLS: dict[Any, list[Any]] = {
    "bool": [None, True, False],
    "int32": [None, 0, 1, 7, -(2**31)],
    "int64": [None, 0, 1, 7, 3, -8, 2**53],
    "float32": [None, 0.0, -0.0, 1.5, math.nan],
    "float64": [None, 0.0, -0.0, 0.1, math.inf, math.nan],
    "string": [None, "", "aa", "é", "bad"],
    "binary": [None, b"", b"\xff"],
    "timestamp": [None, 0, -1, 1_700_000_000_123],
    "duration": [None, 0, -1, DAY],
}


def drawn(kind: Any, dice: random.Random) -> Any:
    if isinstance(kind, list):
        return None if dice.random() < 0.2 else [drawn(kind[0], dice) for _ in range(dice.randrange(3))]
    if isinstance(kind, dict):
        return None if dice.random() < 0.2 else {n: drawn(k, dice) for n, k in kind.items()}
    return dice.choice(POOLS[kind])


@cd.jit
def inverse(n: int) -> float:
    return 1.0 / n


@cd.jit
def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@cd.jit
def wrapped(n: int, x: float) -> int:
    return n * 3 + 1 if x > 0.5 else n - 2


@cd.jit(nulls="pass")
def known(n: int, b: bool) -> bool:
    return n is not None or b is not None


@cd.jit(returns="timestamp")
def later(t: Any, d: Any) -> Any:
    return t + d


@cd.jit
def maybe(n: int) -> int | None:
    return None if n == 7 else n


@cd.batch(returns="float64")
def halved(x: Any, n: Any) -> Any:
    return x / 2 + n


@cd.batch(returns="int64", nulls="pass")
def size(k: Any) -> Any:
    if "aa" in k.to_list():
        raise ValueError("aa")
    return k.str.len_bytes().cast(pl.Int64)


@cd.batch(returns="timestamp")
def moved(t: Any, d: Any) -> Any:
    return (t + d).cast(pl.Datetime("us", "UTC"))


@cd.batch(returns=parse_type({"a": ["timestamp"], "b": "string"}))
def packed(t: Any, k: Any) -> Any:
    return pl.DataFrame({"a": t.reshape((-1, 1)).arr.to_list(), "b": k}).to_struct()


@cd.batch(returns="float64")
def as_numpy(x: Any) -> Any:
    return x.to_numpy() * 2


@cd.row
def shown(k: str, n: int) -> str | None:
    if n == 7:
        raise ValueError("seven")
    return None if n == 1 else f"{k}:{n}"


@cd.row
def when(t: datetime, d: timedelta) -> datetime:
    return t + d / 2


@cd.row(returns=parse_type({"s": ["duration"], "n": "int64"}), nulls="pass")
def nested(d: Any, n: Any) -> Any:
    return None if n is None else {"s": [d, timedelta(microseconds=1999), None], "n": n}


@cd.row
def leaves(n: int) -> int:
    if n == 1:
        raise SystemExit(3)
    return n


SCALARS: list[tuple[PythonFunction, list[Any], Any]] = [
    (inverse, ["int64"], "float64"),
    (fib, ["int64"], "int64"),
    (wrapped, ["int64", "float64"], "int64"),
    (known, ["int64", "bool"], "bool"),
    (later, ["timestamp", "duration"], "timestamp"),
    (maybe, ["int64"], "int64"),
    (halved, ["float64", "int64"], "float64"),
    (size, ["string"], "int64"),
    (moved, ["timestamp", "duration"], "timestamp"),
    (packed, ["timestamp", "string"], {"a": ["timestamp"], "b": "string"}),
    (as_numpy, ["float64"], "float64"),
    (shown, ["string", "int64"], "string"),
    (when, ["timestamp", "duration"], "timestamp"),
    (nested, ["duration", "int64"], {"s": ["duration"], "n": "int64"}),
    (leaves, ["int64"], "int64"),
]


def small(function: PythonFunction, values: list[Any]) -> list[Any]:
    return [None if v is None else v % 12 for v in values] if function is fib else values


def marked(function: PythonFunction) -> Any:
    """Return the bare function as it stands in a script: what a compiled one calls is marked."""
    if function is fib:

        def fib_alone(n: int) -> int:
            return n if n < 2 else fib_alone(n - 1) + fib_alone(n - 2)

        return fib_alone
    return function.call


@pytest.mark.parametrize(("function", "takes", "gives"), SCALARS, ids=lambda v: getattr(v, "name", ""))
def test_a_scalar_function_gives_what_the_oracle_gives(function: PythonFunction, takes: list[Any], gives: Any) -> None:
    call = calling.scalar(marked(function), function.kind, takes, gives, function.pass_nulls)
    for rows in (0, 1, 40):
        dice = random.Random(rows)
        columns = [small(function, [drawn(k, dice) for _ in range(rows)]) for k in takes]
        compare(function, call, columns, takes, gives)


def compare(function: PythonFunction, call: Any, columns: list[list[Any]], takes: list[Any], gives: Any) -> None:
    made = call(*(pa.array(c, arrow_of(k)) for c, k in zip(columns, takes)))
    assert made.field("value").type == arrow_of(gives)
    assert len(made) == len(columns[0])
    types = [parse_type(k) for k in takes]
    stored = [pa.array(c, arrow_of(k)).to_pylist() for c, k in zip(columns, takes)]
    for got, values in zip(made.to_pylist(), zip(*stored)):
        wanted, message = outcome(oracle.scalar, function, list(values), types, parse_type(gives))
        assert repr(got["value"]) == repr(wanted)
        assert got["reason"] == ("exception" if message else None)
        assert (got["message"] or "").partition("'")[0] == message.partition("'")[0]
        assert (function.name in (got["detail"] or "")) == bool(message)


def outcome(call: Any, *given: Any) -> tuple[Any, str]:
    """Return what the oracle gives, or what it says of the failure."""
    try:
        return call(*given), ""
    except Failing as failing:
        return None, str(failing)


@pytest.mark.parametrize("function", [inverse, size, shown, leaves], ids=lambda f: f.name)
def test_what_a_row_raised_is_told_as_the_local_engine_does(function: PythonFunction) -> None:
    takes = [parse_type(t) for _, ts, _ in [s for s in SCALARS if s[0] is function] for t in ts]
    gives = next(g for f, _, g in SCALARS if f is function)
    values = [{"int64": [0, 7, 1], "string": ["aa", "aa", "b"]}[t.name] for t in takes]
    functions = Functions(1)
    try:
        local = functions.scalar(function, takes, parse_type(gives))(
            [from_list(v, t) for v, t in zip(values, takes)], 3
        ).failed
    finally:
        functions.close()
    call = calling.scalar(marked(function), function.kind, [t.spec for t in takes], gives, function.pass_nulls)
    made = call(*(pa.array(v) for v in values)).to_pylist()
    here = [(i, m["reason"], m["message"]) for i, m in enumerate(made) if m["reason"]]
    assert here == [(f.row, f.reason, f.message) for f in local]
    # but for where the file lies
    tails = [[line for line in f.detail.splitlines() if "File" not in line] for f in local]
    assert [[line for line in m["detail"].splitlines() if "File" not in line] for m in made if m["reason"]] == tails
    assert all('File "test_calling.py", line ' in m["detail"] for m in made if m["reason"])


def test_types_that_hold_the_same_are_taken() -> None:
    call = calling.scalar(halved.call, "batch", ["float64", "float64"], "float64")
    large = pa.chunked_array([pa.array([1, None], pa.int32()), pa.array([3], pa.int32())])
    assert call(large, pa.array([1.0, 2.0, 3.0])).field("value").to_pylist() == [1.5, None, 4.5]
    assert calling.scalar(shown.call, "row", ["string", "int64"], "string")(
        pa.array(["a"], pa.large_string()), pa.array([2])
    ).field("value").to_pylist() == ["a:2"]


def test_no_arguments() -> None:
    for kind in ("jit", "row"):
        assert calling.scalar(lambda: 3, kind, [], "int64")(rows=2).field("value").to_pylist() == [3, 3]


def test_a_time_beyond_python_fails_its_row() -> None:
    call = calling.scalar(when.call, "row", ["timestamp", "duration"], "timestamp")
    made = call(pa.array([0, 2**62, None]), pa.array([2, 0, 0])).to_pylist()
    assert [m["value"] for m in made] == [1, None, None]
    assert made[1]["message"].startswith("OverflowError: a time that Python has no datetime for")
    assert made[2]["reason"] is None


def test_a_call_that_hangs_costs_its_row() -> None:
    def hang(n: int) -> int:
        while n:
            try:
                n += 1
            except Exception:
                continue
        return 1

    call = calling.scalar(hang, "row", ["int64"], "int64", timeout=10)
    made = call(pa.array([0, 1, 0])).to_pylist()
    assert [m["value"] for m in made] == [1, None, 1]
    assert (made[1]["reason"], made[1]["message"]) == ("timeout", "took longer than 0.01s")


MISTAKES: list[tuple[str, Callable[..., Any], Any, str]] = [
    ("row", lambda n: "x", "int64", "returned 'x' where int64 is declared\ncalled with n=1\nreturn such a value"),
    ("row", lambda n: 2**31, "int32", "an int32 is at least"),
    ("row", lambda n: True, "int64", "returned True where int64 is declared"),
    ("row", lambda n: "\ud800", "string", "where string is declared"),
    ("row", lambda n: {"b": 1}, {"a": "int64"}, "returned the unknown field 'b'"),
    ("row", lambda n: {"a": 1.5}, {"a": "int64"}, "returned 1.5 for 'a' where int64 is declared"),
    ("batch", lambda n: n.to_list(), "int64", "returned a list, not a polars Series"),
    ("batch", lambda n: n.head(0), "int64", "returned 0 values for 1 rows"),
    ("batch", lambda n: n * 0.5, "int64", "returned Float64 where int64 is declared"),
]


@pytest.mark.parametrize(("kind", "function", "gives", "message"), MISTAKES, ids=[m[3] for m in MISTAKES])
def test_a_result_against_the_declaration_costs_its_row(
    kind: str, function: Callable[..., Any], gives: Any, message: str
) -> None:
    (got,) = calling.scalar(function, kind, ["int64"], gives)(pa.array([1])).to_pylist()
    assert (got["value"], got["reason"]) == (None, "result")
    assert message in f"{got['message']}\n{got['detail']}"


def test_a_compiled_function_of_another_type_ends_the_job() -> None:
    with pytest.raises(FunctionMistake, match="gives float64 where it is declared to give int64"):
        calling.scalar(lambda n: n * 0.5, "jit", ["int64"], "int64")(pa.array([1]))


# -- rows to rows

GIVEN = {"k": "string", "t": "timestamp", "n": "int64", "x": "float64", "g": "int32", "b": "bool", "l": ["duration"]}


@cd.batch
def changed(frame: Any) -> Any:
    if 7 in frame["n"].to_list():
        raise ValueError("seven")
    return frame.select(pl.col("n") + 1, "l", "t", w=pl.col("g"))


@cd.batch
def twins(frame: Any) -> Any:
    if -8 in frame["n"].to_list():
        raise ValueError("minus eight")
    times = [1 if b is None else 2 * b for b in frame["b"]]
    owner = [row for row, count in enumerate(times) for _ in range(count)]
    return frame.select("_row", "n", "l", "t", w="g")[owner].reverse().sort("_row", maintain_order=True)


@cd.row
def anew(row: dict[str, Any]) -> dict[str, Any]:
    return {"n": row["n"] // 2 if row["b"] else 0, "t": row["t"], "l": row["l"]}


@cd.row
def several(row: dict[str, Any]) -> Any:
    if row["g"] is None:
        return None
    return ({"n": 1 // (row["n"] - i), "t": row["t"], "w": row["g"]} for i in range(row["g"] % 3))


OUTPUT = {"n": "int64", "l": ["duration"], "t": "timestamp", "w": "int32"}


def rows_of(dice: random.Random, count: int) -> tuple[pa.StructArray, list[dict[str, Any]]]:
    columns = [pa.array([drawn(k, dice) for _ in range(count)], arrow_of(k)) for k in GIVEN.values()]
    array = pa.StructArray.from_arrays(columns, list(GIVEN))
    return array, array.to_pylist()


def source() -> Any:
    return cd.source("memory", rows=[], schema=GIVEN, event_time="t").node


@pytest.mark.parametrize("function", [changed, twins, anew, several], ids=lambda f: f.name)
@pytest.mark.parametrize("rows", [0, 1, 30])
def test_maps_give_what_the_oracle_gives(function: PythonFunction, rows: int) -> None:
    many = function in (twins, several)
    array, listed = rows_of(random.Random(rows), rows)
    made = calling.mapped(function.call, function.kind, GIVEN, OUTPUT, many)(array).to_pylist()
    node = (FlatMap if many else Map)(name="m", input=source(), function=function, output=Schema.of(OUTPUT))
    assert len(made) == rows
    for got, row in zip(made, listed):
        wanted, message = outcome(oracle.mapped, node, row)
        if message:
            wanted = [dict.fromkeys(OUTPUT)]
        assert [item["__reason"] for item in got] == ["exception" if message else None] * len(wanted)
        assert repr([{name: item[name] for name in OUTPUT} for item in got]) == repr(wanted)


def test_a_slice_of_rows_is_read_as_such() -> None:
    array, _ = rows_of(random.Random(1), 9)
    call = calling.mapped(anew.call, "row", GIVEN, OUTPUT, False)
    assert call(array.slice(4, 3)).to_pylist() == call(array).to_pylist()[4:7]


@pytest.mark.parametrize(
    ("kind", "many", "function", "message"),
    [
        ("batch", False, lambda f: f.select(m="n").head(0), "returned 0 rows for 1"),
        ("batch", False, lambda f: f.lazy(), "end with .collect()"),
        ("batch", False, lambda f: f.select("n"), "without the column 'm'"),
        ("batch", True, lambda f: f.select(m="n"), "keep the column '_row'"),
        ("batch", True, lambda f: f.select(pl.col("_row") + 1, m="n"), "that no input row has"),
        ("batch", True, lambda f: f.select("_row", "n", m="n"), "with the column 'n', which its schema does not have"),
        ("row", False, lambda row: [1], "returned [1] where a dict is declared"),
        (
            "row",
            False,
            lambda row: {"mm": 1},
            "returned the unknown column 'mm'\ncalled with {'n': 5}\ndid you mean 'm'?",
        ),
        ("row", True, lambda row: {"m": 1}, "where an iterable of dicts (or None) is declared"),
    ],
)
def test_a_map_against_its_schema_costs_the_row(
    kind: str, many: bool, function: Callable[..., Any], message: str
) -> None:
    ((got,),) = calling.mapped(function, kind, {"n": "int64"}, {"m": "int64"}, many)(pa.array([{"n": 5}])).to_pylist()
    assert (got["m"], got["__reason"]) == (None, "result")
    assert message in f"{got['__message']}\n{got['__detail']}"


# -- windows


@cd.jit
def steep(n: Any, x: Any) -> Any:
    kept = x > 0.0
    if kept.sum() == 3:
        raise ValueError("three")
    return n[kept] + 1, x[kept]


@cd.batch
def places(frame: Any) -> Any:
    if 7 in frame["n"].to_list():
        raise ValueError("seven")
    return frame.select(c="n", span=pl.col("window_end") - pl.col("window_start"), at="t")


def largest(frame: Any) -> Any:
    if frame.height == 2:
        raise ValueError("two")
    return frame.filter(pl.col("n") == pl.col("n").max()).select(c="n", span=pl.duration(days=1), at="t")


ROWS_OUT = {"c": "int64", "span": "duration", "at": "timestamp"}


@pytest.mark.parametrize(
    ("function", "output"),
    [(steep, {"a": "int64", "b": "float64"}), (places, ROWS_OUT), (cd.row(largest), ROWS_OUT)],
    ids=lambda v: getattr(v, "name", ""),
)
def test_windows_give_what_the_oracle_gives(function: PythonFunction, output: dict[str, Any]) -> None:
    node = WindowApply(
        name="w", input=source(), keys=(), window=Hopping(3000, 3000), function=function, output=Schema.of(output)
    )
    call = calling.window(function.call, function.kind, node.takes, GIVEN, output)
    reasons: set[str | None] = set()
    for count in (*range(12), 4, 5, 6, 7):
        array, listed = rows_of(random.Random(count), count)
        made = call(array, 3000, 6000).to_pylist()
        wanted, message = outcome(oracle.window, node, listed, {"window_start": 3000, "window_end": 6000})
        if message:
            wanted = [dict.fromkeys(output)]
            assert [(m["__reason"], m["__message"]) for m in made] == [("exception", message)]
        assert repr([{name: m[name] for name in output} for m in made]) == repr(wanted)
        reasons.update(m["__reason"] for m in made)
    assert reasons == {None, "exception"}


def test_a_window_without_bounds() -> None:
    call = calling.window(
        lambda f: f.select("window_start"), "batch", [], {"n": "int64"}, {"window_start": "timestamp"}
    )
    assert [m["window_start"] for m in call(pa.array([{"n": 5}]), None, None).to_pylist()] == [None]


def test_a_plain_function_gives_integers_of_any_width() -> None:
    for dtype in (pl.Int64, pl.UInt8):
        call = calling.window(
            lambda f, d=dtype: f.select(pl.col("n").cast(d)), "row", [], {"n": "int64"}, {"n": "int32"}
        )
        assert call(pa.array([{"n": 5}]), 0, 1).to_pylist()[0]["n"] == 5
    call = calling.window(lambda f: f.select("n"), "row", [], {"n": "int64"}, {"n": "int32"})
    (got,) = call(pa.array([{"n": 2**40}]), 0, 1).to_pylist()
    assert got["__reason"] == "result"
    assert "of type Int64 where int32 is declared" in got["__message"]


# -- folds


@cd.row
def folded(state: dict[str, Any] | None, row: dict[str, Any]) -> dict[str, Any]:
    if state is None:
        return {"total": row["g"], "at": row["t"], "seen": []}
    state["seen"].append(row["n"])
    if row["n"] == 7:
        raise ValueError("seven")
    return {"total": (state["total"] or 0) // 2 + (row["g"] or 0), "at": state["at"], "seen": state["seen"][-3:]}


def test_a_fold_gives_what_the_oracle_gives() -> None:
    output = {"total": "int64", "at": "timestamp", "seen": ["int64"]}
    array, listed = rows_of(random.Random(2), 40)
    made = calling.reduced(folded.call, GIVEN, output)(array).to_pylist()
    node = Reduce(name="r", input=source(), keys=(), function=folded, output=Schema.of(output))
    state: dict[str, Any] | None = None
    assert {m["__reason"] for m in made} == {None, "exception"}
    for got, row in zip(made, listed, strict=True):
        after, message = outcome(oracle.reduced, node, state, row)
        assert got["__reason"] == ("exception" if message else None)
        assert {name: got[name] for name in output} == (after or dict.fromkeys(output))
        state = after or state


def test_arrays_of_a_window_are_the_functions_own() -> None:
    def doubled(n: Any) -> Any:
        n *= 2
        return n

    call = calling.window(doubled, "jit", ["n"], {"n": "int64"}, {"n": "int64"})
    rows = pa.array([{"n": 5}])
    assert call(rows, 0, 1).to_pylist()[0]["n"] == 10
    assert call(rows, 0, 1).to_pylist()[0]["n"] == 10
    assert np.asarray(rows.field("n")).tolist() == [5]


def test_a_batch_function_that_was_sent_fails_for_single_rows() -> None:
    def inverse(column: Any) -> Any:
        if (column == 0).any():
            raise ZeroDivisionError("none")
        return 1 / column

    here = calling.scalar(inverse, "batch", ["int64"], "float64")
    sent = pickle.loads(cloudpickle.dumps(here))
    made = [call(pa.array([1, 0, 2])).to_pylist() for call in (here, sent)]
    assert [row["value"] for row in made[1]] == [1.0, None, 0.5]
    assert [row["reason"] for row in made[1]] == [row["reason"] for row in made[0]] == [None, "exception", None]
