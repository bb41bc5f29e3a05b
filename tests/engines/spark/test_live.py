"""Live input on Spark: scenarios as unbounded input, and following a file as a user does."""

from __future__ import annotations

import gzip
import json
import os
import signal
from functools import cache
from pathlib import Path

import engine_scenarios
import pytest
from engine_scenarios import flows, require
from running import DOS, FUNCTION, QUICK, Place, end, processes, until

from caudal.cli.commands import LOGS
from caudal.engines.spark.capabilities import CAPABILITIES
from caudal.testing.elsewhere import REFUSED, check_on, suits_live

pytestmark = pytest.mark.engines
LOG = Path(__file__).parents[3] / "src" / "caudal" / "detect" / "data" / LOGS["json"][0]

REFUSALS = {name for gap in CAPABILITIES for name in gap.live}
GAPS = {name for gap in CAPABILITIES for name in gap.scenarios}
ASKED = os.environ.get("CAUDAL_LIVE", "most")
"""Which scenarios are run: all, most, or few."""

TOPICS = ("live", "late", "ordered", "whole_windows")[: 2 if ASKED == "few" else 4]
"""What watermarks and order have most part in."""

MORE = (
    "joins/lookup",
    "joins/lookup_as_of",
    "joins/lookup_cidr",
    "joins/lookup_range",
    "joins/lookup_types",
    "order/collect_over_results",
    "order/first_last_collect",
    "ordered/deduplicate_within",
    "ordered/reduce",
    "ordered/running_late",
    "ordered/sliding_time",
    "sources/results_and_rows",
    "whole_windows/apply",
    "whole_windows/cumulative",
    "whole_windows/top_late",
    "windows/before_the_epoch",
    "windows/session_of_windows",
)
"""Some of the others."""

IN_STEPS = (
    "live/late_after_silence",
    "ordered/deduplicate_within",
    "windows/session",
    "live/windows_of_windows",
    "ordered/reduce",
    "ordered/sliding_time",
    "whole_windows/apply",
    "ordered/count_windows_behind",
    "ordered/timers",
)[: 3 if ASKED == "few" else 9]
"""Scenarios that are run once more with each block worked through before the next is read: many micro-batches."""


def names() -> list[str]:
    """Return the scenarios that are run."""
    picked = [name for name in flows() if ASKED == "all" or name.split("/")[0] in TOPICS or name in MORE]
    return [name for name in picked if suits_live(flows()[name])]


@cache
def found(lockstep: bool) -> dict[str, list[str]]:
    """Return what is wrong with each scenario."""
    asked = {name: flows()[name] for name in (IN_STEPS if lockstep else names())}
    wrong = check_on("spark", [*asked.values()], QUICK, live=True, lockstep=lockstep)
    return {name: wrong[flow.path] for name, flow in asked.items()}


@pytest.mark.parametrize("name", names())
def test_scenario(name: str) -> None:
    require("spark")
    wrong = found(lockstep=False)[name]
    if name in REFUSALS:
        assert wrong
        assert wrong[0].startswith(REFUSED)
    elif name in GAPS:
        assert wrong
    else:
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", IN_STEPS)
def test_scenario_in_steps(name: str) -> None:
    require("spark")
    assert not found(lockstep=True)[name]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    require("spark")
    made = Place(tmp_path)
    # the wait for a quiet log is so long that only rows and the end close windows: that is the same each time
    (made.folder / "dos.py").write_text(DOS.replace('name="requests",', 'name="requests", idle="1h", follow=True,'))
    return made


def lines() -> list[bytes]:
    return gzip.decompress(LOG.read_bytes()).splitlines(keepends=True)


def expected(place: Place, rows: list[bytes]) -> list[dict[str, object]]:
    """Return the alerts of the local engine over these rows as bounded input."""
    (place.folder / "bounded.jsonl").write_bytes(b"".join(rows))
    (place.folder / "bounded.py").write_text(DOS)
    ended = place.run("run", "bounded.py", "--set", "path=bounded.jsonl", "--set", "out=expected.jsonl")
    assert ended.code == 0, ended.err
    return place.rows("expected.jsonl")


def append(path: Path, rows: list[bytes]) -> None:
    with path.open("ab") as file:
        file.write(b"".join(rows))


