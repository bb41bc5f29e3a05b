"""The experiments that run several engines, at tiny sizes: what comes out, not how long it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import QUICK

from caudal.cli import main

pytestmark = pytest.mark.engines


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, options in QUICK.items():
        monkeypatch.setenv(name, options)


@pytest.mark.parametrize(("engine", "by_hand"), [("flink", [", streaming", ", batch"]), ("spark", [""])])
def test_throughput(tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str, by_hand: list[str]) -> None:
    sizes = ["--events", "5000,10000", "--local-events", "5000,10000", "--repeat", "1", "--threads", "2"]
    command = [
        "lab",
        "throughput",
        *sizes,
        "--engines",
        f"local,{engine}",
        "--by-hand",
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    assert main(command) == 0
    figures = json.loads(capsys.readouterr().out)
    # every way gave the same alerts, or it would have failed
    names = ["local", engine, *(f"{engine} by hand{mode}" for mode in by_hand), "local, checked", f"{engine}, checked"]
    assert [series["name"] for series in figures["series"]] == names
    assert len(figures["comparisons"]) == 2 * len(by_hand) + 4
    assert all(Path(path).stat().st_size for path in figures["plots"])


def test_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ["--events", "100,200", "--windows", "2", "--repeat", "1", "--threads", "2"]
    assert main(["lab", "windows", *sizes, "--out", str(tmp_path / "out"), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)["experiments"]
    assert (first["pairs"], second["pairs"]) == (150, 300)
    for experiment, count in ((first, 1), (second, 2)):
        assert [run["engine"] for run in experiment["engines"]] == ["local", "flink", "spark"]
        assert all(len(run["windows"]) == count for run in experiment["engines"])
