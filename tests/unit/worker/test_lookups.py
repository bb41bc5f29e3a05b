"""Lookups as an engine's workers do them, held against the index that they come from."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from caudal.columnar.column import from_list
from caudal.columnar.lookup import Indexed
from caudal.core.types import FLOAT64, INT64, STRING, TIMESTAMP
from caudal.engines.jvm.lookups import _write_index
from caudal.worker.lookups import found

NETWORKS = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3",
    "::/0",
    "2001:db8::/32",
    "2001:db8:0:0:8000::/65",
    "0.0.0.0/0",
    "ffff::/16",
]
RANGES = [
    "10.0.0.0-10.0.0.9",
    "10.0.0.4-10.0.0.12",
    "10.0.0.5",
    "::1-::ffff:0:0:1",
    "2001:db8::-2001:db8::f",
    "255.255.255.255",
]
ADDRESSES = [
    None,
    "x",
    "",
    "10.0.0.5",
    "10.0.0.4:80",
    "10.1.2.3",
    "10.1.2.4",
    "::ffff:10.0.0.5",
    "255.255.255.255",
    "0.0.0.0",
]
ADDRESSES += [
    "[::1]:5",
    "::",
    "2001:db8::7",
    "2001:db8:0:0:8000::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1%e",
]


@pytest.mark.parametrize("as_of", [False, True])
@pytest.mark.parametrize("match", ["equal", "two", "cidr", "range"])
@pytest.mark.parametrize("seed", range(12))
def test_a_worker_finds_what_the_index_finds(seed: int, match: str, as_of: bool, tmp_path: Path) -> None:
    rnd = random.Random(seed)
    count = rnd.randrange(1, 20)
    texts: list[Any] = {"cidr": NETWORKS, "range": RANGES[:1] + RANGES[2:] if as_of else RANGES}.get(
        match, ["a", "b", "é", ""]
    )
    floats = [float("nan"), 0.0, -0.0, 1.5]
    columns: dict[str, Any] = {"k": from_list([rnd.choice(texts) for _ in range(count)], STRING)}
    columns["x"] = from_list([rnd.choice(floats) for _ in range(count)], FLOAT64)
    for name in ("since", "until"):
        columns[name] = from_list([rnd.choice([None, *range(9)]) for _ in range(count)], TIMESTAMP)
    key = ["k", "x"] if match == "two" else ["k"]
    indexed = Indexed(columns, count, key, "equal" if match == "two" else match, ("since", "until") if as_of else ())
    path = tmp_path / "index.arrow"
    _write_index(path, indexed.arrays())
    asked = [rnd.choice([*(ADDRESSES if match in ("cidr", "range") else [None, "z"]), *texts]) for _ in range(60)]
    given: list[Any] = [
        from_list([None if each is None or "/" in each or "-" in each else each for each in asked], STRING)
    ]
    given += [from_list([rnd.choice([None, 2.0, *floats]) for _ in asked], FLOAT64)] if match == "two" else []
    times = np.array([rnd.randrange(-1, 10) for _ in asked], np.int64)
    wanted = indexed.find(given, len(asked), times if as_of else None).tolist()
    arrays = [
        pa.array(column.to_arrow().to_pylist(), pa.float64() if i else pa.string()) for i, column in enumerate(given)
    ]
    made = found(str(path), match in ("cidr", "range"), as_of)(*arrays, *([pa.array(times)] if as_of else []))
    assert [-1 if row is None else row for row in made.field("value").to_pylist()] == wanted
    assert made.field("reason").null_count == len(asked)


def test_no_rows_and_an_index_that_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "index.arrow"
    _write_index(path, Indexed({"n": from_list([3], INT64)}, 1, ["n"], "equal").arrays())
    call = found(str(path), False, False)
    assert call(pa.array([3, 4, None], pa.int64())).field("value").to_pylist() == [0, None, None]
    path.unlink()
    assert len(call(pa.array([], pa.int64()))) == 0
