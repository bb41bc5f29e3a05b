"""The arithmetic of the experiments, against times that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from caudal.core.errors import OptionError
from caudal.expressions.functions import jit
from caudal.lab.bare import KINDS, Ideal, own, sizes
from caudal.lab.burst import STAGES, Settings, message
from caudal.lab.figures import Experiment, burst_figures, burst_table, call_table, file_figures, file_table
from caudal.lab.running import Run, lines, measure, shipped
from caudal.lab.usage import Usage

pytestmark = pytest.mark.slow

IDEAL = Ideal(messages=4, threads=2, seconds=2.0)
"""Four messages of a second each on two cores: two messages a second, half the makespan is a second."""

OWN = Ideal(messages=4, threads=2, seconds=2.4)
"""Bare loops of the engine's own code, which is slower here."""

USAGE = Usage(times=[9.0, 10.0, 11.0, 12.5], cpu=[5.0, 5.0, 7.0, 10.0], memory=[100, 300, 250, 120])
RUN = Run(threads=2, latencies=np.array([1.0, 2.5, 1.5, 2.0]), begun=10.0, usage=USAGE)


def test_the_ideal_of_hand_made_times() -> None:
    assert (IDEAL.throughput, IDEAL.mean, IDEAL.chain) == (2.0, 1.0, 1.0)


def test_figures_of_a_burst() -> None:
    figures = burst_figures(RUN, IDEAL, OWN)
    assert figures == pytest.approx(
        {
            "seconds": 2.5,
            "throughput": 1.6,
            "mean_ms": 1750.0,
            "p50_ms": 1750.0,
            "p99_ms": 2485.0,
            "max_ms": 2500.0,
            "first_ms": 1000.0,
            "cores": 2.0,
            "memory_growth_bytes": 200.0,
            "ideal_seconds": 2.0,
            "ideal_throughput": 2.0,
            "ideal_mean_ms": 1000.0,
            "ideal_chain_ms": 1000.0,
            "throughput_ratio": 0.8,
            "own_throughput": 1.6 / 0.96,
            "own_ratio": 0.96,
            "mean_ratio": 1.75,
            "first_ratio": 1.0,
        }
    )


def test_figures_of_a_run_from_file_to_file() -> None:
    figures = file_figures(4, job=2.5, process=4.0, memory=1000, ideal=IDEAL)
    assert figures["throughput_ratio"] == pytest.approx(0.8)
    assert figures["process_ratio"] == pytest.approx(0.5)
    assert (figures["throughput"], figures["process_throughput"], figures["memory_peak_bytes"]) == (1.6, 1.0, 1000)


def test_median_and_spread_over_rounds() -> None:
    rounds = [{"throughput": t, "throughput_ratio": t / 100} for t in (90.0, 98.0, 94.0)]
    experiment = Experiment("jit", 2, 1000, STAGES["jit"], rounds)
    assert experiment.median() == {"throughput": 94.0, "throughput_ratio": 0.94}
    assert experiment.spread() == {"throughput_ratio": (0.9, 0.98)}
    assert experiment.to_json() == {
        "functions": "jit",
        "threads": 2,
        "messages": 1000,
        "stages": [10, 20, 30, 20, 10],
        "median": {"throughput": 94.0, "throughput_ratio": 0.94},
        "spread": {"throughput_ratio": [0.9, 0.98]},
        "rounds": rounds,
    }


def _cells(table: str, row: int = 1) -> list[list[str]]:
    return [part.split() for part in table.splitlines()[row].split("|")]


def test_the_table_tells_throughput_and_mean_latency_beside_the_optimum() -> None:
    slower = burst_figures(Run(2, RUN.latencies * 2, 10.0, USAGE), IDEAL, OWN)
    experiment = Experiment("jit", 2, 1000, STAGES["jit"], [burst_figures(RUN, IDEAL, OWN), slower])
    table = burst_table([experiment])
    assert _cells(table) == [
        ["jit", "2", "1,000"],
        ["1.2", "2.0", "0.600", "(0.400-0.800)", "0.720", "(0.480-0.960)"],
        ["2,625.0", "1,000.0", "2.625", "(1.750-3.500)"],
        ["2,625.0", "3,727.5", "3,750.0"],
        ["1,500.0", "1.50"],
        ["2.00"],
    ]
    head = [part.strip().split("  ")[-1].strip() for part in table.splitlines()[0].split("|")]
    assert head == ["messages", "of own code", "ratio", "max", "chains", "cores"]


