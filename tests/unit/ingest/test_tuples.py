"""Tuples to columns: as dicts are, value by value."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from typing import Any

import pytest

from caudal.core.types import Schema
from caudal.ingest.dicts import Converter

VALUES: dict[str, list[Any]] = {
    "string": ["", "a", "é\U0001f600", 7, b"x", "\udc80"],
    "int64": [0, -(2**63), 2**63 - 1, True, 1.5, 2**63, "1"],
    "int32": [0, 2**31 - 1, 2**31, False],
    "float64": [0.5, float("nan"), 3, -0.0, True, "0.5"],
    "float32": [0.5, 1e300, 2],
    "bool": [True, False, 0, "true"],
    "binary": [b"", b"\0a", "a", bytearray(b"x")],
    "timestamp": [datetime(2026, 1, 1, tzinfo=UTC), date(2026, 1, 1), "2026-01-01T00:00:00Z", 5, 1.5, "soon", -1],
    "duration": [5, "1s", "soon"],
}


@pytest.mark.parametrize("seed", range(60))
def test_tuples_are_read_as_dicts_are(seed: int) -> None:
    rnd = random.Random(seed)
    kinds = rnd.sample(sorted(VALUES), rnd.randrange(1, 5))
    good = {name: values[: rnd.choice([2, 3, len(values)])] for name, values in VALUES.items()}
    names = ["other", *(f"c{i}" for i in range(len(kinds)))]
    schema = Schema.of({f"c{i}": kind for i, kind in enumerate(kinds)})
    rows = [(object(), *(rnd.choice([None, *good[kind]]) for kind in kinds)) for _ in range(rnd.randrange(1, 30))]
    found = Converter(schema).decode_tuples(names, rows, 5)
    wanted = Converter(schema).decode([dict(zip(names, row, strict=True)) for row in rows], 5)
    assert found.position.tolist() == wanted.position.tolist()
    assert [(d.position, d.reason, d.message) for d in found.dead] == [
        (d.position, d.reason, d.message) for d in wanted.dead
    ]
    assert found.named == wanted.named
    for name in schema.names:
        assert repr(found.columns[name].to_list()) == repr(wanted.columns[name].to_list())
