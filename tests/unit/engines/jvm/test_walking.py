"""The steps that walk a key's rows over live input: many small ones give what one over all rows gives."""

from __future__ import annotations

import math
import random
from typing import Any

import pyarrow as pa
import pytest

from caudal.worker import calling, ordered, walking
from caudal.worker.origins import origins

AWKWARD: list[tuple[Any, list[Any]]] = [
    ("int64", [0, None, 2**63 - 1, -(2**63), 2**53 + 1]),
    ("float64", [0.1, math.nan, math.inf, -math.inf, None]),
    ("string", ["", "é\u2028", "\x00", None, '"']),
    ("binary", [b"", b"\xff\x00", None, b"a", b"b"]),
    ("bool", [True, False, None, True, False]),
    (["int64"], [[], None, [1, None], [2**60], [0]]),
    ({"a": "binary", "b": ["float64"]}, [{"a": b"\xff", "b": [math.inf]}, None, {"a": None, "b": None}, None, None]),
]


@pytest.mark.parametrize(("kind", "values"), AWKWARD, ids=[str(kind) for kind, _ in AWKWARD])
def test_values_cross_as_they_are(kind: Any, values: list[Any]) -> None:
    from caudal.worker.fitting import arrow_of

    array = pa.array(values, arrow_of(kind))
    back = walking.unpacked(["x", "n"], [kind, "int64"])(walking.packed(array, pa.array(range(5))))
    assert back.type.field(0).type == array.type
    assert repr(back.field(0).to_pylist()) == repr(values), "repr tells -0, NaN and types apart"


def in_steps(step: walking.Step, rows: list[list[Any]], dice: random.Random) -> list[list[Any]]:
    made, kept, at = [], [], 0
    while at < len(rows):
        count = dice.randint(1, 4)
        some, kept = step(kept, rows[at : at + count])
        kept = walking._row(walking._line(kept))  # as the state has it between two steps
        made += some
        at += count
    return made


def drawn(dice: random.Random) -> list[list[Any]]:
    times = sorted(dice.randint(0, 60) for _ in range(40))
    return [[t, dice.choice([None, 1, 2, 3, 2**60])] for t in times]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("within", [0, 1, 7, 100])
def test_deduplicate(seed: int, within: int) -> None:
    dice = random.Random(seed)
    rows = drawn(dice)
    passes = ordered.deduplicate(within)(pa.array([t for t, _ in rows], pa.int64()))
    wanted = [row for row, good in zip(rows, passes) if good]
    assert in_steps(walking.deduplicating(0, within, [0, 1]), rows, dice) == wanted


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("size", "count"), [(5, 0), (1, 0), (30, 0), (0, 1), (0, 3), (0, 50)])
def test_sliding(seed: int, size: int, count: int) -> None:
    dice = random.Random(seed)
    rows = drawn(dice)
    specs = [
        ("count", None, "int64"),
        ("sum", "int64", "int64"),
        ("last", "int64", "int64"),
        ("mean", "int64", "float64"),
    ]
    function = ordered.running(specs, size, count)
    values = pa.array([x for _, x in rows], pa.int64())
    whole = function(pa.array([t for t, _ in rows], pa.int64()), [None, values, values, values])
    wanted = [[*row, *(column[i].as_py() for column in whole)] for i, row in enumerate(rows)]
    given = [None, (1, "int64"), (1, "int64"), (1, "int64")]
    step = walking.running_on(function, 0, given, size, count, [0, 1])
    assert in_steps(step, rows, dice) == wanted


def total(state: Any, row: Any) -> Any:
    if row["x"] is None:
        raise ValueError("no x")
    return {"n": 1 if state is None else state["n"] + 1, "xs": [*([] if state is None else state["xs"]), row["x"]][-3:]}


@pytest.mark.parametrize("seed", range(5))
def test_reduce(seed: int) -> None:
    dice = random.Random(seed)
    rows = drawn(dice)
    fold = calling.reduced(total, {"x": "int64"}, {"n": "int64", "xs": ["int64"]})
    whole = fold(pa.StructArray.from_arrays([pa.array([x for _, x in rows], pa.int64())], ["x"])).to_pylist()
    wanted = [[t, state["n"], state["xs"]] for (t, _), state in zip(rows, whole)]
    made = in_steps(walking.reducing(fold, [("x", 1, "int64")], [0]), rows, dice)
    assert [row[:3] for row in made] == wanted
    assert any(row[3] for row in made), "some rows failed, and left the state as it was"


def test_order_of_values() -> None:
    texts = ["", "Z", "a", "é", "\U0001f600"]
    assert sorted([*reversed(texts), None], key=walking._key) == [None, *texts]
    numbers = [-math.inf, -1.5, 0, 2**53, math.inf, math.nan]
    assert repr(sorted([*reversed(numbers), None], key=walking._key)) == repr([None, *numbers])
    structs = [None, {"a": None, "b": 2}, {"a": 1, "b": 1}, {"a": 1, "b": 2}]
    assert sorted([*structs[1:], None], key=walking._key) == structs


def test_origins_are_looked_up_while_they_appear(tmp_path) -> None:
    path = tmp_path / "names.json"
    path.write_text('{"1": {"65536": "a.log"}}')
    named = origins(str(path), {1: "events", 2: "counts"}, [2])
    first = named(pa.array([1, 2], pa.int32()), pa.array([65536, 0], pa.int32())).to_pylist()
    assert first == [
        {"source": "events", "partition": "a.log", "made": False},
        {"source": "counts", "partition": "", "made": True},
    ]
    path.write_text('{"1": {"65536": "a.log", "98304": "b.log"}}')
    (late,) = named(pa.array([1], pa.int32()), pa.array([98304], pa.int32())).to_pylist()
    assert late["partition"] == "b.log"
