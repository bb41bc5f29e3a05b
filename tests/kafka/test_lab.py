"""The experiments over Kafka: small ones through the command; judged by what must hold of any of them, never by how long it took."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caudal.broker import Broker
from caudal.cli import main
from caudal.lab.kafka import takeover

pytestmark = pytest.mark.kafka

QUICK = ("--at", "1s", "--duration", "3s", "--rate", "300", "--repeat", "1", "--no-plots", "--json")


def figures(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Run `caudal lab` with these arguments; return its JSON."""
    capsys.readouterr()
    assert main(["lab", *arguments]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["caudal_lab"] == 1
    return found


def test_a_killed_worker_loses_and_doubles_nothing(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, "failure", *QUICK, "--delivery", "exactly-once,at-least-once", "--servers", broker.address)
    assert (found["experiment"], found["by"], found["at_seconds"], found["left_out"]) == ("failure", "kill", 1.0, {})
    exactly, at_least = found["series"]
    assert (exactly["delivery"], at_least["delivery"]) == ("exactly-once", "at-least-once")
    assert (exactly["lost"], exactly["duplicated"], exactly["wrong"]) == (0, 0, 0)
    assert at_least["lost"] == 0
    (only,) = exactly["rounds"]
    assert only["sent"] > 300, "a second and more"
    assert (len(only["into"]), len(only["out"]), only["fate"]) == (3, 3, "killed")
    assert exactly["recovery_seconds"]["mean"] == pytest.approx(only["recovery"], rel=1e-4)
    assert exactly["lost_percent"]["interval"] is None, "one round has none"


def test_one_by_itself_is_started_again(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, "failure", *QUICK, "--delivery", "at-most-once", "--servers", broker.address)
    (only,) = found["series"]
    assert (only["delivery"], only["group"], only["duplicated"]) == ("at-most-once", False, 0)


@pytest.mark.nightly
@pytest.mark.parametrize("how", ["freeze", "cut"])
def test_a_worker_that_hangs_loses_and_doubles_nothing(how: str, capsys: pytest.CaptureFixture[str]) -> None:
    quick = ("--at", "1s", "--duration", "20s", *QUICK[4:])
    found = figures(capsys, "failure", "--by", how, *quick)
    exactly = found["series"][0]
    assert (exactly["lost"], exactly["duplicated"], exactly["wrong"]) == (0, 0, 0)
    assert "at-most-once" in found["left_out"]


@pytest.mark.parametrize(
    ("arguments", "worker"),
    [(("lab", "failure", *QUICK), "*-1/w0.err"), (("demo", "--kafka"), "workers/a.err")],
    ids=["failure", "demo"],
)
def test_an_interrupt_leaves_nothing_behind(arguments: tuple[str, ...], worker: str, java: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "caudal", *arguments]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as running:
        assert running.stderr is not None
        while not list(tmp_path.glob(f"caudal-lab-*/{worker}")):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert not [each for each in commands() if str(tmp_path) in each], "no process is left"
    assert list(tmp_path.iterdir()) == []


def test_the_demonstration_kills_a_worker_and_loses_nothing(java: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "caudal", "demo", "--kafka", "--json"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["caudal_demo"], found["lost"], found["doubled"]) == (1, 0, 0)
    assert found["killed"] in ("a", "b")
    # 6 alerts each time that the log is through: what is written is known, and how many of them it holds
    times, rest = divmod(found["requests"], 5217)
    assert 6 * times <= found["alerts"] <= 6 * (times + (rest > 0))
    assert not [each for each in commands() if str(tmp_path) in each], "no process is left"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wanted", "came", "code", "said"),
    [
        (3, 3, 0, "alerts 3, lost 0, doubled 0"),
        (3, 2, 1, "alerts 3, lost 1, doubled 0"),
        (3, 4, 1, "alerts 3, lost 0, doubled 1"),
        (0, 0, 1, "alerts 0, lost 0, doubled 0"),
    ],
)
def test_a_demonstration_fails_where_alerts_are_not_there_once(
    wanted: int, came: int, code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = takeover.Outcome(1, wanted, max(wanted - came, 0), max(came - wanted, 0), "a", 1.0)
    monkeypatch.setattr(takeover, "takeover", lambda _: outcome)
    assert main(["demo", "--kafka"]) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--out=x", "--format=json", "--set=threshold=3", "--threads=2", "--max-state=1GB"])
def test_the_demonstration_takes_no_settings(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--kafka", option]) == 2
    assert f"{option.partition('=')[0]} means nothing to demo --kafka" in capsys.readouterr().err


def commands() -> list[str]:
    """Return the command lines and directories of all processes that can be looked at."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_text().replace("\0", " ") + os.readlink(process / "cwd"))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("failure", "--by", "kil"), "did you mean 'kill'?"),
        (("failure", "--delivery", "twice"), "there is no delivery 'twice'"),
        (("failure", "--workers", "1"), "--workers takes numbers from 2 on"),
        (("failure", "--at", "5s", "--duration", "4s"), "is over before the failure"),
        (("failure", "--by", "cut", "--servers", "127.0.0.1:1", "--no-plots"), "can be cut off"),
        (("failure", "--by", "freeze", "--delivery", "at-most-once", "--no-plots"), "nothing is left to measure"),
        (("failure", "--threads", "2"), "--threads means nothing to lab failure"),
        (("burst", "--replicas", "2"), "goes with a burst over Kafka"),
        (("burst", "--kafka", "--replicas", "0"), "--replicas takes numbers from 1 on"),
        (("burst", "--kafka", "--engines", "spark"), "there is no burst over Kafka on 'spark'"),
        (("dos",), "lab dos takes --kafka"),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_burst_from_topic_to_topic(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    small = (
        "--messages",
        "60",
        "--threads",
        "1",
        "--replicas",
        "1,2",
        "--stages",
        "1,5,10,5,1",
        "--no-plots",
        "--json",
    )
    found = figures(capsys, "burst", "--kafka", *small, "--servers", broker.address)
    assert [each["replicas"] for each in found["experiments"]] == [1, 2]
    for each in found["experiments"]:
        assert (each["engine"], each["messages"], each["stages"]) == ("local", 60, [1, 5, 10, 5, 1])
        (only,) = each["rounds"]
        assert only == each["median"]
        assert only["throughput"] == pytest.approx(60 / only["seconds"], rel=1e-3)
        assert only["first_ms"] <= only["p50_ms"] <= only["max_ms"]
        assert only["max_ms"] <= only["committed_max_ms"] + 10, "in the topic first, then committed; by two clocks"


def test_the_dos_query_from_topic_to_topic(broker: Broker, capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--events", "30000", "--repeat", "1", "--rate", "20000", "--json")
    found = figures(capsys, "dos", "--kafka", *small, "--servers", broker.address)
    assert (found["events"], found["lost"], found["duplicated"]) == (30_000, 0, 0)
    assert found["alerts"] >= found["latency_alerts"] > 0
    assert found["duckdb_events_per_second"] is found["ratio"] is None
    assert set(found["cost_us"]) == {"client", "decoding", "engine", "commit", "other"}
    assert sum(found["share"].values()) == pytest.approx(1.0, abs=0.01)
    assert 0 < found["latency"]["p50_ms"] <= found["latency"]["p99_ms"] <= found["latency"]["max_ms"]
