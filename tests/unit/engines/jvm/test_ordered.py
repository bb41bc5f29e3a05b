"""Deduplication and running aggregates in the engines' workers, against the oracle."""

from __future__ import annotations

import math
import random
from typing import Any

import pyarrow as pa
import pytest

from caudal.testing.folding import fold
from caudal.worker.fitting import arrow_of
from caudal.worker.ordered import deduplicate, running

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
        found.append(fold(case[0], [values[j] for j in frame]))
    if case[2] == "duration":
        found = [None if v is None else (v + 2**63) % 2**64 - 2**63 for v in found]
    return found


def same(a: list[Any], b: list[Any]) -> bool:
    return repr(a) == repr(b)  # NaN is NaN, -0 is not 0, True is not 1


@pytest.mark.parametrize("case", cases(), ids=str)
def test_running_aggregates_are_those_of_the_oracle(case: tuple[str, Any, Any]) -> None:
    dice = random.Random(str(case))
    pool = VALUES[case[1] or "int64"]
    for size, rows in FRAMES:
        for choice in (pool, FINITE if case[1] == "float64" else pool):
            count = dice.choice((0, 1, 2, 25))
            values = [dice.choice(choice) for _ in range(count)]
            times = sorted(dice.choice((0, 1, 2, 3, 7, 20)) for _ in range(count))
            argument = None if case[1] is None else pa.array(values, arrow_of(case[1]))
            given = values if argument is None else argument.to_pylist()
            (made,) = running([case], size, rows)(pa.array(times, pa.int64()), [argument])
            assert made.type == arrow_of(case[2])
            assert same(made.to_pylist(), expected(case, times, given, size, rows)), (values, times, size, rows)


def test_all_aggregates_at_once_and_rows_without_time() -> None:
    aggregates = [("count", None, "int64"), ("sum", "int64", "int64"), ("first", {"a": ["string"]}, {"a": ["string"]})]
    structs = pa.array([None, {"a": ["x"]}, {"a": None}], arrow_of({"a": ["string"]}))
    count, total, first = running(aggregates, 0, 2)(pa.nulls(3, pa.int64()), [None, pa.array([1, 2, None]), structs])
    assert count.to_pylist() == [1, 2, 2]
    assert total.to_pylist() == [1, 3, 2]
    assert first.to_pylist() == [None, {"a": ["x"]}, {"a": ["x"]}]


def test_a_frame_in_time_reaches_the_ends_of_time() -> None:
    times = pa.array([-(2**63), -(2**63) + 1, 2**63 - 1])
    (made,) = running([("count", None, "int64")], 2, 0)(times, [None])
    assert made.to_pylist() == [1, 2, 1]


@pytest.mark.parametrize("within", [0, 1, 5, 2**62])
def test_deduplication_is_that_of_the_oracle(within: int) -> None:
    dice = random.Random(within)
    for _ in range(50):
        times = [dice.choice((None, 0, 1, 2, 5, 6, 7, 12, -(2**62), 2**62)) for _ in range(dice.randrange(12))]
        passed: list[int | None] = []
        wanted: list[bool] = []
        for time in times:  # as `testing.sequences` has it
            last = passed[-1] if passed else None
            known = passed and (not within or (last is not None and time is not None and time - last <= within))
            wanted.append(not known)
            if not known:
                passed.append(time)
        assert deduplicate(within)(pa.array(times, pa.int64())).tolist() == wanted
