"""-0 equals 0, so no target and no text tells them apart: one table, written everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import caudal as cd
from caudal import col
from caudal.engines.jvm.job.results import spelt

SCHEMA = {
    "i": "int64",
    "x": "float64",
    "y": "float32",
    "many": "list<float64>",
    "in": {"a": "float32", "b": "int64"},
    "t": "int64",
}
ROWS = [
    {"i": 0, "x": -0.0, "y": -0.0, "many": [-0.0, 1.0, None], "in": {"a": -0.0, "b": 0}, "t": 0},
    {"i": 1, "x": 0.0, "y": 0.0, "many": [0.0, -1.5], "in": None, "t": 1},
    {"i": 2, "x": -0.5, "y": None, "many": None, "in": {"a": -0.25, "b": -1}, "t": 2},
]


def rows() -> cd.Stream:
    return cd.source("memory", rows=ROWS, schema=SCHEMA, event_time="t")


def written(stream: cd.Stream, path: Path, kind: str) -> Path:
    cd.run(cd.Pipeline("zeros", stream.to("files", path=str(path), format=kind)))
    return path


def test_json(tmp_path: Path) -> None:
    assert written(rows().drop("t"), tmp_path / "out.jsonl", "json").read_text().splitlines() == [
        '{"i":0,"x":0.0,"y":0.0,"many":[0.0,1.0,null],"in":{"a":0.0,"b":0}}',
        '{"i":1,"x":0.0,"y":0.0,"many":[0.0,-1.5],"in":null}',
        '{"i":2,"x":-0.5,"y":null,"many":null,"in":{"a":-0.25,"b":-1}}',
    ]


def test_csv(tmp_path: Path) -> None:
    text = written(rows().select("i", "x", "y"), tmp_path / "out.csv", "csv").read_text()
    assert text == "i,x,y\n0,0.0,0.0\n1,0.0,0.0\n2,-0.5,\n"


def test_parquet(tmp_path: Path) -> None:
    found = pq.read_table(written(rows().drop("t"), tmp_path / "out.parquet", "parquet")).to_pylist()
    assert repr(found) == repr(
        [
            {"i": 0, "x": 0.0, "y": 0.0, "many": [0.0, 1.0, None], "in": {"a": 0.0, "b": 0}},
            {"i": 1, "x": 0.0, "y": 0.0, "many": [0.0, -1.5], "in": None},
            {"i": 2, "x": -0.5, "y": None, "many": None, "in": {"a": -0.25, "b": -1}},
        ]
    )


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    pipeline = cd.Pipeline(
        "zeros",
        rows().select("i", "x", "y", "many").to("console", name="people"),
        rows().select("i", "x", "y", "many").to("console", format="json", name="lines"),
    )
    cd.run(pipeline)
    out = capsys.readouterr().out
    assert '{"i":0,"x":0.0,"y":0.0,"many":[0.0,1.0,null]}' in out
    assert "[0.0,1.0,null]" in out.replace('"many":[0.0', "")
    assert "-0.0" not in out


def test_scripts_for_other_engines() -> None:
    kinds: dict[str, Any] = {"x": "float64", "many": ["float32"], "in": {"a": "float64"}}
    made = {
        name: spelt({"x": -0.0, "many": [-0.0, -1.5], "in": {"a": -0.0}}[name], kind) for name, kind in kinds.items()
    }
    assert repr(made) == repr({"x": 0.0, "many": [0.0, -1.5], "in": {"a": 0.0}})


def test_texts_hashes_and_keys() -> None:
    two = rows().filter("x = 0")
    texts = two.select(x=col("x").cast("string"), y=col("y").cast("string"), h=col("x").hash(7)).collect()
    (same,) = {tuple(row.values()) for row in texts.to_dicts()}
    assert same[:2] == ("0.0", "0.0")
    groups = two.group_by("x", "y").window(cd.tumbling("1s")).agg(n=cd.count(), kinds=cd.count_distinct("y"))
    (row,) = groups.select("n", "kinds", x=col("x").cast("string")).collect().to_dicts()
    assert row == {"n": 2, "kinds": 1, "x": "0.0"}
    assert two.deduplicate("x", within="1m").select("i").collect().to_dicts() == [{"i": 0}]
