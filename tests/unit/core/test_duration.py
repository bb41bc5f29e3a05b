"""Durations: what is read, what is refused, and what the error says to write instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import caudal as cd
from caudal.core import duration
from caudal.core.errors import PlanError


@pytest.mark.parametrize(
    ("given", "ms"),
    [
        ("3s", 3_000),
        ("500ms", 500),
        ("1h 30m", 5_400_000),
        ("2d", 172_800_000),
        ("0s", 0),
        (0, 0),
        (timedelta(seconds=3), 3_000),
        (timedelta(days=1, milliseconds=1), 86_400_001),
    ],
)
def test_reads(given: Any, ms: int) -> None:
    assert duration.parse(given) == ms


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (3, "'3s'"),
        (1.5, "'1s500ms'"),
        (-3, "'3s'"),
        (True, "unit of ms"),
        (None, "unit of ms"),
        (float("nan"), "'3s'"),
        ("3", "'3s'"),
        ("5min", "'5m'"),
        ("5 minutes", "'5m'"),
        ("1 hour, 30 mins", "'1h30m'"),
        ("1.5h", "'1h30m'"),
        ("5M", "'5m'"),
        ("90sec", "'1m30s'"),
        ("2w", "'14d'"),
        ("5us", "unit of ms"),
        ("-3s", "unit of ms"),
        ("three", "unit of ms"),
        ("", "unit of ms"),
        ("9" * 400, "unit of ms"),
        (timedelta(microseconds=1), ""),
        (timedelta(seconds=-1), "2**53"),
    ],
)
def test_refuses_and_says_what_to_write(given: Any, meant: str) -> None:
    with pytest.raises(PlanError) as caught:
        duration.parse(given, what="window size")
    assert "window size" in caught.value.message
    assert meant in (caught.value.hint or "")


ROWS: dict[str, Any] = {"rows": [], "schema": {"t": "timestamp"}, "event_time": "t"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: cd.tumbling(3),  # type: ignore[arg-type]
        lambda: cd.tumbling("3s", offset=1),  # type: ignore[arg-type]
        lambda: cd.hopping("3s", every=1),  # type: ignore[arg-type]
        lambda: cd.cumulative(3, every="1s"),  # type: ignore[arg-type]
        lambda: cd.session(3),  # type: ignore[arg-type]
        lambda: cd.sliding(3),  # type: ignore[arg-type]
        lambda: cd.source("memory", **ROWS, disorder=500),
        lambda: cd.source("memory", **ROWS, idle=5),
        lambda: cd.source("memory", **ROWS, max_future=60),
        lambda: cd.source("memory", **ROWS).deduplicate("t", within=10),  # type: ignore[arg-type]
        lambda: cd.row(lambda x: x, returns="int64", timeout=3),  # type: ignore[arg-type]
        lambda: cd.col("t").dt.truncate(60_000),  # type: ignore[arg-type]
        lambda: cd.source("memory", **ROWS).filter("date_trunc(t, 60000) = t"),
    ],
)
def test_a_number_without_a_unit_is_refused_everywhere(make: Any) -> None:
    with pytest.raises(PlanError, match="has no unit"):
        make()


def test_timedeltas_are_durations() -> None:
    assert cd.tumbling(timedelta(seconds=3)) == cd.tumbling("3s")
    assert cd.source("memory", **ROWS, disorder=timedelta(seconds=1)).node.disorder == 1_000  # type: ignore[attr-defined]
