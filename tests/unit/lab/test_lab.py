"""`caudal lab`: tiny bursts through the command, its JSON, its plots, its mistakes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import caudal as cd
from caudal.lab.running import path_of

pytestmark = pytest.mark.slow

Lab = Callable[..., Any]
TINY = ("--messages", "20", "--threads", "1", "--stages", "1,5,10,5,1", "--repeat", "1")
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "burst.py"


def _fib(n: int) -> int:
    """Return the n-th Fibonacci number by adding up, not as the pipeline does."""
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


@pytest.mark.parametrize("file", [EXAMPLE, Path(path_of("fibonacci"))], ids=["example", "shipped"])
def test_the_pipeline_computes_fibonacci_numbers(file: Path, tmp_path: Path) -> None:
    stages = [[0, 1, 2, 3, 4], [10, 9, 8, 7, 20], [5, 5, 5, 5, 5]]
    given, taken = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"id": i, **{f"stage{k + 1}": n for k, n in enumerate(s)}, "timestamp": 7} for i, s in enumerate(stages)]
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    cd.run(cd.load(file, settings={"path": str(given), "out": str(taken)}), threads=2)
    assert [json.loads(line) for line in taken.read_text().splitlines()] == [
        {"id": i, **{f"r{k + 1}": _fib(n) for k, n in enumerate(s)}, "timestamp": 7} for i, s in enumerate(stages)
    ]


def test_the_example_is_the_pipeline_that_is_measured() -> None:
    example, shipped = (Path(p).read_text().partition("import caudal")[2] for p in (EXAMPLE, path_of("fibonacci")))
    assert example == shipped != ""


def test_a_burst_prints_a_table_and_draws(lab: Lab, tmp_path: Path) -> None:
    ended = lab("burst", *TINY, "--functions", "jit", "--out", "plots")
    assert ended.code == 0
    head, row, _, *paths = ended.out.splitlines()
    assert head.split()[:5] == ["functions", "threads", "messages", "|", "msg/s"]
    assert row.split()[:4] == ["jit", "1", "20", "|"]
    assert ended.err.splitlines() == ["jit, 1 thread, 20 messages: round 1 of 1"]
    assert paths == [f"plots/{name}" for name in ("latency.png", "latency.svg", "cpu.png", "cpu.svg")]
    assert (tmp_path / "plots/latency.png").read_bytes().startswith(b"\x89PNG")
    assert "</svg>" in (tmp_path / "plots/cpu.svg").read_text()


def test_a_burst_of_python_functions_as_json(lab: Lab, tmp_path: Path) -> None:
    ended = lab("burst", *TINY, "--functions", "python", "--no-plots", "--json")
    assert (ended.code, ended.err) == (0, "")
    figures = ended.figures
    assert (figures["caudal_lab"], figures["experiment"], figures["plots"]) == (1, "burst", [])
    (experiment,) = figures["experiments"]
    assert (experiment["functions"], experiment["threads"], experiment["messages"]) == ("python", 1, 20)
    assert experiment["stages"] == [1, 5, 10, 5, 1]
    (only,) = experiment["rounds"]
    assert only == experiment["median"]
    assert only["throughput"] == pytest.approx(20 / only["seconds"], rel=1e-3)
    assert only["throughput_ratio"] == pytest.approx(only["throughput"] / only["ideal_throughput"], rel=1e-3)
    assert (
        0
        < only["first_ms"]
        <= only["p50_ms"]
        <= only["p99_ms"]
        <= only["max_ms"]
        == pytest.approx(1000 * only["seconds"], rel=1e-3)
    )
    assert experiment["spread"].keys() == {"throughput_ratio", "own_ratio", "mean_ratio", "first_ratio"}
    assert list(tmp_path.iterdir()) == []


def test_from_file_to_file(lab: Lab, tmp_path: Path) -> None:
    ended = lab("burst", "--file", *TINY, "--functions", "jit", "--json")
    assert ended.code == 0, ended.err
    (experiment,) = ended.figures["experiments"]
    median = experiment["median"]
    assert ended.figures["experiment"] == "file"
    assert 0 < median["seconds"] < median["process_seconds"]
    assert median["memory_peak_bytes"] > 10_000_000
    assert median["process_ratio"] < median["throughput_ratio"]
    assert list(tmp_path.iterdir()) == []


def test_the_cost_of_calls(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caudal.lab.functions.LOADS", {"fibonacci(5)": (5, 50)})
    ended = lab("functions", "--threads", "1", "--repeat", "1", "--scale", "0.001", "--json")
    assert ended.code == 0, ended.err
    assert ended.figures["calls"].keys() == {"expression", "jit", "batch", "row"}
    assert all(cost["call_ns"] >= 0 for cost in ended.figures["calls"].values())
    (load,) = ended.figures["row_functions"]
    assert (load["name"], load["threads"], load["speed_up"]) == ("fibonacci(5)", 1, 1.0)
    assert load["throughput_ratio"] == pytest.approx(load["throughput"] / load["ideal_throughput"])


def test_without_matplotlib_nothing_is_measured(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    ended = lab("burst", *TINY, "--functions", "jit")
    assert (ended.code, ended.out) == (2, "")
    assert "caudal[lab]" in ended.err
    assert "--no-plots" in ended.err
    assert "round" not in ended.err


def test_plots_that_cannot_be_written(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    ended = lab("burst", *TINY, "--functions", "jit", "--out", "taken")
    assert ended.code == 2
    assert "taken: the plots cannot be written" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("burst", "--functions", "jti"), "did you mean 'jit'"),
        (("burst", "--messages", "many"), "'many' is not a list of numbers"),
        (("burst", "--messages", "0"), "--messages"),
        (("burst", "--threads", "0"), "--threads"),
        (("burst", "--stages", "1,2"), "five numbers"),
        (("burst", "--scale", "2"), "--scale means nothing to lab burst"),
        (("functions", "--messages", "5"), "--messages means nothing to lab functions"),
        (("functions", "--no-plots"), "--no-plots means nothing to lab functions"),
        (("functions", "--threads", "0"), "--threads"),
        (("brust",), "invalid choice"),
    ],
)
def test_mistakes_are_found_before_anything_runs(lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    ended = lab(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "round" not in ended.err


def test_the_command_imports_matplotlib_only_to_draw() -> None:
    code = (
        "import sys\nfrom caudal.cli import main\n"
        "assert main(['lab', 'burst', '--functions', 'x']) == 2\nprint('matplotlib' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