def test_a_log_is_followed_and_alerts_come_while_it_grows(place: Place) -> None:
    rows = lines()
    log, alerts = place.folder / "log.jsonl", place.folder / "alerts.jsonl"
    append(log, rows[:600])
    started = place.start("run", "dos.py", "--engine", "spark", "--flush", "--json")
    until(lambda: alerts.exists() and alerts.stat().st_size, "no alert of what was there at the start")
    before = len(place.rows("alerts.jsonl"))
    append(log, rows[600:-5])
    append(log, [rows[-5][:20]])  # half a line waits for its other half
    until(lambda: len(place.rows("alerts.jsonl")) > before, "no alert of what came")
    append(log, [rows[-5][20:], *rows[-4:], b"no JSON\n"])
    until(lambda: (place.folder / "alerts.dead.jsonl").stat().st_size, "no dead letter")
    started.send_signal(signal.SIGTERM)
    ended = end(started)
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert summary["state"] == "drained"
    assert summary["rows"] == len(rows) + 1
    assert next(entry for entry in summary["ledger"] if entry["operator"] == "requests")["dead"] == 1
    assert place.rows("alerts.jsonl") == expected(place, rows)
    (letter,) = place.rows("alerts.dead.jsonl")
    assert (letter["partition"], letter["position"]) == ("log.jsonl", sum(map(len, rows)))
    assert [p for p in place.left() if "expected" not in p] == []


def test_what_is_stopped_leaves_its_windows_open_and_a_new_file_is_found(place: Place) -> None:
    folder = place.folder / "logs"
    folder.mkdir()
    base = {"remote_addr": "a", "status": 401}
    append(folder / "b.jsonl", [json.dumps({**base, "msec": 0.1 + i / 100}).encode() + b"\n" for i in range(50)])
    started = place.start("run", "dos.py", "--engine", "spark", "--set", "path=logs", "--set", "threshold=5")
    until(lambda: processed(place, 50), "nothing was handed over")
    append(folder / "a.jsonl", [json.dumps({**base, "msec": m}).encode() + b"\n" for m in (0.2, 4.0)])
    append(folder / "b.jsonl", [json.dumps({**base, "msec": 4.5}).encode() + b"\n"])
    alerts = place.folder / "alerts.jsonl"
    until(lambda: alerts.stat().st_size, "the window [0s, 3s) has not closed")
    started.send_signal(signal.SIGTERM)
    ended = end(started)
    assert ended.code == 0, ended.err
    assert "SIGTERM: finishing what is in flight" in ended.err
    (alert,) = place.rows("alerts.jsonl")
    assert alert["total"] in (50, 51), "a.jsonl was there before the window closed, or its first row is late"
    late = place.rows("alerts.late.jsonl")
    assert alert["total"] + len(late) == 51
    assert all(row["late_partition"] == "a.jsonl" for row in late)
    assert place.left() == []


def processed(place: Place, rows: int) -> bool:
    """Whether the job has been handed so many rows: their parts are there."""
    found = [*place.aside.glob("caudal-spark-*/rows/0/rows/*.parquet"), *place.aside.glob("caudal-spark-*/results/0-*")]
    return bool(found)


def test_a_job_that_breaks_ends_the_run(place: Place) -> None:
    text = FUNCTION.replace("BODY", "import os; os._exit(7) if status == 403 else None; return status")
    (place.folder / "made.py").write_text(text.replace('name="requests",', 'name="requests", follow=True,'))
    append(place.folder / "log.jsonl", [b'{"status": 200}\n'])
    started = place.start("run", "made.py", "--engine", "spark")
    made = place.folder / "made.jsonl"
    until(lambda: made.exists() and made.stat().st_size, "the first row has not come")
    append(place.folder / "log.jsonl", [b'{"status": 403}\n'])
    ended = end(started)
    assert ended.code == 1, ended.err
    assert "the job on spark failed" in ended.err
    assert "worker" in ended.err
    assert [name for name in place.left() if not name.startswith("caudal-spark-failure")] == []


def test_ctrl_c_ends_it_at_once(place: Place) -> None:
    append(place.folder / "log.jsonl", lines()[:100])
    started = place.start("run", "dos.py", "--engine", "spark")
    until(lambda: processed(place, 100), "nothing was handed over")
    started.send_signal(signal.SIGINT)
    started.send_signal(signal.SIGINT)
    assert end(started).code == 130
    assert place.left() == []


def test_a_job_whose_feeder_is_killed_ends_too(place: Place) -> None:
    append(place.folder / "log.jsonl", lines()[:100])
    started = place.start("run", "dos.py", "--engine", "spark")
    until(lambda: processed(place, 100), "nothing was handed over")
    started.kill()
    end(started)
    until(lambda: not processes(str(place.aside)), "the job goes on with nobody to feed it")


def test_share() -> None:
    """Most scenarios run over live input too."""
    run = [name for name in engine_scenarios.flows() if suits_live(flows()[name]) and name not in REFUSALS]
    assert len(run) >= 0.9 * len([name for name in flows() if suits_live(flows()[name])])
