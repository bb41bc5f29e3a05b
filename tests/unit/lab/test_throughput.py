"""`caudal lab throughput`: the arithmetic with made-up times, and the local engine at a tiny size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from caudal.core.errors import OptionError, RunError
from caudal.lab import denial_data, ways
from caudal.lab.curves import draw_throughput
from caudal.lab.tables import throughput_table
from caudal.lab.throughput import LEAST, Files, Outcome, Settings, alerts, throughput
from caudal.lab.ways import Took, Way, chosen
from caudal.ports.environment import Health, Problem

pytestmark = pytest.mark.slow

Lab = Callable[..., Any]
TINY = ("--engines", "local", "--threads", "1", "--events", "5000,6000", "--local-events", "5000,6000", "--repeat", "1")
START = {"local": 1.0, "flink": 10.0, "spark": 6.0}
PER_SECOND = {"local": 2000.0, "flink": 100.0, "spark": 50.0}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """All engines' environments are there, whatever this machine has."""
    monkeypatch.setattr(ways, "health", lambda name: Health(name, installed=True, python="python"))


class Clock:
    """Made-up times: a start, and a rate for each thread; by hand a quarter faster, checked half as fast."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, int, int]] = []

    def __call__(self, way: Way, events: int, threads: int) -> Took:
        self.ran.append((way.name, events, threads))
        rate = PER_SECOND[way.engine] * threads * (1.25 if way.by_hand else 1.0) * (0.5 if way.dead == "file" else 1.0)
        start = START[way.engine] - (2.0 if way.by_hand else 0.0)
        took = events / rate
        return Took(start + took, 0.0 if way.by_hand else took + 0.5, threads * (start + took), 0.0)


def _outcome(**given: Any) -> tuple[Outcome, Clock, list[str]]:
    said: list[str] = []
    clock = Clock()
    settings = Settings(**{"threads": (1, 2), "events": (10_000, 20_000), "repeat": 2, **given})
    return throughput(settings, said.append, clock), clock, said


@pytest.mark.usefixtures("installed")
def test_rates_leave_out_the_start() -> None:
    outcome, clock, said = _outcome()
    rates = {(s.way.name, s.threads): s.rates() for s in outcome.series}
    assert rates[("flink", 2)] == pytest.approx([12_000.0] * 2)
    assert rates[("local", 1)] == pytest.approx([120_000.0] * 2)
    flink = next(s for s in outcome.series if (s.way.name, s.threads) == ("flink", 2))
    assert flink.starts() == pytest.approx([10.0, 10.0])
    assert flink.job_rates() == pytest.approx([12_000.0] * 2)
    assert flink.whole_rates() == pytest.approx([60 * 20_000 / 110] * 2)
    assert flink.cpu_rates() == pytest.approx([6_000.0] * 2)
    # the local engine has files of its own; each round begins with another engine
    assert clock.ran[:4] == [("local", 40_000, 1), ("local", 80_000, 1), ("flink", 10_000, 1), ("flink", 20_000, 1)]
    assert [name for name, _, _ in clock.ran[6:12]] == ["flink", "flink", "spark", "spark", "local", "local"]
    assert said[0] == "local, 1 thread: round 1 of 2"
    assert outcome.pairs() == []


@pytest.mark.usefixtures("installed")
def test_comparisons_with_what_is_written_by_hand() -> None:
    outcome, clock, _ = _outcome(by_hand=True, engines=("local", "flink", "spark"))
    assert not [ran for ran in clock.ran if "by hand" in ran[0] and ran[2] == 1]
    pairs = {pair.what: pair for pair in outcome.pairs()}
    assert [*pairs] == [
        "flink: written by caudal / flink by hand, streaming",
        "flink: written by caudal / flink by hand, batch",
        "spark: written by caudal / spark by hand",
        "local: checked / not checked",
        "flink: checked / not checked",
        "spark: checked / not checked",
        "local / flink",
        "local / spark",
        "local / flink by hand, streaming",
        "local / flink by hand, batch",
        "local / spark by hand",
        "local, checked / flink, checked",
        "local, checked / spark, checked",
    ]
    told = {what: pair.to_json() for what, pair in pairs.items()}
    assert told["flink: written by caudal / flink by hand, batch"]["ratio"]["median"] == pytest.approx(0.8)
    assert told["flink: checked / not checked"]["ratio"]["median"] == pytest.approx(0.5)
    assert told["local / spark"]["ratio"]["median"] == pytest.approx(40)
    # starting takes 2 s longer, and 10,000 events 10,000/200 s instead of 10,000/250 s
    more = told["flink: written by caudal / flink by hand, streaming"]["small_process_seconds_more"]
    assert more["median"] == pytest.approx(2 + 50 - 40)
    assert told["local / spark"]["small_process_seconds_more"] is None


@pytest.mark.usefixtures("installed")
def test_the_table_and_the_plots(tmp_path: Path) -> None:
    outcome, _, _ = _outcome(by_hand=True)
    table = throughput_table(outcome)
    assert table.splitlines()[0].split()[:2] == ["threads", "events"]
    assert "flink by hand, streaming" in table
    (row,) = [line for line in table.splitlines() if line.startswith("spark: written by caudal")]
    assert row.split()[-4:] == ["0.800", "(0.800-0.800)", "0.800", "+22.0"]
    paths = draw_throughput(outcome, tmp_path / "plots")
    assert [path.name for path in paths] == ["throughput.png", "throughput.svg", "by-hand.png", "by-hand.svg"]
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.mark.usefixtures("installed")
def test_rounds_that_say_nothing_are_told_as_unknown(tmp_path: Path) -> None:
    settings = Settings(engines=("flink",), threads=(1,), events=(10_000, 20_000), repeat=2)
    outcome = throughput(settings, lambda line: None, lambda way, events, threads: Took(1.0, 1.0, 1.0, 0.0))
    (series,) = outcome.to_json()["series"]
    assert (series["messages_per_minute"], series["start_seconds"]) == (None, None)
    assert throughput_table(outcome).splitlines()[1].split()[4:6] == ["-", "-"]
    draw_throughput(outcome, tmp_path)


def test_the_data_and_its_alerts(tmp_path: Path) -> None:
    clean, bad = tmp_path / "clean.jsonl", tmp_path / "bad.jsonl"
    denial_data.generate(6000, clean)
    denial_data.generate(6000, bad, bad=1000)
    lines, more = clean.read_text().splitlines(), bad.read_text().splitlines()
    assert (len(lines), len(more)) == (6000, 6006)
    assert more[0] == lines[0]
    assert lines[0].startswith(more[1])
    wanted = denial_data.expected(clean)
    assert denial_data.expected(bad) == wanted
    assert len(wanted) > 20


def test_the_local_engine_finds_what_plain_python_finds(tmp_path: Path) -> None:
    files = Files(tmp_path, tmp_path, lambda line: None)
    took = files.measure(Way("local"), 6000, 1)
    assert 0 < took.job < took.seconds
    assert alerts(tmp_path / "alerts.jsonl") == denial_data.expected(tmp_path / "requests-6000.jsonl")


def test_other_alerts_end_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(way: Way, pipeline: str, given: Path, taken: Path, threads: int) -> Took:
        row = {"ip": "10.0.0.1", "window_start": 3000 if way.by_hand else "1970-01-01T00:00:03Z", "total": 31 + threads}
        taken.write_text(json.dumps(row) + "\n")
        return Took(1.0, 1.0, 1.0, 0.0)

    monkeypatch.setattr("caudal.lab.throughput.run", run)
    files = Files(tmp_path, tmp_path, lambda line: None)
    files.measure(Way("local"), 6000, 1)
    files.measure(Way("flink", "batch"), 6000, 1)
    with pytest.raises(RunError, match="spark gave 1 alerts over 6,000 events, local 1"):
        files.measure(Way("spark"), 6000, 2)


def test_the_command_at_a_tiny_size(lab: Lab, tmp_path: Path) -> None:
    ended = lab("throughput", *TINY, "--data", "data", "--out", "plots", "--json")
    assert ended.code == 0, ended.err
    figures = ended.figures
    assert (figures["caudal_lab"], figures["experiment"]) == (1, "throughput")
    (series,) = figures["series"]
    assert (series["engine"], series["threads"], series["events"]) == ("local", 1, [5000, 6000])
    (round_,) = series["rounds"]
    assert 0 < round_["small"]["job_seconds"] < round_["small"]["process_seconds"]
    assert figures["plots"] == ["plots/throughput.png", "plots/throughput.svg"]
    assert json.loads((tmp_path / "plots/throughput.json").read_text()) == figures
    assert sorted(p.name for p in (tmp_path / "data").iterdir()) == ["requests-5000.jsonl", "requests-6000.jsonl"]


def test_an_engine_that_is_not_there_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem("flink is not installed", "run: caudal engines install flink")
    monkeypatch.setattr(ways, "health", lambda name: Health(name, problems=(problem,)))
    with pytest.raises(OptionError, match="flink is not installed") as refused:
        chosen(["local", "flink"])
    assert refused.value.hint == problem.hint


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--engines", "lcoal"), "did you mean 'local'"),
        (("--engines", "local", "--events", "6000"), "--events takes two sizes"),
        (("--engines", "local", "--events", "6000,5000"), "the smaller first"),
        (("--engines", "local", "--events", "100,5000"), f"from {LEAST:,} on"),
        (("--engines", "local", "--local-events", "9,8"), "--local-events takes two sizes"),
        (("--engines", "local", "--threads", "0"), "--threads"),
        (("--engines", "local", "--repeat", "0"), "--repeat"),
        (("--messages", "5"), "--messages means nothing to lab throughput"),
        (("--windows", "5"), "--windows means nothing to lab throughput"),
    ],
)
def test_mistakes_are_found_before_anything_runs(lab: Lab, arguments: tuple[str, ...], said: str) -> None:
    ended = lab("throughput", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "round" not in ended.err