def test_the_table_of_file_runs() -> None:
    rounds = [file_figures(4, job=2.5, process=4.0, memory=123_000_000, ideal=IDEAL)]
    assert _cells(file_table([Experiment("python", 1, 4, (1,) * 5, rounds)])) == [
        ["python", "1", "4"],
        ["1.6", "2.0", "0.800", "(0.800-0.800)"],
        ["1.0", "0.500", "(0.500-0.500)"],
        ["123", "MB"],
    ]


def test_the_table_of_calls() -> None:
    load = {
        "name": "f",
        "threads": 2,
        "call_us": 10.0,
        "throughput": 120_000.0,
        "ideal_throughput": 200_000.0,
        "throughput_ratio": 0.6,
        "spread": [0.5, 0.7],
        "speed_up": 1.9,
    }
    table = call_table({"jit": {"call_ns": 12.34, "row_ns": 250.0}}, [load]).splitlines()
    assert table[1].split() == ["jit", "12.3", "250.0"]
    assert table[-1].split() == ["f", "2", "10.0", "120,000", "200,000", "0.600", "(0.500-0.700)", "1.90"]


def test_processor_use_between_looks() -> None:
    assert USAGE.busy() == [(9.5, 0.0), (10.5, 2.0), (11.75, 2.0)]
    assert USAGE.cores(9.0, 11.0) == pytest.approx(1.0)
    assert USAGE.cores(10.2, 10.9) == 0.0  # no two looks lie between
    assert USAGE.growth == 200


@pytest.mark.parametrize("messages", [1, 7, 1000, 2001, 255_000, 1_000_001])
def test_the_chunks_are_all_the_messages(messages: int) -> None:
    chunks = sizes(messages)
    assert sum(chunks) == messages
    assert min(chunks) >= 1


def test_the_bare_loops_run_the_machine_code_of_the_pipeline() -> None:
    own(1, 2, (1, 2, 3, 4, 5))
    before = replace(jit.COUNTS)
    measure(shipped("fibonacci", functions="jit"), 2, message((1, 2, 3, 4, 5)), threads=1, warm=False)
    assert before == jit.COUNTS  # nothing was compiled or loaded again


@pytest.mark.parametrize("kind", ["jit", "python"])
def test_the_bare_loops_do_every_message(kind: str) -> None:
    ideal = KINDS[kind](2, 1003, (1, 1, 1, 1, 1))
    assert (ideal.messages, ideal.threads) == (1003, 2)
    assert ideal.seconds > 0


def test_messages_are_those_of_the_thesis() -> None:
    assert lines(2, message((10, 20, 30, 20, 10))).decode().splitlines() == [
        '{"id": 0, "stage1": 10, "stage2": 20, "stage3": 30, "stage4": 20, "stage5": 10, "timestamp": 0}',
        '{"id": 1, "stage1": 10, "stage2": 20, "stage3": 30, "stage4": 20, "stage5": 10, "timestamp": 0}',
    ]


def test_every_combination_is_an_experiment() -> None:
    made = Settings(messages=(10, 20), threads=(1, 2), functions=("python", "jit")).experiments()
    assert [(e.functions, e.messages, e.threads) for e in made] == [
        (kind, messages, threads) for kind in ("python", "jit") for messages in (10, 20) for threads in (1, 2)
    ]
    assert {e.functions: e.stages for e in made} == STAGES


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(functions=("jti",)), "did you mean 'jit'"),
        (Settings(stages=(1, 2, 3)), "five numbers"),
        (Settings(stages=(1, 2, 3, 4, 99)), "from 0 to 45"),
        (Settings(messages=(0,)), "--messages"),
        (Settings(threads=(0,)), "--threads"),
        (Settings(repeat=0), "--repeat"),
    ],
)
def test_what_no_experiment_can_be_made_of(settings: Settings, said: str) -> None:
    with pytest.raises(OptionError) as caught:
        settings.experiments()
    assert said in str(caught.value)
