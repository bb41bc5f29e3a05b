"""How the rows of a key cross to Python and back over live input, and in which order they are taken."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from caudal.worker import live_steps
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
    from caudal.worker.coercion import arrow_of

    array = pa.array(values, arrow_of(kind))
    back = live_steps.unpacked(["x", "n"], [kind, "int64"])(live_steps.packed(array, pa.array(range(5))))
    assert back.type.field(0).type == array.type
    assert repr(back.field(0).to_pylist()) == repr(values), "repr tells -0, NaN and types apart"


def test_order_of_values() -> None:
    texts = ["", "Z", "a", "é", "\U0001f600"]
    assert sorted([*reversed(texts), None], key=live_steps._key) == [None, *texts]
    numbers = [-math.inf, -1.5, 0, 2**53, math.inf, math.nan]
    assert repr(sorted([*reversed(numbers), None], key=live_steps._key)) == repr([None, *numbers])
    structs = [None, {"a": None, "b": 2}, {"a": 1, "b": 1}, {"a": 1, "b": 2}]
    assert sorted([*structs[1:], None], key=live_steps._key) == structs


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
