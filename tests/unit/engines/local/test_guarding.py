"""Calls that are withheld are failures in their rows' or windows' places, and nothing else is touched or called otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import caudal as cd
from caudal.columnar.column import from_list
from caudal.core.types import FLOAT64, INT64, STRING, DataType, list_of
from caudal.engines.local.functions import guarding
from caudal.expressions.functions.outcome import Failed, Rows, Values
from caudal.ports.calls import Call, Calls

NAN = float("nan")


@cd.batch
def made(x: int) -> int:
    return x


def call(values: Sequence[Any], dtype: DataType) -> Call:
    return Call("op", pa.table({"0": from_list(values, dtype).to_arrow()}), "it kills")


class Watch:
    def __init__(self) -> None:
        self.said: list[tuple[str, int, Sequence[int] | None] | str] = []

    def begins(self, site: str, args: pa.Table, lengths: Sequence[int] | None) -> None:
        self.said.append((site, args.num_rows, lengths))

    def done(self) -> None:
        self.said.append("done")


@pytest.mark.parametrize(
    ("values", "dtype", "wanted"),
    [
        ([5, 7, None, 7, 1], INT64, 7),
        ([5, 7, None, 7, None], INT64, None),
        ([0.5, NAN, None, 1.0], FLOAT64, NAN),
        (["a", "", None, "a"], STRING, "a"),
        ([[1], [], None, [1, 2], [1]], list_of(INT64), [1]),
    ],
)
def test_rows_with_the_arguments_of_a_call_that_kills_are_not_called(
    values: list[Any], dtype: DataType, wanted: Any
) -> None:
    seen: list[Any] = []

    def run(args: Any, rows: int) -> Values:
        seen.extend(args[0].to_list())
        return Values(from_list([*range(rows)], INT64), [Failed(0, "exception", "own")])

    guarded = guarding.scalar(Calls({"op": [call([wanted], dtype)]}), "op", made, run, [dtype])
    values_of = guarded([from_list(values, dtype)], len(values))
    held = [row for row, value in enumerate(values) if repr(value) == repr(wanted)]
    left = [row for row in range(len(values)) if row not in held]
    assert [repr(each) for each in seen] == [repr(values[row]) for row in left]
    assert {each.row for each in values_of.failed if each.reason == "poison"} == {*held}
    assert [each.row for each in values_of.failed if each.reason == "exception"] == left[:1]
    assert [each.row for each in values_of.failed] == sorted(each.row for each in values_of.failed)
    assert [values_of.column.to_list()[row] for row in left] == [*range(len(left))]


def test_where_all_rows_are_withheld_nothing_is_called() -> None:
    watch = Watch()
    calls = Calls({"op": [call([7], INT64)]}, watching=watch)
    run: Any = lambda args, rows: Values(from_list([], INT64))  # noqa: E731
    values = guarding.scalar(calls, "op", made, run, [INT64])([from_list([7, 7], INT64)], 2)
    assert [each.row for each in values.failed] == [0, 1]
    assert len(values.column) == 2
    assert watch.said == []


def test_rows_made_of_rows_and_of_windows_keep_their_owners() -> None:
    def rows(columns: Any, count: int) -> Rows:
        return Rows({"y": columns["0"]}, np.arange(count), [])

    guarded = guarding.rows(Calls({"op": [call([7], INT64)]}), "op", made, rows, {"0": INT64})
    out = guarded({"0": from_list([7, 1, 7, 2], INT64)}, 4)
    assert (out.owner.tolist(), out.columns["y"].to_list()) == ([1, 3], [1, 2])
    assert [each.row for each in out.failed] == [0, 2]

    def frames(given: Any) -> Rows:
        return Rows({"y": from_list([len(each["0"]) for each in given], INT64)}, np.arange(len(given)), [])

    watch = Watch()
    calls = Calls({"op": [call([7, 8], INT64)]}, watching=watch)
    windows = [{"0": from_list(each, INT64)} for each in ([7, 8], [7], [8, 7], [7, 8, 9])]
    out = guarding.windows(calls, "op", made, frames, {"0": INT64})(windows)
    assert (out.owner.tolist(), out.columns["y"].to_list()) == ([1, 2, 3], [1, 2, 3])
    assert [each.row for each in out.failed] == [0]
    assert watch.said == [("op", 6, [1, 2, 3]), "done"]


def test_what_nobody_looks_at_and_nothing_is_known_of_is_the_function_itself() -> None:
    run: Any = object()
    other = Calls({"other": [call([7], INT64)]})
    assert guarding.scalar(Calls(), "op", made, run, [INT64]) is run
    assert guarding.rows(other, "op", made, run, {"0": INT64}) is run
    assert guarding.windows(other, "op", made, run, {"0": INT64}) is run


def test_a_site_calls_the_function_with_what_was_noted() -> None:
    calls, seen = Calls(sites={}), []

    def frames(given: Any) -> Rows:
        seen.append([each["0"].to_list() for each in given])
        return Rows({}, np.empty(0, np.int64), [])

    guarding.windows(calls, "op", made, frames, {"0": INT64})
    assert calls.sites is not None
    calls.sites["op"](pa.table({"0": [1, 2, 3]}), [2, 1])
    assert seen == [[[1, 2], [3]]]
