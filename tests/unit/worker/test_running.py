"""Running aggregates of the keyed step, against the oracle: in one call, and in several."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from caudal.testing.folding import fold
from caudal.worker.coercion import arrow_of
from caudal.worker.steps.contract import END, Rows
from caudal.worker.steps.running import running

INF, NAN = math.inf, math.nan
VALUES: dict[Any, list[Any]] = {
    "bool": [None, True, False],
    "int32": [None, 0, 1, -1, 2**31 - 1, -(2**31)],
    "int64": [None, 0, 1, 7, 2**53 + 1, 2**63 - 1, -(2**63)],
    "float32": [None, 0.0, -0.0, 1.5, NAN, 2.0**100, 2.0**-140],
    "float64": [None, 0.0, -0.0, 0.1, 0.2, -0.3, 1e16, -1e16, 1e308, 1.7e308, -1e308, 5e-324, 2.2e-308, NAN, INF, -INF],
    "string": [None, "", "a", "é", "𝄞", "\uffff"],
    "binary": [None, b"", b"\x00", b"\xff"],
    "timestamp": [None, 0, -(2**63), 2**63 - 1],
    "duration": [None, 0, 1, 2**62, 2**62 + 1],
}
FINITE = [0.1, 0.7, -0.2, 1e16, 3.0, -1e-3, None]
NUMBERS = ("int32", "int64", "float32", "float64")
FRAMES = [(0, 0), (0, 1), (0, 3), (5, 0), (1, 0)]


def cases() -> list[tuple[str, Any, Any]]:
    made: list[tuple[str, Any, Any]] = [("count", None, "int64"), ("count_if", "bool", "int64")]
    for name in VALUES:
        made += [(f, name, name) for f in ("min", "max", "first", "last")]
        made += [("count_distinct", name, "int64"), ("collect", name, [name])]
        made += [(f"percentile {p}", name, name) for p in (0, 50, 99.9) if name != "bool"]
    for name in NUMBERS:
        made += [("sum", name, "int64" if name.startswith("int") else "float64")]
        made += [("mean", name, "float64"), ("stddev", name, "float64")]
    return [*made, ("sum", "duration", "duration")]


def expected(case: tuple[str, Any, Any], times: list[int], values: list[Any], size: int, rows: int) -> list[Any]:
    found: list[Any] = []
    for i in range(len(values)):
        frame = list(range(i + 1))
        if rows:
            frame = frame[-rows:]
        elif size:
            frame = [j for j in frame if times[j] > times[i] - size]
        function, options = named(case[0])
        found.append(fold(function, [values[j] for j in frame], **options))
    if case[2] == "duration":
        found = [None if v is None else (v + 2**63) % 2**64 - 2**63 for v in found]
    return found


def named(case: str) -> tuple[str, dict[str, Any]]:
    """Return an aggregate's function and options."""
    function, *p = case.split()
    return function, {"p": float(p[0])} if p else {}


def same(a: list[Any], b: list[Any]) -> bool:
    return repr(a) == repr(b)  # NaN is NaN, -0 is not 0, True is not 1


def made(
    aggregates: list[tuple[str, Any, Any]], size: int, rows: int, times: list[int], given: list[Any], calls: int = 1
) -> list[list[Any]]:
    """Return the aggregates of one key's rows, taken in so many calls."""
    takes = {str(i): t for i, (_, t, _) in enumerate(aggregates) if t is not None}
    gives = {str(i): t for i, (_, _, t) in enumerate(aggregates)}
    functions = [(str(i), *named(f)) for i, (f, _, _) in enumerate(aggregates)]
    step = running(takes, gives, functions, size, rows)
    columns = [pa.array(values, arrow_of(kind)) for values, kind in zip(given, takes.values(), strict=True)]
    state, out = step.nothing(1), [[] for _ in aggregates]
    edges = [len(times) * i // calls for i in range(calls + 1)]
    for start, stop in itertools.pairwise(edges):
        part = Rows(
            np.array([0, stop - start]),
            [c.slice(start, stop - start) for c in columns],
            np.array(times[start:stop], np.int64),
        )
        got = step.run(state, part, END)
        assert got.of.tolist() == list(range(stop - start))
        assert [c.type for c in got.columns] == [arrow_of(t) for t in gives.values()]
        for listed, column in zip(out, got.columns):
            listed += column.to_pylist()
        state = got.state
    return out


@pytest.mark.parametrize("case", cases(), ids=str)
def test_running_aggregates_are_those_of_the_oracle(case: tuple[str, Any, Any]) -> None:
    dice = random.Random(str(case))
    pool = VALUES[case[1] or "int64"]
    for size, rows in FRAMES:
        for choice in (pool, FINITE if case[1] == "float64" else pool):
            for calls in (1, 3):
                count = dice.choice((0, 1, 2, 25))
                values = [dice.choice(choice) for _ in range(count)]
                times = sorted(dice.choice((0, 1, 2, 3, 7, 20)) for _ in range(count))
                known = values if case[1] is None else pa.array(values, arrow_of(case[1])).to_pylist()
                (got,) = made([case], size, rows, times, [] if case[1] is None else [values], calls)
                assert same(got, expected(case, times, known, size, rows)), (values, times, size, rows)


def test_all_aggregates_at_once_and_rows_without_time() -> None:
    aggregates = [("count", None, "int64"), ("sum", "int64", "int64"), ("first", {"a": ["string"]}, {"a": ["string"]})]
    structs = [None, {"a": ["x"]}, {"a": None}]
    count, total, first = made(aggregates, 0, 2, [0, 0, 0], [[1, 2, None], structs])
    assert count == [1, 2, 2]
    assert total == [1, 3, 2]
    assert first == [None, {"a": ["x"]}, {"a": ["x"]}]


def test_a_frame_in_time_reaches_the_ends_of_time() -> None:
    assert made([("count", None, "int64")], 2, 0, [-(2**63), -(2**63) + 1, 2**63 - 1], []) == [[1, 2, 1]]
