"""Whole windows that are closed in several goes hand over the same rows."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import caudal as cd
from caudal.engines.local.windows import panes


def rows_of(stream: Any) -> list[Any]:
    return stream.collect(threads=1).rows()


def test_windows_that_are_closed_in_several_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"i": i, "k": "ab"[i % 2], "t": i * 300} for i in range(60)]
    schema = {"i": "int64", "k": "string", "t": "int64"}
    source = cd.source("memory", rows=rows, schema=schema, event_time="t")
    windows = source.group_by("k").window(cd.hopping("4s", every="1s"))
    last = cd.batch(lambda frame: frame.select(n=pl.len().cast(pl.Int64), last=pl.col("i").last()))
    made = windows.apply(last, schema={"n": "int64", "last": "int64"})
    top = windows.top(2, by="i")
    wanted: dict[tuple[str, int], list[int]] = {}
    for row in rows:
        newest = row["t"] // 1000
        for start in range(newest - 3, newest + 1):
            wanted.setdefault((row["k"], start), []).append(row["i"])
    for at_once in (panes.EXPANDED, 4):
        monkeypatch.setattr(panes, "EXPANDED", at_once)
        found = {(k, int(start.timestamp())): (n, i) for k, start, _, n, i in rows_of(made)}
        assert found == {key: (len(inside), max(inside)) for key, inside in wanted.items()}
        ranked: dict[tuple[str, int], list[int]] = {}
        for k, start, _, i, _ in rows_of(top):
            ranked.setdefault((k, int(start.timestamp())), []).append(i)
        assert ranked == {key: sorted(inside, reverse=True)[:2] for key, inside in wanted.items()}
