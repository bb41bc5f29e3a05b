"""The experiments that run several engines, at tiny sizes: what comes out, not how long it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caudal.cli import main

pytestmark = pytest.mark.engines


def test_throughput(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--events", "5000,10000", "--local-events", "5000,10000", "--repeat", "1", "--threads", "2"]
    assert main(["lab", "throughput", *sizes, "--by-hand", "--out", str(tmp_path / "out"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    # every way gave the same alerts, or it would have failed
    assert [series["name"] for series in figures["series"]] == [
        "local",
        "flink",
        "spark",
        "flink by hand, streaming",
        "flink by hand, batch",
        "spark by hand",
        "local, checked",
        "flink, checked",
        "spark, checked",
    ]
    assert len(figures["comparisons"]) == 13
    assert all(Path(path).stat().st_size for path in figures["plots"])


def test_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--events", "100,200", "--windows", "2", "--repeat", "1", "--threads", "2"]
    assert main(["lab", "windows", *sizes, "--out", str(tmp_path / "out"), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["experiments"]
    assert (first["pairs"], second["pairs"]) == (150, 300)
    for experiment, count in ((first, 1), (second, 2)):
        assert [run["engine"] for run in experiment["engines"]] == ["local", "flink", "spark"]
        assert all(len(run["windows"]) == count for run in experiment["engines"])
