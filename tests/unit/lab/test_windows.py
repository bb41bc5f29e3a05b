"""`caudal lab windows`: its data, the pipeline that it runs, made-up times, and the local engine at a tiny size."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caudal.core.errors import RunError
from caudal.lab import flows
from caudal.lab.curves import draw_windows
from caudal.lab.running import path_of
from caudal.lab.tables import windows_table
from caudal.lab.ways import Took
from caudal.lab.windows import Settings, fingerprint, read, stamped, windows

pytestmark = pytest.mark.slow

Lab = Callable[..., Any]
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "netflow.py"


def test_the_example_is_the_pipeline_that_is_measured() -> None:
    assert Path(path_of("netflow")).read_text() == EXAMPLE.read_text()


def test_only_the_time_of_a_result_is_taken_elsewhere() -> None:
    before, after = EXAMPLE.read_text(), stamped(EXAMPLE.read_text())
    gone = [line.strip() for line in before.splitlines() if line not in after.splitlines()]
    come = [line.strip() for line in after.splitlines() if line not in before.splitlines()]
    assert gone == ['ts_output=cd.now().cast("int64"),']
    assert come == [
        "from time import time_ns",
        '"made": np.full(len(order), time_ns() // 1_000_000),',
        '"made": "int64",',
        'ts_output="made",',
    ]
    with pytest.raises(RunError, match="not the one that was measured"):
        stamped(after)


def test_events_lie_evenly_in_their_windows(tmp_path: Path) -> None:
    flows.generate(3000, 4, path := tmp_path / "flows.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["eventid"] for row in rows}) == 3000
    window = Counter((row["dvc_time"] - flows.START) // flows.WINDOW for row in rows)
    assert window == dict.fromkeys(range(4), 750)
    assert set(Counter(row["src_ip4"] for row in rows).values()) == {120}
    newest = 0
    for row in rows:
        assert row["dvc_time"] > newest - flows.DISORDER
        newest = max(newest, row["dvc_time"])


def _results(path: Path, times: list[int], start: int = flows.START) -> None:
    rows = [
        {"eventid_1": i, "ts_flow1": start + 3000 * i, "eventid_2": i + 1, "distance": float(i), "ts_output": time}
        for i, time in enumerate(times)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_results_over_time_by_hand(tmp_path: Path) -> None:
    begun = 1_700_000_000.0

    def measure(engine: str, given: Path, taken: Path, threads: int) -> Took:
        late = 4000 if engine == "flink" else 0
        _results(taken, [int(1000 * begun) + 1500 + late, int(1000 * begun) + 3500 + late])
        return Took(5.0 + late / 1000, 0.0, 2.0, begun)

    settings = Settings(engines=("local",), threads=1, events=(50, 100), windows=2, repeat=2)
    outcome = windows(settings, lambda line: None, measure)
    first, second = outcome.to_json()["experiments"]
    assert (first["windows"], second["windows"], second["events"], second["pairs"]) == (1, 2, 100, 2)
    (engine,) = second["engines"]
    assert engine["process_seconds"]["mean"] == 5.0
    assert engine["span_seconds"]["mean"] == 2.0
    assert engine["windows"] == [
        {"window": 0, "first_seconds": 1.5, "last_seconds": 1.5},
        {"window": 1, "first_seconds": 3.5, "last_seconds": 3.5},
    ]
    assert engine["results_by_seconds"] == [[1.5, 1], [3.5, 2]]
    assert sum(second["distances"]["pairs"]) == 2
    assert windows_table(outcome).splitlines()[2].split()[:6] == ["local", "100", "2", "2", "|", "5.0"]
    names = [path.name for path in draw_windows(outcome, tmp_path)]
    assert names == [f"{stem}.{form}" for stem in ("time-line", "wall-time", "distances") for form in ("png", "svg")]


def test_fingerprints_hang_on_rows_and_not_on_their_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    _results(path, [1, 2, 3])
    rows = read(path)
    assert fingerprint(rows) == fingerprint(rows.reverse())
    assert fingerprint(rows) != fingerprint(rows.with_columns(distance=rows["distance"] + 1e-12))
    assert fingerprint(rows)[0] == 3


@pytest.mark.parametrize(("wrong", "said"), [([], "gave no distances"), ([7, 7], "gave other distances")])
def test_other_distances_end_the_experiment(wrong: list[int], said: str) -> None:
    runs: list[int] = []

    def measure(engine: str, given: Path, taken: Path, threads: int) -> Took:
        runs.append(1)
        _results(taken, [5, 6, 7] if len(runs) == 1 else wrong)
        return Took(1.0, 1.0, 1.0, 0.0)

    settings = Settings(engines=("local",), threads=1, events=(50, 100), windows=2, repeat=2)
    with pytest.raises(RunError, match=said):
        windows(settings, lambda line: None, measure)


def test_the_command_at_a_tiny_size(lab: Lab, tmp_path: Path) -> None:
    ended = lab(
        "windows", "--engines", "local", "--threads", "1", "--events", "100,200", "--windows", "2", "--repeat", "1"
    )
    assert ended.code == 0, ended.err
    assert ended.err.splitlines() == [
        "local, 100 events, 1 window: round 1 of 1",
        "local, 200 events, 2 windows: round 1 of 1",
    ]
    head, first, second, _, *paths = ended.out.splitlines()
    assert head.split()[:4] == ["events", "windows", "pairs", "|"]
    # four events of each of 25 addresses: six pairs each
    assert first.split()[:5] == ["local", "100", "1", "150", "|"]
    assert second.split()[:5] == ["local", "200", "2", "300", "|"]
    assert paths[-1] == "caudal-lab/windows.json"
    figures = json.loads((tmp_path / paths[-1]).read_text())
    assert figures["plots"] == paths[:-1]
    assert [len(each["engines"][0]["windows"]) for each in figures["experiments"]] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--events", "100"), "--events takes two numbers"),
        (("--events", "100,200", "--windows", "20"), "--events takes two numbers"),
        (("--engines", "local", "--threads", "1,2"), "one number of threads"),
        (("--engines", "local", "--repeat", "0"), "--repeat"),
        (("--by-hand",), "--by-hand means nothing to lab windows"),
    ],
)
def test_mistakes_are_found_before_anything_runs(lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    ended = lab("windows", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "round" not in ended.err
