"""The examples load, and find what is in the logs they are meant for."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

import caudal as cd

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_example_loads_and_says_how_to_run_it(path: Path) -> None:
    plan = cd.load(path)
    assert cd.explain(plan).startswith(f"pipeline {plan.name}")
    assert f"caudal run examples/{path.name} --set path=" in path.read_text()


@pytest.mark.data
def test_port_scan(shared: Path, tmp_path: Path) -> None:
    out = tmp_path / "scans.jsonl"
    settings = {"path": str(shared / "zeek" / "002_nmap_portscan_conn.json.gz"), "out": str(out)}
    summary = cd.run(cd.load(EXAMPLES / "port_scan.py", settings=settings))
    assert (summary.rows, summary.late, summary.dead) == (4504, 0, 0)
    scans = [json.loads(line) for line in out.read_text().splitlines()]
    assert scans
    assert min(s["ports"] for s in scans) > 50


@pytest.mark.data
def test_a_disorder_that_is_too_small_is_told_with_the_one_that_is_not(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeek stamps a connection with its start and logs it at its end."""
    monkeypatch.chdir(tmp_path)
    path = shared / "zeek" / "002_nmap_portscan_conn.json.gz"

    def counted(disorder: str) -> Any:
        rows = cd.source(
            "files",
            path=str(path),
            format="json",
            event_time="ts",
            disorder=disorder,
            schema={"ts": "float64"},
            name="conn",
        )
        return cd.run(
            cd.Pipeline("zeek", rows.window(cd.session("1s")).agg(n=cd.count()).to("files", path="out.jsonl"))
        )

    with gzip.open(path) as lines:
        times = [math.floor(json.loads(line)["ts"] * 1000 + 0.5) for line in lines]
    behind = sum(time < highest for time, highest in zip(times, accumulate(times, max)))
    summary = counted("0s")
    assert (summary.rows, summary.late, behind) == (len(times), behind, 840)
    (warning,) = summary.warnings
    assert f"{behind} of 4,504 rows" in warning
    proposed = re.search('disorder="([^"]*)" would have kept 99.9 %', warning)
    assert proposed
    enough = counted(proposed[1])
    assert enough.late <= len(times) / 1000
    assert enough.warnings == []


@pytest.mark.data
def test_not_found_floods(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"path": str(shared / "weblogs" / "honeynet_access_log.24.gz")}
    summary = cd.run(cd.load(EXAMPLES / "not_found_floods.py", settings=settings))
    assert summary.ledger.check() == []
    rows = list(csv.DictReader((tmp_path / "floods.csv").read_text().splitlines()))
    assert sum(int(r["misses"]) for r in rows if r["ip"] == "82.82.97.119") > 6_000


@pytest.mark.data
def test_suricata_signatures(shared: Path, capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"path": str(shared / "suricata" / "slips6_eve_a.jsonl.gz")}
    summary = cd.run(cd.load(EXAMPLES / "suricata_signatures.py", settings=settings))
    assert summary.rows == 2_500
    assert "signature=" in capsys.readouterr().out
